#include "text/jinja/variables.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace tenon::text::jinja {
namespace {

constexpr std::array<std::string_view, 8> functions = {"range",  "dict",      "lipsum",          "cycler",
                                                       "joiner", "namespace", "raise_exception", "strftime_now"};

class Walker {
  public:
    std::vector<std::string> found;

    void body(const Body& statements) {
        for (const auto& s : statements) statement(*s);
    }

  private:
    /// Names bound in here are forgotten at its end.
    struct Scope {
        explicit Scope(Walker& w) : walker(w), depth(w.bound_.size()) {}
        ~Scope() { walker.bound_.resize(depth); }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;
        Walker& walker;
        std::size_t depth;
    };

    void bind(std::string name) { bound_.push_back(std::move(name)); }
    void bind(const Target& target) {
        if (target.is_tuple)
            for (const auto& part : target.parts) bind(part);
        else if (target.attribute.empty())
            bind(target.name);
        else
            read(target.name);
    }
    void read(const std::string& name) {
        if (std::ranges::find(bound_, name) != bound_.end() || std::ranges::find(functions, name) != functions.end() ||
            std::ranges::find(found, name) != found.end())
            return;
        found.push_back(name);
    }
    void expression(const ExprPtr& e) {
        if (!e) return;
        if (e->kind == ExprKind::name) read(e->name);
        for (const auto& child : e->children) expression(child);
        if (!e->arguments) return;
        for (const auto& a : e->arguments->positional) expression(a);
        for (const auto& [name, a] : e->arguments->keywords) expression(a);
        expression(e->arguments->star);
        expression(e->arguments->star_star);
    }
    void macro(const Stmt& s) {
        for (const auto& d : s.signature.defaults) expression(d);
        const Scope scope(*this);
        for (const auto& [name, id] : s.signature.parameters) bind(name);
        for (const char* name : {"varargs", "kwargs", "caller"}) bind(name);
        body(s.body);
    }
    void statement(const Stmt& s) {
        switch (s.kind) {
            case StmtKind::text:
            case StmtKind::break_loop:
            case StmtKind::continue_loop:
                return;
            case StmtKind::print:
                expression(s.expression);
                return;
            case StmtKind::if_else:
                for (const auto& [condition, then] : s.branches) {
                    expression(condition);
                    body(then);
                }
                body(s.otherwise);
                return;
            case StmtKind::for_loop: {
                expression(s.expression);
                {
                    const Scope scope(*this);
                    bind(s.target);
                    bind("loop");
                    expression(s.condition);
                    body(s.body);
                }
                body(s.otherwise);
                return;
            }
            case StmtKind::set:
                expression(s.expression);
                bind(s.target);
                return;
            case StmtKind::set_block: {
                expression(s.expression);
                {
                    const Scope scope(*this);
                    body(s.body);
                }
                bind(s.target);
                return;
            }
            case StmtKind::macro:
                bind(s.signature.name);
                macro(s);
                return;
            case StmtKind::call_block:
                expression(s.expression);
                macro(s);
                return;
            case StmtKind::with: {
                const Scope scope(*this);
                for (const auto& [target, value] : s.assigns) expression(value);
                for (const auto& [target, value] : s.assigns) bind(target);
                body(s.body);
                return;
            }
            case StmtKind::filter_block:
            case StmtKind::scope: {
                expression(s.expression);
                const Scope scope(*this);
                body(s.body);
                return;
            }
        }
    }

    std::vector<std::string> bound_;
};

}  // namespace

std::vector<std::string> undeclared_variables(const Program& program) {
    Walker walker;
    walker.body(program.body);
    return std::move(walker.found);
}

}  // namespace tenon::text::jinja
