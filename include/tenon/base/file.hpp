// Files: mapped reading, whole-file reading, atomic writing.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "tenon/base/error.hpp"

namespace tenon {

/// A file mapped read-only. The bytes stay valid while the object lives; moving it keeps them.
/// Reading from several threads at once is safe. If another process truncates the file, access raises SIGBUS,
/// as with any mapping: Tenon installs model files by rename, so its own never shrink.
class MappedFile {
  public:
    /// Errors: not_found, io (unreadable, a directory).
    [[nodiscard]] static Result<MappedFile> open(const std::filesystem::path& path);
    MappedFile(MappedFile&& other) noexcept;
    MappedFile& operator=(MappedFile&& other) noexcept;
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    ~MappedFile();

    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
    /// Asks the kernel to read the whole file ahead; a hint, never an error.
    void prefetch() const noexcept;

  private:
    MappedFile() = default;
    const std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

/// The whole file. Errors: not_found, io, resource_exhausted (longer than `limit` bytes).
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path,
                                            std::size_t limit = std::size_t{1} << 32);

/// A file that comes into being whole: written beside `path`, then synced and renamed over it. Readers see the old file
/// or the new, never a part; without `commit` nothing is left. For one thread at a time.
class AtomicFile {
  public:
    /// Errors: not_found (the folder), permission_denied, io.
    [[nodiscard]] static Result<AtomicFile> create(const std::filesystem::path& path);
    AtomicFile(AtomicFile&& other) noexcept;
    AtomicFile& operator=(AtomicFile&& other) noexcept;
    ~AtomicFile();
    /// Errors: resource_exhausted (the disk is full), io.
    [[nodiscard]] Result<void> write(std::string_view bytes);
    [[nodiscard]] Result<void> write(std::span<const std::byte> bytes);
    /// Errors: those of `write`.
    [[nodiscard]] Result<void> commit();

  private:
    AtomicFile() = default;
    std::filesystem::path path_;
    std::string temporary_;  ///< empty: nothing to remove
    int descriptor_ = -1;
};

/// Writes beside `path`, syncs, and renames over it: readers see the old file or the new, never a part.
[[nodiscard]] Result<void> write_file_atomic(const std::filesystem::path& path, std::string_view bytes);

/// A directory removed with everything in it when the object dies.
class TemporaryDirectory {
  public:
    [[nodiscard]] static Result<TemporaryDirectory> create(std::string_view prefix = "tenon-");
    TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;
    ~TemporaryDirectory();
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  private:
    explicit TemporaryDirectory(std::filesystem::path path) : path_(std::move(path)) {}
    std::filesystem::path path_;
};

}  // namespace tenon
