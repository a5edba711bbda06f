#include "text/jinja/parser.hpp"
#include "text/jinja/parser_base.hpp"

namespace tenon::text::jinja {
namespace {

class Parser : ExpressionParser {
  public:
    using ExpressionParser::ExpressionParser;

    Result<Program> run() {
        Program program;
        if (!parse_body({}, program.body)) return std::unexpected(*error());
        program.loop_id = intern("loop");
        program.names = std::move(names_);
        return program;
    }

  private:
    using Ends = std::vector<std::string_view>;

    StmtPtr make_stmt(StmtKind kind) {
        auto stmt = std::make_unique<Stmt>();
        stmt->kind = kind;
        stmt->line = current().line;
        return stmt;
    }

    /// Statements up to a tag whose name is in `ends`, which stays current; to the end of the template when empty.
    bool parse_body(const Ends& ends, Body& body) {
        const Nesting nesting(*this);
        if (!nesting.ok()) return false;
        for (;;) {
            switch (current().type) {
                case TokenType::end:
                    if (ends.empty()) return true;
                    return fail_at(current().line, fmt::format("the template ends, but '{}' is missing", ends.back()));
                case TokenType::data: {
                    StmtPtr stmt = make_stmt(StmtKind::text);
                    stmt->text = current().text;
                    body.push_back(std::move(stmt));
                    next();
                    break;
                }
                case TokenType::variable_begin: {
                    StmtPtr stmt = make_stmt(StmtKind::print);
                    next();
                    if (!(stmt->expression = parse_tuple({})) || !expect(TokenType::variable_end, "}}")) return false;
                    body.push_back(std::move(stmt));
                    break;
                }
                case TokenType::block_begin: {
                    next();
                    for (const std::string_view end : ends)
                        if (is_name(end)) return true;
                    if (!parse_statement(body, ends) || !expect(TokenType::block_end, "%}")) return false;
                    break;
                }
                default:
                    return unexpected("text or a tag");
            }
        }
    }

    /// The rest of an opening tag, then the body up to one of `ends`.
    bool parse_block(const Ends& ends, Body& body) {
        skip_op(":");
        return expect(TokenType::block_end, "%}") && parse_body(ends, body);
    }
    bool parse_block_to(std::string_view end, Body& body) {
        if (!parse_block({end}, body)) return false;
        next();
        return true;
    }

    bool parse_statement(Body& body, const Ends& ends) {
        const int line = current().line;
        std::string tag;
        if (!expect_name(tag)) return false;
        StmtPtr stmt;
        if (tag == "if") return parse_if(body);
        if (tag == "for") return parse_for(body);
        if (tag == "set") return parse_set(body);
        if (tag == "macro") return parse_macro(body);
        if (tag == "call") return parse_call_block(body);
        if (tag == "with") return parse_with(body);
        if (tag == "break" || tag == "continue") {
            if (loops_ == 0) return fail_at(line, fmt::format("'{}' outside of a loop", tag));
            body.push_back(make_stmt(tag == "break" ? StmtKind::break_loop : StmtKind::continue_loop));
            return true;
        }
        if (tag == "filter") {
            stmt = make_stmt(StmtKind::filter_block);
            if (!(stmt->expression = parse_filter(nullptr, true))) return false;
            if (!parse_isolated("endfilter", stmt->body)) return false;
        } else if (tag == "print") {
            for (bool first = true; current().type != TokenType::block_end; first = false) {
                if (!first && !expect_op(",")) return false;
                StmtPtr print = make_stmt(StmtKind::print);
                if (!(print->expression = parse_expression())) return false;
                body.push_back(std::move(print));
            }
            return true;
        } else if (tag == "generation") {
            // transformers marks what the assistant said with this tag; it prints its body.
            stmt = make_stmt(StmtKind::scope);
            if (!parse_isolated("endgeneration", stmt->body)) return false;
        } else if (tag == "autoescape") {
            stmt = make_stmt(StmtKind::scope);
            if (!parse_expression() || !parse_block_to("endautoescape", stmt->body)) return false;
        } else if (tag == "block") {
            stmt = make_stmt(StmtKind::scope);
            std::string name;
            if (!expect_name(name)) return false;
            skip_name("scoped");
            skip_name("required");
            if (!parse_isolated("endblock", stmt->body)) return false;
            skip_name(name);
        } else if (tag == "include" || tag == "import" || tag == "from" || tag == "extends") {
            return fail_at(line, fmt::format("'{}' is not supported: a template must stand alone", tag),
                           ErrorCode::unsupported);
        } else {
            std::string wanted;
            for (const std::string_view end : ends) wanted += fmt::format("{}'{}'", wanted.empty() ? "" : " or ", end);
            return fail_at(line, wanted.empty() ? fmt::format("unknown tag '{}'", tag)
                                                : fmt::format("unknown tag '{}'; expected {}", tag, wanted));
        }
        body.push_back(std::move(stmt));
        return true;
    }

