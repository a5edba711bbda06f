#include "provider/openai/decode.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "tenon/net/http_client.hpp"

namespace tenon::provider::openai {

using namespace llm;

namespace {

constexpr std::size_t max_tool_bytes = std::size_t{16} << 20;

std::string_view text_of(const json::Value* value) noexcept {
    return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view{};
}

/// Content is a string, null, or (some servers) an array of text parts.
std::string content_of(const json::Value* value) {
    if (value == nullptr || !value->is_array()) return std::string(text_of(value));
    std::string out;
    for (const auto& part : value->get_array()) out += json::string_or(part, "text", "");
    return out;
}

std::uint64_t count_of(const json::Value& value, std::string_view key) noexcept {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, json::integer_or(value, key, 0)));
}

FinishReason finish_reason(std::string_view name) noexcept {
    if (name == "length" || name == "max_tokens") return FinishReason::length;
    if (name == "tool_calls" || name == "function_call" || name == "tool_use") return FinishReason::tool_calls;
    if (name == "content_filter") return FinishReason::content_filter;
    return FinishReason::stop;
}

std::string bytes_of(const json::Value& token, std::string_view text) {
    const auto* bytes = json::find(token, "bytes");
    if (bytes == nullptr || !bytes->is_array()) return std::string(text);
    std::string out;
    for (const auto& byte : bytes->get_array())
        if (byte.is_int64()) out += static_cast<char>(byte.get_int64() & 0xFF);
    return out;
}

/// {"content": [{"token", "logprob", "bytes", "top_logprobs"}]}, as chat gives it.
void chat_logprobs(const json::Value& logprobs, std::vector<TokenLogprob>& out) {
    const auto* content = json::find(logprobs, "content");
    if (content == nullptr || !content->is_array()) return;
    for (const auto& token : content->get_array()) {
        TokenLogprob entry;
        entry.text = json::string_or(token, "token", "");
        entry.bytes = bytes_of(token, entry.text);
        entry.logprob = json::number_or(token, "logprob", 0);
        if (const auto* top = json::find(token, "top_logprobs"); top != nullptr && top->is_array())
            for (const auto& other : top->get_array()) {
                TokenAlternative alternative;
                alternative.text = json::string_or(other, "token", "");
                alternative.bytes = bytes_of(other, alternative.text);
                alternative.logprob = json::number_or(other, "logprob", 0);
                entry.top.push_back(std::move(alternative));
            }
        out.push_back(std::move(entry));
    }
}

double number_at(const json::Array& array, std::size_t at) {
    if (at >= array.size() || !array[at].is_number()) return 0;
    return array[at].to_number<double>();
}

/// {"tokens": […], "token_logprobs": […], "top_logprobs": [{…}]}, as completions give it.
void completion_logprobs(const json::Value& logprobs, std::vector<TokenLogprob>& out) {
    const auto* tokens = json::find(logprobs, "tokens");
    const auto* values = json::find(logprobs, "token_logprobs");
    const auto* tops = json::find(logprobs, "top_logprobs");
    if (tokens == nullptr || !tokens->is_array() || values == nullptr || !values->is_array()) return;
    const auto& array = tokens->get_array();
    for (std::size_t i = 0; i < array.size(); ++i) {
        TokenLogprob entry;
        entry.text = entry.bytes = text_of(&array[i]);
        entry.logprob = number_at(values->get_array(), i);
        if (tops != nullptr && tops->is_array() && i < tops->get_array().size() && tops->get_array()[i].is_object())
            for (const auto& [text, logprob] : tops->get_array()[i].get_object())
                if (logprob.is_number())
                    entry.top.push_back({std::string(text), std::string(text), logprob.to_number<double>()});
        out.push_back(std::move(entry));
    }
}

struct ErrorObject {
    std::string message, type, code;
    int status = 0;
};

/// {"error": {"message", "type", "code"}}, {"error": "text"}, {"object": "error", "message"}, {"detail": …}.
std::optional<ErrorObject> find_error(const json::Value& value) {
    if (!value.is_object()) return std::nullopt;
    ErrorObject out;
    const json::Value* error = json::find(value, "error");
    if (error != nullptr && error->is_null()) error = nullptr;
    if (error == nullptr && json::string_or(value, "object", "") == "error") error = &value;
    if (error == nullptr) {
        const auto* detail = json::find(value, "detail");
        if (detail == nullptr) return std::nullopt;
        out.message = detail->is_string() ? std::string(text_of(detail)) : json::dump(*detail);
        return out;
    }
    if (error->is_string()) {
        out.message = text_of(error);
        return out;
    }
    out.message = json::string_or(*error, "message", "");
    if (out.message.empty()) out.message = json::dump(*error);
    out.type = json::string_or(*error, "type", "");
    if (const auto* code = json::find(*error, "code")) {
        out.code = text_of(code);
        if (code->is_int64() && code->get_int64() >= 400 && code->get_int64() < 600)
            out.status = static_cast<int>(code->get_int64());
    }
    return out;
}

