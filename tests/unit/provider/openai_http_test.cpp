// The provider against a server that plays OpenAI's part over loopback.
#include <gtest/gtest.h>

#include <deque>
#include <mutex>
#include <thread>

#include "tenon/async/runtime.hpp"
#include "tenon/base/base64.hpp"
#include "tenon/net/http_server.hpp"
#include "tenon/provider/openai.hpp"

namespace tenon::provider {
namespace {

using namespace llm;
using namespace std::chrono_literals;

std::string chunk(std::string_view text) {
    return R"(data: {"choices":[{"index":0,"delta":{"content":")" + std::string(text) + R"("}}]})" + "\n\n";
}
const std::string ending =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n";

struct Scripted {
    int status = 200;
    std::string type = "text/event-stream";
    std::vector<std::string> pieces{};
    bool hang = false;  ///< after the pieces
    std::string retry_after{};
};
using Script = std::vector<Scripted>;

ChatRequest request_x() {
    ChatRequest request;
    request.messages = {Message::user("x")};
    return request;
}

/// Answers in the order of the script, and keeps what it was asked.
struct FakeOpenAi {
    std::mutex mutex;
    std::deque<Scripted> script;
    std::vector<std::string> bodies, authorizations;
    std::atomic<int> stopped{0};
    Runtime runtime{2};
    std::unique_ptr<net::HttpServer> server;
    std::shared_ptr<net::HttpClient> client = std::make_shared<net::HttpClient>(runtime.executor());

    explicit FakeOpenAi(const Script& answers) : script(answers.begin(), answers.end()) {
        net::Router router;
        router.add_streaming(
            "POST", "/v1/{rest...}",
            [this](net::HttpRequest request, std::shared_ptr<net::ResponseWriter> out, net::CallContext context) {
                return answer(std::move(request), std::move(out), std::move(context));
            });
        net::HttpServerOptions options;
        options.port = 0;
        auto started = net::HttpServer::start(runtime.executor(), options, std::move(router));
        EXPECT_TRUE(started);
        server = std::move(*started);
    }
    ~FakeOpenAi() {
        std::promise<void> done;
        boost::asio::co_spawn(runtime.executor(), server->shutdown(0ms),
                              [&](const std::exception_ptr&) { done.set_value(); });
        done.get_future().get();
    }
    FakeOpenAi(const FakeOpenAi&) = delete;
    FakeOpenAi& operator=(const FakeOpenAi&) = delete;

    task<Result<void>> answer(net::HttpRequest request, std::shared_ptr<net::ResponseWriter> out,
                              net::CallContext context) {
        Scripted now;
        {
            const std::lock_guard lock(mutex);
            bodies.push_back(request.path + " " + request.body);
            authorizations.emplace_back(request.headers.find("authorization").value_or("none"));
            if (script.empty()) co_return fail(ErrorCode::internal, "the script is over");
            now = script.front();
            script.pop_front();
        }
        net::Headers headers;
        headers.set("Content-Type", now.type);
        if (!now.retry_after.empty()) headers.set("Retry-After", now.retry_after);
        TENON_CO_CHECK(co_await out->start(now.status, std::move(headers)));
        for (const auto& piece : now.pieces) TENON_CO_CHECK(co_await out->write(piece));
        if (now.hang) {
            auto slept = co_await net::sleep_for(std::chrono::minutes(5), context.call);
            if (!slept) ++stopped;
            co_return slept;
        }
        co_return Result<void>{};
    }

