#include <fmt/format.h>

#include <algorithm>
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
    return fail(value.why_undefined(), value.unsafe() ? ErrorCode::permission_denied : ErrorCode::invalid_argument);
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

bool Interp::measure(const json::Value& json, std::size_t level, Extent& out) {
    if (level > limits_.max_depth) return fail("the context is nested too deep", ErrorCode::resource_exhausted);
    if (const auto* text = json.if_string()) {
        out.bytes += text->size();
        return true;
    }
    Extent inside;
    if (const auto* list = json.if_array()) {
        if (!charge_items(list->size())) return false;
        for (const json::Value& item : *list)
            if (!measure(item, level + 1, inside)) return false;
    } else if (const auto* members = json.if_object()) {
        if (!charge_items(members->size() * 2)) return false;
        for (const auto& member : *members)
            if (!measure(member.value(), level + 1, inside)) return false;
    } else {
        return true;
    }
    out.depth = std::max(out.depth, inside.depth + 1);
    out.bytes += inside.bytes;
    return true;
}

const Value* Interp::look(const Expr& expr, Value& scratch) {
    if (expr.kind == ExprKind::constant) return &expr.constant;
    if (expr.kind == ExprKind::name) {
        line_ = expr.line;
        if (++steps_ > limits_.max_steps) return too_long(), nullptr;
        if (const Value* value = find_variable(expr.name_id)) return value;
    }
    return eval(expr, scratch) ? &scratch : nullptr;
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
            find_name(expr, out);
            return true;
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
        case ExprKind::compare:
        case ExprKind::test: {
            bool result = false;
            if (!holds(expr, result)) return false;
            out = Value::boolean(result);
            return true;
        }
        case ExprKind::negate:
        case ExprKind::plus:
            return eval_unary(expr, out);
        case ExprKind::chain:
            return eval_chain(expr, out);
        case ExprKind::concat:
            return eval_concat(expr, out);
        case ExprKind::attribute: {
            Value scratch;
            const Value* object = look(*expr.children[0], scratch);
            return object && get_attribute(*object, expr.constant, expr.methods, out);
        }
        case ExprKind::item:
            return eval_item(expr, out);
        case ExprKind::slice:
            return fail("a slice stands outside of a subscript");
        case ExprKind::call:
            return eval_call(expr, out);
        case ExprKind::filter:
            return eval_filter(expr, out);
    }
    return fail("an unknown expression", ErrorCode::internal);
}

bool Interp::holds(const Expr& expr, bool& out) {
    switch (expr.kind) {
        case ExprKind::logical_or:
        case ExprKind::logical_and:
            for (const ExprPtr& child : expr.children) {
                if (!holds(*child, out)) return false;
                if (out == (expr.kind == ExprKind::logical_or)) break;
            }
            return true;
        case ExprKind::logical_not:
            if (!holds(*expr.children[0], out)) return false;
            out = !out;
            return true;
        case ExprKind::compare:
            return compare_all(expr, out);
        case ExprKind::test:
            return run_test(expr, out);
        default: {
            Value scratch;
            const Value* value = look(expr, scratch);
            if (!value) return false;
            out = truth(*value);
            return true;
        }
    }
}

const Value* Interp::find_variable(std::uint32_t name) const noexcept {
    for (const Scope* scope = scope_.get(); scope != nullptr; scope = scope->parent.get())
        for (const auto& [id, value] : scope->variables)
            if (id == name) return &value;
    return nullptr;
}

void Interp::find_name(const Expr& expr, Value& out) {
    if (const Value* value = find_variable(expr.name_id)) {
        out = *value;
        return;
    }
    out = find_global(expr.name);
    if (out.is(Kind::undefined)) out = Value::undefined_variable(expr.name);
}

bool Interp::eval_sequence(const Expr& expr, Value& out) {
    std::vector<Value> items(expr.children.size());
    for (std::size_t i = 0; i < items.size(); ++i)
        if (!eval(*expr.children[i], items[i])) return false;
    return make_list(std::move(items), out, expr.kind == ExprKind::list ? Kind::list : Kind::tuple);
}

