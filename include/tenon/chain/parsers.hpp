// Readers of what models write when they are not held to a form. All are pure and thread-safe.
#pragma once

#include <boost/json/value.hpp>

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/json/json.hpp"
#include "tenon/json/reflect.hpp"

namespace tenon::chain {

/// The JSON in a text: the whole of it, what stands in a code fence, or the first object or array among words.
/// Errors: corrupt (none is there, or it is broken; the message says where).
[[nodiscard]] Result<json::Value> find_json(std::string_view text);
template <class T>
[[nodiscard]] Result<T> parse_json(std::string_view text, const json::ReadOptions& options = {}) {
    TENON_TRY(const auto value, find_json(text));
    return json::from_value<T>(value, options);
}

/// Items of a list: lines that begin with -, *, +, • or a number with . or ); when there are none, the parts between
/// commas of a single line, or the lines. Quotes and the space around items are taken away; empty items are left out.
[[nodiscard]] std::vector<std::string> parse_list(std::string_view text);

/// What stands inside each <name>…</name>, in order; attributes are passed over, nesting of the same name is not
/// followed. A last tag that is not closed gives what is there (an answer that was cut).
[[nodiscard]] std::vector<std::string> parse_tags(std::string_view text, std::string_view name);
[[nodiscard]] std::optional<std::string> parse_tag(std::string_view text, std::string_view name);

struct Table {
    std::vector<std::string> header;
    std::vector<std::vector<std::string>> rows;  ///< each as long as the header: cut, or filled with empty cells
    /// The cell under the column of that name, or empty.
    [[nodiscard]] std::string_view cell(std::size_t row, std::string_view column) const noexcept;
};
/// The first table in Markdown (GitHub's pipe tables; \| is a pipe in a cell). Errors: corrupt (no table is there).
[[nodiscard]] Result<Table> parse_table(std::string_view text);

/// The one of `names` that the text says: alone but for case, space, quotes and a full stop; else the only one that
/// stands in it as a word. Errors: invalid_argument (none, or several).
[[nodiscard]] Result<std::size_t> parse_choice(std::string_view text, std::span<const std::string_view> names);
/// The same for a described enum.
template <class E>
[[nodiscard]] Result<E> parse_enum(std::string_view text) {
    const auto& type = json::type_of<E>();
    TENON_TRY(const auto index, parse_choice(text, type.names));
    E out{};
    type.set_enum(&out, index);
    return out;
}

/// The first date in the text: 2024-02-29, 2024/2/29, 29.2.2024, 29 February 2024, February 29, 2024, 2024年2月29日.
/// Errors: invalid_argument (none is there; the first that is written does not exist).
[[nodiscard]] Result<std::chrono::year_month_day> parse_date(std::string_view text);

}  // namespace tenon::chain
