// Embeddings: the same way, without a stream.
#include <fmt/format.h>

#include "gateway/call.hpp"

namespace tenon::gateway {
namespace {

struct Embedding {
    Journey journey;
    std::vector<std::string> texts;
    llm::EmbedKind kind;
    Charge charge;
    std::string alias;
    llm::Embeddings rows;
};

task<std::expected<void, Outcome>> attempt(Embedding* e, TicketPtr ticket) {
    const auto& about = ticket->target().about;
    auto embedder = co_await about.embedder(e->journey.options);
    if (!embedder) co_return outcome_of(std::move(embedder).error());
    if (auto prepared = e->charge.prepare(ticket->target()); !prepared)
        co_return std::unexpected(Outcome{Failure::incapable, std::move(prepared).error()});
    auto rows = co_await (*embedder)->embed(e->texts, e->kind, e->journey.options);
    if (!rows) {
        e->charge.attempt_failed();
        co_return outcome_of(std::move(rows).error());
    }
    ticket->first_token();
    if (rows->usage.input_tokens == 0) rows->usage.input_tokens = e->charge.input_tokens();
    ticket->used(rows->usage.input_tokens);
    (void)e->charge.settle(e->alias, ticket->target(), rows->usage);
    e->rows = std::move(*rows);
    co_return std::expected<void, Outcome>();
}

}  // namespace

task<Result<llm::Embeddings>> run_embedding(CorePtr core, RouteState* route, Access access,
                                            std::vector<std::string> texts, llm::EmbedKind kind, CallOptions options) {
    Needs needs;
    needs.embedding = true;
    std::uint64_t tokens = 0;
    for (const auto& text : texts) tokens += estimate_tokens(text) + 2;
    Embedding e{{core, route, access, needs, tokens, std::move(options)},
                std::move(texts),
                kind,
                Charge(core, access),
                route->about.alias,
                {}};
    TENON_CO_CHECK(e.charge.reserve(tokens, 0));
    auto done = co_await travel(&e.journey, [&e](TicketPtr ticket) { return attempt(&e, std::move(ticket)); });
    if (!done) co_return std::unexpected(std::move(done).error());
    co_return std::move(e.rows);
}

}  // namespace tenon::gateway
