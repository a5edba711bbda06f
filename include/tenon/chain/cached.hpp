// A step whose answers are kept: the same value is worked out once.
#pragma once

#include <chrono>
#include <concepts>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "tenon/chain/invoke.hpp"
#include "tenon/llm/model.hpp"

namespace tenon::chain {

/// Answers by key. Thread-safe. One cache serves one step: keys do not name the step.
template <class T>
class Cache {
  public:
    virtual ~Cache() = default;
    [[nodiscard]] virtual std::optional<T> find(const std::string& key) = 0;
    virtual void put(const std::string& key, T value) = 0;
};

/// The most recently used `capacity` answers, each for at most `age`. Thread-safe.
template <class T>
class MemoryCache final : public Cache<T> {
  public:
    explicit MemoryCache(std::size_t capacity, std::chrono::milliseconds age = std::chrono::hours(24 * 365))
        : capacity_(capacity), age_(age) {}
    [[nodiscard]] std::optional<T> find(const std::string& key) override {
        const std::scoped_lock lock(mutex_);
        const auto at = index_.find(key);
        if (at == index_.end()) return std::nullopt;
        if (Clock::now() - at->second->made > age_) {
            order_.erase(at->second);
            index_.erase(at);
            return std::nullopt;
        }
        order_.splice(order_.begin(), order_, at->second);
        return at->second->value;
    }
    void put(const std::string& key, T value) override {
        const std::scoped_lock lock(mutex_);
        if (capacity_ == 0) return;
        if (const auto at = index_.find(key); at != index_.end()) {
            order_.erase(at->second);
            index_.erase(at);
        }
        while (order_.size() >= capacity_) {
            index_.erase(order_.back().key);
            order_.pop_back();
        }
        order_.push_front({key, std::move(value), Clock::now()});
        index_[key] = order_.begin();
    }

  private:
    struct Entry {
        std::string key;
        T value;
        Clock::time_point made;
    };
    std::size_t capacity_;
    std::chrono::milliseconds age_;
    std::mutex mutex_;
    std::list<Entry> order_;
    std::unordered_map<std::string, typename std::list<Entry>::iterator> index_;
};

/// Everything of a request that may change its answer, as one text. Empty: it cannot be told (the request carries
/// extensions of a provider), and the request is not cached.
[[nodiscard]] std::string cache_key(const llm::ChatRequest& request);
[[nodiscard]] inline std::string cache_key(const std::string& text) { return "t" + text; }
template <std::integral T>
[[nodiscard]] std::string cache_key(T number) {
    return std::to_string(number);
}
/// Overload `cache_key(const YourType&)` beside your type for values of your own, or give `cached` a function.
template <class T>
concept HasCacheKey = requires(const T& value) {
    { cache_key(value) } -> std::convertible_to<std::string>;
};

/// Failures are not kept. An empty key: the step runs, and nothing is kept.
template <IsStep S>
class Cached {
  public:
    using input_type = typename S::input_type;
    using output_type = typename S::output_type;
    using Key = std::function<std::string(const input_type&)>;

    Cached(S step, std::shared_ptr<Cache<output_type>> cache, Key key)
        : step_(std::move(step)), cache_(std::move(cache)), key_(std::move(key)) {}
    [[nodiscard]] std::string_view name() const { return "cached"; }
    [[nodiscard]] task<Result<output_type>> operator()(input_type in, Context context) const {
        std::string key = key_(in);
        if (!key.empty()) {
            // Samples of one question are different answers.
            if (context.sample != 0) key += "#" + std::to_string(context.sample);
            if (auto known = cache_->find(key)) {
                if (context.tracer) context.tracer->set(context.span, "tenon.cache.hit", true);
                co_return std::move(*known);
            }
        }
        auto out = co_await invoke(step_, std::move(in), std::move(context));
        if (out && !key.empty()) cache_->put(key, *out);
        co_return out;
    }

  private:
    S step_;
    std::shared_ptr<Cache<output_type>> cache_;
    Key key_;
};

template <class T, class C>
[[nodiscard]] auto cached(T kept, std::shared_ptr<C> cache) {
    auto inner = step(std::move(kept));
    using S = decltype(inner);
    using In = typename S::input_type;
    static_assert(HasCacheKey<In>, "no cache_key() for what this step takes: give `cached` a function that makes one");
    return Cached<S>(std::move(inner), std::move(cache), [](const In& in) { return std::string(cache_key(in)); });
}
template <class T, class C, class Key>
[[nodiscard]] auto cached(T kept, std::shared_ptr<C> cache, Key key) {
    auto inner = step(std::move(kept));
    using S = decltype(inner);
    return Cached<S>(std::move(inner), std::move(cache), std::move(key));
}

}  // namespace tenon::chain
