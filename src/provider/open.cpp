#include "tenon/provider/open.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tenon/provider/anthropic.hpp"
#include "tenon/provider/gemini.hpp"
#include "tenon/provider/kserve.hpp"
#include "tenon/provider/model_pool.hpp"
#include "tenon/provider/ollama.hpp"

namespace tenon::provider {

using namespace llm;

namespace {

/// The address, with all that it needs said. Errors: invalid_argument.
Result<std::string> address_of(const Preset& preset, const OpenSettings& settings) {
    auto url = settings.base_url.empty() ? preset.base_url : settings.base_url;
    if (url.empty())
        return fail(ErrorCode::invalid_argument, fmt::format("{}: say where the server is (base_url)", preset.name));
    constexpr std::string_view region = "{region}";
    if (const auto at = url.find(region); at != std::string::npos) {
        if (settings.region.empty())
            return fail(ErrorCode::invalid_argument, fmt::format("{}: say which region (region)", preset.name));
        url.replace(at, region.size(), settings.region);
    }
    if (!settings.api_version.empty())
        url += (url.contains('?') ? "&api-version=" : "?api-version=") + settings.api_version;
    return url;
}

Result<void> check(const ModelName& name, const OpenSettings& settings) {
    if (name.model.empty())
        return fail(ErrorCode::invalid_argument, fmt::format("{0}: say which model, as {0}:NAME", name.preset->name));
    if (!settings.client) return fail(ErrorCode::invalid_argument, "a model behind a server needs an HTTP client");
    // A server of one's own may want no key.
    if (name.preset->key_required && settings.api_key.empty() && settings.base_url.empty())
        return fail(ErrorCode::unauthenticated, fmt::format("{} wants an API key; put it into {}", name.preset->name,
                                                            fmt::join(name.preset->key_variables, " or ")));
    return {};
}

template <class Options>
Result<Options> shared_options(const Preset& preset, const OpenSettings& settings) {
    Options out;
    TENON_TRY(out.base_url, address_of(preset, settings));
    out.api_key = settings.api_key;
    out.headers = settings.headers;
    out.retry = settings.retry;
    out.idle_timeout = settings.idle_timeout;
    if constexpr (requires { out.context_length; })
        if (settings.context_length != 0) out.context_length = settings.context_length;
    return out;
}

Result<OpenAiOptions> openai_options(const Preset& preset, const OpenSettings& settings) {
    TENON_TRY(auto out, shared_options<OpenAiOptions>(preset, settings));
    out.quirks = preset.quirks;
    out.api_key_header = preset.api_key_header;
    return out;
}

Result<ChatModelPtr> open_remote_chat(const ModelName& name, const OpenSettings& settings) {
    TENON_CHECK(check(name, settings));
    const auto& preset = *name.preset;
    switch (preset.protocol) {
        case Protocol::openai: {
            TENON_TRY(auto options, openai_options(preset, settings));
            return make_openai_chat_model(settings.client, name.model, std::move(options));
        }
        case Protocol::openai_responses: {
            TENON_TRY(auto options, openai_options(preset, settings));
            return make_openai_responses_model(settings.client, name.model, std::move(options));
        }
        case Protocol::anthropic: {
            TENON_TRY(auto options, shared_options<AnthropicOptions>(preset, settings));
            return make_anthropic_chat_model(settings.client, name.model, std::move(options));
        }
        case Protocol::gemini: {
            TENON_TRY(auto options, shared_options<GeminiOptions>(preset, settings));
            return make_gemini_chat_model(settings.client, name.model, std::move(options));
        }
        case Protocol::ollama: {
            TENON_TRY(auto options, shared_options<OllamaOptions>(preset, settings));
            return make_ollama_chat_model(settings.client, name.model, std::move(options));
        }
        case Protocol::kserve: {
            TENON_TRY(auto options, shared_options<KserveOptions>(preset, settings));
            return make_kserve_chat_model(settings.client, name.model, std::move(options));
        }
        case Protocol::rerank_only:
            break;
    }
    return fail(ErrorCode::unsupported, fmt::format("{} has no chat models", preset.name));
}

Result<EmbedderPtr> open_remote_embedder(const ModelName& name, const OpenSettings& settings) {
    TENON_CHECK(check(name, settings));
    const auto& preset = *name.preset;
    switch (preset.protocol) {
        case Protocol::openai:
        case Protocol::openai_responses: {
            TENON_TRY(auto options, openai_options(preset, settings));
            return make_openai_embedder(settings.client, name.model, std::move(options));
        }
        case Protocol::gemini: {
            TENON_TRY(auto options, shared_options<GeminiOptions>(preset, settings));
            return make_gemini_embedder(settings.client, name.model, std::move(options));
        }
        case Protocol::ollama: {
            TENON_TRY(auto options, shared_options<OllamaOptions>(preset, settings));
            return make_ollama_embedder(settings.client, name.model, std::move(options));
        }
        case Protocol::kserve: {
            TENON_TRY(auto options, shared_options<KserveOptions>(preset, settings));
            return make_kserve_embedder(settings.client, name.model, std::move(options));
        }
        case Protocol::anthropic:
        case Protocol::rerank_only:
            break;
    }
    return fail(ErrorCode::unsupported, fmt::format("{} has no embedding models", preset.name));
}

}  // namespace

ModelName parse_model_name(std::string_view name) {
    if (const auto colon = name.find(':'); colon != std::string_view::npos)
        if (auto preset = find_preset(name.substr(0, colon)))
            return {std::move(preset), std::string(name.substr(colon + 1))};
    return {std::nullopt, std::string(name)};
}

task<Result<ChatModelPtr>> open_chat_model(std::string name, OpenSettings settings, CallOptions options) {
    const auto parsed = parse_model_name(name);
    if (parsed.preset) co_return open_remote_chat(parsed, settings);
    if (!settings.pool) co_return fail(ErrorCode::invalid_argument, "a local model needs a pool to be loaded into");
    const auto pool = settings.pool;
    co_return co_await pool->chat(std::move(name), options);
}

task<Result<EmbedderPtr>> open_embedder(std::string name, OpenSettings settings, CallOptions options) {
    const auto parsed = parse_model_name(name);
    if (parsed.preset) co_return open_remote_embedder(parsed, settings);
    if (!settings.pool) co_return fail(ErrorCode::invalid_argument, "a local model needs a pool to be loaded into");
    const auto pool = settings.pool;
    co_return co_await pool->embedder(std::move(name), options);
}

Result<RerankerPtr> open_reranker(std::string name, OpenSettings settings) {
    const auto parsed = parse_model_name(name);
    if (!parsed.preset)
        return fail(ErrorCode::unsupported, fmt::format("{}: no reranker of that name is behind a server", name));
    TENON_CHECK(check(parsed, settings));
    auto preset = *parsed.preset;
    if (!preset.rerank) return fail(ErrorCode::unsupported, fmt::format("{} has no rerankers", preset.name));
    if (!preset.rerank_url.empty()) preset.base_url = preset.rerank_url;
    TENON_TRY(auto rerank, shared_options<RerankOptions>(preset, settings));
    rerank.style = *preset.rerank;
    return make_remote_reranker(settings.client, parsed.model, std::move(rerank));
}

task<Result<RerankerPtr>> open_reranker(std::string name, OpenSettings settings, CallOptions options) {
    if (parse_model_name(name).preset) co_return open_reranker(std::move(name), std::move(settings));
    if (!settings.pool) co_return fail(ErrorCode::invalid_argument, "a local model needs a pool to be loaded into");
    const auto pool = settings.pool;
    co_return co_await pool->reranker(std::move(name), options);
}

}  // namespace tenon::provider
