#include "tenon/rag/ingest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <filesystem>
#include <numeric>
#include <unordered_set>

#include "rag/ingest/pipeline.hpp"

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the promise's own operator new and delete of a large coroutine for a mismatched pair.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace tenon::rag {

using namespace ingest_detail;

struct Ingestor::State {
    std::shared_ptr<store::KnowledgeBase> base;
    llm::EmbedderPtr embedder;
    text::TokenCounter count;
    IngestOptions options;
};

namespace {

Result<std::unordered_map<std::string, std::string>> known_documents(const store::KnowledgeBase& base) {
    TENON_TRY(const auto documents, base.list());
    std::unordered_map<std::string, std::string> out;
    for (const auto& document : documents) out.emplace(document.source, document.content_hash);
    return out;
}

bool below(std::string_view source, std::string_view root) {
    if (source == root || root == "/") return true;
    if (root.ends_with('/')) root.remove_suffix(1);
    return source.size() > root.size() && source.starts_with(root) && source[root.size()] == '/';
}

/// Embeds and stores documents, several at a time so that small ones fill a batch.
class Writer {
  public:
    Writer(store::KnowledgeBase& base, llm::Embedder* embedder, std::size_t batch)
        : base_(base), embedder_(embedder), batch_(std::max<std::size_t>(batch, 1)) {}

    /// Whether enough is waiting to be worth a `flush`.
    bool add(Prepared document) {
        waiting_chunks_ += document.chunks.size();
        waiting_.push_back(std::move(document));
        return embedder_ == nullptr || waiting_chunks_ >= batch_;
    }
    [[nodiscard]] bool empty() const { return waiting_.empty(); }

    /// `stored` is told of every document once it is in the base, `embedded` of the chunks as they are embedded.
    template <class Stored, class Embedded>
    task<Result<void>> flush(CallOptions call, Stored stored, Embedded embedded) {
        std::vector<Prepared> documents = std::exchange(waiting_, {});
        const std::size_t total = std::exchange(waiting_chunks_, 0);
        std::vector<float> vectors;
        std::size_t dimension = 0;
        if (embedder_ != nullptr && total > 0) {
            std::vector<std::string> texts;
            texts.reserve(total);
            for (const Prepared& d : documents)
                for (const store::Chunk& c : d.chunks)
                    texts.push_back(embedding_input(d.document.title, c.heading, c.text));
            // Texts of like length side by side waste the least padding.
            std::vector<std::size_t> order(texts.size());
            std::iota(order.begin(), order.end(), std::size_t{0});
            std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(texts[i].size(), i); });
            for (std::size_t first = 0; first < order.size(); first += batch_) {
                const std::size_t n = std::min(batch_, order.size() - first);
                std::vector<std::string> part;
                part.reserve(n);
                for (std::size_t i = 0; i < n; ++i) part.push_back(std::move(texts[order[first + i]]));
                TENON_CO_TRY(const llm::Embeddings embeddings,
                             co_await embedder_->embed(std::move(part), llm::EmbedKind::passage, call));
                if (embeddings.count() != n || (dimension != 0 && embeddings.dimension != dimension))
                    co_return fail(ErrorCode::internal,
                                   fmt::format("the embedding model '{}' gave {} vectors of {} for {} texts",
                                               embedder_->name(), embeddings.count(), embeddings.dimension, n));
                if (dimension == 0) {
                    dimension = embeddings.dimension;
                    vectors.resize(total * dimension);
                }
                for (std::size_t i = 0; i < n; ++i)
                    std::copy_n(embeddings.values.begin() + static_cast<std::ptrdiff_t>(i * dimension), dimension,
                                vectors.begin() + static_cast<std::ptrdiff_t>(order[first + i] * dimension));
                embedded(n);
            }
        }
        std::size_t row = 0;
        for (const Prepared& d : documents) {
            const auto rows = std::span<const float>(vectors).subspan(row * dimension, d.chunks.size() * dimension);
            TENON_CO_CHECK(base_.put(d.document, d.chunks, rows));
            row += d.chunks.size();
            if (embedder_ == nullptr) embedded(d.chunks.size());
            stored(d);
        }
        co_return Result<void>{};
    }

  private:
    store::KnowledgeBase& base_;
    llm::Embedder* embedder_;
    std::size_t batch_;
    std::vector<Prepared> waiting_;
    std::size_t waiting_chunks_ = 0;
};

