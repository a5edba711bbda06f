// One render: scopes, evaluation, limits. Functions return false after an error, which `error()` then holds.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"
#include "tenon/json/json.hpp"
#include "tenon/text/chat_template.hpp"
#include "text/jinja/ast.hpp"

namespace tenon::text::jinja {

/// Variables of one block; lookups go on in `parent`. A template has few names a scope, so a scan beats hashing.
struct Scope final : Object {
    explicit Scope(Ref<Scope> above) : parent(std::move(above)) {}
    Ref<Scope> parent;
    std::vector<std::pair<std::uint32_t, Value>> variables;

    void set(std::uint32_t name, Value value);
};
using ScopePtr = Ref<Scope>;

/// What a value yields when iterated; keeps it alive.
class Items {
  public:
    Items() = default;
    Items(const Items&) = delete;
    Items& operator=(const Items&) = delete;

    [[nodiscard]] const ListView& view() const noexcept { return view_; }
    void share(Value list) {
        holder_ = std::move(list);
        view_ = holder_.items();
    }
    void keep(std::vector<Value> items) {
        owned_ = std::move(items);
        view_ = ListView(owned_);
    }

  private:
    Value holder_;
    std::vector<Value> owned_;
    ListView view_;
};

class LoopObject;

class Interp {
  public:
    Interp(const Program& program, const TemplateLimits& limits, std::chrono::system_clock::time_point now);
    ~Interp();
    Interp(const Interp&) = delete;
    Interp& operator=(const Interp&) = delete;

    bool run(const json::Value& context, std::string& out);
    [[nodiscard]] const Error& error() const noexcept { return *error_; }
    [[nodiscard]] std::chrono::system_clock::time_point now() const noexcept { return now_; }

    // Limits and errors.
    /// Records the first error, with the current line; always false.
    bool fail(std::string message, ErrorCode code = ErrorCode::invalid_argument);
    bool fail_undefined(const Value& value);
    /// raise_exception: the message as the template wrote it.
    bool refuse(std::string message);
    bool charge(std::size_t steps = 1) {
        steps_ += steps;
        return steps_ <= limits_.max_steps || too_long();
    }
    /// Counts work on `bytes` bytes, and refuses strings longer than the output may be.
    bool charge_bytes(std::size_t bytes) {
        return bytes <= limits_.max_output_bytes ? charge(bytes / 32) : too_large();
    }
    /// Refuses texts longer than the output may be, without counting work.
    bool check_size(std::size_t bytes) { return bytes <= limits_.max_output_bytes || too_large(); }
    bool charge_items(std::size_t items) { return charge(items / 2); }
    bool check_depth(const Value& value);

    // Values.
    bool make_string(std::string text, Value& out) {
        if (!charge_bytes(text.size())) return false;
        out = Value::string(std::move(text));
        return true;
    }
    bool make_list(std::vector<Value> items, Value& out, Kind kind = Kind::list);
    bool make_dict(Ref<DictObject> dict, Value& out);
    bool make_generator(std::vector<Value> items, Value& out);
    bool set_key(DictObject& dict, Value key, Value value);
    bool iterate(const Value& value, Items& out);
    bool length(const Value& value, std::int64_t& out);
    bool equal(const Value& a, const Value& b, bool& out, std::uint32_t depth = 0);
    bool less(const Value& a, const Value& b, bool& out, std::string_view op = "<", std::uint32_t depth = 0);
    bool contains(const Value& container, const Value& item, bool& out);
    bool compare(Op op, const Value& a, const Value& b, bool& out);
    /// `a` may be consumed.
    bool binary(Op op, Value& a, const Value& b, Value& out);
    bool get_attribute(const Value& object, const Value& name, Value& out);
    /// With `methods` of that name already found.
    bool get_attribute(const Value& object, const Value& name, const Methods& methods, Value& out);
    bool get_item(const Value& object, const Value& key, Value& out);
    bool get_slice(const Value& object, const Value& start, const Value& stop, const Value& step, Value& out);
    bool call(const Value& callee, Args& args, Value& out);
    bool call_filter(std::string_view name, Args& args, Value& out);
    bool call_test(std::string_view name, Args& args, bool& out);
    Value make_namespace(DictObject attributes);

    // Text forms; `to_string` is Python's str, `repr` its repr. They append.
    bool to_string(const Value& value, std::string& out);
    bool repr(const Value& value, std::string& out, std::uint32_t depth = 0);

    // Used by macros and loops.
    bool run_macro(const MacroSignature& signature, const Body& body, const ScopePtr& closure, Args& args, Value& out);
    bool run_loop(const Stmt& stmt, ScopePtr parent, const Value& iterable, int depth, std::string* output);

  private:
    enum class Flow : std::uint8_t { next, break_loop, continue_loop, error };
    friend struct LevelGuard;

