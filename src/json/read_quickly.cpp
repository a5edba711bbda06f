#include <charconv>
#include <cmath>
#include <optional>

#include "json/formats.hpp"
#include "json/text.hpp"
#include "json/values.hpp"
#include "tenon/base/utf8.hpp"

namespace tenon::json::detail {
namespace {

constexpr Rules no_rules{};

Rules inner(const Rules& rules) {
    Rules out = rules;
    out.min_items = out.max_items = std::nullopt;
    out.unique_items = false;
    return out;
}

class QuickReader {
  public:
    QuickReader(std::string_view text, const ReadOptions& options)
        : at_(text.data()), end_(text.data() + text.size()), options_(options) {}

    bool run(const Type& type, void* to) {
        if (!read(type, to, no_rules)) return false;
        space();
        return at_ == end_;
    }

  private:
    bool read(const Type& type, void* to, const Rules& rules) {
        if (++depth_ > options_.max_depth) return false;
        const bool good = dispatch(type, to, rules);
        --depth_;
        return good;
    }

    bool dispatch(const Type& type, void* to, const Rules& rules) {
        space();
        if (at_ == end_) return false;
        switch (type.kind) {
            case Kind::any:
            case Kind::variant:
                return false;
            case Kind::null:
                return word("null");
            case Kind::boolean:
                if (*at_ == 't') return word("true") && (type.set_bool(to, true), true);
                return word("false") && (type.set_bool(to, false), true);
            case Kind::integer:
                return read_integer(type, to, rules);
            case Kind::number:
                return read_number(type, to, rules);
            case Kind::string: {
                auto& text = *static_cast<std::string*>(to);
                return read_string(text) && fits(text, rules);
            }
            case Kind::enumeration:
                return read_enumeration(type, to);
            case Kind::list:
                return read_list(type, to, rules);
            case Kind::tuple:
                return read_tuple(type, to, rules);
            case Kind::map:
                return read_map(type, to, rules);
            case Kind::optional:
                type.clear(to);
                if (*at_ == 'n') return word("null");
                return read(type.item(), type.emplace(to, 0), rules);
            case Kind::object:
                return read_object(type, to);
        }
        return false;
    }

    void space() {
        while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
    }
    bool take(char c) {
        space();
        if (at_ == end_ || *at_ != c) return false;
        ++at_;
        return true;
    }
    bool word(std::string_view expected) {
        if (!std::string_view(at_, end_).starts_with(expected)) return false;
        at_ += expected.size();
        return true;
    }

    /// The extent of a number by JSON's grammar; nullopt when it is none.
    struct Number {
        std::string_view text;
        bool whole = true;
    };
    std::optional<Number> number() {
        const char* begin = at_;
        const auto digits = [&] {
            const char* from = at_;
            while (at_ != end_ && *at_ >= '0' && *at_ <= '9') ++at_;
            return at_ - from;
        };
        Number out;
        if (at_ != end_ && *at_ == '-') ++at_;
        const bool zero = at_ != end_ && *at_ == '0';
        const auto count = digits();
        if (count == 0 || (zero && count > 1)) return std::nullopt;
        if (at_ != end_ && *at_ == '.') {
            ++at_;
            out.whole = false;
            if (digits() == 0) return std::nullopt;
        }
        if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
            ++at_;
            out.whole = false;
            if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
            if (digits() == 0) return std::nullopt;
        }
        out.text = {begin, at_};
        return out;
    }

