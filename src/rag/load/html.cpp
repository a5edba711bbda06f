// HTML through libxml2's forgiving parser: the text a reader came for, without navigation, scripts and page furniture.
#include <fmt/format.h>
#include <libxml/HTMLparser.h>
#include <libxml/SAX2.h>
#include <libxml/parserInternals.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "rag/load/lines.hpp"
#include "rag/load/table.hpp"
#include "tenon/base/utf8.hpp"

namespace tenon::rag::load_detail {
namespace {

constexpr int max_depth = 800;       // of open elements; more is an attack or not worth reading
constexpr char line_break = '\x01';  // stands for <br> until the text is collapsed

using Node = const xmlNode*;
using Document = std::unique_ptr<xmlDoc, decltype(&xmlFreeDoc)>;

template <std::size_t N>
bool among(std::string_view word, const std::array<std::string_view, N>& words) {
    return std::ranges::find(words, word) != words.end();
}

constexpr std::array<std::string_view, 21> never{"script",   "style",  "noscript",  "template", "iframe", "object",
                                                 "embed",    "svg",    "canvas",    "head",     "button", "input",
                                                 "select",   "option", "textarea",  "audio",    "video",  "map",
                                                 "datalist", "dialog", "annotation"};
constexpr std::array<std::string_view, 2> furniture{"nav", "footer"};
constexpr std::array<std::string_view, 6> furniture_roles{"navigation", "banner",        "contentinfo",
                                                          "search",     "complementary", "dialog"};
constexpr std::array<std::string_view, 35> furniture_classes{"sphinxsidebar",
                                                             "navbar",
                                                             "nav",
                                                             "navigation",
                                                             "breadcrumb",
                                                             "breadcrumbs",
                                                             "toc",
                                                             "headerlink",
                                                             "footer",
                                                             "related",
                                                             "menu",
                                                             "cookie-banner",
                                                             "skip-link",
                                                             "noprint",
                                                             "mw-editsection",
                                                             "mw-jump-link",
                                                             "navheader",
                                                             "navfooter",
                                                             "site-header",
                                                             "site-footer",
                                                             "site-nav",
                                                             "anchor-link",
                                                             "visually-hidden",
                                                             "sr-only",
                                                             "advertisement",
                                                             "copybtn",
                                                             "docnav",
                                                             "prevnext",
                                                             "prev-next",
                                                             "pager",
                                                             "pagination",
                                                             "nav-links",
                                                             "nav-panel",
                                                             "rst-footer-buttons",
                                                             "page-nav"};
constexpr std::array<std::string_view, 26> blocks{
    "p",       "div",     "section", "article", "main",     "header", "dl", "figure", "figcaption",
    "details", "summary", "address", "form",    "fieldset", "legend", "hr", "center", "body",
    "html",    "caption", "tbody",   "thead",   "tfoot",    "tr",     "td", "th"};

std::string_view name_of(Node node) {
    return node->name == nullptr ? std::string_view{} : std::string_view(reinterpret_cast<const char*>(node->name));
}

std::string_view attribute(Node node, std::string_view wanted) {
    for (const xmlAttr* a = node->properties; a != nullptr; a = a->next)
        if (wanted == reinterpret_cast<const char*>(a->name)) {
            const xmlNode* value = a->children;
            return value != nullptr && value->content != nullptr
                       ? std::string_view(reinterpret_cast<const char*>(value->content))
                       : std::string_view("");  // there, and empty
        }
    return {};
}

bool has_attribute(Node node, std::string_view wanted) {
    for (const xmlAttr* a = node->properties; a != nullptr; a = a->next)
        if (wanted == reinterpret_cast<const char*>(a->name)) return true;
    return false;
}

bool has_furniture_class(Node node) {
    for (const char* key : {"class", "id"}) {
        const auto classes = attribute(node, key);
        if (classes.size() > 400) continue;
        for (std::size_t at = 0; at < classes.size();) {
            const std::size_t end = std::min(classes.find(' ', at), classes.size());
            if (among(classes.substr(at, end - at), furniture_classes)) return true;
            at = end + 1;
        }
    }
    return false;
}

std::size_t text_length(Node node, bool in_link, std::size_t& linked) {
    std::size_t sum = 0;
    for (Node child = node->children; child != nullptr; child = child->next) {
        if (child->type == XML_TEXT_NODE && child->content != nullptr) {
            const auto n = std::strlen(reinterpret_cast<const char*>(child->content));
            sum += n;
            if (in_link) linked += n;
        } else if (child->type == XML_ELEMENT_NODE) {
            sum += text_length(child, in_link || name_of(child) == "a", linked);
        }
    }
    return sum;
}

/// An aside is a box of the text (a note, an explanation) as often as a menu: a menu is mostly links.
bool is_link_box(Node node) {
    const auto classes = attribute(node, "class");
    const bool box = name_of(node) == "aside" || classes == "sidebar" || classes.starts_with("sidebar ") ||
                     classes.find(" sidebar") != std::string_view::npos;
    if (!box) return false;
    std::size_t linked = 0;
    const std::size_t all = text_length(node, false, linked);
    return linked * 5 >= all * 2;
}

bool is_hidden(Node node) {
    const auto style = attribute(node, "style");
    return has_attribute(node, "hidden") || attribute(node, "aria-hidden") == "true" ||
           (style.size() < 400 && (style.find("display:none") != std::string_view::npos ||
                                   style.find("display: none") != std::string_view::npos));
}

int heading_level(std::string_view name) {
    return name.size() == 2 && name[0] == 'h' && name[1] >= '1' && name[1] <= '6' ? name[1] - '0' : 0;
}

/// Visits a subtree without recursion; `enter` says whether to go below a node.
template <class Enter>
void visit(Node root, Enter enter) {
    Node node = root;
    while (node != nullptr) {
        if (enter(node) && node->children != nullptr && node->type != XML_ENTITY_REF_NODE) {
            node = node->children;
            continue;
        }
        while (node != root && node->next == nullptr) node = node->parent;
        if (node == root) return;
        node = node->next;
    }
}

void append_text(Node root, std::string& out) {
    visit(root, [&](Node node) {
        if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE)
            out += reinterpret_cast<const char*>(node->content);
        else if (node->type == XML_ELEMENT_NODE && name_of(node) == "br")
            out += line_break;
        return node->type != XML_ELEMENT_NODE ||
               !(among(name_of(node), never) || among("headerlink", std::array{attribute(node, "class")}));
    });
}

std::size_t text_length(Node root) {
    std::size_t n = 0;
    visit(root, [&](Node node) {
        if (node->type == XML_TEXT_NODE) n += trimmed(reinterpret_cast<const char*>(node->content)).size();
        return node->type != XML_ELEMENT_NODE || !among(name_of(node), never);
    });
    return n;
}

class Reader {
  public:
    Reader(DocumentBuilder& builder, bool keep_furniture) : builder_(builder), keep_furniture_(keep_furniture) {}

