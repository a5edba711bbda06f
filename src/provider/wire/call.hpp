// The transport around the protocol cores: one request, retried until its answer begins, and the answer as a stream.
// Private to provider.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "provider/wire/decoder.hpp"
#include "tenon/net/http_client.hpp"

namespace tenon::provider::wire {

using MakeDecoder = std::function<std::unique_ptr<StreamDecoder>()>;

/// Where and how requests go; shared by the calls of one model.
struct Caller {
    std::shared_ptr<net::HttpClient> client;
    net::Headers headers;
    net::RetryPolicy retry{};
    std::chrono::seconds idle_timeout{300};
};

/// POST of a JSON body. A call may be sent again only while none of its answer has been given out; what came before a
/// fault is given out first. Errors: those of net::HttpClient and error_of_response, and the decoder's.
[[nodiscard]] task<Result<StreamPtr<llm::ChatEvent>>> ask(std::shared_ptr<const Caller> caller, std::string url,
                                                          std::string body, MakeDecoder decoder, CallOptions options);

/// POST of a JSON body; the body of an answer of status 200. Errors: those of net::HttpClient and error_of_response.
[[nodiscard]] task<Result<std::string>> post(std::shared_ptr<const Caller> caller, std::string url, std::string body,
                                             CallOptions options);

}  // namespace tenon::provider::wire
