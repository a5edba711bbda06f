// What a struct's fields mean and may hold, declared beside it.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <tuple>

namespace tenon::json {

/// Bounds and notes of one field, in the words of JSON Schema 2020-12. All views must outlive the program: literals.
/// Rules for a value (bounds, lengths, pattern, choices, format, tag) reach through optional, vector and map to the
/// values inside; `min_items` and `max_items` belong to the list or map itself.
struct Rules {
    std::string_view description{};
    std::optional<double> minimum{}, maximum{};  ///< of a number, inclusive
    std::optional<double> exclusive_minimum{}, exclusive_maximum{};
    std::optional<double> multiple_of{};
    std::optional<std::size_t> min_length{}, max_length{};  ///< of a string, in Unicode characters
    std::string_view pattern{};                             ///< regular expression found somewhere in the string
    std::string_view format{};                              ///< "date", "email", … : see schema.hpp
    std::array<std::string_view, 16> choices{};             ///< of a string; an enum class is better where there is one
    std::optional<std::size_t> min_items{}, max_items{};
    bool unique_items = false;
    bool required = true;    ///< false: may be missing, and then keeps the value the struct is made with
    std::string_view tag{};  ///< of a variant of structs: the member that names the struct, {"type": "Circle", …}
};

/// The rules of one field: about(&Person::age, {.description = "in years", .minimum = 0}).
template <class Member>
struct About {
    Member member;
    Rules rules;
};
template <class Struct, class T>
[[nodiscard]] constexpr About<T Struct::*> about(T Struct::*member, Rules rules) {
    return {member, rules};
}

template <class... Members>
struct Fields {
    std::string_view description;
    std::tuple<About<Members>...> about;
};

/// Found by argument-dependent lookup in the namespace of the struct:
///
///     struct Person { std::string name; int age = 0; };
///     BOOST_DESCRIBE_STRUCT(Person, (), (name, age))
///     constexpr auto describe_fields(const Person*) {
///         return tenon::json::fields("Somebody the text names",
///             tenon::json::about(&Person::name, {.description = "as written", .min_length = 1}),
///             tenon::json::about(&Person::age, {.minimum = 0, .maximum = 150}));
///     }
///
/// A misspelt field does not compile; fields without rules may be left out.
template <class... Members>
[[nodiscard]] constexpr Fields<Members...> fields(std::string_view description, About<Members>... about) {
    return {description, {about...}};
}
template <class... Members>
[[nodiscard]] constexpr Fields<Members...> fields(About<Members>... about) {
    return {{}, {about...}};
}

}  // namespace tenon::json
