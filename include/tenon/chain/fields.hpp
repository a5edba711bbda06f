// The fields of a described struct, as templates see them.
#pragma once

#include <boost/describe/enum_to_string.hpp>
#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <boost/mp11/list.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tenon/chain/template_text.hpp"
#include "tenon/json/type.hpp"
#include "tenon/llm/message.hpp"

namespace tenon::chain {

/// Values by name, for templates whose variables are not known before the program runs.
using Variables = std::map<std::string, std::string, std::less<>>;

enum class FieldKind : std::uint8_t {
    none,      ///< no template can show it
    text,      ///< text, numbers, enumerations, and lists, maps and optionals of them
    group,     ///< a described struct: name one of its fields
    images,    ///< one llm::ImagePart, or several
    messages,  ///< a vector of llm::Message
};

namespace detail {

template <class T>
concept Described = requires { typename boost::describe::describe_members<T, boost::describe::mod_public>; };
template <class T>
using MembersOf = boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_inherited>;
template <class T>
concept DescribedEnum = std::is_enum_v<T> && requires { typename boost::describe::describe_enumerators<T>; };
template <class T>
concept TextLike = std::convertible_to<const T&, std::string_view>;
template <class T>
concept Range = !TextLike<T> && requires(const T& t) {
    t.begin();
    t.end();
    typename T::value_type;
};
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
concept Mapping = Range<T> && requires { typename T::mapped_type; };

template <class T>
consteval FieldKind kind_of() {
    if constexpr (std::is_same_v<T, llm::ImagePart> || std::is_same_v<T, std::vector<llm::ImagePart>> ||
                  std::is_same_v<T, std::optional<llm::ImagePart>>)
        return FieldKind::images;
    else if constexpr (std::is_same_v<T, std::vector<llm::Message>>)
        return FieldKind::messages;
    else if constexpr (TextLike<T> || std::is_arithmetic_v<T> || DescribedEnum<T>)
        return FieldKind::text;
    else if constexpr (is_optional<T>)
        return kind_of<typename T::value_type>() == FieldKind::text ? FieldKind::text : FieldKind::none;
    else if constexpr (Mapping<T>)
        return TextLike<typename T::key_type> && kind_of<typename T::mapped_type>() == FieldKind::text
                   ? FieldKind::text
                   : FieldKind::none;
    else if constexpr (Range<T>)
        return kind_of<typename T::value_type>() == FieldKind::text ? FieldKind::text : FieldKind::none;
    else if constexpr (Described<T>)
        return FieldKind::group;
    else
        return FieldKind::none;
}

template <class T>
inline constexpr bool is_number = std::is_arithmetic_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char>;
/// Whether a number format makes sense for the items of T.
template <class T>
constexpr bool holds_numbers() {
    if constexpr (is_number<T>)
        return true;
    else if constexpr (is_optional<T> || (Range<T> && !Mapping<T>))
        return holds_numbers<typename T::value_type>();
    else if constexpr (Mapping<T>)
        return holds_numbers<typename T::mapped_type>();
    else
        return false;
}
template <class T>
constexpr bool holds_integers() {
    if constexpr (is_optional<T> || (Range<T> && !Mapping<T>))
        return holds_integers<typename T::value_type>();
    else if constexpr (Mapping<T>)
        return holds_integers<typename T::mapped_type>();
    else
        return std::is_integral_v<T>;
}

void append_text(std::string& out, std::string_view text, const FormatSpec& spec);
void append_unescaped(std::string& out, std::string_view text);
void append_number(std::string& out, double value, std::string_view spec);
void append_number(std::string& out, std::int64_t value, std::string_view spec);
void append_number(std::string& out, std::uint64_t value, std::string_view spec);

template <class T>
void append_value(std::string& out, const T& value, const FormatSpec& spec) {
    if constexpr (TextLike<T>) {
        append_text(out, value, spec);
    } else if constexpr (std::is_same_v<T, bool>) {
        out += value ? "true" : "false";
    } else if constexpr (std::is_same_v<T, char>) {
        out += value;
    } else if constexpr (std::is_floating_point_v<T>) {
        append_number(out, static_cast<double>(value), spec.number);
    } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
        append_number(out, static_cast<std::int64_t>(value), spec.number);
    } else if constexpr (std::is_integral_v<T>) {
        append_number(out, static_cast<std::uint64_t>(value), spec.number);
    } else if constexpr (std::is_enum_v<T>) {
        out += boost::describe::enum_to_string(value, "?");
    } else if constexpr (is_optional<T>) {
        if (value)
            append_value(out, *value, spec);
        else
            append_unescaped(out, spec.otherwise);
    } else {
        bool first = true;
        for (const auto& item : value) {
            if (!std::exchange(first, false)) {
                if (spec.has_separator)
                    append_unescaped(out, spec.separator);
                else
                    out += ", ";
            }
            if constexpr (Mapping<T>) {
                out += std::string_view(item.first);
                out += ": ";
                append_value(out, item.second, spec);
            } else {
                append_value(out, static_cast<const typename T::value_type&>(item), spec);
            }
        }
    }
}

template <class Root, auto... Members>
constexpr const auto& member_of(const Root& root) {
    return (root.*....*Members);
}

}  // namespace detail

