#include "serve/gemini/render.hpp"

#include <boost/json.hpp>
#include <utility>

#include "tenon/base/base64.hpp"

namespace tenon::serve::gemini {
namespace {

const char* status_name(int status) {
    switch (status) {
        case 401:
            return "UNAUTHENTICATED";
        case 403:
            return "PERMISSION_DENIED";
        case 404:
            return "NOT_FOUND";
        case 429:
            return "RESOURCE_EXHAUSTED";
        case 501:
            return "UNIMPLEMENTED";
        case 503:
            return "UNAVAILABLE";
        case 504:
            return "DEADLINE_EXCEEDED";
        default:
            return status >= 500 ? "INTERNAL" : "INVALID_ARGUMENT";
    }
}

const char* finish_name(llm::FinishReason reason) {
    if (reason == llm::FinishReason::length) return "MAX_TOKENS";
    if (reason == llm::FinishReason::content_filter) return "SAFETY";
    return "STOP";
}

json::Object usage_object(const llm::Usage& u) {
    json::Object out{{"promptTokenCount", u.input_tokens},
                     {"candidatesTokenCount", u.output_tokens - std::min(u.output_tokens, u.reasoning_tokens)},
                     {"totalTokenCount", u.input_tokens + u.output_tokens}};
    if (u.reasoning_tokens > 0) out["thoughtsTokenCount"] = u.reasoning_tokens;
    if (u.cached_input_tokens > 0) out["cachedContentTokenCount"] = u.cached_input_tokens;
    return out;
}

json::Value logprobs_object(const std::vector<llm::TokenLogprob>& tokens) {
    json::Array chosen, tops;
    for (const auto& token : tokens) {
        chosen.push_back(json::Object{{"token", token.text}, {"logProbability", token.logprob}});
        json::Array others;
        for (const auto& other : token.top)
            others.push_back(json::Object{{"token", other.text}, {"logProbability", other.logprob}});
        tops.push_back(json::Object{{"candidates", std::move(others)}});
    }
    return json::Object{{"chosenCandidates", std::move(chosen)}, {"topCandidates", std::move(tops)}};
}

/// Parts of an answer; citations stand beside them.
struct Parts {
    bool thoughts;
    json::Array out{}, sources{};

    void operator()(const llm::TextPart& part) { out.push_back(json::Object{{"text", part.text}}); }
    void operator()(const llm::ReasoningPart& part) {
        if (!thoughts || (part.text.empty() && part.signature.empty())) return;
        json::Object object{{"text", part.text}, {"thought", true}};
        if (!part.signature.empty()) object["thoughtSignature"] = part.signature;
        out.push_back(std::move(object));
    }
    void operator()(const llm::ToolCallPart& part) {
        auto args = json::parse(part.arguments_json.empty() ? "{}" : part.arguments_json);
        json::Object object{
            {"functionCall", json::Object{{"id", part.id},
                                          {"name", part.name},
                                          {"args", args ? std::move(*args) : json::Value(json::Object())}}}};
        if (!part.signature.empty()) object["thoughtSignature"] = part.signature;
        out.push_back(std::move(object));
    }
    void operator()(const llm::ImagePart& part) { media(part.media_type, part.bytes); }
    void operator()(const llm::AudioPart& part) { media(part.media_type, part.bytes); }
    void operator()(const llm::CitationPart& part) {
        sources.push_back(json::Object{{"uri", part.source}, {"title", part.title}});
    }
    void operator()(const llm::ProviderPart& part) {
        if (part.provider != "gemini") return;
        if (auto object = json::parse(part.json); object && object->is_object()) out.push_back(std::move(*object));
    }
    template <class Other>
    void operator()(const Other&) {}

    void media(const std::string& type, const std::string& bytes) {
        if (!bytes.empty())
            out.push_back(
                json::Object{{"inlineData", json::Object{{"mimeType", type}, {"data", base64_encode(bytes)}}}});
    }

