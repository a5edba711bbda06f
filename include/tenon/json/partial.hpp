// JSON that is still being written: the value so far, at any moment.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "tenon/json/json.hpp"

namespace tenon::json {

/// Takes JSON text in pieces cut anywhere. `value()` is the text so far with open strings, arrays and objects closed:
/// {"name": "Ad   →   {"name": "Ad"}. A member shows once its value has begun; numbers and literals show once they have
/// ended, for 1 may yet become 12; half a character waits for its rest. The work is proportional to the text, however
/// it is cut. Not thread-safe.
///
/// With from_value<T>(parser.value(), {.partial = true}) a struct fills while a model writes it.
class PartialParser {
  public:
    explicit PartialParser(const ParseOptions& options = {});
    ~PartialParser();
    PartialParser(PartialParser&&) noexcept;
    PartialParser& operator=(PartialParser&&) noexcept;

    /// Errors: corrupt, with the byte offset of the fault in the whole text; resource_exhausted (too long). After an
    /// error the value is what it was before the fault, and every further call fails.
    [[nodiscard]] Result<void> feed(std::string_view text);
    /// The end of the text: what a number at the top was waiting for. Errors: corrupt (something is still open).
    [[nodiscard]] Result<void> finish();

    /// Null before anything has begun. Valid until the next call.
    [[nodiscard]] const Value& value() const noexcept;
    [[nodiscard]] bool begun() const noexcept;
    /// The value at the top has ended; only white space may follow.
    [[nodiscard]] bool done() const noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::json
