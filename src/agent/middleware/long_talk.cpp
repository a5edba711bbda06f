// Conversations that grow too long: summarised, or trimmed.
#include <fmt/format.h>

#include <algorithm>

#include "tenon/agent/middleware.hpp"
#include "tenon/base/utf8.hpp"

namespace tenon::agent {
namespace {

std::uint64_t tokens_of(const llm::ChatModel& model, const llm::Message& message) {
    std::uint64_t total = 4;
    for (const auto& part : message.content) {
        if (const auto* text = std::get_if<llm::TextPart>(&part)) total += model.count_tokens(text->text);
        if (const auto* thought = std::get_if<llm::ReasoningPart>(&part)) total += model.count_tokens(thought->text);
        if (const auto* call = std::get_if<llm::ToolCallPart>(&part))
            total += model.count_tokens(call->arguments_json) + 8;
        if (const auto* result = std::get_if<llm::ToolResultPart>(&part))
            total += model.count_tokens(result->content) + 8;
        if (std::holds_alternative<llm::ImagePart>(part)) total += 800;
    }
    return total;
}

/// The first message that is kept when the newest `keep` tokens stay; calls and their results are not parted.
std::size_t cut_for(const llm::ChatModel& model, const std::vector<llm::Message>& messages, std::uint64_t keep) {
    std::uint64_t kept = 0;
    std::size_t first = messages.size();
    while (first > 0 && kept + tokens_of(model, messages[first - 1]) <= keep)
        kept += tokens_of(model, messages[--first]);
    // The newest exchange stays whole, however long: without it there is nothing to answer.
    first = std::min(first, messages.empty() ? 0 : messages.size() - 1);
    std::size_t cut = clean_cut(messages, first);
    while (cut >= messages.size() && first > 0) {
        --first;
        cut = clean_cut(messages, first);
    }
    return cut;
}

std::string transcript(const std::vector<llm::Message>& messages, std::size_t end) {
    std::string out;
    for (std::size_t i = 0; i < end; ++i) {
        for (const auto& part : messages[i].content) {
            if (const auto* text = std::get_if<llm::TextPart>(&part))
                out += fmt::format("{}: {}\n", llm::to_string(messages[i].role), text->text);
            if (const auto* call = std::get_if<llm::ToolCallPart>(&part))
                out += fmt::format("called {} {}\n", call->name, call->arguments_json);
            if (const auto* result = std::get_if<llm::ToolResultPart>(&part))
                out += fmt::format("{} gave: {}\n", result->name, result->content.substr(0, 2000));
        }
    }
    return utf8::sanitize(out);
}

bool mostly_chinese(std::string_view text) {
    std::size_t wide = 0;
    for (const char c : text) wide += (static_cast<unsigned char>(c) & 0xF0) == 0xE0 ? 1 : 0;
    return wide * 6 > text.size();
}

class Summarise final : public Middleware {
  public:
    Summarise(llm::ChatModelPtr model, SummariseOptions options)
        : model_(std::move(model)), options_(std::move(options)) {}

    task<Result<void>> before_model(State& state, llm::ChatRequest& request, chain::Context context) override {
        std::uint64_t total = 0;
        for (const auto& m : state.messages) total += tokens_of(*model_, m);
        if (total <= options_.above_tokens) co_return Result<void>{};
        const std::size_t cut = cut_for(*model_, state.messages, options_.keep_tokens);
        if (cut == 0) co_return Result<void>{};
        const std::string said = transcript(state.messages, cut);
        const bool chinese = mostly_chinese(said);
        llm::ChatRequest ask;
        std::string instruction = options_.instruction;
        if (instruction.empty())
            instruction = chinese ? "请概括以下对话，保留所有事实、数字、名称、决定和未完成的事情。只写概括。"
                                  : "Summarise the conversation below. Keep every fact, number, name and decision, and "
                                    "what is still to be done. "
                                    "Write the summary only.";
        ask.messages = {llm::Message::system(std::move(instruction)), llm::Message::user(said)};
        ask.settings.temperature = 0;
        TENON_CO_TRY(const auto summary, co_await model_->generate(std::move(ask), context.options));
        state.usage += summary.usage;
        auto note = llm::Message::user((chinese ? "（之前对话的概括）" : "(Summary of the conversation so far) ") +
                                       summary.message.text());
        state.messages.erase(state.messages.begin(), state.messages.begin() + static_cast<std::ptrdiff_t>(cut));
        state.messages.insert(state.messages.begin(), std::move(note));
        request.messages = state.messages;
        co_return Result<void>{};
    }

  private:
    llm::ChatModelPtr model_;
    SummariseOptions options_;
};

class Trim final : public Middleware {
  public:
    Trim(llm::ChatModelPtr counter, std::uint64_t max) : counter_(std::move(counter)), max_(max) {}
    task<Result<void>> before_model(State&, llm::ChatRequest& request, chain::Context) override {
        std::uint64_t total = 0;
        for (const auto& m : request.messages) total += tokens_of(*counter_, m);
        if (total <= max_) co_return Result<void>{};
        const std::size_t cut = cut_for(*counter_, request.messages, max_);
        request.messages.erase(request.messages.begin(), request.messages.begin() + static_cast<std::ptrdiff_t>(cut));
        co_return Result<void>{};
    }

  private:
    llm::ChatModelPtr counter_;
    std::uint64_t max_;
};

}  // namespace

MiddlewarePtr summarise(llm::ChatModelPtr model, SummariseOptions options) {
    return std::make_shared<Summarise>(std::move(model), std::move(options));
}
MiddlewarePtr trim(llm::ChatModelPtr counter, std::uint64_t max_tokens) {
    return std::make_shared<Trim>(std::move(counter), max_tokens);
}

}  // namespace tenon::agent
