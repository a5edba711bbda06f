// A language model without weights: logits are a function of the tokens in the cache alone, so that scheduling,
// prefix reuse and cancellation can be held to exact answers.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tenon/model/model.hpp"

namespace tenon::fake {

/// Every byte is a token; then some control tokens.
class ByteTokenizer final : public text::Tokenizer {
  public:
    static constexpr text::TokenId end = 256, turn = 257, user_defined = 258;
    static constexpr std::size_t vocabulary = 320;

    /// `odd`: the text of the last token, for tokenizers that differ.
    explicit ByteTokenizer(const std::string& odd = "<unused319>") {
        for (int i = 0; i < 256; ++i) spec_.tokens.emplace_back(1, static_cast<char>(i));
        spec_.tokens.insert(spec_.tokens.end(), {"<|end|>", "<|turn|>", "<think>"});
        spec_.types.assign(vocabulary, text::TokenType::normal);
        spec_.types[end] = spec_.types[turn] = text::TokenType::control;
        spec_.types[user_defined] = text::TokenType::user_defined;
        while (spec_.tokens.size() < vocabulary)
            spec_.tokens.push_back("<unused" + std::to_string(spec_.tokens.size()) + ">");
        spec_.tokens.back() = odd;
        spec_.eos = end;
    }

    std::vector<text::TokenId> encode(std::string_view text, const text::EncodeOptions& options = {}) const override {
        std::vector<text::TokenId> ids;
        for (std::size_t i = 0; i < text.size();) {
            const auto special = special_at(text.substr(i), options.parse_special);
            ids.push_back(special != text::no_token ? special : static_cast<unsigned char>(text[i]));
            i += special != text::no_token ? spec_.tokens[static_cast<std::size_t>(special)].size() : 1;
        }
        return ids;
    }
    std::string decode(std::span<const text::TokenId> ids, bool skip_special = true) const override {
        std::string out;
        for (const auto id : ids)
            if (!(skip_special && is_control(id))) out += token_bytes(id);
        return out;
    }
    std::string token_bytes(text::TokenId id) const override { return spec_.tokens.at(static_cast<std::size_t>(id)); }
    const text::TokenizerSpec& spec() const noexcept override { return spec_; }
    bool is_end_of_generation(text::TokenId id) const noexcept override { return id == end; }
    std::optional<text::TokenId> find(std::string_view token) const override {
        for (std::size_t i = 0; i < spec_.tokens.size(); ++i)
            if (spec_.tokens[i] == token) return static_cast<text::TokenId>(i);
        return std::nullopt;
    }

  private:
    text::TokenId special_at(std::string_view text, bool control) const {
        for (const auto id : {end, turn, user_defined})
            if ((control || id == user_defined) && text.starts_with(spec_.tokens[static_cast<std::size_t>(id)]))
                return id;
        return text::no_token;
    }
    text::TokenizerSpec spec_;
};

class FakeAdapter final : public model::LoraAdapter {
  public:
    FakeAdapter(std::string name, const model::CausalModel* model) : model_(model) {
        static std::atomic<std::uint64_t> made{0};
        id_ = ++made;
        info_.name = std::move(name);
    }
    const model::LoraInfo& info() const noexcept override { return info_; }
    std::uint64_t id() const noexcept override { return id_; }
    const model::CausalModel* model() const noexcept override { return model_; }

  private:
    model::LoraInfo info_;
    std::uint64_t id_ = 0;
    const model::CausalModel* model_;
};

class FakeModel final : public model::CausalModel {
  public:
    explicit FakeModel(std::size_t context = 512, text::TokenizerPtr tokenizer = std::make_shared<ByteTokenizer>())
        : tokenizer_(std::move(tokenizer)) {
        info_.name = "fake";
        info_.architecture = "fake";
        info_.context_length = context;
        info_.vocabulary = ByteTokenizer::vocabulary;
    }

    // Knobs; set before the engine starts.
    /// The next token after these, or no_token to let the hash decide.
    std::function<text::TokenId(std::span<const text::TokenId>)> next;
    /// The last word on the logits after these tokens.
    std::function<void(std::span<const text::TokenId>, std::span<float>)> shape;
    text::TokenId poison = text::no_token;        ///< a step with this token fails
    text::TokenId not_a_number = text::no_token;  ///< logits after this token are NaN
    std::chrono::microseconds delay{0};           ///< per forward pass
    std::size_t batch = 64;
    std::string chat_template;

    /// What each forward pass held: tokens per sequence.
    std::vector<std::vector<std::size_t>> passes() const {
        const std::scoped_lock lock(mutex_);
        return passes_;
    }

    const model::ModelInfo& info() const noexcept override {
        info_.chat_template = chat_template;
        return info_;
    }
    const text::TokenizerPtr& tokenizer() const noexcept override { return tokenizer_; }
    /// Its "keys and values" are the tokens themselves, read back from the pages at every step.
    Result<std::shared_ptr<model::KvPool>> make_pool(std::size_t pages, model::KvType type) const override {
        return model::KvPool::create(this, type, model::kv_page_tokens * sizeof(text::TokenId), pages);
    }
    std::size_t max_batch_tokens() const noexcept override { return batch; }

