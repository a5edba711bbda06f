#include <algorithm>
#include <cmath>
#include <utility>

#include "provider/local/turns.hpp"
#include "tenon/async/channel.hpp"
#include "tenon/async/worker.hpp"
#include "tenon/provider/local.hpp"

namespace tenon::provider {
namespace {

constexpr std::size_t batch_documents = 16;  // between two batches, other calls have their turn

struct Job {
    std::string query;
    std::vector<std::string> documents;
    std::size_t top_n = 0;
    CallOptions options;
    std::size_t next = 0;
    llm::Ranking result;
    Channel<llm::Ranking> done;
};

}  // namespace

struct LocalReranker::Impl {
    Impl(std::unique_ptr<model::RerankModel> the_model, LocalEmbedderOptions options)
        : name(options.name.empty() ? the_model->info().name : std::move(options.name)),
          model(std::move(the_model)),
          team(options.threads) {}

    void run(const std::shared_ptr<Job>& job) {
        worker.run([this, waiting = std::weak_ptr(job)] {
            take_turns(worker, waiting, "reranking", [this](Job& turn) { return score_batch(turn); });
        });
    }
    Result<bool> score_batch(Job& job) {
        auto& documents = job.result.documents;
        if (const std::size_t count = std::min(batch_documents, job.documents.size() - job.next); count > 0) {
            std::size_t tokens = 0;
            TENON_TRY(const auto scores,
                      model->score(team, job.query, std::span(job.documents).subspan(job.next, count), &tokens));
            for (std::size_t i = 0; i < count; ++i)
                documents.push_back({job.next + i, 1 / (1 + std::exp(-double{scores[i]}))});
            job.result.usage.input_tokens += tokens;
            job.next += count;
        }
        if (job.next < job.documents.size()) return true;
        std::ranges::stable_sort(documents, std::greater{}, &llm::RankedDocument::score);
        if (job.top_n != 0 && job.top_n < documents.size()) documents.resize(job.top_n);
        return false;
    }

    std::string name;
    std::unique_ptr<model::RerankModel> model;
    tensor::ThreadTeam team;
    Worker worker;  // last: it ends before what it uses
};

LocalReranker::LocalReranker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LocalReranker::~LocalReranker() = default;

std::shared_ptr<LocalReranker> LocalReranker::create(std::unique_ptr<model::RerankModel> model,
                                                     LocalEmbedderOptions options) {
    return std::shared_ptr<LocalReranker>(
        new LocalReranker(std::make_unique<Impl>(std::move(model), std::move(options))));
}

Result<std::shared_ptr<LocalReranker>> LocalReranker::load(const std::filesystem::path& path,
                                                           LocalEmbedderOptions options) {
    TENON_TRY(auto model, model::load_reranker(path));
    return create(std::move(model), std::move(options));
}

const std::string& LocalReranker::name() const noexcept { return impl_->name; }
const model::ModelInfo& LocalReranker::info() const noexcept { return impl_->model->info(); }

task<Result<llm::Ranking>> LocalReranker::rerank(std::string query, std::vector<std::string> documents,
                                                 std::size_t top_n, CallOptions options) {
    const auto self = shared_from_this();
    const auto job = std::make_shared<Job>();
    job->query = std::move(query);
    job->documents = std::move(documents);
    job->top_n = top_n;
    job->options = options;
    impl_->run(job);
    auto result = co_await job->done.next(options);
    if (!result) co_return std::unexpected(std::move(result).error());
    if (!*result) co_return fail(ErrorCode::internal, "the reranker gave no answer");
    co_return std::move(**result);
}

}  // namespace tenon::provider
