// Structs to JSON text, without values in between.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <iterator>

#include "json/text.hpp"
#include "json/write_with_rules.hpp"

namespace tenon::json::detail {
namespace {

constexpr Rules no_rules{};

void append(const Type& type, const void* from, const Rules& rules, std::string& out);

void append_object(const Type& type, const void* from, std::string& out) {
    out += '{';
    bool first = true;
    for (const auto& field : type.fields) {
        const auto& inside = field.type();
        const void* member = field.get(const_cast<void*>(from));  // only read
        if (inside.kind == Kind::optional && inside.held(member) == nullptr) continue;
        if (!first) out += ',';
        first = false;
        append_string(out, field.name);
        out += ':';
        append(inside, member, field.rules, out);
    }
    out += '}';
}

struct Writing {
    const Type* type;
    const Rules* rules;
    std::string* out;
    bool first = true;
    void comma() {
        if (!first) *out += ',';
        first = false;
    }
};

void append(const Type& type, const void* from, const Rules& rules, std::string& out) {
    switch (type.kind) {
        case Kind::any:
            out += dump(*static_cast<const Value*>(from));
            return;
        case Kind::null:
            out += "null";
            return;
        case Kind::boolean:
            out += type.get_bool(from) ? "true" : "false";
            return;
        case Kind::integer: {
            const auto bits = type.get_integer(from);
            if (type.is_signed)
                fmt::format_to(std::back_inserter(out), "{}", static_cast<std::int64_t>(bits));
            else
                fmt::format_to(std::back_inserter(out), "{}", bits);
            return;
        }
        case Kind::number:
            append_number(out, type.get_number(from));
            return;
        case Kind::string:
            append_string(out, *static_cast<const std::string*>(from));
            return;
        case Kind::enumeration: {
            const auto index = type.get_enum(from);
            if (index < type.names.size())
                append_string(out, type.names[index]);
            else
                out += "null";
            return;
        }
        case Kind::list: {
            out += '[';
            Writing context{&type.item(), &rules, &out};
            type.each(from, &context, [](void* c, const void* item) {
                auto& w = *static_cast<Writing*>(c);
                w.comma();
                append(*w.type, item, *w.rules, *w.out);
                return true;
            });
            out += ']';
            return;
        }
        case Kind::tuple:
            out += '[';
            for (std::size_t i = 0; i < type.items.size(); ++i) {
                if (i > 0) out += ',';
                append(type.items[i](), type.place(const_cast<void*>(from), i), rules, out);
            }
            out += ']';
            return;
        case Kind::map: {
            out += '{';
            Writing context{&type.item(), &rules, &out};
            type.each_entry(from, &context, [](void* c, std::string_view key, const void* item) {
                auto& w = *static_cast<Writing*>(c);
                w.comma();
                append_string(*w.out, key);
                *w.out += ':';
                append(*w.type, item, *w.rules, *w.out);
                return true;
            });
            out += '}';
            return;
        }
        case Kind::optional:
            if (const void* held = type.held(from))
                append(type.item(), held, rules, out);
            else
                out += "null";
            return;
        case Kind::variant: {
            if (rules.tag.empty()) return append(type.items[type.index(from)](), type.held(from), rules, out);
            Value value;
            write_with_rules(type, from, rules, value);
            out += dump(value);
            return;
        }
        case Kind::object:
            return append_object(type, from, out);
    }
}

}  // namespace

std::string write_text(const Type& type, const void* object) {
    std::string out;
    append(type, object, no_rules, out);
    return out;
}

}  // namespace tenon::json::detail
