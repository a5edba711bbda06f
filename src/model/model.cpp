#include "tenon/model/model.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/architecture.hpp"
#include "model/embedding_model.hpp"
#include "model/encoder.hpp"

namespace tenon::model {
namespace {

Result<const Architecture*> architecture_of(const ModelSource& source, ModelRole role) {
    const Architecture* found = find_architecture(source.architecture());
    if (found == nullptr)
        return fail(ErrorCode::unsupported,
                    fmt::format("{} has the architecture '{}', which Tenon does not compute yet; supported: {}",
                                source.path().string(), source.architecture(), supported_architectures()));
    if (found->role != role)
        return fail(ErrorCode::unsupported,
                    fmt::format("{} ('{}') is {}", source.path().string(), source.architecture(),
                                role == ModelRole::causal ? "an embedding model, not one that generates text"
                                                          : "a model that generates text, not an embedding model"));
    return found;
}

}  // namespace

std::uint64_t ModelInfo::memory_needed(std::size_t context, KvType type) const noexcept {
    constexpr std::uint64_t working = std::uint64_t{48} << 20;  // activations, tokenizer, code
    const std::uint64_t token = layers * kv_heads * tensor::kv_head_bytes(type, head_dim) / kv_page_tokens;
    const std::uint64_t cache = role == ModelRole::causal ? token * context : 0;
    return file_bytes + cache + working;
}

Result<ModelInfo> inspect(const std::filesystem::path& path) {
    TENON_TRY(const SourcePtr source, ModelSource::open(path));
    ModelInfo out = source->basic_info();
    const Architecture* found = find_architecture(source->architecture());
    out.supported = found != nullptr;
    if (found != nullptr) out.role = found->role;
    if (source->architecture().find("bert") != std::string::npos) out.role = ModelRole::encoder;
    if (out.role == ModelRole::encoder && is_reranker(*source)) out.role = ModelRole::reranker;
    for (const TensorRecord& record : source->tensors())
        if (!record.type) out.supported = false;
    // What a sentence-transformers folder cuts texts at, when that is less than the positions there are.
    if (out.role == ModelRole::encoder && !source->is_gguf())
        if (const auto settings = read_embedding_settings(*source); settings && settings->max_tokens > 0)
            out.context_length = std::min(out.context_length, settings->max_tokens);
    return out;
}

Result<std::unique_ptr<KvCache>> CausalModel::make_cache(std::size_t capacity, KvType type) const {
    if (capacity == 0) return fail(ErrorCode::invalid_argument, "a cache needs room for at least one token");
    TENON_TRY(auto pool, make_pool((capacity + kv_page_tokens - 1) / kv_page_tokens, type));
    return std::make_unique<KvCache>(std::move(pool), capacity);
}

Result<std::unique_ptr<CausalModel>> load_causal(const std::filesystem::path& path, const LoadOptions& options) {
    TENON_TRY(const SourcePtr source, ModelSource::open(path));
    TENON_TRY(const Architecture* architecture, architecture_of(*source, ModelRole::causal));
    return architecture->load_causal(source, options);
}

Result<std::unique_ptr<EncoderModel>> load_encoder(const std::filesystem::path& path, const LoadOptions& options) {
    TENON_TRY(const SourcePtr source, ModelSource::open(path));
    TENON_TRY(const Architecture* architecture, architecture_of(*source, ModelRole::encoder));
    TENON_TRY(EncoderSpec spec, architecture->read_encoder(*source));
    if (is_reranker(*source))
        return fail(ErrorCode::unsupported,
                    fmt::format("{} is a reranker, not an embedding model", source->path().string()));
    return load_embedding_model(source, std::move(spec), options);
}

Result<std::unique_ptr<RerankModel>> load_reranker(const std::filesystem::path& path, const LoadOptions& options) {
    TENON_TRY(const SourcePtr source, ModelSource::open(path));
    TENON_TRY(const Architecture* architecture, architecture_of(*source, ModelRole::encoder));
    TENON_TRY(EncoderSpec spec, architecture->read_encoder(*source));
    return load_rerank_model(source, std::move(spec), options);
}

}  // namespace tenon::model
