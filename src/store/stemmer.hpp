// English stemming (M. F. Porter, "An algorithm for suffix stripping", 1980).
#pragma once

#include <string>

namespace tenon::store {

/// Strips the inflection of a lower-case ASCII word: "connections" and "connected" both become "connect".
/// Words of one or two letters stay as they are. Pure.
[[nodiscard]] std::string stem(std::string word);

}  // namespace tenon::store
