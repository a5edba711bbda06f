#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "text/jinja/builtins.hpp"
#include "text/jinja/interp.hpp"
#include "text/jinja/loop.hpp"

namespace tenon::text::jinja {
namespace {

struct MacroObject final : CallableObject {
    const MacroSignature* signature = nullptr;
    const Body* body = nullptr;
    ScopePtr closure;

    bool call(Interp& interp, Args& args, Value& out) override {
        return interp.run_macro(*signature, *body, closure, args, out);
    }
    bool attribute(std::string_view wanted, Value& out) const override {
        if (wanted == "name") {
            out = Value::string(name);
        } else if (wanted == "arguments") {
            auto list = make_object<ListObject>();
            for (const auto& [parameter, id] : signature->parameters) list->items.push_back(Value::string(parameter));
            out = Value(Kind::tuple, std::move(list));
        } else if (wanted == "caller") {
            out = Value::boolean(signature->uses_caller);
        } else if (wanted == "catch_kwargs") {
            out = Value::boolean(signature->uses_kwargs);
        } else if (wanted == "catch_varargs") {
            out = Value::boolean(signature->uses_varargs);
        } else {
            return false;
        }
        return true;
    }
};

}  // namespace

void Scope::set(std::uint32_t name, Value value) {
    for (auto& [id, old] : variables) {
        if (id == name) {
            old = std::move(value);
            return;
        }
    }
    variables.emplace_back(name, std::move(value));
}

Interp::Interp(const Program& program, const TemplateLimits& limits, std::chrono::system_clock::time_point now)
    : program_(program), limits_(limits), now_(now) {}

/// Namespaces and macros may refer to themselves; they are emptied while all are still held, so nothing leaks and
/// no chain of them is destroyed recursively.
Interp::~Interp() {
    for (const auto& object : cyclic_) {
        if (auto* name_space = dynamic_cast<NamespaceObject*>(object.get()))
            name_space->attributes = DictObject();
        else if (auto* macro = dynamic_cast<MacroObject*>(object.get()))
            macro->closure.reset();
    }
}

bool Interp::run(const json::Value& context, std::string& out) {
    if (!context.is_object()) return fail("the context must be an object");
    scope_ = make_object<Scope>(nullptr);
    std::size_t bytes = 0;
    for (std::size_t id = 0; id < program_.names.size(); ++id) {
        const json::Value* json = json::find(context, program_.names[id]);
        if (!json) continue;
        Extent extent;
        if (!measure(*json, 0, extent)) return false;
        bytes += extent.bytes;
        scope_->variables.emplace_back(static_cast<std::uint32_t>(id), Value::borrowed(*json, extent.depth));
    }
    output_ = &out;
    out.reserve(std::min(bytes + bytes / 4 + 256, limits_.max_output_bytes));
    return exec_body(program_.body) != Flow::error;
}

Value Interp::make_namespace(DictObject attributes) {
    auto object = make_object<NamespaceObject>();
    object->attributes = std::move(attributes);
    cyclic_.push_back(object);
    return {Kind::name_space, std::move(object)};
}

Interp::Flow Interp::exec_body(const Body& body) {
    for (const StmtPtr& stmt : body) {
        const Flow flow = exec(*stmt);
        if (flow != Flow::next) return flow;
    }
    return Flow::next;
}

Interp::Flow Interp::exec(const Stmt& stmt) {
    const auto flow = [](bool ok) { return ok ? Flow::next : Flow::error; };
    const LevelGuard guard(*this);
    if (!guard.ok() || !charge()) return Flow::error;
    line_ = stmt.line;
    switch (stmt.kind) {
        case StmtKind::text:
            return flow(write(stmt.text));
        case StmtKind::print:
            return flow(print(*stmt.expression));
        case StmtKind::if_else:
            return exec_if(stmt);
        case StmtKind::for_loop: {
            Value iterable;
            return flow(eval(*stmt.expression, iterable) && run_loop(stmt, scope_, iterable, 1, output_));
        }
        case StmtKind::set:
            return flow(exec_set(stmt));
        case StmtKind::set_block:
        case StmtKind::filter_block: {
            Value value;
            if (!exec_captured(stmt.body, value)) return Flow::error;
            if (stmt.expression && !apply_block_filter(*stmt.expression, value)) return Flow::error;
            if (stmt.kind == StmtKind::set_block) return flow(assign(stmt.target, value));
            return flow(print_value(value));
        }
        case StmtKind::macro:
            return flow(exec_macro(stmt));
        case StmtKind::call_block:
            return flow(exec_call_block(stmt));
        case StmtKind::with:
        case StmtKind::scope:
            return exec_scope(stmt);
        case StmtKind::break_loop:
            return Flow::break_loop;
        case StmtKind::continue_loop:
            return Flow::continue_loop;
    }
    return Flow::error;
}

/// Writes what an expression gives; of one that joins texts, each part as soon as it is known.
bool Interp::print(const Expr& expr) {
    if (expr.kind == ExprKind::chain && expr.only_adds) return print_sum(expr);
    if (expr.kind == ExprKind::concat) {
        for (const ExprPtr& part : expr.children)
            if (!print(*part)) return false;
        return true;
    }
    if (expr.kind == ExprKind::conditional) {
        bool condition = false;
        if (!holds(*expr.children[0], condition)) return false;
        const ExprPtr& chosen = expr.children[condition ? 1 : 2];
        return !chosen || print(*chosen);
    }
    Value scratch;
    const Value* value = look(expr, scratch);
    return value && print_value(*value);
}

bool Interp::print_sum(const Expr& expr) {
    const std::size_t start = output_->size();
    Value sum, scratch;
    bool is_text = true;  // so far; else the parts are in `sum`
    for (std::size_t i = 0; i < expr.children.size(); ++i) {
        const Value* part = look(*expr.children[i], scratch);
        if (!part) return false;
        if (is_text && part->is(Kind::string) && !part->markup()) {
            if (!write(part->text())) return false;
            continue;
        }
        if (i == 0) {
            sum = *part;
        } else {
            if (is_text) {
                sum = Value::string(output_->substr(start));
                output_->resize(start);
            }
            Value result;
            if (!binary(Op::add, sum, *part, result)) return false;
            sum = std::move(result);
        }
        is_text = false;
    }
    return is_text || print_value(sum);
}

bool Interp::print_value(const Value& value) {
    if (value.is(Kind::string)) return write(value.text());
    std::string text;
    return to_string(value, text) && write(text);
}

Interp::Flow Interp::exec_if(const Stmt& stmt) {
    for (const auto& [condition, body] : stmt.branches) {
        bool chosen = false;
        if (!holds(*condition, chosen)) return Flow::error;
        if (chosen) return exec_body(body);
    }
    return exec_body(stmt.otherwise);
}

Interp::Flow Interp::exec_scope(const Stmt& stmt) {
    auto inner = make_object<Scope>(scope_);
    const ScopePtr outer = scope_;
    std::vector<Value> values(stmt.assigns.size());
    for (std::size_t i = 0; i < values.size(); ++i)
        if (!eval(*stmt.assigns[i].second, values[i])) return Flow::error;
    scope_ = std::move(inner);
    Flow flow = Flow::next;
    for (std::size_t i = 0; i < values.size() && flow == Flow::next; ++i)
        if (!assign(stmt.assigns[i].first, values[i])) flow = Flow::error;
    if (flow == Flow::next) flow = exec_body(stmt.body);
    scope_ = outer;
    return flow;
}

bool Interp::exec_set(const Stmt& stmt) {
    Value value;
    return eval(*stmt.expression, value) && assign(stmt.target, value);
}

bool Interp::assign(const Target& target, const Value& value) {
    if (target.is_tuple) {
        Items items;
        if (!iterate(value, items)) return false;
        if (items.view().size() != target.parts.size())
            return fail(fmt::format("cannot unpack {} values into {} names", items.view().size(), target.parts.size()));
        for (std::size_t i = 0; i < target.parts.size(); ++i)
            if (!assign(target.parts[i], items.view()[i])) return false;
        return true;
    }
    if (target.attribute.empty()) {
        scope_->set(target.name_id, value);
        return true;
    }
    const Value* object = find_variable(target.name_id);
    if (!object || !object->is(Kind::name_space))
        return fail(fmt::format("cannot assign attribute '{}' of '{}', which is not a namespace", target.attribute,
                                target.name));
    if (target.attribute.starts_with('_')) return fail("a namespace cannot hold names that begin with an underscore");
    object->as<NamespaceObject>().attributes.set(Value::string(target.attribute), value);
    return true;
}

bool Interp::exec_captured(const Body& body, Value& out) {
    std::string text;
    std::string* const output = std::exchange(output_, &text);
    auto inner = make_object<Scope>(scope_);
    const ScopePtr outer = std::exchange(scope_, std::move(inner));
    const bool ok = exec_body(body) != Flow::error;
    scope_ = outer;
    output_ = output;
    return ok && make_string(std::move(text), out);
}

bool Interp::filter_items(const Stmt& stmt, const ScopePtr& parent, const ListView& items, std::vector<Value>& kept) {
    const ScopePtr outer = scope_;
    bool ok = true;
    for (const Value& item : items) {
        scope_ = make_object<Scope>(parent);
        bool chosen = false;
        ok = assign(stmt.target, item) && holds(*stmt.condition, chosen);
        if (!ok) break;
        if (chosen) kept.push_back(item);
    }
    scope_ = outer;
    return ok;
}

bool Interp::run_loop(const Stmt& stmt, ScopePtr parent, const Value& iterable, int depth, std::string* output) {
    struct Restore {
        Interp& interp;
        ScopePtr scope;
        std::string* output;
        ~Restore() {
            interp.scope_ = std::move(scope);
            interp.output_ = output;
            --interp.calls_;
        }
    };
    if (calls_ >= limits_.max_depth) return fail("loops and macros are nested too deep", ErrorCode::resource_exhausted);
    ++calls_;
    const Restore restore{*this, scope_, output_};
    auto loop = make_object<LoopObject>(stmt, parent, depth);
    if (!iterate(iterable, loop->items)) return false;
    if (stmt.condition) {
        std::vector<Value> kept;
        Value list;
        if (!filter_items(stmt, parent, loop->items.view(), kept) || !make_list(std::move(kept), list) ||
            !iterate(list, loop->items))
            return false;
    }
    output_ = output;
    const ListView items = loop->items.view();
    ScopePtr inner;
    for (loop->index = 0; loop->index < items.size(); ++loop->index) {
        if (!charge()) return false;
        scope_.reset();
        if (inner && inner->owners == 1)
            inner->variables.clear();
        else
            inner = make_object<Scope>(parent);
        scope_ = inner;
        if (stmt.names_loop) inner->set(program_.loop_id, Value(Kind::object, loop));
        if (!assign(stmt.target, items[loop->index])) return false;
        const Flow flow = exec_body(stmt.body);
        if (flow == Flow::error) return false;
        if (flow == Flow::break_loop) break;
    }
    if (!items.empty()) return true;
    scope_ = make_object<Scope>(parent);
    // Break and continue cannot stand in an else part, so only errors matter.
    return exec_body(stmt.otherwise) != Flow::error;
}

bool Interp::exec_macro(const Stmt& stmt) {
    auto macro = make_object<MacroObject>();
    macro->name = stmt.signature.name;
    macro->signature = &stmt.signature;
    macro->body = &stmt.body;
    macro->closure = scope_;
    cyclic_.push_back(macro);
    scope_->set(stmt.target.name_id, Value(Kind::callable, std::move(macro)));
    return true;
}

bool Interp::exec_call_block(const Stmt& stmt) {
    auto caller = make_object<MacroObject>();
    caller->name = "caller";
    caller->signature = &stmt.signature;
    caller->body = &stmt.body;
    caller->closure = scope_;
    cyclic_.push_back(caller);
    const Value value(Kind::callable, std::move(caller));
    Value result;
    return eval_call(*stmt.expression, result, &value) && print_value(result);
}

bool Interp::run_macro(const MacroSignature& signature, const Body& body, const ScopePtr& closure, Args& args,
                       Value& out) {
    if (calls_ >= limits_.max_depth) return fail("macros are nested too deep", ErrorCode::resource_exhausted);
    const auto take_keyword = [&args](std::string_view name) -> std::optional<Value> {
        const auto it = std::ranges::find(args.keywords, name, &std::pair<std::string, Value>::first);
        if (it == args.keywords.end()) return std::nullopt;
        Value value = std::move(it->second);
        args.keywords.erase(it);
        return value;
    };
    auto frame = make_object<Scope>(closure);
    const std::size_t count = signature.parameters.size();
    std::vector<std::size_t> missing;
    bool explicit_caller = false;
    for (std::size_t i = 0; i < count; ++i) {
        const auto& [name, id] = signature.parameters[i];
        explicit_caller |= name == "caller";
        if (i < args.positional.size()) {
            frame->set(id, args.positional[i]);
        } else if (auto value = take_keyword(name)) {
            frame->set(id, std::move(*value));
        } else {
            missing.push_back(i);
        }
    }
    if (signature.uses_caller && !explicit_caller) {
        auto value = take_keyword("caller");
        frame->set(signature.caller_id, value ? std::move(*value) : Value::undefined("No caller defined"));
    }
    if (signature.uses_kwargs) {
        auto dict = make_object<DictObject>();
        for (auto& [name, value] : args.keywords)
            if (!set_key(*dict, Value::string(name), std::move(value))) return false;
        Value kwargs;
        if (!make_dict(std::move(dict), kwargs)) return false;
        frame->set(signature.kwargs_id, std::move(kwargs));
    } else if (!args.keywords.empty()) {
        return fail(
            fmt::format("macro '{}' takes no keyword argument '{}'", signature.name, args.keywords.front().first));
    }
    if (signature.uses_varargs) {
        std::vector<Value> rest;
        if (args.positional.size() > count)
            rest.assign(args.positional.begin() + static_cast<std::ptrdiff_t>(count), args.positional.end());
        Value varargs;
        if (!make_list(std::move(rest), varargs, Kind::tuple)) return false;
        frame->set(signature.varargs_id, std::move(varargs));
    } else if (args.positional.size() > count) {
        return fail(fmt::format("macro '{}' takes not more than {} argument(s)", signature.name, count));
    }

    ++calls_;
    std::string text;
    std::string* const output = std::exchange(output_, &text);
    const ScopePtr outer = std::exchange(scope_, std::move(frame));
    bool ok = true;
    const std::size_t first_default = count - signature.defaults.size();
    for (const std::size_t i : missing) {
        Value value;
        if (i >= first_default)
            ok = eval(*signature.defaults[i - first_default], value);
        else
            value = Value::undefined(fmt::format("parameter '{}' was not provided", signature.parameters[i].first));
        if (!ok) break;
        scope_->set(signature.parameters[i].second, std::move(value));
    }
    ok = ok && exec_body(body) != Flow::error;
    scope_ = outer;
    output_ = output;
    --calls_;
    return ok && make_string(std::move(text), out);
}

}  // namespace tenon::text::jinja
