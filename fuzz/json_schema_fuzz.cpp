// Any bytes as a JSON Schema: the validator and the grammar end with a result or an error, and values of the schema's
// own document are checked within bounds.
#include <boost/json.hpp>
#include <cstdint>
#include <string_view>

#include "tenon/json/partial.hpp"
#include "tenon/json/schema.hpp"
#include "tenon/text/grammar.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 4000) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    // The streaming parser takes exactly what the whole parser takes.
    const auto whole = tenon::json::parse(text);
    tenon::json::PartialParser parser;
    bool good = true;
    for (std::size_t at = 0; at < size && good; at += 3) good = parser.feed(text.substr(at, 3)).has_value();
    good = good && parser.finish().has_value();
    if (good != whole.has_value()) __builtin_trap();
    if (!whole) return 0;
    if (const auto schema = tenon::json::Schema::compile(*whole)) {
        (void)schema->validate(*whole);
        if (schema->accepts(*whole) != schema->validate(*whole).empty()) __builtin_trap();
    }
    if (const auto grammar = tenon::text::Grammar::from_json_schema(text)) (void)grammar->begins("{\"a\":[1,\"x");
    return 0;
}
