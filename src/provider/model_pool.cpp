#include "tenon/provider/model_pool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "tenon/async/channel.hpp"
#include "tenon/async/worker.hpp"

namespace tenon::provider {
namespace {

using model::ModelRole;

constexpr double mebibyte = 1024.0 * 1024.0;

std::function<Result<std::uint64_t>(const std::filesystem::path&, ModelRole)> memory_of(
    const engine::EngineOptions& options) {
    return [engine = options](const std::filesystem::path& path, ModelRole role) -> Result<std::uint64_t> {
        TENON_TRY(const auto info, model::inspect(path));
        if (role != ModelRole::causal) return info.memory_needed(0);
        const std::size_t context = engine.context > 0 ? std::min(engine.context, info.context_length)
                                                       : std::min<std::size_t>(8192, info.context_length);
        return info.memory_needed(engine.cache_tokens(context), engine.kv_type);
    };
}

ModelLoaders complete(const ModelPoolOptions& options, const ModelResolver& resolve) {
    ModelLoaders loaders = options.loaders;
    if (!loaders.memory_needed && !options.draft.empty()) {
        const auto own = memory_of(options.engine);
        loaders.memory_needed = [own, resolve, draft = options.draft, target = options.draft_for](
                                    const std::filesystem::path& path, ModelRole role) -> Result<std::uint64_t> {
            TENON_TRY(const auto needed, own(path, role));
            if (role != ModelRole::causal) return needed;
            const auto helped = resolve(target);
            if (!helped || *helped != path) return needed;
            TENON_TRY(const auto helper, resolve(draft));
            TENON_TRY(const auto more, own(helper, role));
            return needed + more;
        };
    }
    if (!loaders.chat && !options.draft.empty())
        loaders.chat = [engine = options.engine, resolve, draft = options.draft, target = options.draft_for](
                           const std::filesystem::path& path, const std::string& name) -> Result<llm::ChatModelPtr> {
            LocalChatOptions chat{name, engine, {}};
            if (const auto helped = resolve(target); helped && *helped == path) {
                TENON_TRY(chat.draft, resolve(draft));
            }
            TENON_TRY(auto loaded, LocalChatModel::load(path, std::move(chat)));
            return loaded;
        };
    if (!loaders.memory_needed) loaders.memory_needed = memory_of(options.engine);
    if (!loaders.chat)
        loaders.chat = [engine = options.engine](const std::filesystem::path& path,
                                                 const std::string& name) -> Result<llm::ChatModelPtr> {
            TENON_TRY(auto loaded, LocalChatModel::load(path, {name, engine, {}}));
            return loaded;
        };
    if (!loaders.embedder)
        loaders.embedder = [threads = options.embedder_threads](const std::filesystem::path& path,
                                                                const std::string& name) -> Result<llm::EmbedderPtr> {
            TENON_TRY(auto loaded, LocalEmbedder::load(path, {name, threads}));
            return loaded;
        };
    if (!loaders.reranker)
        loaders.reranker = [threads = options.embedder_threads](const std::filesystem::path& path,
                                                                const std::string& name) -> Result<llm::RerankerPtr> {
            TENON_TRY(auto loaded, LocalReranker::load(path, {name, threads}));
            return loaded;
        };
    return loaders;
}

}  // namespace

struct ModelPool::Impl {
    struct Entry {
        LoadedModel about;
        llm::ChatModelPtr base;  // of a model with an adapter: stays as long as this does
        llm::ChatModelPtr chat;
        llm::EmbedderPtr embedder;
        llm::RerankerPtr reranker;
        std::uint64_t last_used = 0;
        // Only the pool hands out copies, under its mutex: a count of one cannot rise meanwhile.
        [[nodiscard]] bool in_use() const {
            return chat.use_count() > 1 || embedder.use_count() > 1 || reranker.use_count() > 1;
        }
    };
    using EntryPtr = std::shared_ptr<Entry>;

    template <class Pointer>
    static Pointer& model_of(Entry& entry) {
        if constexpr (std::is_same_v<Pointer, llm::ChatModelPtr>)
            return entry.chat;
        else if constexpr (std::is_same_v<Pointer, llm::EmbedderPtr>)
            return entry.embedder;
        else
            return entry.reranker;
    }
    template <class Pointer>
    static constexpr ModelRole role_of = std::is_same_v<Pointer, llm::ChatModelPtr>  ? ModelRole::causal
                                         : std::is_same_v<Pointer, llm::EmbedderPtr> ? ModelRole::encoder
                                                                                     : ModelRole::reranker;

    template <class Pointer>
    Pointer find(const std::string& key) {
        const std::scoped_lock lock(mutex);
        const auto found = names.find({role_of<Pointer>, key});
        if (found == names.end()) return nullptr;
        found->second->last_used = ++clock;
        return model_of<Pointer>(*found->second);
    }

