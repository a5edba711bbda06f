#include "tenon/json/reflect.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>
#include <map>
#include <vector>

#include "json/formats.hpp"
#include "json/pattern.hpp"
#include "json/text.hpp"
#include "json/values.hpp"
#include "json/write_with_rules.hpp"

namespace tenon::json::detail {
namespace {

constexpr Rules no_rules{};

std::string_view view(const boost::json::string& s) { return {s.data(), s.size()}; }

/// Bounds that rules set on the values inside a list, map or optional; the list's own stay behind.
Rules inner(const Rules& rules) {
    Rules out = rules;
    out.min_items = out.max_items = std::nullopt;
    out.unique_items = false;
    return out;
}

class Reader {
  public:
    explicit Reader(const ReadOptions& options) : options_(options) {}

    std::vector<Fault> errors;

    // False: the value is not to be used; what was wrong is in `errors`.
    bool read(const Type& type, const Value& from, void* to, const Rules& rules) {
        if (++depth_ > options_.max_depth) {
            --depth_;
            return wrong("nested too deeply");
        }
        const bool good = dispatch(type, from, to, rules);
        --depth_;
        return good;
    }

  private:
    bool dispatch(const Type& type, const Value& from, void* to, const Rules& rules) {
        switch (type.kind) {
            case Kind::any:
                *static_cast<Value*>(to) = from;
                return true;
            case Kind::null:
                return from.is_null() || expected("null", from);
            case Kind::boolean:
                if (!from.is_bool()) return expected("a boolean", from);
                type.set_bool(to, from.get_bool());
                return true;
            case Kind::integer:
                return read_integer(type, from, to, rules);
            case Kind::number:
                if (!from.is_number()) return expected("a number", from);
                type.set_number(to, from.to_number<double>());
                return check_number(from.to_number<double>(), rules);
            case Kind::string:
                if (!from.is_string()) return expected("a string", from);
                *static_cast<std::string*>(to) = view(from.get_string());
                return check_string(view(from.get_string()), rules);
            case Kind::enumeration:
                return read_enumeration(type, from, to);
            case Kind::list:
                return read_list(type, from, to, rules);
            case Kind::tuple:
                return read_tuple(type, from, to, rules);
            case Kind::map:
                return read_map(type, from, to, rules);
            case Kind::optional:
                type.clear(to);
                return from.is_null() || read(type.item(), from, type.emplace(to, 0), rules);
            case Kind::variant:
                return rules.tag.empty() ? read_by_shape(type, from, to, rules) : read_by_tag(type, from, to, rules);
            case Kind::object:
                return read_object(type, from, to);
        }
        return false;
    }

    bool wrong(std::string what) {
        if (errors.size() < options_.max_errors) errors.push_back({path_, std::move(what)});
        return false;
    }
    bool expected(std::string_view what, const Value& got) {
        return wrong(fmt::format("expected {}, got {}", what, kind_name(got)));
    }

    bool read_integer(const Type& type, const Value& from, void* to, const Rules& rules) {
        const double* real = from.if_double();
        if (!from.is_number() || (real != nullptr && *real != std::floor(*real))) return expected("an integer", from);
        std::uint64_t bits = 0;
        bool fits = true;
        if (const auto* i = from.if_int64()) {
            bits = static_cast<std::uint64_t>(*i);
            fits = *i < 0 ? *i >= type.least : static_cast<std::uint64_t>(*i) <= type.most;
        } else if (const auto* u = from.if_uint64()) {
            bits = *u;
            fits = *u <= type.most;
        } else {
            fits = *real >= static_cast<double>(type.least) && *real < static_cast<double>(type.most) + 1 &&
                   *real < 0x1p64;
            if (fits)
                bits = *real < 0 ? static_cast<std::uint64_t>(static_cast<std::int64_t>(*real))
                                 : static_cast<std::uint64_t>(*real);
        }
        if (!fits) return wrong(fmt::format("{} is outside {} to {}", dump(from), type.least, type.most));
        type.set_integer(to, bits);
        return check_number(from.to_number<double>(), rules);
    }

    bool check_number(double value, const Rules& r) {
        if (options_.partial) return true;
        if (r.minimum && value < *r.minimum) return wrong(fmt::format("must be at least {}, is {}", *r.minimum, value));
        if (r.maximum && value > *r.maximum) return wrong(fmt::format("must be at most {}, is {}", *r.maximum, value));
        if (r.exclusive_minimum && value <= *r.exclusive_minimum)
            return wrong(fmt::format("must be greater than {}, is {}", *r.exclusive_minimum, value));
        if (r.exclusive_maximum && value >= *r.exclusive_maximum)
            return wrong(fmt::format("must be less than {}, is {}", *r.exclusive_maximum, value));
        if (r.multiple_of && !is_multiple(value, *r.multiple_of))
            return wrong(fmt::format("must be a multiple of {}, is {}", *r.multiple_of, value));
        return true;
    }

