#include "context.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "gateway.hpp"
#include "tenon/base/file.hpp"
#include "tenon/gateway/gateway.hpp"
#include "tenon/hub/registry.hpp"
#include "tenon/net/http_client.hpp"
#include "tenon/provider/local.hpp"
#include "tenon/provider/model_pool.hpp"
#include "tenon/provider/open.hpp"

namespace tenon::app {
namespace {

std::uint64_t machine_memory() {
    const long pages = ::sysconf(_SC_PHYS_PAGES), size = ::sysconf(_SC_PAGE_SIZE);
    return pages > 0 && size > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(size) : 0;
}

/// A name that is not installed may have been meant for the server at --base-url.
Error with_hint(Error error, const std::string& name, const Settings& settings) {
    if (error.code() != ErrorCode::not_found || settings.base_url.empty()) return error;
    return {error.code(),
            fmt::format("{}; for the one at {}, write openai:{}", error.message(), settings.base_url, name)};
}

}  // namespace

provider::OpenSettings open_settings(const Settings& s, const std::string& name) {
    provider::OpenSettings out;
    const auto parsed = provider::parse_model_name(name);
    if (!parsed.preset) return out;
    const auto& preset = *parsed.preset;
    const auto known = s.providers.find(preset.name);
    const auto own = known != s.providers.end() ? known->second : ProviderSettings{};
    const bool openai = preset.name == "openai" || preset.name == "openai-responses";
    const auto first = [](std::initializer_list<std::string> values) {
        for (const auto& value : values)
            if (!value.empty()) return value;
        return std::string();
    };
    out.base_url = first({own.base_url, s.base_url, openai ? environment({"OPENAI_BASE_URL"}) : std::string()});
    out.api_key = first({own.api_key, s.api_key, environment(preset.key_variables)});
    out.region = first({own.region, environment({"AWS_REGION", "AWS_DEFAULT_REGION"})});
    out.api_version = own.api_version;
    return out;
}

Result<std::unique_ptr<Context>> Context::open() {
    std::unique_ptr<Context> context(new Context);
    TENON_TRY(context->settings_, load_settings());
    return context;
}

Context::~Context() {
    // The runtime's threads may still hold models and connections: it goes first, they after it.
    if (runtime_) runtime_->stop();
}

Runtime& Context::runtime() {
    if (!runtime_) runtime_ = std::make_unique<Runtime>(2);
    return *runtime_;
}

std::shared_ptr<net::HttpClient> Context::http() {
    if (!http_) {
        net::HttpClientOptions options;
        options.proxy = settings_.proxy;
        options.no_proxy = settings_.no_proxy;
        options.user_agent = std::string("tenon/") + TENON_VERSION;
        http_ = std::make_shared<net::HttpClient>(runtime().executor(), options);
    }
    return http_;
}

Result<hub::Registry*> Context::registry() {
    if (!registry_) {
        TENON_TRY(auto opened, hub::Registry::open(settings_.home));
        registry_ = std::make_unique<hub::Registry>(std::move(opened));
    }
    return registry_.get();
}

std::uint64_t Context::memory_budget() const {
    return settings_.memory_budget > 0 ? settings_.memory_budget : machine_memory() / 3 * 2;
}

Result<std::shared_ptr<provider::ModelPool>> Context::pool() {
    if (!pool_) {
        TENON_TRY(hub::Registry * models, registry());
        provider::ModelPoolOptions options;
        options.memory_budget = memory_budget();
        options.engine.threads = settings_.threads;
        options.engine.context = settings_.context;
        options.engine.kv_type = settings_.kv_cache == "q8" ? model::KvType::q8 : model::KvType::f16;
        options.engine.kv_tokens = settings_.kv_tokens;
        options.engine.max_sequences = settings_.max_sequences;
        options.engine.prefix_block = 16;
        options.engine.context_shift = settings_.context_shift;
        options.engine.context_keep = settings_.context_keep;
        options.engine.speculation.lookup = settings_.lookup;
        options.engine.speculation.max = settings_.draft_max;
        options.draft = settings_.draft_model;
        options.draft_for = settings_.chat_model;
        options.embedder_threads = settings_.threads;
        pool_ = std::make_shared<provider::ModelPool>(
            [models](const std::string& name) -> Result<std::filesystem::path> {
                TENON_TRY(auto found, models->resolve(name));
                return found.path;
            },
            options);
    }
    return pool_;
}

Result<std::shared_ptr<store::Store>> Context::store() {
    if (!store_) {
        TENON_TRY(auto opened, store::Store::open(settings_.home / "knowledge"));
        store_ = std::move(opened);
    }
    return store_;
}

Result<llm::PriceTable> Context::prices() const {
    auto table = llm::PriceTable::builtin();
    const auto file = settings_.home / "prices.json";
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) return table;
    TENON_TRY(const std::string text, read_file(file, std::size_t{16} << 20));
    auto own = llm::PriceTable::parse(text);
    if (!own) return fail(own.error().code(), fmt::format("{}: {}", file.string(), own.error().describe()));
    table.merge(std::move(*own));
    return table;
}

Result<std::shared_ptr<gateway::Gateway>> Context::gateway(bool serving) {
    if (!gateway_ && settings_.gateway) {
        TENON_TRY(gateway_, open_gateway(*this, serving));
    }
    return gateway_;
}

task<Result<llm::ChatModelPtr>> Context::chat_model_async(std::string name) {
    auto settings = open_settings(settings_, name);
    settings.client = http_;
    settings.pool = pool_;
    co_return co_await provider::open_chat_model(std::move(name), std::move(settings), CallOptions{});
}

task<Result<llm::EmbedderPtr>> Context::embedder_async(std::string name) {
    auto settings = open_settings(settings_, name);
    settings.client = http_;
    settings.pool = pool_;
    co_return co_await provider::open_embedder(std::move(name), std::move(settings), CallOptions{});
}

Result<llm::ChatModelPtr> Context::chat_model(std::string_view name) {
    (void)http();
    TENON_CHECK(pool());
    const std::string wanted(name.empty() ? settings_.chat_model : name);
    TENON_TRY(const auto gate, gateway());
    if (gate && gate->chats(wanted)) return gate->chat(wanted);
    auto model = sync_wait(runtime(), chat_model_async(wanted));
    if (!model) return std::unexpected(with_hint(std::move(model).error(), wanted, settings_));
    return model;
}

Result<llm::EmbedderPtr> Context::embedder(std::string_view name) {
    (void)http();
    TENON_CHECK(pool());
    const std::string wanted(name.empty() ? settings_.embedding_model : name);
    TENON_TRY(const auto gate, gateway());
    if (gate && gate->embeds(wanted)) return gate->embedder(wanted);
    return sync_wait(runtime(), embedder_async(wanted));
}

task<Result<llm::RerankerPtr>> Context::reranker_async(std::string name) {
    auto settings = open_settings(settings_, name);
    settings.client = http_;
    settings.pool = pool_;
    co_return co_await provider::open_reranker(std::move(name), std::move(settings), CallOptions{});
}

Result<llm::RerankerPtr> Context::reranker(std::string_view name) {
    (void)http();
    TENON_CHECK(pool());
    return sync_wait(runtime(), reranker_async(std::string(name)));
}

Result<std::filesystem::path> Context::model_path(std::string_view name) {
    TENON_TRY(const hub::Registry* models, registry());
    TENON_TRY(auto found, models->resolve(name));
    return found.path;
}

}  // namespace tenon::app
