// C++ types at run time: one table per type, made by the compiler from Boost.Describe, read by the code that turns
// values into JSON and back and that writes schemas. Users need reflect.hpp and schema.hpp; this is how they work.
#pragma once

#include <array>
#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <boost/describe/modifiers.hpp>
#include <boost/json/fwd.hpp>
#include <boost/mp11/algorithm.hpp>
#include <concepts>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "tenon/json/rules.hpp"

namespace tenon::json {

enum class Kind : std::uint8_t {
    any,  ///< a json::Value
    null,
    boolean,
    integer,
    number,
    string,
    enumeration,
    list,      ///< vector, set, deque … : grows
    tuple,     ///< std::array, std::tuple, std::pair: fixed places
    map,       ///< string keys
    optional,  ///< optional, unique_ptr, shared_ptr: a value or null
    variant,
    object,
};

struct Type;
using TypeOf = const Type& (*)();  ///< a function, so that types may contain themselves

/// Whether to go on.
using Visit = bool (*)(void* context, const void* item);
using VisitEntry = bool (*)(void* context, std::string_view key, const void* item);
using Fill = bool (*)(void* context, void* item);

struct Field {
    std::string_view name;
    TypeOf type;
    void* (*get)(void* object);
    Rules rules;
};

/// Functions take the address of an object of the type. Those a kind does not name are null.
struct Type {
    Kind kind;
    std::string_view name{};                    ///< enumeration, object
    std::string_view description{};             ///< object
    TypeOf item = nullptr;                      ///< list, map, optional
    std::span<const TypeOf> items{};            ///< tuple, variant
    std::span<const Field> fields{};            ///< object
    std::span<const std::string_view> names{};  ///< enumeration
    std::int64_t least = 0;                     ///< integer
    std::uint64_t most = 0;                     ///< integer
    bool is_signed = true;                      ///< integer

