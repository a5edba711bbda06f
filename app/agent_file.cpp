#include "agent_file.hpp"

#include <fmt/format.h>

// One mode in the whole program (hub's too): toml++'s two modes share symbols.
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>
#include <set>

#include "tenon/base/file.hpp"

namespace tenon::app {
namespace {

/// Takes keys out of a table; the first thing that is wrong, also a key nobody took, is the error of `end`.
class Section {
  public:
    Section(const toml::table& table, const std::filesystem::path& path, std::string name)
        : table_(table), path_(path), name_(std::move(name)) {}

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    const toml::node* node(std::string_view key) {
        taken_.emplace(key);
        return table_.get(key);
    }
    void wrong(const toml::node& at, std::string_view key, std::string_view wanted) {
        if (error_) return;
        const std::string whole = name_.empty() ? std::string(key) : fmt::format("{}.{}", name_, key);
        error_ = Error(ErrorCode::invalid_argument,
                       fmt::format("{}:{}: {} {}", path_.string(), at.source().begin.line, whole, wanted));
    }
    void text(std::string_view key, std::string& into) {
        if (const auto* n = node(key)) {
            if (const auto value = n->value<std::string>())
                into = *value;
            else
                wrong(*n, key, "must be a string");
        }
    }
    void path(std::string_view key, std::filesystem::path& into) {
        std::string value;
        text(key, value);
        if (!value.empty()) into = beside(value);
    }
    void flag(std::string_view key, bool& into) {
        if (const auto* n = node(key)) {
            if (n->is_boolean())
                into = n->as_boolean()->get();
            else
                wrong(*n, key, "must be true or false");
        }
    }
    template <class T>
    void count(std::string_view key, T& into, std::int64_t least, std::int64_t most) {
        if (const auto* n = node(key)) {
            const auto value = n->value_exact<std::int64_t>();
            if (value && *value >= least && *value <= most)
                into = static_cast<T>(*value);
            else
                wrong(*n, key, fmt::format("must be a whole number from {} to {}", least, most));
        }
    }
    void texts(std::string_view key, std::vector<std::string>& into) {
        const auto* n = node(key);
        if (n == nullptr) return;
        const auto* array = n->as_array();
        if (array == nullptr) return wrong(*n, key, "must be a list of strings");
        for (const auto& item : *array) {
            const auto value = item.value<std::string>();
            if (!value) return wrong(item, key, "must be a list of strings");
            into.push_back(*value);
        }
    }
    void paths(std::string_view key, std::vector<std::filesystem::path>& into) {
        std::vector<std::string> given;
        texts(key, given);
        for (const auto& one : given) into.push_back(beside(one));
    }
    [[nodiscard]] std::filesystem::path beside(const std::string& given) const { return path_.parent_path() / given; }
    void fail_with(const Result<void>& inner) {
        if (!error_ && !inner) error_ = inner.error();
    }
    [[nodiscard]] Result<void> end() {
        if (!error_)
            for (const auto& [key, value] : table_)
                if (!taken_.contains(std::string(key.str()))) {
                    std::string all;
                    for (const auto& name : taken_) all += (all.empty() ? "" : ", ") + name;
                    wrong(value, key.str(), fmt::format("is no setting here; there are {}", all));
                    break;
                }
        if (error_) return std::unexpected(*error_);
        return {};
    }