std::optional<Error> interrupted(const CallOptions& call) {
    if (call.stop.stop_requested())
        return Error(ErrorCode::cancelled, "indexing was cancelled; what was finished is kept");
    if (call.deadline && Clock::now() >= *call.deadline)
        return Error(ErrorCode::deadline_exceeded, "indexing ran out of time; what was finished is kept");
    return std::nullopt;
}

/// Where a source lies, however it is spelt: docs/a, ./docs/a and /home/me/docs/a are one file.
std::string place_of(const std::string& source) {
    std::error_code ignored;
    return std::filesystem::absolute(source, ignored).lexically_normal().string();
}

/// Documents that lay under the roots and are not there any more, and those that are there under another spelling now.
Result<std::size_t> remove_missing(store::KnowledgeBase& base, const std::vector<std::string>& known,
                                   const WalkResult& walked) {
    std::unordered_set<std::string_view> present;
    std::unordered_set<std::string> places;
    for (const FoundFile& file : walked.files) {
        present.insert(file.source);
        places.insert(place_of(file.source));
    }
    std::size_t removed = 0;
    for (const std::string& source : known) {
        if (present.contains(source)) continue;
        const bool under = std::ranges::any_of(
            walked.roots, [&](const std::string& root) { return below(source, root) || glob_match(root, source); });
        // A folder that could not be read says nothing about what is in it.
        const bool unknown = std::ranges::any_of(walked.failed, [&](const SkippedFile& f) {
            return below(source, f.source) && f.reason != "no such file or folder" && f.reason != "nothing matches";
        });
        const bool respelt = places.contains(place_of(source));
        if ((!under || unknown) && !respelt) continue;
        TENON_TRY(const bool gone, base.remove(source));
        removed += gone ? 1 : 0;
    }
    return removed;
}

struct Outcome {
    IngestSummary summary;
    std::size_t last_chunks = 0;
};

