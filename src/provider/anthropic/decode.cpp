#include "provider/anthropic/decode.hpp"

#include <boost/json.hpp>
#include <utility>

#include "provider/wire/embeddings.hpp"
#include "provider/wire/fields.hpp"

namespace tenon::provider::anthropic {

using namespace llm;
using wire::count_of;

namespace {

constexpr std::size_t max_held_bytes = std::size_t{64} << 20;

FinishReason finish_reason(std::string_view name) noexcept {
    if (name == "max_tokens" || name == "model_context_window_exceeded") return FinishReason::length;
    if (name == "tool_use") return FinishReason::tool_calls;
    if (name == "refusal") return FinishReason::content_filter;
    return FinishReason::stop;
}

CitationPart citation_of(const json::Value& value) {
    CitationPart out;
    out.cited_text = json::string_or(value, "cited_text", "");
    const auto range = [&](const char* start, const char* end, CitationPart::Unit unit) {
        out.start = count_of(value, start);
        out.end = count_of(value, end);
        out.unit = unit;
    };
    const auto type = json::string_or(value, "type", "");
    if (type == "web_search_result_location") {
        out.source = json::string_or(value, "url", "");
        out.title = json::string_or(value, "title", "");
        return out;
    }
    if (type == "search_result_location") {
        out.source = json::string_or(value, "source", "");
        out.title = json::string_or(value, "title", "");
        out.document = count_of(value, "search_result_index");
        range("start_block_index", "end_block_index", CitationPart::Unit::blocks);
        return out;
    }
    out.source = out.title = json::string_or(value, "document_title", "");
    out.document = count_of(value, "document_index");
    if (type == "char_location") range("start_char_index", "end_char_index", CitationPart::Unit::characters);
    if (type == "page_location") range("start_page_number", "end_page_number", CitationPart::Unit::pages);
    if (type == "content_block_location") range("start_block_index", "end_block_index", CitationPart::Unit::blocks);
    return out;
}

}  // namespace

Result<void> MessageDecoder::hold(std::size_t bytes) {
    held_ += bytes;
    if (held_ > max_held_bytes) return fail(ErrorCode::resource_exhausted, "the model's answer is too long");
    return {};
}

void MessageDecoder::give(ChatEvent event, std::vector<ChatEvent>& events) {
    if (!std::exchange(told_, true)) {
        event.id = id_;
        event.model = model_;
    }
    events.push_back(std::move(event));
}

Result<void> MessageDecoder::on_message(const json::Value& value, std::vector<ChatEvent>& events) {
    const auto type = json::string_or(value, "type", "");
    const auto index = json::integer_or(value, "index", 0);
    static const json::Value nothing = json::Object{};
    const auto at = [&](const char* key) -> const json::Value& {
        const auto* found = json::find(value, key);
        return found != nullptr ? *found : nothing;
    };
    if (type == "message_start") head(at("message"));
    if (type == "content_block_start") return begin(index, at("content_block"), events);
    if (type == "content_block_delta") return grow(index, at("delta"), events);
    if (type == "content_block_stop") return close(index, events);
    if (type == "message_delta") {
        usage(at("usage"));
        stop(at("delta"));
    }
    if (type == "message_stop") end(events);
    return {};
}

Result<void> MessageDecoder::on_whole(const json::Value& value, std::vector<ChatEvent>& events) {
    const auto* content = json::find(value, "content");
    if (json::string_or(value, "type", "") != "message" || content == nullptr || !content->is_array())
        return fail(ErrorCode::protocol, "the model's server sent an answer that is no message");
    head(value);
    std::int64_t index = 0;
    for (const auto& block : content->get_array()) {
        TENON_CHECK(begin(index, block, events));
        TENON_CHECK(close(index, events));
        ++index;
    }
    stop(value);
    return {};
}

void MessageDecoder::head(const json::Value& message) {
    id_ = json::string_or(message, "id", "");
    model_ = json::string_or(message, "model", "");
    if (const auto* counts = json::find(message, "usage")) usage(*counts);
}

/// The counts are totals so far; what a later event leaves out stays.
void MessageDecoder::usage(const json::Value& usage) {
    const auto set = [&](std::uint64_t& out, const json::Value& in, const char* key) {
        if (const auto* found = json::find(in, key); found != nullptr && found->is_number()) out = count_of(in, key);
    };
    set(input_, usage, "input_tokens");
    set(cache_read_, usage, "cache_read_input_tokens");
    set(cache_write_, usage, "cache_creation_input_tokens");
    set(output_, usage, "output_tokens");
    if (const auto* details = json::find(usage, "output_tokens_details")) set(thinking_, *details, "thinking_tokens");
    if (const auto* writes = json::find(usage, "cache_creation")) {
        set(extras_.cache_write_5m_tokens, *writes, "ephemeral_5m_input_tokens");
        set(extras_.cache_write_1h_tokens, *writes, "ephemeral_1h_input_tokens");
    }
    if (const auto* tools = json::find(usage, "server_tool_use")) {
        set(extras_.web_searches, *tools, "web_search_requests");
        set(extras_.web_fetches, *tools, "web_fetch_requests");
    }
    if (const auto tier = json::string_or(usage, "service_tier", ""); !tier.empty()) extras_.service_tier = tier;
}

void MessageDecoder::stop(const json::Value& delta) {
    if (const auto reason = json::string_or(delta, "stop_reason", ""); !reason.empty()) {
        finish_ = finish_reason(reason);
        extras_.stop_reason = reason;
    }
    extras_.stop_sequence = json::string_or(delta, "stop_sequence", "");
    if (const auto* details = json::find(delta, "stop_details"); details != nullptr && details->is_object()) {
        extras_.refusal = json::string_or(*details, "category", "");
        const auto why = json::string_or(*details, "explanation", "");
        if (!why.empty()) extras_.refusal += (extras_.refusal.empty() ? "" : ": ") + std::string(why);
    }
    if (const auto* container = json::find(delta, "container"))
        extras_.container = json::string_or(*container, "id", "");
}

Result<void> MessageDecoder::begin(std::int64_t index, const json::Value& value, std::vector<ChatEvent>& events) {
    if (!value.is_object()) return {};
    TENON_CHECK(hold(256));
    auto& block = blocks_[index] = Block{};
    block.type = json::string_or(value, "type", "");
    ChatEvent event;
    if (block.type == "text") {
        event.text = json::string_or(value, "text", "");
        for (const auto& citation : wire::array_of(value, "citations")) event.parts.emplace_back(citation_of(citation));
    } else if (block.type == "thinking") {
        event.reasoning = block.text = json::string_or(value, "thinking", "");
        block.signature = json::string_or(value, "signature", "");
    } else if (block.type == "redacted_thinking") {
        ReasoningPart part;
        part.redacted = json::string_or(value, "data", "");
        event.parts.emplace_back(std::move(part));
    } else if (block.type == "tool_use") {
        TENON_TRY(auto* call, calls_.begin(index));
        call->id = json::string_or(value, "id", "");
        call->name = json::string_or(value, "name", "");
        ToolCallDelta piece{calls_.place(index), call->id, call->name, {}};
        if (const auto* input = json::find(value, "input");
            input != nullptr && input->is_object() && !input->get_object().empty()) {
            piece.arguments = call->arguments_json = json::dump(*input);
            TENON_CHECK(calls_.grow(piece.arguments.size()));
        }
        event.tool_call_deltas.push_back(std::move(piece));
    } else {
        block.raw = json::dump(value);
        return hold(block.raw.size());
    }
    if (!event.text.empty() || !event.reasoning.empty() || !event.parts.empty() || !event.tool_call_deltas.empty())
        give(std::move(event), events);
    return {};
}

Result<void> MessageDecoder::grow(std::int64_t index, const json::Value& delta, std::vector<ChatEvent>& events) {
    const auto known = blocks_.find(index);
    if (known == blocks_.end())
        return fail(ErrorCode::protocol, "the model's server goes on with a block that it never began");
    auto& block = known->second;
    const auto type = json::string_or(delta, "type", "");
    ChatEvent event;
    if (type == "text_delta") {
        event.text = json::string_or(delta, "text", "");
    } else if (type == "thinking_delta") {
        event.reasoning = json::string_or(delta, "thinking", "");
        if (block.text.empty()) block.text = event.reasoning.substr(0, 1);  // whether there was any is all that counts
    } else if (type == "signature_delta") {
        const auto piece = json::string_or(delta, "signature", "");
        block.signature += piece;
        return hold(piece.size());
    } else if (type == "citations_delta") {
        if (const auto* citation = json::find(delta, "citation")) event.parts.emplace_back(citation_of(*citation));
    } else if (type == "input_json_delta") {
        const auto piece = json::string_or(delta, "partial_json", "");
        if (auto* call = block.type == "tool_use" ? calls_.find(index) : nullptr) {
            TENON_CHECK(calls_.grow(piece.size()));
            call->arguments_json += piece;
            if (!piece.empty()) event.tool_call_deltas.push_back({calls_.place(index), {}, {}, std::string(piece)});
        } else {
            block.input += piece;
            return hold(piece.size());
        }
    }
    if (!event.text.empty() || !event.reasoning.empty() || !event.parts.empty() || !event.tool_call_deltas.empty())
        give(std::move(event), events);
    return {};
}

Result<void> MessageDecoder::close(std::int64_t index, std::vector<ChatEvent>& events) {
    const auto known = blocks_.find(index);
    if (known == blocks_.end()) return {};
    const auto block = std::move(known->second);
    blocks_.erase(known);
    ChatEvent event;
    if (block.type == "thinking" && !block.signature.empty()) {
        if (!block.text.empty())
            event.reasoning_signature = block.signature;
        else
            event.parts.emplace_back(ReasoningPart{"", block.signature});
    } else if (block.type == "tool_use") {
        if (calls_.find(index) != nullptr) event.tool_calls.push_back(calls_.take(index));
    } else if (!block.raw.empty()) {
        ProviderPart part{"anthropic", block.type, block.raw};
        if (!block.input.empty()) {
            auto whole = json::parse(block.raw);
            auto input = json::parse(block.input);
            if (!whole || !input)
                return fail(ErrorCode::protocol, "the model's server sent a tool's input that is not JSON");
            whole->get_object()["input"] = std::move(*input);
            part.json = json::dump(*whole);
        }
        event.parts.emplace_back(std::move(part));
    } else {
        return {};
    }
    if (!event.parts.empty() || !event.tool_calls.empty() || !event.reasoning_signature.empty())
        give(std::move(event), events);
    return {};
}

void MessageDecoder::on_end(ChatEvent& last, std::vector<ChatEvent>& events) {
    // Blocks that were never closed are given as far as they came, when the answer has ended in order.
    while (!blocks_.empty())
        if (!close(blocks_.begin()->first, events)) break;
    last.finish = finish_.value_or(calls_.any() ? FinishReason::tool_calls : FinishReason::stop);
    last.usage.input_tokens = input_ + cache_read_ + cache_write_;
    last.usage.cached_input_tokens = cache_read_;
    last.usage.cache_write_tokens = cache_write_;
    last.usage.output_tokens = output_;
    last.usage.reasoning_tokens = thinking_;
    if (!told_) {
        last.id = id_;
        last.model = model_;
    }
    last.extensions.set(extras_);
}

Result<std::size_t> decode_count(std::string_view body) { return wire::decode_count(body, "input_tokens"); }

}  // namespace tenon::provider::anthropic