  private:
    const toml::table& table_;
    const std::filesystem::path& path_;
    std::string name_;
    std::set<std::string> taken_;
    std::optional<Error> error_;
};

/// Something that is `true`, a text (what a tool works on), or a table.
template <class FromText, class FromTable>
void either(Section& section, std::string_view key, FromText from_text, FromTable from_table,
            const std::filesystem::path& path, std::string_view wanted) {
    const auto* n = section.node(key);
    if (n == nullptr) return;
    if (const auto* table = n->as_table()) {
        Section inner(*table, path, fmt::format("{}.{}", section.name(), key));
        from_table(inner);
        section.fail_with(inner.end());
    } else if (!from_text(*n)) {
        section.wrong(*n, key, wanted);
    }
}

Result<void> read_tools(const toml::table& table, AgentFile& out) {
    auto& t = out.tools;
    Section tools(table, out.path, "tools");
    tools.flag("calculator", t.calculator);
    tools.flag("python", t.python);
    tools.flag("shell", t.shell);
    tools.texts("search", t.search);
    either(
        tools, "fetch",
        [&](const toml::node& n) {
            if (!n.is_boolean()) return false;
            t.fetch = n.as_boolean()->get();
            return true;
        },
        [&](Section& inner) {
            t.fetch = true;
            inner.texts("hosts", t.fetch_hosts);
        },
        out.path, "must be true, or { hosts = [\"example.org\"] }");
    const auto place = [&](std::filesystem::path& into) {
        return [&](const toml::node& n) {
            const auto value = n.value<std::string>();
            if (value) into = tools.beside(*value);
            return value.has_value();
        };
    };
    either(
        tools, "files", place(t.files),
        [&](Section& inner) {
            inner.path("folder", t.files);
            inner.flag("write", t.files_write);
        },
        out.path, "must be a folder, or { folder = \"…\", write = true }");
    const auto database = [&](std::string given) {
        t.sql = given.empty() || is_postgres(given) ? given : tools.beside(given).string();
    };
    either(
        tools, "sql",
        [&](const toml::node& n) {
            const auto value = n.value<std::string>();
            if (value) database(*value);
            return value.has_value();
        },
        [&](Section& inner) {
            std::string given;
            inner.text("database", given);
            database(std::move(given));
            inner.flag("write", t.sql_write);
        },
        out.path, "must be a SQLite file or a postgresql:// URL, or { database = \"…\", write = true }");
    either(
        tools, "web_search",
        [&](const toml::node& n) {
            const auto value = n.value<std::string>();
            if (value) t.web_search.provider = *value;
            return value.has_value();
        },
        [&](Section& inner) {
            inner.text("provider", t.web_search.provider);
            inner.text("url", t.web_search.url);
            inner.text("key", t.web_search.key);
            inner.count("results", t.web_search.results, 1, 20);
        },
        out.path, "must be searxng, brave or tavily, or { provider = \"searxng\", url = \"…\" }");
    return tools.end();
}

Result<void> read_server(const toml::table& table, AgentFile& out) {
    AgentServer server;
    Section s(table, out.path, "mcp");
    s.text("name", server.name);
    s.texts("command", server.command);
    s.text("url", server.url);
    s.text("token", server.token);
    either(
        s, "auth",
        [&](const toml::node& n) {
            server.login.browser = n.value_or(false);
            return n.is_boolean();
        },
        [&](Section& inner) {
            auto& login = server.login;
            inner.flag("as_client", login.as_client);
            inner.text("client_id", login.client_id);
            inner.text("client_secret", login.client_secret);
            std::filesystem::path key;
            inner.path("client_key", key);
            login.client_key = key.string();
            inner.text("scope", login.scope);
            inner.count("redirect_port", login.redirect_port, 0, 65535);
            login.browser = !login.as_client;
        },
        out.path, "must be true, or { client_id = \"…\", scope = \"…\" }");
    s.texts("tools", server.only);
    s.flag("approve", server.approve);
    if (const auto* n = s.node("environment")) {
        const auto* variables = n->as_table();
        if (variables == nullptr) {
            s.wrong(*n, "environment", "must be a table of strings");
        } else {
            for (const auto& [key, value] : *variables) {
                if (const auto text = value.value<std::string>())
                    server.environment.emplace_back(std::string(key.str()), *text);
                else
                    s.wrong(value, "environment", "must be a table of strings");
            }
        }
    }
    TENON_CHECK(s.end());
    if (server.command.empty() == server.url.empty())
        return fail(ErrorCode::invalid_argument, fmt::format("{}:{}: an MCP server has either a command or a url",
                                                             out.path.string(), table.source().begin.line));
    out.servers.push_back(std::move(server));
    return {};
}

Result<void> read_memory(const toml::table& table, AgentFile& out) {
    Section memory(table, out.path, "memory");
    memory.flag("conversation", out.memory.conversation);
    memory.flag("summarise", out.memory.summarise);
    memory.flag("facts", out.memory.facts);
    memory.flag("past", out.memory.past);
    memory.count("max_tokens", out.memory.max_tokens, 1, 1'000'000);
    return memory.end();
}

Result<void> read_plan(const toml::table& table, AgentFile& out) {
    Section plan(table, out.path, "plan");
    auto& p = out.plan.emplace();
    plan.text("model", p.model);
    plan.text("instructions", p.instructions);
    plan.count("rounds", p.rounds, 1, 100);
    plan.count("steps_per_task", p.steps_per_task, 1, 1000);
    return plan.end();
}

Result<void> read_limits(const toml::table& table, AgentFile& out) {
    Section limits(table, out.path, "limits");
    limits.count("steps", out.limits.steps, 1, 1000);
    limits.count("tool_calls", out.limits.tool_calls, 0, 10'000);
    limits.count("tokens", out.limits.tokens, 1, 1'000'000'000);
    limits.count("answer_tokens", out.limits.answer_tokens, 1, 1'000'000);
    limits.count("summarise_above", out.limits.summarise_above, 100, 10'000'000);
    std::int64_t seconds = 0;
    limits.count("seconds", seconds, 1, 86'400 * 7);
    out.limits.time = std::chrono::seconds(seconds);
    return limits.end();
}

}  // namespace

Result<AgentFile> read_agent_file(const std::filesystem::path& path) {
    TENON_TRY(const std::string text, read_file(path, std::size_t{1} << 20));
    const auto parsed = toml::parse(text);
    if (!parsed)
        return fail(
            ErrorCode::invalid_argument,
            fmt::format("{}:{}: {}", path.string(), parsed.error().source().begin.line, parsed.error().description()));
    AgentFile out;
    out.path = path;
    out.name = path.stem().string();
    Section top(parsed.table(), out.path, "");
    top.text("name", out.name);
    top.text("description", out.description);
    top.text("model", out.model);
    top.text("instructions", out.instructions);
    top.text("protocol", out.protocol);
    top.texts("approve", out.approve);
    top.paths("workers", out.workers);
    top.paths("hands_to", out.hands_to);
    if (const auto* n = top.node("temperature")) {
        out.temperature = n->value<double>();
        if (!out.temperature || *out.temperature < 0 || *out.temperature > 2)
            top.wrong(*n, "temperature", "must be a number from 0 to 2");
    }
    if (const auto* n = top.node("protocol");
        n != nullptr && out.protocol != "auto" && out.protocol != "native" && out.protocol != "react")
        top.wrong(*n, "protocol", "must be auto, native or react");
    for (const auto& [key, read] : {std::pair{"tools", &read_tools}, std::pair{"memory", &read_memory},
                                    std::pair{"limits", &read_limits}, std::pair{"plan", &read_plan}}) {
        const auto* n = top.node(key);
        if (n == nullptr) continue;
        if (const auto* table = n->as_table())
            top.fail_with(read(*table, out));
        else
            top.wrong(*n, key, fmt::format("must be a table, [{}]", key));
    }
    if (const auto* n = top.node("kind")) {
        const auto kind = n->value<std::string>();
        if (kind == "plan") {
            if (!out.plan) out.plan.emplace();
        } else if (kind != "tools" || out.plan) {
            top.wrong(*n, "kind", "must be plan, or tools (and then there is no [plan])");
        }
    }
    if (const auto* n = top.node("mcp")) {
        const auto* array = n->as_array();
        if (array == nullptr || !array->is_homogeneous<toml::table>())
            top.wrong(*n, "mcp", "must be tables, [[mcp]]");
        else
            for (const auto& server : *array) top.fail_with(read_server(*server.as_table(), out));
    }
    TENON_CHECK(top.end());
    return out;
}

}  // namespace tenon::app
