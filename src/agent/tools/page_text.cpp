#include "agent/tools/page_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tenon::agent::tools {

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

std::string words_of_html(std::string_view html) {
    std::string out;
    const std::string folded = lower(html);
    for (std::size_t i = 0; i < html.size();) {
        if (html[i] != '<') {
            out += html[i++];
            continue;
        }
        std::string_view skip;
        for (const std::string_view name : {"script", "style", "head", "svg", "!--"})
            if (std::string_view(folded).substr(i + 1).starts_with(name)) skip = name;
        if (!skip.empty()) {
            const std::string close = skip == "!--" ? "-->" : fmt::format("</{}", skip);
            const auto at = folded.find(close, i);
            if (at == std::string::npos) break;
            i = at + close.size();
        }
        const auto tag_end = html.find('>', skip == "!--" ? i - 1 : i);
        if (tag_end == std::string_view::npos) break;
        const auto tag = std::string_view(folded).substr(i + 1, tag_end - i - 1);
        for (const std::string_view block :
             {"p", "/p", "br", "div", "/div", "li", "h", "/h", "tr", "/tr", "section", "article"})
            if (tag.starts_with(block) && (out.empty() || out.back() != '\n')) {
                out += '\n';
                break;
            }
        i = tag_end + 1;
    }
    constexpr std::array entities{std::pair{"&nbsp;", " "},  std::pair{"&lt;", "<"},  std::pair{"&gt;", ">"},
                                  std::pair{"&quot;", "\""}, std::pair{"&#39;", "'"}, std::pair{"&amp;", "&"}};
    for (const auto& [name, character] : entities)
        for (std::size_t at = 0; (at = out.find(name, at)) != std::string::npos; ++at)
            out.replace(at, std::string_view(name).size(), character);
    std::string tidy;
    for (const char c : out) {
        const bool space = c == ' ' || c == '\t' || c == '\r';
        if (space && (tidy.empty() || tidy.back() == ' ' || tidy.back() == '\n')) continue;
        if (c == '\n' && (tidy.empty() || tidy.ends_with("\n\n"))) continue;
        tidy += space ? ' ' : c;
    }
    return tidy;
}

}  // namespace tenon::agent::tools