    /// A body that runs as a function of its own: break and continue cannot leave it.
    bool parse_isolated(std::string_view end, Body& body) {
        const std::size_t loops = std::exchange(loops_, 0);
        const bool ok = parse_block_to(end, body);
        loops_ = loops;
        return ok;
    }

    bool parse_if(Body& body) {
        StmtPtr stmt = make_stmt(StmtKind::if_else);
        for (;;) {
            ExprPtr condition = parse_tuple({.conditional = false});
            if (!condition) return false;
            stmt->branches.emplace_back(std::move(condition), Body{});
            if (!parse_block({"elif", "else", "endif"}, stmt->branches.back().second)) return false;
            if (skip_name("elif")) continue;
            if (skip_name("else")) {
                if (!parse_block({"endif"}, stmt->otherwise)) return false;
            }
            next();
            break;
        }
        body.push_back(std::move(stmt));
        return true;
    }

    bool parse_for(Body& body) {
        StmtPtr stmt = make_stmt(StmtKind::for_loop);
        if (!parse_target(stmt->target, false, "in")) return false;
        if (!skip_name("in")) return unexpected("'in'");
        if (!(stmt->expression = parse_tuple({.conditional = false, .stop = "recursive"}))) return false;
        if (skip_name("if") && !(stmt->condition = parse_expression())) return false;
        stmt->recursive = skip_name("recursive");
        ++loops_;
        const std::size_t loop_reads = loop_reads_;
        const bool ok = parse_block({"endfor", "else"}, stmt->body);
        stmt->names_loop = loop_reads_ != loop_reads;
        --loops_;
        if (!ok) return false;
        if (skip_name("else") && !parse_block({"endfor"}, stmt->otherwise)) return false;
        next();
        body.push_back(std::move(stmt));
        return true;
    }

    bool parse_set(Body& body) {
        StmtPtr stmt = make_stmt(StmtKind::set);
        if (!parse_target(stmt->target, true, {})) return false;
        if (skip_op("=")) {
            if (!(stmt->expression = parse_tuple({}))) return false;
        } else {
            stmt->kind = StmtKind::set_block;
            if (is_op("|") && !(stmt->expression = parse_filter(nullptr, false))) return false;
            if (!parse_isolated("endset", stmt->body)) return false;
        }
        body.push_back(std::move(stmt));
        return true;
    }

    bool parse_with(Body& body) {
        StmtPtr stmt = make_stmt(StmtKind::with);
        while (current().type != TokenType::block_end) {
            if (!stmt->assigns.empty() && !expect_op(",")) return false;
            Target target;
            if (!parse_one_target(target, false) || !expect_op("=")) return false;
            ExprPtr value = parse_expression();
            if (!value) return false;
            stmt->assigns.emplace_back(std::move(target), std::move(value));
        }
        if (!parse_block_to("endwith", stmt->body)) return false;
        body.push_back(std::move(stmt));
        return true;
    }

