// Keeps control tokens that are written in user text plain text, through a template that must not notice.
//
// Strings pass unchanged unless one mentions a control token. Then each mention (and, at the end of a string, each
// beginning of one that text of the template might complete) is put between two Unicode noncharacters before rendering;
// afterwards what stands between them is encoded without control tokens. A template may trim, join or search the text
// as always.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "tenon/json/json.hpp"

namespace tenon::provider::local {

/// Whether a string anywhere in `value` (keys too) holds one of the control texts, or ends with part of one.
[[nodiscard]] bool mentions_control(const json::Value& value, const std::vector<std::string>& control);
/// A copy of `value` with every mention marked.
[[nodiscard]] json::Value guard_controls(const json::Value& value, const std::vector<std::string>& control);

struct GuardedPiece {
    std::string text;
    bool plain = false;  ///< encode without control tokens
};
/// Cuts rendered text at the marks, which are removed. A mark that lost its partner guards to the end.
[[nodiscard]] std::vector<GuardedPiece> split_guarded(std::string_view rendered);

}  // namespace tenon::provider::local