/// What the names in an error object mean, whatever the status.
std::optional<ErrorCode> code_of(const ErrorObject& error) {
    const auto is = [&](std::string_view name) { return error.code == name || error.type == name; };
    if (is("insufficient_quota") || is("billing_hard_limit_reached") || is("context_length_exceeded") ||
        is("exceed_context_size_error"))
        return ErrorCode::resource_exhausted;
    if (is("rate_limit_exceeded") || is("rate_limit_error") || is("tokens") || is("requests"))
        return ErrorCode::rate_limited;
    if (is("invalid_api_key") || is("authentication_error")) return ErrorCode::unauthenticated;
    if (is("permission_error")) return ErrorCode::permission_denied;
    if (is("model_not_found") || is("not_found_error")) return ErrorCode::not_found;
    if (is("server_error") || is("overloaded_error") || is("unavailable_error") || is("api_error"))
        return ErrorCode::unavailable;
    if (is("invalid_request_error") || is("BadRequestError")) return ErrorCode::invalid_argument;
    return std::nullopt;
}

Error error_in_stream(const ErrorObject& error) {
    const auto message = fmt::format("the model's server reports: {}", error.message);
    if (const auto code = code_of(error)) return {*code, message};
    if (error.status != 0) return {net::status_error(error.status, {}, {}).code(), message};
    return {ErrorCode::unavailable, message};
}

}  // namespace

Error error_of_response(int status, const net::Headers& headers, std::string_view body) {
    const auto parsed = json::parse(body);
    const auto found = parsed ? find_error(*parsed) : std::nullopt;
    const auto detail = found ? std::string_view(found->message) : body.substr(0, 300);
    auto error = net::status_error(status, headers, detail);
    if (!found) return error;
    const auto named = code_of(*found);
    // A name says more than the status where one status has several meanings.
    const bool finer = named && (*named == ErrorCode::resource_exhausted || *named == ErrorCode::not_found);
    return finer ? Error(*named, error.message()) : error;
}

Result<void> StreamDecoder::feed(std::string_view bytes, std::vector<ChatEvent>& events) {
    std::vector<net::SseEvent> messages;
    auto parsed = sse_.feed(bytes, messages);
    for (const auto& one : messages) TENON_CHECK(message(one, events));
    return parsed;
}

Result<void> StreamDecoder::message(const net::SseEvent& event, std::vector<ChatEvent>& events) {
    if (done_) return {};
    auto data = std::string_view(event.data);
    while (data.ends_with(' ')) data.remove_suffix(1);
    if (data.empty()) return {};
    if (data == "[DONE]") {
        end(events);
        return {};
    }
    auto value = json::parse(data);
    if (!value)
        return fail(ErrorCode::protocol, "the model's server sent an event that is not JSON", std::move(value).error());
    return chunk(*value, events);
}

Result<void> StreamDecoder::chunk(const json::Value& value, std::vector<ChatEvent>& events) {
    if (!value.is_object()) return fail(ErrorCode::protocol, "the model's server sent an event that is not an object");
    const auto* choices = json::find(value, "choices");
    if (choices == nullptr || !choices->is_array() || choices->get_array().empty())
        if (const auto error = find_error(value)) return std::unexpected(error_in_stream(*error));
    if (const auto* usage = json::find(value, "usage"); usage != nullptr && usage->is_object()) {
        usage_.input_tokens = count_of(*usage, "prompt_tokens");
        usage_.output_tokens = count_of(*usage, "completion_tokens");
        if (const auto* details = json::find(*usage, "prompt_tokens_details"))
            usage_.cached_input_tokens = count_of(*details, "cached_tokens");
        if (const auto* details = json::find(*usage, "completion_tokens_details"))
            usage_.reasoning_tokens = count_of(*details, "reasoning_tokens");
    }
    if (const auto* timings = json::find(value, "timings")) {  // llama.cpp
        timings_.prompt_ms = json::number_or(*timings, "prompt_ms", 0);
        timings_.decode_ms = json::number_or(*timings, "predicted_ms", 0);
    }
    if (choices == nullptr || !choices->is_array()) return {};
    for (const auto& choice : choices->get_array()) {
        if (json::integer_or(choice, "index", 0) != 0) continue;
        seen_choice_ = true;
        ChatEvent event;
        const auto* delta = json::find(choice, "delta");
        if (delta == nullptr) delta = json::find(choice, "message");
        if (delta != nullptr) {
            event.text = content_of(json::find(*delta, "content"));
            event.text += text_of(json::find(*delta, "refusal"));
            event.reasoning = content_of(json::find(*delta, "reasoning_content"));
            if (event.reasoning.empty()) event.reasoning = content_of(json::find(*delta, "reasoning"));
            if (const auto* calls = json::find(*delta, "tool_calls"); calls != nullptr && calls->is_array())
                for (const auto& call : calls->get_array()) TENON_CHECK(add_tool_call(call));
            if (const auto* call = json::find(*delta, "function_call"); call != nullptr && call->is_object())
                TENON_CHECK(add_tool_call(json::Object{{"index", 0}, {"function", *call}}));
        } else {
            event.text = text_of(json::find(choice, "text"));
        }
        if (const auto* logprobs = json::find(choice, "logprobs"); logprobs != nullptr && logprobs->is_object()) {
            chat_logprobs(*logprobs, event.logprobs);
            completion_logprobs(*logprobs, event.logprobs);
        }
        if (const auto reason = text_of(json::find(choice, "finish_reason")); !reason.empty()) {
            finish_ = finish_reason(reason);
            for (auto& call : calls_)
                if (call.arguments_json.empty()) call.arguments_json = "{}";
            event.tool_calls = std::exchange(calls_, {});
            call_at_.clear();
        }
        if (!event.text.empty() || !event.reasoning.empty() || !event.tool_calls.empty() || !event.logprobs.empty())
            events.push_back(std::move(event));
    }
    return {};
}

