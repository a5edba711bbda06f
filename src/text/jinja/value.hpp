// Values of the template language: Python's, as far as a sandboxed template can see them.
// Everything is immutable once made except namespaces, generators (which are consumed) and cyclers, so sharing is safe.
#pragma once

#include <boost/container/small_vector.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tenon/json/json.hpp"

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

/// What several values may share. Counted without locks: a render stays on one thread, and what concurrent renders
/// share (the constants of a template, the context) is borrowed and holds no object.
struct Object {
    Object() = default;
    Object(const Object&) noexcept {}  // a copy has owners of its own
    Object& operator=(const Object&) noexcept { return *this; }
    virtual ~Object() = default;

    std::uint32_t owners = 0;
};
inline void intrusive_ptr_add_ref(Object* object) noexcept { ++object->owners; }
inline void intrusive_ptr_release(Object* object) noexcept {
    if (--object->owners == 0) delete object;
}
template <class T>
using Ref = boost::intrusive_ptr<T>;
template <class T, class... Arguments>
Ref<T> make_object(Arguments&&... arguments) {
    return Ref<T>(new T(std::forward<Arguments>(arguments)...));
}

struct ListObject;
struct DictObject;
struct RangeObject;
class ListView;
class DictView;

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
    /// A text that outlives the value: of the template, or of the context.
    static Value borrowed(std::string_view text) noexcept {
        Value v(Kind::string);
        v.set_text(text);
        return v;
    }
    /// A value of the context, nested at most `depth` deep. Texts, lists and dicts stay where they are.
    static Value borrowed(const json::Value& value, std::size_t depth) noexcept;
    /// Undefined values explain themselves when they are used: see `why_undefined`.
    static Value undefined(std::string message, bool unsafe = false);
    static Value undefined_variable(std::string_view borrowed_name) noexcept;
    static Value undefined_attribute(const Value& object, const Value& name) noexcept;
    template <class T>
    Value(Kind kind, Ref<T> object) noexcept : object_(std::move(object)), kind_(kind) {}

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
    [[nodiscard]] std::string_view text() const noexcept { return {text_, size_}; }
    [[nodiscard]] bool markup() const noexcept { return detail_ == Detail::markup; }
    /// A piece of this text, which shares its bytes; of markup, markup too.
    [[nodiscard]] Value piece(std::string_view within) const noexcept;
    /// Adds to a text that nobody else holds, in place; false, and nothing done, for any other.
    [[nodiscard]] bool extend(std::string_view more);
    [[nodiscard]] ListView items() const noexcept;  ///< list, tuple
    [[nodiscard]] DictView dict() const noexcept;
    [[nodiscard]] const RangeObject& range() const noexcept;
    template <class T>
    [[nodiscard]] T& as() const noexcept {
        return static_cast<T&>(*object_);
    }
    [[nodiscard]] const Ref<Object>& object() const noexcept { return object_; }
    /// Whether both are the very same object, as far as a template can tell.
    [[nodiscard]] bool identical(const Value& other) const noexcept;

    [[nodiscard]] std::string why_undefined() const;
    [[nodiscard]] bool unsafe() const noexcept { return detail_ == Detail::unsafe; }

  private:
    friend std::uint32_t depth_of(const Value&) noexcept;
    /// What else there is to know about a text, or about why a value is undefined.
    enum class Detail : std::uint8_t { none, markup, message, unsafe, variable, attribute };

    explicit Value(Kind kind) noexcept : kind_(kind) {}
    void set_text(std::string_view text) noexcept {
        text_ = text.data();
        size_ = text.size();
    }

    Ref<Object> object_;  ///< null for what needs none, and for what is borrowed
    union {
        std::int64_t integer_ = 0;
        double floating_;
        const char* text_;
        const json::Array* list_;
        const json::Object* members_;
    };
    std::size_t size_ = 0;  ///< bytes of a text; of a borrowed list or dict: how deep it is nested, at most
    Kind kind_ = Kind::undefined;
    Detail detail_ = Detail::none;
    Kind of_ = Kind::undefined;  ///< of the object that lacks the attribute
};

