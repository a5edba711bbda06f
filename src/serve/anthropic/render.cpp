#include "serve/anthropic/render.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <ctime>

#include "tenon/provider/anthropic.hpp"
#include "tenon/provider/local.hpp"

namespace tenon::serve::anthropic {
namespace {

std::string_view error_type(const ApiError& error) {
    switch (error.status) {
        case 401:
            return "authentication_error";
        case 403:
            return "permission_error";
        case 404:
            return "not_found_error";
        case 413:
            return "request_too_large";
        case 429:
            return "rate_limit_error";
        case 503:
        case 529:
            return "overloaded_error";
        case 504:
            return "timeout_error";
        default:
            return error.status >= 500 ? "api_error" : "invalid_request_error";
    }
}

json::Object usage_object(const llm::Usage& u) {
    const auto cached = std::min(u.input_tokens, u.cached_input_tokens + u.cache_write_tokens);
    json::Object out{{"input_tokens", u.input_tokens - cached},
                     {"cache_creation_input_tokens", u.cache_write_tokens},
                     {"cache_read_input_tokens", u.cached_input_tokens},
                     {"output_tokens", u.output_tokens},
                     {"cache_creation", nullptr},
                     {"server_tool_use", nullptr},
                     {"service_tier", "standard"}};
    if (u.reasoning_tokens > 0) out["output_tokens_details"] = json::Object{{"thinking_tokens", u.reasoning_tokens}};
    return out;
}

/// Which stop string ended the answer, when the model's provider has told.
std::string stop_string(const llm::Extensions& extensions) {
    if (const auto* local = extensions.get<provider::local::AnswerExtras>()) return local->stop_string;
    if (const auto* remote = extensions.get<provider::anthropic::AnswerExtras>()) return remote->stop_sequence;
    return {};
}

struct Stop {
    json::Value reason, sequence = nullptr;
};
Stop stop_of(llm::FinishReason finish, const llm::Extensions& extensions) {
    switch (finish) {
        case llm::FinishReason::length:
            return {"max_tokens"};
        case llm::FinishReason::tool_calls:
            return {"tool_use"};
        case llm::FinishReason::content_filter:
            return {"refusal"};
        default:
            break;
    }
    if (const auto* remote = extensions.get<provider::anthropic::AnswerExtras>();
        remote != nullptr && remote->stop_reason == "pause_turn")
        return {"pause_turn"};
    const auto stop = stop_string(extensions);
    if (stop.empty()) return {"end_turn"};
    return {"stop_sequence", json::Value(stop)};
}

json::Object citation_object(const llm::CitationPart& c) {
    using Unit = llm::CitationPart::Unit;
    json::Object out{{"cited_text", c.cited_text}};
    if (c.unit == Unit::none) {
        out["type"] = "web_search_result_location";
        out["url"] = c.source;
        out["title"] = c.title;
        out["encrypted_index"] = "";
        return out;
    }
    const auto* unit = c.unit == Unit::characters ? "char" : c.unit == Unit::pages ? "page" : "block";
    out["type"] = c.unit == Unit::characters ? "char_location"
                  : c.unit == Unit::pages    ? "page_location"
                                             : "content_block_location";
    out["document_index"] = c.document.value_or(0);
    out["document_title"] = c.title.empty() ? c.source : c.title;
    out["file_id"] = nullptr;
    out[fmt::format("start_{}_{}", unit, c.unit == Unit::pages ? "number" : "index")] = c.start;
    out[fmt::format("end_{}_{}", unit, c.unit == Unit::pages ? "number" : "index")] = c.end;
    return out;
}

json::Object text_block(std::string_view text) { return {{"type", "text"}, {"text", std::string(text)}}; }
json::Object thinking_block(const llm::ReasoningPart& part) {
    if (!part.redacted.empty()) return {{"type", "redacted_thinking"}, {"data", part.redacted}};
    return {{"type", "thinking"}, {"thinking", part.text}, {"signature", part.signature}};
}
json::Object tool_block(std::string_view id, std::string_view name, json::Value input) {
    return {{"type", "tool_use"},
            {"id", std::string(id)},
            {"name", std::string(name)},
            {"input", std::move(input)},
            {"caller", json::Object{{"type", "direct"}}}};
}

/// Blocks of a whole answer.
struct Blocks {
    json::Array out{};
    void operator()(const llm::TextPart& part) { out.push_back(text_block(part.text)); }
    void operator()(const llm::ReasoningPart& part) { out.push_back(thinking_block(part)); }
    void operator()(const llm::ToolCallPart& part) {
        auto input = json::parse(part.arguments_json.empty() ? "{}" : part.arguments_json);
        out.push_back(tool_block(part.id, part.name, input ? std::move(*input) : json::Value(part.arguments_json)));
    }
    void operator()(const llm::CitationPart& part) {
        if (out.empty() || out.back().get_object()["type"] != "text") out.push_back(text_block(""));
        auto& citations = out.back().get_object()["citations"];
        if (!citations.is_array()) citations = json::Array();
        citations.get_array().push_back(citation_object(part));
    }
    void operator()(const llm::ProviderPart& part) {
        if (part.provider != "anthropic") return;
        if (auto block = json::parse(part.json); block && block->is_object()) out.push_back(std::move(*block));
    }
    // Pictures, sound and files have no place in this API's answers.
    template <class Other>
    void operator()(const Other&) {}
};

std::string rfc3339(std::int64_t seconds) {
    const auto time = static_cast<std::time_t>(seconds);
    std::tm parts{};
    gmtime_r(&time, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                       parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace

json::Value error_body(const ApiError& error, std::string_view request_id) {
    json::Object inside{{"type", std::string(error_type(error))}, {"message", error.message}};
    if (error.code == "thread_unsupported_request")
        inside["details"] = json::Object{{"error_code", *error.code}, {"unsupported", json::Array{*error.param}}};
    return json::Object{{"type", "error"}, {"error", std::move(inside)}, {"request_id", std::string(request_id)}};
}

net::HttpResponse error_response(const ApiError& error, std::string_view request_id) {
    auto out = net::HttpResponse::json(json::dump(error_body(error, request_id)), error.status);
    out.headers.set("request-id", std::string(request_id));
    if (error.retry_after_ms) out.headers.set("Retry-After", std::to_string((*error.retry_after_ms + 999) / 1000));
    return out;
}

json::Object model_object(const ModelEntry& model) {
    return {{"type", "model"},
            {"id", model.name},
            {"display_name", model.name},
            {"created_at", rfc3339(model.created)},
            {"max_input_tokens", model.context_length}};
}

MessageRenderer::MessageRenderer(std::string request_id) : request_id_(std::move(request_id)), id_(make_id("msg_")) {}

json::Object MessageRenderer::message(json::Array content, json::Value stop_reason, json::Value stop_sequence,
                                      json::Object usage) const {
    return {{"id", id_},
            {"type", "message"},
            {"role", "assistant"},
            {"model", model},
            {"content", std::move(content)},
            {"stop_reason", std::move(stop_reason)},
            {"stop_sequence", std::move(stop_sequence)},
            {"stop_details", nullptr},
            {"container", nullptr},
            {"usage", std::move(usage)}};
}

net::HttpResponse MessageRenderer::whole(const llm::ChatResponse& response) {
    Blocks blocks;
    for (const auto& part : response.message.content) std::visit(blocks, part);
    auto stop = stop_of(response.finish, response.extensions);
    auto out = net::HttpResponse::json(json::dump(message(std::move(blocks.out), std::move(stop.reason),
                                                          std::move(stop.sequence), usage_object(response.usage))));
    out.headers.set("request-id", request_id_);
    return out;
}

net::Headers MessageRenderer::stream_headers() const {
    auto headers = event_stream_headers();
    headers.set("request-id", request_id_);
    return headers;
}

std::string MessageRenderer::begin() {
    return sse("message_start", json::Object{{"type", "message_start"},
                                             {"message", message(json::Array(), nullptr, nullptr, usage_object({}))}});
}

std::string MessageRenderer::event(const llm::ChatEvent& event) {
    for (const auto& step : steps_.of(event)) std::visit(*this, step);
    if (event.finish) {
        close();
        auto stop = stop_of(*event.finish, event.extensions);
        bytes_ += sse("message_delta", json::Object{{"type", "message_delta"},
                                                    {"delta", json::Object{{"stop_reason", std::move(stop.reason)},
                                                                           {"stop_sequence", std::move(stop.sequence)},
                                                                           {"stop_details", nullptr},
                                                                           {"container", nullptr}}},
                                                    {"usage", usage_object(event.usage)}});
        bytes_ += sse("message_stop", json::Object{{"type", "message_stop"}});
    }
    return std::exchange(bytes_, {});
}

std::string MessageRenderer::failure(const ApiError& error) { return sse("error", error_body(error, request_id_)); }
net::HttpResponse MessageRenderer::error(const ApiError& error) const { return error_response(error, request_id_); }

void MessageRenderer::open(Open kind, json::Object block) {
    close();
    open_ = kind;
    bytes_ +=
        sse("content_block_start",
            json::Object{{"type", "content_block_start"}, {"index", index_}, {"content_block", std::move(block)}});
}

void MessageRenderer::delta(json::Object piece) {
    bytes_ += sse("content_block_delta",
                  json::Object{{"type", "content_block_delta"}, {"index", index_}, {"delta", std::move(piece)}});
}

void MessageRenderer::close() {
    if (open_ == Open::nothing) return;
    bytes_ += sse("content_block_stop", json::Object{{"type", "content_block_stop"}, {"index", index_++}});
    open_ = Open::nothing;
}

void MessageRenderer::operator()(const TextStep& step) {
    if (open_ != Open::text) open(Open::text, text_block(""));
    delta({{"type", "text_delta"}, {"text", step.text}});
}
void MessageRenderer::operator()(const ReasoningStep& step) {
    if (open_ != Open::thinking) open(Open::thinking, thinking_block({}));
    delta({{"type", "thinking_delta"}, {"thinking", step.text}});
}
void MessageRenderer::operator()(const SignatureStep& step) {
    if (open_ != Open::thinking) open(Open::thinking, thinking_block({}));
    delta({{"type", "signature_delta"}, {"signature", step.signature}});
    close();
}
void MessageRenderer::operator()(const CallStep& step) {
    open(Open::tool, tool_block(step.id, step.name, json::Object()));
}
void MessageRenderer::operator()(const ArgumentsStep& step) {
    delta({{"type", "input_json_delta"}, {"partial_json", step.text}});
}
void MessageRenderer::operator()(const CallEndStep&) { close(); }
void MessageRenderer::operator()(const PartStep& step) {
    if (const auto* citation = std::get_if<llm::CitationPart>(&step.part)) {
        if (open_ != Open::text) open(Open::text, text_block(""));
        delta({{"type", "citations_delta"}, {"citation", citation_object(*citation)}});
        return;
    }
    Blocks blocks;
    std::visit(blocks, step.part);
    for (auto& block : blocks.out) {
        open(Open::tool, std::move(block.get_object()));
        close();
    }
}

}  // namespace tenon::serve::anthropic
