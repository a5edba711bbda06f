// Token stream, names and limits shared by the expression and statement halves of the parser.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/jinja/ast.hpp"
#include "text/jinja/lexer.hpp"

namespace tenon::text::jinja {

/// Methods return null or false after an error, which `error()` then holds.
class ExpressionParser {
  public:
    ExpressionParser(std::vector<Token> tokens, std::size_t max_depth)
        : tokens_(std::move(tokens)), max_depth_(max_depth) {}

    [[nodiscard]] const std::optional<Error>& error() const noexcept { return error_; }

  protected:
    struct TupleOptions {
        bool conditional = true;
        bool parentheses = false;    ///< an empty tuple is allowed
        std::string_view stop = {};  ///< a name that ends the tuple
    };

    [[nodiscard]] const Token& current() const noexcept { return tokens_[at_]; }
    [[nodiscard]] const Token& ahead() const noexcept { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
    void next() noexcept {
        if (at_ + 1 < tokens_.size()) ++at_;
    }
    [[nodiscard]] bool is_op(std::string_view op) const noexcept {
        return current().type == TokenType::op && current().text == op;
    }
    [[nodiscard]] bool is_name(std::string_view name) const noexcept {
        return current().type == TokenType::name && current().text == name;
    }
    bool skip_op(std::string_view op) noexcept { return is_op(op) ? (next(), true) : false; }
    bool skip_name(std::string_view name) noexcept { return is_name(name) ? (next(), true) : false; }
    bool expect_op(std::string_view op);
    bool expect_name(std::string& name);
    bool expect(TokenType type, std::string_view shown);
    /// Records the first error; always false.
    bool fail_at(int line, std::string message, ErrorCode code = ErrorCode::corrupt);
    bool unexpected(std::string_view wanted);
    std::uint32_t intern(std::string_view name);

    ExprPtr parse_expression(bool conditional = true);
    ExprPtr parse_tuple(const TupleOptions& options);
    ExprPtr parse_filter(ExprPtr subject, bool inline_start);
    ExprPtr parse_primary();
    ExprPtr make(ExprKind kind, int line);
    ExprPtr make_text(std::string text, int line);
    /// Sets the height from the children; null when the tree is too high.
    ExprPtr finish(ExprPtr node);

    struct Nesting {
        ExpressionParser& parser;
        explicit Nesting(ExpressionParser& p) : parser(p) { ++parser.depth_; }
        ~Nesting() { --parser.depth_; }
        Nesting(const Nesting&) = delete;
        Nesting& operator=(const Nesting&) = delete;
        [[nodiscard]] bool ok() const {
            return parser.depth_ <= parser.max_depth_ ||
                   parser.fail_at(parser.current().line, "nesting is too deep", ErrorCode::resource_exhausted);
        }
    };

    /// Special names of macros (`varargs`, `kwargs`, `caller`) seen in the innermost macro being parsed.
    struct MacroUse {
        bool varargs = false, kwargs = false, caller = false;
    };
    std::vector<MacroUse> macro_uses_;
    std::vector<std::string> names_;
    std::size_t loop_reads_ = 0;  ///< how often `loop` has been read so far

  private:
    ExprPtr parse_or();
    ExprPtr parse_and();
    ExprPtr parse_not();
    ExprPtr parse_compare();
    ExprPtr parse_sum();
    static void add_operand(Expr& sum, Op op, ExprPtr operand);
    ExprPtr parse_concat();
    ExprPtr parse_product();
    ExprPtr parse_power();
    ExprPtr parse_unary(bool with_filter);
    ExprPtr parse_postfix(ExprPtr node);
    ExprPtr parse_filters(ExprPtr node);
    ExprPtr parse_subscript(ExprPtr node);
    ExprPtr parse_subscribed();
    ExprPtr parse_call(ExprPtr callee);
    ExprPtr parse_test(ExprPtr node);
    ExprPtr parse_list();
    ExprPtr parse_dict();
    bool parse_arguments(CallArguments& out);
    bool tuple_ends(std::string_view stop) const noexcept;

    std::vector<Token> tokens_;
    std::size_t at_ = 0;
    std::size_t depth_ = 0;
    std::size_t max_depth_;
    std::optional<Error> error_;
    std::unordered_map<std::string, std::uint32_t> ids_;
};

}  // namespace tenon::text::jinja
