// JSON-RPC 2.0 messages as the Model Context Protocol uses them: bytes in, messages out, and back. No sockets.
#pragma once

#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tenon/json/json.hpp"

namespace tenon::mcp::rpc {

using Id = std::variant<std::int64_t, std::string>;

inline constexpr int parse_error = -32700, invalid_request = -32600, method_not_found = -32601, invalid_params = -32602,
                     internal_error = -32603;
// Of the protocol: until 2025-11-25, then from 2026-07-28 on.
inline constexpr int resource_not_found = -32002, url_elicitation_required = -32042, header_mismatch = -32020,
                     missing_client_capability = -32021, unsupported_version = -32022;

struct Request {
    Id id;
    std::string method;
    json::Object params;
};
struct Notification {
    std::string method;
    json::Object params;
};
struct Failure {
    int code = internal_error;
    std::string message;
    std::optional<json::Value> data{};
};
using Outcome = std::expected<json::Object, Failure>;
struct Response {
    std::optional<Id> id;  ///< none: of a message whose id could not be read
    Outcome outcome;
};
using Message = std::variant<Request, Notification, Response>;

/// What is wrong with a message, and how its sender is told.
struct Fault {
    Failure failure;
    std::optional<Id> id;
};

inline constexpr std::size_t max_message_bytes = std::size_t{64} << 20;

/// Faults: parse_error (no JSON, too deep, too long), invalid_request (no JSON-RPC 2.0 message; a batch).
[[nodiscard]] std::expected<Message, Fault> parse(std::string_view text);
/// One line of JSON, without a line break.
[[nodiscard]] std::string encode(const Message& message);

[[nodiscard]] json::Value to_json(const Id& id);
/// A string or a whole number.
[[nodiscard]] std::optional<Id> id_from(const json::Value& value);

/// What a failure means to the caller of ours that asked.
[[nodiscard]] Error to_error(const Failure& failure, std::string_view method);
/// What an error of ours is told as.
[[nodiscard]] Failure to_failure(const Error& error);

/// Messages framed by line breaks (the stdio transport). Takes bytes cut anywhere; empty lines are skipped.
class LineReader {
  public:
    explicit LineReader(std::size_t max_line = max_message_bytes) : limit_(max_line) {}
    /// Appends the lines that `bytes` completes. Errors: resource_exhausted (a line is too long; the reader is spent).
    [[nodiscard]] Result<void> feed(std::string_view bytes, std::vector<std::string>& lines);

  private:
    std::size_t limit_;
    std::string line_;
};

}  // namespace tenon::mcp::rpc
