// Rows and cells of HTML and DOCX tables, written as a Markdown table: the form every language model knows.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace tenon::rag::load_detail {

class Table {
  public:
    void begin_row() { rows_.emplace_back(); }
    void add_cell(std::string text, bool header) {
        if (rows_.empty()) begin_row();
        if (rows_.back().cells.size() < 1000) rows_.back().cells.push_back(std::move(text));
        rows_.back().headers += header ? 1U : 0U;
    }
    void mark_first_row_as_header() {
        if (rows_.size() > 1) rows_[0].headers = rows_[0].cells.size();
    }
    [[nodiscard]] std::size_t columns() const {
        std::size_t n = 0;
        for (const Row& row : rows_) n = std::max(n, row.cells.size());
        return n;
    }
    /// "| a | b |" lines, the rule below the first row when that is a header; empty rows are left out.
    [[nodiscard]] std::string markdown() const {
        std::string out;
        bool first = true;
        for (const Row& row : rows_) {
            std::string line = "|";
            bool blank = true;
            for (const std::string& cell : row.cells) {
                blank = blank && cell.empty();
                line += ' ';
                for (const char c : cell) line += c == '|' ? '/' : c == '\n' ? ' ' : c;
                line += " |";
            }
            if (blank) continue;
            out += line + '\n';
            if (first && row.headers > 0 && row.headers == row.cells.size()) {
                out += '|';
                for (std::size_t i = 0; i < row.cells.size(); ++i) out += " --- |";
                out += '\n';
            }
            first = false;
        }
        return out;
    }

  private:
    struct Row {
        std::vector<std::string> cells;
        std::size_t headers = 0;
    };
    std::vector<Row> rows_;
};

}  // namespace tenon::rag::load_detail