Result<void> StreamDecoder::add_tool_call(const json::Value& delta) {
    any_calls_ = true;
    const auto id = json::string_or(delta, "id", "");
    const auto last = static_cast<std::int64_t>(calls_.size()) - 1;
    // Without an index, an id begins a call and its absence goes on with the last one.
    const auto index = json::integer_or(delta, "index", id.empty() ? std::max<std::int64_t>(last, 0) : last + 1);
    const auto known = call_at_.find(index);
    // Some servers number every call 0 and tell them apart by id alone.
    const bool another =
        known != call_at_.end() && !id.empty() && !calls_[known->second].id.empty() && calls_[known->second].id != id;
    if (known == call_at_.end() || another) {
        if (calls_.size() >= 1024) return fail(ErrorCode::resource_exhausted, "the model calls too many tools at once");
        call_at_[index] = calls_.size();
        calls_.emplace_back();
    }
    auto& call = calls_[call_at_[index]];
    if (call.id.empty()) call.id = id;
    const auto* function = json::find(delta, "function");
    if (function == nullptr) return {};
    if (call.name.empty()) call.name = json::string_or(*function, "name", "");
    const auto* arguments = json::find(*function, "arguments");
    const auto before = call.arguments_json.size();
    if (arguments != nullptr && arguments->is_object())
        call.arguments_json = json::dump(*arguments);
    else
        call.arguments_json += text_of(arguments);
    call_bytes_ += call.arguments_json.size() - std::min(before, call.arguments_json.size());
    if (call_bytes_ > max_tool_bytes)
        return fail(ErrorCode::resource_exhausted, "the arguments of a tool call are too long");
    return {};
}

void StreamDecoder::end(std::vector<ChatEvent>& events) {
    if (std::exchange(done_, true)) return;
    ChatEvent last;
    for (auto& call : calls_)
        if (call.arguments_json.empty()) call.arguments_json = "{}";
    last.tool_calls = std::exchange(calls_, {});
    last.finish = finish_.value_or(any_calls_ ? FinishReason::tool_calls : FinishReason::stop);
    // Some servers say "stop" after calling tools.
    if (any_calls_ && last.finish == FinishReason::stop) last.finish = FinishReason::tool_calls;
    last.usage = usage_;
    last.timings = timings_;
    events.push_back(std::move(last));
}

Result<void> StreamDecoder::finish(std::vector<ChatEvent>& events) {
    if (done_) return {};
    if (const auto cut = sse_.finish()) {
        // A whole event without its blank line counts; half a one does not.
        if (auto done = message(*cut, events); !done && done.error().code() != ErrorCode::protocol) return done;
    }
    if (done_) return {};
    if (!finish_)
        return fail(ErrorCode::unavailable,
                    seen_choice_ ? "the model's server ended its answer early" : "the model's server gave no answer");
    end(events);
    return {};
}

Result<void> StreamDecoder::whole(std::string_view body, std::vector<ChatEvent>& events) {
    auto value = json::parse(body);
    if (!value)
        return fail(ErrorCode::protocol, "the model's server sent an answer that is not JSON",
                    std::move(value).error());
    TENON_CHECK(chunk(*value, events));
    if (!seen_choice_) return fail(ErrorCode::protocol, "the model's server sent an answer without choices");
    end(events);
    return {};
}

}  // namespace tenon::provider::openai