    template <class Pointer>
    Result<Pointer> load(const std::string& name);
    Result<llm::ChatModelPtr> load_adapted(const std::string& name, const AdapterSource& source);
    [[nodiscard]] std::optional<AdapterSource> adapter(const std::string& name) const {
        const std::scoped_lock lock(mutex);
        const auto found = adapters.find(name);
        return found == adapters.end() ? std::nullopt : std::optional(found->second);
    }
    Result<void> make_room(const std::string& name, std::uint64_t needed);
    template <class Pointer>
    task<Result<Pointer>> get(std::string name, CallOptions options);

    ModelResolver resolve;
    ModelLoaders loaders;
    std::uint64_t budget = 0;

    mutable std::mutex mutex;
    std::map<std::pair<ModelRole, std::string>, EntryPtr> names;  // by every name asked for, and by path
    std::vector<EntryPtr> entries;
    std::map<std::string, AdapterSource> adapters;
    std::uint64_t clock = 0;
    Worker worker;  // last: it ends before what it uses
};

/// Who asked by name is answered by name: where the file lies is nobody's business over HTTP.
template <class T>
Result<T> by_name(Result<T> result, const std::filesystem::path& path, const std::string& name) {
    if (result || path.string() == name) return result;
    const Error& error = result.error();
    std::string message = error.message();
    const std::string place = path.string();
    const auto at = message.find(place);
    if (at == std::string::npos) return result;
    message.replace(at, place.size(), name);
    Error named = error.cause() == nullptr ? Error(error.code(), std::move(message))
                                           : Error(error.code(), std::move(message), *error.cause());
    return std::unexpected(std::move(named));
}

// On the loading thread.
template <class Pointer>
Result<Pointer> ModelPool::Impl::load(const std::string& name) {
    constexpr ModelRole role = role_of<Pointer>;
    if (auto there = find<Pointer>(name)) return there;
    if constexpr (role == ModelRole::causal)
        if (const auto source = adapter(name)) return load_adapted(name, *source);
    TENON_TRY(const auto path, resolve(name));
    if (auto there = find<Pointer>(path.string())) {
        const std::scoped_lock lock(mutex);
        if (const auto found = names.find({role, path.string()}); found != names.end())
            names[{role, name}] = found->second;
        return there;
    }
    TENON_TRY(const auto needed, by_name(loaders.memory_needed(path, role), path, name));
    TENON_CHECK(make_room(name, needed));
    auto entry = std::make_shared<Entry>();
    if constexpr (role == ModelRole::causal) {
        TENON_TRY(entry->chat, by_name(loaders.chat(path, name), path, name));
    } else if constexpr (role == ModelRole::encoder) {
        TENON_TRY(entry->embedder, by_name(loaders.embedder(path, name), path, name));
    } else {
        TENON_TRY(entry->reranker, by_name(loaders.reranker(path, name), path, name));
    }
    entry->about = {name, path, role, needed, false};
    const std::scoped_lock lock(mutex);
    entry->last_used = ++clock;
    names[{role, name}] = names[{role, path.string()}] = entry;
    entries.push_back(entry);
    return model_of<Pointer>(*entry);
}

Result<llm::ChatModelPtr> ModelPool::Impl::load_adapted(const std::string& name, const AdapterSource& source) {
    TENON_TRY(const auto base, load<llm::ChatModelPtr>(source.base));
    const auto local = std::dynamic_pointer_cast<LocalChatModel>(base);
    if (!local)
        return fail(
            ErrorCode::unsupported,
            fmt::format("\"{}\" is an adapter of \"{}\", which does not run in this process", name, source.base));
    TENON_TRY(auto adapted, by_name(local->with_adapter(source.path, name, source.scale), source.path, name));
    const std::uint64_t bytes = adapted->adapter()->info().bytes;
    TENON_CHECK(make_room(name, bytes));
    auto entry = std::make_shared<Entry>();
    entry->about = {name, source.path, ModelRole::causal, bytes, false};
    entry->base = base;
    entry->chat = std::move(adapted);
    const std::scoped_lock lock(mutex);
    entry->last_used = ++clock;
    llm::ChatModelPtr model = entry->chat;
    if (!adapters.contains(name)) return model;  // removed meanwhile: for whoever asked, but not kept
    names[{ModelRole::causal, name}] = entry;
    entries.push_back(std::move(entry));
    return model;
}

Result<void> ModelPool::Impl::make_room(const std::string& name, std::uint64_t needed) {
    if (budget == 0) return {};
    if (needed > budget)  // never, so that nobody asks again
        return fail(ErrorCode::unsupported,
                    fmt::format("model \"{}\" needs {:.0f} MiB, but the memory budget is {:.0f} MiB; raise it or "
                                "choose a smaller model",
                                name, static_cast<double>(needed) / mebibyte, static_cast<double>(budget) / mebibyte));
    for (;;) {
        EntryPtr victim;  // dies outside the lock: its threads are joined
        const std::scoped_lock lock(mutex);
        std::uint64_t used = 0;
        for (const auto& entry : entries) {
            used += entry->about.bytes;
            if (!entry->in_use() && (!victim || entry->last_used < victim->last_used)) victim = entry;
        }
        if (used + needed <= budget) return {};
        if (!victim)
            return fail(ErrorCode::resource_exhausted,
                        fmt::format("model \"{}\" needs {:.0f} MiB, but models in use hold {:.0f} of the budget of "
                                    "{:.0f} MiB; try again later or raise the budget",
                                    name, static_cast<double>(needed) / mebibyte, static_cast<double>(used) / mebibyte,
                                    static_cast<double>(budget) / mebibyte));
        std::erase(entries, victim);
        std::erase_if(names, [&](const auto& item) { return item.second == victim; });
    }
}

template <class Pointer>
task<Result<Pointer>> ModelPool::Impl::get(std::string name, CallOptions options) {
    if (auto there = find<Pointer>(name)) co_return there;
    const auto answer = std::make_shared<Channel<Pointer>>();
    worker.run([this, name, waiting = std::weak_ptr(answer)] {
        const auto alive = waiting.lock();
        if (!alive) return;  // nobody waits any more
        auto loaded = load<Pointer>(name);
        if (loaded)
            alive->push(std::move(*loaded));
        else
            alive->close(std::move(loaded).error());
    });
    auto received = co_await answer->next(options);
    if (!received) co_return std::unexpected(std::move(received).error());
    co_return std::move(**received);
}

ModelPool::ModelPool(ModelResolver resolve, ModelPoolOptions options) : impl_(std::make_unique<Impl>()) {
    impl_->loaders = complete(options, resolve);
    impl_->resolve = std::move(resolve);
    impl_->budget = options.memory_budget;
}
ModelPool::~ModelPool() = default;

task<Result<llm::ChatModelPtr>> ModelPool::chat(std::string name, CallOptions options) {
    return impl_->get<llm::ChatModelPtr>(std::move(name), std::move(options));
}
task<Result<llm::EmbedderPtr>> ModelPool::embedder(std::string name, CallOptions options) {
    return impl_->get<llm::EmbedderPtr>(std::move(name), std::move(options));
}

task<Result<llm::RerankerPtr>> ModelPool::reranker(std::string name, CallOptions options) {
    return impl_->get<llm::RerankerPtr>(std::move(name), std::move(options));
}

Result<void> ModelPool::add_adapter(std::string name, AdapterSource source) {
    if (name.empty() || source.base.empty())
        return fail(ErrorCode::invalid_argument, "an adapter needs a name and the name of the model it changes");
    const std::scoped_lock lock(impl_->mutex);
    const auto [at, added] = impl_->adapters.try_emplace(std::move(name), std::move(source));
    if (!added) return fail(ErrorCode::already_exists, fmt::format("there is an adapter \"{}\" already", at->first));
    return {};
}

bool ModelPool::remove_adapter(const std::string& name) {
    Impl::EntryPtr removed;  // dies outside the lock
    const std::scoped_lock lock(impl_->mutex);
    if (impl_->adapters.erase(name) == 0) return false;
    const auto found = impl_->names.find({ModelRole::causal, name});
    if (found == impl_->names.end()) return true;
    removed = found->second;
    impl_->names.erase(found);
    std::erase(impl_->entries, removed);
    return true;
}

std::vector<std::pair<std::string, AdapterSource>> ModelPool::adapters() const {
    const std::scoped_lock lock(impl_->mutex);
    return {impl_->adapters.begin(), impl_->adapters.end()};
}

std::vector<LoadedModel> ModelPool::loaded() const {
    const std::scoped_lock lock(impl_->mutex);
    auto entries = impl_->entries;
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a->last_used > b->last_used; });
    std::vector<LoadedModel> out;
    for (const auto& entry : entries) {
        out.push_back(entry->about);
        out.back().in_use = entry->in_use();
    }
    return out;
}

std::vector<std::pair<std::string, std::shared_ptr<LocalChatModel>>> ModelPool::local_chat_models() const {
    const std::scoped_lock lock(impl_->mutex);
    std::vector<std::pair<std::string, std::shared_ptr<LocalChatModel>>> out;
    for (const auto& entry : impl_->entries)
        if (auto local = std::dynamic_pointer_cast<LocalChatModel>(entry->chat); local && !local->adapter())
            out.emplace_back(entry->about.name, std::move(local));
    return out;
}

std::uint64_t ModelPool::bytes() const {
    std::uint64_t sum = 0;
    for (const auto& model : loaded()) sum += model.bytes;
    return sum;
}

}  // namespace tenon::provider