    void read(Node node) {
        children(node, {});
        flush({});
    }

  private:
    struct Context {
        BlockKind kind = BlockKind::paragraph;
        int list_depth = 0;
        bool headings_only = false;
        bool in_main = false;
    };

    void children(Node node, const Context& context) {
        std::size_t number = 0;
        for (Node child = node->children; child != nullptr && !builder_.full(); child = child->next) {
            if (child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE) {
                if (!context.headings_only) inline_ += reinterpret_cast<const char*>(child->content);
            } else if (child->type == XML_ELEMENT_NODE) {
                if (name_of(child) == "li")
                    item(child, context, name_of(node) == "ol" ? ++number : 0);
                else
                    element(child, context);
            }
        }
    }

    [[nodiscard]] bool skipped(Node node, std::string_view name) const {
        if (among(name, never) || is_hidden(node)) return true;
        if (keep_furniture_) return false;
        if (is_link_box(node)) return true;
        if (among(name, furniture) || among(attribute(node, "role"), furniture_roles)) return true;
        return name != "body" && name != "html" && name != "main" && has_furniture_class(node);
    }

    void element(Node node, Context context) {
        const auto name = name_of(node);
        if (skipped(node, name)) return;
        if (name == "br") {
            inline_ += line_break;
        } else if (name == "img") {
            if (!context.headings_only) inline_ += attribute(node, "alt");
        } else if (const int level = heading_level(name)) {
            flush(context);
            std::string text;
            append_text(node, text);
            std::ranges::replace(text, line_break, ' ');
            text = collapse(text);
            if (text.ends_with("¶")) text = std::string(trimmed(std::string_view(text).substr(0, text.size() - 2)));
            builder_.add(BlockKind::heading, text, level);
        } else if (context.headings_only) {
            children(node, context);
        } else if (name == "pre" || name == "listing" || name == "xmp") {
            flush(context);
            std::string text;
            append_text(node, text);
            std::ranges::replace(text, line_break, '\n');
            builder_.add(BlockKind::code, text);
        } else if (name == "ul" || name == "ol" || name == "menu" || name == "dir") {
            flush(context);
            ++context.list_depth;
            children(node, context);
            flush(context);
        } else if (name == "dt") {
            flush(context);
            append_text(node, term_.empty() ? term_ : term_ += ", ");
            std::ranges::replace(term_, line_break, ' ');
            term_ = collapse(term_);
        } else if (name == "dd") {
            flush(context);
            context.kind = BlockKind::list_item;
            children(node, context);
            flush(context);
        } else if (name == "blockquote") {
            flush(context);
            context.kind = BlockKind::quote;
            children(node, context);
            flush(context);
        } else if (name == "table") {
            flush(context);
            if (is_layout(node))
                children(node, context);
            else
                table(node);
            flush(context);
        } else if (among(name, blocks)) {
            flush(context);
            if (name == "main" || name == "article") context.in_main = true;
            if (name == "header" && !context.in_main && !keep_furniture_) context.headings_only = true;
            children(node, context);
            flush(context);
        } else {
            children(node, context);
        }
    }

