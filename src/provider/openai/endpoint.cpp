#include "provider/openai/endpoint.hpp"

#include "provider/openai/request.hpp"
#include "provider/wire/fields.hpp"

namespace tenon::provider::openai {

Endpoint::Endpoint(std::shared_ptr<net::HttpClient> client, std::string model_name, OpenAiOptions given)
    : model(std::move(model_name)), options(std::move(given)) {
    net::Headers headers;
    if (!options.api_key.empty()) {
        if (options.api_key_header.empty())
            headers.set("Authorization", "Bearer " + options.api_key);
        else
            headers.set(options.api_key_header, options.api_key);
    }
    if (!options.organization.empty()) headers.set("OpenAI-Organization", options.organization);
    if (!options.project.empty()) headers.set("OpenAI-Project", options.project);
    for (const auto& field : options.headers) headers.set(field.name, field.value);
    caller = std::make_shared<const wire::Caller>(
        wire::Caller{std::move(client), std::move(headers), options.retry, options.idle_timeout});
}

std::string Endpoint::url(std::string_view path) const { return wire::endpoint(options.base_url, path, model); }

llm::Capabilities capabilities_of(const OpenAiOptions& options) {
    const auto& q = options.quirks;
    const bool itself = is_openai_host(options.base_url);
    llm::Capabilities can;
    can.tools = q.tools;
    can.forced_tools = q.tools && q.forced_tools;
    can.parallel_tools = q.tools && q.parallel_tools;
    can.images = q.images;
    can.audio = q.audio || itself;
    can.documents = q.documents || itself;
    can.logprobs = can.streaming = true;
    can.completion = q.completions;
    can.json = q.json;
    can.json_schema = q.json_schema;
    can.grammar = q.constraint != OpenAiQuirks::Constraint::none;
    can.regex = q.constraint == OpenAiQuirks::Constraint::vllm || q.constraint == OpenAiQuirks::Constraint::sglang;
    can.reasoning = q.reasoning != OpenAiQuirks::Reasoning::none;
    can.context_length = options.context_length;
    return can;
}

}  // namespace tenon::provider::openai
