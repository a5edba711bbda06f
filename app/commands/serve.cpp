// tenon serve: the API and the console.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <ctime>

#include "gateway.hpp"
#include "knowledge.hpp"
#include "mcp_offer.hpp"
#include "options.hpp"
#include "tenon/hub/registry.hpp"
#include "tenon/model/model.hpp"
#include "tenon/provider/model_pool.hpp"
#include "tenon/provider/open.hpp"
#include "tenon/serve/server.hpp"

namespace tenon::app {
namespace {

struct Options {
    std::string host;
    int port = -1;
    RemoteFlags remote;
    EngineFlags engine;
    std::vector<std::string> keys, origins, adapters;
    std::string memory;
    std::uint64_t max_tokens = 0;
    std::int64_t time_limit = 0, max_body_mib = 0, max_upload_mib = 0;
    bool quiet = false, allow_remote = false, allow_adapters = false;
    std::vector<std::string> mcp_bases, mcp_tools;
    bool no_mcp = false, mcp_ask = false;
};

void declare(CommandLine& sub, Options& o) {
    sub.add_option("--host", o.host, "address to listen on (127.0.0.1); 0.0.0.0 opens it to the network");
    sub.add_option("--port,-p", o.port, "port (8080); 0 picks a free one")->check(in_range(0, 65535));
    o.remote.declare(sub);
    o.engine.declare(sub);
    sub.add_option("--key", o.keys, "API key clients must show (repeatable; better in TENON_SERVER_KEYS)");
    sub.add_option("--cors-origin", o.origins, "web origin that may call the API; * for any (repeatable)");
    sub.add_option("--max-tokens", o.max_tokens, "most tokens a request may ask for (4096)")->check(positive());
    sub.add_option("--time-limit", o.time_limit, "seconds a request may take (600)")->check(positive());
    sub.add_option("--max-body", o.max_body_mib, "MiB a JSON request may have (16)")->check(positive());
    sub.add_option("--max-upload", o.max_upload_mib, "MiB an upload of documents may have (1024)")->check(positive());
    sub.add_flag(
        "--allow-remote", o.allow_remote,
        "let clients name any PROVIDER:NAME and spend this server's key on it, not only the one it was started with");
    sub.add_option("--lora,--lora-modules", o.adapters,
                   "NAME=PATH: a low-rank adapter of the chat model that requests ask for by NAME (repeatable); "
                   "NAME=PATH@MODEL of another model");
    sub.add_flag("--allow-lora-loading", o.allow_adapters,
                 "let clients load adapters from this machine's files: /v1/load_lora_adapter");
    sub.add_option("--mcp-from", o.mcp_bases, "knowledge base that /mcp offers (repeatable); without it, every one");
    sub.add_option("--mcp-tool", o.mcp_tools,
                   "tool that /mcp offers, as `tenon mcp serve --tool` has them (repeatable); without it, calculator");
    sub.add_flag("--mcp-ask", o.mcp_ask, "/mcp also answers questions from each base, with citations");
    sub.add_flag("--no-mcp", o.no_mcp, "no /mcp");
    sub.add_flag("--quiet,-q", o.quiet, "log nothing");
}

std::int64_t parse_time(const std::string& rfc3339) {
    std::tm parts{};
    if (::strptime(rfc3339.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return 0;
    return static_cast<std::int64_t>(::timegm(&parts));
}

bool has_adapter(const provider::ModelPool& pool, std::string_view name) {
    const auto all = pool.adapters();
    return std::ranges::any_of(all, [&](const auto& entry) { return entry.first == name; });
}

/// Requests name installed models and what the settings and knowledge bases name; other remote models only where the
/// owner allows it, for their calls are on the owner's key. A path is no name: over HTTP it would let anyone probe the
/// machine's files.
struct Gate {
    const hub::Registry* registry;
    std::shared_ptr<store::Store> store;
    std::shared_ptr<provider::ModelPool> pool;
    const Settings* settings;
    bool allow_remote;

    [[nodiscard]] Result<void> check(const std::string& name) const {
        if (name == settings->chat_model || name == settings->embedding_model) return {};
        const bool remote = provider::parse_model_name(name).preset.has_value();
        if (allow_remote && remote) return {};
        const auto installed = registry->find(name);
        if (installed) return {};
        if (has_adapter(*pool, name)) return {};
        if (const auto bases = store->list())
            for (const auto& base : *bases)
                if (base.embedding_model == name) return {};
        if (remote)
            return fail(
                ErrorCode::not_found,
                "this server does not pass on to other remote models; its owner can allow it with --allow-remote");
        return std::unexpected(installed.error());
    }
};

task<Result<llm::ChatModelPtr>> open_chat_model(Context* context, std::shared_ptr<const Gate> gate, std::string name) {
    TENON_CO_CHECK(gate->check(name));
    co_return co_await context->chat_model_async(std::move(name));
}

task<Result<llm::EmbedderPtr>> open_embedder(Context* context, std::shared_ptr<const Gate> gate, std::string name) {
    TENON_CO_CHECK(gate->check(name));
    co_return co_await context->embedder_async(std::move(name));
}

task<Result<std::shared_ptr<provider::LocalChatModel>>> open_local_model(Context* context,
                                                                         std::shared_ptr<const Gate> gate,
                                                                         std::string name) {
    TENON_CO_TRY(const auto model, co_await open_chat_model(context, std::move(gate), name));
    auto local = std::dynamic_pointer_cast<provider::LocalChatModel>(model);
    if (!local)
        co_return fail(ErrorCode::unsupported,
                       fmt::format("the model '{}' runs elsewhere, and so does its tokenizer", name));
    co_return local;
}

task<Result<llm::RerankerPtr>> open_reranker(Context* context, std::shared_ptr<const Gate> gate, std::string name) {
    TENON_CO_CHECK(gate->check(name));
    co_return co_await context->reranker_async(std::move(name));
}

/// Names of installed models stay theirs.
Result<void> add_named(provider::ModelPool& pool, const hub::Registry& registry, std::string name,
                       provider::AdapterSource source) {
    if (registry.find(name))
        return fail(ErrorCode::already_exists, fmt::format("'{}' is the name of an installed model", name));
    return pool.add_adapter(std::move(name), std::move(source));
}

/// NAME=PATH or NAME=PATH@MODEL.
Result<void> add_adapter(provider::ModelPool& pool, const hub::Registry& registry, const std::string& chat_model,
                         const std::string& text) {
    const auto sign = text.find('=');
    if (sign == 0 || sign == std::string::npos || sign + 1 == text.size())
        return fail(ErrorCode::invalid_argument, fmt::format("--lora takes NAME=PATH, not '{}'", text));
    provider::AdapterSource source{chat_model, text.substr(sign + 1), 1};
    std::error_code ignored;
    if (const auto at = text.rfind('@');
        at != std::string::npos && at > sign && !std::filesystem::exists(source.path, ignored)) {
        source.path = text.substr(sign + 1, at - sign - 1);
        source.base = text.substr(at + 1);
    }
    if (!std::filesystem::exists(source.path, ignored))
        return fail(ErrorCode::not_found, fmt::format("--lora {}: there is nothing at {}", text, source.path.string()));
    return add_named(pool, registry, text.substr(0, sign), std::move(source));
}

task<Result<void>> load_adapter(Context* context, std::shared_ptr<provider::ModelPool> pool,
                                const hub::Registry* registry, std::string name, std::string base, std::string path) {
    if (base.empty()) base = context->settings().chat_model;
    provider::AdapterSource source{base, path, 1};
    TENON_CO_CHECK(add_named(*pool, *registry, name, source));
    const auto opened = co_await context->chat_model_async(name);
    if (opened) co_return Result<void>{};
    pool->remove_adapter(name);
    co_return std::unexpected(opened.error());
}

/// Whom /mcp lets in: those the API lets in. The gateway's keys are for asking models and not for this.
mcp::HttpOptions mcp_access(const Settings& settings, const serve::Services& services,
                            const serve::ServerOptions& options) {
    mcp::HttpOptions out;
    out.max_body_bytes = options.max_body_bytes;
    out.tokens = options.api_keys;
    if (services.accept_key)
        out.verify = [accept = services.accept_key](std::string token) -> task<Result<std::string>> {
            net::HttpRequest request;
            request.method = "POST";
            request.path = "/mcp";
            TENON_CO_CHECK(accept(request, token));
            co_return token;
        };
    // Who has a key is no page that a browser was tricked with.
    out.hosts = settings.mcp.hosts;
    if (!options.api_keys.empty()) out.hosts.emplace_back("*");
    for (const std::string own : {"localhost", "127.0.0.1", "::1"}) out.hosts.push_back(own);
    out.hosts.push_back(options.host);
    return out;
}

Result<void> run(Context& context, const Options& o) {
    // Block the signals before any thread starts, so that only the wait below takes them.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);

    o.remote.apply(context.settings());
    o.engine.apply(context.settings());
    const Settings& settings = context.settings();
    serve::Services services;
    services.runtime = &context.runtime();
    TENON_TRY(services.store, context.store());
    TENON_TRY(services.responses, store::Records::open(settings.home / "responses.db"));
    TENON_TRY(const hub::Registry* registry, context.registry());
    TENON_TRY(const auto pool, context.pool());
    (void)context.http();
    services.default_chat_model = settings.chat_model;
    services.default_embedding_model = settings.embedding_model;
    services.version = TENON_VERSION;
    services.memory_budget = context.memory_budget();
    const auto gate = std::make_shared<const Gate>(Gate{registry, services.store, pool, &settings, o.allow_remote});
    services.chat_model = [&context, gate](std::string name, const serve::Caller&) {
        return open_chat_model(&context, gate, std::move(name));
    };
    services.embedder = [&context, gate](std::string name, const serve::Caller&) {
        return open_embedder(&context, gate, std::move(name));
    };
    services.local_chat_model = [&context, gate](std::string name) {
        return open_local_model(&context, gate, std::move(name));
    };
    services.activity = [pool] {
        std::vector<serve::ModelActivity> out;
        for (const auto& [name, model] : pool->local_chat_models())
            out.push_back({name, model->engine().context(), model->engine().stats(), model->engine().requests()});
        return out;
    };
    services.reranker = [&context, gate](std::string name, const serve::Caller&) {
        return open_reranker(&context, gate, std::move(name));
    };
    services.models = [registry, pool, &settings] {
        std::vector<serve::ModelEntry> out;
        const auto loaded = pool->loaded();
        if (provider::parse_model_name(settings.chat_model).preset) {
            serve::ModelEntry remote;
            remote.name = settings.chat_model;
            remote.role = "chat";
            out.push_back(std::move(remote));
        }
        if (const auto installed = registry->list())
            for (const auto& m : *installed) {
                serve::ModelEntry e;
                e.name = m.name;
                e.role = m.role == hub::Role::embedding  ? "embedding"
                         : m.role == hub::Role::reranker ? "reranker"
                                                         : "chat";
                e.created = parse_time(m.installed_at);
                e.licence = m.licence;
                const auto held = std::ranges::find(loaded, m.path, &provider::LoadedModel::path);
                e.loaded = held != loaded.end();
                if (const auto info = model::inspect(m.path)) {
                    if (!info->supported) continue;
                    e.architecture = info->architecture;
                    e.quantisation = info->quantisation;
                    e.context_length = info->context_length;
                    e.memory_bytes = info->memory_needed(info->role == model::ModelRole::causal ? 4096 : 0);
                }
                if (e.loaded) e.memory_bytes = held->bytes;
                out.push_back(std::move(e));
            }
        for (const auto& [name, source] : pool->adapters()) {
            serve::ModelEntry e;
            e.name = name;
            e.role = "chat";
            const auto base = std::ranges::find(out, source.base, &serve::ModelEntry::name);
            if (base != out.end()) e = *base, e.name = name, e.created = base->created;
            e.parent = source.base;
            const auto held = std::ranges::find(loaded, name, &provider::LoadedModel::name);
            e.loaded = held != loaded.end();
            e.memory_bytes = e.loaded ? held->bytes : 0;
            out.push_back(std::move(e));
        }
        // The default first: clients that take the first model get it.
        std::ranges::stable_partition(out, [&](const auto& e) { return e.name == settings.chat_model; });
        return out;
    };
    for (const auto& one : o.adapters) TENON_CHECK(add_adapter(*pool, *registry, settings.chat_model, one));
    if (o.allow_adapters) {
        services.load_adapter = [&context, pool, registry](std::string name, std::string base, std::string path) {
            return load_adapter(&context, pool, registry, std::move(name), std::move(base), std::move(path));
        };
        services.unload_adapter = [pool](const std::string& name) { return pool->remove_adapter(name); };
    }
    services.count_tokens = token_counter(context, settings.embedding_model);

    serve::ServerOptions options;
    options.host = o.host.empty() ? settings.host : o.host;
    options.port = static_cast<std::uint16_t>(o.port >= 0 ? o.port : settings.port);
    options.api_keys = o.keys.empty() ? settings.server_keys : o.keys;
    options.cors_origins = o.origins.empty() ? settings.cors_origins : o.origins;
    if (o.max_tokens > 0) options.max_tokens = o.max_tokens;
    if (o.time_limit > 0) options.time_limit = std::chrono::seconds(o.time_limit);
    if (o.max_body_mib > 0) options.max_body_bytes = static_cast<std::size_t>(o.max_body_mib) << 20;
    if (o.max_upload_mib > 0) options.max_upload_bytes = static_cast<std::size_t>(o.max_upload_mib) << 20;
    if (!o.quiet)
        options.log = [](LogLevel level, std::string_view room, std::string_view message) {
            if (level >= LogLevel::info) note(fmt::format("{}: {}", room, message));
        };

    TENON_TRY(auto models_gateway, context.gateway(true));
    if (models_gateway) {
        const bool keyed = models_gateway->has_keys();
        serve_gateway(services, std::move(models_gateway), !options.api_keys.empty());
        if (keyed && options.api_keys.empty())
            note(
                "the gateway has keys, and the server none of its own: the console and knowledge bases are only for "
                "those; set TENON_SERVER_KEYS");
    }

    const auto& mcp_settings = settings.mcp;
    if (mcp_settings.enabled && !o.no_mcp) {
        TENON_TRY(const auto offer, McpOffer::make(context, {o.mcp_bases.empty() ? mcp_settings.bases : o.mcp_bases,
                                                             o.mcp_tools.empty() ? mcp_settings.tools : o.mcp_tools,
                                                             o.mcp_ask || mcp_settings.ask}));
        services.add_routes = [offer, access = mcp_access(settings, services, options)](net::Router& router) {
            mcp::mount(router, offer->server(), access);
        };
        services.knowledge_bases_changed = [offer] {
            if (const auto done = offer->refresh(); !done) note("mcp: " + done.error().describe());
        };
    }

    TENON_TRY(const auto server, serve::Server::start(std::move(services), options));
    print_line(
        fmt::format("serving on {}  (API under {}/v1, console at {}/)", server->url(), server->url(), server->url()));
    if (options.host != "127.0.0.1" && options.host != "localhost" && options.host != "::1" && options.api_keys.empty())
        note("warning: anyone who can reach this address can use it; set TENON_SERVER_KEYS to ask for a key");
    int received = 0;
    sigwait(&signals, &received);
    note("stopping; a second Ctrl-C stops at once");
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
    sync_wait(context.runtime(), server->shutdown());
    return {};
}

}  // namespace

void add_serve(CommandLine& cli, Command& chosen) {
    add_command<Options>(cli, chosen, "serve", "serve the API (OpenAI's, search, ask) and the console", declare, run);
}

}  // namespace tenon::app
