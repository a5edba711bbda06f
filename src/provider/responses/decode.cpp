#include "provider/responses/decode.hpp"

#include <boost/json.hpp>

#include "provider/openai/decode.hpp"
#include "provider/wire/error.hpp"
#include "provider/wire/fields.hpp"

namespace tenon::provider::responses {

using namespace llm;
using wire::count_of;
using wire::text_of;

namespace {

constexpr std::size_t max_places = 100'000;

Error failure(const json::Value& error) {
    wire::ErrorObject object;
    object.message = json::string_or(error, "message", "no reason is given");
    object.code = json::string_or(error, "code", "");
    return wire::error_in_stream(object);
}

}  // namespace

void ResponsesDecoder::give(ChatEvent event, std::vector<ChatEvent>& events) {
    if (!std::exchange(told_, true)) {
        event.id = id_;
        event.model = model_;
    }
    events.push_back(std::move(event));
}

Result<void> ResponsesDecoder::on_message(const json::Value& value, std::vector<ChatEvent>& events) {
    const auto type = json::string_or(value, "type", "");
    const auto at = json::integer_or(value, "output_index", 0);
    const auto delta = json::string_or(value, "delta", "");
    const auto is = [&](std::string_view name) { return type == name; };
    if (said_.size() + thought_.size() > max_places)
        return fail(ErrorCode::resource_exhausted, "the model's answer has too many parts");
    if (is("error")) return std::unexpected(failure(value));
    if (is("response.output_text.delta") || is("response.refusal.delta")) {
        const Place place{at, json::integer_or(value, "content_index", 0)};
        say(place, delta, is("response.refusal.delta"), events);
        if (const auto& tokens = wire::array_of(value, "logprobs"); !tokens.empty() && !events.empty())
            openai::read_logprobs(tokens, events.back().logprobs);
        return {};
    }
    if (is("response.reasoning_summary_text.delta")) {
        think({at, json::integer_or(value, "summary_index", 0)}, delta, events);
        return {};
    }
    if (is("response.reasoning_text.delta")) {
        think({at, json::integer_or(value, "content_index", 0)}, delta, events);
        return {};
    }
    if (is("response.function_call_arguments.delta")) return arguments(at, delta, events);
    if (is("response.output_text.annotation.added")) {
        const auto* annotation = json::find(value, "annotation");
        auto citation = annotation != nullptr ? openai::read_annotation(*annotation) : std::nullopt;
        if (!citation) return {};
        cited_.insert(at);
        ChatEvent event;
        event.parts.emplace_back(std::move(*citation));
        give(std::move(event), events);
        return {};
    }
    if (const auto* item = json::find(value, "item"); item != nullptr && item->is_object()) {
        if (is("response.output_item.added")) return item_added(at, *item, events);
        if (is("response.output_item.done")) return item_done(at, *item, events);
    }
    if (const auto* response = json::find(value, "response"); response != nullptr && response->is_object()) {
        head(*response);
        if (is("response.completed") || is("response.incomplete") || is("response.failed") ||
            is("response.cancelled")) {
            TENON_CHECK(close(*response));
            end(events);
        }
    }
    return {};
}

Result<void> ResponsesDecoder::on_whole(const json::Value& value, std::vector<ChatEvent>& events) {
    const auto* output = json::find(value, "output");
    if (output == nullptr || !output->is_array())
        return fail(ErrorCode::protocol, "the model's server sent an answer without output");
    head(value);
    std::int64_t at = 0;
    for (const auto& item : output->get_array()) {
        TENON_CHECK(item_added(at, item, events));
        TENON_CHECK(item_done(at, item, events));
        ++at;
    }
    return close(value);
}

void ResponsesDecoder::head(const json::Value& response) {
    if (id_.empty()) id_ = json::string_or(response, "id", "");
    if (model_.empty()) model_ = json::string_or(response, "model", "");
    if (const auto tier = json::string_or(response, "service_tier", ""); !tier.empty()) extras_.service_tier = tier;
}

Result<void> ResponsesDecoder::close(const json::Value& response) {
    if (const auto* usage = json::find(response, "usage"); usage != nullptr && usage->is_object()) {
        usage_.input_tokens = count_of(*usage, "input_tokens");
        usage_.output_tokens = count_of(*usage, "output_tokens");
        if (const auto* details = json::find(*usage, "input_tokens_details")) {
            usage_.cached_input_tokens = count_of(*details, "cached_tokens");
            usage_.cache_write_tokens = count_of(*details, "cache_write_tokens");
        }
        if (const auto* details = json::find(*usage, "output_tokens_details"))
            usage_.reasoning_tokens = count_of(*details, "reasoning_tokens");
    }
    const auto status = json::string_or(response, "status", "completed");
    extras_.finish_reason = status;
    if (status == "failed") {
        const auto* error = json::find(response, "error");
        return std::unexpected(failure(error != nullptr ? *error : response));
    }
    finish_ = status == "cancelled" ? FinishReason::cancelled : FinishReason::stop;
    if (status != "incomplete") return {};
    const auto* details = json::find(response, "incomplete_details");
    const auto reason = details != nullptr ? json::string_or(*details, "reason", "") : std::string_view{};
    if (!reason.empty()) extras_.finish_reason = reason;
    finish_ = reason == "content_filter" ? FinishReason::content_filter : FinishReason::length;
    return {};
}

Result<void> ResponsesDecoder::item_added(std::int64_t at, const json::Value& item, std::vector<ChatEvent>& events) {
    if (json::string_or(item, "type", "") != "function_call") return {};
    TENON_TRY(auto* call, calls_.begin(at));
    call->id = json::string_or(item, "call_id", "");
    call->name = json::string_or(item, "name", "");
    ChatEvent event;
    event.tool_call_deltas.push_back({calls_.place(at), call->id, call->name, {}});
    give(std::move(event), events);
    return {};
}

Result<void> ResponsesDecoder::arguments(std::int64_t at, std::string_view piece, std::vector<ChatEvent>& events) {
    auto* call = calls_.find(at);
    if (call == nullptr) return fail(ErrorCode::protocol, "the model's server goes on with a call that it never began");
    if (piece.empty()) return {};
    TENON_CHECK(calls_.grow(piece.size()));
    call->arguments_json += piece;
    ChatEvent event;
    event.tool_call_deltas.push_back({calls_.place(at), {}, {}, std::string(piece)});
    give(std::move(event), events);
    return {};
}

Result<void> ResponsesDecoder::item_done(std::int64_t at, const json::Value& item, std::vector<ChatEvent>& events) {
    const auto type = json::string_or(item, "type", "");
    if (type == "message") {
        message_done(at, item, events);
    } else if (type == "reasoning") {
        reasoning_done(at, item, events);
    } else if (type == "function_call") {
        if (calls_.find(at) == nullptr) TENON_CHECK(item_added(at, item, events));
        // A server that sent no pieces sends the whole.
        if (calls_.find(at)->arguments_json.empty())
            TENON_CHECK(arguments(at, json::string_or(item, "arguments", ""), events));
        ChatEvent event;
        event.tool_calls.push_back(calls_.take(at));
        give(std::move(event), events);
    } else if (!type.empty()) {
        ChatEvent event;
        event.parts.emplace_back(ProviderPart{"openai", std::string(type), json::dump(item)});
        give(std::move(event), events);
    }
    return {};
}

void ResponsesDecoder::message_done(std::int64_t at, const json::Value& item, std::vector<ChatEvent>& events) {
    std::int64_t index = 0;
    for (const auto& part : wire::array_of(item, "content")) {
        const Place place{at, index++};
        if (!said_.contains(place)) {
            say(place, json::string_or(part, "text", ""), false, events);
            say(place, json::string_or(part, "refusal", ""), true, events);
            if (const auto& tokens = wire::array_of(part, "logprobs"); !tokens.empty() && !events.empty())
                openai::read_logprobs(tokens, events.back().logprobs);
        }
        if (cited_.contains(at)) continue;
        for (const auto& annotation : wire::array_of(part, "annotations"))
            if (auto citation = openai::read_annotation(annotation)) {
                ChatEvent event;
                event.parts.emplace_back(std::move(*citation));
                give(std::move(event), events);
            }
    }
}

void ResponsesDecoder::reasoning_done(std::int64_t at, const json::Value& item, std::vector<ChatEvent>& events) {
    for (const char* key : {"summary", "content"}) {
        std::int64_t index = 0;
        for (const auto& part : wire::array_of(item, key)) {
            const Place place{at, index++};
            if (!thought_.contains(place)) think(place, json::string_or(part, "text", ""), events);
        }
    }
    ReasoningPart closing;
    closing.id = json::string_or(item, "id", "");
    closing.redacted = json::string_or(item, "encrypted_content", "");
    if (closing.id.empty()) return;
    ChatEvent event;
    event.parts.emplace_back(std::move(closing));
    give(std::move(event), events);
}

void ResponsesDecoder::say(Place place, std::string_view text, bool refusal, std::vector<ChatEvent>& events) {
    if (text.empty()) return;
    said_.insert(place);
    if (refusal) extras_.refusal += text;
    ChatEvent event;
    event.text = text;
    give(std::move(event), events);
}

void ResponsesDecoder::think(Place place, std::string_view text, std::vector<ChatEvent>& events) {
    if (text.empty()) return;
    ChatEvent event;
    // The parts of a summary are paragraphs.
    if (place.second > 0 && !thought_.contains(place)) event.reasoning = "\n\n";
    thought_.insert(place);
    event.reasoning += text;
    give(std::move(event), events);
}

void ResponsesDecoder::on_end(ChatEvent& last, std::vector<ChatEvent>&) {
    last.finish = finish_.value_or(FinishReason::stop);
    if (calls_.any() && last.finish == FinishReason::stop) last.finish = FinishReason::tool_calls;
    last.usage = usage_;
    if (!told_) {
        last.id = id_;
        last.model = model_;
    }
    last.extensions.set(extras_);
}

}  // namespace tenon::provider::responses
