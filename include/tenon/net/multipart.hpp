// multipart/form-data (RFC 7578, RFC 2046 §5.1): file uploads, without holding a file in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/async/stream.hpp"
#include "tenon/net/headers.hpp"

namespace tenon::net {

struct PartHead {
    std::string name;                      ///< of the form's field
    std::optional<std::string> file_name;  ///< as the client gave it: never a path to be trusted
    std::string content_type;              ///< "text/plain" when the part says none
    Headers headers;
};

struct MultipartLimits {
    std::size_t max_parts = 1000;
    std::size_t max_part_header_bytes = std::size_t{16} << 10;
};

/// Told of the parts in order; an error ends the parsing and is returned from it.
class MultipartSink {
  public:
    virtual ~MultipartSink() = default;
    [[nodiscard]] virtual Result<void> begin_part(PartHead head) = 0;
    [[nodiscard]] virtual Result<void> part_data(std::string_view bytes) = 0;
    [[nodiscard]] virtual Result<void> end_part() = 0;
};

/// The body in pieces cut anywhere; holds no more than a boundary and one part's header. Not synchronised.
class MultipartParser {
  public:
    /// Errors: invalid_argument (not multipart/form-data, or its boundary is missing or malformed).
    [[nodiscard]] static Result<MultipartParser> create(std::string_view content_type, MultipartLimits limits = {});
    /// Errors: invalid_argument (breaks the format), resource_exhausted (over a limit), and the sink's.
    [[nodiscard]] Result<void> feed(std::string_view bytes, MultipartSink& sink);
    /// Errors: invalid_argument (the closing boundary has not come).
    [[nodiscard]] Result<void> finish() const;

  private:
    enum class State : std::uint8_t { preamble, after_boundary, header, body, epilogue };
    MultipartParser(std::string boundary, MultipartLimits limits)
        : delimiter_("\r\n--" + std::move(boundary)), limits_(limits), buffer_("\r\n") {}
    [[nodiscard]] Result<bool> step(MultipartSink& sink);
    [[nodiscard]] Result<void> begin(std::string_view header, MultipartSink& sink);

    std::string delimiter_;
    MultipartLimits limits_;
    std::string buffer_;
    std::size_t parts_ = 0;
    State state_ = State::preamble;
};

/// One field of a form; a file lies in `file`, anything else in `value`.
struct FormPart {
    PartHead head;
    std::string value;
    std::filesystem::path file;
    std::uint64_t bytes = 0;
};

struct FormLimits {
    MultipartLimits multipart{};
    std::size_t max_value_bytes = std::size_t{1} << 20;  ///< of a part without a file name
};

/// Reads a form, writing each part that has a file name to a new file in `directory`, named by us.
/// The stream's own limit bounds the whole. Errors: those above, the stream's, io. Files written before an error stay:
/// `directory` is best a TemporaryDirectory.
[[nodiscard]] task<Result<std::vector<FormPart>>> read_form(std::shared_ptr<Stream<std::string>> body,
                                                            std::string content_type, std::filesystem::path directory,
                                                            FormLimits limits = {});

/// `value; a=b; c="d\"e"`: the value in lower case, and one parameter's text.
[[nodiscard]] std::optional<std::string> header_parameter(std::string_view field, std::string_view name);

}  // namespace tenon::net
