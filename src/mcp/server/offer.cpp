// Tenon's own things as tools and resources of a server: agent tools, agents, knowledge bases.
#include <fmt/format.h>

#include <boost/describe/class.hpp>
#include <boost/json.hpp>
#include <sstream>

#include "tenon/agent/tools.hpp"
#include "tenon/mcp/server.hpp"
#include "tenon/net/url.hpp"

namespace tenon::mcp {
namespace {

/// Nothing: go ahead.
task<Result<std::optional<ToolResult>>> approval(agent::Tool tool, std::string arguments, RequestContext context) {
    if (!context.client_can().elicitation_form)
        co_return ToolResult::error(
            fmt::format("{} runs only when the user agrees, and this client cannot ask", tool.name()));
    ElicitRequest question;
    question.message = fmt::format("Run {} with {}?", tool.name(), arguments.empty() ? "{}" : arguments);
    question.schema = R"({"type":"object","properties":{"run":{"type":"boolean","title":"Run it","default":true}}})";
    TENON_CO_TRY(const auto answer, co_await context.elicit(std::move(question), "approve"));
    bool yes = answer.action == ElicitResult::Action::accept;
    if (yes && !answer.content.empty())
        if (const auto form = json::parse(answer.content)) yes = json::bool_or(*form, "run", true);
    if (!yes) co_return ToolResult::error(fmt::format("the user did not agree to run {}", tool.name()));
    co_return std::optional<ToolResult>();
}

task<Result<ToolResult>> call(agent::Tool tool, std::string arguments, RequestContext context) {
    if (tool.policy().approval) {
        TENON_CO_TRY(auto refused, co_await approval(tool, arguments, context));
        if (refused) co_return std::move(*refused);
    }
    agent::ToolContext around;
    around.options = context.call();
    llm::ToolCallPart part;
    part.id = "mcp";
    part.name = tool.name();
    part.arguments_json = std::move(arguments);
    TENON_CO_TRY(auto result, co_await tool.call(std::move(part), std::move(around)));
    ToolResult out;
    out.is_error = result.is_error;
    if (!result.content.empty() || result.images.empty())
        out.content.emplace_back(TextContent{std::move(result.content)});
    for (auto& image : result.images) {
        if (!image.bytes.empty())
            out.content.emplace_back(ImageContent{std::move(image.bytes), std::move(image.media_type)});
        else if (!image.url.empty())
            out.content.emplace_back(ResourceLink{Resource{image.url, image.url}});
    }
    co_return out;
}

struct Task {
    std::string task;
};
BOOST_DESCRIBE_STRUCT(Task, (), (task))
constexpr auto describe_fields(const Task*) {
    return json::fields(json::about(&Task::task, {.description = "what is to be done, or the question"}));
}

task<Result<ToolResult>> run(agent::Agent agent, std::string request, RequestContext context) {
    agent::RunOptions options;
    options.call = context.call();
    auto run = agent.run(std::move(request), std::move(options));
    double steps = 0;
    while (auto step = co_await run.next()) {
        if (auto* answer = std::get_if<agent::Answer>(&*step)) {
            if (answer->outcome == agent::Outcome::answered) co_return ToolResult::text(std::move(answer->text));
            co_return ToolResult::error(fmt::format("{} gave no answer: {}", agent.name(), to_string(answer->outcome)));
        }
        if (std::holds_alternative<agent::TextStep>(*step) || std::holds_alternative<agent::ThoughtStep>(*step))
            continue;
        std::ostringstream line;
        line << *step;
        auto text = std::move(line).str();
        while (text.ends_with('\n')) text.pop_back();
        while (text.starts_with('\n')) text.erase(0, 1);
        context.progress(++steps, std::nullopt, std::move(text));
    }
    if (run.error()) co_return std::unexpected(*run.error());
    co_return fail(ErrorCode::internal, "the run ended without an answer");
}

std::string uri_of(const std::string& base, const std::string& source) {
    return fmt::format("kb://{}/{}", net::percent_encode(base), net::percent_encode(source));
}

std::string search_tool(const std::string& base) {
    std::string out = "search_" + base;
    for (auto& c : out)
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            c = '_';
    if (out.size() > 64) out.resize(64);
    return out;
}

std::string documents_template(const std::string& base) {
    return fmt::format("kb://{}/{{+source}}", net::percent_encode(base));
}

}  // namespace

void Server::add(agent::Tool tool) {
    ToolInfo info;
    info.name = tool.name();
    info.description = tool.definition().description;
    info.input_schema = tool.definition().parameters_schema;
    this->tool(std::move(info), [tool](std::string arguments, RequestContext context) {
        return call(tool, std::move(arguments), std::move(context));
    });
}
void Server::add(std::vector<agent::Tool> tools) {
    for (auto& tool : tools) add(std::move(tool));
}
void Server::add(agent::Agent agent) {
    const auto as_tool = agent.as_tool();
    ToolInfo info;
    info.name = as_tool.name();
    info.description = as_tool.definition().description;
    info.input_schema = json::schema_text<Task>();
    tool(std::move(info), [agent](std::string arguments, RequestContext context) -> task<Result<ToolResult>> {
        TENON_CO_TRY(Task given, json::from_text<Task>(arguments));
        co_return co_await run(agent, std::move(given.task), std::move(context));
    });
}

Server& Server::knowledge_base(const std::string& name, std::shared_ptr<store::KnowledgeBase> base,
                               llm::EmbedderPtr embedder) {
    add(agent::tools::retrieval(base, std::move(embedder),
                                fmt::format("Searches the documents of the knowledge base '{}' and gives the passages "
                                            "that fit best, with their sources",
                                            name))
            .renamed(search_tool(name)));

    ResourceTemplate documents;
    documents.uri_template = documents_template(name);
    documents.name = name;
    documents.description = fmt::format("A document of the knowledge base '{}'", name);
    documents.media_type = "text/plain";
    auto read = [base](std::string uri, std::map<std::string, std::string> variables,
                       RequestContext) -> task<Result<std::vector<ResourceContents>>> {
        TENON_CO_TRY(auto document, base->document(variables["source"]));
        std::vector<ResourceContents> out;
        out.push_back({std::move(uri), "text/plain", std::move(document.text), false});
        co_return out;
    };
    auto list = [base, name]() -> Result<std::vector<Resource>> {
        TENON_TRY(const auto stored, base->list());
        std::vector<Resource> out;
        for (const auto& d : stored) {
            Resource resource;
            resource.uri = uri_of(name, d.source);
            resource.name = d.source;
            resource.title = d.title;
            resource.media_type = "text/plain";
            out.push_back(std::move(resource));
        }
        return out;
    };
    return resource(std::move(documents), std::move(read), std::move(list));
}

bool Server::remove_knowledge_base(const std::string& name) {
    const bool searched = remove_tool(search_tool(name));
    return remove_resource(documents_template(name)) || searched;
}

}  // namespace tenon::mcp
