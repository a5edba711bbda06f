// JSON and JSON lines: records flattened to "key: value" text, nested keys joined by dots, one block for each record.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/value.hpp>

#include "rag/load/lines.hpp"
#include "tenon/json/json.hpp"

namespace tenon::rag::load_detail {
namespace {

std::string scalar(const json::Value& value) {
    return value.is_string() ? std::string(trimmed(value.get_string())) : json::dump(value);
}

bool is_scalar(const json::Value& value) { return !value.is_object() && !value.is_array(); }

/// "key: value" pairs of a record, `separator` between them. Depth is bounded by the parser.
void flatten(const json::Value& value, const std::string& key, std::string_view separator, std::string& out) {
    const auto put = [&](std::string_view text) {
        if (text.empty() || text == "null") return;
        if (!out.empty()) out += separator;
        if (!key.empty()) out += key + ": ";
        out += text;
    };
    if (value.is_object()) {
        for (const auto& [name, inner] : value.get_object())
            flatten(inner, key.empty() ? std::string(name) : key + "." + std::string(name), separator, out);
    } else if (value.is_array()) {
        const auto& items = value.get_array();
        if (std::ranges::all_of(items, is_scalar)) {
            std::string joined;
            for (const auto& item : items) joined += (joined.empty() ? "" : ", ") + scalar(item);
            put(joined);
        } else {
            for (std::size_t i = 0; i < items.size(); ++i)
                flatten(items[i], fmt::format("{}[{}]", key, i), separator, out);
        }
    } else {
        put(scalar(value));
    }
}

class Writer {
  public:
    explicit Writer(std::size_t max_text) : builder_(max_text) {}

    void document(const json::Value& value) { write(value, {}, 1); }
    void record(const json::Value& value, std::string_view separator, bool tight) {
        std::string out;
        flatten(value, {}, separator, out);
        if (tight)
            std::ranges::replace_if(
                out, [](char c) { return c == '\n' || c == '\r'; }, ' ');
        builder_.add(BlockKind::other, out, 0, 0, tight);
    }
    void raw(std::string_view text) { builder_.add(BlockKind::other, text, 0, 0, true); }
    Result<StructuredText> finish(std::string title) { return std::move(builder_).finish(std::move(title)); }
    [[nodiscard]] bool full() const { return builder_.full(); }

  private:
    /// Containers of containers become headings for three levels; what is below is flattened.
    void write(const json::Value& value, const std::string& key, int level) {
        if (value.is_array()) {
            const auto& items = value.get_array();
            if (std::ranges::all_of(items, is_scalar)) {
                std::string out;
                flatten(value, key, "\n", out);
                builder_.add(BlockKind::other, out);
                return;
            }
            for (const auto& item : items) {
                if (builder_.full()) return;
                record(item, "\n", false);
            }
            return;
        }
        if (!value.is_object()) {
            std::string out;
            flatten(value, key, "\n", out);
            builder_.add(BlockKind::other, out);
            return;
        }
        std::string plain;
        for (const auto& [name, inner] : value.get_object())
            if (!heads(inner, level)) flatten(inner, std::string(name), "\n", plain);
        builder_.add(BlockKind::other, plain);
        for (const auto& [name, inner] : value.get_object())
            if (heads(inner, level)) {
                builder_.add(BlockKind::heading, collapse(std::string_view(name).substr(0, 200)), level);
                write(inner, {}, level + 1);
            }
    }

    static bool heads(const json::Value& value, int level) {
        if (level > 3) return false;
        if (value.is_object()) return value.get_object().size() > 1;
        return value.is_array() && !std::ranges::all_of(value.get_array(), is_scalar);
    }

    DocumentBuilder builder_;
};

std::string_view title_of(const json::Value& value) {
    for (const char* key : {"title", "name"})
        if (const auto found = json::string_or(value, key, {}); !found.empty() && found.size() < 200) return found;
    return {};
}

}  // namespace

Result<StructuredText> load_json(const Input& input) {
    TENON_TRY(const std::string text, decode_text(input));
    TENON_TRY(const json::Value value,
              json::parse(text, {.max_depth = 100, .max_bytes = input.options.limits.max_bytes}));
    Writer writer(input.options.limits.max_text_bytes);
    writer.document(value);
    return writer.finish(std::string(title_of(value)));
}

Result<StructuredText> load_json_lines(const Input& input) {
    TENON_TRY(const std::string text, decode_text(input));
    Writer writer(input.options.limits.max_text_bytes);
    std::size_t good = 0, bad = 0, number = 0;
    std::string first_error;
    for (std::size_t at = 0; at < text.size() && !writer.full(); ++number) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const auto line = trimmed(std::string_view(text).substr(at, end - at));
        at = end + 1;
        if (line.empty()) continue;
        const auto value = json::parse(line, {.max_depth = 100, .max_bytes = input.options.limits.max_bytes});
        if (value) {
            ++good;
            writer.record(*value, "; ", true);
            continue;
        }
        if (bad++ == 0) first_error = fmt::format("line {}: {}", number + 1, value.error().message());
        writer.raw(line);
    }
    // A broken line in a long log is kept as it stands; a file of them is not JSON lines.
    if (bad > 0 && bad * 20 > good) return fail(ErrorCode::corrupt, first_error);
    return writer.finish({});
}

}  // namespace tenon::rag::load_detail
