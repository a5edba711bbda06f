// From words with coordinates to paragraphs, headings and lists.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rag/load/lines.hpp"

namespace tenon::rag::load_detail {

struct PdfLine {
    std::string text;
    double x_min = 0, y_min = 0, x_max = 0, y_max = 0;
    double height = 0;  ///< of the words: a stand-in for the font size
    int block = 0;      ///< pdftotext's block and flow, unique in the document
    int flow = 0;
    bool dropped = false;
};

struct PdfPage {
    double width = 0, height = 0;
    std::vector<PdfLine> lines;
};

struct PdfPages {
    std::string title;
    std::vector<PdfPage> pages;
};

/// Reads what `pdftotext -bbox-layout` prints, line by line: a truncated output gives the pages that came.
PdfPages read_bbox_layout(std::string_view xml);

/// Drops running heads, feet and page numbers; joins lines into paragraphs (hyphens removed), across pages too.
void write_pages(PdfPages pages, DocumentBuilder& builder);

}  // namespace tenon::rag::load_detail