    // Steps of a stream:
    void operator()(const TextStep& step) { (*this)(llm::TextPart{step.text}); }
    void operator()(const ReasoningStep& step) { (*this)(llm::ReasoningPart{step.text, {}}); }
    void operator()(const SignatureStep& step) { (*this)(llm::ReasoningPart{{}, step.signature}); }
    void operator()(const CallStep&) {}
    void operator()(const ArgumentsStep&) {}
    void operator()(const CallEndStep& step) { (*this)(step.call); }
    void operator()(const PartStep& step) { std::visit(*this, step.part); }

    [[nodiscard]] json::Object candidate() {
        json::Object object{{"content", json::Object{{"parts", std::move(out)}, {"role", "model"}}}, {"index", 0}};
        if (!sources.empty()) object["citationMetadata"] = json::Object{{"citationSources", std::move(sources)}};
        return object;
    }
};

}  // namespace

json::Value error_object(const ApiError& error) {
    return json::Object{
        {"error",
         json::Object{{"code", error.status}, {"message", error.message}, {"status", status_name(error.status)}}}};
}

net::HttpResponse google_error(const ApiError& error) {
    auto out = net::HttpResponse::json(json::dump(error_object(error)), error.status);
    if (error.retry_after_ms) out.headers.set("Retry-After", std::to_string((*error.retry_after_ms + 999) / 1000));
    return out;
}

GeminiRenderer::GeminiRenderer(Form form, bool thoughts) : form_(form), thoughts_(thoughts), id_(make_id("")) {}

json::Object GeminiRenderer::response(json::Object candidate) const {
    json::Array candidates;
    candidates.push_back(std::move(candidate));
    return {{"candidates", std::move(candidates)}, {"modelVersion", model}, {"responseId", id_}};
}

net::HttpResponse GeminiRenderer::whole(const llm::ChatResponse& answer) {
    Parts parts{thoughts_};
    for (const auto& part : answer.message.content) std::visit(parts, part);
    auto candidate = parts.candidate();
    candidate["finishReason"] = finish_name(answer.finish);
    if (!answer.logprobs.empty()) candidate["logprobsResult"] = logprobs_object(answer.logprobs);
    auto out = response(std::move(candidate));
    out["usageMetadata"] = usage_object(answer.usage);
    return net::HttpResponse::json(json::dump(out));
}

net::Headers GeminiRenderer::stream_headers() const {
    if (form_ == Form::sse) return event_stream_headers();
    net::Headers headers;
    headers.add("Content-Type", "application/json");
    headers.add("Cache-Control", "no-cache");
    return headers;
}

std::string GeminiRenderer::item(const json::Value& value) {
    if (form_ == Form::sse) return sse({}, value);
    return (std::exchange(begun_, true) ? ",\r\n" : "[") + json::dump(value);
}

std::string GeminiRenderer::event(const llm::ChatEvent& event) {
    Parts parts{thoughts_};
    for (const auto& step : steps_.of(event)) std::visit(parts, step);
    if (parts.out.empty() && parts.sources.empty() && event.logprobs.empty() && !event.finish) return {};
    auto candidate = parts.candidate();
    if (!event.logprobs.empty()) candidate["logprobsResult"] = logprobs_object(event.logprobs);
    if (event.finish) candidate["finishReason"] = finish_name(*event.finish);
    auto out = response(std::move(candidate));
    if (event.finish) out["usageMetadata"] = usage_object(event.usage);
    auto bytes = item(out);
    if (event.finish && form_ == Form::array) bytes += "]";
    return bytes;
}

std::string GeminiRenderer::failure(const ApiError& error) {
    auto bytes = item(error_object(error));
    if (form_ == Form::array) bytes += "]";
    return bytes;
}

net::HttpResponse GeminiRenderer::error(const ApiError& error) const { return google_error(error); }

}  // namespace tenon::serve::gemini