    bool parse_signature(MacroSignature& signature) {
        if (!expect_op("(")) return false;
        while (!is_op(")")) {
            if (!signature.parameters.empty() && !expect_op(",")) return false;
            Target parameter;
            if (current().type != TokenType::name) return unexpected("a parameter name");
            if (!parse_one_target(parameter, false)) return false;
            signature.parameters.emplace_back(parameter.name, parameter.name_id);
            if (skip_op("=")) {
                signature.defaults.push_back(parse_expression());
                if (!signature.defaults.back()) return false;
            } else if (!signature.defaults.empty()) {
                return fail_at(current().line, "a parameter without a default follows one with a default");
            }
        }
        next();
        return true;
    }

    bool parse_macro_body(MacroSignature& signature, std::string_view end, Body& body) {
        if (!parse_isolated(end, body)) return false;
        const MacroUse use = macro_uses_.back();
        signature.uses_varargs = use.varargs;
        signature.uses_kwargs = use.kwargs;
        signature.uses_caller = use.caller;
        signature.varargs_id = intern("varargs");
        signature.kwargs_id = intern("kwargs");
        signature.caller_id = intern("caller");
        macro_uses_.pop_back();
        if (!macro_uses_.empty()) {
            macro_uses_.back().varargs |= use.varargs;
            macro_uses_.back().kwargs |= use.kwargs;
            macro_uses_.back().caller |= use.caller;
        }
        return true;
    }

    bool parse_macro(Body& body) {
        StmtPtr stmt = make_stmt(StmtKind::macro);
        if (!parse_one_target(stmt->target, false)) return false;
        stmt->signature.name = stmt->target.name;
        macro_uses_.emplace_back();
        if (!parse_signature(stmt->signature)) return false;
        if (!parse_macro_body(stmt->signature, "endmacro", stmt->body)) return false;
        body.push_back(std::move(stmt));
        return true;
    }

    bool parse_call_block(Body& body) {
        StmtPtr stmt = make_stmt(StmtKind::call_block);
        stmt->signature.name = "caller";
        if (is_op("(") && !parse_signature(stmt->signature)) return false;
        if (!(stmt->expression = parse_expression())) return false;
        if (stmt->expression->kind != ExprKind::call) return fail_at(stmt->line, "a call block needs a call");
        macro_uses_.emplace_back();
        if (!parse_macro_body(stmt->signature, "endcall", stmt->body)) return false;
        body.push_back(std::move(stmt));
        return true;
    }

    bool parse_one_target(Target& target, bool with_namespace) {
        const Nesting nesting(*this);
        if (!nesting.ok()) return false;
        if (skip_op("(")) {
            if (!parse_target(target, with_namespace, {})) return false;
            return expect_op(")");
        }
        static constexpr std::string_view constants[] = {"true", "True", "false", "False", "none", "None"};
        for (const std::string_view constant : constants)
            if (is_name(constant)) return fail_at(current().line, fmt::format("cannot assign to '{}'", constant));
        if (!expect_name(target.name)) return false;
        target.name_id = intern(target.name);
        if (with_namespace && skip_op(".")) return expect_name(target.attribute);
        return true;
    }

    /// One target or several separated by commas, up to `stop`, "=" or the end of the tag.
    bool parse_target(Target& target, bool with_namespace, std::string_view stop) {
        std::vector<Target> parts(1);
        if (!parse_one_target(parts.front(), with_namespace)) return false;
        if (!is_op(",")) {
            target = std::move(parts.front());
            return true;
        }
        while (skip_op(",")) {
            if (is_op("=") || is_op(")") || current().type == TokenType::block_end || (!stop.empty() && is_name(stop)))
                break;
            parts.emplace_back();
            if (!parse_one_target(parts.back(), with_namespace)) return false;
        }
        target.parts = std::move(parts);
        target.is_tuple = true;
        return true;
    }

    std::size_t loops_ = 0;
};

}  // namespace

Result<Program> parse_program(std::string_view source, std::size_t max_depth) {
    TENON_TRY(std::vector<Token> tokens, tokenize(source));
    return Parser(std::move(tokens), max_depth).run();
}

}  // namespace tenon::text::jinja
