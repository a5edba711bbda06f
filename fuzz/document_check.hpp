// What every loaded document owes its readers, whatever its bytes were: valid UTF-8, blocks in order inside the text,
// and a division into chunks that stays inside it too.
#pragma once

#include <cstdlib>

#include "tenon/base/utf8.hpp"
#include "tenon/text/splitter.hpp"

namespace tenon::fuzz {

inline void require(bool holds) {
    if (!holds) std::abort();
}

inline void check_document(const text::StructuredText& document) {
    require(utf8::is_valid(document.text) && utf8::is_valid(document.title));
    std::size_t at = 0;
    for (const auto& block : document.blocks) {
        require(block.begin >= at && block.begin <= block.end && block.end <= document.text.size());
        require(block.level >= 0 && block.page >= 0 && utf8::is_valid(block.label));
        at = block.end;
    }
    const auto chunks = text::split(document, {.max_tokens = 20, .min_tokens = 5},
                                    [](std::string_view part) { return utf8::length(part) / 4; });
    for (const auto& chunk : chunks) {
        require(chunk.begin < chunk.end && chunk.end <= document.text.size());
        require(utf8::is_valid(std::string_view(document.text).substr(chunk.begin, chunk.end - chunk.begin)));
    }
}

}  // namespace tenon::fuzz