    static bool fits(double value, const Rules& r) {
        return !(r.minimum && value < *r.minimum) && !(r.maximum && value > *r.maximum) &&
               !(r.exclusive_minimum && value <= *r.exclusive_minimum) &&
               !(r.exclusive_maximum && value >= *r.exclusive_maximum) &&
               !(r.multiple_of && !is_multiple(value, *r.multiple_of));
    }
    static bool fits(std::string_view text, const Rules& r) {
        if (!r.pattern.empty()) return false;
        if (r.min_length || r.max_length) {
            const auto length = characters(text);
            if ((r.min_length && length < *r.min_length) || (r.max_length && length > *r.max_length)) return false;
        }
        if (!r.choices.front().empty()) {
            bool found = false;
            for (const auto choice : r.choices) found = found || (!choice.empty() && choice == text);
            if (!found) return false;
        }
        return r.format.empty() || has_format(r.format, text) != false;
    }
    static bool fits_count(std::size_t count, const Rules& r) {
        return !(r.min_items && count < *r.min_items) && !(r.max_items && count > *r.max_items) && !r.unique_items;
    }

    bool read_integer(const Type& type, void* to, const Rules& rules) {
        const auto found = number();
        if (!found || !found->whole) return false;  // 1.0 and 1e3 are integers, but rare
        const char *from = found->text.data(), *until = from + found->text.size();
        if (*from == '-') {
            std::int64_t value = 0;
            if (std::from_chars(from, until, value).ec != std::errc() || value < type.least) return false;
            type.set_integer(to, static_cast<std::uint64_t>(value));
            return fits(static_cast<double>(value), rules);
        }
        std::uint64_t value = 0;
        if (std::from_chars(from, until, value).ec != std::errc() || value > type.most) return false;
        type.set_integer(to, value);
        return fits(static_cast<double>(value), rules);
    }

    bool read_number(const Type& type, void* to, const Rules& rules) {
        const auto found = number();
        double value = 0;
        if (!found ||
            std::from_chars(found->text.data(), found->text.data() + found->text.size(), value).ec != std::errc())
            return false;
        type.set_number(to, value);
        return fits(value, rules);
    }

    int hex4() {
        if (end_ - at_ < 4) return -1;
        int value = 0;
        for (int i = 0; i < 4; ++i, ++at_) {
            const char c = *at_;
            value <<= 4;
            if (c >= '0' && c <= '9')
                value |= c - '0';
            else if (c >= 'a' && c <= 'f')
                value |= c - 'a' + 10;
            else if (c >= 'A' && c <= 'F')
                value |= c - 'A' + 10;
            else
                return -1;
        }
        return value;
    }

    bool read_string(std::string& to) {
        to.clear();
        if (at_ == end_ || *at_ != '"') return false;
        ++at_;
        for (;;) {
            const char* from = at_;
            while (at_ != end_ && *at_ != '"' && *at_ != '\\' && static_cast<unsigned char>(*at_) >= 0x20) ++at_;
            to.append(from, at_);
            if (at_ == end_ || static_cast<unsigned char>(*at_) < 0x20) return false;
            if (*at_++ == '"') return true;
            if (at_ == end_) return false;
            switch (*at_++) {
                case '"':
                    to += '"';
                    break;
                case '\\':
                    to += '\\';
                    break;
                case '/':
                    to += '/';
                    break;
                case 'b':
                    to += '\b';
                    break;
                case 'f':
                    to += '\f';
                    break;
                case 'n':
                    to += '\n';
                    break;
                case 'r':
                    to += '\r';
                    break;
                case 't':
                    to += '\t';
                    break;
                case 'u': {
                    const int unit = hex4();
                    if (unit < 0 || (unit >= 0xD800 && unit <= 0xDFFF)) return false;  // surrogates: the thorough way
                    utf8::append(to, static_cast<char32_t>(unit));
                    break;
                }
                default:
                    return false;
            }
        }
    }

    bool read_enumeration(const Type& type, void* to) {
        if (!read_string(scratch_)) return false;
        for (std::size_t i = 0; i < type.names.size(); ++i) {
            if (type.names[i] != scratch_) continue;
            type.set_enum(to, i);
            return true;
        }
        return false;
    }

    struct Item {
        QuickReader* reader;
        const Type* type;
        const Rules* rules;
        static bool fill(void* context, void* to) {
            const auto& item = *static_cast<Item*>(context);
            return item.reader->read(*item.type, to, *item.rules);
        }
    };

