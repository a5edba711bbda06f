// Structs as JSON and back, through Boost.Describe.
//
//     struct Skill { std::string name; int level = 0; };
//     BOOST_DESCRIBE_STRUCT(Skill, (), (name, level))
//     auto skill = json::from_text<Skill>(R"({"name": "C++", "level": 3})");   // Result<Skill>
//
// Types understood: described structs (nested, inherited members included), bool, integers (range checked), floating
// point, std::string, described enums (by name), vector and other sequences and sets, std::array, tuple and pair (as
// lists of fixed length), map and unordered_map with string keys, optional, unique_ptr and shared_ptr (a value or null;
// also how a struct may contain itself), variant, monostate (null), json::Value (anything).
// A variant of structs is told apart by its tag when a rule names one (rules.hpp), else by shape: the first alternative
// that fits.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tenon/json/json.hpp"
#include "tenon/json/type.hpp"

namespace tenon::json {

struct ReadOptions {
    bool refuse_unknown = false;  ///< a member no field is named after is an error; else it is passed over
    bool partial = false;         ///< the value is still being written: what is missing stays as it is, rules wait
    std::size_t max_errors = 8;   ///< all faults up to this many are told, joined by "; "
    std::size_t max_depth = 128;
};

/// What is wrong with one part of a value.
struct Fault {
    std::string path;                            ///< "skills[2].level"; "" is the whole
    std::string message;                         ///< "expected an integer, got a string"
    [[nodiscard]] std::string describe() const;  ///< "skills[2].level: expected an integer, got a string"
};

namespace detail {
/// Reads into the object and returns what is wrong, at most `max_errors`; empty: nothing. `rules` hold for the whole.
[[nodiscard]] std::vector<Fault> find_faults(const Type& type, const Value& from, void* object,
                                             const ReadOptions& options, const Rules& rules = Rules());
/// The same for text; what is not JSON is a fault of the whole.
[[nodiscard]] std::vector<Fault> find_faults_in_text(const Type& type, std::string_view from, void* object,
                                                     const ReadOptions& options);
void write(const Type& type, const void* object, Value& to);
[[nodiscard]] std::string write_text(const Type& type, const void* object);
[[nodiscard]] Result<void> read(const Type& type, const Value& from, void* object, const ReadOptions& options);
[[nodiscard]] Result<void> read_text(const Type& type, std::string_view from, void* object, const ReadOptions& options);
}  // namespace detail

/// Empty optionals are left out of objects and are null elsewhere. Include <boost/json/value.hpp> to call this.
template <class T, class V = Value>
[[nodiscard]] V to_value(const T& object) {
    V value;
    detail::write(type_of<T>(), &object, value);
    return value;
}
/// Compact JSON text.
template <class T>
[[nodiscard]] std::string to_text(const T& object) {
    return detail::write_text(type_of<T>(), &object);
}

/// Errors: invalid_argument; the message names the path of each fault: "skills[2].level: expected an integer, got a
/// string". Rules of fields (rules.hpp) are checked. A missing field is an error unless it is optional or not required.
template <class T>
[[nodiscard]] Result<T> from_value(const Value& value, const ReadOptions& options = {}) {
    T object{};
    TENON_CHECK(detail::read(type_of<T>(), value, &object, options));
    return object;
}
/// As from_value, and corrupt when the text is not JSON.
template <class T>
[[nodiscard]] Result<T> from_text(std::string_view text, const ReadOptions& options = {}) {
    T object{};
    TENON_CHECK(detail::read_text(type_of<T>(), text, &object, options));
    return object;
}

}  // namespace tenon::json