    bool check_string(std::string_view text, const Rules& r) {
        if (options_.partial) return true;
        const auto quoted = [&] { return dump(Value(text.substr(0, 60))); };
        if (r.min_length || r.max_length) {
            const auto length = characters(text);
            if (r.min_length && length < *r.min_length)
                return wrong(fmt::format("must have at least {} characters, has {}", *r.min_length, length));
            if (r.max_length && length > *r.max_length)
                return wrong(fmt::format("must have at most {} characters, has {}", *r.max_length, length));
        }
        if (!r.choices.front().empty()) {
            std::string list;
            for (const auto choice : r.choices) {
                if (choice.empty()) break;
                if (choice == text) return true;
                list += (list.empty() ? "" : ", ") + std::string(choice);
            }
            return wrong(fmt::format("{} is none of: {}", quoted(), list));
        }
        if (!r.format.empty() && has_format(r.format, text) == false)
            return wrong(fmt::format("{} is not of the format {}", quoted(), r.format));
        if (r.pattern.empty()) return true;
        auto found = patterns_.find(r.pattern);
        if (found == patterns_.end()) {
            auto compiled = Pattern::compile(r.pattern);
            if (!compiled) return wrong(compiled.error().message());
            found = patterns_.emplace(r.pattern, std::move(*compiled)).first;
        }
        return found->second.find(text) == Pattern::Outcome::yes ||
               wrong(fmt::format("{} does not match {}", quoted(), r.pattern));
    }

    bool read_enumeration(const Type& type, const Value& from, void* to) {
        if (!from.is_string()) return expected("a string", from);
        std::string list;
        for (std::size_t i = 0; i < type.names.size(); ++i) {
            if (type.names[i] == view(from.get_string())) {
                type.set_enum(to, i);
                return true;
            }
            if (options_.partial && type.names[i].starts_with(view(from.get_string())))
                return true;  // not all of it yet
            list += (i == 0 ? "" : ", ") + std::string(type.names[i]);
        }
        return wrong(fmt::format("{} is none of: {}", dump(from), list));
    }

    bool check_count(std::size_t count, const Rules& r, std::string_view what) {
        if (options_.partial) return true;
        if (r.min_items && count < *r.min_items)
            return wrong(fmt::format("must have at least {} {}, has {}", *r.min_items, what, count));
        if (r.max_items && count > *r.max_items)
            return wrong(fmt::format("must have at most {} {}, has {}", *r.max_items, what, count));
        return true;
    }

    struct Item {
        Reader* reader;
        const Type* type;
        const Value* from;
        const Rules* rules;
        static bool fill(void* context, void* to) {
            const auto& item = *static_cast<Item*>(context);
            return item.reader->read(*item.type, *item.from, to, *item.rules);
        }
    };

    bool read_list(const Type& type, const Value& from, void* to, const Rules& rules) {
        const auto* array = from.if_array();
        if (array == nullptr) return expected("an array", from);
        bool good = check_count(array->size(), rules, "items");
        if (rules.unique_items && !all_different(*array)) good = wrong("must not hold the same item twice");
        type.clear(to);
        const Rules inside = inner(rules);
        for (std::size_t i = 0; i < array->size(); ++i) {
            const In in(*this, fmt::format("[{}]", i));
            Item item{this, &type.item(), &(*array)[i], &inside};
            good = type.append(to, &item, &Item::fill) && good;
        }
        return good;
    }

    bool read_tuple(const Type& type, const Value& from, void* to, const Rules& rules) {
        const auto* array = from.if_array();
        if (array == nullptr) return expected("an array", from);
        if (array->size() > type.items.size() || (array->size() < type.items.size() && !options_.partial))
            return wrong(fmt::format("must have {} items, has {}", type.items.size(), array->size()));
        bool good = true;
        const Rules inside = inner(rules);
        for (std::size_t i = 0; i < array->size(); ++i) {
            const In in(*this, fmt::format("[{}]", i));
            good = read(type.items[i](), (*array)[i], type.place(to, i), inside) && good;
        }
        return good;
    }

    bool read_map(const Type& type, const Value& from, void* to, const Rules& rules) {
        const auto* object = from.if_object();
        if (object == nullptr) return expected("an object", from);
        bool good = check_count(object->size(), rules, "members");
        type.clear(to);
        const Rules inside = inner(rules);
        for (const auto& [key, value] : *object) {
            const In in(*this, member_path(key));
            Item item{this, &type.item(), &value, &inside};
            good = type.insert(to, key, &item, &Item::fill) && good;
        }
        return good;
    }

