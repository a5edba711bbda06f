#include "tenon/agent/middleware.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <random>
#include <unordered_map>

#include "tenon/async/signal.hpp"

namespace tenon::agent {

// A call that a middleware does not care about costs a coroutine that ends at once.
task<Result<void>> Middleware::before_model(State&, llm::ChatRequest&, chain::Context) { co_return Result<void>{}; }
task<Result<void>> Middleware::after_model(State&, llm::ChatResponse&, chain::Context) { co_return Result<void>{}; }
task<Result<void>> Middleware::before_tool(const State&, llm::ToolCallPart&, chain::Context) {
    co_return Result<void>{};
}
task<Result<void>> Middleware::after_tool(const State&, llm::ToolResultPart&, chain::Context) {
    co_return Result<void>{};
}
task<Result<bool>> Middleware::after_failure(const State&, const Error, std::size_t, chain::Context) {
    co_return false;
}

std::size_t clean_cut(const std::vector<llm::Message>& messages, std::size_t from) {
    // What follows a cut may not begin with results of calls before it.
    const auto begins_with_result = [&](std::size_t i) {
        return i < messages.size() && std::ranges::any_of(messages[i].content, [](const auto& part) {
                   return std::holds_alternative<llm::ToolResultPart>(part);
               });
    };
    from = std::min(from, messages.size());
    while (begins_with_result(from)) ++from;
    return from;
}

namespace {

class LimitTool final : public Middleware {
  public:
    LimitTool(std::string name, std::size_t count) : name_(std::move(name)), count_(count) {}
    task<Result<void>> before_tool(const State& state, llm::ToolCallPart& call, chain::Context) override {
        if (call.name != name_) co_return Result<void>{};
        std::size_t made = 0;
        for (const auto& message : state.messages)
            for (const auto& part : message.content)
                if (const auto* result = std::get_if<llm::ToolResultPart>(&part)) made += result->name == name_ ? 1 : 0;
        for (const auto& pending : state.pending) {
            if (pending.call.id == call.id) break;
            made += pending.call.name == name_ ? 1 : 0;
        }
        if (made >= count_)
            co_return fail(ErrorCode::resource_exhausted,
                           fmt::format("{} may be called {} times and has been; go on without it", name_, count_));
        co_return Result<void>{};
    }

  private:
    std::string name_;
    std::size_t count_;
};

class RetryModel final : public Middleware {
  public:
    RetryModel(std::size_t tries, std::chrono::milliseconds first) : tries_(tries), first_(first) {}
    task<Result<bool>> after_failure(const State&, const Error error, std::size_t tries,
                                     chain::Context context) override {
        if (tries >= tries_ || (error.code() != ErrorCode::unavailable && error.code() != ErrorCode::rate_limited))
            co_return false;
        double wait = static_cast<double>(first_.count()) * std::pow(2.0, static_cast<double>(tries - 1));
        // Full jitter between half and the whole, so that many runs do not come back at once.
        std::random_device random;
        wait *= 0.5 + 0.5 * static_cast<double>(random() % 1000) / 1000.0;
        if (const auto asked = error.retry_after_ms()) wait = std::max(wait, static_cast<double>(*asked));
        const auto until = Clock::now() + std::chrono::milliseconds(static_cast<std::int64_t>(wait));
        if (context.options.deadline && *context.options.deadline < until) co_return false;
        CallOptions waiting = context.options;
        waiting.deadline = until;
        Signal never;
        const auto woken = co_await never.wait(waiting);
        if (!woken && woken.error().code() == ErrorCode::cancelled) co_return std::unexpected(woken.error());
        co_return true;
    }

