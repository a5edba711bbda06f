#include "serve/responses/render.hpp"

#include <algorithm>
#include <utility>

#include "serve/openai_render.hpp"
#include "serve/responses/items.hpp"

namespace tenon::serve::responses {
namespace {

json::Array logprobs_array(const std::vector<llm::TokenLogprob>& tokens) {
    auto rendered = render_chat_logprobs(tokens);
    return std::move(rendered.get_object()["content"].get_array());
}

json::Object url_citation(const llm::CitationPart& c, std::size_t end) {
    return {{"type", "url_citation"},
            {"url", c.source},
            {"title", c.title},
            {"start_index", end - std::min(end, c.cited_text.size())},
            {"end_index", end}};
}

}  // namespace

json::Object usage_object(const llm::Usage& u) {
    return {{"input_tokens", u.input_tokens},
            {"input_tokens_details",
             json::Object{{"cached_tokens", u.cached_input_tokens}, {"cache_write_tokens", u.cache_write_tokens}}},
            {"output_tokens", u.output_tokens},
            {"output_tokens_details", json::Object{{"reasoning_tokens", u.reasoning_tokens}}},
            {"total_tokens", u.input_tokens + u.output_tokens}};
}

ResponseRenderer::ResponseRenderer(Options options) : options_(std::move(options)), created_(unix_now()) {}

json::Object ResponseRenderer::response(std::string_view status) const {
    json::Object out{
        {"id", options_.id},   {"object", "response"}, {"created_at", created_},        {"status", std::string(status)},
        {"background", false}, {"error", nullptr},     {"incomplete_details", nullptr}, {"model", model},
        {"output", output_},   {"usage", nullptr}};
    for (const auto& [key, value] : options_.echo) out[key] = value;
    return out;
}

json::Object ResponseRenderer::finished(llm::FinishReason finish, const llm::Usage& usage) {
    const bool cut = finish == llm::FinishReason::length || finish == llm::FinishReason::content_filter;
    auto out = response(cut ? "incomplete" : "completed");
    if (cut)
        out["incomplete_details"] =
            json::Object{{"reason", finish == llm::FinishReason::length ? "max_output_tokens" : "content_filter"}};
    else
        out["completed_at"] = unix_now();
    out["usage"] = usage_object(usage);
    if (options_.keep) options_.keep(out, std::move(built_.take().message));
    return out;
}

net::HttpResponse ResponseRenderer::whole(const llm::ChatResponse& response) {
    // Each part as an event, so that items are made in one place.
    bool said = false;
    for (const auto& part : response.message.content) {
        llm::ChatEvent one;
        if (const auto* text = std::get_if<llm::TextPart>(&part))
            one.text = text->text;
        else if (const auto* call = std::get_if<llm::ToolCallPart>(&part))
            one.tool_calls.push_back(*call);
        else if (const auto* thought = std::get_if<llm::ReasoningPart>(&part);
                 thought != nullptr && thought->id.empty() && thought->redacted.empty()) {
            one.reasoning = thought->text;
            one.reasoning_signature = thought->signature;
        } else
            one.parts.push_back(part);
        fresh_logprobs_.clear();
        if (!one.text.empty() && !std::exchange(said, true)) fresh_logprobs_ = response.logprobs;
        for (const auto& step : steps_.of(one)) std::visit(*this, step);
        built_.add(std::move(one));
    }
    close();
    return net::HttpResponse::json(json::dump(finished(response.finish, response.usage)));
}

net::Headers ResponseRenderer::stream_headers() const { return event_stream_headers(); }

std::string ResponseRenderer::begin() {
    streaming_ = true;
    say("response.created", {{"response", response("in_progress")}});
    say("response.in_progress", {{"response", response("in_progress")}});
    return std::exchange(bytes_, {});
}

std::string ResponseRenderer::event(const llm::ChatEvent& event) {
    fresh_logprobs_ = event.logprobs;
    for (const auto& step : steps_.of(event)) std::visit(*this, step);
    built_.add(event);
    if (event.finish) {
        close();
        auto last = finished(*event.finish, event.usage);
        const auto status = last["status"] == "completed" ? "response.completed" : "response.incomplete";
        say(status, {{"response", std::move(last)}});
    }
    return std::exchange(bytes_, {});
}

std::string ResponseRenderer::failure(const ApiError& error) {
    close();
    auto failed = response("failed");
    failed["error"] = json::Object{{"code", error.code.value_or("server_error")}, {"message", error.message}};
    say("response.failed", {{"response", std::move(failed)}});
    say("error", {{"code", error.code.value_or("server_error")},
                  {"message", error.message},
                  {"param", error.param ? json::Value(*error.param) : json::Value(nullptr)}});
    return std::exchange(bytes_, {});
}

net::HttpResponse ResponseRenderer::error(const ApiError& error) const { return error_response(error); }

void ResponseRenderer::say(std::string_view type, json::Object fields) {
    if (!streaming_) return;
    json::Object out{{"type", std::string(type)}, {"sequence_number", sequence_++}};
    for (auto& [key, value] : fields) out[key] = std::move(value);
    bytes_ += sse(type, out);
}

void ResponseRenderer::say_in_item(std::string_view type, json::Object fields) {
    json::Object out{{"item_id", item_["id"]}, {"output_index", output_.size()}};
    for (auto& [key, value] : fields) out[key] = std::move(value);
    say(type, std::move(out));
}

void ResponseRenderer::open(Open kind, json::Object item) {
    close();
    open_ = kind;
    item_ = std::move(item);
    text_.clear();
    annotations_.clear();
    logprobs_.clear();
    thought_ = {};
    say("response.output_item.added", {{"output_index", output_.size()}, {"item", item_}});
}

void ResponseRenderer::close() {
    if (open_ == Open::nothing) return;
    if (open_ == Open::message) close_message();
    if (open_ == Open::reasoning) close_reasoning();
    if (open_ == Open::call) {
        say_in_item("response.function_call_arguments.done", {{"name", item_["name"]}, {"arguments", text_}});
        item_["arguments"] = text_;
    }
    if (open_ != Open::reasoning) item_["status"] = "completed";
    say("response.output_item.done", {{"output_index", output_.size()}, {"item", item_}});
    output_.push_back(std::move(item_));
    open_ = Open::nothing;
}

void ResponseRenderer::close_message() {
    json::Object part{{"type", "output_text"}, {"text", text_}, {"annotations", annotations_}};
    part["logprobs"] = options_.logprobs ? logprobs_array(logprobs_) : json::Array();
    say_in_item("response.output_text.done", {{"content_index", 0}, {"text", text_}, {"logprobs", part["logprobs"]}});
    say_in_item("response.content_part.done", {{"content_index", 0}, {"part", part}});
    item_["content"] = json::Array{std::move(part)};
}

void ResponseRenderer::close_reasoning() {
    if (!thought_.text.empty()) {
        const json::Object part{{"type", "summary_text"}, {"text", thought_.text}};
        say_in_item("response.reasoning_summary_text.done", {{"summary_index", 0}, {"text", thought_.text}});
        say_in_item("response.reasoning_summary_part.done", {{"summary_index", 0}, {"part", part}});
        item_["summary"] = json::Array{part};
    }
    if (options_.sealed_thoughts) {
        const auto sealed = seal(thought_);
        item_["encrypted_content"] = sealed.empty() ? json::Value(nullptr) : json::Value(sealed);
    }
}

void ResponseRenderer::open_message() {
    if (open_ == Open::message) return;
    open(Open::message, {{"id", make_id("msg_")},
                         {"type", "message"},
                         {"status", "in_progress"},
                         {"role", "assistant"},
                         {"content", json::Array()}});
    say_in_item("response.content_part.added", {{"content_index", 0},
                                                {"part", json::Object{{"type", "output_text"},
                                                                      {"text", ""},
                                                                      {"annotations", json::Array()},
                                                                      {"logprobs", json::Array()}}}});
}

void ResponseRenderer::open_reasoning() {
    if (open_ == Open::reasoning) return;
    open(Open::reasoning, {{"id", make_id("rs_")}, {"type", "reasoning"}, {"summary", json::Array()}});
}

void ResponseRenderer::operator()(const TextStep& step) {
    open_message();
    text_ += step.text;
    json::Array logprobs;
    if (options_.logprobs) {
        logprobs = logprobs_array(fresh_logprobs_);
        std::ranges::copy(fresh_logprobs_, std::back_inserter(logprobs_));
    }
    say_in_item("response.output_text.delta",
                {{"content_index", 0}, {"delta", step.text}, {"logprobs", std::move(logprobs)}});
}

void ResponseRenderer::operator()(const ReasoningStep& step) {
    open_reasoning();
    if (thought_.text.empty())
        say_in_item("response.reasoning_summary_part.added",
                    {{"summary_index", 0}, {"part", json::Object{{"type", "summary_text"}, {"text", ""}}}});
    thought_.text += step.text;
    say_in_item("response.reasoning_summary_text.delta", {{"summary_index", 0}, {"delta", step.text}});
}

void ResponseRenderer::operator()(const SignatureStep& step) {
    open_reasoning();
    thought_.signature = step.signature;
    close();
}

void ResponseRenderer::operator()(const CallStep& step) {
    open(Open::call, {{"id", make_id("fc_")},
                      {"type", "function_call"},
                      {"status", "in_progress"},
                      {"call_id", step.id},
                      {"name", step.name},
                      {"arguments", ""}});
}
void ResponseRenderer::operator()(const ArgumentsStep& step) {
    text_ += step.text;
    say_in_item("response.function_call_arguments.delta", {{"delta", step.text}});
}
void ResponseRenderer::operator()(const CallEndStep&) { close(); }

void ResponseRenderer::operator()(const PartStep& step) {
    if (const auto* thought = std::get_if<llm::ReasoningPart>(&step.part)) {
        open_reasoning();
        if (!thought->text.empty()) (*this)(ReasoningStep{thought->text});
        thought_.id = thought->id;
        thought_.redacted = thought->redacted;
        if (!thought->signature.empty()) thought_.signature = thought->signature;
        close();
    } else if (const auto* citation = std::get_if<llm::CitationPart>(&step.part)) {
        open_message();
        auto annotation = url_citation(*citation, text_.size());
        say_in_item("response.output_text.annotation.added",
                    {{"content_index", 0}, {"annotation_index", annotations_.size()}, {"annotation", annotation}});
        annotations_.push_back(std::move(annotation));
    }
    // Pictures, sound and files have no place in answers to function tools.
}

}  // namespace tenon::serve::responses
