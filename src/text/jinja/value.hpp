// Values of the template language: Python's, as far as a sandboxed template can see them.
// Everything is immutable once made except namespaces, generators (which are consumed) and cyclers, so sharing is safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tenon::text::jinja {

class Interp;
struct Args;

enum class Kind : std::uint8_t {
    undefined,
    none,
    boolean,
    integer,
    floating,
    string,
    list,
    tuple,
    dict,
    range,
    generator,
    view,
    name_space,
    callable,
    object,  ///< loop, cycler
};

struct Object {
    virtual ~Object() = default;
};

struct ListObject;
struct DictObject;
struct RangeObject;
struct StringObject;

class Value {
  public:
    Value() noexcept = default;  ///< undefined, without a name
    static Value none() noexcept { return Value(Kind::none); }
    static Value boolean(bool value) noexcept {
        Value v(Kind::boolean);
        v.integer_ = value ? 1 : 0;
        return v;
    }
    static Value integer(std::int64_t value) noexcept {
        Value v(Kind::integer);
        v.integer_ = value;
        return v;
    }
    static Value floating(double value) noexcept {
        Value v(Kind::floating);
        v.floating_ = value;
        return v;
    }
    static Value string(std::string text, bool markup = false);
    /// An undefined value that explains itself when it is used.
    static Value undefined(std::string message, bool unsafe = false);
    Value(Kind kind, std::shared_ptr<Object> object) noexcept : object_(std::move(object)), kind_(kind) {}

    [[nodiscard]] Kind kind() const noexcept { return kind_; }
    [[nodiscard]] bool is(Kind kind) const noexcept { return kind_ == kind; }
    [[nodiscard]] bool is_number() const noexcept {
        return kind_ == Kind::boolean || kind_ == Kind::integer || kind_ == Kind::floating;
    }
    /// An int or a bool, which Python lets stand for one.
    [[nodiscard]] bool is_integral() const noexcept { return kind_ == Kind::boolean || kind_ == Kind::integer; }
    [[nodiscard]] std::int64_t as_integer() const noexcept { return integer_; }
    [[nodiscard]] double as_double() const noexcept {
        return kind_ == Kind::floating ? floating_ : static_cast<double>(integer_);
    }
    [[nodiscard]] const std::string& text() const noexcept;
    [[nodiscard]] bool markup() const noexcept;
    [[nodiscard]] const std::vector<Value>& items() const noexcept;  ///< list, tuple
    [[nodiscard]] const DictObject& dict() const noexcept;
    [[nodiscard]] const RangeObject& range() const noexcept;
    template <class T>
    [[nodiscard]] T& as() const noexcept {
        return static_cast<T&>(*object_);
    }
    [[nodiscard]] const std::shared_ptr<Object>& object() const noexcept { return object_; }

  private:
    explicit Value(Kind kind) noexcept : kind_(kind) {}

    std::shared_ptr<Object> object_;
    union {
        std::int64_t integer_ = 0;
        double floating_;
    };
    Kind kind_ = Kind::undefined;
};

struct UndefinedObject : Object {
    std::string message;
    bool unsafe = false;
};

struct StringObject : Object {
    std::string text;
    bool markup = false;
};

/// A list or a tuple. `depth` is one more than that of the deepest item.
struct ListObject : Object {
    std::vector<Value> items;
    std::uint32_t depth = 1;
    bool group = false;  ///< what `groupby` yields: items[0] is also `.grouper`, items[1] `.list`
};

struct ValueHash {
    std::size_t operator()(const Value& value) const noexcept;
};
/// Equality of hashable values (numbers, strings, None, tuples of them; other objects by identity).
struct ValueKeyEqual {
    bool operator()(const Value& a, const Value& b) const noexcept;
};

struct DictObject : Object {
    std::vector<std::pair<Value, Value>> entries;
    std::uint32_t depth = 1;

    [[nodiscard]] const Value* find(const Value& key) const noexcept;
    [[nodiscard]] const Value* find(std::string_view key) const noexcept;
    /// Adds, or replaces the value in place as Python does.
    void set(Value key, Value value);

  private:
    [[nodiscard]] std::size_t position(const Value& key) const noexcept;
    static constexpr std::size_t linear_limit = 8;
    std::unordered_map<Value, std::size_t, ValueHash, ValueKeyEqual> index_;  ///< built beyond `linear_limit` entries
};

struct RangeObject : Object {
    std::int64_t start = 0, stop = 0, step = 1;
    [[nodiscard]] std::int64_t size() const noexcept;
};

/// What lazy filters return: iterated once. Items are computed ahead.
struct GeneratorObject : Object {
    std::vector<Value> items;
    std::size_t next = 0;
};

struct ViewObject : Object {
    enum class Part : std::uint8_t { keys, values, items };
    Value dict;
    Part part = Part::items;
};

struct NamespaceObject : Object {
    DictObject attributes;
};

struct CallableObject : Object {
    std::string name;
    /// False after an error, which `interp` then holds.
    virtual bool call(Interp& interp, Args& args, Value& out) = 0;
    virtual bool attribute(std::string_view, Value&) const { return false; }
};

struct CustomObject : Object {
    virtual bool attribute(Interp& interp, std::string_view name, Value& out, bool& found) = 0;
    virtual bool call(Interp& interp, Args& args, Value& out, bool& callable) {
        (void)interp, (void)args, (void)out;
        callable = false;
        return true;
    }
    [[nodiscard]] virtual std::string describe() const = 0;
};

struct Args {
    std::vector<Value> positional;
    std::vector<std::pair<std::string, Value>> keywords;
};

[[nodiscard]] bool truth(const Value& value) noexcept;
/// Python's type name: "str", "NoneType".
[[nodiscard]] std::string_view type_name(const Value& value) noexcept;
[[nodiscard]] std::uint32_t depth_of(const Value& value) noexcept;
/// Whether the value can be a dict key; tuples only when shallow.
[[nodiscard]] bool hashable(const Value& value) noexcept;

inline const std::string& Value::text() const noexcept { return static_cast<const StringObject&>(*object_).text; }
inline bool Value::markup() const noexcept {
    return kind_ == Kind::string && static_cast<const StringObject&>(*object_).markup;
}
inline const std::vector<Value>& Value::items() const noexcept {
    return static_cast<const ListObject&>(*object_).items;
}
inline const DictObject& Value::dict() const noexcept { return static_cast<const DictObject&>(*object_); }
inline const RangeObject& Value::range() const noexcept { return static_cast<const RangeObject&>(*object_); }

}  // namespace tenon::text::jinja
