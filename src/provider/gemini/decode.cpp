#include "provider/gemini/decode.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <utility>

#include "provider/gemini/request.hpp"
#include "provider/wire/embeddings.hpp"
#include "provider/wire/fields.hpp"
#include "tenon/base/base64.hpp"

namespace tenon::provider::gemini {

using namespace llm;
using wire::count_of;

namespace {

constexpr std::size_t max_calls = 1024;

bool is_filter(std::string_view reason) noexcept {
    for (const std::string_view name : {"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII",
                                        "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "MODEL_ARMOR"})
        if (reason == name) return true;
    return false;
}

/// {"chosenCandidates": [{"token", "logProbability"}], "topCandidates": [{"candidates": […]}]}.
void read_logprobs(const json::Value& result, std::vector<TokenLogprob>& out) {
    const auto& tops = wire::array_of(result, "topCandidates");
    std::size_t at = 0;
    for (const auto& token : wire::array_of(result, "chosenCandidates")) {
        TokenLogprob entry;
        entry.text = entry.bytes = json::string_or(token, "token", "");
        entry.logprob = json::number_or(token, "logProbability", 0);
        if (at < tops.size())
            for (const auto& other : wire::array_of(tops[at], "candidates")) {
                const std::string text(json::string_or(other, "token", ""));
                entry.top.push_back({text, text, json::number_or(other, "logProbability", 0)});
            }
        ++at;
        out.push_back(std::move(entry));
    }
}

/// What the answer rests on: each support names a piece of the answer and the chunks behind it.
std::vector<CitationPart> citations_of(const json::Value& grounding) {
    std::vector<CitationPart> out;
    const auto& chunks = wire::array_of(grounding, "groundingChunks");
    for (const auto& support : wire::array_of(grounding, "groundingSupports"))
        for (const auto& index : wire::array_of(support, "groundingChunkIndices")) {
            if (!index.is_int64() || index.get_int64() < 0) continue;
            const auto at = static_cast<std::size_t>(index.get_int64());
            if (at >= chunks.size()) continue;
            const auto* source = json::find(chunks[at], "web");
            if (source == nullptr) source = json::find(chunks[at], "retrievedContext");
            if (source == nullptr) continue;
            CitationPart citation;
            citation.source = json::string_or(*source, "uri", "");
            citation.title = json::string_or(*source, "title", "");
            if (const auto* segment = json::find(support, "segment"))
                citation.cited_text = json::string_or(*segment, "text", "");
            out.push_back(std::move(citation));
        }
    return out;
}

}  // namespace

void ContentDecoder::give(ChatEvent event, std::vector<ChatEvent>& events) {
    if (!std::exchange(told_, true)) {
        event.id = id_;
        event.model = model_;
    }
    events.push_back(std::move(event));
}

void ContentDecoder::usage(const json::Value& usage) {
    usage_.input_tokens = count_of(usage, "promptTokenCount") + count_of(usage, "toolUsePromptTokenCount");
    usage_.cached_input_tokens = count_of(usage, "cachedContentTokenCount");
    usage_.reasoning_tokens = count_of(usage, "thoughtsTokenCount");
    usage_.output_tokens = count_of(usage, "candidatesTokenCount") + usage_.reasoning_tokens;
}

Result<void> ContentDecoder::on_message(const json::Value& value, std::vector<ChatEvent>& events) {
    if (id_.empty()) id_ = json::string_or(value, "responseId", "");
    if (model_.empty()) model_ = json::string_or(value, "modelVersion", "");
    if (const auto* counts = json::find(value, "usageMetadata"); counts != nullptr && counts->is_object())
        usage(*counts);
    if (const auto* feedback = json::find(value, "promptFeedback"); feedback != nullptr && feedback->is_object())
        if (const auto reason = json::string_or(*feedback, "blockReason", ""); !reason.empty()) {
            extras_.block_reason = reason;
            finish_ = FinishReason::content_filter;
        }
    for (const auto& one : wire::array_of(value, "candidates"))
        if (json::integer_or(one, "index", 0) == 0) TENON_CHECK(candidate(one, events));
    return {};
}

Result<void> ContentDecoder::on_whole(const json::Value& value, std::vector<ChatEvent>& events) {
    if (json::find(value, "candidates") == nullptr && json::find(value, "promptFeedback") == nullptr)
        return fail(ErrorCode::protocol, "the model's server sent an answer without candidates");
    return on_message(value, events);
}

Result<void> ContentDecoder::candidate(const json::Value& candidate, std::vector<ChatEvent>& events) {
    if (const auto* content = json::find(candidate, "content"))
        for (const auto& one : wire::array_of(*content, "parts")) TENON_CHECK(part(one, events));
    if (const auto* result = json::find(candidate, "logprobsResult")) {
        ChatEvent event;
        read_logprobs(*result, event.logprobs);
        if (!event.logprobs.empty()) give(std::move(event), events);
    }
    if (const auto* grounding = json::find(candidate, "groundingMetadata");
        grounding != nullptr && grounding->is_object()) {
        extras_.grounding_json = json::dump(*grounding);
        citations_ = citations_of(*grounding);
    }
    if (const auto* metadata = json::find(candidate, "citationMetadata"))
        for (const auto& source : wire::array_of(*metadata, "citations")) {
            ChatEvent event;
            CitationPart citation;
            citation.source = json::string_or(source, "uri", "");
            citation.title = json::string_or(source, "title", "");
            event.parts.emplace_back(std::move(citation));
            give(std::move(event), events);
        }
    if (const auto& ratings = wire::array_of(candidate, "safetyRatings"); !ratings.empty()) {
        extras_.safety.clear();
        for (const auto& rating : ratings)
            extras_.safety.emplace_back(json::string_or(rating, "category", ""),
                                        json::string_or(rating, "probability", ""));
    }
    const auto reason = json::string_or(candidate, "finishReason", "");
    if (reason.empty() || reason == "FINISH_REASON_UNSPECIFIED") return {};
    if (reason == "MALFORMED_FUNCTION_CALL" || reason == "MALFORMED_RESPONSE" || reason == "UNEXPECTED_TOOL_CALL")
        return fail(ErrorCode::unavailable, fmt::format("the model's answer is malformed ({}{}); ask again", reason,
                                                        json::string_or(candidate, "finishMessage", "")));
    extras_.finish_reason = reason;
    finish_ = reason == "MAX_TOKENS" ? FinishReason::length
              : is_filter(reason)    ? FinishReason::content_filter
                                     : FinishReason::stop;
    return {};
}

Result<void> ContentDecoder::part(const json::Value& part, std::vector<ChatEvent>& events) {
    if (!part.is_object()) return {};
    ChatEvent event;
    const std::string signature(json::string_or(part, "thoughtSignature", ""));
    if (const auto* call = json::find(part, "functionCall"); call != nullptr && call->is_object()) {
        if (calls_ >= max_calls) return fail(ErrorCode::resource_exhausted, "the model calls too many tools at once");
        ToolCallPart made;
        made.id = json::string_or(*call, "id", "");
        if (made.id.empty()) made.id = fmt::format("{}{}_{}", made_id, id_, calls_);
        made.name = json::string_or(*call, "name", "");
        const auto* args = json::find(*call, "args");
        made.arguments_json = args != nullptr && args->is_object() ? json::dump(*args) : "{}";
        made.signature = signature;
        event.tool_call_deltas.push_back({calls_++, made.id, made.name, made.arguments_json});
        event.tool_calls.push_back(std::move(made));
    } else if (const auto* text = json::find(part, "text"); text != nullptr && text->is_string()) {
        if (json::bool_or(part, "thought", false)) {
            event.reasoning = wire::text_of(text);
            event.reasoning_signature = signature;
        } else {
            event.text = wire::text_of(text);
            // On text there is no place for it but one of its own.
            if (!signature.empty())
                event.parts.emplace_back(
                    ProviderPart{"gemini", "thought_signature",
                                 json::dump(json::Object{{"text", ""}, {"thoughtSignature", signature}})});
        }
    } else if (const auto* data = json::find(part, "inlineData"); data != nullptr && data->is_object()) {
        const std::string type(json::string_or(*data, "mimeType", ""));
        TENON_TRY(auto bytes, base64_decode(json::string_or(*data, "data", "")));
        if (type.starts_with("audio/"))
            event.parts.emplace_back(AudioPart{type, std::move(bytes)});
        else
            event.parts.emplace_back(ImagePart{"", type, std::move(bytes), ""});
    } else if (!part.get_object().empty()) {
        event.parts.emplace_back(
            ProviderPart{"gemini", std::string(part.get_object().begin()->key()), json::dump(part)});
    }
    if (!event.text.empty() || !event.reasoning.empty() || !event.reasoning_signature.empty() ||
        !event.tool_calls.empty() || !event.parts.empty())
        give(std::move(event), events);
    return {};
}

void ContentDecoder::on_end(ChatEvent& last, std::vector<ChatEvent>&) {
    for (auto& citation : citations_) last.parts.emplace_back(std::move(citation));
    last.finish = finish_.value_or(FinishReason::stop);
    if (calls_ > 0 && last.finish == FinishReason::stop) last.finish = FinishReason::tool_calls;
    last.usage = usage_;
    if (!told_) {
        last.id = id_;
        last.model = model_;
    }
    last.extensions.set(extras_);
}

Result<std::size_t> decode_count(std::string_view body) { return wire::decode_count(body, "totalTokens"); }

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
        TENON_CHECK(wire::add_row(out, wire::array_of(row, "values")));
    }
    if (const auto* usage = json::find(*value, "usageMetadata"))
        out.usage.input_tokens = count_of(*usage, "promptTokenCount");
    return out;
}

}  // namespace tenon::provider::gemini
