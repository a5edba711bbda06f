// What a route takes and gives, collected from its handler's types, for validation at start and the OpenAPI document.
// Users need it only to teach App types of their own: see parameters.hpp and reply.hpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/json/type.hpp"

namespace tenon::serve {

/// A type's identity and name, without RTTI.
struct TypeKey {
    const void* id = nullptr;
    std::string_view name{};
    [[nodiscard]] bool operator==(const TypeKey& other) const noexcept { return id == other.id; }
};
namespace detail {
template <class T>
inline constexpr char type_tag = 0;
}  // namespace detail
template <class T>
[[nodiscard]] constexpr TypeKey type_key() {
    return {&detail::type_tag<T>, json::detail::name_of<T>()};
}

/// Where a value is sent.
enum class Place : std::uint8_t { path, query, header, cookie };
[[nodiscard]] std::string_view to_string(Place place) noexcept;

/// How a client shows who it is.
struct SecurityScheme {
    enum class Kind : std::uint8_t { bearer, basic, api_key_header, api_key_query, api_key_cookie };
    Kind kind = Kind::bearer;
    std::string name{};  ///< of an API key's header, parameter or cookie
    [[nodiscard]] bool operator==(const SecurityScheme&) const = default;
};

/// Filled by the parameters and the reply of one handler.
struct Draft {
    struct Parameter {
        Place place;
        std::string name;
        const json::Type* type;
        json::Rules rules{};
        bool required = true;
        const json::Type* owner = nullptr;  ///< the struct it is a field of
        const json::Field* field = nullptr;
    };
    struct Body {
        std::string content_type;
        const json::Type* type = nullptr;  ///< null: bytes
        bool required = true;
    };
    struct Response {
        int status;
        std::string description, content_type;
        const json::Type* type = nullptr;  ///< null: no schema
        bool items = false;                ///< of a stream: the schema is of one item
    };
    std::vector<Parameter> parameters;
    std::vector<Body> bodies;  ///< alternatives
    std::vector<Response> responses;
    std::vector<SecurityScheme> security;  ///< read by the handler itself
    std::vector<TypeKey> needs;            ///< what must be provided
    bool waits_for_body = false;           ///< the body is streamed to the handler
    bool web_socket = false;

    /// Each field of the struct is a parameter; in headers, underscores stand for hyphens.
    void add_fields(Place place, const json::Type& type);
    void add_value(Place place, std::string_view name, const json::Type& type);
    /// urlencoded or multipart, files included.
    void add_form(const json::Type& type);
    void add_response(int status, std::string_view description, std::string_view content_type,
                      const json::Type* type = nullptr, bool items = false);
};

}  // namespace tenon::serve
