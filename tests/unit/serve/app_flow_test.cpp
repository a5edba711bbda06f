// What surrounds a handler: injection, authentication, middleware, errors, background work, lifespan.
#include <gtest/gtest.h>
#include <zlib.h>

#include <boost/json.hpp>
#include <mutex>

#include "fake/scripted_model.hpp"
#include "tenon/agent/agent.hpp"
#include "tenon/chain/chain.hpp"
#include "tenon/serve/app.hpp"
#include "tenon/serve/chain_route.hpp"
#include "tenon/serve/middleware.hpp"
#include "tenon/serve/test_client.hpp"

namespace tenon::serve {
namespace {

class Journal {
  public:
    void add(std::string line) {
        const std::scoped_lock lock(mutex_);
        lines_.push_back(std::move(line));
    }
    std::vector<std::string> take() {
        const std::scoped_lock lock(mutex_);
        return std::exchange(lines_, {});
    }

  private:
    std::mutex mutex_;
    std::vector<std::string> lines_;
};
using Lines = std::vector<std::string>;

struct Connection {
    std::shared_ptr<Journal> journal;
    explicit Connection(std::shared_ptr<Journal> to) : journal(std::move(to)) { journal->add("open"); }
    ~Connection() { journal->add("close"); }
};
struct Transaction {
    Inject<Connection> on;
    explicit Transaction(Inject<Connection> connection) : on(std::move(connection)) { on->journal->add("begin"); }
    ~Transaction() { on->journal->add("end"); }
};
struct Caller {
    std::string name;
};

TEST(AppFlow, WhatIsInjectedIsMadeOnceAndEndsInReverseAfterTheAnswer) {
    const auto journal = std::make_shared<Journal>();
    App app;
    app.provide<Connection>([journal]() { return std::make_unique<Connection>(journal); });
    app.provide<Transaction>([](Inject<Connection> connection) -> task<Result<std::shared_ptr<Transaction>>> {
        co_return std::make_shared<Transaction>(std::move(connection));
    });
    app.get("/x", [journal](Inject<Transaction> transaction, Inject<Connection> again, Context context) -> task<Text> {
        journal->add(&*again == &*transaction->on ? "same" : "other");
        context.background([journal]() -> task<void> {
            journal->add("background");
            co_return;
        });
        co_return Text{"done"};
    });
    app.get("/fails", [](Inject<Transaction>) -> Result<Text> { return fail(ErrorCode::not_found, "no such thing"); });
    TestClient client(app);
    EXPECT_EQ(client.get("/x").body, "done");
    EXPECT_EQ(journal->take(), (Lines{"open", "begin", "same", "background", "end", "close"}));
    EXPECT_EQ(client.get("/fails").status, 404);
    EXPECT_EQ(journal->take(), (Lines{"open", "begin", "end", "close"}));
}

TEST(AppFlow, AFailingProviderIsTheAnswerAndWhatWasMadeBeforeEnds) {
    const auto journal = std::make_shared<Journal>();
    App app;
    app.provide<Connection>([journal]() { return std::make_unique<Connection>(journal); });
    app.provide<Transaction>(
        [](Inject<Connection>) -> Result<Transaction> { return fail(ErrorCode::unavailable, "the database is away"); });
    app.get("/x", [](Inject<Transaction>) { return 1; });
    TestClient client(app);
    const auto reply = client.get("/x");
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.problem()->detail, "the database is away");
    EXPECT_EQ(journal->take(), (Lines{"open", "close"}));
    // A later provider replaces the first: how tests put fakes in.
    app.provide<Transaction>([](Inject<Connection> c) { return std::make_unique<Transaction>(std::move(c)); });
    TestClient again(app);
    EXPECT_EQ(again.get("/x").status, 200);
}

App guarded() {
    App app;
    app.authenticate<Caller>([](BearerToken shown) -> Result<Caller> {
        if (shown.token == "sesame") return Caller{"Ali"};
        if (shown.token == "banned") return fail(ErrorCode::permission_denied, "you may not");
        return fail(ErrorCode::unauthenticated, "the token is wrong");
    });
    app.authenticate<Caller>([](ApiKey<"X-Key"> shown) -> task<Result<Caller>> {
        if (shown.key == "k") co_return Caller{"robot"};
        co_return fail(ErrorCode::unauthenticated, "the key is wrong");
    });
    app.get("/me", [](Auth<Caller> caller, Query<std::optional<int>, "n">) { return Text{caller->name}; });
    app.get("/closed", []() { return 1; }).secure<Caller>();
    app.get("/basic", [](BasicCredentials who) { return Text{who.user + "|" + who.password}; });
    app.get("/open", []() { return 1; });
    return app;
}

TEST(AppFlow, AuthenticatorsAreAlternatives) {
    const App app = guarded();
    TestClient client(app);
    EXPECT_EQ(client.get("/me", {{"Authorization", "Bearer sesame"}}).body, "Ali");
    EXPECT_EQ(client.get("/me", {{"X-Key", "k"}}).body, "robot");
    EXPECT_EQ(client.get("/me", {{"Authorization", "Bearer wrong"}, {"X-Key", "k"}}).body, "robot");
    EXPECT_EQ(client.get("/me", {{"Authorization", "Bearer banned"}}).status, 403);
    auto reply = client.get("/me?n=x");
    EXPECT_EQ(reply.status, 401) << "who may not come in is not told what is wrong with the request";
    EXPECT_EQ(reply.header("www-authenticate"), "ApiKey, Bearer");
    EXPECT_EQ(client.get("/me?n=x", {{"X-Key", "k"}}).status, 422);
    EXPECT_EQ(client.get("/closed").status, 401);
    EXPECT_EQ(client.get("/closed", {{"X-Key", "k"}}).status, 200);
    EXPECT_EQ(client.get("/basic", {{"Authorization", "Basic YWxpOm9wZW46c2VzYW1l"}}).body, "ali|open:sesame");
    EXPECT_EQ(client.get("/basic", {{"Authorization", "Basic !!"}}).status, 401);
    EXPECT_EQ(client.get("/open").status, 200);
    const auto document = json::parse(*app.document());
    ASSERT_TRUE(document);
    EXPECT_EQ(json::dump(document->at_pointer("/paths/~1me/get/security")), R"([{"bearer":[]},{"key_X_Key":[]}])");
    EXPECT_EQ(json::dump(document->at_pointer("/components/securitySchemes/key_X_Key")),
              R"({"type":"apiKey","in":"header","name":"X-Key"})");
    EXPECT_FALSE(document->at_pointer("/paths/~1open/get").as_object().contains("security"));
}

TEST(AppFlow, ErrorsBecomeProblems) {
    App app;
    app.get("/inside", []() -> Result<int> { return fail(ErrorCode::internal, "password=1234"); });
    app.get("/limited", []() -> Result<int> {
        return std::unexpected(Error(ErrorCode::rate_limited, "later").with_retry_after(1500));
    });
    app.get("/mapped", []() -> Result<int> { return fail(ErrorCode::already_exists, "twice"); });
    app.on_error([](const Error& error) -> std::optional<net::HttpResponse> {
        if (error.code() != ErrorCode::already_exists) return std::nullopt;
        return net::HttpResponse::text("mapped", 418);
    });
    TestClient client(app);
    auto reply = client.get("/inside");
    EXPECT_EQ(reply.status, 500);
    EXPECT_EQ(reply.body.find("1234"), std::string::npos);
    reply = client.get("/limited");
    EXPECT_EQ(reply.status, 429);
    EXPECT_EQ(reply.header("retry-after"), "2");
    EXPECT_EQ(client.get("/mapped").status, 418);
}

TEST(AppFlow, MiddlewareSurroundsInOrder) {
    const auto journal = std::make_shared<Journal>();
    App app;
    for (const std::string name : {"outer", "inner"})
        app.use([journal, name](net::HttpRequest request, net::CallContext context,
                                net::Handler next) -> task<net::HttpResponse> {
            journal->add(name + " in");
            auto response = co_await next(std::move(request), std::move(context));
            journal->add(name + " out");
            co_return response;
        });
    app.use(timing()).use(gzip(100));
    app.get("/x", [journal]() {
        journal->add("handler");
        return Text{std::string(5000, 'a')};
    });
    TestClient client(app);
    auto reply = client.get("/x", {{"Accept-Encoding", "br, gzip;q=0.5"}});
    EXPECT_EQ(journal->take(), (Lines{"outer in", "inner in", "handler", "inner out", "outer out"}));
    EXPECT_TRUE(reply.header("server-timing").starts_with("app;dur=")) << reply.header("server-timing");
    EXPECT_EQ(reply.header("content-encoding"), "gzip");
    std::string plain(6000, '\0');
    z_stream stream{};
    ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(reply.body.data());
    stream.avail_in = static_cast<uInt>(reply.body.size());
    stream.next_out = reinterpret_cast<Bytef*>(plain.data());
    stream.avail_out = static_cast<uInt>(plain.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    EXPECT_EQ(stream.total_out, 5000U);
    inflateEnd(&stream);
    EXPECT_EQ(client.get("/x", {{"Accept-Encoding", "gzip;q=0"}}).body.size(), 5000U);
}

TEST(AppFlow, RatesAreLimitedExactly) {
    App app;
    app.use(limit_rate(3, std::chrono::hours(1), [](const net::HttpRequest& r) { return r.path; }));
    app.get("/a", []() { return 1; });
    app.get("/b", []() { return 1; });
    TestClient client(app);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(client.get("/a").status, 200);
    const auto refused = client.get("/a");
    EXPECT_EQ(refused.status, 429);
    EXPECT_FALSE(refused.header("retry-after").empty());
    EXPECT_EQ(client.get("/b").status, 200);
}

TEST(AppFlow, RepliesSayWhatTheyAre) {
    App app;
    app.get("/redirect", []() { return Redirect{"/there", 303}; });
    app.get("/teapot", []() { return Reply<Text>{{"short and stout"}, 418, {{"X-Tea", "green"}}}; });
    app.get("/file", []() {
        return File{std::string(TENON_TEST_DATA) + "/unit/serve/app_flow_test.cpp", {}, "source \xC3\xA9.cpp"};
    });
    app.get("/missing", []() { return File{"/nowhere/at/all"}; });
    app.get("/cookie", [](Context context) {
        context.set_cookie("seen", "a b");
        context.set_header("X-One", "1");
    });
    app.post("/echo", [](Body<Bytes> body) { return Bytes{body->data, body->content_type}; });
    app.get("/slow", []() { return Text{"from a thread"}; }).blocking();
    app.get("/maybe", []() -> task<Result<std::optional<int>>> { co_return std::optional<int>{}; });
    TestClient client(app);
    EXPECT_EQ(client.get("/redirect").header("location"), "/there");
    EXPECT_EQ(client.get("/redirect").status, 303);
    EXPECT_EQ(client.get("/teapot").status, 418);
    EXPECT_EQ(client.get("/teapot").header("x-tea"), "green");
    EXPECT_NE(client.get("/file").body.find("RepliesSayWhatTheyAre"), std::string::npos);
    EXPECT_EQ(client.get("/file").header("content-disposition"), "attachment; filename*=UTF-8''source%20%C3%A9.cpp");
    EXPECT_EQ(client.get("/missing").status, 404);
    const auto cookie = client.get("/cookie");
    EXPECT_EQ(cookie.status, 204);
    EXPECT_EQ(cookie.header("set-cookie"), "seen=a%20b; Path=/; HttpOnly; SameSite=Lax");
    EXPECT_EQ(cookie.header("x-one"), "1");
    EXPECT_EQ(client.send("POST", "/echo", std::string("\0\xFF", 2), {{"Content-Type", "image/x"}}).body,
              std::string("\0\xFF", 2));
    EXPECT_EQ(client.get("/slow").body, "from a thread");
    EXPECT_EQ(client.get("/maybe").body, "null");
}

struct Application {
    std::string name;
    int age = 0;
    std::vector<std::string> tags;
    Upload cv;
    std::vector<Upload> pictures;
    std::optional<Upload> letter;
};
BOOST_DESCRIBE_STRUCT(Application, (), (name, age, tags, cv, pictures, letter))
constexpr auto describe_fields(const Application*) {
    return json::fields(json::about(&Application::tags, {.required = false}),
                        json::about(&Application::pictures, {.max_items = 1, .required = false}));
}
struct Login {
    std::string user;
    bool remember = false;
};
BOOST_DESCRIBE_STRUCT(Login, (), (user, remember))

std::string part(std::string head, std::string body) {
    return "--b\r\nContent-Disposition: form-data; " + std::move(head) + "\r\n\r\n" + std::move(body) + "\r\n";
}

TEST(AppFlow, FormsCarryValuesAndFiles) {
    std::string where;
    App app;
    app.post("/apply", [&where](Form<Application> form) -> task<Result<Text>> {
        where = form->cv.path;
        TENON_CO_TRY(auto text, form->cv.read());
        co_return Text{form->name + std::to_string(form->age) + form->cv.file_name + text +
                       std::to_string(form->tags.size()) + std::to_string(form->pictures.size()) +
                       (form->letter ? "y" : "n")};
    });
    app.post("/login", [](Form<Login> login) { return Text{login->user + (login->remember ? "+" : "-")}; });
    TestClient client(app);
    const auto send = [&](std::string body) {
        return client.send("POST", "/apply", std::move(body) + "--b--\r\n",
                           {{"Content-Type", "multipart/form-data; boundary=b"}});
    };
    const std::string good = part("name=\"name\"", "Ada") + part("name=\"age\"", "36") + part("name=\"tags\"", "x") +
                             part("name=\"tags\"", "y");
    auto reply = send(good + part("name=\"cv\"; filename=\"../../cv.txt\"", "I can"));
    EXPECT_EQ(reply.body, "Ada36../../cv.txtI can20n");
    EXPECT_FALSE(std::filesystem::exists(where)) << "files go with the request";
    reply = send(part("name=\"name\"", "Ada") + part("name=\"age\"", "old") +
                 part("name=\"pictures\"; filename=\"a\"", "1") + part("name=\"pictures\"; filename=\"b\"", "2"));
    EXPECT_EQ(reply.status, 422);
    const auto problem = reply.problem();
    ASSERT_EQ(problem->errors.size(), 3U) << reply.body;
    EXPECT_EQ(problem->errors[0].message, "expected an integer, got \"old\"");
    EXPECT_EQ(problem->errors[1].field, "cv");
    EXPECT_EQ(problem->errors[2].message, "must have at most 1 files, has 2");
    EXPECT_EQ(
        client.send("POST", "/apply", "--b\r\nrubbish", {{"Content-Type", "multipart/form-data; boundary=b"}}).status,
        400);
    EXPECT_EQ(client.send("POST", "/apply", "{}", {{"Content-Type", "application/json"}}).status, 415);
    EXPECT_EQ(
        client.send("POST", "/login", "user=a%20b&remember=on", {{"Content-Type", "application/x-www-form-urlencoded"}})
            .body,
        "a b+");
    EXPECT_EQ(client.send("POST", "/login", "remember=perhaps", {{"Content-Type", "application/x-www-form-urlencoded"}})
                  .status,
              422);
}

TEST(AppFlow, StartsAndStopsInOrder) {
    const auto journal = std::make_shared<Journal>();
    App app;
    for (const std::string name : {"a", "b"}) {
        app.on_start([journal, name]() -> task<Result<void>> {
            journal->add("start " + name);
            co_return Result<void>{};
        });
        app.on_stop([journal, name]() -> task<void> {
            journal->add("stop " + name);
            co_return;
        });
    }
    app.get("/x", []() { return 1; });
    {
        TestClient client(app);
        EXPECT_EQ(client.get("/x").status, 200);
    }
    EXPECT_EQ(journal->take(), (Lines{"start a", "start b", "stop b", "stop a"}));
    app.on_start([]() -> task<Result<void>> { co_return fail(ErrorCode::unavailable, "no database"); });
    Runtime runtime;
    const auto server = app.start(runtime, {.port = 0});
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().message(), "no database");
}

TEST(AppFlow, AChainIsServedWithOneLine) {
    const auto model = fake::scripted_model();
    model->otherwise(fake::Script().says("Bonjour le monde", 4));
    App app;
    app.serve_chain("/translate", prompt<chain::Text>("Translate into French: {text}") | model | to_text());
    app.serve_chain("/length", chain::step([](std::string text) { return text.size(); }));
    TestClient client(app);
    auto reply = client.send("POST", "/translate", R"({"text":"Hello world"})");
    EXPECT_EQ(reply.body, R"({"output":"Bonjour le monde"})");
    reply = client.send("POST", "/translate/stream", R"({"text":"Hello world"})");
    EXPECT_EQ(reply.header("content-type"), "text/event-stream; charset=utf-8");
    std::string whole;
    for (const auto& event : reply.events())
        whole += std::string(json::string_or(*json::parse(event.data), "chunk", ""));
    EXPECT_EQ(whole, "Bonjour le monde");
    EXPECT_GT(reply.events().size(), 2U);
    EXPECT_EQ(client.send("POST", "/translate", R"({"txt":"Hello world"})").status, 422);
    EXPECT_EQ(client.send("POST", "/length", R"({"input":"four"})").body, R"({"output":4})");
    EXPECT_EQ(client.send("POST", "/length/stream", R"({"input":"four"})").events().at(0).data, R"({"chunk":4})");
}

TEST(AppFlow, AnAgentIsServedWithOneLine) {
    const auto model = fake::scripted_model();
    model->otherwise(fake::Script("Forty-two."));
    App app;
    app.serve_agent("/agent", agent::Agent{model});
    TestClient client(app);
    auto reply =
        client.send("POST", "/agent", R"({"question":"What is it?","history":[{"role":"user","content":"Hi"}]})");
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(json::string_or(*json::parse(reply.body), "answer", ""), "Forty-two.");
    EXPECT_EQ(json::string_or(*json::parse(reply.body), "outcome", ""), "answered");
    reply = client.send("POST", "/agent/stream", R"({"question":"What is it?"})");
    const auto events = reply.events();
    ASSERT_FALSE(events.empty()) << reply.body;
    EXPECT_EQ(events.front().event, "text");
    EXPECT_EQ(events.back().event, "answer");
    EXPECT_EQ(client.send("POST", "/agent", R"({"question":"","history":[{"role":"robot","content":"Hi"}]})")
                  .problem()
                  ->errors.size(),
              2U);
}

}  // namespace
}  // namespace tenon::serve
