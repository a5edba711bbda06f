#include "tenon/provider/rerank.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "provider/rerank/protocol.hpp"
#include "provider/wire/call.hpp"
#include "provider/wire/fields.hpp"

namespace tenon::provider {

using namespace llm;

namespace rerank {

std::string body_of(const std::string& model, const std::string& query, const std::vector<std::string>& documents,
                    std::size_t top_n, RerankOptions::Style style) {
    json::Object body;
    json::Array texts(documents.begin(), documents.end());
    if (style == RerankOptions::Style::tei) {
        body["query"] = query;
        body["texts"] = std::move(texts);
        return json::dump(body);
    }
    body["model"] = model;
    body["query"] = query;
    body["documents"] = std::move(texts);
    if (top_n != 0) body["top_n"] = std::min(top_n, documents.size());
    if (style == RerankOptions::Style::jina) body["return_documents"] = false;
    return json::dump(body);
}

Result<Ranking> decode(std::string_view body, std::size_t count, std::size_t top_n) {
    auto value = json::parse(body);
    if (!value)
        return fail(ErrorCode::protocol, "the server sent an answer that is not JSON", std::move(value).error());
    const json::Array* rows = value->is_array() ? &value->get_array() : nullptr;
    for (const char* key : {"results", "data"})
        if (rows == nullptr)
            if (const auto* found = json::find(*value, key); found != nullptr && found->is_array())
                rows = &found->get_array();
    if (rows == nullptr) return fail(ErrorCode::protocol, "the server sent an answer without results");
    Ranking out;
    std::vector<bool> seen(count, false);
    for (const auto& row : *rows) {
        const auto index = json::integer_or(row, "index", -1);
        const double score = json::number_or(row, "relevance_score", json::number_or(row, "score", std::nan("")));
        if (index < 0 || static_cast<std::size_t>(index) >= count || seen[static_cast<std::size_t>(index)] ||
            !std::isfinite(score))
            return fail(ErrorCode::protocol, "the server ranked a document that it was not given, or one twice");
        seen[static_cast<std::size_t>(index)] = true;
        out.documents.push_back({static_cast<std::size_t>(index), score});
    }
    const auto wanted = top_n == 0 ? count : std::min(top_n, count);
    if (out.documents.size() < wanted) return fail(ErrorCode::protocol, "the server did not rank every document");
    std::ranges::stable_sort(out.documents, std::greater<>{}, &RankedDocument::score);
    out.documents.resize(wanted);
    if (const auto* usage = json::find(*value, "usage")) {
        out.usage.input_tokens = wire::count_of(*usage, "prompt_tokens");
        if (out.usage.input_tokens == 0) out.usage.input_tokens = wire::count_of(*usage, "total_tokens");
    }
    return out;
}

}  // namespace rerank

namespace {

class RemoteReranker final : public Reranker {
  public:
    RemoteReranker(std::shared_ptr<net::HttpClient> client, std::string model, RerankOptions options)
        : model_(std::move(model)), options_(std::move(options)) {
        net::Headers headers;
        if (!options_.api_key.empty()) headers.set("Authorization", "Bearer " + options_.api_key);
        for (const auto& field : options_.headers) headers.set(field.name, field.value);
        caller_ = std::make_shared<const wire::Caller>(
            wire::Caller{std::move(client), std::move(headers), options_.retry, options_.idle_timeout});
    }

    const std::string& name() const noexcept override { return model_; }
    task<Result<Ranking>> rerank(std::string query, std::vector<std::string> documents, std::size_t top_n,
                                 CallOptions options) override {
        if (documents.empty()) co_return Ranking{};
        const auto caller = caller_;
        const auto url = wire::endpoint(options_.base_url, "/rerank");
        const auto body = rerank::body_of(model_, query, documents, top_n, options_.style);
        TENON_CO_TRY(const auto answer, co_await wire::post(caller, url, body, options));
        co_return rerank::decode(answer, documents.size(), top_n);
    }

  private:
    std::string model_;
    RerankOptions options_;
    std::shared_ptr<const wire::Caller> caller_;
};

}  // namespace

RerankerPtr make_remote_reranker(std::shared_ptr<net::HttpClient> client, std::string model, RerankOptions options) {
    return std::make_shared<RemoteReranker>(std::move(client), std::move(model), std::move(options));
}

}  // namespace tenon::provider
