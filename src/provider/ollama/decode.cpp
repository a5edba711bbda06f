#include "provider/ollama/decode.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>

#include "provider/openai/decode.hpp"
#include "provider/wire/embeddings.hpp"
#include "provider/wire/fields.hpp"

namespace tenon::provider::ollama {

using namespace llm;
using wire::count_of;

namespace {

constexpr std::size_t max_calls = 1024;

double milliseconds(const json::Value& value, std::string_view nanoseconds) {
    return static_cast<double>(count_of(value, nanoseconds)) / 1e6;
}

}  // namespace

Result<void> ChatDecoder::on_message(const json::Value& value, std::vector<ChatEvent>& events) {
    if (model_.empty()) model_ = json::string_or(value, "model", "");
    // The API has no ids: the time of the first piece tells answers apart.
    if (made_.empty())
        for (const char c : json::string_or(value, "created_at", ""))
            if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')) made_ += c;
    ChatEvent event;
    if (const auto* message = json::find(value, "message"); message != nullptr && message->is_object()) {
        event.text = json::string_or(*message, "content", "");
        event.reasoning = json::string_or(*message, "thinking", "");
        TENON_CHECK(calls(*message, event));
    } else {
        event.text = json::string_or(value, "response", "");
        event.reasoning = json::string_or(value, "thinking", "");
    }
    openai::read_logprobs(wire::array_of(value, "logprobs"), event.logprobs);
    if (!event.text.empty() && !echo_.empty()) event.text = std::exchange(echo_, {}) + event.text;
    if (!event.text.empty() || !event.reasoning.empty() || !event.tool_calls.empty() || !event.logprobs.empty()) {
        if (!std::exchange(told_, true)) event.model = model_;
        events.push_back(std::move(event));
    }
    if (json::bool_or(value, "done", false)) {
        close(value);
        end(events);
    }
    return {};
}

Result<void> ChatDecoder::on_whole(const json::Value& value, std::vector<ChatEvent>& events) {
    if (json::find(value, "message") == nullptr && json::find(value, "response") == nullptr)
        return fail(ErrorCode::protocol, "the model's server sent an answer without a message");
    return on_message(value, events);
}

Result<void> ChatDecoder::calls(const json::Value& message, ChatEvent& event) {
    for (const auto& one : wire::array_of(message, "tool_calls")) {
        const auto* function = json::find(one, "function");
        if (function == nullptr) continue;
        if (calls_ >= max_calls) return fail(ErrorCode::resource_exhausted, "the model calls too many tools at once");
        ToolCallPart call;
        call.id = json::string_or(one, "id", "");
        if (call.id.empty()) call.id = fmt::format("call_{}_{}", made_, calls_);
        call.name = json::string_or(*function, "name", "");
        const auto* arguments = json::find(*function, "arguments");
        call.arguments_json = arguments != nullptr && arguments->is_object() ? json::dump(*arguments) : "{}";
        event.tool_call_deltas.push_back({calls_++, call.id, call.name, call.arguments_json});
        event.tool_calls.push_back(std::move(call));
    }
    return {};
}

void ChatDecoder::close(const json::Value& value) {
    extras_.done_reason = json::string_or(value, "done_reason", "");
    finish_ = extras_.done_reason == "length" ? FinishReason::length : FinishReason::stop;
    usage_.input_tokens = count_of(value, "prompt_eval_count");
    usage_.output_tokens = count_of(value, "eval_count");
    timings_.prompt_ms = milliseconds(value, "prompt_eval_duration");
    timings_.decode_ms = milliseconds(value, "eval_duration");
    extras_.load_ms = milliseconds(value, "load_duration");
    extras_.total_ms = milliseconds(value, "total_duration");
}

void ChatDecoder::on_end(ChatEvent& last, std::vector<ChatEvent>&) {
    last.text = std::exchange(echo_, {});
    last.finish = finish_.value_or(FinishReason::stop);
    if (calls_ > 0 && last.finish == FinishReason::stop) last.finish = FinishReason::tool_calls;
    last.usage = usage_;
    last.timings = timings_;
    if (!told_) last.model = model_;
    last.extensions.set(extras_);
}

Result<Embeddings> decode_embeddings(std::string_view body, std::size_t count) {
    auto value = json::parse(body);
    if (!value)
        return fail(ErrorCode::protocol, "the model's server sent an answer that is not JSON",
                    std::move(value).error());
    const auto& rows = wire::array_of(*value, "embeddings");
    if (rows.size() != count)
        return fail(ErrorCode::protocol, fmt::format("the model's server did not send {} embeddings", count));
    Embeddings out;
    for (const auto& row : rows) {
        if (!row.is_array()) return fail(ErrorCode::protocol, "an embedding is missing");
        TENON_CHECK(wire::add_row(out, row.get_array()));
    }
    out.usage.input_tokens = count_of(*value, "prompt_eval_count");
    return out;
}

}  // namespace tenon::provider::ollama