    bool read_object(const Type& type, const Value& from, void* to) {
        const auto* object = from.if_object();
        if (object == nullptr) return expected("an object", from);
        bool good = true;
        for (const auto& field : type.fields) {
            const In in(*this, member_path(field.name));
            const auto* value = object->if_contains(field.name);
            if (value != nullptr)
                good = read(field.type(), *value, field.get(to), field.rules) && good;
            else if (field.rules.required && field.type().kind != Kind::optional && !options_.partial)
                good = wrong("missing");
        }
        if (!options_.refuse_unknown) return good;
        for (const auto& [key, value] : *object) {
            const std::string_view name = key;
            if (name == tag_) continue;
            bool known = false;
            for (const auto& field : type.fields) known = known || field.name == name;
            const In in(*this, member_path(name));
            if (!known) good = wrong("unknown member");
        }
        return good;
    }

    bool read_by_tag(const Type& type, const Value& from, void* to, const Rules& rules) {
        if (!from.is_object()) return expected("an object", from);
        const auto* tag = find(from, rules.tag);
        std::string list;
        for (std::size_t i = 0; i < type.items.size(); ++i) {
            const auto& alternative = type.items[i]();
            if (tag != nullptr && tag->is_string() && view(tag->get_string()) == alternative.name) {
                const auto before = std::exchange(tag_, rules.tag);
                const bool good = read(alternative, from, type.emplace(to, i), no_rules);
                tag_ = before;
                return good;
            }
            list += (i == 0 ? "" : ", ") + std::string(alternative.name);
        }
        if (options_.partial && (tag == nullptr || tag->is_string())) return true;
        const In in(*this, member_path(rules.tag));
        if (tag == nullptr) return wrong(fmt::format("missing; one of: {}", list));
        return wrong(fmt::format("{} is none of: {}", dump(*tag), list));
    }

