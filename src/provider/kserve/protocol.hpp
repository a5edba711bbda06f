// Bodies of the Open Inference Protocol. No sockets. Private to provider.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "provider/wire/decoder.hpp"
#include "tenon/provider/kserve.hpp"

namespace tenon::provider::kserve {

/// Body of …/infer. Errors: invalid_argument (the data does not fill the shape, or is of another type).
[[nodiscard]] Result<std::string> infer_body(const InferRequest& request);
/// Errors: protocol, corrupt.
[[nodiscard]] Result<InferResponse> decode_infer(std::string_view body);

/// Body of …/generate and …/generate_stream. Errors: invalid_argument, unsupported.
[[nodiscard]] Result<std::string> generate_body(const std::string& prompt, const llm::GenerationSettings& settings,
                                                const KserveOptions& options);

/// One answer of …/generate_stream or …/generate.
class GenerateDecoder final : public wire::StreamDecoder {
  public:
    explicit GenerateDecoder(std::string echo = {}) : echo_(std::move(echo)) {}

  private:
    [[nodiscard]] Result<void> on_message(const json::Value& value, std::vector<llm::ChatEvent>& events) override;
    [[nodiscard]] Result<void> on_whole(const json::Value& value, std::vector<llm::ChatEvent>& events) override;
    void on_end(llm::ChatEvent& last, std::vector<llm::ChatEvent>& events) override;
    /// Triton's streams end with their body.
    [[nodiscard]] bool may_end() const noexcept override { return begun_ && !has_done_; }

    std::string echo_;
    bool begun_ = false, has_done_ = false;
    std::optional<llm::FinishReason> finish_;
};

}  // namespace tenon::provider::kserve