    /// An adapter that changes every choice; `path` is its name.
    Result<std::shared_ptr<const model::LoraAdapter>> load_adapter(const std::filesystem::path& path) const override {
        return std::make_shared<FakeAdapter>(path.string(), this);
    }

    Result<std::span<const float>> forward(tensor::ThreadTeam&, std::span<const model::SequenceStep> steps) override {
        if (busy_.exchange(true)) return fail(ErrorCode::internal, "two forward passes at once");
        auto result = compute(steps);
        busy_ = false;
        return result;
    }

    /// What an engine must answer to greedy sampling, computed without one.
    std::vector<text::TokenId> expect(std::vector<text::TokenId> tokens, std::size_t count,
                                      model::AdapterUse adapter = {}) const {
        std::vector<text::TokenId> out;
        for (auto& token : tokens) token = mixed(token, adapter);
        std::vector<float> row(info_.vocabulary);
        while (out.size() < count) {
            fill(tokens, row);
            const auto best = static_cast<text::TokenId>(std::max_element(row.begin(), row.end()) - row.begin());
            if (best == ByteTokenizer::end) break;
            out.push_back(best);
            tokens.push_back(mixed(best, adapter));
        }
        return out;
    }

    void fill(std::span<const text::TokenId> tokens, std::span<float> row) const {
        std::uint64_t hash = 0xcbf29ce484222325U;
        for (const auto t : tokens) hash = (hash ^ static_cast<std::uint64_t>(t)) * 0x100000001b3U;
        for (std::size_t j = 0; j < row.size(); ++j) {
            std::uint64_t z = (hash + j + 1) * 0x9E3779B97F4A7C15U;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
            row[j] = static_cast<float>((z ^ (z >> 27)) >> 40) * 0x1.0p-21F - 4.F;
        }
        row[ByteTokenizer::end] = -8;
        for (std::size_t j = 128; j < row.size(); ++j) row[j] -= 4;  // mostly ASCII
        if (next)
            if (const auto wanted = next(tokens); wanted != text::no_token) row[static_cast<std::size_t>(wanted)] = 20;
        if (shape) shape(tokens, row);
        if (tokens.back() == not_a_number) row[7] = std::numeric_limits<float>::quiet_NaN();
    }

    /// What is kept of a token: it depends on the adapter, so that pages of one are of no use to another.
    static text::TokenId mixed(text::TokenId token, model::AdapterUse adapter) noexcept {
        if (adapter.adapter == nullptr) return token;
        return token + static_cast<text::TokenId>(adapter.adapter->id() % 1000 * 4096) +
               static_cast<text::TokenId>(adapter.scale * (1 << 23));
    }

  private:
    static text::TokenId& slot(const model::KvCache& cache, std::size_t position) {
        const auto page = cache.pool().page(cache.pages()[position / model::kv_page_tokens]);
        return reinterpret_cast<text::TokenId*>(page.data())[position % model::kv_page_tokens];
    }
    Result<std::span<const float>> compute(std::span<const model::SequenceStep> steps) {
        std::size_t total = 0;
        std::vector<std::size_t> pass;
        for (const auto& step : steps) {
            total += step.tokens.size();
            pass.push_back(step.tokens.size());
            if (!step.cache->reserve(step.tokens.size())) return fail(ErrorCode::resource_exhausted, "cache is full");
            for (const auto t : step.tokens)
                if (t == poison) return fail(ErrorCode::invalid_argument, "poison");
        }
        if (total > batch) return fail(ErrorCode::invalid_argument, "too many tokens");
        {
            const std::scoped_lock lock(mutex_);
            passes_.push_back(std::move(pass));
        }
        if (delay.count() > 0) std::this_thread::sleep_for(delay);
        logits_.clear();
        for (const auto& step : steps) {
            for (std::size_t i = 0; i < step.tokens.size(); ++i) {
                slot(*step.cache, step.cache->length()) = mixed(step.tokens[i], step.adapter);
                step.cache->grow(1);
                const bool last = i + 1 == step.tokens.size();
                if (step.logits == model::Logits::none || (step.logits == model::Logits::last && !last)) continue;
                logits_.resize(logits_.size() + info_.vocabulary);
                tokens_.clear();
                for (std::size_t p = 0; p < step.cache->length(); ++p) tokens_.push_back(slot(*step.cache, p));
                fill(tokens_, std::span(logits_).last(info_.vocabulary));
            }
        }
        return std::span<const float>(logits_);
    }

    mutable model::ModelInfo info_;
    text::TokenizerPtr tokenizer_;
    std::vector<float> logits_;
    std::vector<text::TokenId> tokens_;
    std::atomic<bool> busy_ = false;
    mutable std::mutex mutex_;
    std::vector<std::vector<std::size_t>> passes_;
};

}  // namespace tenon::fake
