// Models behind the Open Inference Protocol (KServe v2), as Triton and KServe serve them: published at
// github.com/kserve/open-inference-protocol (inference_rest.md, generate_rest.yaml) and in Triton's generate extension.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "tenon/llm/model.hpp"
#include "tenon/net/http_client.hpp"

namespace tenon::provider {

struct KserveOptions {
    std::string base_url = "http://127.0.0.1:8000";  ///< what "/v2/models/NAME/…" is appended to
    std::string api_key;                             ///< sent as a bearer token; empty: none
    std::string version;                             ///< of the model; empty: the server's choice
    net::Headers headers;
    net::RetryPolicy retry{};                ///< for what fails before the first token
    std::chrono::seconds idle_timeout{300};  ///< without a byte from the server
    std::uint64_t context_length = 0;        ///< of the model, when known
    /// The model's prompt for a conversation: the protocol knows text alone. Called from any thread.
    /// Unset: chat is unsupported, `complete` works.
    std::function<Result<std::string>(const llm::ChatRequest&)> prompt;
    /// Settings go into "parameters", as the protocol says; false: beside the text, as Triton's TensorRT-LLM and vLLM
    /// models may want.
    bool parameters = true;
    std::map<std::string, std::string> more;  ///< further parameters by name, each a JSON text
    // Embeddings, through infer
    std::string input = "TEXT", output = "EMBEDDING";  ///< names of the tensors: BYTES [n, 1] and FP32 [n, dimension]
    std::size_t batch = 32;                            ///< texts in one request
};

namespace kserve {

/// One tensor, row after row. Integers of all widths travel as int64 (UINT64 above 2⁶³ is an error: corrupt), FP16 to
/// FP64 as double, BYTES as strings, BOOL as integers 0 and 1.
struct Tensor {
    std::string name;
    std::string datatype;  ///< BOOL, UINT8 … UINT64, INT8 … INT64, FP16, FP32, FP64, BYTES
    std::vector<std::int64_t> shape;
    std::variant<std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>> data;
};

struct InferRequest {
    std::string id;
    std::vector<Tensor> inputs;
    std::vector<std::string> outputs;  ///< names of those wanted; empty: all
};
struct InferResponse {
    std::string id, model_name, model_version;
    std::vector<Tensor> outputs;
};

}  // namespace kserve

/// Any model of the server, tensor in, tensor out. Errors: invalid_argument (the data is not of the shape or type),
/// those of net::HttpClient and net::status_error, protocol (the answer is none).
[[nodiscard]] task<Result<kserve::InferResponse>> kserve_infer(std::shared_ptr<net::HttpClient> client,
                                                               std::string model, KserveOptions options,
                                                               kserve::InferRequest request, CallOptions call);

/// Text through generate_stream; understands Triton, whose streams
/// do not say that they are done. Tools, forms and reasoning are refused (unsupported). Token counts are estimated.
[[nodiscard]] llm::ChatModelPtr make_kserve_chat_model(std::shared_ptr<net::HttpClient> client, std::string model,
                                                       KserveOptions options);

/// Rows in the order of the texts, through infer. Errors as above; protocol also when the shape is not what it must be.
[[nodiscard]] llm::EmbedderPtr make_kserve_embedder(std::shared_ptr<net::HttpClient> client, std::string model,
                                                    KserveOptions options);

}  // namespace tenon::provider
