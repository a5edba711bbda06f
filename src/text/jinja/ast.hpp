// The tree a template compiles to. Immutable after parsing; shared by concurrent renders.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/value.hpp"

namespace tenon::text::jinja {

using FilterFn = bool (*)(Interp&, Args&, Value& out);
using MethodFn = bool (*)(Interp&, const Value& self, Args&, Value& out);

struct Test {
    bool (*call)(Interp&, Args&, bool& out) = nullptr;  ///< null when there is no such test
    bool (*check)(const Value&) noexcept = nullptr;     ///< the same, of a test that takes no arguments and cannot fail
};

/// What a name means as a method of each kind of value. Methods that would change the value exist but are refused.
struct Methods {
    MethodFn of_string = nullptr, of_dict = nullptr, of_list = nullptr, of_tuple = nullptr;
    bool refused_by_dict = false, refused_by_list = false;

    [[nodiscard]] MethodFn of(Kind kind) const noexcept {
        return kind == Kind::string  ? of_string
               : kind == Kind::dict  ? of_dict
               : kind == Kind::list  ? of_list
               : kind == Kind::tuple ? of_tuple
                                     : nullptr;
    }
    [[nodiscard]] bool refused_by(Kind kind) const noexcept {
        return (kind == Kind::dict && refused_by_dict) || (kind == Kind::list && refused_by_list);
    }
};

enum class Op : std::uint8_t { add, sub, mul, div, floor_div, mod, pow, eq, ne, lt, le, gt, ge, in, not_in };

enum class ExprKind : std::uint8_t {
    constant,
    name,
    list,
    tuple,
    dict,         ///< children: key, value, key, value…
    conditional,  ///< children: condition, then, else (may be null)
    logical_or,
    logical_and,
    logical_not,
    negate,
    plus,
    chain,    ///< children[0], then ops[i] children[i + 1], left to right
    concat,   ///< ~
    compare,  ///< a < b < c: as `chain`, each pair must hold
    attribute,
    item,
    slice,  ///< children: start, stop, step; each may be null. Only inside `item`
    call,
    filter,  ///< children[0] is the subject, null inside filter blocks
    test,
};

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct CallArguments {
    std::vector<ExprPtr> positional;
    std::vector<std::pair<std::string, ExprPtr>> keywords;
    ExprPtr star, star_star;
};

struct Expr {
    ExprKind kind = ExprKind::constant;
    int line = 1;
    std::uint32_t height = 1;  ///< of the tree below; bounded, so that walking it cannot exhaust the stack
    std::uint32_t name_id = 0;
    Value constant;    ///< also an attribute's name, and a subscript that is a constant text
    std::string name;  ///< of a variable, attribute, filter or test; the text of a constant, which borrows it
    std::vector<ExprPtr> children;
    std::vector<Op> ops;
    std::unique_ptr<CallArguments> arguments;
    FilterFn filter = nullptr;  ///< null when no such filter exists: an error only where it is evaluated
    Test test;
    Methods methods;         ///< of an attribute, or a subscript that is a constant text
    bool only_adds = false;  ///< of a chain: all its operators are +
};

/// What is assigned to: a name, `namespace.attribute`, or a tuple of targets.
struct Target {
    std::string name;
    std::uint32_t name_id = 0;
    std::string attribute;
    std::vector<Target> parts;
    bool is_tuple = false;
};

enum class StmtKind : std::uint8_t {
    text,
    print,
    if_else,
    for_loop,
    set,
    set_block,
    macro,
    call_block,
    filter_block,
    with,
    scope,  ///< a body in a scope of its own: block, autoescape, generation
    break_loop,
    continue_loop,
};

struct Stmt;
using StmtPtr = std::unique_ptr<Stmt>;
using Body = std::vector<StmtPtr>;

struct MacroSignature {
    std::string name;
    std::vector<std::pair<std::string, std::uint32_t>> parameters;
    std::vector<ExprPtr> defaults;  ///< of the last parameters
    std::uint32_t varargs_id = 0, kwargs_id = 0, caller_id = 0;
    bool uses_varargs = false, uses_kwargs = false, uses_caller = false;
};

struct Stmt {
    StmtKind kind = StmtKind::text;
    int line = 1;
    std::string text;
    ExprPtr expression;  ///< printed, iterated, assigned, the call of a call block, the filter of a block
    ExprPtr condition;   ///< `for … if`
    Target target;
    std::vector<std::pair<ExprPtr, Body>> branches;   ///< if, elif…
    std::vector<std::pair<Target, ExprPtr>> assigns;  ///< with
    Body body, otherwise;
    bool recursive = false;
    bool names_loop = false;  ///< somewhere in its body stands `loop`
    MacroSignature signature;
};

struct Program {
    Body body;
    std::vector<std::string> names;  ///< name id → name
    std::uint32_t loop_id = 0;       ///< of `loop`
};

}  // namespace tenon::text::jinja
