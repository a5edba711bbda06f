// Text of what web servers send. Private to agent.
#pragma once

#include <string>
#include <string_view>

namespace tenon::agent::tools {

/// ASCII letters made small.
[[nodiscard]] std::string lower(std::string_view text);
/// The words of HTML: tags, scripts and styles left out, the commonest entities resolved.
[[nodiscard]] std::string words_of_html(std::string_view html);

}  // namespace tenon::agent::tools
