#include "mcp_offer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/describe/class.hpp>

#include "outside_tools.hpp"
#include "tenon/agent/tools.hpp"
#include "tenon/gateway/gateway.hpp"
#include "tenon/rag/answer.hpp"

namespace tenon::app {
namespace {

/// Opened by the first text that is to be embedded: an offer nobody uses costs no memory.
class LazyEmbedder final : public llm::Embedder {
  public:
    LazyEmbedder(Context& context, std::shared_ptr<gateway::Gateway> gateway, std::string name)
        : context_(context), gateway_(std::move(gateway)), name_(std::move(name)) {}
    [[nodiscard]] const std::string& name() const noexcept override { return name_; }
    [[nodiscard]] std::size_t dimension() const override { return 0; }
    [[nodiscard]] task<Result<llm::Embeddings>> embed(std::vector<std::string> texts, llm::EmbedKind kind,
                                                      CallOptions options) override {
        if (gateway_ && gateway_->embeds(name_)) {
            TENON_CO_TRY(const auto routed, gateway_->embedder(name_));
            co_return co_await routed->embed(std::move(texts), kind, std::move(options));
        }
        // The pool keeps the model, or lets it go when its memory is needed.
        TENON_CO_TRY(const auto embedder, co_await context_.embedder_async(name_));
        co_return co_await embedder->embed(std::move(texts), kind, std::move(options));
    }

  private:
    Context& context_;
    const std::shared_ptr<gateway::Gateway> gateway_;
    const std::string name_;
};

task<Result<llm::ChatModelPtr>> open_model(Context& context, std::shared_ptr<gateway::Gateway> gateway) {
    const auto& name = context.settings().chat_model;
    if (gateway && gateway->chats(name)) co_return gateway->chat(name);
    co_return co_await context.chat_model_async(name);
}

struct Question {
    std::string question;
};
BOOST_DESCRIBE_STRUCT(Question, (), (question))

/// What a client gets from `ask_NAME`.
struct Cited {
    std::string source, text;
};
BOOST_DESCRIBE_STRUCT(Cited, (), (source, text))
struct Answer {
    std::string answer;
    bool answerable = false;
    std::vector<Cited> citations;
};
BOOST_DESCRIBE_STRUCT(Answer, (), (answer, answerable, citations))

task<Result<Answer>> ask(Context& context, std::shared_ptr<gateway::Gateway> gateway,
                         std::shared_ptr<const rag::Retriever> retriever, std::string question,
                         mcp::RequestContext request) {
    TENON_CO_TRY(const auto model, co_await open_model(context, std::move(gateway)));
    const rag::Answerer answerer(std::move(retriever), model);
    rag::AnswerOptions options;
    TENON_CO_TRY(auto answer, co_await answerer.answer(std::move(question), options, request.call()));
    Answer out;
    out.answer = std::move(answer.text);
    out.answerable = answer.answerable;
    for (auto& c : answer.citations) out.citations.push_back({std::move(c.source), std::move(c.text)});
    co_return out;
}

mcp::ServerOptions server_options() {
    mcp::ServerOptions options;
    options.instructions = "Tools of Tenon. search_NAME finds passages in a knowledge base; cite their sources.";
    return options;
}

}  // namespace

McpOffer::McpOffer(Context& context, McpOfferOptions options)
    : context_(context), options_(std::move(options)), server_({"tenon", TENON_VERSION, "Tenon"}, server_options()) {}

Result<std::shared_ptr<McpOffer>> McpOffer::make(Context& context, McpOfferOptions options) {
    (void)context.http();
    TENON_CHECK(context.pool());
    if (options.tools.empty()) options.tools.emplace_back("calculator");
    std::shared_ptr<McpOffer> offer(new McpOffer(context, std::move(options)));
    TENON_TRY(offer->store_, context.store());
    TENON_TRY(offer->gateway_, context.gateway());
    for (const auto& tool : offer->options_.tools) TENON_CHECK(offer->add_tool(tool));
    TENON_CHECK(offer->refresh());
    return offer;
}

Result<void> McpOffer::refresh() {
    const std::scoped_lock lock(mutex_);
    auto wanted = options_.bases;
    if (wanted.empty()) {
        TENON_TRY(const auto all, store_->list());
        for (const auto& base : all)
            if (base.problem.empty()) wanted.push_back(base.name);
    }
    for (const auto& name : std::vector<std::string>(offered_))
        if (std::ranges::find(wanted, name) == wanted.end() || !store_->get(name)) remove_base(name);
    for (const auto& name : wanted)
        if (std::ranges::find(offered_, name) == offered_.end()) TENON_CHECK(add_base(name));
    return {};
}

Result<void> McpOffer::add_base(const std::string& name) {
    TENON_TRY(const auto base, store_->get(name));
    TENON_TRY(const auto info, base->info());
    llm::EmbedderPtr embedder;
    if (!info.embedding_model.empty())
        embedder = std::make_shared<LazyEmbedder>(context_, gateway_, info.embedding_model);
    server_.knowledge_base(name, base, embedder);
    offered_.push_back(name);
    if (!options_.ask) return {};
    const auto retriever =
        std::make_shared<const rag::Retriever>(base, embedder, context_.runtime().blocking_executor());
    server_.tool<Question>(
        "ask_" + name, fmt::format("Answers a question from the documents of '{}', with citations", name),
        [this, retriever](Question given, mcp::RequestContext request) {
            return app::ask(context_, gateway_, retriever, std::move(given.question), std::move(request));
        });
    return {};
}

void McpOffer::remove_base(const std::string& name) {
    server_.remove_knowledge_base(name);
    server_.remove_tool("ask_" + name);
    std::erase(offered_, name);
}

Result<void> McpOffer::add_tool(const std::string& given) {
    namespace tools = agent::tools;
    const auto equals = given.find('=');
    const auto name = given.substr(0, equals);
    const auto value = equals == std::string::npos ? std::string() : given.substr(equals + 1);
    if (name == "calculator") {
        server_.with(tools::calculator());
    } else if (name == "fetch") {
        server_.with(tools::fetch(context_.runtime().executor()));
    } else if (name == "python") {
        TENON_TRY(auto sandbox, agent::Sandbox::open());
        server_.with(tools::python(std::move(sandbox), context_.runtime().blocking_executor()));
    } else if (name == "files" && !value.empty()) {
        TENON_TRY(auto files, tools::files(value));
        server_.with(std::move(files));
    } else if (name == "sql" && !value.empty()) {
        TENON_TRY(auto sql, open_sql(context_, value));
        server_.with(std::move(sql));
    } else if (name == "web_search" && !value.empty()) {
        TENON_TRY(auto search, open_web_search(context_, {.provider = value, .url = {}, .key = {}}));
        server_.with(std::move(search));
    } else {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("'{}' is no tool; there are calculator, fetch, python, files=FOLDER, sql=FILE or "
                                "sql=URL, and web_search=PROVIDER",
                                given));
    }
    return {};
}

}  // namespace tenon::app
