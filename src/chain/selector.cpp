#include "tenon/chain/selector.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tenon::chain {
namespace {

using Indices = std::vector<std::size_t>;

class First final : public ExampleSelector {
  public:
    explicit First(std::size_t count) : count_(count) {}
    task<Result<Indices>> select(std::string, Context) const override {
        Indices all(count_);
        std::iota(all.begin(), all.end(), std::size_t{0});
        co_return all;
    }

  private:
    std::size_t count_;
};

class ByLength final : public ExampleSelector {
  public:
    ByLength(std::vector<std::size_t> lengths, std::size_t budget, std::function<std::size_t(std::string_view)> count)
        : lengths_(std::move(lengths)), budget_(budget), count_(std::move(count)) {}
    task<Result<Indices>> select(std::string query, Context) const override {
        Indices chosen;
        std::size_t used = count_(query);
        for (std::size_t i = 0; i < lengths_.size() && used + lengths_[i] <= budget_; ++i) {
            used += lengths_[i];
            chosen.push_back(i);
        }
        co_return chosen;
    }

  private:
    std::vector<std::size_t> lengths_;
    std::size_t budget_;
    std::function<std::size_t(std::string_view)> count_;
};

/// Rows of length one.
struct Vectors {
    std::size_t dimension = 0;
    std::vector<float> values;
    [[nodiscard]] std::span<const float> row(std::size_t i) const {
        return std::span(values).subspan(i * dimension, dimension);
    }
};

double dot(std::span<const float> a, std::span<const float> b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return sum;
}

task<Result<Vectors>> embed(llm::EmbedderPtr embedder, std::vector<std::string> texts, llm::EmbedKind kind,
                            Context context) {
    const std::size_t count = texts.size();
    Vectors vectors;
    if (count == 0) co_return vectors;
    auto embeddings = co_await embedder->embed(std::move(texts), kind, context.options);
    if (!embeddings) co_return std::unexpected(std::move(embeddings).error());
    if (embeddings->count() != count)
        co_return fail(ErrorCode::protocol, "the embedder gave another number of vectors than texts");
    vectors.dimension = embeddings->dimension;
    vectors.values = std::move(embeddings->values);
    for (std::size_t i = 0; i < count; ++i) {
        const auto row = std::span(vectors.values).subspan(i * vectors.dimension, vectors.dimension);
        const double length = std::sqrt(dot(row, row));
        if (length > 0)
            for (auto& x : row) x = static_cast<float>(x / length);
    }
    co_return vectors;
}

class Embedded : public ExampleSelector {
  protected:
    Embedded(llm::EmbedderPtr embedder, Vectors examples)
        : embedder_(std::move(embedder)), examples_(std::move(examples)) {}

    struct Nearest {
        std::vector<double> similarity;  // of every example
        Indices order;                   // nearest first; equals in the order of the examples
    };
    [[nodiscard]] task<Result<Nearest>> nearest(std::string query, Context context) const {
        Nearest found;
        if (examples_.dimension == 0) co_return found;
        std::vector<std::string> texts(1, std::move(query));
        auto asked = co_await embed(embedder_, std::move(texts), llm::EmbedKind::query, std::move(context));
        if (!asked) co_return std::unexpected(std::move(asked).error());
        if (asked->dimension != examples_.dimension)
            co_return fail(ErrorCode::protocol, "the embedder changed the length of its vectors");
        const std::size_t count = examples_.values.size() / examples_.dimension;
        for (std::size_t i = 0; i < count; ++i) found.similarity.push_back(dot(asked->row(0), examples_.row(i)));
        found.order.resize(count);
        std::iota(found.order.begin(), found.order.end(), std::size_t{0});
        std::ranges::stable_sort(found.order, std::greater{}, [&](std::size_t i) { return found.similarity[i]; });
        co_return found;
    }

    llm::EmbedderPtr embedder_;
    Vectors examples_;
};

class BySimilarity final : public Embedded {
  public:
    BySimilarity(llm::EmbedderPtr embedder, Vectors examples, SimilarityOptions options)
        : Embedded(std::move(embedder), std::move(examples)), options_(options) {}
    task<Result<Indices>> select(std::string query, Context context) const override {
        auto near = co_await nearest(std::move(query), std::move(context));
        if (!near) co_return std::unexpected(std::move(near).error());
        Indices chosen;
        for (const std::size_t i : near->order) {
            if (chosen.size() == options_.count || near->similarity[i] < options_.at_least) break;
            chosen.push_back(i);
        }
        if (options_.nearest_last) std::ranges::reverse(chosen);
        co_return chosen;
    }

  private:
    SimilarityOptions options_;
};

class Diverse final : public Embedded {
  public:
    Diverse(llm::EmbedderPtr embedder, Vectors examples, DiversityOptions options)
        : Embedded(std::move(embedder), std::move(examples)), options_(options) {}
    task<Result<Indices>> select(std::string query, Context context) const override {
        auto near = co_await nearest(std::move(query), std::move(context));
        if (!near) co_return std::unexpected(std::move(near).error());
        Indices left = std::move(near->order);
        if (left.size() > options_.candidates) left.resize(options_.candidates);
        Indices chosen;
        while (!left.empty() && chosen.size() < options_.count) {
            auto best = left.begin();
            double best_score = -1e300;
            for (auto it = left.begin(); it != left.end(); ++it) {
                double closest = 0;
                for (std::size_t n = 0; n < chosen.size(); ++n) {
                    const double cosine = dot(examples_.row(chosen[n]), examples_.row(*it));
                    closest = n == 0 ? cosine : std::max(closest, cosine);
                }
                const double score = options_.relevance * near->similarity[*it] - (1 - options_.relevance) * closest;
                if (score > best_score) {
                    best_score = score;
                    best = it;
                }
            }
            chosen.push_back(*best);
            left.erase(best);
        }
        co_return chosen;
    }

  private:
    DiversityOptions options_;
};

}  // namespace

SelectorPtr select_first(std::size_t count) { return std::make_shared<First>(count); }

SelectorPtr select_by_length(std::span<const std::string> examples, std::size_t budget,
                             std::function<std::size_t(std::string_view)> count) {
    std::vector<std::size_t> lengths;
    lengths.reserve(examples.size());
    for (const auto& e : examples) lengths.push_back(count(e));
    return std::make_shared<ByLength>(std::move(lengths), budget, std::move(count));
}

task<Result<SelectorPtr>> select_by_similarity(llm::EmbedderPtr embedder, std::vector<std::string> examples,
                                               SimilarityOptions options, Context context) {
    auto vectors = co_await embed(embedder, std::move(examples), llm::EmbedKind::passage, std::move(context));
    if (!vectors) co_return std::unexpected(std::move(vectors).error());
    co_return SelectorPtr(std::make_shared<BySimilarity>(std::move(embedder), std::move(*vectors), options));
}

task<Result<SelectorPtr>> select_diverse(llm::EmbedderPtr embedder, std::vector<std::string> examples,
                                         DiversityOptions options, Context context) {
    auto vectors = co_await embed(embedder, std::move(examples), llm::EmbedKind::passage, std::move(context));
    if (!vectors) co_return std::unexpected(std::move(vectors).error());
    co_return SelectorPtr(std::make_shared<Diverse>(std::move(embedder), std::move(*vectors), options));
}

}  // namespace tenon::chain
