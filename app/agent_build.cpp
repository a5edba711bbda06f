#include "agent_build.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "knowledge.hpp"
#include "tenon/agent/middleware.hpp"
#include "tenon/agent/protocol.hpp"
#include "tenon/agent/tools.hpp"
#include "tenon/mcp/client.hpp"
#include "tenon/store/notebook.hpp"
#include "terminal.hpp"

namespace tenon::app {
namespace {

class Builder {
  public:
    Builder(Context& context, bool ask_for_nothing) : context_(context), ask_for_nothing_(ask_for_nothing) {}

    Result<BuiltAgent> build(const AgentFile& file) {
        std::error_code ignored;
        const auto place = std::filesystem::weakly_canonical(file.path, ignored).string();
        if (!under_way_.insert(place).second)
            return fail(ErrorCode::invalid_argument,
                        fmt::format("{} refers to itself through its workers or hands_to", file.path.string()));
        TENON_TRY(const auto model, context_.chat_model(file.model));
        BuiltAgent out{agent::Agent(model), model, {}, nullptr};
        out.agent.named(file.name, file.description).instructions(file.instructions);
        if (file.plan) {
            agent::PlanOptions plan;
            if (!file.plan->model.empty()) {
                TENON_TRY(plan.planner, context_.chat_model(file.plan->model));
            }
            plan.instructions = file.plan->instructions;
            plan.rounds = file.plan->rounds;
            plan.steps_per_task = file.plan->steps_per_task;
            out.agent.plans(std::move(plan));
        }
        if (file.protocol == "native") out.agent.speaks(agent::native_tools());
        if (file.protocol == "react") out.agent.speaks(agent::react());
        tools_.clear();
        TENON_CHECK(own_tools(file));
        TENON_CHECK(bases(file));
        TENON_CHECK(servers(file));
        std::vector<agent::Tool> mine = std::move(tools_);
        for (const auto& worker : file.workers) {
            TENON_TRY(const auto described, read_agent_file(worker));
            TENON_TRY(const auto built, build(described));
            mine.push_back(built.agent.as_tool());
        }
        for (const auto& tool : mine) out.tools.push_back(tool.name());
        for (const auto& name : file.approve)
            if (name != "*" && std::ranges::find(out.tools, name) == out.tools.end())
                return fail(ErrorCode::invalid_argument,
                            fmt::format("{}: approve names '{}', which is none of its tools: {}", file.path.string(),
                                        name, fmt::join(out.tools, ", ")));
        for (auto& tool : mine) out.agent.with(under_approval(std::move(tool), file));
        for (const auto& other : file.hands_to) {
            TENON_TRY(const auto described, read_agent_file(other));
            TENON_TRY(auto built, build(described));
            out.agent.hands_off_to(std::move(built.agent));
        }
        limits(file, out);
        TENON_CHECK(memory(file, out));
        under_way_.erase(place);
        return out;
    }

  private:
    agent::Tool under_approval(agent::Tool tool, const AgentFile& file) const {
        auto policy = tool.policy();
        for (const auto& name : file.approve) policy.approval |= name == "*" || name == tool.name();
        if (ask_for_nothing_) policy.approval = false;
        return tool.with_policy(policy);
    }
    /// What changes something asks first.
    static agent::Tool careful(agent::Tool tool) {
        auto policy = tool.policy();
        policy.approval = true;
        return tool.with_policy(policy);
    }

    Result<void> own_tools(const AgentFile& file) {
        namespace tools = agent::tools;
        const auto& t = file.tools;
        if (t.calculator) tools_.push_back(tools::calculator());
        if (t.python || t.shell) {
            TENON_TRY(const auto sandbox, agent::Sandbox::open());
            const auto blocking = context_.runtime().blocking_executor();
            if (t.python) tools_.push_back(tools::python(sandbox, blocking));
            if (t.shell) tools_.push_back(careful(tools::shell(sandbox, blocking)));
        }
        if (t.fetch) {
            tools::FetchOptions options;
            options.hosts = t.fetch_hosts;
            tools_.push_back(tools::fetch(context_.runtime().executor(), std::move(options)));
        }
        if (!t.web_search.provider.empty()) {
            TENON_TRY(auto search, open_web_search(context_, t.web_search));
            tools_.push_back(std::move(search));
        }
        if (!t.files.empty()) {
            tools::FilesOptions options;
            options.write = t.files_write;
            TENON_TRY(auto files, tools::files(t.files, options));
            for (auto& tool : files)
                tools_.push_back(tool.name() == "write_file" ? careful(std::move(tool)) : std::move(tool));
        }
        if (!t.sql.empty()) {
            tools::SqlOptions options;
            options.read_only = !t.sql_write;
            TENON_TRY(auto sql, open_sql(context_, t.sql, options));
            for (auto& tool : sql)
                tools_.push_back(t.sql_write && tool.name() == "sql_query" ? careful(std::move(tool))
                                                                           : std::move(tool));
        }
        return {};
    }

