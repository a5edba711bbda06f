#include <fmt/format.h>

#include <boost/json.hpp>

#include "text/jinja/builtins.hpp"
#include "text/jinja/interp.hpp"

namespace tenon::text::jinja {

bool Interp::fail(std::string message, ErrorCode code) {
    if (!error_) error_.emplace(code, fmt::format("template line {}: {}", line_, message));
    return false;
}

bool Interp::refuse(std::string message) {
    if (!error_) error_.emplace(ErrorCode::invalid_argument, std::move(message));
    return false;
}

bool Interp::fail_undefined(const Value& value) {
    if (!value.object()) return fail("an undefined value is used");
    const auto& undefined = value.as<UndefinedObject>();
    return fail(undefined.message, undefined.unsafe ? ErrorCode::permission_denied : ErrorCode::invalid_argument);
}

bool Interp::too_long() {
    return fail("the template does too much work; its limit of steps is reached", ErrorCode::resource_exhausted);
}
bool Interp::too_large() {
    return fail("the template makes a text longer than its limit", ErrorCode::resource_exhausted);
}
bool Interp::check_depth(const Value& value) {
    return depth_of(value) <= limits_.max_depth || fail("a value is nested too deep", ErrorCode::resource_exhausted);
}

bool Interp::from_json(const json::Value& json, Value& out, std::size_t depth) {
    if (depth > limits_.max_depth) return fail("the context is nested too deep", ErrorCode::resource_exhausted);
    switch (json.kind()) {
        case boost::json::kind::null:
            out = Value::none();
            return true;
        case boost::json::kind::bool_:
            out = Value::boolean(json.get_bool());
            return true;
        case boost::json::kind::int64:
            out = Value::integer(json.get_int64());
            return true;
        case boost::json::kind::uint64:
            out = json.get_uint64() <= INT64_MAX ? Value::integer(static_cast<std::int64_t>(json.get_uint64()))
                                                 : Value::floating(static_cast<double>(json.get_uint64()));
            return true;
        case boost::json::kind::double_:
            out = Value::floating(json.get_double());
            return true;
        case boost::json::kind::string: {
            const auto& text = json.get_string();
            out = Value::string(std::string(text.data(), text.size()));
            return true;
        }
        case boost::json::kind::array: {
            std::vector<Value> items(json.get_array().size());
            for (std::size_t i = 0; i < items.size(); ++i)
                if (!from_json(json.get_array()[i], items[i], depth + 1)) return false;
            return make_list(std::move(items), out);
        }
        case boost::json::kind::object: {
            auto dict = std::make_shared<DictObject>();
            dict->entries.reserve(json.get_object().size());
            for (const auto& member : json.get_object()) {
                Value value;
                if (!from_json(member.value(), value, depth + 1)) return false;
                dict->set(Value::string(std::string(member.key())), std::move(value));
            }
            return make_dict(std::move(dict), out);
        }
    }
    return fail("the context holds an unknown kind of value", ErrorCode::internal);
}

bool Interp::eval(const Expr& expr, Value& out) {
    const LevelGuard guard(*this);
    if (!guard.ok()) return false;
    if (++steps_ > limits_.max_steps) return too_long();
    if (expr.kind == ExprKind::constant) {
        out = expr.constant;
        return true;
    }
    line_ = expr.line;
    return eval_node(expr, out);
}

bool Interp::eval_node(const Expr& expr, Value& out) {
    switch (expr.kind) {
        case ExprKind::constant:
            out = expr.constant;
            return true;
        case ExprKind::name:
            return eval_name(expr, out);
        case ExprKind::list:
        case ExprKind::tuple:
            return eval_sequence(expr, out);
        case ExprKind::dict:
            return eval_dict(expr, out);
        case ExprKind::conditional:
            return eval_conditional(expr, out);
        case ExprKind::logical_or:
        case ExprKind::logical_and:
            return eval_logical(expr, out);
        case ExprKind::logical_not:
        case ExprKind::negate:
        case ExprKind::plus:
            return eval_unary(expr, out);
        case ExprKind::chain:
            return eval_chain(expr, out);
        case ExprKind::concat:
            return eval_concat(expr, out);
        case ExprKind::compare:
            return eval_compare(expr, out);
        case ExprKind::attribute: {
            Value object;
            return eval(*expr.children[0], object) && get_attribute(object, expr.constant, out);
        }
        case ExprKind::item:
            return eval_item(expr, out);
        case ExprKind::slice:
            return fail("a slice stands outside of a subscript");
        case ExprKind::call:
            return eval_call(expr, out);
        case ExprKind::filter:
            return eval_filter(expr, out);
        case ExprKind::test:
            return eval_test(expr, out);
    }
    return fail("an unknown expression", ErrorCode::internal);
}

const Value* Interp::find_variable(std::uint32_t name) const noexcept {
    for (const Scope* scope = scope_.get(); scope != nullptr; scope = scope->parent.get())
        for (const auto& [id, value] : scope->variables)
            if (id == name) return &value;
    return nullptr;
}

bool Interp::eval_name(const Expr& expr, Value& out) {
    if (const Value* value = find_variable(expr.name_id)) {
        out = *value;
        return true;
    }
    out = find_global(expr.name);
    if (out.is(Kind::undefined)) out = Value::undefined(fmt::format("'{}' is undefined", expr.name));
    return true;
}

bool Interp::eval_sequence(const Expr& expr, Value& out) {
    std::vector<Value> items(expr.children.size());
    for (std::size_t i = 0; i < items.size(); ++i)
        if (!eval(*expr.children[i], items[i])) return false;
    return make_list(std::move(items), out, expr.kind == ExprKind::list ? Kind::list : Kind::tuple);
}

bool Interp::eval_dict(const Expr& expr, Value& out) {
    auto dict = std::make_shared<DictObject>();
    for (std::size_t i = 0; i < expr.children.size(); i += 2) {
        Value key, value;
        if (!eval(*expr.children[i], key) || !eval(*expr.children[i + 1], value)) return false;
        if (!set_key(*dict, std::move(key), std::move(value))) return false;
    }
    return make_dict(std::move(dict), out);
}

bool Interp::eval_conditional(const Expr& expr, Value& out) {
    Value condition;
    if (!eval(*expr.children[0], condition)) return false;
    if (truth(condition)) return eval(*expr.children[1], out);
    if (expr.children[2]) return eval(*expr.children[2], out);
    out = Value::undefined("the inline if-expression evaluated to false and no else section was defined");
    return true;
}

bool Interp::eval_logical(const Expr& expr, Value& out) {
    for (std::size_t i = 0; i < expr.children.size(); ++i) {
        if (!eval(*expr.children[i], out)) return false;
        if (truth(out) == (expr.kind == ExprKind::logical_or)) return true;
    }
    return true;
}

bool Interp::eval_unary(const Expr& expr, Value& out) {
    Value operand;
    if (!eval(*expr.children[0], operand)) return false;
    if (expr.kind == ExprKind::logical_not) {
        out = Value::boolean(!truth(operand));
        return true;
    }
    if (operand.is(Kind::undefined)) return fail_undefined(operand);
    if (!operand.is_number()) return fail(fmt::format("bad operand type for unary +/-: '{}'", type_name(operand)));
    const bool negate = expr.kind == ExprKind::negate;
    if (operand.is(Kind::floating)) {
        out = Value::floating(negate ? -operand.as_double() : operand.as_double());
    } else {
        std::int64_t result = operand.as_integer();
        if (negate && __builtin_sub_overflow(std::int64_t{0}, result, &result))
            return fail("an integer does not fit 64 bits");
        out = Value::integer(result);
    }
    return true;
}

bool Interp::eval_chain(const Expr& expr, Value& out) {
    Value left;
    if (!eval(*expr.children[0], left)) return false;
    for (std::size_t i = 0; i < expr.ops.size(); ++i) {
        Value right, result;
        if (!eval(*expr.children[i + 1], right) || !binary(expr.ops[i], left, right, result)) return false;
        left = std::move(result);
    }
    out = std::move(left);
    return true;
}

bool Interp::eval_concat(const Expr& expr, Value& out) {
    std::string text;
    for (const ExprPtr& child : expr.children) {
        Value value;
        if (!eval(*child, value) || !to_string(value, text)) return false;
    }
    return make_string(std::move(text), out);
}

bool Interp::eval_compare(const Expr& expr, Value& out) {
    Value left;
    if (!eval(*expr.children[0], left)) return false;
    for (std::size_t i = 0; i < expr.ops.size(); ++i) {
        Value right;
        bool holds = false;
        if (!eval(*expr.children[i + 1], right) || !compare(expr.ops[i], left, right, holds)) return false;
        if (!holds) {
            out = Value::boolean(false);
            return true;
        }
        left = std::move(right);
    }
    out = Value::boolean(true);
    return true;
}

bool Interp::eval_item(const Expr& expr, Value& out) {
    Value object;
    if (!eval(*expr.children[0], object)) return false;
    const Expr& subscript = *expr.children[1];
    if (subscript.kind != ExprKind::slice) {
        Value key;
        return eval(subscript, key) && get_item(object, key, out);
    }
    Value bounds[3] = {Value::none(), Value::none(), Value::none()};
    for (std::size_t i = 0; i < 3; ++i)
        if (subscript.children[i] && !eval(*subscript.children[i], bounds[i])) return false;
    return get_slice(object, bounds[0], bounds[1], bounds[2], out);
}

bool Interp::eval_arguments(const CallArguments& arguments, Args& out) {
    for (const ExprPtr& expr : arguments.positional) {
        out.positional.emplace_back();
        if (!eval(*expr, out.positional.back())) return false;
    }
    for (const auto& [name, expr] : arguments.keywords) {
        out.keywords.emplace_back(name, Value());
        if (!eval(*expr, out.keywords.back().second)) return false;
    }
    if (arguments.star) {
        Value value;
        Items items;
        if (!eval(*arguments.star, value) || !iterate(value, items)) return false;
        out.positional.insert(out.positional.end(), items.view().begin(), items.view().end());
    }
    if (arguments.star_star) {
        Value value;
        if (!eval(*arguments.star_star, value)) return false;
        if (!value.is(Kind::dict)) return fail("argument after ** must be a mapping");
        for (const auto& [key, item] : value.dict().entries) {
            if (!key.is(Kind::string)) return fail("keywords must be strings");
            out.keywords.emplace_back(key.text(), item);
        }
    }
    return true;
}

bool Interp::eval_call(const Expr& expr, Value& out, const Value* caller) {
    const Expr& callee = *expr.children[0];
    Value object, function;
    MethodFn method = nullptr;
    if (callee.kind == ExprKind::attribute) {
        if (!eval(*callee.children[0], object)) return false;
        bool refused = false;
        method = find_method(object.kind(), callee.name, refused);
        if (!method && !get_attribute(object, callee.constant, function)) return false;
    } else if (!eval(callee, function)) {
        return false;
    }
    Args args;
    if (!eval_arguments(*expr.arguments, args)) return false;
    if (caller) args.keywords.emplace_back("caller", *caller);
    line_ = expr.line;
    return method ? method(*this, object, args, out) : call(function, args, out);
}

bool Interp::eval_filter(const Expr& expr, Value& out) {
    Args args;
    args.positional.emplace_back();
    if (!eval(*expr.children[0], args.positional.front()) || !eval_arguments(*expr.arguments, args)) return false;
    line_ = expr.line;
    if (!expr.filter) return fail(fmt::format("there is no filter named '{}'", expr.name), ErrorCode::unsupported);
    return expr.filter(*this, args, out);
}

bool Interp::apply_block_filter(const Expr& filter, Value& value) {
    if (filter.children[0] && !apply_block_filter(*filter.children[0], value)) return false;
    Args args;
    args.positional.push_back(std::move(value));
    if (!eval_arguments(*filter.arguments, args)) return false;
    line_ = filter.line;
    if (!filter.filter) return fail(fmt::format("there is no filter named '{}'", filter.name), ErrorCode::unsupported);
    return filter.filter(*this, args, value);
}

bool Interp::eval_test(const Expr& expr, Value& out) {
    Args args;
    args.positional.emplace_back();
    if (!eval(*expr.children[0], args.positional.front()) || !eval_arguments(*expr.arguments, args)) return false;
    line_ = expr.line;
    if (!expr.test) return fail(fmt::format("there is no test named '{}'", expr.name), ErrorCode::unsupported);
    bool holds = false;
    if (!expr.test(*this, args, holds)) return false;
    out = Value::boolean(holds);
    return true;
}

bool Interp::call_filter(std::string_view name, Args& args, Value& out) {
    const FilterFn filter = find_filter(name);
    if (!filter) return fail(fmt::format("there is no filter named '{}'", name), ErrorCode::unsupported);
    return charge() && filter(*this, args, out);
}

bool Interp::call_test(std::string_view name, Args& args, bool& out) {
    const TestFn test = find_test(name);
    if (!test) return fail(fmt::format("there is no test named '{}'", name), ErrorCode::unsupported);
    return charge() && test(*this, args, out);
}

}  // namespace tenon::text::jinja
