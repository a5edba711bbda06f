// What the kinds of source share: the job at hand, verified files, progress, cancellation.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/hash.hpp"
#include "tenon/hub/pull.hpp"
#include "tenon/hub/source.hpp"

namespace tenon::hub {

/// One pull. `folder` receives the files under their final names, each only when it is verified.
struct Job {
    Runtime& runtime;
    net::HttpClient& client;
    const PullOptions& options;
    CatalogEntry entry;
    std::filesystem::path staging;  ///< for anything else that must survive a restart
    std::filesystem::path folder;

    [[nodiscard]] Result<void> check_stop() const;
    void report(PullStage stage, std::string detail, std::uint64_t done, std::optional<std::uint64_t> total) const;
    /// What the catalogue demands of a file; `only` when the model is that one file. Null: nothing.
    [[nodiscard]] const ExpectedFile* expected(std::string_view name, bool only) const noexcept;
    [[nodiscard]] std::optional<std::uint64_t> expected_total() const noexcept;
    /// Errors: resource_exhausted, saying how much is missing.
    [[nodiscard]] Result<void> check_space(std::uint64_t bytes) const;
};

/// What the model consists of and which source delivered it.
struct Fetched {
    std::vector<InstalledFile> files;
    std::string source;
};

/// A file being written and hashed at once. Destroyed without `finish`, it stays as it is.
class HashedFile {
  public:
    [[nodiscard]] static Result<HashedFile> create(const std::filesystem::path& path);
    HashedFile(HashedFile&& other) noexcept;
    HashedFile& operator=(HashedFile&&) = delete;
    ~HashedFile();
    [[nodiscard]] Result<void> write(std::string_view bytes);
    /// Syncs and closes. The digest.
    [[nodiscard]] Result<std::string> finish();
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

  private:
    explicit HashedFile(std::filesystem::path path) : path_(std::move(path)) {}
    std::filesystem::path path_;
    int descriptor_ = -1;
    std::uint64_t size_ = 0;
    Sha256 hash_;
};

/// SHA-256 of a file, stopping when asked to.
[[nodiscard]] Result<std::string> hash_file(const Job& job, const std::filesystem::path& path, std::string_view shown);
/// Holds size and hash against what is expected and moves the file to its place in the job's folder; a wrong file is
/// deleted. Errors: corrupt, io.
[[nodiscard]] Result<InstalledFile> accept_file(const Job& job, const std::filesystem::path& part,
                                                const std::string& name, std::string sha256,
                                                const ExpectedFile* expected, std::string_view source);
/// The file at `name` in the job's folder from an earlier try, when it is still right.
[[nodiscard]] Result<std::optional<InstalledFile>> kept_file(const Job& job, const std::string& name,
                                                             const ExpectedFile* expected);

struct RemoteFile {
    std::string url;
    net::Headers headers;
    std::string name;  ///< in the model's folder
    const ExpectedFile* expected = nullptr;
    std::uint64_t bytes_before = 0;  ///< of the files that came earlier, for progress
    std::optional<std::uint64_t> bytes_total{};
};
/// Downloads with resumption; a resumed file that comes out wrong is fetched once more from the start.
[[nodiscard]] Result<InstalledFile> download_file(const Job& job, const RemoteFile& remote, std::string_view source);

[[nodiscard]] Result<Fetched> fetch_hf(const Job& job, const Source& source);
[[nodiscard]] Result<Fetched> fetch_pip(const Job& job, const Source& source);
[[nodiscard]] Result<Fetched> fetch_path(const Job& job, const Source& source);
[[nodiscard]] Result<Fetched> fetch_https(const Job& job, const Source& source);

}  // namespace tenon::hub
