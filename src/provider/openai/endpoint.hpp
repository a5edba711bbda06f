// Where an OpenAI-compatible server is and what it can do. Private to provider.
#pragma once

#include <memory>
#include <string>

#include "provider/wire/call.hpp"
#include "tenon/provider/openai.hpp"

namespace tenon::provider::openai {

struct Endpoint {
    Endpoint(std::shared_ptr<net::HttpClient> client, std::string model, OpenAiOptions options);
    [[nodiscard]] std::string url(std::string_view path) const;

    std::string model;
    OpenAiOptions options;
    std::shared_ptr<const wire::Caller> caller;
};

[[nodiscard]] llm::Capabilities capabilities_of(const OpenAiOptions& options);

}  // namespace tenon::provider::openai