    bool (*get_bool)(const void*) = nullptr;
    void (*set_bool)(void*, bool) = nullptr;
    std::uint64_t (*get_integer)(const void*) = nullptr;  ///< two's complement when signed
    void (*set_integer)(void*, std::uint64_t) = nullptr;
    double (*get_number)(const void*) = nullptr;
    void (*set_number)(void*, double) = nullptr;
    std::size_t (*get_enum)(const void*) = nullptr;  ///< index into names; past the end: no enumerator's value
    void (*set_enum)(void*, std::size_t) = nullptr;
    void (*each)(const void*, void* context, Visit) = nullptr;             ///< list
    void (*each_entry)(const void*, void* context, VisitEntry) = nullptr;  ///< map
    void (*clear)(void*) = nullptr;                                        ///< list, map, optional
    bool (*append)(void*, void* context, Fill) = nullptr;                  ///< list: a new item, filled, then added
    bool (*insert)(void*, std::string_view key, void* context, Fill) = nullptr;  ///< map
    void* (*place)(void*, std::size_t) = nullptr;                                ///< tuple
    const void* (*held)(const void*) = nullptr;                                  ///< optional (null: empty), variant
    std::size_t (*index)(const void*) = nullptr;                                 ///< variant
    void* (*emplace)(void*, std::size_t) = nullptr;  ///< optional, variant: a new value, to be filled
    std::shared_ptr<void> (*make)() = nullptr;       ///< object: one as its initialisers leave it
};

template <class T>
[[nodiscard]] const Type& type_of() noexcept;

namespace detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_owner = false;
template <class T>
inline constexpr bool is_owner<std::unique_ptr<T>> = true;
template <class T>
inline constexpr bool is_owner<std::shared_ptr<T>> = true;
template <class T>
inline constexpr bool is_variant = false;
template <class... T>
inline constexpr bool is_variant<std::variant<T...>> = true;

template <class T>
concept MapLike = requires(T m) {
    typename T::mapped_type;
    requires std::same_as<typename T::key_type, std::string>;
    m.begin();
};
template <class T>
concept ListLike = requires(T v) {
    typename T::value_type;
    v.begin();
    v.insert(v.end(), std::declval<typename T::value_type>());
    v.clear();
} && !MapLike<T>;
template <class T>
concept TupleLike = requires { std::tuple_size<T>::value; };

template <class T>
constexpr std::string_view name_of() {
#if defined(__clang__) || defined(__GNUC__)
    std::string_view text = __PRETTY_FUNCTION__;
    const auto from = text.find("T = ") + 4;
    text = text.substr(from, text.find_first_of(";]", from) - from);
#endif
    // The last part of the qualified name; template arguments stay out of it.
    text = text.substr(0, text.find('<'));
    const auto colon = text.rfind(':');
    return colon == std::string_view::npos ? text : text.substr(colon + 1);
}

template <class T>
using Members = boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_inherited>;

template <class T>
constexpr auto fields_of() {
    if constexpr (requires { describe_fields(static_cast<const T*>(nullptr)); })
        return describe_fields(static_cast<const T*>(nullptr));
    else
        return fields();
}

template <class T, auto Member>
constexpr Rules rules_of() {
    Rules rules;
    std::apply(
        [&](const auto&... about) {
            [[maybe_unused]] const auto look = [&](const auto& a) {
                if constexpr (std::is_same_v<std::remove_cvref_t<decltype(a.member)>, decltype(Member)>)
                    if (a.member == Member) rules = a.rules;
            };
            (look(about), ...);
        },
        fields_of<T>().about);
    return rules;
}

template <class T, auto Member>
void* get_member(void* object) {
    return &(static_cast<T*>(object)->*Member);
}
template <class T, auto Member>
using MemberType = std::remove_cvref_t<decltype(std::declval<T&>().*Member)>;

template <class T, template <class...> class L, class... D>
constexpr std::array<Field, sizeof...(D)> make_fields(L<D...>) {
    return {
        Field{D::name, &type_of<MemberType<T, D::pointer>>, &get_member<T, D::pointer>, rules_of<T, D::pointer>()}...};
}

template <class T>
inline constexpr auto field_table = make_fields<T>(Members<T>{});

template <template <class...> class L, class... D>
constexpr std::array<std::string_view, sizeof...(D)> make_names(L<D...>) {
    return {std::string_view(D::name)...};
}
template <class T, template <class...> class L, class... D>
constexpr std::array<T, sizeof...(D)> make_enumerators(L<D...>) {
    return {D::value...};
}
template <class T>
inline constexpr auto name_table = make_names(boost::describe::describe_enumerators<T>{});
template <class T>
inline constexpr auto enumerator_table = make_enumerators<T>(boost::describe::describe_enumerators<T>{});

template <class T>
struct Parts;
template <class... T>
struct Parts<std::variant<T...>> {
    static constexpr std::array<TypeOf, sizeof...(T)> table{&type_of<T>...};
    static void* emplace(void* to, std::size_t index) {
        void* made = nullptr;
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (void)((I == index && (made = &static_cast<std::variant<T...>*>(to)->template emplace<I>(), true)) || ...);
        }(std::index_sequence_for<T...>{});
        return made;
    }
    static const void* held(const void* from) {
        return std::visit([](const auto& v) -> const void* { return &v; },
                          *static_cast<const std::variant<T...>*>(from));
    }
};
template <TupleLike T>
struct Parts<T> {
    static constexpr auto table = []<std::size_t... I>(std::index_sequence<I...>) {
        return std::array<TypeOf, sizeof...(I)>{&type_of<std::tuple_element_t<I, T>>...};
    }(std::make_index_sequence<std::tuple_size_v<T>>{});
    static void* place(void* from, std::size_t index) {
        void* found = nullptr;
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (void)((I == index && (found = &std::get<I>(*static_cast<T*>(from)), true)) || ...);
        }(std::make_index_sequence<std::tuple_size_v<T>>{});
        return found;
    }
};

template <class T>
constexpr Type scalar_type() {
    if constexpr (std::is_same_v<T, boost::json::value>) {
        return {.kind = Kind::any};
    } else if constexpr (std::is_same_v<T, std::monostate> || std::is_same_v<T, std::nullptr_t>) {
        return {.kind = Kind::null};
    } else if constexpr (std::is_same_v<T, bool>) {
        return {.kind = Kind::boolean,
                .get_bool = [](const void* p) { return *static_cast<const bool*>(p); },
                .set_bool = [](void* p, bool v) { *static_cast<bool*>(p) = v; }};
    } else if constexpr (std::integral<T>) {
        return {.kind = Kind::integer,
                .least = static_cast<std::int64_t>(std::is_signed_v<T> ? std::numeric_limits<T>::min() : T{}),
                .most = static_cast<std::uint64_t>(std::numeric_limits<T>::max()),
                .is_signed = std::is_signed_v<T>,
                .get_integer = [](const void* p) { return static_cast<std::uint64_t>(*static_cast<const T*>(p)); },
                .set_integer = [](void* p, std::uint64_t v) { *static_cast<T*>(p) = static_cast<T>(v); }};
    } else if constexpr (std::floating_point<T>) {
        return {.kind = Kind::number,
                .get_number = [](const void* p) { return static_cast<double>(*static_cast<const T*>(p)); },
                .set_number = [](void* p, double v) { *static_cast<T*>(p) = static_cast<T>(v); }};
    } else if constexpr (std::is_same_v<T, std::string>) {
        return {.kind = Kind::string};
    } else {
        static_assert(boost::describe::has_describe_enumerators<T>::value,
                      "this enum is unknown to JSON: describe it with BOOST_DESCRIBE_ENUM(Name, a, b, c)");
        return {.kind = Kind::enumeration,
                .name = name_of<T>(),
                .names = name_table<T>,
                .get_enum =
                    [](const void* p) {
                        std::size_t i = 0;
                        while (i < enumerator_table<T>.size() && enumerator_table<T>[i] != *static_cast<const T*>(p))
                            ++i;
                        return i;
                    },
                .set_enum = [](void* p, std::size_t i) { *static_cast<T*>(p) = enumerator_table<T>[i]; }};
    }
}