    Result<void> bases(const AgentFile& file) {
        for (const auto& name : file.tools.search) {
            TENON_TRY(const auto base, open_base(context_, name));
            auto tool = agent::tools::retrieval(base.base, base.embedder,
                                                fmt::format("Finds passages in the documents '{}'", name));
            tools_.push_back(file.tools.search.size() > 1 ? tool.renamed("search_" + name) : std::move(tool));
        }
        return {};
    }

    Result<void> servers(const AgentFile& file) {
        for (const auto& server : file.servers) {
            mcp::ClientOptions options;
            options.about = {"tenon", TENON_VERSION};
            Result<mcp::ClientPtr> client = fail(ErrorCode::internal, "not connected");
            const std::string what = server.name.empty() ? server.url : server.name;
            if (server.url.empty()) {
                mcp::Command command{server.command, server.environment};
                command.folder = file.path.parent_path().string();
                client = sync_wait(context_.runtime(), mcp::connect(std::move(command), std::move(options)));
            } else {
                mcp::Endpoint endpoint{server.url, server.token};
                if (server.token.empty()) {
                    TENON_TRY(endpoint.authorize, open_login(context_, server.login));
                    options.connect_timeout = connect_time(server.login);
                }
                client = sync_wait(context_.runtime(),
                                   mcp::connect(std::move(endpoint), context_.http(), std::move(options)));
            }
            if (!client)
                return fail(client.error().code(),
                            fmt::format("MCP server {}: {}", what.empty() ? server.command.front() : what,
                                        client.error().describe()));
            mcp::ToolsOptions wanted;
            if (!server.name.empty() && file.servers.size() > 1) wanted.prefix = server.name + "_";
            if (server.approve) wanted.needs_approval = [](const mcp::ToolInfo&) { return true; };
            TENON_TRY(auto tools, sync_wait(context_.runtime(), mcp::tools_of(*client, std::move(wanted))));
            std::vector<std::string> missing = server.only;
            for (auto& tool : tools) {
                std::erase(missing, tool.name());
                if (server.only.empty() || std::ranges::find(server.only, tool.name()) != server.only.end())
                    tools_.push_back(std::move(tool));
            }
            if (!missing.empty())
                return fail(ErrorCode::not_found, fmt::format("MCP server {} has no tool '{}'", what, missing.front()));
        }
        return {};
    }

    static void limits(const AgentFile& file, BuiltAgent& out) {
        const auto& l = file.limits;
        out.agent.limit(agent::StepLimit{l.steps}, agent::ToolCallLimit{l.tool_calls});
        if (l.tokens > 0) out.agent.limit(agent::TokenLimit{l.tokens});
        if (l.time.count() > 0) out.agent.limit(std::chrono::milliseconds(l.time));
        if (l.summarise_above > 0) {
            agent::SummariseOptions options;
            options.above_tokens = l.summarise_above;
            options.keep_tokens = l.summarise_above / 3;
            out.agent.with(agent::summarise(out.model, options));
        }
        out.agent.with(agent::retry_model());
    }

    Result<void> memory(const AgentFile& file, BuiltAgent& out) {
        const auto& m = file.memory;
        if (!m.conversation && !m.facts && !m.past) return {};
        std::error_code ignored;
        const auto folder = context_.settings().home / "agents";
        std::filesystem::create_directories(folder, ignored);
        TENON_TRY(const auto notebook, store::Notebook::open(folder / "memory.db"));
        std::vector<agent::MemoryPtr> all;
        if (m.conversation) {
            agent::ConversationOptions options;
            options.max_tokens = m.max_tokens;
            options.summarise = m.summarise;
            all.push_back(agent::conversation_memory(notebook, out.model, options));
        }
        if (m.facts) all.push_back(agent::fact_memory(notebook, out.model));
        if (m.past) {
            TENON_TRY(const auto embedder, context_.embedder(""));
            all.push_back(agent::vector_memory(notebook, embedder));
        }
        out.memory = all.size() == 1 ? all.front() : agent::memories(std::move(all));
        out.agent.remembers(out.memory);
        return {};
    }

    Context& context_;
    bool ask_for_nothing_;
    std::set<std::string> under_way_;
    std::vector<agent::Tool> tools_;
};

}  // namespace

Result<BuiltAgent> build_agent(Context& context, const AgentFile& file, bool ask_for_nothing) {
    return Builder(context, ask_for_nothing).build(file);
}

}  // namespace tenon::app