    bool read_list(const Type& type, void* to, const Rules& rules) {
        if (!take('[')) return false;
        type.clear(to);
        const Rules inside = inner(rules);
        Item item{this, &type.item(), &inside};
        std::size_t count = 0;
        if (take(']')) return fits_count(0, rules);
        do {
            if (!type.append(to, &item, &Item::fill)) return false;
            ++count;
        } while (take(','));
        return take(']') && fits_count(count, rules);
    }

    bool read_tuple(const Type& type, void* to, const Rules& rules) {
        if (!take('[')) return false;
        const Rules inside = inner(rules);
        for (std::size_t i = 0; i < type.items.size(); ++i) {
            if (i > 0 && !take(',')) return false;
            if (!read(type.items[i](), type.place(to, i), inside)) return false;
        }
        return take(']');
    }

    bool read_map(const Type& type, void* to, const Rules& rules) {
        if (!take('{')) return false;
        type.clear(to);
        const Rules inside = inner(rules);
        Item item{this, &type.item(), &inside};
        std::size_t count = 0;
        if (take('}')) return fits_count(0, rules);
        do {
            space();
            std::string key;
            if (!read_string(key) || !take(':') || !type.insert(to, key, &item, &Item::fill)) return false;
            ++count;
        } while (take(','));
        // A name that occurs twice counts once.
        return take('}') &&
               (!(rules.min_items || rules.max_items || rules.unique_items) || (count < 2 && fits_count(count, rules)));
    }

    bool read_object(const Type& type, void* to) {
        if (!take('{')) return false;
        if (type.fields.size() > 64) return false;
        std::uint64_t seen = 0;
        std::size_t expected = 0;  // fields mostly come in their order
        if (!take('}')) {
            do {
                space();
                if (!read_string(scratch_) || !take(':')) return false;
                std::size_t i = 0;
                if (expected < type.fields.size() && type.fields[expected].name == scratch_)
                    i = expected;
                else
                    while (i < type.fields.size() && type.fields[i].name != scratch_) ++i;
                if (i == type.fields.size()) {
                    if (options_.refuse_unknown || !skip()) return false;
                    continue;
                }
                const std::uint64_t bit = std::uint64_t{1} << i;
                if ((seen & bit) != 0) return false;
                seen |= bit;
                expected = i + 1;
                const auto& field = type.fields[i];
                if (!read(field.type(), field.get(to), field.rules)) return false;
            } while (take(','));
            if (!take('}')) return false;
        }
        for (std::size_t i = 0; i < type.fields.size(); ++i) {
            if ((seen >> i & 1) != 0) continue;
            const auto& field = type.fields[i];
            if (field.rules.required && field.type().kind != Kind::optional) return false;
        }
        return true;
    }

    /// Any value, not kept.
    bool skip() {
        if (++depth_ > options_.max_depth) return false;
        space();
        if (at_ == end_) return false;
        bool good = true;
        switch (*at_) {
            case '{':
                ++at_;
                if (!take('}')) {
                    do {
                        space();
                        good = read_string(scratch_) && take(':') && skip();
                    } while (good && take(','));
                    good = good && take('}');
                }
                break;
            case '[':
                ++at_;
                if (!take(']')) {
                    do good = skip();
                    while (good && take(','));
                    good = good && take(']');
                }
                break;
            case '"':
                good = read_string(scratch_);
                break;
            case 't':
                good = word("true");
                break;
            case 'f':
                good = word("false");
                break;
            case 'n':
                good = word("null");
                break;
            default:
                good = number().has_value();
        }
        --depth_;
        return good;
    }

    const char* at_;
    const char* end_;
    const ReadOptions& options_;
    std::string scratch_;
    std::size_t depth_ = 0;
};

}  // namespace

bool read_quickly(const Type& type, std::string_view text, void* object, const ReadOptions& options) {
    return !options.partial && utf8::is_valid(text) && QuickReader(text, options).run(type, object);
}

}  // namespace tenon::json::detail
