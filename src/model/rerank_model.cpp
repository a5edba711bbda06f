#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <cmath>

#include "model/embedding_model.hpp"
#include "tenon/tensor/ops.hpp"

namespace tenon::model {
namespace {

constexpr std::int64_t gguf_rank_pooling = 4;

/// score = out(norm(act(dense(pooled)))), the first three where the files have them.
struct Head {
    std::vector<float> dense, dense_bias;  // [width, width]; empty: none
    bool gelu = false;                     // of the dense layer's activation; otherwise tanh
    std::vector<float> norm;
    std::vector<float> out;
    float out_bias = 0;
    bool mean = false;  // pools all tokens instead of taking the first
};

class CrossEncoder final : public RerankModel {
  public:
    [[nodiscard]] Result<void> load(const SourcePtr& source, EncoderSpec spec, const LoadOptions& options);

    [[nodiscard]] const ModelInfo& info() const noexcept override { return info_; }
    [[nodiscard]] const text::TokenizerPtr& tokenizer() const noexcept override { return tokenizer_; }
    [[nodiscard]] std::size_t max_tokens() const noexcept override { return max_tokens_; }
    [[nodiscard]] Result<std::vector<float>> score(tensor::ThreadTeam& team, std::string_view query,
                                                   std::span<const std::string> documents,
                                                   std::size_t* token_count) override;

  private:
    struct Pair {
        std::vector<text::TokenId> tokens;
        std::size_t second = 0;
    };

    [[nodiscard]] Result<void> load_head(const ModelSource& source);
    [[nodiscard]] Result<void> load_vector(const ModelSource& source, std::string_view gguf, std::string_view hf,
                                           std::size_t size, std::vector<float>& into) const;
    [[nodiscard]] Pair pair_of(std::span<const text::TokenId> query, const std::string& document) const;
    [[nodiscard]] float score_of(float* rows, std::size_t tokens) const noexcept;