    [[nodiscard]] OpenAiOptions options() const {
        OpenAiOptions out;
        out.base_url = server->url() + "/v1";
        out.api_key = "sk-test";
        out.retry.base = 1ms;
        out.retry.cap = 2ms;
        return out;
    }
    ChatModelPtr chat() { return make_openai_chat_model(client, "tiny", options()); }
    Result<ChatResponse> ask(CallOptions call = CallOptions::within(60s)) {
        const auto model = chat();
        ChatRequest request;
        request.messages = {Message::user("hi")};
        return sync_wait(runtime, model->generate(std::move(request), std::move(call)));
    }
};

TEST(OpenAiProvider, StreamsAnAnswer) {
    FakeOpenAi fake(Script{{.pieces = {chunk("Hel"), chunk("lo"), ending}}});
    const auto response = fake.ask();
    ASSERT_TRUE(response) << response.error().describe();
    EXPECT_EQ(response->message.text(), "Hello");
    EXPECT_EQ(response->finish, FinishReason::stop);
    EXPECT_EQ(response->usage.input_tokens, 5U);
    EXPECT_EQ(response->usage.output_tokens, 2U);
    EXPECT_EQ(fake.authorizations.at(0), "Bearer sk-test");
    EXPECT_TRUE(fake.bodies.at(0).starts_with("/v1/chat/completions {\"model\":\"tiny\"")) << fake.bodies.at(0);
}

TEST(OpenAiProvider, TakesAServerThatDoesNotStream) {
    FakeOpenAi fake(Script{{.type = "application/json; charset=utf-8",
                            .pieces = {R"({"choices":[{"message":{"content":"whole"},"finish_reason":"length"}]})"}}});
    const auto response = fake.ask();
    ASSERT_TRUE(response) << response.error().describe();
    EXPECT_EQ(response->message.text(), "whole");
    EXPECT_EQ(response->finish, FinishReason::length);
}

TEST(OpenAiProvider, TriesAgainBeforeTheFirstToken) {
    FakeOpenAi fake(
        {{.status = 503, .pieces = {"busy"}},
         {.status = 429, .pieces = {R"({"error":{"message":"slow","type":"rate_limit_error"}})"}, .retry_after = "0"},
         {.pieces = {"data: {\"error\":{\"message\":\"Overloaded\",\"type\":\"overloaded_error\"}}\n\n"}},
         {.pieces = {chunk("ok"), ending}}});
    const auto response = fake.ask();
    ASSERT_TRUE(response) << response.error().describe();
    EXPECT_EQ(response->message.text(), "ok");
    EXPECT_EQ(fake.bodies.size(), 4U);
}

TEST(OpenAiProvider, DoesNotTryAgainInVain) {
    const auto code = [](Scripted answer) {
        FakeOpenAi fake(Script{std::move(answer)});
        const auto response = fake.ask();
        EXPECT_FALSE(response);
        EXPECT_EQ(fake.bodies.size(), 1U);
        return response ? ErrorCode::internal : response.error().code();
    };
    EXPECT_EQ(code({.status = 401, .pieces = {R"({"error":{"message":"Incorrect API key"}})"}}),
              ErrorCode::unauthenticated);
    EXPECT_EQ(code({.status = 400, .pieces = {R"({"error":{"message":"bad"}})"}}), ErrorCode::invalid_argument);
    EXPECT_EQ(code({.status = 429, .pieces = {"{}"}, .retry_after = "86400"}), ErrorCode::rate_limited);
    EXPECT_EQ(code({.status = 429, .pieces = {R"({"error":{"message":"no money","code":"insufficient_quota"}})"}}),
              ErrorCode::resource_exhausted);
    EXPECT_EQ(code({.pieces = {"data: nonsense\n\n"}}), ErrorCode::protocol);
}

TEST(OpenAiProvider, GivesWhatCameBeforeAFault) {
    FakeOpenAi fake(Script{{.pieces = {chunk("part") + "data: {\"error\":{\"message\":\"died\"}}\n\n"}}});
    const auto model = fake.chat();
    auto stream = sync_wait(fake.runtime, model->stream(request_x(), CallOptions::within(60s)));
    ASSERT_TRUE(stream) << stream.error().describe();
    const auto first = sync_wait(fake.runtime, (*stream)->next());
    ASSERT_TRUE(first && *first);
    EXPECT_EQ((*first)->text, "part");
    const auto second = sync_wait(fake.runtime, (*stream)->next());
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message().find("died"), std::string::npos);
    const auto third = sync_wait(fake.runtime, (*stream)->next());
    ASSERT_TRUE(third);
    EXPECT_FALSE(*third);
}

TEST(OpenAiProvider, CancellationReachesTheServer) {
    FakeOpenAi fake(
        Script{{.pieces = {chunk("a")}, .hang = true}, {.pieces = {chunk("b")}, .hang = true}, {.hang = true}});
    const auto eventually = [](const auto& done) {
        for (const auto until = Clock::now() + 120s; Clock::now() < until && !done();) std::this_thread::sleep_for(5ms);
        return done();
    };
    {
        std::stop_source source;
        CallOptions call;
        call.stop = source.get_token();
        const auto model = fake.chat();
        auto stream = sync_wait(fake.runtime, model->stream(request_x(), call));
        ASSERT_TRUE(stream) << stream.error().describe();
        ASSERT_TRUE(sync_wait(fake.runtime, (*stream)->next()));
        std::jthread stopper([&] {
            std::this_thread::sleep_for(30ms);
            source.request_stop();
        });
        const auto next = sync_wait(fake.runtime, (*stream)->next());
        ASSERT_FALSE(next);
        EXPECT_EQ(next.error().code(), ErrorCode::cancelled);
        EXPECT_TRUE(eventually([&] { return fake.stopped == 1; }));
    }
    {
        const auto model = fake.chat();
        auto stream = sync_wait(fake.runtime, model->stream(request_x(), CallOptions::within(60s)));
        ASSERT_TRUE(stream);
        stream->reset();  // nobody listens any more
        EXPECT_TRUE(eventually([&] { return fake.stopped == 2; }));
    }
    const auto late = fake.ask(CallOptions::within(100ms));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code(), ErrorCode::deadline_exceeded);
    EXPECT_TRUE(eventually([&] { return fake.stopped == 3; }));
}

