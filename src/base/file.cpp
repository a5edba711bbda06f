#include "tenon/base/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tenon {
namespace {

class Descriptor {
  public:
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

  private:
    int fd_;
};

Error os_error(std::string_view action, const std::filesystem::path& path, int number) {
    ErrorCode code = ErrorCode::io;
    if (number == ENOENT || number == ENOTDIR) code = ErrorCode::not_found;
    if (number == EACCES || number == EPERM) code = ErrorCode::permission_denied;
    if (number == ENOSPC || number == EDQUOT || number == ENOMEM) code = ErrorCode::resource_exhausted;
    return {code, fmt::format("cannot {} {}: {}", action, path.string(), std::strerror(number))};
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
    const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.get() < 0) return std::unexpected(os_error("open", path, errno));
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) return std::unexpected(os_error("inspect", path, errno));
    if (!S_ISREG(info.st_mode)) return fail(ErrorCode::io, fmt::format("{} is not a regular file", path.string()));
    MappedFile file;
    file.size_ = static_cast<std::size_t>(info.st_size);
    if (file.size_ == 0) return file;
    void* address = ::mmap(nullptr, file.size_, PROT_READ, MAP_SHARED, fd.get(), 0);
    if (address == MAP_FAILED) {
        file.size_ = 0;
        return std::unexpected(os_error("map", path, errno));
    }
    file.data_ = static_cast<const std::byte*>(address);
    return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

MappedFile::~MappedFile() {
    if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::prefetch() const noexcept {
    if (data_ != nullptr) ::madvise(const_cast<std::byte*>(data_), size_, MADV_WILLNEED);
}

Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit) {
    const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.get() < 0) return std::unexpected(os_error("open", path, errno));
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) return std::unexpected(os_error("inspect", path, errno));
    if (S_ISDIR(info.st_mode)) return fail(ErrorCode::io, fmt::format("{} is a directory", path.string()));
    std::string out;
    if (info.st_size > 0) out.reserve(std::min(static_cast<std::size_t>(info.st_size), limit));
    std::string buffer(std::size_t{1} << 16, '\0');
    for (;;) {
        const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return std::unexpected(os_error("read", path, errno));
        if (n == 0) return out;
        if (out.size() + static_cast<std::size_t>(n) > limit)
            return fail(ErrorCode::resource_exhausted,
                        fmt::format("{} is longer than the limit of {} bytes", path.string(), limit));
        out.append(buffer.data(), static_cast<std::size_t>(n));
    }
}

Result<AtomicFile> AtomicFile::create(const std::filesystem::path& path) {
    AtomicFile file;
    file.path_ = path;
    file.temporary_ = path.string() + ".XXXXXX";
    file.descriptor_ = ::mkostemp(file.temporary_.data(), O_CLOEXEC);
    if (file.descriptor_ < 0) {
        file.temporary_.clear();
        return std::unexpected(os_error("create", path, errno));
    }
    return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(temporary_, other.temporary_);
    std::swap(descriptor_, other.descriptor_);
    return *this;
}

AtomicFile::~AtomicFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<void> AtomicFile::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(descriptor_, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return std::unexpected(os_error("write", path_, errno));
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

Result<void> AtomicFile::write(std::span<const std::byte> bytes) {
    return write(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

Result<void> AtomicFile::commit() {
    const mode_t mask = ::umask(0);
    ::umask(mask);
    ::fchmod(descriptor_, 0666 & ~mask);
    if (::fsync(descriptor_) != 0) return std::unexpected(os_error("sync", path_, errno));
    if (::close(std::exchange(descriptor_, -1)) != 0) return std::unexpected(os_error("close", path_, errno));
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) return std::unexpected(os_error("rename to", path_, errno));
    temporary_.clear();
    return {};
}

Result<void> write_file_atomic(const std::filesystem::path& path, std::string_view bytes) {
    TENON_TRY(AtomicFile file, AtomicFile::create(path));
    TENON_CHECK(file.write(bytes));
    return file.commit();
}

Result<TemporaryDirectory> TemporaryDirectory::create(std::string_view prefix) {
    std::error_code ignored;
    auto base = std::filesystem::temp_directory_path(ignored);
    if (ignored) base = "/tmp";
    std::string name = (base / (std::string(prefix) + "XXXXXX")).string();
    if (::mkdtemp(name.data()) == nullptr) return std::unexpected(os_error("create a directory in", base, errno));
    return TemporaryDirectory(name);
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace tenon
