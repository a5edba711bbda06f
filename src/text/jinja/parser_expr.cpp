#include <algorithm>

#include "text/jinja/builtins.hpp"
#include "text/jinja/parser_base.hpp"

namespace tenon::text::jinja {

bool ExpressionParser::fail_at(int line, std::string message, ErrorCode code) {
    if (!error_) error_.emplace(code, fmt::format("template line {}: {}", line, message));
    return false;
}

bool ExpressionParser::unexpected(std::string_view wanted) {
    const Token& token = current();
    if (token.type == TokenType::end)
        return fail_at(token.line, fmt::format("expected {}, but the template ends", wanted));
    return fail_at(token.line, fmt::format("expected {}, got '{}'", wanted, token.text.substr(0, 40)));
}

bool ExpressionParser::expect_op(std::string_view op) {
    if (skip_op(op)) return true;
    return unexpected(fmt::format("'{}'", op));
}

bool ExpressionParser::expect_name(std::string& name) {
    if (current().type != TokenType::name) return unexpected("a name");
    name = current().text;
    next();
    return true;
}

bool ExpressionParser::expect(TokenType type, std::string_view shown) {
    if (current().type != type) return unexpected(fmt::format("'{}'", shown));
    next();
    return true;
}

std::uint32_t ExpressionParser::intern(std::string_view name) {
    const auto [it, added] = ids_.try_emplace(std::string(name), static_cast<std::uint32_t>(names_.size()));
    if (added) names_.emplace_back(name);
    return it->second;
}

ExprPtr ExpressionParser::make(ExprKind kind, int line) {
    auto node = std::make_unique<Expr>();
    node->kind = kind;
    node->line = line;
    return node;
}

/// A constant text, kept by the node itself: renders only borrow it.
ExprPtr ExpressionParser::make_text(std::string text, int line) {
    ExprPtr node = make(ExprKind::constant, line);
    node->name = std::move(text);
    node->constant = Value::borrowed(node->name);
    return node;
}

ExprPtr ExpressionParser::finish(ExprPtr node) {
    std::uint32_t below = 0;
    const auto see = [&below](const ExprPtr& child) {
        if (child) below = std::max(below, child->height);
    };
    for (const ExprPtr& child : node->children) see(child);
    if (node->arguments) {
        for (const ExprPtr& child : node->arguments->positional) see(child);
        for (const auto& [name, child] : node->arguments->keywords) see(child);
        see(node->arguments->star);
        see(node->arguments->star_star);
    }
    node->height = below + 1;
    if (node->height > max_depth_) {
        fail_at(node->line, "an expression is nested too deep", ErrorCode::resource_exhausted);
        return nullptr;
    }
    return node;
}

ExprPtr ExpressionParser::parse_expression(bool conditional) {
    const Nesting nesting(*this);
    if (!nesting.ok()) return nullptr;
    const int line = current().line;
    ExprPtr value = parse_or();
    while (conditional && value && skip_name("if")) {
        ExprPtr node = make(ExprKind::conditional, line);
        ExprPtr condition = parse_or();
        if (!condition) return nullptr;
        ExprPtr otherwise;
        if (skip_name("else")) {
            otherwise = parse_expression();
            if (!otherwise) return nullptr;
        }
        node->children.push_back(std::move(condition));
        node->children.push_back(std::move(value));
        node->children.push_back(std::move(otherwise));
        value = finish(std::move(node));
    }
    return value;
}

ExprPtr ExpressionParser::parse_or() {
    ExprPtr left = parse_and();
    if (!left || !is_name("or")) return left;
    ExprPtr node = make(ExprKind::logical_or, left->line);
    node->children.push_back(std::move(left));
    while (skip_name("or")) {
        node->children.push_back(parse_and());
        if (!node->children.back()) return nullptr;
    }
    return finish(std::move(node));
}

ExprPtr ExpressionParser::parse_and() {
    ExprPtr left = parse_not();
    if (!left || !is_name("and")) return left;
    ExprPtr node = make(ExprKind::logical_and, left->line);
    node->children.push_back(std::move(left));
    while (skip_name("and")) {
        node->children.push_back(parse_not());
        if (!node->children.back()) return nullptr;
    }
    return finish(std::move(node));
}

ExprPtr ExpressionParser::parse_not() {
    if (!is_name("not")) return parse_compare();
    const Nesting nesting(*this);
    if (!nesting.ok()) return nullptr;
    ExprPtr node = make(ExprKind::logical_not, current().line);
    next();
    node->children.push_back(parse_not());
    if (!node->children.back()) return nullptr;
    return finish(std::move(node));
}

ExprPtr ExpressionParser::parse_compare() {
    static constexpr std::pair<std::string_view, Op> operators[] = {{"==", Op::eq}, {"!=", Op::ne}, {"<", Op::lt},
                                                                    {"<=", Op::le}, {">", Op::gt},  {">=", Op::ge}};
    ExprPtr left = parse_sum();
    ExprPtr node;
    while (left || node) {
        Op op = Op::eq;
        if (current().type == TokenType::op) {
            const auto* found =
                std::ranges::find(operators, std::string_view(current().text), &std::pair<std::string_view, Op>::first);
            if (found == std::end(operators)) break;
            op = found->second;
            next();
        } else if (skip_name("in")) {
            op = Op::in;
        } else if (is_name("not") && ahead().type == TokenType::name && ahead().text == "in") {
            next();
            next();
            op = Op::not_in;
        } else {
            break;
        }
        if (!node) {
            node = make(ExprKind::compare, left->line);
            node->children.push_back(std::move(left));
        }
        node->ops.push_back(op);
        node->children.push_back(parse_sum());
        if (!node->children.back()) return nullptr;
    }
    return node ? finish(std::move(node)) : std::move(left);
}

ExprPtr ExpressionParser::parse_sum() {
    ExprPtr left = parse_concat();
    if (!left || (!is_op("+") && !is_op("-"))) return left;
    ExprPtr node = make(ExprKind::chain, left->line);
    node->only_adds = true;
    node->children.push_back(std::move(left));
    while (is_op("+") || is_op("-")) {
        const Op op = is_op("+") ? Op::add : Op::sub;
        next();
        ExprPtr operand = parse_concat();
        if (!operand) return nullptr;
        node->only_adds &= op == Op::add;
        add_operand(*node, op, std::move(operand));
    }
    if (node->children.size() == 1) return std::move(node->children.front());
    return finish(std::move(node));
}

/// Constant texts that are added one after the other become one.
void ExpressionParser::add_operand(Expr& sum, Op op, ExprPtr operand) {
    const auto is_text = [](const Expr& e) { return e.kind == ExprKind::constant && e.constant.is(Kind::string); };
    Expr& last = *sum.children.back();
    if (op == Op::add && is_text(last) && is_text(*operand) && (sum.ops.empty() || sum.ops.back() == Op::add)) {
        last.name += operand->name;
        last.constant = Value::borrowed(last.name);
        return;
    }
    sum.ops.push_back(op);
    sum.children.push_back(std::move(operand));
}

ExprPtr ExpressionParser::parse_concat() {
    ExprPtr left = parse_product();
    if (!left || !is_op("~")) return left;
    ExprPtr node = make(ExprKind::concat, left->line);
    node->children.push_back(std::move(left));
    while (skip_op("~")) {
        node->children.push_back(parse_product());
        if (!node->children.back()) return nullptr;
    }
    return finish(std::move(node));
}

ExprPtr ExpressionParser::parse_product() {
    const auto op_here = [this]() -> std::optional<Op> {
        if (is_op("*")) return Op::mul;
        if (is_op("/")) return Op::div;
        if (is_op("//")) return Op::floor_div;
        if (is_op("%")) return Op::mod;
        return std::nullopt;
    };
    ExprPtr left = parse_power();
    if (!left || !op_here()) return left;
    ExprPtr node = make(ExprKind::chain, left->line);
    node->children.push_back(std::move(left));
    while (const auto op = op_here()) {
        next();
        node->ops.push_back(*op);
        node->children.push_back(parse_power());
        if (!node->children.back()) return nullptr;
    }
    return finish(std::move(node));
}

/// Left-associative, unlike Python's: so Jinja has it.
ExprPtr ExpressionParser::parse_power() {
    ExprPtr left = parse_unary(true);
    if (!left || !is_op("**")) return left;
    ExprPtr node = make(ExprKind::chain, left->line);
    node->children.push_back(std::move(left));
    while (skip_op("**")) {
        node->ops.push_back(Op::pow);
        node->children.push_back(parse_unary(true));
        if (!node->children.back()) return nullptr;
    }
    return finish(std::move(node));
}

ExprPtr ExpressionParser::parse_unary(bool with_filter) {
    ExprPtr node;
    if (is_op("-") || is_op("+")) {
        const Nesting nesting(*this);
        if (!nesting.ok()) return nullptr;
        node = make(is_op("-") ? ExprKind::negate : ExprKind::plus, current().line);
        next();
        node->children.push_back(parse_unary(false));
        if (!node->children.back()) return nullptr;
        node = finish(std::move(node));
    } else {
        node = parse_primary();
    }
    node = parse_postfix(std::move(node));
    return with_filter ? parse_filters(std::move(node)) : std::move(node);
}

ExprPtr ExpressionParser::parse_primary() {
    const Token token = current();
    ExprPtr node = make(ExprKind::constant, token.line);
    switch (token.type) {
        case TokenType::name:
            next();
            if (token.text == "true" || token.text == "True") {
                node->constant = Value::boolean(true);
            } else if (token.text == "false" || token.text == "False") {
                node->constant = Value::boolean(false);
            } else if (token.text == "none" || token.text == "None") {
                node->constant = Value::none();
            } else {
                node->kind = ExprKind::name;
                node->name = token.text;
                node->name_id = intern(token.text);
                loop_reads_ += token.text == "loop" ? 1 : 0;
                if (!macro_uses_.empty()) {
                    MacroUse& use = macro_uses_.back();
                    use.varargs |= token.text == "varargs";
                    use.kwargs |= token.text == "kwargs";
                    use.caller |= token.text == "caller";
                }
            }
            return node;
        case TokenType::string: {
            std::string joined;
            for (; current().type == TokenType::string; next()) joined += current().text;
            return make_text(std::move(joined), token.line);
        }
        case TokenType::integer:
            next();
            node->constant = Value::integer(token.integer);
            return node;
        case TokenType::floating:
            next();
            node->constant = Value::floating(token.floating);
            return node;
        default:
            break;
    }
    if (skip_op("(")) {
        node = parse_tuple({.parentheses = true});
        if (!node || !expect_op(")")) return nullptr;
        return node;
    }
    if (is_op("[")) return parse_list();
    if (is_op("{")) return parse_dict();
    unexpected("an expression");
    return nullptr;
}

bool ExpressionParser::tuple_ends(std::string_view stop) const noexcept {
    return current().type == TokenType::variable_end || current().type == TokenType::block_end || is_op(")") ||
           (!stop.empty() && is_name(stop));
}

ExprPtr ExpressionParser::parse_tuple(const TupleOptions& options) {
    const Nesting nesting(*this);
    if (!nesting.ok()) return nullptr;
    ExprPtr node = make(ExprKind::tuple, current().line);
    bool is_tuple = false;
    for (;;) {
        if (!node->children.empty() && !expect_op(",")) return nullptr;
        if (tuple_ends(options.stop)) break;
        node->children.push_back(parse_expression(options.conditional));
        if (!node->children.back()) return nullptr;
        if (!is_op(",")) break;
        is_tuple = true;
    }
    if (!is_tuple) {
        if (!node->children.empty()) return std::move(node->children.front());
        if (!options.parentheses) {
            unexpected("an expression");
            return nullptr;
        }
    }
    return finish(std::move(node));
}

ExprPtr ExpressionParser::parse_list() {
    ExprPtr node = make(ExprKind::list, current().line);
    next();
    while (!is_op("]")) {
        if (!node->children.empty() && !expect_op(",")) return nullptr;
        if (is_op("]")) break;
        node->children.push_back(parse_expression());
        if (!node->children.back()) return nullptr;
    }
    next();
    return finish(std::move(node));
}

ExprPtr ExpressionParser::parse_dict() {
    ExprPtr node = make(ExprKind::dict, current().line);
    next();
    while (!is_op("}")) {
        if (!node->children.empty() && !expect_op(",")) return nullptr;
        if (is_op("}")) break;
        node->children.push_back(parse_expression());
        if (!node->children.back() || !expect_op(":")) return nullptr;
        node->children.push_back(parse_expression());
        if (!node->children.back()) return nullptr;
    }
    next();
    return finish(std::move(node));
}

ExprPtr ExpressionParser::parse_postfix(ExprPtr node) {
    while (node) {
        if (is_op(".") || is_op("["))
            node = parse_subscript(std::move(node));
        else if (is_op("("))
            node = parse_call(std::move(node));
        else
            break;
    }
    return node;
}

ExprPtr ExpressionParser::parse_filters(ExprPtr node) {
    while (node) {
        if (is_op("|"))
            node = parse_filter(std::move(node), false);
        else if (is_name("is"))
            node = parse_test(std::move(node));
        else if (is_op("("))
            node = parse_call(std::move(node));
        else
            break;
    }
    return node;
}

ExprPtr ExpressionParser::parse_subscript(ExprPtr object) {
    const int line = current().line;
    if (skip_op(".")) {
        ExprPtr node;
        if (current().type == TokenType::name) {
            node = make(ExprKind::attribute, line);
            node->name = current().text;
            node->constant = Value::borrowed(node->name);
            node->methods = find_methods(node->name);
            node->children.push_back(std::move(object));
        } else if (current().type == TokenType::integer) {
            node = make(ExprKind::item, line);
            node->children.push_back(std::move(object));
            ExprPtr index = make(ExprKind::constant, line);
            index->constant = Value::integer(current().integer);
            node->children.push_back(std::move(index));
        } else {
            unexpected("a name or number after '.'");
            return nullptr;
        }
        next();
        return finish(std::move(node));
    }
    next();
    std::vector<ExprPtr> parts;
    while (!is_op("]")) {
        if (!parts.empty() && !expect_op(",")) return nullptr;
        parts.push_back(parse_subscribed());
        if (!parts.back()) return nullptr;
    }
    next();
    ExprPtr node = make(ExprKind::item, line);
    node->children.push_back(std::move(object));
    if (parts.size() == 1) {
        const Value& key = parts.front()->constant;
        if (parts.front()->kind == ExprKind::constant && key.is(Kind::string)) node->methods = find_methods(key.text());
        node->children.push_back(std::move(parts.front()));
    } else {
        ExprPtr tuple = make(ExprKind::tuple, line);
        tuple->children = std::move(parts);
        for (const ExprPtr& part : tuple->children) {
            if (part->kind == ExprKind::slice) {
                fail_at(line, "a slice cannot be one of several subscripts");
                return nullptr;
            }
        }
        node->children.push_back(finish(std::move(tuple)));
        if (!node->children.back()) return nullptr;
    }
    return finish(std::move(node));
}

ExprPtr ExpressionParser::parse_subscribed() {
    ExprPtr slice = make(ExprKind::slice, current().line);
    ExprPtr start;
    if (!is_op(":")) {
        start = parse_expression();
        if (!start || !is_op(":")) return start;
    }
    next();
    slice->children.push_back(std::move(start));
    const auto part = [this, &slice]() {
        if (is_op(":") || is_op("]") || is_op(",")) {
            slice->children.emplace_back();
            return true;
        }
        slice->children.push_back(parse_expression());
        return slice->children.back() != nullptr;
    };
    if (!part()) return nullptr;
    if (skip_op(":")) {
        if (!part()) return nullptr;
    } else {
        slice->children.emplace_back();
    }
    return finish(std::move(slice));
}

bool ExpressionParser::parse_arguments(CallArguments& out) {
    const int line = current().line;
    if (!expect_op("(")) return false;
    bool first = true;
    while (!is_op(")")) {
        if (!first) {
            if (!expect_op(",")) return false;
            if (is_op(")")) break;
        }
        first = false;
        const auto invalid = [&] { return fail_at(line, "invalid order of arguments in a call"); };
        if (skip_op("*")) {
            if (out.star || out.star_star) return invalid();
            if (!(out.star = parse_expression())) return false;
        } else if (skip_op("**")) {
            if (out.star_star) return invalid();
            if (!(out.star_star = parse_expression())) return false;
        } else if (current().type == TokenType::name && ahead().type == TokenType::op && ahead().text == "=") {
            if (out.star_star) return invalid();
            std::string key = current().text;
            next();
            next();
            ExprPtr value = parse_expression();
            if (!value) return false;
            out.keywords.emplace_back(std::move(key), std::move(value));
        } else {
            if (out.star || out.star_star || !out.keywords.empty()) return invalid();
            out.positional.push_back(parse_expression());
            if (!out.positional.back()) return false;
        }
    }
    return expect_op(")");
}

ExprPtr ExpressionParser::parse_call(ExprPtr callee) {
    ExprPtr node = make(ExprKind::call, current().line);
    node->children.push_back(std::move(callee));
    node->arguments = std::make_unique<CallArguments>();
    if (!parse_arguments(*node->arguments)) return nullptr;
    return finish(std::move(node));
}

ExprPtr ExpressionParser::parse_filter(ExprPtr subject, bool inline_start) {
    while (inline_start || is_op("|")) {
        if (!inline_start) next();
        inline_start = false;
        ExprPtr node = make(ExprKind::filter, current().line);
        if (!expect_name(node->name)) return nullptr;
        while (skip_op(".")) {
            std::string part;
            if (!expect_name(part)) return nullptr;
            node->name += "." + part;
        }
        node->arguments = std::make_unique<CallArguments>();
        if (is_op("(") && !parse_arguments(*node->arguments)) return nullptr;
        node->filter = find_filter(node->name);
        node->children.push_back(std::move(subject));
        subject = finish(std::move(node));
        if (!subject) return nullptr;
    }
    return subject;
}

ExprPtr ExpressionParser::parse_test(ExprPtr subject) {
    ExprPtr node = make(ExprKind::test, current().line);
    next();
    const bool negated = skip_name("not");
    if (!expect_name(node->name)) return nullptr;
    while (skip_op(".")) {
        std::string part;
        if (!expect_name(part)) return nullptr;
        node->name += "." + part;
    }
    node->arguments = std::make_unique<CallArguments>();
    const Token& token = current();
    const bool begins_value = token.type == TokenType::name || token.type == TokenType::string ||
                              token.type == TokenType::integer || token.type == TokenType::floating || is_op("[") ||
                              is_op("{");
    if (is_op("(")) {
        if (!parse_arguments(*node->arguments)) return nullptr;
    } else if (begins_value && !is_name("else") && !is_name("or") && !is_name("and")) {
        if (is_name("is")) {
            fail_at(token.line, "tests cannot be chained with 'is'");
            return nullptr;
        }
        ExprPtr argument = parse_postfix(parse_primary());
        if (!argument) return nullptr;
        node->arguments->positional.push_back(std::move(argument));
    }
    node->test = find_test(node->name);
    node->children.push_back(std::move(subject));
    node = finish(std::move(node));
    if (!negated || !node) return node;
    ExprPtr inverse = make(ExprKind::logical_not, node->line);
    inverse->children.push_back(std::move(node));
    return finish(std::move(inverse));
}

}  // namespace tenon::text::jinja
