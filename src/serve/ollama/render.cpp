#include "serve/ollama/render.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <ctime>

#include "serve/openai_render.hpp"

namespace tenon::serve::ollama {
namespace {

std::string line(const json::Object& object) { return json::dump(object) + "\n"; }

json::Object call_object(const llm::ToolCallPart& call, std::size_t index) {
    auto arguments = json::parse(call.arguments_json.empty() ? "{}" : call.arguments_json);
    return {{"id", call.id},
            {"function", json::Object{{"index", index},
                                      {"name", call.name},
                                      {"arguments", arguments ? std::move(*arguments) : json::Value(json::Object())}}}};
}

std::int64_t nanoseconds(double milliseconds) { return static_cast<std::int64_t>(milliseconds * 1e6); }

}  // namespace

std::string time_text(std::int64_t unix_seconds) {
    const auto time = static_cast<std::time_t>(unix_seconds);
    std::tm parts{};
    gmtime_r(&time, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                       parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string now_text() {
    using namespace std::chrono;
    const auto micros = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
    auto out = time_text(micros / 1'000'000);
    out.insert(out.size() - 1, fmt::format(".{:06}", micros % 1'000'000));
    return out;
}

json::Object OllamaRenderer::piece(std::string text, std::string thinking, json::Array calls) const {
    json::Object out{{"model", model}, {"created_at", now_text()}};
    if (kind_ == Kind::generate) {
        out["response"] = std::move(text);
        if (!thinking.empty()) out["thinking"] = std::move(thinking);
    } else {
        json::Object message{{"role", "assistant"}, {"content", std::move(text)}};
        if (!thinking.empty()) message["thinking"] = std::move(thinking);
        if (!calls.empty()) message["tool_calls"] = std::move(calls);
        out["message"] = std::move(message);
    }
    out["done"] = false;
    return out;
}

void OllamaRenderer::close(json::Object& out, llm::FinishReason finish, const llm::Usage& usage,
                           const llm::Timings& timings) const {
    const auto total = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - begun_);
    out["done"] = true;
    out["done_reason"] = finish == llm::FinishReason::length ? "length" : "stop";
    out["total_duration"] = total.count();
    out["load_duration"] = nanoseconds(timings.queue_ms);
    out["prompt_eval_count"] = usage.input_tokens;
    out["prompt_eval_duration"] = nanoseconds(timings.prompt_ms);
    out["eval_count"] = usage.output_tokens;
    out["eval_duration"] = nanoseconds(timings.decode_ms);
}

net::HttpResponse OllamaRenderer::whole(const llm::ChatResponse& response) {
    json::Array calls;
    for (const auto* call : response.message.tool_calls()) calls.push_back(call_object(*call, calls.size()));
    auto out = piece(response.message.text(), response.message.reasoning(), std::move(calls));
    if (!response.logprobs.empty())
        out["logprobs"] = std::move(render_chat_logprobs(response.logprobs).get_object()["content"]);
    close(out, response.finish, response.usage, response.timings);
    return net::HttpResponse::json(json::dump(out));
}

net::Headers OllamaRenderer::stream_headers() const {
    net::Headers headers;
    headers.add("Content-Type", "application/x-ndjson");
    headers.add("Cache-Control", "no-cache");
    return headers;
}

std::string OllamaRenderer::event(const llm::ChatEvent& event) {
    json::Array calls;
    for (const auto& step : steps_.of(event))
        if (const auto* end = std::get_if<CallEndStep>(&step)) calls.push_back(call_object(end->call, end->index));
    std::string bytes;
    if (!event.text.empty() || !event.reasoning.empty() || !calls.empty() || !event.logprobs.empty()) {
        auto out = piece(event.text, event.reasoning, std::move(calls));
        if (!event.logprobs.empty())
            out["logprobs"] = std::move(render_chat_logprobs(event.logprobs).get_object()["content"]);
        bytes = line(out);
    }
    if (event.finish) {
        auto out = piece({}, {}, {});
        close(out, *event.finish, event.usage, event.timings);
        bytes += line(out);
    }
    return bytes;
}

std::string OllamaRenderer::failure(const ApiError& error) { return line({{"error", error.message}}); }

net::HttpResponse OllamaRenderer::error(const ApiError& error) const { return error_line(error); }

net::HttpResponse error_line(const ApiError& error) {
    auto out = net::HttpResponse::json(json::dump(json::Object{{"error", error.message}}), error.status);
    if (error.retry_after_ms) out.headers.set("Retry-After", std::to_string((*error.retry_after_ms + 999) / 1000));
    return out;
}

}  // namespace tenon::serve::ollama
