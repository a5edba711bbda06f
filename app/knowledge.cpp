#include "knowledge.hpp"

#include "tenon/model/model.hpp"

namespace tenon::app {
namespace {

/// Without an embedding model's tokenizer: four bytes a token for Latin text, and about one token for each Chinese
/// character.
std::size_t estimate_tokens(std::string_view text) {
    std::size_t ascii = 0, wide = 0;
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x80)
            ++ascii;
        else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80)
            ++wide;
    }
    return (ascii + 3) / 4 + wide;
}

}  // namespace

text::TokenCounter token_counter(Context& context, std::string_view model) {
    if (const auto path = context.model_path(model))
        if (auto tokenizer = model::load_tokenizer(*path))
            return [t = std::move(*tokenizer)](std::string_view text) {
                return t->encode(text, {.add_special = false, .parse_special = false}).size();
            };
    return estimate_tokens;
}

Result<OpenBase> open_for_indexing(Context& context, std::string_view name, std::string_view embedding) {
    OpenBase out;
    TENON_TRY(const auto store, context.store());
    std::string model(embedding);
    if (auto existing = store->get(name)) {
        TENON_TRY(const auto info, (*existing)->info());
        if (model.empty()) model = info.embedding_model.empty() ? "none" : info.embedding_model;
    } else if (existing.error().code() != ErrorCode::not_found) {
        return std::unexpected(std::move(existing).error());
    }
    if (model.empty()) model = context.settings().embedding_model;
    if (model == "none") {
        TENON_TRY(out.base, store->create(name, "", 0));
        out.count = estimate_tokens;
        return out;
    }
    TENON_TRY(out.embedder, context.embedder(model));
    std::size_t dimension = out.embedder->dimension();
    if (dimension == 0) {  // a remote model tells with its first vector
        TENON_TRY(const auto probe, sync_wait(context.runtime(), out.embedder->embed(std::vector<std::string>(1, "a"),
                                                                                     llm::EmbedKind::passage, {})));
        dimension = probe.dimension;
    }
    TENON_TRY(out.base, store->create(name, model, dimension));
    out.count = token_counter(context, model);
    return out;
}

Result<OpenBase> open_base(Context& context, std::string_view name) {
    OpenBase out;
    TENON_TRY(const auto store, context.store());
    TENON_TRY(out.base, store->get(name));
    TENON_TRY(const auto info, out.base->info());
    if (!info.embedding_model.empty()) {
        TENON_TRY(out.embedder, context.embedder(info.embedding_model));
    }
    return out;
}

Result<std::shared_ptr<const rag::Retriever>> open_retriever(Context& context, std::string_view name) {
    TENON_TRY(auto base, open_base(context, name));
    return std::make_shared<const rag::Retriever>(base.base, base.embedder, context.runtime().blocking_executor());
}

}  // namespace tenon::app