template <class T>
constexpr Type container_type() {
    if constexpr (MapLike<T>) {
        return {.kind = Kind::map,
                .item = &type_of<typename T::mapped_type>,
                .each_entry =
                    [](const void* p, void* context, VisitEntry visit) {
                        for (const auto& [key, value] : *static_cast<const T*>(p))
                            if (!visit(context, key, &value)) return;
                    },
                .clear = [](void* p) { static_cast<T*>(p)->clear(); },
                .insert =
                    [](void* p, std::string_view key, void* context, Fill fill) {
                        typename T::mapped_type value{};
                        if (!fill(context, &value)) return false;
                        static_cast<T*>(p)->insert_or_assign(std::string(key), std::move(value));
                        return true;
                    }};
    } else {
        return {.kind = Kind::list,
                .item = &type_of<typename T::value_type>,
                .each =
                    [](const void* p, void* context, Visit visit) {
                        for (const auto& value : *static_cast<const T*>(p)) {
                            const typename T::value_type& item = value;  // vector<bool> gives no references
                            if (!visit(context, &item)) return;
                        }
                    },
                .clear = [](void* p) { static_cast<T*>(p)->clear(); },
                .append =
                    [](void* p, void* context, Fill fill) {
                        typename T::value_type value{};
                        if (!fill(context, &value)) return false;
                        static_cast<T*>(p)->insert(static_cast<T*>(p)->end(), std::move(value));
                        return true;
                    }};
    }
}

template <class T>
constexpr Type make_type() {
    if constexpr (is_optional<T>) {
        return {.kind = Kind::optional,
                .item = &type_of<typename T::value_type>,
                .clear = [](void* p) { static_cast<T*>(p)->reset(); },
                .held = [](const void* p) -> const void* {
                    const auto& v = *static_cast<const T*>(p);
                    return v ? &*v : nullptr;
                },
                .emplace = [](void* p, std::size_t) -> void* { return &static_cast<T*>(p)->emplace(); }};
    } else if constexpr (is_owner<T>) {
        return {.kind = Kind::optional,
                .item = &type_of<typename T::element_type>,
                .clear = [](void* p) { static_cast<T*>(p)->reset(); },
                .held = [](const void* p) -> const void* { return static_cast<const T*>(p)->get(); },
                .emplace = [](void* p, std::size_t) -> void* {
                    *static_cast<T*>(p) = T(new typename T::element_type{});
                    return static_cast<T*>(p)->get();
                }};
    } else if constexpr (is_variant<T>) {
        return {.kind = Kind::variant,
                .items = Parts<T>::table,
                .held = &Parts<T>::held,
                .index = [](const void* p) { return static_cast<const T*>(p)->index(); },
                .emplace = &Parts<T>::emplace};
    } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_same_v<T, std::string> ||
                         std::is_same_v<T, std::monostate> || std::is_same_v<T, std::nullptr_t> ||
                         std::is_same_v<T, boost::json::value>) {
        return scalar_type<T>();
    } else if constexpr (TupleLike<T>) {
        return {.kind = Kind::tuple, .items = Parts<T>::table, .place = &Parts<T>::place};
    } else if constexpr (MapLike<T> || ListLike<T>) {
        return container_type<T>();
    } else {
        static_assert(boost::describe::has_describe_members<T>::value,
                      "this type is unknown to JSON: describe it with BOOST_DESCRIBE_STRUCT(Name, (), (field, field))");
        static_assert(std::is_default_constructible_v<T>, "a described struct must be default-constructible");
        return {.kind = Kind::object,
                .name = name_of<T>(),
                .description = fields_of<T>().description,
                .fields = field_table<T>,
                .make = []() -> std::shared_ptr<void> { return std::make_shared<T>(); }};
    }
}

template <class T>
inline constexpr Type type_table = make_type<T>();

}  // namespace detail

/// The table of a type that JSON can hold: see reflect.hpp for which those are. Lives as long as the program.
template <class T>
const Type& type_of() noexcept {
    return detail::type_table<T>;
}

}  // namespace tenon::json
