#include "provider/openai/decode.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "provider/wire/fields.hpp"
#include "tenon/base/base64.hpp"

namespace tenon::provider::openai {

using namespace llm;
using wire::count_of;
using wire::text_of;

namespace {

constexpr std::size_t max_audio_bytes = std::size_t{64} << 20;

/// Content is a string, null, or (some servers) an array of text parts.
std::string content_of(const json::Value* value) {
    if (value == nullptr || !value->is_array()) return std::string(text_of(value));
    std::string out;
    for (const auto& part : value->get_array()) out += json::string_or(part, "text", "");
    return out;
}

FinishReason finish_reason(std::string_view name) noexcept {
    if (name == "length" || name == "max_tokens") return FinishReason::length;
    if (name == "tool_calls" || name == "function_call" || name == "tool_use") return FinishReason::tool_calls;
    if (name == "content_filter" || name == "sensitive") return FinishReason::content_filter;
    return FinishReason::stop;
}

double number_at(const json::Array& array, std::size_t at) {
    if (at >= array.size() || !array[at].is_number()) return 0;
    return array[at].to_number<double>();
}

/// {"tokens": […], "token_logprobs": […], "top_logprobs": [{…}]}, as completions give it.
void completion_logprobs(const json::Value& logprobs, std::vector<TokenLogprob>& out) {
    const auto& tokens = wire::array_of(logprobs, "tokens");
    const auto& values = wire::array_of(logprobs, "token_logprobs");
    const auto& tops = wire::array_of(logprobs, "top_logprobs");
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        TokenLogprob entry;
        entry.text = entry.bytes = text_of(&tokens[i]);
        entry.logprob = number_at(values, i);
        if (i < tops.size() && tops[i].is_object())
            for (const auto& [text, logprob] : tops[i].get_object())
                if (logprob.is_number())
                    entry.top.push_back({std::string(text), std::string(text), logprob.to_number<double>()});
        out.push_back(std::move(entry));
    }
}

}  // namespace

bool ChatDecoder::may_be_error(const json::Value& value) const { return wire::array_of(value, "choices").empty(); }

void ChatDecoder::usage(const json::Value& usage) {
    usage_.input_tokens = count_of(usage, "prompt_tokens");
    usage_.output_tokens = count_of(usage, "completion_tokens");
    // DeepSeek's name for it; the details win.
    usage_.cached_input_tokens = count_of(usage, "prompt_cache_hit_tokens");
    if (const auto* details = json::find(usage, "prompt_tokens_details"); details != nullptr && details->is_object()) {
        usage_.cached_input_tokens = std::max(usage_.cached_input_tokens, count_of(*details, "cached_tokens"));
        usage_.cache_write_tokens = count_of(*details, "cache_write_tokens");
        extras_.audio_input_tokens = count_of(*details, "audio_tokens");
    }
    if (const auto* details = json::find(usage, "completion_tokens_details")) {
        usage_.reasoning_tokens = count_of(*details, "reasoning_tokens");
        extras_.audio_output_tokens = count_of(*details, "audio_tokens");
        usage_.accepted_prediction_tokens = count_of(*details, "accepted_prediction_tokens");
        usage_.rejected_prediction_tokens = count_of(*details, "rejected_prediction_tokens");
        extras_.accepted_prediction_tokens = count_of(*details, "accepted_prediction_tokens");
        extras_.rejected_prediction_tokens = count_of(*details, "rejected_prediction_tokens");
    }
}

void ChatDecoder::head(const json::Value& value) {
    if (const auto* counts = json::find(value, "usage"); counts != nullptr && counts->is_object()) usage(*counts);
    if (const auto* timings = json::find(value, "timings")) {  // llama.cpp
        timings_.prompt_ms = json::number_or(*timings, "prompt_ms", 0);
        timings_.decode_ms = json::number_or(*timings, "predicted_ms", 0);
    }
    if (const auto tier = json::string_or(value, "service_tier", ""); !tier.empty()) extras_.service_tier = tier;
    if (const auto print = json::string_or(value, "system_fingerprint", ""); !print.empty())
        extras_.system_fingerprint = print;
    if (id_.empty()) id_ = json::string_or(value, "id", "");
    if (model_.empty()) model_ = json::string_or(value, "model", "");
}

void ChatDecoder::give(ChatEvent event, std::vector<ChatEvent>& events) {
    if (!std::exchange(told_, true)) {
        event.id = id_;
        event.model = model_;
    }
    events.push_back(std::move(event));
}

Result<void> ChatDecoder::on_message(const json::Value& value, std::vector<ChatEvent>& events) {
    head(value);
    for (const auto& one : wire::array_of(value, "choices"))
        if (json::integer_or(one, "index", 0) == 0) TENON_CHECK(choice(one, events));
    return {};
}

Result<void> ChatDecoder::on_whole(const json::Value& value, std::vector<ChatEvent>& events) {
    TENON_CHECK(on_message(value, events));
    if (!seen_choice_) return fail(ErrorCode::protocol, "the model's server sent an answer without choices");
    return {};
}

