// Arithmetic and comparison, as Python does them.
#include <fmt/format.h>

#include <cmath>

#include "text/jinja/format.hpp"
#include "text/jinja/interp.hpp"

namespace tenon::text::jinja {
namespace {

std::string_view symbol(Op op) noexcept {
    switch (op) {
        case Op::add:
            return "+";
        case Op::sub:
            return "-";
        case Op::mul:
            return "*";
        case Op::div:
            return "/";
        case Op::floor_div:
            return "//";
        case Op::mod:
            return "%";
        case Op::pow:
            return "**";
        default:
            return "?";
    }
}

bool overflow(Interp& interp) { return interp.fail("the integer result does not fit 64 bits"); }

bool integer_power(Interp& interp, std::int64_t base, std::int64_t exponent, Value& out) {
    std::int64_t result = 1;
    bool base_overflowed = false;
    for (; exponent > 0; exponent >>= 1) {
        if ((exponent & 1) != 0 && (base_overflowed || __builtin_mul_overflow(result, base, &result)))
            return overflow(interp);
        if (exponent > 1) base_overflowed |= __builtin_mul_overflow(base, base, &base);
    }
    out = Value::integer(result);
    return true;
}

bool integer_arithmetic(Interp& interp, Op op, std::int64_t a, std::int64_t b, Value& out) {
    std::int64_t r = 0;
    switch (op) {
        case Op::add:
            if (__builtin_add_overflow(a, b, &r)) return overflow(interp);
            break;
        case Op::sub:
            if (__builtin_sub_overflow(a, b, &r)) return overflow(interp);
            break;
        case Op::mul:
            if (__builtin_mul_overflow(a, b, &r)) return overflow(interp);
            break;
        case Op::div:
            if (b == 0) return interp.fail("division by zero");
            out = Value::floating(static_cast<double>(a) / static_cast<double>(b));
            return true;
        case Op::floor_div:
        case Op::mod: {
            if (b == 0) return interp.fail("integer division or modulo by zero");
            if (b == -1) {
                if (op == Op::mod) break;
                if (__builtin_sub_overflow(std::int64_t{0}, a, &r)) return overflow(interp);
                break;
            }
            std::int64_t quotient = a / b, rest = a % b;
            if (rest != 0 && (rest < 0) != (b < 0)) {
                --quotient;
                rest += b;
            }
            r = op == Op::mod ? rest : quotient;
            break;
        }
        case Op::pow:
            if (b >= 0) return integer_power(interp, a, b, out);
            if (a == 0) return interp.fail("0.0 cannot be raised to a negative power");
            out = Value::floating(std::pow(static_cast<double>(a), static_cast<double>(b)));
            return true;
        default:
            return interp.fail("not an arithmetic operator", ErrorCode::internal);
    }
    out = Value::integer(r);
    return true;
}

bool float_arithmetic(Interp& interp, Op op, double a, double b, Value& out) {
    double r = 0;
    switch (op) {
        case Op::add:
            r = a + b;
            break;
        case Op::sub:
            r = a - b;
            break;
        case Op::mul:
            r = a * b;
            break;
        case Op::div:
            if (b == 0) return interp.fail("float division by zero");
            r = a / b;
            break;
        case Op::floor_div:
        case Op::mod: {
            if (b == 0) return interp.fail("float modulo");
            double rest = std::fmod(a, b);
            double quotient = (a - rest) / b;
            if (rest != 0 && (b < 0) != (rest < 0)) {
                rest += b;
                quotient -= 1;
            } else if (rest == 0) {
                rest = std::copysign(0.0, b);
            }
            if (op == Op::mod) {
                r = rest;
            } else {
                r = quotient == 0 ? std::copysign(0.0, a / b) : std::floor(quotient + 0.5);
            }
            break;
        }
        case Op::pow:
            if (a == 0 && b < 0) return interp.fail("0.0 cannot be raised to a negative power");
            if (a < 0 && b != std::floor(b)) return interp.fail("complex results are not supported");
            r = std::pow(a, b);
            break;
        default:
            return interp.fail("not an arithmetic operator", ErrorCode::internal);
    }
    out = Value::floating(r);
    return true;
}

bool repeat(Interp& interp, const Value& sequence, std::int64_t count, Value& out) {
    const auto times = static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
    std::size_t total = 0;
    if (sequence.is(Kind::string)) {
        const std::string_view text = sequence.text();
        if (__builtin_mul_overflow(text.size(), times, &total)) total = SIZE_MAX;
        if (!interp.charge_bytes(total)) return false;
        std::string result;
        result.reserve(total);
        for (std::size_t i = 0; i < times && !text.empty(); ++i) result += text;
        out = Value::string(std::move(result), sequence.markup());
        return true;
    }
    const std::vector<Value> items = sequence.items().all();
    if (__builtin_mul_overflow(items.size(), times, &total)) total = SIZE_MAX;
    if (!interp.charge_items(total)) return false;
    std::vector<Value> result;
    result.reserve(total);
    for (std::size_t i = 0; i < times && !items.empty(); ++i) result.insert(result.end(), items.begin(), items.end());
    return interp.make_list(std::move(result), out, sequence.kind());
}

/// a + b for two texts. A left side nobody else holds is extended in place.
bool join_texts(Interp& interp, Value& a, const Value& b, Value& out) {
    if (!interp.charge_bytes(a.text().size() + b.text().size())) return false;
    if (a.markup() != b.markup()) {
        std::string left = a.markup() ? std::string(a.text()) : escape_html(a.text());
        left += b.markup() ? std::string(b.text()) : escape_html(b.text());
        out = Value::string(std::move(left), true);
        return true;
    }
    if (a.extend(b.text())) {
        out = std::move(a);
        return true;
    }
    std::string text;
    text.reserve(a.text().size() + b.text().size());
    text += a.text();
    text += b.text();
    out = Value::string(std::move(text), a.markup());
    return true;
}

}  // namespace

bool Interp::binary(Op op, Value& a, const Value& b, Value& out) {
    if (op == Op::mod && a.is(Kind::string)) {
        std::string text;
        return percent_format(*this, a.text(), b, text) && make_string(std::move(text), out);
    }
    if (a.is(Kind::undefined)) return fail_undefined(a);
    if (b.is(Kind::undefined)) return fail_undefined(b);
    if (a.is_number() && b.is_number()) {
        if (a.is_integral() && b.is_integral())
            return integer_arithmetic(*this, op, a.as_integer(), b.as_integer(), out);
        return float_arithmetic(*this, op, a.as_double(), b.as_double(), out);
    }
    const auto is_sequence = [](const Value& v) { return v.is(Kind::string) || v.is(Kind::list) || v.is(Kind::tuple); };
    if (op == Op::add && is_sequence(a)) {
        if (a.kind() != b.kind())
            return fail(fmt::format("can only concatenate {0} (not \"{1}\") to {0}", type_name(a), type_name(b)));
        if (a.is(Kind::string)) return join_texts(*this, a, b, out);
        std::vector<Value> items = a.items().all();
        for (const Value& item : b.items()) items.push_back(item);
        return make_list(std::move(items), out, a.kind());
    }
    if (op == Op::mul && is_sequence(a) && b.is_integral()) return repeat(*this, a, b.as_integer(), out);
    if (op == Op::mul && is_sequence(b) && a.is_integral()) return repeat(*this, b, a.as_integer(), out);
    return fail(fmt::format("unsupported operand types for {}: '{}' and '{}'", symbol(op), type_name(a), type_name(b)));
}

bool Interp::equal(const Value& a, const Value& b, bool& out, std::uint32_t depth) {
    if (!charge()) return false;
    if (a.kind() != b.kind() || depth > limits_.max_depth) {
        out = a.is_number() && b.is_number() && ValueKeyEqual{}(a, b);
        return true;
    }
    switch (a.kind()) {
        case Kind::list:
        case Kind::tuple: {
            out = a.items().size() == b.items().size();
            for (std::size_t i = 0; out && i < a.items().size(); ++i)
                if (!equal(a.items()[i], b.items()[i], out, depth + 1)) return false;
            return true;
        }
        case Kind::dict: {
            out = a.dict().size() == b.dict().size();
            for (const auto& [key, value] : a.dict()) {
                if (!out) break;
                Value other;
                out = b.dict().find(key, other);
                if (out && !equal(value, other, out, depth + 1)) return false;
            }
            return true;
        }
        case Kind::range: {
            const auto size = a.range().size();
            out =
                size == b.range().size() &&
                (size == 0 || (a.range().start == b.range().start && (size == 1 || a.range().step == b.range().step)));
            return true;
        }
        case Kind::string:
            if (!charge_bytes(a.text().size())) return false;
            [[fallthrough]];
        default:
            out = ValueKeyEqual{}(a, b);
            return true;
    }
}

bool Interp::less(const Value& a, const Value& b, bool& out, std::string_view op, std::uint32_t depth) {
    if (!charge()) return false;
    if (a.is(Kind::undefined)) return fail_undefined(a);
    if (b.is(Kind::undefined)) return fail_undefined(b);
    if (a.is_number() && b.is_number()) {
        out = a.is_integral() && b.is_integral() ? a.as_integer() < b.as_integer() : a.as_double() < b.as_double();
        return true;
    }
    if (a.kind() == b.kind() && a.is(Kind::string)) {
        out = a.text() < b.text();  // UTF-8 keeps the order of code points
        return charge_bytes(a.text().size());
    }
    if (a.kind() == b.kind() && (a.is(Kind::list) || a.is(Kind::tuple)) && depth <= limits_.max_depth) {
        const std::size_t shared = std::min(a.items().size(), b.items().size());
        for (std::size_t i = 0; i < shared; ++i) {
            bool same = false;
            if (!equal(a.items()[i], b.items()[i], same)) return false;
            if (!same) return less(a.items()[i], b.items()[i], out, op, depth + 1);
        }
        out = a.items().size() < b.items().size();
        return true;
    }
    return fail(fmt::format("'{}' not supported between '{}' and '{}'", op, type_name(a), type_name(b)));
}

bool Interp::contains(const Value& container, const Value& item, bool& out) {
    out = false;
    switch (container.kind()) {
        case Kind::string:
            if (!item.is(Kind::string))
                return fail(fmt::format("'in <string>' requires a string on its left, not {}", type_name(item)));
            out = container.text().find(item.text()) != std::string::npos;
            return charge_bytes(container.text().size());
        case Kind::dict: {
            if (!hashable(item)) return fail(fmt::format("unhashable type: '{}'", type_name(item)));
            Value found;
            out = container.dict().find(item, found);
            return true;
        }
        case Kind::range: {
            if (!item.is_number()) return true;
            const RangeObject& range = container.range();
            const auto wanted = static_cast<std::int64_t>(item.as_double());
            if (static_cast<double>(wanted) != item.as_double()) return true;
            const std::int64_t offset = wanted - range.start;
            out = offset % range.step == 0 && offset / range.step >= 0 && offset / range.step < range.size();
            return true;
        }
        case Kind::generator: {
            auto& generator = container.as<GeneratorObject>();
            while (!out && generator.next < generator.items.size())
                if (!equal(generator.items[generator.next++], item, out)) return false;
            return true;
        }
        default:
            break;
    }
    Items items;
    if (!iterate(container, items)) return false;
    for (const Value& candidate : items.view()) {
        if (!equal(candidate, item, out)) return false;
        if (out) break;
    }
    return true;
}

bool Interp::compare(Op op, const Value& a, const Value& b, bool& out) {
    switch (op) {
        case Op::eq:
            return equal(a, b, out);
        case Op::ne:
            if (!equal(a, b, out)) return false;
            out = !out;
            return true;
        case Op::lt:
            return less(a, b, out, "<");
        case Op::gt:
            return less(b, a, out, ">");
        case Op::le:
        case Op::ge: {
            if (a.is_number() && b.is_number() && (a.is(Kind::floating) || b.is(Kind::floating))) {
                out = op == Op::le ? a.as_double() <= b.as_double() : a.as_double() >= b.as_double();
                return true;
            }
            if (!(op == Op::le ? less(b, a, out, "<=") : less(a, b, out, ">="))) return false;
            out = !out;
            return true;
        }
        case Op::in:
            return contains(b, a, out);
        case Op::not_in:
            if (!contains(b, a, out)) return false;
            out = !out;
            return true;
        default:
            return fail("not a comparison", ErrorCode::internal);
    }
}

}  // namespace tenon::text::jinja
