// Downloading into a file, with resumption by byte ranges (RFC 9110 §14).
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "tenon/net/http_client.hpp"

namespace tenon::net {
namespace {

class OutputFile {
  public:
    static Result<OutputFile> open(const std::filesystem::path& path) {
        OutputFile file;
        file.path_ = path;
        file.descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        struct stat status {};
        if (file.descriptor_ < 0 || ::fstat(file.descriptor_, &status) != 0) return file.failed("open");
        file.size_ = static_cast<std::uint64_t>(status.st_size);
        return file;
    }
    OutputFile() = default;
    OutputFile(OutputFile&& other) noexcept
        : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_) {}
    OutputFile& operator=(OutputFile&&) = delete;
    ~OutputFile() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }

    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

    Result<void> truncate() {
        if (::ftruncate(descriptor_, 0) != 0) return failed("truncate");
        size_ = 0;
        return {};
    }
    Result<void> append(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto written = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
            if (written < 0 && errno == EINTR) continue;
            if (written <= 0) return failed("write");
            size_ += static_cast<std::uint64_t>(written);
            bytes.remove_prefix(static_cast<std::size_t>(written));
        }
        return {};
    }
    Result<void> sync() {
        if (::fsync(descriptor_) != 0) return failed("write");
        return {};
    }

  private:
    [[nodiscard]] std::unexpected<Error> failed(std::string_view what) const {
        const int code = errno;
        return fail(code == ENOSPC || code == EDQUOT ? ErrorCode::resource_exhausted : ErrorCode::io,
                    fmt::format("cannot {} {}: {}", what, path_.string(), std::strerror(code)));
    }
    std::filesystem::path path_;
    int descriptor_ = -1;
    std::uint64_t size_ = 0;
};

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return value;
}

struct ContentRange {
    std::optional<std::uint64_t> first, total;
};

/// "bytes 100-199/1000", "bytes 100-199/*", "bytes */1000".
std::optional<ContentRange> parse_content_range(std::string_view text) {
    if (!text.starts_with("bytes ")) return std::nullopt;
    text.remove_prefix(6);
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    ContentRange range;
    range.total = number(text.substr(slash + 1));
    if (const auto dash = text.find('-'); dash != std::string_view::npos && dash < slash)
        range.first = number(text.substr(0, dash));
    return range;
}

struct Attempt {
    HttpClient* client;
    DownloadRequest* request;
    OutputFile* file;
    DownloadResult* result;
    std::string* etag;
};

task<Result<std::string>> excerpt(StreamPtr<std::string> body) {
    std::string text;
    while (text.size() < 300) {
        auto chunk = co_await body->next();
        if (!chunk || !*chunk) break;
        text += **chunk;
    }
    co_return text.substr(0, 300);
}

/// One request; the pointers outlive it, as they belong to the coroutine that awaits it.
task<Result<void>> attempt_once(Attempt at, CallOptions options) {
    auto& [client, request, file, result, etag] = at;
    ClientRequest get;
    get.url = request->url;
    get.headers = request->headers;
    get.accept_compressed = false;  // ranges count the bytes of the file itself
    get.idle_timeout = request->idle_timeout;
    const std::uint64_t have = file->size();
    if (have > 0) {
        get.headers.set("Range", fmt::format("bytes={}-", have));
        if (!etag->empty() && !etag->starts_with("W/")) get.headers.set("If-Range", *etag);
    }
    TENON_CO_TRY(auto response, co_await client->open(std::move(get), options));
    const auto range = parse_content_range(response.headers.find("content-range").value_or(""));
    result->url = response.url;
    result->headers = response.headers;
    std::optional<std::uint64_t> total;
    if (have > 0 && response.status == 416) {
        if (range && range->total == have) co_return Result<void>{};
        TENON_CO_CHECK(file->truncate());
        co_return fail(ErrorCode::unavailable,
                       fmt::format("{} is shorter than the partial file; starting anew", request->url));
    }
    if (have > 0 && response.status == 206) {
        if (!range || range->first != have)
            co_return fail(ErrorCode::corrupt, fmt::format("{} sent another range than asked", response.url));
        total = range->total;
    } else if (response.status == 200) {
        if (have > 0) TENON_CO_CHECK(file->truncate());
        result->resumed_from = 0;
        total = number(response.headers.find("content-length").value_or(""));
    } else {
        const int status = response.status;
        const auto headers = response.headers;
        const auto url = response.url;
        auto detail = co_await excerpt(std::move(response.body));
        co_return std::unexpected(status_error(status, headers, fmt::format("{} {}", url, detail.value_or(""))));
    }
    if (const auto tag = response.headers.find("etag")) *etag = *tag;
    const auto too_long = [&](std::uint64_t bytes) { return request->max_bytes && bytes > *request->max_bytes; };
    const auto refuse = [&] {
        return fail(ErrorCode::resource_exhausted,
                    fmt::format("{} is longer than {} bytes", response.url, *request->max_bytes));
    };
    if (total && too_long(*total)) co_return refuse();
    if (request->progress) request->progress(file->size(), total);
    for (;;) {
        TENON_CO_TRY(auto chunk, co_await response.body->next());
        if (!chunk) break;
        if (too_long(file->size() + chunk->size())) co_return refuse();
        TENON_CO_CHECK(file->append(*chunk));
        if (request->progress) request->progress(file->size(), total);
    }
    if (total && file->size() < *total)
        co_return fail(ErrorCode::unavailable, fmt::format("the connection to {} ended early", response.url));
    if (total && file->size() > *total)
        co_return fail(ErrorCode::corrupt, fmt::format("{} sent more bytes than it announced", response.url));
    co_return Result<void>{};
}

}  // namespace

task<Result<DownloadResult>> HttpClient::download(DownloadRequest request, CallOptions options) {
    TENON_CO_TRY(auto file, OutputFile::open(request.file));
    if (!request.resume && file.size() > 0) TENON_CO_CHECK(file.truncate());
    DownloadResult result;
    result.resumed_from = file.size();
    std::string etag = request.if_range;
    const Attempt at{this, &request, &file, &result, &etag};
    std::uint64_t best = file.size();
    int tries = 0;
    for (;;) {
        auto done = co_await attempt_once(at, options);
        if (done) break;
        tries = file.size() > best ? 1 : tries + 1;
        best = std::max(best, file.size());
        // A fixed share of the full jitter: a download has no crowd to spread.
        const auto delay = retry_delay(request.retry, tries, done.error(), 0.5);
        if (!delay || (options.deadline && Clock::now() + *delay >= *options.deadline)) {
            (void)file.sync();
            co_return std::unexpected(std::move(done).error());
        }
        TENON_CO_CHECK(co_await sleep_for(*delay, options));
    }
    TENON_CO_CHECK(file.sync());
    result.bytes_total = file.size();
    co_return result;
}

}  // namespace tenon::net
