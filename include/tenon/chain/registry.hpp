// Prompts with their versions: what was said, when, and which of them is in use.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tenon/chain/document.hpp"

namespace tenon::chain {

struct PromptVersion {
    std::uint32_t number = 0;  ///< 1, 2 … in the order they were put
    std::string hash;          ///< SHA-256 of the text, 64 hexadecimal digits
    std::string note;
    std::int64_t created = 0;  ///< seconds since 1970
};

/// What is known of one prompt.
struct PromptHistory {
    std::string name;
    std::vector<PromptVersion> versions;  ///< oldest first
    /// For each tag the numbers it has pointed at, oldest first; the last is where it points.
    std::map<std::string, std::vector<std::uint32_t>> tags;
    /// For each experiment its ways (a tag or version) with their weights.
    std::map<std::string, std::vector<std::pair<std::string, double>>> experiments;
};

/// A version and its text.
struct StoredPrompt {
    PromptVersion version;
    std::string text;
    PromptDocument document;
};

/// Where prompts are kept. Thread-safe. References: "latest" or nothing, a tag, "v3" or "3", or the first digits (four
/// at least) of a hash.
class PromptStore {
  public:
    virtual ~PromptStore() = default;
    [[nodiscard]] virtual Result<std::vector<std::string>> list() const = 0;
    /// Errors: not_found.
    [[nodiscard]] virtual Result<PromptHistory> history(const std::string& name) const = 0;
    /// Errors: not_found, corrupt (the text does not match its hash).
    [[nodiscard]] virtual Result<StoredPrompt> get(const std::string& name, const std::string& reference) const = 0;
    /// Keeps a text as the newest version, unless the newest has the very text already. Errors: those of
    /// PromptDocument::parse, invalid_argument (a name that is none).
    [[nodiscard]] virtual Result<PromptVersion> put(const std::string& name, std::string text, std::string note) = 0;
    /// Points a tag at a version. Errors: not_found, invalid_argument (a tag that reads as a version).
    [[nodiscard]] virtual Result<PromptVersion> tag(const std::string& name, const std::string& tag,
                                                    const std::string& reference) = 0;
    /// Points a tag at what it pointed at before. Errors: not_found (nothing was before).
    [[nodiscard]] virtual Result<PromptVersion> roll_back(const std::string& name, const std::string& tag) = 0;
    /// Sets the ways of an experiment; without ways it ends. Errors: not_found, invalid_argument (weights).
    [[nodiscard]] virtual Result<void> experiment(const std::string& name, const std::string& experiment,
                                                  std::vector<std::pair<std::string, double>> ways) = 0;

    /// The way that an experiment chooses for `key` (a user, a session): the same key always goes the same way while
    /// the ways and weights stay. Errors: not_found.
    [[nodiscard]] Result<StoredPrompt> choose(const std::string& name, const std::string& experiment,
                                              std::string_view key) const;
};

/// In a folder: NAME/prompt.toml and NAME/HASH.prompt, as docs/formats/prompt.md says; every file is written whole or
/// not at all, and writers of several processes take turns. `now` is the clock, for tests. Errors: io.
[[nodiscard]] Result<std::shared_ptr<PromptStore>> open_prompt_folder(
    std::filesystem::path folder,
    std::function<std::chrono::system_clock::time_point()> now = std::chrono::system_clock::now);

/// The number in [0, 1) that an experiment draws for a key.
[[nodiscard]] double draw_for(std::string_view name, std::string_view experiment, std::string_view key);

/// What changed, line by line, in the unified format with three lines of context; empty when nothing did.
[[nodiscard]] std::string unified_diff(std::string_view before, std::string_view after, std::string_view before_label,
                                       std::string_view after_label);

}  // namespace tenon::chain
