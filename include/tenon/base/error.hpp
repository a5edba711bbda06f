// Errors as values: every fallible function of Tenon returns Result<T>.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tenon {

/// What went wrong, closed: callers may switch over it. The message says the particulars.
enum class ErrorCode : std::uint8_t {
    invalid_argument,    ///< the caller passed something it must change
    not_found,           ///< a named thing does not exist
    already_exists,      ///< a thing of that name is there already
    corrupt,             ///< a file or message breaks its format
    unsupported,         ///< well formed, but of a kind Tenon does not handle
    resource_exhausted,  ///< memory, disk, context window or budget is used up
    cancelled,           ///< the caller asked to stop
    deadline_exceeded,   ///< time ran out
    unavailable,         ///< a service cannot be reached or refuses for now; trying again may help
    permission_denied,   ///< not allowed
    unauthenticated,     ///< a key is missing or wrong
    rate_limited,        ///< too many requests; see `retry_after_ms`
    io,                  ///< the operating system refused a read or write
    protocol,            ///< a peer answered something its protocol does not allow
    internal,            ///< a bug in Tenon
};

[[nodiscard]] std::string_view to_string(ErrorCode code) noexcept;

/// One error: a code, one sentence that says what is wrong and what to do next, and the error that caused it.
/// Immutable after construction, copyable, safe to share between threads.
class Error {
  public:
    Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}
    Error(ErrorCode code, std::string message, Error cause)
        : code_(code), message_(std::move(message)), cause_(std::make_shared<const Error>(std::move(cause))) {}

    [[nodiscard]] ErrorCode code() const noexcept { return code_; }
    [[nodiscard]] const std::string& message() const noexcept { return message_; }
    [[nodiscard]] const Error* cause() const noexcept { return cause_.get(); }
    /// The message followed by its causes: "cannot open model: file is truncated".
    [[nodiscard]] std::string describe() const;

    /// Milliseconds a peer asked us to wait before the next try (HTTP `Retry-After`), when it did.
    [[nodiscard]] std::optional<std::int64_t> retry_after_ms() const noexcept { return retry_after_ms_; }
    Error&& with_retry_after(std::int64_t ms) && {
        retry_after_ms_ = ms;
        return std::move(*this);
    }

  private:
    ErrorCode code_;
    std::string message_;
    std::shared_ptr<const Error> cause_;
    std::optional<std::int64_t> retry_after_ms_;
};

template <class T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
    return std::unexpected<Error>(std::in_place, code, std::move(message));
}
[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message, Error cause) {
    return std::unexpected<Error>(std::in_place, code, std::move(message), std::move(cause));
}

}  // namespace tenon

#define TENON_CONCAT_INNER(a, b) a##b
#define TENON_CONCAT(a, b) TENON_CONCAT_INNER(a, b)

/// TENON_TRY(auto file, open(path)): declares `file` from the value, or returns the error from this function.
#define TENON_TRY(decl, ...)                                                           \
    auto TENON_CONCAT(tenon_try_, __LINE__) = (__VA_ARGS__);                           \
    if (!TENON_CONCAT(tenon_try_, __LINE__))                                           \
        return std::unexpected(std::move(TENON_CONCAT(tenon_try_, __LINE__)).error()); \
    decl = std::move(*TENON_CONCAT(tenon_try_, __LINE__))

/// TENON_CHECK(write(path)): returns the error of a Result<void> (or any Result whose value is not needed).
#define TENON_CHECK(...)                                                   \
    do {                                                                   \
        if (auto tenon_check_result = (__VA_ARGS__); !tenon_check_result)  \
            return std::unexpected(std::move(tenon_check_result).error()); \
    } while (false)

/// The same two for coroutines.
#define TENON_CO_TRY(decl, ...)                                                           \
    auto TENON_CONCAT(tenon_try_, __LINE__) = (__VA_ARGS__);                              \
    if (!TENON_CONCAT(tenon_try_, __LINE__))                                              \
        co_return std::unexpected(std::move(TENON_CONCAT(tenon_try_, __LINE__)).error()); \
    decl = std::move(*TENON_CONCAT(tenon_try_, __LINE__))
#define TENON_CO_CHECK(...)                                                   \
    do {                                                                      \
        if (auto tenon_check_result = (__VA_ARGS__); !tenon_check_result)     \
            co_return std::unexpected(std::move(tenon_check_result).error()); \
    } while (false)
