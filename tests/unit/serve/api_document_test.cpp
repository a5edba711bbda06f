// /openapi.json of a running server: every route is there, and every answer has a schema.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <mutex>
#include <set>

#include "tenon/json/json.hpp"
#include "tenon/json/schema.hpp"
#include "tenon/net/http_client.hpp"
#include "tenon/serve/server.hpp"

namespace tenon::serve {
namespace {

struct Fixture {
    Runtime runtime{1};
    std::mutex mutex;
    std::string errors;
    std::unique_ptr<Server> server;
    std::unique_ptr<net::HttpClient> client;

    explicit Fixture(std::vector<std::string> keys = {}) {
        Services services;
        services.runtime = &runtime;
        services.chat_model = [](std::string, Caller) -> task<Result<llm::ChatModelPtr>> {
            co_return fail(ErrorCode::not_found, "no model of that name");
        };
        services.models = [] {
            ModelEntry small;
            small.name = "small";
            small.role = "chat";
            return std::vector{small};
        };
        services.version = "test";
        ServerOptions options;
        options.port = 0;
        options.api_keys = std::move(keys);
        options.log = [this](LogLevel level, std::string_view, std::string_view text) {
            if (level < LogLevel::error) return;
            const std::scoped_lock lock(mutex);
            errors += text;
        };
        server = Server::start(std::move(services), std::move(options)).value();
        client = std::make_unique<net::HttpClient>(runtime.executor());
    }
    ~Fixture() {
        sync_wait(runtime, server->shutdown());
        client.reset();
        server.reset();
    }
    json::Value get(const std::string& path, net::Headers headers = {}) {
        net::ClientRequest request;
        request.method = "GET";
        request.url = server->url() + path;
        request.headers = std::move(headers);
        return json::parse(sync_wait(runtime, client->send(std::move(request))).value().body).value();
    }
};

/// The schema of an answer, with the definitions it refers to.
json::Schema schema_of(const json::Value& document, std::string_view path, std::string_view method,
                       std::string_view status) {
    const auto& media = document.at("paths").at(path).at(method).at("responses").at(status).at("content");
    json::Object schema = media.at("application/json").at("schema").as_object();
    schema["components"] = document.at("components");
    return json::Schema::compile(json::Value(std::move(schema))).value();
}

TEST(ApiDocument, CoversEveryRouteAndEveryAnswerHasASchema) {
    Fixture f;
    const auto document = f.get("/openapi.json");
    EXPECT_EQ(f.errors, "");
    const auto& paths = document.at("paths").as_object();
    for (const auto* path : {"/v1/chat/completions",
                             "/v1/completions",
                             "/v1/embeddings",
                             "/v1/models",
                             "/v1/models/{id}",
                             "/v1/responses",
                             "/v1/responses/{id}",
                             "/v1/responses/{id}/input_items",
                             "/v1/messages",
                             "/v1/messages/count_tokens",
                             "/v1beta/models",
                             "/v1beta/models/{target}",
                             "/v1beta/models/{model}:generateContent",
                             "/v1beta/models/{model}:streamGenerateContent",
                             "/v1beta/models/{model}:countTokens",
                             "/v1beta/models/{model}:embedContent",
                             "/api/chat",
                             "/api/generate",
                             "/api/embed",
                             "/api/tags",
                             "/api/show",
                             "/v1/rerank",
                             "/v2/rerank",
                             "/tokenize",
                             "/v1/detokenize",
                             "/slots",
                             "/health",
                             "/metrics",
                             "/v1/ask",
                             "/v1/knowledge_bases/{name}/documents"})
        EXPECT_TRUE(paths.contains(path)) << path;
    std::size_t answers = 0;
    for (const auto& path : paths)
        for (const auto& method : path.value().as_object()) {
            EXPECT_EQ(method.value().as_object().contains("security"), false) << path.key();
            for (const auto& response : method.value().at("responses").as_object())
                for (const auto& media : response.value().at("content").as_object()) {
                    const auto& said = media.value().as_object();
                    EXPECT_TRUE(said.contains("schema") || said.contains("x-item-schema")) << path.key();
                    ++answers;
                }
        }
    EXPECT_GT(answers, 100U);
}

TEST(ApiDocument, AnswersAreWhatItSays) {
    Fixture f;
    const auto document = f.get("/openapi.json");
    const auto holds = [&](std::string_view path, std::string_view status, const json::Value& answer) {
        const auto faults = schema_of(document, path, "get", status).validate(answer);
        EXPECT_TRUE(faults.empty()) << path << ": " << (faults.empty() ? "" : faults.front().describe()) << " in "
                                    << json::dump(answer);
    };
    holds("/v1/models", "200", f.get("/v1/models"));
    holds("/v1/models", "200", f.get("/v1/models", {{"anthropic-version", "2023-06-01"}}));
    holds("/v1/models/{id}", "200", f.get("/v1/models/small"));
    holds("/v1/models/{id}", "default", f.get("/v1/models/large"));
    holds("/v1/models/{id}", "default", f.get("/v1/models/large", {{"anthropic-version", "2023-06-01"}}));
    holds("/v1beta/models", "200", f.get("/v1beta/models"));
    holds("/v1beta/models/{target}", "200", f.get("/v1beta/models/small"));
    holds("/v1beta/models/{target}", "default", f.get("/v1beta/models/large"));
    holds("/api/tags", "200", f.get("/api/tags"));
    holds("/slots", "200", f.get("/slots"));
    holds("/health", "200", f.get("/health"));
    holds("/v1/responses/{id}", "default", f.get("/v1/responses/resp_none"));
    // The schemas are no blank cheques.
    EXPECT_FALSE(schema_of(document, "/health", "get", "200").accepts(f.get("/v1/models")));
    EXPECT_FALSE(schema_of(document, "/api/tags", "get", "default").accepts(f.get("/v1/models/large")));
}

TEST(ApiDocument, SaysWhichKeysAServerAsksFor) {
    Fixture f({"sesame"});
    const auto document = f.get("/openapi.json");
    EXPECT_EQ(document.at("components").at("securitySchemes").as_object().size(), 3U);
    EXPECT_EQ(document.at("paths").at("/v1/messages").at("post").at("security").as_array().size(), 3U);
    EXPECT_TRUE(
        document.at("paths").at("/v1beta/models/{model}:countTokens").at("post").as_object().contains("security"));
    EXPECT_FALSE(document.at("paths").at("/health").at("get").as_object().contains("security"));
}

}  // namespace
}  // namespace tenon::serve
