// Any bytes as the JSON text of a struct: the quick reader takes nothing that the thorough one refuses.
#include <boost/describe/class.hpp>
#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "json/text.hpp"
#include "tenon/json/reflect.hpp"

struct Part {
    std::string text;
    std::optional<std::int64_t> number;
};
BOOST_DESCRIBE_STRUCT(Part, (), (text, number))
struct Whole {
    bool on = false;
    double real = 0;
    std::vector<Part> parts;
    std::map<std::string, unsigned> counts;
    std::optional<Part> one;
};
BOOST_DESCRIBE_STRUCT(Whole, (), (on, real, parts, counts, one))

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tenon::json;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    Whole quick, thorough;
    if (!detail::read_quickly(type_of<Whole>(), text, &quick, {})) return 0;
    const auto value = parse(text);
    if (!value || !detail::read(type_of<Whole>(), *value, &thorough, {})) __builtin_trap();
    quick.real = thorough.real = 0;  // rounded exactly, and within a few units of the last place
    if (to_text(quick) != dump(to_value(thorough))) __builtin_trap();
    return 0;
}
