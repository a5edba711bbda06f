#include <algorithm>
#include <utility>

#include "provider/local/turns.hpp"
#include "tenon/async/channel.hpp"
#include "tenon/async/worker.hpp"
#include "tenon/provider/local.hpp"

namespace tenon::provider {
namespace {

constexpr std::size_t batch_texts = 16;  // between two batches, other calls have their turn

struct Job {
    std::vector<std::string> texts;
    CallOptions options;
    std::size_t next = 0;
    llm::Embeddings result;
    Channel<llm::Embeddings> done;
};

}  // namespace

struct LocalEmbedder::Impl {
    Impl(std::unique_ptr<model::EncoderModel> the_model, LocalEmbedderOptions options)
        : name(options.name.empty() ? the_model->info().name : std::move(options.name)),
          model(std::move(the_model)),
          team(options.threads) {}

    void run(const std::shared_ptr<Job>& job) {
        worker.run([this, waiting = std::weak_ptr(job)] {
            take_turns(worker, waiting, "embedding", [this](Job& turn) { return embed_batch(turn); });
        });
    }
    Result<bool> embed_batch(Job& job) {
        const std::size_t count = std::min(batch_texts, job.texts.size() - job.next);
        if (count == 0) return false;
        std::size_t tokens = 0;
        TENON_TRY(const auto vectors, model->embed(team, std::span(job.texts).subspan(job.next, count), &tokens));
        job.result.values.insert(job.result.values.end(), vectors.begin(), vectors.end());
        job.result.usage.input_tokens += tokens;
        job.next += count;
        return job.next < job.texts.size();
    }

    std::string name;
    std::unique_ptr<model::EncoderModel> model;
    tensor::ThreadTeam team;
    Worker worker;  // last: it ends before what it uses
};

LocalEmbedder::LocalEmbedder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LocalEmbedder::~LocalEmbedder() = default;

std::shared_ptr<LocalEmbedder> LocalEmbedder::create(std::unique_ptr<model::EncoderModel> model,
                                                     LocalEmbedderOptions options) {
    return std::shared_ptr<LocalEmbedder>(
        new LocalEmbedder(std::make_unique<Impl>(std::move(model), std::move(options))));
}

Result<std::shared_ptr<LocalEmbedder>> LocalEmbedder::load(const std::filesystem::path& path,
                                                           LocalEmbedderOptions options) {
    TENON_TRY(auto model, model::load_encoder(path));
    return create(std::move(model), std::move(options));
}

const std::string& LocalEmbedder::name() const noexcept { return impl_->name; }
std::size_t LocalEmbedder::dimension() const { return impl_->model->dimension(); }
const model::ModelInfo& LocalEmbedder::info() const noexcept { return impl_->model->info(); }

task<Result<llm::Embeddings>> LocalEmbedder::embed(std::vector<std::string> texts, llm::EmbedKind kind,
                                                   CallOptions options) {
    const auto self = shared_from_this();
    const std::string prefix(kind == llm::EmbedKind::query ? impl_->model->query_prefix()
                                                           : impl_->model->passage_prefix());
    if (!prefix.empty())
        for (auto& text : texts) text.insert(0, prefix);
    const auto job = std::make_shared<Job>();
    job->texts = std::move(texts);
    job->options = options;
    job->result.dimension = impl_->model->dimension();
    impl_->run(job);
    auto result = co_await job->done.next(options);
    if (!result) co_return std::unexpected(std::move(result).error());
    if (!*result) co_return fail(ErrorCode::internal, "the embedder gave no answer");
    co_return std::move(**result);
}

}  // namespace tenon::provider