/// How to reach one field of a struct.
struct FieldAccess {
    FieldKind kind = FieldKind::none;
    bool numbers = false, integers = false;
    std::size_t top = 0;  ///< index of the outermost field on the way
    void (*append)(const void* object, std::string& out, const FormatSpec& spec) = nullptr;
    void (*images)(const void* object, std::vector<llm::ImagePart>& out) = nullptr;
    const std::vector<llm::Message>& (*messages)(const void* object) = nullptr;
};

namespace detail {

template <class Root, auto... Path>
constexpr FieldAccess access_to(std::size_t top) {
    using T = std::remove_cvref_t<decltype(member_of<Root, Path...>(std::declval<const Root&>()))>;
    constexpr FieldKind kind = kind_of<T>();
    FieldAccess access{.kind = kind, .top = top};
    if constexpr (kind == FieldKind::text) {
        access.numbers = holds_numbers<T>();
        access.integers = holds_integers<T>();
        access.append = [](const void* object, std::string& out, const FormatSpec& spec) {
            append_value(out, member_of<Root, Path...>(*static_cast<const Root*>(object)), spec);
        };
    } else if constexpr (kind == FieldKind::images) {
        access.images = [](const void* object, std::vector<llm::ImagePart>& out) {
            const auto& value = member_of<Root, Path...>(*static_cast<const Root*>(object));
            if constexpr (std::is_same_v<T, llm::ImagePart>) {
                out.push_back(value);
            } else if constexpr (is_optional<T>) {
                if (value) out.push_back(*value);
            } else {
                out.insert(out.end(), value.begin(), value.end());
            }
        };
    } else if constexpr (kind == FieldKind::messages) {
        access.messages = [](const void* object) -> const std::vector<llm::Message>& {
            return member_of<Root, Path...>(*static_cast<const Root*>(object));
        };
    }
    return access;
}

template <class Root, class T, auto... Path>
constexpr std::optional<FieldAccess> find_in(std::string_view path, std::size_t top);

template <class Root, class D, auto... Path>
constexpr bool try_member(std::string_view head, std::string_view rest, std::size_t top,
                          std::optional<FieldAccess>& found) {
    if (head != D::name) return false;
    using M = std::remove_cvref_t<decltype(member_of<Root, Path..., D::pointer>(std::declval<const Root&>()))>;
    if (rest.empty()) {
        found = access_to<Root, Path..., D::pointer>(top);
    } else if constexpr (kind_of<M>() == FieldKind::group) {
        found = find_in<Root, M, Path..., D::pointer>(rest, top);
    }
    return true;
}

/// `top` npos: this is the outermost struct.
template <class Root, class T, auto... Path>
constexpr std::optional<FieldAccess> find_in(std::string_view path, std::size_t top) {
    const auto dot = path.find('.');
    const auto head = path.substr(0, dot);
    const auto rest = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
    std::optional<FieldAccess> found;
    const auto among = [&]<template <class...> class L, class... D>(L<D...>) {
        std::size_t index = 0;
        (void)(try_member<Root, D, Path...>(head, rest, top == std::string_view::npos ? index++ : top, found) || ...);
    };
    among(MembersOf<T>());
    return found;
}

template <class T, template <class...> class L, class... D>
constexpr std::vector<std::string_view> names_of(L<D...>) {
    return {std::string_view(D::name)...};
}

}  // namespace detail