  private:
    std::size_t tries_;
    std::chrono::milliseconds first_;
};

class Redact final : public Middleware {
  public:
    explicit Redact(Redactor redactor) : redactor_(std::move(redactor)) {}
    task<Result<void>> before_model(State&, llm::ChatRequest& request, chain::Context) override {
        if (!redactor_.to_model) co_return Result<void>{};
        for (auto& message : request.messages)
            for (auto& part : message.content) {
                if (auto* text = std::get_if<llm::TextPart>(&part))
                    text->text = redactor_.to_model(std::move(text->text));
                if (auto* result = std::get_if<llm::ToolResultPart>(&part))
                    result->content = redactor_.to_model(std::move(result->content));
            }
        co_return Result<void>{};
    }
    task<Result<void>> after_model(State&, llm::ChatResponse& response, chain::Context) override {
        if (!redactor_.from_model) co_return Result<void>{};
        for (auto& part : response.message.content)
            if (auto* text = std::get_if<llm::TextPart>(&part))
                text->text = redactor_.from_model(std::move(text->text));
        co_return Result<void>{};
    }

  private:
    Redactor redactor_;
};

class LimitCost final : public Middleware {
  public:
    LimitCost(double usd, double input, double output) : usd_(usd), input_(input), output_(output) {}
    task<Result<void>> before_model(State& state, llm::ChatRequest&, chain::Context) override {
        const double spent = (static_cast<double>(state.usage.input_tokens) * input_ +
                              static_cast<double>(state.usage.output_tokens) * output_) /
                             1e6;
        if (spent >= usd_)
            co_return fail(ErrorCode::resource_exhausted,
                           fmt::format("the run has cost {:.4f} USD, as much as it may ({:.4f})", spent, usd_));
        co_return Result<void>{};
    }

  private:
    double usd_, input_, output_;
};

class SelectTools final : public Middleware {
  public:
    SelectTools(llm::EmbedderPtr embedder, std::size_t count) : embedder_(std::move(embedder)), count_(count) {}
    task<Result<void>> before_model(State& state, llm::ChatRequest& request, chain::Context context) override {
        const std::vector<llm::ToolDefinition> offered = request.tools;
        if (offered.size() <= count_) co_return Result<void>{};
        std::string question;
        for (const auto& message : state.messages)
            if (message.role == llm::Role::user) question = message.text();
        std::vector<std::string> asked(1, question), texts;
        for (const auto& tool : offered) texts.push_back(tool.name + ": " + tool.description);
        TENON_CO_TRY(const auto query,
                     co_await embedder_->embed(std::move(asked), llm::EmbedKind::query, context.options));
        TENON_CO_TRY(const auto rows,
                     co_await embedder_->embed(std::move(texts), llm::EmbedKind::passage, context.options));
        std::vector<std::pair<double, std::size_t>> order;
        for (std::size_t i = 0; i < rows.count(); ++i) {
            double dot = 0, norm = 0;
            for (std::size_t d = 0; d < rows.dimension; ++d) {
                const double x = rows.values[i * rows.dimension + d];
                dot += x * query.values[d];
                norm += x * x;
            }
            order.emplace_back(norm > 0 ? -dot / std::sqrt(norm) : 0.0, i);
        }
        std::ranges::sort(order);
        std::vector<llm::ToolDefinition> kept;
        for (std::size_t i = 0; i < std::min(count_, order.size()); ++i) kept.push_back(offered[order[i].second]);
        request.tools = std::move(kept);
        co_return Result<void>{};
    }

  private:
    llm::EmbedderPtr embedder_;
    std::size_t count_;
};

}  // namespace

MiddlewarePtr limit_tool(std::string name, std::size_t count) {
    return std::make_shared<LimitTool>(std::move(name), count);
}
MiddlewarePtr retry_model(std::size_t tries, std::chrono::milliseconds first) {
    return std::make_shared<RetryModel>(tries, first);
}
MiddlewarePtr redact(Redactor redactor) { return std::make_shared<Redact>(std::move(redactor)); }
MiddlewarePtr select_tools(llm::EmbedderPtr embedder, std::size_t count) {
    return std::make_shared<SelectTools>(std::move(embedder), std::max<std::size_t>(1, count));
}
MiddlewarePtr limit_cost(double usd, double input, double output) {
    return std::make_shared<LimitCost>(usd, input, output);
}

}  // namespace tenon::agent