bool Interp::eval_dict(const Expr& expr, Value& out) {
    auto dict = make_object<DictObject>();
    for (std::size_t i = 0; i < expr.children.size(); i += 2) {
        Value key, value;
        if (!eval(*expr.children[i], key) || !eval(*expr.children[i + 1], value)) return false;
        if (!set_key(*dict, std::move(key), std::move(value))) return false;
    }
    return make_dict(std::move(dict), out);
}

bool Interp::eval_conditional(const Expr& expr, Value& out) {
    bool condition = false;
    if (!holds(*expr.children[0], condition)) return false;
    if (condition) return eval(*expr.children[1], out);
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
        Value scratch, result;
        const Value* right = look(*expr.children[i + 1], scratch);
        if (!right || !binary(expr.ops[i], left, *right, result)) return false;
        left = std::move(result);
    }
    out = std::move(left);
    return true;
}

bool Interp::eval_concat(const Expr& expr, Value& out) {
    std::string text;
    for (const ExprPtr& child : expr.children) {
        Value scratch;
        const Value* value = look(*child, scratch);
        if (!value || !to_string(*value, text)) return false;
    }
    return make_string(std::move(text), out);
}

bool Interp::compare_all(const Expr& expr, bool& out) {
    Value scratch[2];
    const Value* left = look(*expr.children[0], scratch[0]);
    out = left != nullptr;
    for (std::size_t i = 0; out && i < expr.ops.size(); ++i) {
        const Value* right = look(*expr.children[i + 1], scratch[(i + 1) % 2]);
        if (!right || !compare(expr.ops[i], *left, *right, out)) return false;
        left = right;
    }
    return left != nullptr;
}

bool Interp::eval_item(const Expr& expr, Value& out) {
    Value scratch;
    const Value* object = look(*expr.children[0], scratch);
    if (!object) return false;
    const Expr& subscript = *expr.children[1];
    if (subscript.kind == ExprKind::constant && subscript.constant.is(Kind::string)) {
        if (object->is(Kind::dict) && object->dict().find(subscript.constant, out)) return true;
        return get_attribute(*object, subscript.constant, expr.methods, out);
    }
    if (subscript.kind != ExprKind::slice) {
        Value place;
        const Value* key = look(subscript, place);
        return key && get_item(*object, *key, out);
    }
    Value bounds[3] = {Value::none(), Value::none(), Value::none()};
    for (std::size_t i = 0; i < 3; ++i)
        if (subscript.children[i] && !eval(*subscript.children[i], bounds[i])) return false;
    return get_slice(*object, bounds[0], bounds[1], bounds[2], out);
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
        for (const Value& item : items.view()) out.positional.push_back(item);
    }
    if (arguments.star_star) {
        Value value;
        if (!eval(*arguments.star_star, value)) return false;
        if (!value.is(Kind::dict)) return fail("argument after ** must be a mapping");
        for (const auto& [key, item] : value.dict()) {
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
        method = callee.methods.of(object.kind());
        if (!method && !get_attribute(object, callee.constant, callee.methods, function)) return false;
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

bool Interp::run_test(const Expr& expr, bool& out) {
    const bool bare = expr.arguments->positional.empty() && expr.arguments->keywords.empty() && !expr.arguments->star &&
                      !expr.arguments->star_star;
    if (expr.test.check && bare) {
        Value scratch;
        const Value* subject = look(*expr.children[0], scratch);
        if (subject) out = expr.test.check(*subject);
        return subject != nullptr;
    }
    Args args;
    args.positional.emplace_back();
    if (!eval(*expr.children[0], args.positional.front()) || !eval_arguments(*expr.arguments, args)) return false;
    line_ = expr.line;
    if (!expr.test.call) return fail(fmt::format("there is no test named '{}'", expr.name), ErrorCode::unsupported);
    return expr.test.call(*this, args, out);
}

bool Interp::call_filter(std::string_view name, Args& args, Value& out) {
    const FilterFn filter = find_filter(name);
    if (!filter) return fail(fmt::format("there is no filter named '{}'", name), ErrorCode::unsupported);
    return charge() && filter(*this, args, out);
}

bool Interp::call_test(std::string_view name, Args& args, bool& out) {
    const Test test = find_test(name);
    if (!test.call) return fail(fmt::format("there is no test named '{}'", name), ErrorCode::unsupported);
    return charge() && test.call(*this, args, out);
}

}  // namespace tenon::text::jinja
