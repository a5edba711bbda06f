#include "tenon/agent/tool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/json/value.hpp>
#include <mutex>

#include "tenon/async/signal.hpp"
#include "tenon/base/utf8.hpp"

namespace tenon::agent {

struct Tool::Impl {
    llm::ToolDefinition definition;
    ToolFunction function;
    ToolPolicy policy;
    std::optional<json::Schema> schema;
};

namespace {

bool is_tool_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
}

/// Between the caller, who waits no longer than it may, and the tool, which may not stop when told to.
struct Handover {
    std::mutex mutex;
    std::optional<Result<ToolOutput>> output;
    Signal done;
    std::stop_source stop;
};

task<void> work(std::shared_ptr<Handover> handover, ToolFunction function, std::string arguments, ToolContext context) {
    context.options.stop = handover->stop.get_token();
    Result<ToolOutput> output = fail(ErrorCode::internal, "the tool gave nothing");
    // A user's function may throw: that ends its call, not the program.
    try {
        auto given = co_await function(std::move(arguments), std::move(context));
        output = std::move(given);
    } catch (const std::exception& error) {
        output = fail(ErrorCode::internal, fmt::format("the tool failed: {}", error.what()));
    }
    {
        const std::scoped_lock lock(handover->mutex);
        handover->output = std::move(output);
    }
    handover->done.ring();
}

void bound(std::string& text, std::size_t limit) {
    text = utf8::sanitize(text);
    if (text.size() <= limit) return;
    const std::size_t whole = text.size();
    std::size_t cut = limit;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
    text.resize(cut);
    text += fmt::format("\n[cut: {} of {} bytes shown]", cut, whole);
}

}  // namespace

Result<Tool> Tool::make(llm::ToolDefinition definition, ToolFunction function, ToolPolicy policy) {
    if (!is_tool_name(definition.name))
        return fail(
            ErrorCode::invalid_argument,
            fmt::format("'{}' cannot be a tool's name: use at most 64 letters, digits, _ and -", definition.name));
    auto impl = std::make_shared<Impl>();
    if (definition.parameters_schema.empty()) definition.parameters_schema = R"({"type":"object","properties":{}})";
    auto schema = json::Schema::compile_text(definition.parameters_schema);
    if (!schema)
        return fail(ErrorCode::invalid_argument, fmt::format("the schema of the tool {} will not do", definition.name),
                    schema.error());
    impl->schema = std::move(*schema);
    impl->definition = std::move(definition);
    impl->function = std::move(function);
    impl->policy = policy;
    return Tool(std::move(impl));
}

Tool detail_make_tool(llm::ToolDefinition definition, ToolFunction function, ToolPolicy policy) {
    auto made = Tool::make(std::move(definition), std::move(function), policy);
    // A name that will not do is a mistake in the program itself.
    if (!made) throw std::invalid_argument(made.error().describe());
    return std::move(*made);
}

const std::string& Tool::name() const noexcept { return impl_->definition.name; }
const llm::ToolDefinition& Tool::definition() const noexcept { return impl_->definition; }
const ToolPolicy& Tool::policy() const noexcept { return impl_->policy; }

Tool Tool::with_policy(ToolPolicy policy) const {
    auto impl = std::make_shared<Impl>(*impl_);
    impl->policy = policy;
    return Tool(std::move(impl));
}

Tool Tool::renamed(std::string name) const {
    auto impl = std::make_shared<Impl>(*impl_);
    impl->definition.name = std::move(name);
    return Tool(std::move(impl));
}

std::optional<std::string> Tool::fault_in(std::string_view arguments_json) const {
    const auto value = json::parse(arguments_json.empty() ? "{}" : arguments_json);
    if (!value) return "the arguments are not JSON: " + value.error().message();
    std::string out;
    for (const auto& error : impl_->schema->validate(*value, 4)) out += (out.empty() ? "" : "; ") + error.describe();
    if (out.empty()) return std::nullopt;
    return "the arguments do not fit: " + out;
}