    EncoderStack stack_;
    Head head_;
    text::TokenizerPtr tokenizer_;
    ModelInfo info_;
    std::size_t max_tokens_ = 0;
    text::TokenId open_ = text::no_token, close_ = text::no_token;
    std::size_t separators_ = 1;  // between the two texts
};

Result<void> CrossEncoder::load_vector(const ModelSource& source, std::string_view gguf, std::string_view hf,
                                       std::size_t size, std::vector<float>& into) const {
    const TensorRecord* record = source.find(gguf, hf);
    if (record == nullptr) return {};
    if (record->elements() != size)
        return fail(ErrorCode::corrupt,
                    fmt::format("tensor {} has {} elements, not {}", record->name, record->elements(), size));
    TENON_TRY(into, record->floats());
    return {};
}

Result<void> CrossEncoder::load_head(const ModelSource& source) {
    const std::size_t width = stack_.width();
    struct Names {
        std::string_view dense, norm, out;
    };
    const std::string& kind = source.architecture();
    const Names hf = kind == "bert"         ? Names{"pooler.dense", {}, "classifier"}
                     : kind == "modernbert" ? Names{"head.dense", "head.norm", "classifier"}
                                            : Names{"classifier.dense", {}, "classifier.out_proj"};
    const auto name = [](std::string_view stem, std::string_view part) { return fmt::format("{}.{}", stem, part); };
    const TensorRecord* out = source.find("cls.output.weight", name(hf.out, "weight"));
    if (out == nullptr || out->shape.size() > 2 || out->shape.empty() || out->shape.back() != width)
        return fail(ErrorCode::unsupported,
                    fmt::format("{} has no head that scores pairs of texts", source.path().string()));
    if (out->elements() != width)
        return fail(ErrorCode::unsupported,
                    fmt::format("{} sorts pairs of texts into {} classes; a reranker gives one score",
                                source.path().string(), out->shape.front()));
    TENON_TRY(head_.out, out->floats());
    std::vector<float> bias;
    TENON_CHECK(load_vector(source, "cls.output.bias", name(hf.out, "bias"), 1, bias));
    if (!bias.empty()) head_.out_bias = bias.front();
    TENON_CHECK(load_vector(source, "cls.weight", name(hf.dense, "weight"), width * width, head_.dense));
    TENON_CHECK(load_vector(source, "cls.bias", name(hf.dense, "bias"), width, head_.dense_bias));
    if (!hf.norm.empty())
        TENON_CHECK(load_vector(source, "cls.norm.weight", name(hf.norm, "weight"), width, head_.norm));
    head_.gelu = kind == "modernbert" || kind == "modern-bert";
    head_.mean = source.text("", "classifier_pooling").value_or("cls") == "mean";
    return {};
}

Result<void> CrossEncoder::load(const SourcePtr& source, EncoderSpec spec, const LoadOptions& options) {
    if (!is_reranker(*source))
        return fail(ErrorCode::unsupported,
                    fmt::format("{} is an embedding model, not a reranker", source->path().string()));
    TENON_TRY(tokenizer_, load_encoder_tokenizer(*source, spec.body.vocabulary));
    TENON_CHECK(stack_.load(source, std::move(spec), options));
    TENON_CHECK(load_head(*source));
    max_tokens_ = stack_.spec().max_tokens;
    if (!source->is_gguf()) {
        TENON_TRY(const json::Value config, read_json_file(source->path() / "tokenizer_config.json"));
        const double longest = json::number_or(config, "model_max_length", 0);
        if (longest >= 8 && longest < static_cast<double>(max_tokens_)) max_tokens_ = static_cast<std::size_t>(longest);
    }
    // What the tokenizer puts around one text goes around each of two; RoBERTa's kind closes the first twice.
    const std::vector<text::TokenId> empty = tokenizer_->encode("");
    if (empty.size() != 2)
        return fail(ErrorCode::unsupported,
                    fmt::format("the tokenizer of {} does not put texts between two tokens", source->path().string()));
    open_ = empty.front();
    close_ = empty.back();
    separators_ =
        tokenizer_->spec().kind == text::TokenizerKind::wordpiece || source->architecture().starts_with("modern") ? 1
                                                                                                                  : 2;
    if (max_tokens_ < separators_ + 4)
        return fail(ErrorCode::corrupt, fmt::format("{} allows {} tokens, too few for a pair of texts",
                                                    source->path().string(), max_tokens_));
    info_ = stack_.spec().body.info;
    info_.role = ModelRole::reranker;
    info_.context_length = max_tokens_;
    return {};
}

/// Both texts between the marks; the longer one gives way first, as Hugging Face's "longest_first" has it.
CrossEncoder::Pair CrossEncoder::pair_of(std::span<const text::TokenId> query, const std::string& document) const {
    const std::vector<text::TokenId> ids = tokenizer_->encode(document, {.add_special = false});
    const std::size_t room = max_tokens_ - 2 - separators_;
    std::size_t first = query.size(), second = ids.size();
    if (first + second > room) {
        const std::size_t half = room / 2;
        if (first <= half)
            second = room - first;
        else if (second <= half)
            first = room - second;
        else if (first > second)
            second = half, first = room - half;
        else
            first = half, second = room - half;
    }
    Pair out;
    out.tokens.reserve(first + second + 2 + separators_);
    out.tokens.push_back(open_);
    out.tokens.insert(out.tokens.end(), query.begin(), query.begin() + static_cast<std::ptrdiff_t>(first));
    out.tokens.insert(out.tokens.end(), separators_, close_);
    out.second = out.tokens.size();
    out.tokens.insert(out.tokens.end(), ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(second));
    out.tokens.push_back(close_);
    return out;
}

float CrossEncoder::score_of(float* rows, std::size_t tokens) const noexcept {
    const std::size_t width = stack_.width();
    if (head_.mean) {
        for (std::size_t t = 1; t < tokens; ++t)
            for (std::size_t i = 0; i < width; ++i) rows[i] += rows[t * width + i];
        for (std::size_t i = 0; i < width; ++i) rows[i] /= static_cast<float>(tokens);
    }
    std::vector<float> pooled(rows, rows + width);
    if (!head_.dense.empty()) {
        std::vector<float> hidden(width);
        for (std::size_t r = 0; r < width; ++r) {
            float value = tensor::dot(head_.dense.data() + r * width, pooled.data(), width);
            if (!head_.dense_bias.empty()) value += head_.dense_bias[r];
            hidden[r] = head_.gelu ? 0.5F * value * (1 + std::erf(value / std::sqrt(2.0F))) : std::tanh(value);
        }
        pooled = std::move(hidden);
    }
    if (!head_.norm.empty()) {
        double mean = 0, variance = 0;
        for (const float v : pooled) mean += v;
        mean /= static_cast<double>(width);
        for (const float v : pooled) variance += (v - mean) * (v - mean);
        const double scale = 1 / std::sqrt(variance / static_cast<double>(width) + stack_.spec().body.epsilon);
        for (std::size_t i = 0; i < width; ++i)
            pooled[i] = static_cast<float>((pooled[i] - mean) * scale) * head_.norm[i];
    }
    return tensor::dot(head_.out.data(), pooled.data(), width) + head_.out_bias;
}

Result<std::vector<float>> CrossEncoder::score(tensor::ThreadTeam& team, std::string_view query,
                                               std::span<const std::string> documents, std::size_t* token_count) {
    const std::vector<text::TokenId> asked = tokenizer_->encode(query, {.add_special = false});
    std::vector<Pair> pairs(documents.size());
    std::atomic<std::size_t> next = 0;
    team.run([&](tensor::Worker&) {
        for (std::size_t i = next++; i < documents.size(); i = next++) pairs[i] = pair_of(asked, documents[i]);
    });
    std::vector<EncoderInput> inputs;
    std::size_t total = 0;
    for (const Pair& pair : pairs) {
        inputs.push_back({pair.tokens, pair.second});
        total += pair.tokens.size();
    }
    std::vector<float> out(documents.size());
    stack_.run(team, inputs,
               [&](std::size_t index, float* rows, std::size_t tokens) { out[index] = score_of(rows, tokens); });
    if (token_count != nullptr) *token_count = total;
    return out;
}

}  // namespace

bool is_reranker(const ModelSource& source) {
    if (source.is_gguf()) return source.integer("pooling_type", "").value_or(0) == gguf_rank_pooling;
    const json::Value* names = json::find(source.config(), "architectures");
    if (names == nullptr || !names->is_array()) return false;
    return std::ranges::any_of(names->get_array(), [](const json::Value& name) {
        return name.is_string() && std::string_view(name.get_string()).ends_with("ForSequenceClassification");
    });
}

Result<std::unique_ptr<RerankModel>> load_rerank_model(const SourcePtr& source, EncoderSpec spec,
                                                       const LoadOptions& options) {
    auto model = std::make_unique<CrossEncoder>();
    TENON_CHECK(model->load(source, std::move(spec), options));
    return model;
}

}  // namespace tenon::model