    // The first alternative that takes the value exactly, else the first that takes it while passing members over.
    bool read_by_shape(const Type& type, const Value& from, void* to, const Rules& rules) {
        for (const bool exact : {true, false}) {
            if (!exact && options_.refuse_unknown) break;
            ReadOptions options = options_;
            options.refuse_unknown = exact;
            options.max_depth = options_.max_depth - std::min(options_.max_depth, depth_);
            for (std::size_t i = 0; i < type.items.size(); ++i) {
                if (++attempts_ > 10'000) return wrong("too ambiguous: give the variant a tag");
                Reader trial(options);
                trial.attempts_ = attempts_;
                const bool good = trial.read(type.items[i](), from, type.emplace(to, i), rules);
                attempts_ = trial.attempts_;
                if (good) return true;
            }
        }
        // Say what is wrong with the only alternative of the right kind, if there is just one.
        const Type* likely = nullptr;
        std::size_t candidates = 0, index = 0;
        std::string list;
        for (std::size_t i = 0; i < type.items.size(); ++i) {
            const auto& alternative = type.items[i]();
            list += (i == 0 ? "" : ", ") + describe(alternative);
            if (!takes(alternative.kind, from)) continue;
            likely = &alternative;
            index = i;
            ++candidates;
        }
        if (candidates == 1) return read(*likely, from, type.emplace(to, index), rules);
        return wrong(fmt::format("{} fits none of: {}", kind_name(from), list));
    }

    static bool takes(Kind kind, const Value& value) {
        switch (kind) {
            case Kind::null:
                return value.is_null();
            case Kind::boolean:
                return value.is_bool();
            case Kind::integer:
            case Kind::number:
                return value.is_number();
            case Kind::string:
            case Kind::enumeration:
                return value.is_string();
            case Kind::list:
            case Kind::tuple:
                return value.is_array();
            case Kind::map:
            case Kind::object:
                return value.is_object();
            default:
                return true;
        }
    }
    static std::string describe(const Type& type) {
        if (!type.name.empty()) return std::string(type.name);
        constexpr std::array<std::string_view, 13> names{
            "any value", "null",     "a boolean", "an integer",      "a number",  "a string", "a string",
            "an array",  "an array", "an object", "a value or null", "a variant", "an object"};
        return std::string(names[static_cast<std::size_t>(type.kind)]);
    }

    std::string member_path(std::string_view name) const {
        bool plain = !name.empty();
        for (const char c : name)
            plain = plain && (c == '_' || c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                              (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80);
        if (!plain) return "[" + dump(Value(name)) + "]";
        return path_.empty() ? std::string(name) : "." + std::string(name);
    }

    /// Lengthens the path while it lives.
    class In {
      public:
        In(Reader& reader, const std::string& step) : reader_(reader), length_(reader.path_.size()) {
            reader_.path_ += step;
        }
        ~In() { reader_.path_.resize(length_); }
        In(const In&) = delete;
        In& operator=(const In&) = delete;

      private:
        Reader& reader_;
        std::size_t length_;
    };

    const ReadOptions& options_;
    std::string path_;
    std::string_view tag_;
    std::size_t depth_ = 0;
    std::size_t attempts_ = 0;
    std::map<std::string_view, Pattern> patterns_;
};

void write_rules(const Type& type, const void* from, const Rules& rules, Value& to);

void write_object(const Type& type, const void* from, Value& to) {
    auto& object = to.emplace_object();
    object.reserve(type.fields.size());
    for (const auto& field : type.fields) {
        const auto& inside = field.type();
        const void* member = field.get(const_cast<void*>(from));  // only read
        if (inside.kind == Kind::optional && inside.held(member) == nullptr) continue;
        write_rules(inside, member, field.rules, object[field.name]);
    }
}

struct Writing {
    const Type* type;
    const Rules* rules;
    Value* to;
};

void write_rules(const Type& type, const void* from, const Rules& rules, Value& to) {
    switch (type.kind) {
        case Kind::any:
            to = *static_cast<const Value*>(from);
            return;
        case Kind::null:
            to = nullptr;
            return;
        case Kind::boolean:
            to = type.get_bool(from);
            return;
        case Kind::integer:
            if (type.is_signed)
                to = static_cast<std::int64_t>(type.get_integer(from));
            else
                to = type.get_integer(from);
            return;
        case Kind::number:
            to = type.get_number(from);
            return;
        case Kind::string:
            to = std::string_view(*static_cast<const std::string*>(from));
            return;
        case Kind::enumeration: {
            const auto index = type.get_enum(from);
            if (index < type.names.size())
                to = type.names[index];
            else
                to = nullptr;
            return;
        }
        case Kind::list: {
            to.emplace_array();
            Writing context{&type.item(), &rules, &to};
            type.each(from, &context, [](void* c, const void* item) {
                const auto& w = *static_cast<Writing*>(c);
                write_rules(*w.type, item, *w.rules, w.to->get_array().emplace_back(nullptr));
                return true;
            });
            return;
        }
        case Kind::tuple:
            to.emplace_array();
            for (std::size_t i = 0; i < type.items.size(); ++i)
                write_rules(type.items[i](), type.place(const_cast<void*>(from), i), rules,
                            to.get_array().emplace_back(nullptr));
            return;
        case Kind::map: {
            to.emplace_object();
            Writing context{&type.item(), &rules, &to};
            type.each_entry(from, &context, [](void* c, std::string_view key, const void* item) {
                const auto& w = *static_cast<Writing*>(c);
                write_rules(*w.type, item, *w.rules, w.to->get_object()[key]);
                return true;
            });
            return;
        }
        case Kind::optional:
            if (const void* held = type.held(from))
                write_rules(type.item(), held, rules, to);
            else
                to = nullptr;
            return;
        case Kind::variant: {
            const auto& alternative = type.items[type.index(from)]();
            if (rules.tag.empty()) return write_rules(alternative, type.held(from), rules, to);
            Value inside;
            write_object(alternative, type.held(from), inside);
            auto& object = to.emplace_object();
            object[rules.tag] = alternative.name;
            for (auto& [key, value] : inside.get_object()) object[key] = std::move(value);
            return;
        }
        case Kind::object:
            return write_object(type, from, to);
    }
}

}  // namespace

void write(const Type& type, const void* object, Value& to) { write_rules(type, object, no_rules, to); }

void write_with_rules(const Type& type, const void* object, const Rules& rules, Value& to) {
    write_rules(type, object, rules, to);
}

Result<void> read(const Type& type, const Value& from, void* object, const ReadOptions& options) {
    Reader reader(options);
    if (reader.read(type, from, object, no_rules)) return {};
    std::string message;
    for (const auto& error : reader.errors) message += (message.empty() ? "" : "; ") + error.describe();
    return fail(ErrorCode::invalid_argument, message.empty() ? "does not fit" : std::move(message));
}

std::vector<Fault> find_faults(const Type& type, const Value& from, void* object, const ReadOptions& options,
                               const Rules& rules) {
    Reader reader(options);
    if (!reader.read(type, from, object, rules) && reader.errors.empty()) reader.errors.push_back({{}, "does not fit"});
    return std::move(reader.errors);
}

std::vector<Fault> find_faults_in_text(const Type& type, std::string_view from, void* object,
                                       const ReadOptions& options) {
    if (read_quickly(type, from, object, options)) return {};
    const auto value = parse(from);
    if (!value) return {{{}, value.error().message()}};
    return find_faults(type, *value, object, options);
}

Result<void> read_text(const Type& type, std::string_view from, void* object, const ReadOptions& options) {
    if (read_quickly(type, from, object, options)) return {};
    TENON_TRY(const auto value, parse(from));
    return read(type, value, object, options);
}

}  // namespace tenon::json::detail

namespace tenon::json {
std::string Fault::describe() const { return path.empty() ? message : path + ": " + message; }
}  // namespace tenon::json