/// Nullopt when the struct has no such field; a dot leads into a field that is itself a described struct.
template <detail::Described T>
[[nodiscard]] constexpr std::optional<FieldAccess> find_field(std::string_view path) {
    return detail::find_in<T, T>(path, std::string_view::npos);
}
/// The outermost fields, in their order.
template <detail::Described T>
[[nodiscard]] constexpr std::vector<std::string_view> field_names() {
    return detail::names_of<T>(detail::MembersOf<T>());
}

/// A field as JSON, for templates in Jinja's syntax.
struct JsonField {
    std::string_view name;
    const json::Type& (*type)();
    const void* (*get)(const void* object);
};

namespace detail {

template <class T>
consteval bool json_able() {
    constexpr FieldKind kind = kind_of<T>();
    if constexpr (kind == FieldKind::images || kind == FieldKind::messages)
        return false;
    else if constexpr (TextLike<T>)
        return std::is_same_v<T, std::string>;
    else if constexpr (std::is_arithmetic_v<T> || DescribedEnum<T>)
        return true;
    else if constexpr (is_optional<T>)
        return json_able<typename T::value_type>();
    else if constexpr (Mapping<T>)
        return std::is_same_v<typename T::key_type, std::string> && json_able<typename T::mapped_type>();
    else if constexpr (Range<T>)
        return json_able<typename T::value_type>();
    else
        return Described<T> && std::is_default_constructible_v<T>;
}

template <class T, class D>
void add_json_field(std::vector<JsonField>& all) {
    using M = std::remove_cvref_t<decltype(std::declval<const T&>().*D::pointer)>;
    if constexpr (json_able<M>())
        all.push_back({D::name, &json::type_of<M>, [](const void* object) -> const void* {
                           return &(static_cast<const T*>(object)->*D::pointer);
                       }});
}
template <class T, template <class...> class L, class... D>
std::vector<JsonField> json_fields_of(L<D...>) {
    std::vector<JsonField> all;
    (add_json_field<T, D>(all), ...);
    return all;
}

}  // namespace detail

/// The outermost fields that have a JSON form.
template <detail::Described T>
[[nodiscard]] std::vector<JsonField> json_fields() {
    return detail::json_fields_of<T>(detail::MembersOf<T>());
}

/// Why a field cannot stand in a template with this format; null: it can.
[[nodiscard]] constexpr TemplateFault misuse_of(const FieldAccess& field, const FormatSpec& spec) {
    switch (field.kind) {
        case FieldKind::none:
            return "a field of this type cannot be shown in a template";
        case FieldKind::group:
            return "the field is a struct: name one of its fields, as in {user.name}";
        case FieldKind::messages:
            return "the field holds messages: it is a piece of its own, history(\"name\")";
        case FieldKind::images:
            return nullptr;
        case FieldKind::text:
            break;
    }
    if (!spec.number.empty()) {
        if (!field.numbers) return "a number format for a field that holds no numbers";
        const char last = spec.number.back();
        if (!field.integers && (last == 'd' || last == 'x')) return "an integer format for a field that holds none";
    }
    return nullptr;
}

}  // namespace tenon::chain