    bool too_long();
    bool too_large();
    /// How deep a value of the context is nested, and the bytes of its texts.
    struct Extent {
        std::size_t depth = 0, bytes = 0;
    };
    bool measure(const json::Value& json, std::size_t level, Extent& out);

    /// What an expression gives, where it already stands if that can be: in the template, in a variable, else in
    /// `scratch`. Null after an error. Good until the next statement.
    const Value* look(const Expr& expr, Value& scratch);
    /// Whether what an expression gives is true.
    bool holds(const Expr& expr, bool& out);
    bool eval(const Expr& expr, Value& out);
    bool eval_node(const Expr& expr, Value& out);
    void find_name(const Expr& expr, Value& out);
    bool eval_sequence(const Expr& expr, Value& out);
    bool eval_dict(const Expr& expr, Value& out);
    bool eval_chain(const Expr& expr, Value& out);
    bool eval_concat(const Expr& expr, Value& out);
    bool compare_all(const Expr& expr, bool& out);
    bool eval_logical(const Expr& expr, Value& out);
    bool eval_conditional(const Expr& expr, Value& out);
    bool eval_unary(const Expr& expr, Value& out);
    bool eval_item(const Expr& expr, Value& out);
    bool eval_call(const Expr& expr, Value& out, const Value* caller = nullptr);
    bool eval_filter(const Expr& expr, Value& out);
    bool run_test(const Expr& expr, bool& out);
    bool eval_arguments(const CallArguments& arguments, Args& out);
    bool apply_block_filter(const Expr& filter, Value& value);

    Flow exec_body(const Body& body);
    Flow exec(const Stmt& stmt);
    Flow exec_if(const Stmt& stmt);
    Flow exec_scope(const Stmt& stmt);
    bool print(const Expr& expr);
    bool print_sum(const Expr& expr);
    bool print_value(const Value& value);
    bool exec_set(const Stmt& stmt);
    bool exec_macro(const Stmt& stmt);
    bool exec_call_block(const Stmt& stmt);
    bool exec_captured(const Body& body, Value& out);
    bool write(std::string_view text) {
        if (output_->size() + text.size() > limits_.max_output_bytes) return too_large();
        output_->append(text);
        return true;
    }
    bool assign(const Target& target, const Value& value);
    bool filter_items(const Stmt& stmt, const ScopePtr& parent, const ListView& items, std::vector<Value>& kept);
    [[nodiscard]] const Value* find_variable(std::uint32_t name) const noexcept;

    const Program& program_;
    TemplateLimits limits_;
    std::chrono::system_clock::time_point now_;
    std::optional<Error> error_;
    std::size_t steps_ = 0;
    std::size_t level_ = 0;  ///< nodes being evaluated
    std::size_t calls_ = 0;  ///< macros and recursive loops being run
    int line_ = 1;
    std::string* output_ = nullptr;
    ScopePtr scope_;
    std::vector<Ref<Object>> cyclic_;  ///< namespaces and macros, unlinked at the end
};

struct LevelGuard {
    Interp& interp;
    explicit LevelGuard(Interp& i) : interp(i) { ++interp.level_; }
    ~LevelGuard() { --interp.level_; }
    LevelGuard(const LevelGuard&) = delete;
    LevelGuard& operator=(const LevelGuard&) = delete;
    /// A node takes several machine frames, so the bound keeps the walk within a few megabytes of stack.
    [[nodiscard]] bool ok() const {
        return interp.level_ <= interp.limits_.max_depth * 10 ||
               interp.fail("evaluation is nested too deep", ErrorCode::resource_exhausted);
    }
};

/// Arguments by parameter name, as Python binds them. `at(i)` is null when the caller gave none.
class Bound {
  public:
    /// Parameters after the first `required` are optional.
    Bound(Interp& interp, std::string_view function, Args& args, std::initializer_list<std::string_view> names,
          std::size_t required);
    [[nodiscard]] bool ok() const noexcept { return ok_; }
    [[nodiscard]] const Value* at(std::size_t i) const noexcept { return values_[i]; }
    [[nodiscard]] const Value& operator[](std::size_t i) const noexcept { return *values_[i]; }
    [[nodiscard]] bool given(std::size_t i) const noexcept { return values_[i] && !values_[i]->is(Kind::none); }
    bool flag(std::size_t i, bool otherwise = false) const noexcept {
        return values_[i] ? truth(*values_[i]) : otherwise;
    }
    /// False with an error when the argument is not an integer.
    bool integer(std::size_t i, std::int64_t& out) const;
    bool string(std::size_t i, std::string_view& out) const;

  private:
    static constexpr std::size_t capacity = 8;
    Interp& interp_;
    std::string_view function_;
    const Value* values_[capacity] = {};
    std::string_view names_[capacity] = {};
    bool ok_ = false;
};

}  // namespace tenon::text::jinja