task<Result<Outcome>> ingest(std::shared_ptr<store::KnowledgeBase> base, llm::EmbedderPtr embedder,
                             text::TokenCounter count, IngestOptions options, Work work, ProgressSink sink,
                             CallOptions call) {
    TENON_CO_TRY(auto known, known_documents(*base));
    std::vector<std::string> known_sources;
    for (const auto& entry : known) known_sources.push_back(entry.first);
    const std::size_t batch = options.embed_batch;
    const bool removing = options.remove_missing && std::holds_alternative<std::vector<std::string>>(work);
    Outcome outcome;
    IngestSummary& summary = outcome.summary;
    IngestProgress progress;
    progress.files_total = std::holds_alternative<Upload>(work) ? 1 : 0;
    const auto report = [&] {
        if (sink) sink(progress);
    };
    const auto done = [&](std::string_view source) {
        ++progress.files_done;
        progress.current = source;
        report();
    };
    const auto stored = [&](const Prepared& d) {
        ++(d.replaces ? summary.replaced : summary.added);
        summary.chunks += d.chunks.size();
        outcome.last_chunks = d.chunks.size();
        done(d.document.source);
    };
    const auto embedded = [&](std::size_t n) {
        progress.chunks += n;
        report();
    };
    WalkResult walked;
    Writer writer(*base, embedder.get(), batch);
    // Named, because GCC 12 destroys aggregate temporaries of a full expression with co_await in it twice.
    const Executor executor = co_await boost::asio::this_coro::executor;
    PipelineSettings settings{std::move(options), std::move(count), std::move(known), call.deadline};
    Pipeline pipeline(executor, std::move(work), std::move(settings));
    const std::stop_callback forward(call.stop, [&pipeline] { pipeline.request_stop(); });
    std::optional<Error> failure;
    for (bool running = true; running;) {
        Message message = co_await pipeline.next();
        if (const auto* end = std::get_if<End>(&message)) {
            if (!failure) failure = end->error;
            running = false;
        }
        if (failure) continue;  // drains until the producer has ended
        if (auto* found = std::get_if<Found>(&message)) {
            walked = std::move(found->walk);
            progress.files_total = walked.files.size();
            report();
        } else if (const auto* unchanged = std::get_if<Unchanged>(&message)) {
            ++summary.unchanged;
            done(unchanged->source);
        } else if (auto* failed = std::get_if<Failed>(&message)) {
            if (failed->error.code() == ErrorCode::cancelled) continue;
            done(failed->source);
            summary.failed.push_back({std::move(failed->source), std::move(failed->error)});
        } else if (auto* prepared = std::get_if<Prepared>(&message)) {
            progress.current = prepared->document.source;
            report();
            if (!writer.add(std::move(*prepared))) continue;
        } else if (writer.empty()) {
            continue;
        }
        if (std::holds_alternative<Prepared>(message) || std::holds_alternative<End>(message)) {
            failure = interrupted(call);
            if (!failure)
                if (const auto flushed = co_await writer.flush(call, stored, embedded); !flushed)
                    failure = flushed.error();
            if (failure) pipeline.request_stop();
        }
    }
    if (failure) co_return std::unexpected(std::move(*failure));
    if (removing) {
        TENON_CO_TRY(summary.removed, remove_missing(*base, known_sources, walked));
    }
    const auto under = [&](const std::string& root) {
        return std::ranges::any_of(known_sources,
                                   [&](const std::string& s) { return below(s, root) || glob_match(root, s); });
    };
    for (SkippedFile& f : walked.failed) {
        const bool absent = f.reason == "no such file or folder" || f.reason == "nothing matches";
        if (absent && removing && under(f.source)) continue;  // it was deleted, and so are its documents now
        summary.failed.push_back({f.source, Error(absent ? ErrorCode::not_found : ErrorCode::io, f.reason)});
    }
    summary.skipped = std::move(walked.skipped);
    if (!walked.roots.empty() && walked.files.empty() && summary.removed == 0 &&
        summary.failed.size() == walked.roots.size() && std::ranges::all_of(summary.failed, [](const IngestFailure& f) {
            return f.error.code() == ErrorCode::not_found;
        }))
        co_return fail(ErrorCode::not_found,
                       fmt::format("{}: {}", summary.failed[0].source, summary.failed[0].error.message()));
    co_return std::move(outcome);
}

}  // namespace

Ingestor::Ingestor(std::shared_ptr<store::KnowledgeBase> base, llm::EmbedderPtr embedder, text::TokenCounter count,
                   IngestOptions options)
    : state_(
          std::make_shared<State>(State{std::move(base), std::move(embedder), std::move(count), std::move(options)})) {}

task<Result<IngestSummary>> Ingestor::run(std::vector<std::string> paths, ProgressSink progress,
                                          CallOptions options) const {
    const auto state = state_;
    Work work = std::move(paths);
    TENON_CO_TRY(Outcome outcome, co_await ingest(state->base, state->embedder, state->count, state->options,
                                                  std::move(work), std::move(progress), options));
    co_return std::move(outcome.summary);
}

task<Result<IngestedDocument>> Ingestor::ingest_bytes(std::string name, std::string bytes, ProgressSink progress,
                                                      CallOptions options) const {
    const auto state = state_;
    IngestedDocument out;
    out.source = name;
    Work work = Upload{std::move(name), std::move(bytes)};
    TENON_CO_TRY(Outcome outcome, co_await ingest(state->base, state->embedder, state->count, state->options,
                                                  std::move(work), std::move(progress), options));
    if (!outcome.summary.failed.empty()) co_return std::unexpected(std::move(outcome.summary.failed[0].error));
    out.unchanged = outcome.summary.unchanged > 0;
    out.replaced = outcome.summary.replaced > 0;
    out.chunks = outcome.last_chunks;
    co_return out;
}

}  // namespace tenon::rag
