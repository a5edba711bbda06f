// Tools: functions a model may call.
//
//     struct Place { std::string city; };
//     BOOST_DESCRIBE_STRUCT(Place, (), (city))
//     auto weather = agent::tool<Place>("weather", "The weather in a city now", [](Place p) { return look_up(p.city);
//     });
#pragma once

#include <chrono>
#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tenon/chain/context.hpp"
#include "tenon/json/reflect.hpp"
#include "tenon/json/schema.hpp"
#include "tenon/llm/message.hpp"

namespace tenon::agent {

/// What a tool is called with beside its arguments.
struct ToolContext : chain::Context {
    std::string call_id{};
    std::string run{};  ///< name of the agent's run; empty outside of one
};

struct ToolOutput {
    std::string text;
    std::vector<llm::ImagePart> images{};
    bool is_error = false;  ///< the model is told that it failed, and may try something else
};

struct ToolPolicy {
    std::chrono::milliseconds timeout{60'000};
    bool approval = false;                                 ///< a person must agree to each call
    bool concurrent = true;                                ///< may run beside other calls of the same answer
    bool is_answer = false;                                ///< its output ends the run, as the answer
    std::size_t max_output_bytes = std::size_t{64} << 10;  ///< the rest is cut, and the model is told
};

/// Takes the arguments as JSON text that has been held to the schema.
using ToolFunction = std::function<task<Result<ToolOutput>>(std::string arguments_json, ToolContext)>;

/// A function with a name, a description and a schema. Immutable, cheap to copy, thread-safe if its function is.
class Tool {
  public:
    /// From a schema known at run time (an MCP server's, say). Errors: invalid_argument (a name that is not letters,
    /// digits, _ and -, at most 64 of them; a schema that is not one).
    [[nodiscard]] static Result<Tool> make(llm::ToolDefinition definition, ToolFunction function,
                                           ToolPolicy policy = {});

    [[nodiscard]] const std::string& name() const noexcept;
    [[nodiscard]] const llm::ToolDefinition& definition() const noexcept;
    [[nodiscard]] const ToolPolicy& policy() const noexcept;
    /// The same tool under other terms.
    [[nodiscard]] Tool with_policy(ToolPolicy policy) const;
    [[nodiscard]] Tool renamed(std::string name) const;

    /// Why these arguments will not do, in words the model can act upon; nothing when they will.
    [[nodiscard]] std::optional<std::string> fault_in(std::string_view arguments_json) const;
    /// Runs it within its time. What goes wrong in it (bad arguments, its errors, its time-out) is a result that says
    /// so, for the model to read. Errors: cancelled and deadline_exceeded, of the context only. A tool that does not
    /// stop when told to goes on by itself, unheard.
    [[nodiscard]] task<Result<llm::ToolResultPart>> call(llm::ToolCallPart call, ToolContext context) const;

  private:
    struct Impl;
    explicit Tool(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
    friend Tool detail_make_tool(llm::ToolDefinition, ToolFunction, ToolPolicy);
    std::shared_ptr<const Impl> impl_;
};

/// For definitions known to be right when the program is compiled. Not to be called by others.
[[nodiscard]] Tool detail_make_tool(llm::ToolDefinition definition, ToolFunction function, ToolPolicy policy);

namespace detail {

template <class T>
struct Unwrap {
    using type = T;
    static constexpr bool result = false, is_task = false;
};
template <class T>
struct Unwrap<Result<T>> {
    using type = T;
    static constexpr bool result = true, is_task = false;
};
template <class T>
struct Unwrap<task<T>> {
    using type = typename Unwrap<T>::type;
    static constexpr bool result = Unwrap<T>::result, is_task = true;
};

template <class T>
ToolOutput to_output(T&& value) {
    using Value = std::remove_cvref_t<T>;
    if constexpr (std::same_as<Value, ToolOutput>)
        return std::forward<T>(value);
    else if constexpr (std::convertible_to<T, std::string>)
        return {std::string(std::forward<T>(value))};
    else
        return {json::to_text(value)};
}

template <class Params, class F>
constexpr bool takes_context = std::invocable<F&, Params, ToolContext>;

/// A coroutine of its own, so that the function and the arguments live as long as it runs.
template <class Params, class F>
task<Result<ToolOutput>> run_tool(std::shared_ptr<F> function, std::string arguments, ToolContext context) {
    TENON_CO_TRY(Params params, json::from_text<Params>(arguments));
    const auto invoke = [&]() -> decltype(auto) {
        if constexpr (takes_context<Params, F>)
            return (*function)(std::move(params), std::move(context));
        else
            return (*function)(std::move(params));
    };
    using Returned = decltype(invoke());
    using Unwrapped = Unwrap<std::remove_cvref_t<Returned>>;
    if constexpr (Unwrapped::is_task) {
        auto out = co_await invoke();
        if constexpr (Unwrapped::result) {
            if (!out) co_return std::unexpected(std::move(out).error());
            co_return to_output(std::move(*out));
        } else {
            co_return to_output(std::move(out));
        }
    } else if constexpr (Unwrapped::result) {
        auto out = invoke();
        if (!out) co_return std::unexpected(std::move(out).error());
        co_return to_output(std::move(*out));
    } else {
        co_return to_output(invoke());
    }
}

}  // namespace detail

/// A function of one described struct, and if it likes a ToolContext, as a tool. It returns text, a ToolOutput or any
/// type json::to_text takes, as it is, in a Result, in a task or in both. A function that blocks belongs on a thread of
/// its own: see blocking_tool.
template <class Params, class F>
    requires(std::invocable<F&, Params> || std::invocable<F&, Params, ToolContext>)
[[nodiscard]] Tool tool(std::string name, std::string description, F function, ToolPolicy policy = {}) {
    auto shared = std::make_shared<F>(std::move(function));
    return detail_make_tool(
        {std::move(name), std::move(description), json::schema_text<Params>()},
        [shared](std::string arguments, ToolContext context) {
            return detail::run_tool<Params, F>(shared, std::move(arguments), std::move(context));
        },
        policy);
}

/// Several tools under their names. Not thread-safe while being filled.
class Toolbox {
  public:
    /// Errors: already_exists (two tools of one name).
    [[nodiscard]] Result<void> add(Tool tool);
    [[nodiscard]] const Tool* find(std::string_view name) const noexcept;
    [[nodiscard]] const std::vector<Tool>& all() const noexcept { return tools_; }
    [[nodiscard]] std::vector<llm::ToolDefinition> definitions() const;
    /// As Tool::call; a call of a tool that is not here is a result that names those that are.
    [[nodiscard]] task<Result<llm::ToolResultPart>> call(llm::ToolCallPart call, ToolContext context) const;

  private:
    std::vector<Tool> tools_;
};

}  // namespace tenon::agent
