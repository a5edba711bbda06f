#include "context.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "tenon/hub/registry.hpp"
#include "tenon/net/http_client.hpp"
#include "tenon/provider/local.hpp"
#include "tenon/provider/model_pool.hpp"
#include "tenon/provider/openai.hpp"

namespace tenon::app {
namespace {

constexpr std::string_view remote = "openai:";

std::uint64_t machine_memory() {
    const long pages = ::sysconf(_SC_PHYS_PAGES), size = ::sysconf(_SC_PAGE_SIZE);
    return pages > 0 && size > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(size) : 0;
}

std::unexpected<Error> nameless() {
    return fail(ErrorCode::invalid_argument, "'openai:' names no model; write openai:NAME");
}

/// A name that is not installed may have been meant for the server at --base-url.
Error with_hint(Error error, const std::string& name, const Settings& settings) {
    if (error.code() != ErrorCode::not_found || settings.base_url.empty()) return error;
    return {error.code(),
            fmt::format("{}; for the one at {}, write openai:{}", error.message(), settings.base_url, name)};
}

provider::OpenAiOptions remote_options(const Settings& s) {
    provider::OpenAiOptions options;
    if (!s.base_url.empty()) options.base_url = s.base_url;
    options.api_key = s.api_key;
    return options;
}

}  // namespace

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
        options.engine.prefix_block = 16;
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

task<Result<llm::ChatModelPtr>> Context::chat_model_async(std::string name) {
    if (name == remote) co_return nameless();
    if (name.starts_with(remote))
        co_return provider::make_openai_chat_model(http_, name.substr(remote.size()), remote_options(settings_));
    co_return co_await pool_->chat(std::move(name), CallOptions{});
}

task<Result<llm::EmbedderPtr>> Context::embedder_async(std::string name) {
    if (name == remote) co_return nameless();
    if (name.starts_with(remote))
        co_return provider::make_openai_embedder(http_, name.substr(remote.size()), remote_options(settings_));
    co_return co_await pool_->embedder(std::move(name), CallOptions{});
}

Result<llm::ChatModelPtr> Context::chat_model(std::string_view name) {
    (void)http();
    TENON_CHECK(pool());
    const std::string wanted(name.empty() ? settings_.chat_model : name);
    auto model = sync_wait(runtime(), chat_model_async(wanted));
    if (!model) return std::unexpected(with_hint(std::move(model).error(), wanted, settings_));
    return model;
}

Result<llm::EmbedderPtr> Context::embedder(std::string_view name) {
    (void)http();
    TENON_CHECK(pool());
    return sync_wait(runtime(), embedder_async(std::string(name.empty() ? settings_.embedding_model : name)));
}

Result<std::filesystem::path> Context::model_path(std::string_view name) {
    TENON_TRY(const hub::Registry* models, registry());
    TENON_TRY(auto found, models->resolve(name));
    return found.path;
}

}  // namespace tenon::app