TEST(OpenAiProvider, CompletesText) {
    FakeOpenAi fake(Script{{.pieces = {"data: {\"choices\":[{\"text\":\" "
                                       "upon\",\"index\":0,\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n"}}});
    const auto model = fake.chat();
    CompletionRequest request;
    request.prompt = "Once";
    auto stream = sync_wait(fake.runtime, model->complete(request, CallOptions::within(60s)));
    ASSERT_TRUE(stream) << stream.error().describe();
    EXPECT_EQ((*sync_wait(fake.runtime, (*stream)->next()))->text, " upon");
    EXPECT_TRUE(fake.bodies.at(0).starts_with("/v1/completions "));
    EXPECT_EQ(model->count_tokens("12345678"), 2U);
    EXPECT_EQ(model->count_tokens("\xE4\xBD\xA0\xE5\xA5\xBD"), 2U);
}

TEST(OpenAiProvider, EmbedsInBatches) {
    const auto rows = [](int from, int n) {
        std::string out = R"({"data":[)";
        for (int i = 0; i < n; ++i)
            out += (i ? "," : "") + std::string(R"({"index":)") + std::to_string(i) + R"(,"embedding":[)" +
                   std::to_string(from + i) + ",0.5]}";
        return out + R"(],"usage":{"prompt_tokens":)" + std::to_string(n) + "}}";
    };
    FakeOpenAi fake(Script{{.type = "application/json", .pieces = {rows(0, 2)}},
                           {.status = 500, .type = "application/json", .pieces = {"{}"}},
                           {.type = "application/json", .pieces = {rows(2, 1)}}});
    auto options = fake.options();
    options.batch = 2;
    options.query_prefix = "query: ";
    const auto embedder = make_openai_embedder(fake.client, "e", options);
    EXPECT_EQ(embedder->dimension(), 0U);
    const auto done =
        sync_wait(fake.runtime, embedder->embed({"a", "b", "c"}, EmbedKind::query, CallOptions::within(60s)));
    ASSERT_TRUE(done) << done.error().describe();
    EXPECT_EQ(done->values, (std::vector<float>{0, 0.5F, 1, 0.5F, 2, 0.5F}));
    EXPECT_EQ(done->usage.input_tokens, 3U);
    EXPECT_EQ(embedder->dimension(), 2U);
    EXPECT_NE(fake.bodies.at(2).find("\"query: c\""), std::string::npos);
    const auto none = sync_wait(fake.runtime, embedder->embed({}, EmbedKind::passage, {}));
    ASSERT_TRUE(none);
    EXPECT_EQ(none->count(), 0U);
}

}  // namespace
}  // namespace tenon::provider