    void item(Node node, Context context, std::size_t number) {
        if (skipped(node, "li")) return;
        flush(context);
        context.kind = BlockKind::list_item;
        context.list_depth = std::max(context.list_depth, 1);
        prefix_ = std::string(static_cast<std::size_t>(std::min(context.list_depth, 8) - 1) * 2, ' ') +
                  (number > 0 ? fmt::format("{}. ", number) : "- ");
        children(node, context);
        flush(context);
        prefix_.clear();
    }

    void flush(const Context& context) {
        if (inline_.empty()) return;
        std::string text;
        bool again = false;
        for (std::size_t at = 0; at <= inline_.size();) {
            const std::size_t end = std::min(inline_.find(line_break, at), inline_.size());
            const std::string line = collapse(std::string_view(inline_).substr(at, end - at));
            if (!line.empty()) {
                if (again) text += '\n';
                text += line;
                again = true;
            }
            at = end + 1;
        }
        inline_.clear();
        if (text.empty()) return;
        BlockKind kind = context.kind;
        bool tight = false;
        if (!term_.empty()) {
            text.insert(0, term_ + ": ");
            term_.clear();
        }
        if (kind == BlockKind::list_item) {
            tight = !builder_.empty() && builder_.document().blocks.back().kind == BlockKind::list_item;
            // The builder trims leading blanks, so nesting shows by the marker only.
            if (!prefix_.empty()) text.insert(0, prefix_);
            prefix_.clear();
        }
        builder_.add(kind, text, 0, 0, tight);
    }

    /// Tables that arrange a page rather than data: they hold headings, code, other tables or long prose.
    static bool is_layout(Node node) {
        bool layout = attribute(node, "role") == "presentation";
        std::size_t columns = 0, widest = 0, cell = 0;
        visit(node, [&](Node inner) {
            if (inner->type == XML_TEXT_NODE) cell += trimmed(reinterpret_cast<const char*>(inner->content)).size();
            if (inner->type != XML_ELEMENT_NODE || inner == node) return true;
            const auto name = name_of(inner);
            if (name == "tr") columns = 0;
            if (name == "td" || name == "th") widest = std::max(widest, ++columns), cell = 0;
            if (name == "table" || name == "pre" || heading_level(name) > 0 || cell > 2000) layout = true;
            return !layout && !among(name, never);
        });
        return layout || widest < 2;
    }

    void table(Node node) {
        Table table;
        std::string caption;
        visit(node, [&](Node inner) {
            if (inner->type != XML_ELEMENT_NODE) return true;
            const auto name = name_of(inner);
            if (name == "caption") {
                append_text(inner, caption);
                return false;
            }
            if (name == "tr") table.begin_row();
            if (name == "td" || name == "th") {
                std::string cell;
                append_text(inner, cell);
                std::ranges::replace(cell, line_break, ' ');
                table.add_cell(collapse(cell), name == "th");
                return false;
            }
            return true;
        });
        std::ranges::replace(caption, line_break, ' ');
        builder_.add(BlockKind::paragraph, collapse(caption));
        builder_.add(BlockKind::table, table.markdown());
    }

