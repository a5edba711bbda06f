// DOCX (ECMA-376 WordprocessingML): libzip unpacks, pugixml reads; no macros, no external parts.
#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <pugixml.hpp>
#include <unordered_map>

#include "rag/load/lines.hpp"
#include "rag/load/table.hpp"

namespace tenon::rag::load_detail {
namespace {

constexpr int max_depth = 120;
constexpr std::size_t max_part = std::size_t{256} << 20;

using Archive = std::unique_ptr<zip_t, decltype(&zip_discard)>;

class Package {
  public:
    static Result<Package> open(std::string_view bytes, const LoadLimits& limits) {
        zip_error_t error;
        zip_error_init(&error);
        zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
        zip_t* archive = source == nullptr ? nullptr : zip_open_from_source(source, ZIP_RDONLY, &error);
        if (archive == nullptr) {
            if (source != nullptr) zip_source_free(source);
            const std::string reason = zip_error_strerror(&error);
            zip_error_fini(&error);
            return fail(ErrorCode::corrupt, fmt::format("not a readable DOCX (zip) file: {}", reason));
        }
        zip_error_fini(&error);
        Package out(archive, bytes.size(), limits);
        const auto entries = zip_get_num_entries(archive, 0);
        if (entries > static_cast<zip_int64_t>(limits.max_archive_entries))
            return fail(ErrorCode::resource_exhausted,
                        fmt::format("the archive holds {} entries, more than the limit of {}", entries,
                                    limits.max_archive_entries));
        return out;
    }

    [[nodiscard]] bool has(const char* name) const { return zip_name_locate(archive_.get(), name, 0) >= 0; }