Result<void> ChatDecoder::choice(const json::Value& choice, std::vector<ChatEvent>& events) {
    seen_choice_ = true;
    ChatEvent event;
    const auto* change = json::find(choice, "delta");
    if (change == nullptr) change = json::find(choice, "message");
    if (change != nullptr)
        TENON_CHECK(delta(*change, event));
    else
        event.text = text_of(json::find(choice, "text"));
    if (const auto* logprobs = json::find(choice, "logprobs"); logprobs != nullptr && logprobs->is_object()) {
        read_logprobs(wire::array_of(*logprobs, "content"), event.logprobs);
        completion_logprobs(*logprobs, event.logprobs);
    }
    if (const auto reason = text_of(json::find(choice, "finish_reason")); !reason.empty()) {
        finish_ = finish_reason(reason);
        extras_.finish_reason = reason;
        event.tool_calls = calls_.take();
    }
    if (!event.text.empty() || !event.reasoning.empty() || !event.tool_calls.empty() || !event.logprobs.empty() ||
        !event.tool_call_deltas.empty() || !event.parts.empty())
        give(std::move(event), events);
    return {};
}

Result<void> ChatDecoder::delta(const json::Value& delta, ChatEvent& event) {
    event.text = content_of(json::find(delta, "content"));
    if (const auto refusal = text_of(json::find(delta, "refusal")); !refusal.empty()) {
        event.text += refusal;
        extras_.refusal += refusal;
    }
    event.reasoning = content_of(json::find(delta, "reasoning_content"));
    if (event.reasoning.empty()) event.reasoning = content_of(json::find(delta, "reasoning"));
    for (const auto& call : wire::array_of(delta, "tool_calls")) TENON_CHECK(add_tool_call(call, event));
    if (const auto* call = json::find(delta, "function_call"); call != nullptr && call->is_object())
        TENON_CHECK(add_tool_call(json::Object{{"index", 0}, {"function", *call}}, event));
    for (const auto& annotation : wire::array_of(delta, "annotations"))
        if (auto citation = read_annotation(annotation)) event.parts.emplace_back(std::move(*citation));
    if (const auto* audio = json::find(delta, "audio"); audio != nullptr && audio->is_object())
        TENON_CHECK(add_audio(*audio));
    return {};
}

Result<void> ChatDecoder::add_audio(const json::Value& audio) {
    if (!audio_) audio_.emplace(AudioPart{"audio/" + (audio_format_ == "mp3" ? "mpeg" : audio_format_), {}});
    if (const auto id = json::string_or(audio, "id", ""); !id.empty()) audio_->id = id;
    audio_->transcript += json::string_or(audio, "transcript", "");
    if (const auto data = json::string_or(audio, "data", ""); !data.empty()) {
        TENON_TRY(const auto bytes, base64_decode(data));
        if (audio_->bytes.size() + bytes.size() > max_audio_bytes)
            return fail(ErrorCode::resource_exhausted, "the speech in the answer is too long");
        audio_->bytes += bytes;
    }
    return {};
}

Result<void> ChatDecoder::add_tool_call(const json::Value& delta, ChatEvent& event) {
    const auto id = json::string_or(delta, "id", "");
    const auto last = static_cast<std::int64_t>(calls_.size()) - 1;
    // Without an index, an id begins a call and its absence goes on with the last one.
    const auto index = json::integer_or(delta, "index", id.empty() ? std::max<std::int64_t>(last, 0) : last + 1);
    auto* call = calls_.find(index);
    // Some servers number every call 0 and tell them apart by id alone.
    if (call == nullptr || (!id.empty() && !call->id.empty() && call->id != id)) {
        TENON_TRY(call, calls_.begin(index));
    }
    ToolCallDelta piece;
    piece.index = calls_.place(index);
    if (call->id.empty()) piece.id = call->id = id;
    if (const auto* function = json::find(delta, "function")) {
        if (call->name.empty()) piece.name = call->name = json::string_or(*function, "name", "");
        const auto* arguments = json::find(*function, "arguments");
        piece.arguments =
            arguments != nullptr && arguments->is_object() ? json::dump(*arguments) : std::string(text_of(arguments));
        TENON_CHECK(calls_.grow(piece.arguments.size()));
        call->arguments_json += piece.arguments;
    }
    if (!piece.id.empty() || !piece.name.empty() || !piece.arguments.empty())
        event.tool_call_deltas.push_back(std::move(piece));
    return {};
}

void ChatDecoder::on_end(ChatEvent& last, std::vector<ChatEvent>&) {
    last.tool_calls = calls_.take();
    if (audio_) last.parts.emplace_back(std::move(*audio_));
    last.finish = finish_.value_or(calls_.any() ? FinishReason::tool_calls : FinishReason::stop);
    // Some servers say "stop" after calling tools.
    if (calls_.any() && last.finish == FinishReason::stop) last.finish = FinishReason::tool_calls;
    if (!told_) {
        last.id = id_;
        last.model = model_;
    }
    last.usage = usage_;
    last.timings = timings_;
    last.extensions.set(extras_);
}

}  // namespace tenon::provider::openai