struct StringObject : Object {
    std::string text;
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

/// The items of a list or tuple, wherever they are kept. Valid as long as the value they belong to.
class ListView {
  public:
    ListView() noexcept = default;
    explicit ListView(const std::vector<Value>& items) noexcept : items_(items.data()), size_(items.size()) {}
    ListView(const json::Array& list, std::size_t depth) noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] Value operator[](std::size_t i) const noexcept { return items_ ? items_[i] : of_context(i); }
    [[nodiscard]] Value front() const noexcept { return (*this)[0]; }
    [[nodiscard]] Value back() const noexcept { return (*this)[size_ - 1]; }
    [[nodiscard]] std::vector<Value> part(std::size_t from, std::size_t to) const;
    [[nodiscard]] std::vector<Value> all() const { return part(0, size_); }

    struct Iterator;
    [[nodiscard]] Iterator begin() const noexcept;
    [[nodiscard]] Iterator end() const noexcept;

  private:
    [[nodiscard]] Value of_context(std::size_t i) const noexcept;

    const Value* items_ = nullptr;
    const json::Array* list_ = nullptr;
    std::size_t size_ = 0, depth_ = 0;
};

struct ListView::Iterator {
    const ListView* list;
    std::size_t at;
    Value operator*() const noexcept { return (*list)[at]; }
    Iterator& operator++() noexcept { return ++at, *this; }
    bool operator==(const Iterator& other) const noexcept { return at == other.at; }
};
inline ListView::Iterator ListView::begin() const noexcept { return {this, 0}; }
inline ListView::Iterator ListView::end() const noexcept { return {this, size_}; }

/// The entries of a dict, in their order, wherever they are kept. Valid as long as the value they belong to.
class DictView {
  public:
    explicit DictView(const DictObject& dict) noexcept : dict_(&dict) {}
    DictView(const json::Object& members, std::size_t depth) noexcept : members_(&members), depth_(depth) {}

    [[nodiscard]] std::size_t size() const noexcept;
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] std::pair<Value, Value> operator[](std::size_t i) const noexcept;
    /// False, and `out` as it was, when the key is not there.
    bool find(const Value& key, Value& out) const;
    bool find(std::string_view key, Value& out) const;

    struct Iterator;
    [[nodiscard]] Iterator begin() const noexcept;
    [[nodiscard]] Iterator end() const noexcept;

  private:
    const DictObject* dict_ = nullptr;
    const json::Object* members_ = nullptr;
    std::size_t depth_ = 0;
};

struct DictView::Iterator {
    const DictView* dict;
    std::size_t at;
    std::pair<Value, Value> operator*() const noexcept { return (*dict)[at]; }
    Iterator& operator++() noexcept { return ++at, *this; }
    bool operator==(const Iterator& other) const noexcept { return at == other.at; }
};
inline DictView::Iterator DictView::begin() const noexcept { return {this, 0}; }
inline DictView::Iterator DictView::end() const noexcept { return {this, size()}; }

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
    boost::container::small_vector<Value, 4> positional;
    std::vector<std::pair<std::string, Value>> keywords;
};

[[nodiscard]] bool truth(const Value& value) noexcept;
/// Python's type name: "str", "NoneType".
[[nodiscard]] std::string_view type_name(const Value& value) noexcept;
/// As error messages name it: "'dict object'", "None".
[[nodiscard]] std::string object_name(const Value& value);
[[nodiscard]] std::uint32_t depth_of(const Value& value) noexcept;
/// Whether the value can be a dict key; tuples only when shallow.
[[nodiscard]] bool hashable(const Value& value) noexcept;

inline const RangeObject& Value::range() const noexcept { return static_cast<const RangeObject&>(*object_); }

}  // namespace tenon::text::jinja
