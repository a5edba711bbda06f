// What stands after `is`.
#include <fmt/format.h>

#include <unordered_map>

#include "text/jinja/builtins.hpp"
#include "text/jinja/chars.hpp"
#include "text/jinja/interp.hpp"

namespace tenon::text::jinja {
namespace {

template <bool (*check)(const Value&) noexcept>
bool checked(Interp& interp, Args& args, bool& out) {
    if (args.positional.size() != 1 || !args.keywords.empty()) return interp.fail("the test takes no arguments");
    out = check(args.positional[0]);
    return true;
}
template <bool (*check)(const Value&) noexcept>
constexpr Test unary{checked<check>, check};

template <Op op>
bool comparison(Interp& interp, Args& args, bool& out) {
    if (args.positional.size() != 2 || !args.keywords.empty()) return interp.fail("the test takes one argument");
    return interp.compare(op, args.positional[0], args.positional[1], out);
}

template <Kind kind>
bool is_kind(const Value& value) noexcept {
    return value.is(kind);
}
bool is_defined(const Value& value) noexcept { return !value.is(Kind::undefined); }
bool is_true(const Value& value) noexcept { return value.is(Kind::boolean) && value.as_integer() != 0; }
bool is_false(const Value& value) noexcept { return value.is(Kind::boolean) && value.as_integer() == 0; }
bool is_number(const Value& value) noexcept { return value.is_number(); }
bool is_escaped(const Value& value) noexcept { return value.markup(); }
bool is_callable(const Value& value) noexcept { return value.is(Kind::callable) || value.is(Kind::undefined); }
bool is_iterable(const Value& value) noexcept {
    switch (value.kind()) {
        case Kind::none:
        case Kind::boolean:
        case Kind::integer:
        case Kind::floating:
        case Kind::name_space:
        case Kind::callable:
        case Kind::object:
            return false;
        default:
            return true;
    }
}
bool is_sequence(const Value& value) noexcept {
    switch (value.kind()) {
        case Kind::undefined:
        case Kind::string:
        case Kind::list:
        case Kind::tuple:
        case Kind::dict:
        case Kind::range:
            return true;
        default:
            return false;
    }
}

bool same_as(Interp& interp, Args& args, bool& out) {
    if (args.positional.size() != 2) return interp.fail("sameas takes one argument");
    const Value &a = args.positional[0], &b = args.positional[1];
    out = a.identical(b);
    return true;
}

bool remainder_is(Interp& interp, const Value& value, const Value& divisor, std::int64_t wanted, bool& out) {
    Value left = value, rest;
    return interp.binary(Op::mod, left, divisor, rest) && interp.equal(rest, Value::integer(wanted), out);
}

template <int wanted>
bool parity(Interp& interp, Args& args, bool& out) {
    if (args.positional.size() != 1) return interp.fail("the test takes no arguments");
    return remainder_is(interp, args.positional[0], Value::integer(2), wanted, out);
}

bool divisible_by(Interp& interp, Args& args, bool& out) {
    const Bound bound(interp, "divisibleby", args, {"value", "num"}, 2);
    return bound.ok() && remainder_is(interp, bound[0], bound[1], 0, out);
}

template <Class which>
bool has_case(Interp& interp, Args& args, bool& out) {
    if (args.positional.size() != 1) return interp.fail("the test takes no arguments");
    std::string text;
    if (!interp.to_string(args.positional[0], text)) return false;
    out = is_class(text, which);
    return true;
}

bool is_filter(Interp& interp, Args& args, bool& out) {
    const Bound bound(interp, "filter", args, {"value"}, 1);
    if (!bound.ok()) return false;
    out = bound[0].is(Kind::string) && find_filter(bound[0].text()) != nullptr;
    return true;
}

bool is_test(Interp& interp, Args& args, bool& out) {
    const Bound bound(interp, "test", args, {"value"}, 1);
    if (!bound.ok()) return false;
    out = bound[0].is(Kind::string) && find_test(bound[0].text()).call != nullptr;
    return true;
}

}  // namespace

Test find_test(std::string_view name) noexcept {
    static const std::unordered_map<std::string_view, Test> table = {
        {"defined", unary<is_defined>},
        {"undefined", unary<is_kind<Kind::undefined>>},
        {"none", unary<is_kind<Kind::none>>},
        {"string", unary<is_kind<Kind::string>>},
        {"mapping", unary<is_kind<Kind::dict>>},
        {"boolean", unary<is_kind<Kind::boolean>>},
        {"integer", unary<is_kind<Kind::integer>>},
        {"float", unary<is_kind<Kind::floating>>},
        {"number", unary<is_number>},
        {"true", unary<is_true>},
        {"false", unary<is_false>},
        {"iterable", unary<is_iterable>},
        {"sequence", unary<is_sequence>},
        {"callable", unary<is_callable>},
        {"escaped", unary<is_escaped>},
        {"odd", {parity<1>}},
        {"even", {parity<0>}},
        {"divisibleby", {divisible_by}},
        {"upper", {has_case<Class::upper>}},
        {"lower", {has_case<Class::lower>}},
        {"sameas", {same_as}},
        {"filter", {is_filter}},
        {"test", {is_test}},
        {"in", {comparison<Op::in>}},
        {"eq", {comparison<Op::eq>}},
        {"equalto", {comparison<Op::eq>}},
        {"==", {comparison<Op::eq>}},
        {"ne", {comparison<Op::ne>}},
        {"!=", {comparison<Op::ne>}},
        {"lt", {comparison<Op::lt>}},
        {"lessthan", {comparison<Op::lt>}},
        {"<", {comparison<Op::lt>}},
        {"le", {comparison<Op::le>}},
        {"<=", {comparison<Op::le>}},
        {"gt", {comparison<Op::gt>}},
        {"greaterthan", {comparison<Op::gt>}},
        {">", {comparison<Op::gt>}},
        {"ge", {comparison<Op::ge>}},
        {">=", {comparison<Op::ge>}},
    };
    const auto it = table.find(name);
    return it == table.end() ? Test() : it->second;
}

}  // namespace tenon::text::jinja