    DocumentBuilder& builder_;
    bool keep_furniture_;
    std::string inline_;
    std::string prefix_;
    std::string term_;
};

void start_element(void* context, const xmlChar* name, const xmlChar** attributes) {
    auto* parser = static_cast<xmlParserCtxtPtr>(context);
    if (parser->nodeNr > max_depth) {
        *static_cast<bool*>(parser->_private) = true;
        xmlStopParser(parser);
        return;
    }
    xmlSAX2StartElement(context, name, attributes);
}

void ignore_message(void*, const char*, ...) {}

/// What <meta charset> or <meta http-equiv … charset=…> says in the first kilobytes.
std::string declared_charset(std::string_view bytes) {
    const std::string_view head = bytes.substr(0, 4096);
    for (std::size_t at = head.find("charset"); at != std::string_view::npos; at = head.find("charset", at + 7)) {
        std::size_t i = at + 7;
        while (i < head.size() && (head[i] == ' ' || head[i] == '=' || head[i] == '"' || head[i] == '\'')) ++i;
        std::size_t end = i;
        while (end < head.size() && end - i < 40 &&
               (std::isalnum(static_cast<unsigned char>(head[end])) != 0 || head[end] == '-' || head[end] == '_'))
            ++end;
        if (end > i) return std::string(head.substr(i, end - i));
    }
    const std::size_t xml = head.find("encoding=\"");
    if (head.starts_with("<?xml") && xml != std::string_view::npos)
        return std::string(head.substr(xml + 10, std::min<std::size_t>(40, head.find('"', xml + 10) - xml - 10)));
    return {};
}

Result<Document> parse(const std::string& text) {
    htmlSAXHandler sax{};
    xmlSAX2InitHtmlDefaultSAXHandler(&sax);
    sax.startElement = start_element;
    sax.error = ignore_message;
    sax.warning = ignore_message;
    sax.serror = nullptr;
    const std::unique_ptr<xmlParserCtxt, decltype(&htmlFreeParserCtxt)> parser(
        htmlCreateMemoryParserCtxt(text.data(), static_cast<int>(text.size())), &htmlFreeParserCtxt);
    if (parser == nullptr) return fail(ErrorCode::resource_exhausted, "out of memory for the HTML parser");
    *parser->sax = sax;
    bool too_deep = false;
    parser->_private = &too_deep;
    htmlCtxtUseOptions(parser.get(), HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET |
                                         HTML_PARSE_NODEFDTD | HTML_PARSE_IGNORE_ENC);
    parser->options |= XML_PARSE_HUGE;
    if (auto* handler = xmlFindCharEncodingHandler("UTF-8")) {
        xmlSwitchToEncoding(parser.get(), handler);
        if (parser->input->encoding == nullptr)
            parser->input->encoding = xmlStrdup(reinterpret_cast<const xmlChar*>("UTF-8"));
    }
    htmlParseDocument(parser.get());
    Document document(parser->myDoc, &xmlFreeDoc);
    parser->myDoc = nullptr;
    if (too_deep) return fail(ErrorCode::corrupt, fmt::format("the HTML nests more than {} elements", max_depth));
    return document;
}

}  // namespace

Result<StructuredText> load_html(const Input& input) {
    TENON_TRY(std::string text, decode_text(input, declared_charset(input.bytes)));
    std::ranges::replace(text, line_break, ' ');
    DocumentBuilder builder(input.options.limits.max_text_bytes);
    if (trimmed(text).empty()) return std::move(builder).finish({});
    TENON_TRY(const Document document, parse(text));
    const Node root = document == nullptr ? nullptr : xmlDocGetRootElement(document.get());
    if (root == nullptr) return std::move(builder).finish({});

    std::string title;
    Node main = nullptr, body = nullptr, article = nullptr;
    std::size_t articles = 0;
    visit(root, [&](Node node) {
        if (node->type != XML_ELEMENT_NODE) return false;
        const auto name = name_of(node);
        if (name == "title" && title.empty()) append_text(node, title);
        if (name == "body" && body == nullptr) body = node;
        if (main == nullptr && (name == "main" || attribute(node, "role") == "main")) main = node;
        if (name == "article") article = node, ++articles;
        return name != "svg";
    });
    if (body == nullptr) body = root;
    if (main == nullptr && articles == 1) main = article;
    // <main> is taken at its word unless it is nearly empty.
    if (main != nullptr && text_length(main) * 5 < text_length(body) && text_length(main) < 400) main = nullptr;
    Reader(builder, false).read(main != nullptr ? main : body);
    if (builder.empty()) Reader(builder, true).read(body);
    title = collapse(title);
    if (title.empty())
        for (const Block& b : builder.document().blocks)
            if (b.kind == BlockKind::heading) {
                title = builder.document().text.substr(b.begin, b.end - b.begin);
                break;
            }
    return std::move(builder).finish(std::move(title));
}

}  // namespace tenon::rag::load_detail