    Result<std::string> read(const char* name) {
        zip_stat_t info;
        zip_stat_init(&info);
        if (zip_stat(archive_.get(), name, 0, &info) != 0)
            return fail(ErrorCode::corrupt, fmt::format("the DOCX file has no part {}", name));
        if ((info.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && info.encryption_method != ZIP_EM_NONE)
            return fail(ErrorCode::unsupported, "the DOCX file is encrypted; save it without a password");
        const std::unique_ptr<zip_file_t, decltype(&zip_fclose)> file(zip_fopen(archive_.get(), name, 0), &zip_fclose);
        if (file == nullptr)
            return fail(ErrorCode::corrupt, fmt::format("cannot unpack {}: {}", name, zip_strerror(archive_.get())));
        std::string out;
        std::string buffer(std::size_t{1} << 16, '\0');
        for (;;) {
            const auto n = zip_fread(file.get(), buffer.data(), buffer.size());
            if (n < 0) return fail(ErrorCode::corrupt, fmt::format("{} is damaged", name));
            if (n == 0) break;
            out.append(buffer, 0, static_cast<std::size_t>(n));
            total_ += static_cast<std::size_t>(n);
            const bool bomb = total_ > (std::size_t{16} << 20) && total_ / limits_.max_expansion > packed_;
            if (out.size() > max_part || total_ > limits_.max_bytes || bomb)
                return fail(ErrorCode::resource_exhausted,
                            fmt::format("the DOCX file unpacks to more than the limit ({} bytes so far from {})",
                                        total_, packed_));
        }
        return out;
    }

  private:
    Package(zip_t* archive, std::size_t packed, const LoadLimits& limits)
        : archive_(archive, &zip_discard), packed_(packed), limits_(limits) {}
    Archive archive_;
    std::size_t packed_ = 0, total_ = 0;
    LoadLimits limits_;
};

Result<void> parse(pugi::xml_document& xml, const std::string& text, const char* name) {
    const auto parsed = xml.load_buffer(text.data(), text.size(), pugi::parse_default | pugi::parse_ws_pcdata_single);
    if (!parsed)
        return fail(ErrorCode::corrupt,
                    fmt::format("{} is not well-formed XML: {} at byte {}", name, parsed.description(), parsed.offset));
    return {};
}

std::string_view local_name(const pugi::xml_node& node) {
    const std::string_view name = node.name();
    const std::size_t colon = name.find(':');
    return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

struct Style {
    std::string based_on;
    int level = 0;  ///< 1..9 for headings
    bool title = false;
    bool list = false;
};

class Reader {
  public:
    Reader(Package& package, DocumentBuilder& builder) : package_(package), builder_(builder) {}

    Result<std::string> run() {
        std::string title;
        if (package_.has("docProps/core.xml")) {
            TENON_TRY(const std::string text, package_.read("docProps/core.xml"));
            pugi::xml_document xml;
            if (parse(xml, text, "core.xml")) title = collapse(xml.document_element().child("dc:title").text().get());
        }
        if (package_.has("word/styles.xml")) TENON_CHECK(read_styles());
        if (package_.has("word/footnotes.xml")) TENON_CHECK(read_notes("word/footnotes.xml", "w:footnote", 'f'));
        if (package_.has("word/endnotes.xml")) TENON_CHECK(read_notes("word/endnotes.xml", "w:endnote", 'e'));
        TENON_TRY(const std::string text, package_.read("word/document.xml"));
        pugi::xml_document xml;
        TENON_CHECK(parse(xml, text, "word/document.xml"));
        // Word notes where its pages ended when it last laid the document out; other writers note nothing.
        if (text.find("lastRenderedPageBreak") != std::string::npos) page_ = 1;
        const auto body = xml.document_element().child("w:body");
        if (!body) return fail(ErrorCode::corrupt, "word/document.xml has no body");
        blocks(body, 0);
        return title.empty() ? title_ : title;
    }

  private:
    Result<void> read_styles() {
        TENON_TRY(const std::string text, package_.read("word/styles.xml"));
        pugi::xml_document xml;
        TENON_CHECK(parse(xml, text, "word/styles.xml"));
        for (const auto node : xml.document_element().children("w:style")) {
            Style style;
            std::string name = node.child("w:name").attribute("w:val").value();
            std::ranges::transform(name, name.begin(),
                                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
            if (name.starts_with("heading ") && name.size() == 9 && name[8] >= '1' && name[8] <= '9')
                style.level = name[8] - '0';
            if (name == "title") style.title = true;
            const auto properties = node.child("w:pPr");
            if (const auto outline = properties.child("w:outlineLvl"))
                style.level = outline.attribute("w:val").as_int(9) + 1;
            style.list = !properties.child("w:numPr").empty() && style.level == 0;
            style.based_on = node.child("w:basedOn").attribute("w:val").value();
            styles_[node.attribute("w:styleId").value()] = style;
        }
        return {};
    }

    Result<void> read_notes(const char* part, const char* element, char kind) {
        TENON_TRY(const std::string text, package_.read(part));
        pugi::xml_document xml;
        TENON_CHECK(parse(xml, text, part));
        for (const auto node : xml.document_element().children(element)) {
            if (node.attribute("w:type")) continue;  // separators
            std::string out;
            for (const auto p : node.children("w:p")) {
                if (!out.empty()) out += ' ';
                runs(p, out, 0);
            }
            notes_[kind + std::string(node.attribute("w:id").value())] = collapse(out);
        }
        return {};
    }

    [[nodiscard]] Style style_of(const pugi::xml_node& paragraph) const {
        Style out;
        std::string id = paragraph.child("w:pPr").child("w:pStyle").attribute("w:val").value();
        for (int guard = 0; guard < 20 && !id.empty(); ++guard) {
            const auto found = styles_.find(id);
            if (found == styles_.end()) break;
            if (out.level == 0) out.level = found->second.level;
            out.title = out.title || (guard == 0 && found->second.title);
            out.list = out.list || found->second.list;
            id = found->second.based_on;
        }
        if (const auto outline = paragraph.child("w:pPr").child("w:outlineLvl"))
            out.level = outline.attribute("w:val").as_int(9) + 1;
        if (out.level > 9) out.level = 0;
        return out;
    }

    void blocks(const pugi::xml_node& parent, int depth) {
        if (depth > max_depth) return;
        for (const auto node : parent.children()) {
            const auto name = local_name(node);
            if (name == "p")
                paragraph(node);
            else if (name == "tbl")
                table(node, depth);
            else if (name == "sdt")
                blocks(node.child("w:sdtContent"), depth + 1);
            else if (name == "ins" || name == "customXml" || name == "smartTag")
                blocks(node, depth + 1);
        }
    }

    void paragraph(const pugi::xml_node& node) {
        const Style style = style_of(node);
        const int page = page_;
        std::string text;
        const std::size_t first_note = pending_.size();
        runs(node, text, 0);
        std::string lines;
        for (std::size_t at = 0; at <= text.size();) {
            const std::size_t end = std::min(text.find('\n', at), text.size());
            const std::string line = collapse(std::string_view(text).substr(at, end - at));
            if (!line.empty()) lines += (lines.empty() ? "" : "\n") + line;
            at = end + 1;
        }
        // A break at the very start of the paragraph puts it on the new page.
        const int at_page = starts_page_ ? page_ : page;
        starts_page_ = false;
        if (style.level > 0 || style.title) {
            std::ranges::replace(lines, '\n', ' ');
            if (style.title && title_.empty()) title_ = lines;
            builder_.add(BlockKind::heading, lines, style.title ? 1 : std::min(style.level, 6), at_page);
        } else if (const auto numbering = node.child("w:pPr").child("w:numPr"); numbering || style.list) {
            const bool tight = !builder_.empty() && builder_.document().blocks.back().kind == BlockKind::list_item;
            if (!lines.empty()) builder_.add(BlockKind::list_item, "- " + lines, 0, at_page, tight);
        } else {
            builder_.add(BlockKind::paragraph, lines, 0, at_page);
        }
        for (std::size_t i = first_note; i < pending_.size(); ++i)
            builder_.add(BlockKind::paragraph, pending_[i], 0, at_page);
        pending_.resize(first_note);
    }

    void runs(const pugi::xml_node& parent, std::string& out, int depth) {
        if (depth > max_depth) return;
        for (const auto node : parent.children()) {
            const auto name = local_name(node);
            if (name == "t") {
                out += node.text().get();
            } else if (name == "tab" || name == "ptab") {
                out += '\t';
            } else if (name == "br" || name == "cr") {
                if (std::string_view(node.attribute("w:type").value()) == "page")
                    continue;  // followed by lastRenderedPageBreak
                out += '\n';
            } else if (name == "noBreakHyphen") {
                out += '-';
            } else if (name == "lastRenderedPageBreak") {
                if (page_ > 0) ++page_;
                starts_page_ = trimmed(out).empty();
            } else if (name == "footnoteReference" || name == "endnoteReference") {
                const auto note = notes_.find(name[0] + std::string(node.attribute("w:id").value()));
                if (note == notes_.end() || note->second.empty()) continue;
                out += fmt::format("[{}]", ++note_number_);
                pending_.push_back(fmt::format("[{}] {}", note_number_, note->second));
            } else if (name == "AlternateContent") {
                runs(node.child("mc:Choice"), out, depth + 1);
            } else if (name == "del" || name == "moveFrom" || name == "pPr" || name == "rPr" || name == "instrText" ||
                       name == "sectPr") {
                continue;
            } else if (name == "p") {  // text boxes
                out += '\n';
                runs(node, out, depth + 1);
                out += '\n';
            } else {
                runs(node, out, depth + 1);
            }
        }
    }

    void cell_text(const pugi::xml_node& parent, std::string& out, int depth) {
        if (depth > max_depth) return;
        for (const auto node : parent.children()) {
            const auto name = local_name(node);
            if (name == "p") {
                if (!out.empty()) out += ' ';
                runs(node, out, 0);
            } else if (name != "tcPr" && name != "tblPr" && name != "trPr") {
                cell_text(node, out, depth + 1);
            }
        }
    }

    void table(const pugi::xml_node& node, int depth) {
        const int page = page_;
        Table out;
        bool nested = false;
        for (const auto row : node.children("w:tr")) {
            out.begin_row();
            const bool header = !row.child("w:trPr").child("w:tblHeader").empty();
            for (const auto cell : row.children("w:tc")) {
                nested = nested || !cell.child("w:tbl").empty();
                std::string text;
                cell_text(cell, text, 0);
                out.add_cell(collapse(text), header);
            }
        }
        if (out.columns() < 2 || nested) {  // a frame, not data
            for (const auto row : node.children("w:tr"))
                for (const auto cell : row.children("w:tc")) blocks(cell, depth + 1);
            return;
        }
        out.mark_first_row_as_header();
        builder_.add(BlockKind::table, out.markdown(), 0, page);
    }

    Package& package_;
    DocumentBuilder& builder_;
    std::unordered_map<std::string, Style> styles_;
    std::unordered_map<std::string, std::string> notes_;
    std::vector<std::string> pending_;
    std::string title_;
    int note_number_ = 0;
    int page_ = 0;
    bool starts_page_ = false;
};

}  // namespace

Result<StructuredText> load_docx(const Input& input) {
    // Office encrypts documents inside an OLE container.
    if (input.bytes.starts_with("\xD0\xCF\x11\xE0"))
        return fail(ErrorCode::unsupported,
                    "the file is an encrypted or old Word document (OLE); save it as DOCX without a password");
    TENON_TRY(Package package, Package::open(input.bytes, input.options.limits));
    DocumentBuilder builder(input.options.limits.max_text_bytes);
    TENON_TRY(std::string title, Reader(package, builder).run());
    return std::move(builder).finish(std::move(title));
}

}  // namespace tenon::rag::load_detail
