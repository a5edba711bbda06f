#include "tenon/base/utf8.hpp"
#include "tenon/rag/ingest.hpp"

namespace tenon::rag {

std::string embedding_input(std::string_view title, std::string_view heading, std::string_view text) {
    std::string out;
    const auto line = [&](std::string_view s) {
        s = utf8::truncate(s, 200);
        if (s.empty()) return;
        out += s;
        out += '\n';
    };
    // The path often begins with the title.
    if (!heading.starts_with(title)) line(title);
    line(heading);
    out += text;
    return out;
}

std::vector<store::Chunk> make_chunks(const text::StructuredText& document, const text::SplitOptions& options,
                                      const text::TokenCounter& count) {
    const text::LineIndex index(document.text);
    std::vector<store::Chunk> out;
    for (text::ChunkSpan& span : text::split(document, options, count)) {
        store::Chunk chunk;
        chunk.text = document.text.substr(span.begin, span.end - span.begin);
        chunk.heading = std::move(span.heading);
        chunk.page = span.page;
        chunk.start_line = index.line(span.begin);
        chunk.end_line = index.line(span.end > span.begin ? span.end - 1 : span.end);
        chunk.start_char = index.character(span.begin);
        chunk.end_char = index.character(span.end);
        out.push_back(std::move(chunk));
    }
    return out;
}

}  // namespace tenon::rag
