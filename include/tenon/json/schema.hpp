// JSON Schema 2020-12: schemas of C++ types, and values held to schemas.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "tenon/json/json.hpp"
#include "tenon/json/type.hpp"

namespace tenon::json {

struct SchemaOptions {
    /// Every property is required and optional ones take null, as OpenAI's strict mode demands.
    bool all_required = false;
    bool defaults = true;        ///< write "default" for fields that may be missing
    bool allow_unknown = false;  ///< leave out "additionalProperties": false
};

namespace detail {
void write_schema(const Type& type, const SchemaOptions& options, Value& to);
[[nodiscard]] std::string schema_text(const Type& type, const SchemaOptions& options);
}  // namespace detail

/// The schema of a type (see reflect.hpp): what from_value accepts, with descriptions, bounds and defaults from its
/// rules. Structs that contain themselves are in $defs. Include <boost/json/value.hpp> to call this.
template <class T, class V = Value>
[[nodiscard]] V schema_of(const SchemaOptions& options = {}) {
    V value;
    detail::write_schema(type_of<T>(), options, value);
    return value;
}
template <class T>
[[nodiscard]] std::string schema_text(const SchemaOptions& options = {}) {
    return detail::schema_text(type_of<T>(), options);
}

/// Schemas of many types for one document: structs and enums are written once, under their names, and referred to.
/// Not synchronised.
class SchemaCollection {
  public:
    /// `prefix` stands before the name in a reference: "#/components/schemas/" in OpenAPI.
    explicit SchemaCollection(std::string prefix, SchemaOptions options = {});
    ~SchemaCollection();
    SchemaCollection(const SchemaCollection&) = delete;
    SchemaCollection& operator=(const SchemaCollection&) = delete;

    /// Wherever the type occurs, this is written instead of its own schema.
    void replace(const Type& type, const Value& schema);
    /// The type's schema, which refers to definitions; with `rules`, as of a field that has them.
    void write(const Type& type, const Rules& rules, Value& to);
    /// {"Name": schema, …} of all that was referred to. Two types of one name are told apart by a number.
    void definitions(Value& to) const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

struct SchemaError {
    std::string instance;                        ///< JSON Pointer (RFC 6901) to the offending value; "" is the whole
    std::string keyword;                         ///< JSON Pointer into the schema
    std::string message;                         ///< "expected an integer, got a string"
    [[nodiscard]] std::string describe() const;  ///< "/skills/2/level: expected an integer, got a string"
};

/// A compiled schema: draft 2020-12, vocabularies core (with $ref, $dynamicRef, $anchor, $defs), applicator,
/// unevaluated, validation and format-assertion. Of older drafts, `definitions`, `items` as a list with
/// `additionalItems`, `dependencies`, and boolean exclusive bounds are understood. Unknown keywords are notes.
/// References out of the document are not followed. Immutable; safe to use from many threads.
class Schema {
  public:
    /// Errors: invalid_argument (a keyword with a value of the wrong kind, a broken regular expression, a reference to
    /// nothing; the message has the JSON Pointer), unsupported (a reference to another document).
    [[nodiscard]] static Result<Schema> compile(const Value& schema);
    [[nodiscard]] static Result<Schema> compile_text(std::string_view schema);

    /// Empty: valid. At most `max_errors` of them; one failing anyOf or oneOf is one error.
    [[nodiscard]] std::vector<SchemaError> validate(const Value& value, std::size_t max_errors = 16) const;
    [[nodiscard]] bool accepts(const Value& value) const;

    struct Impl;  ///< private to the room

  private:
    explicit Schema(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
    std::shared_ptr<const Impl> impl_;
};

}  // namespace tenon::json