task<Result<llm::ToolResultPart>> Tool::call(llm::ToolCallPart call, ToolContext context) const {
    const auto impl = impl_;
    llm::ToolResultPart result{call.id, call.name, {}, false, {}};
    if (auto fault = fault_in(call.arguments_json)) {
        result.content = std::move(*fault);
        result.is_error = true;
        co_return result;
    }
    if (call.arguments_json.empty()) call.arguments_json = "{}";
    context.call_id = call.id;
    Span span(context.tracer, "tool " + impl->definition.name, context.span);
    context.span = span.id();
    const CallOptions whole = context.options;
    CallOptions waiting = whole;
    const auto until = Clock::now() + impl->policy.timeout;
    if (!waiting.deadline || *waiting.deadline > until) waiting.deadline = until;
    context.options.deadline = waiting.deadline;

    auto handover = std::make_shared<Handover>();
    const auto executor = co_await boost::asio::this_coro::executor;
    boost::asio::co_spawn(executor, work(handover, impl->function, std::move(call.arguments_json), std::move(context)),
                          [](std::exception_ptr error) {
                              if (error) std::rethrow_exception(error);
                          });
    const auto waited = co_await handover->done.wait(waiting);
    std::optional<Result<ToolOutput>> output;
    {
        const std::scoped_lock lock(handover->mutex);
        output = std::move(handover->output);
    }
    if (!output) {
        handover->stop.request_stop();
        const bool whole_over = whole.deadline && Clock::now() >= *whole.deadline;
        if (!waited && (waited.error().code() == ErrorCode::cancelled || whole_over)) {
            span.end(&waited.error());
            co_return std::unexpected(waited.error());
        }
        result.content = fmt::format("the tool took longer than {} s and was stopped",
                                     static_cast<double>(impl->policy.timeout.count()) / 1000.0);
        result.is_error = true;
        co_return result;
    }
    if (!*output) {
        const Error& error = output->error();
        // A stop of the whole run is not the tool's fault.
        if (error.code() == ErrorCode::cancelled && whole.stop.stop_requested()) co_return std::unexpected(error);
        result.content = error.describe();
        result.is_error = true;
        span.end(&error);
    } else {
        result.content = std::move((*output)->text);
        result.images = std::move((*output)->images);
        result.is_error = (*output)->is_error;
    }
    bound(result.content, impl->policy.max_output_bytes);
    co_return result;
}

Result<void> Toolbox::add(Tool tool) {
    if (find(tool.name()) != nullptr)
        return fail(ErrorCode::already_exists, fmt::format("there are two tools named {}; rename one", tool.name()));
    tools_.push_back(std::move(tool));
    return {};
}

const Tool* Toolbox::find(std::string_view name) const noexcept {
    const auto at = std::ranges::find(tools_, name, [](const Tool& t) -> std::string_view { return t.name(); });
    return at == tools_.end() ? nullptr : &*at;
}

std::vector<llm::ToolDefinition> Toolbox::definitions() const {
    std::vector<llm::ToolDefinition> out;
    for (const auto& t : tools_) out.push_back(t.definition());
    return out;
}

task<Result<llm::ToolResultPart>> Toolbox::call(llm::ToolCallPart call, ToolContext context) const {
    const Tool* tool = find(call.name);
    if (tool == nullptr) {
        std::string names;
        for (const auto& t : tools_) names += (names.empty() ? "" : ", ") + t.name();
        co_return llm::ToolResultPart{call.id,
                                      call.name,
                                      fmt::format("there is no tool named {}; {}", call.name,
                                                  names.empty() ? "there are none" : "there are " + names),
                                      true,
                                      {}};
    }
    const Tool kept = *tool;
    auto result = co_await kept.call(std::move(call), std::move(context));
    co_return result;
}

}  // namespace tenon::agent
