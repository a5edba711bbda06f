// How an answer begins that is nothing but tool calls written as JSON.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tenon::provider::local {

/// What stands before the arguments of the first call of such an answer. Of these one: {"name": "t", …},
/// {"function": {"name": "t", …}}, {"type": "function", "function": {…}}, {"function": "t", …}.
struct CallOpening {
    enum class Shape { plain, function, typed_function, function_name };

    std::string fence;  ///< the line that opens a code fence, with what stands before it; empty: none
    bool list = false;  ///< in an array
    Shape shape = Shape::plain;
    std::string tool;
    /// The same without spaces: what a grammar of such answers is fed with.
    [[nodiscard]] std::string canonical() const;
};

enum class Opening { no, perhaps, yes };
/// Whether `text` is the beginning of a call of one of these tools: `yes` as soon as the name is complete, whose end is
/// then at `end`; `perhaps` while more text may make it one. Linear in the text's length.
[[nodiscard]] Opening find_opening(std::string_view text, const std::vector<std::string>& tools, CallOpening& out,
                                   std::size_t& end);

}  // namespace tenon::provider::local
