// Tools that reach out: SQL and the web.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <boost/json/value.hpp>
#include <fstream>
#include <memory>

#include "tenon/agent/tools.hpp"
#include "tenon/async/runtime.hpp"
#include "tenon/base/file.hpp"
#include "tenon/net/http_server.hpp"

namespace tenon::agent {
namespace {

class OutsideTools : public testing::Test {
  protected:
    llm::ToolResultPart call(const Tool& tool, std::string arguments) {
        return sync_wait(runtime_, tool.call({"c", tool.name(), std::move(arguments)}, {})).value();
    }
    Runtime runtime_{2};
};

class SqlTool : public OutsideTools {
  protected:
    void SetUp() override {
        sqlite3* db = nullptr;
        ASSERT_EQ(sqlite3_open((folder_.path() / "a.db").c_str(), &db), SQLITE_OK);
        sqlite3_exec(
            db, "CREATE TABLE customer(name TEXT, grown INT); INSERT INTO customer VALUES('Ada',5),('王',9),(NULL,1)",
            nullptr, nullptr, nullptr);
        sqlite3_close(db);
    }
    std::vector<Tool> tools(tools::SqlOptions options = {}) {
        return tools::sql(folder_.path() / "a.db", runtime_.blocking_executor(), options).value();
    }
    TemporaryDirectory folder_ = TemporaryDirectory::create("tenon-sql-").value();
};

TEST_F(SqlTool, Answers) {
    const auto t = tools();
    EXPECT_EQ(call(t[0], "{}").content, "CREATE TABLE customer(name TEXT, grown INT);\n");
    EXPECT_EQ(call(t[1], R"({"sql":"SELECT name, grown FROM customer ORDER BY grown DESC"})").content,
              "| name | grown |\n|---|---|\n| 王 | 9 |\n| Ada | 5 |\n| NULL | 1 |\n");
    EXPECT_EQ(call(t[1], R"({"sql":"SELECT 1 WHERE 0;"})").content, "| 1 |\n|---|\n(no rows)\n");
    tools::SqlOptions few;
    few.max_rows = 2;
    EXPECT_NE(call(tools(few)[1], R"({"sql":"SELECT * FROM customer"})").content.find("there are more"),
              std::string::npos);
}

TEST_F(SqlTool, ChangesNothingUnlessAllowed) {
    const auto t = tools();
    for (const auto* bad : {"DELETE FROM customer", "DROP TABLE customer", "INSERT INTO customer VALUES(1,2)",
                            "ATTACH '/tmp/x.db' AS x", "PRAGMA writable_schema=1", "PRAGMA journal_mode=DELETE",
                            "SELECT load_extension('x')", "SELECT 1; DELETE FROM customer", "VACUUM INTO '/tmp/x.db'",
                            "CREATE TEMP TABLE x(a)", "", "SELEC", "BEGIN"}) {
        const auto r = call(t[1], std::string(R"({"sql":")") + bad + "\"}");
        EXPECT_TRUE(r.is_error) << bad << ": " << r.content;
    }
    EXPECT_NE(call(t[1], R"({"sql":"SELECT count(*) FROM customer"})").content.find("| 3 |"), std::string::npos);
    tools::SqlOptions write;
    write.read_only = false;
    const auto w = tools(write);
    EXPECT_TRUE(w[1].policy().approval);
    EXPECT_EQ(call(w[1], R"({"sql":"DELETE FROM customer WHERE name IS NULL"})").content, "done; 1 rows changed");
    EXPECT_TRUE(call(w[1], R"({"sql":"ATTACH '/tmp/x.db' AS x"})").is_error);
}

TEST_F(SqlTool, EndlessQueriesEnd) {
    tools::SqlOptions quick;
    quick.time = std::chrono::milliseconds(100);
    const auto r =
        call(tools(quick)[1],
             R"({"sql":"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT count(*) FROM c"})");
    EXPECT_TRUE(r.is_error);
    EXPECT_NE(r.content.find("longer than"), std::string::npos) << r.content;
}

TEST_F(SqlTool, OtherFilesAreErrors) {
    EXPECT_EQ(tools::sql(folder_.path() / "none.db", runtime_.executor()).error().code(), ErrorCode::not_found);
    std::ofstream(folder_.path() / "text.db") << std::string(4096, 'x');
    EXPECT_EQ(tools::sql(folder_.path() / "text.db", runtime_.executor()).error().code(), ErrorCode::corrupt);
}

TEST_F(OutsideTools, FetchRefusesWhatIsNotPublic) {
    const auto t = tools::fetch(runtime_.executor());
    for (const auto* url :
         {"http://127.0.0.1:1/", "http://localhost:1/", "http://[::1]:1/", "http://10.0.0.1/", "http://192.168.1.1/",
          "http://169.254.169.254/latest/meta-data", "http://0.0.0.0:1/", "http://2130706433/", "http://0x7f.1/",
          "http://[::ffff:127.0.0.1]/", "http://100.64.0.1/", "http://[fd00::1]/"}) {
        const auto r = call(t, std::string(R"({"url":")") + url + "\"}");
        EXPECT_TRUE(r.is_error) << url;
        EXPECT_NE(r.content.find("not one of the public Internet"), std::string::npos) << url << ": " << r.content;
    }
    for (const auto* url : {"file:///etc/passwd", "gopher://x", "ftp://x", ""})
        EXPECT_TRUE(call(t, std::string(R"({"url":")") + url + "\"}").is_error) << url;
    tools::FetchOptions only;
    only.hosts = {"example.org"};
    EXPECT_NE(call(tools::fetch(runtime_.executor(), only), R"({"url":"http://notexample.org/"})")
                  .content.find("may not be fetched"),
              std::string::npos);
}

/// A search engine that answers as published, and checks what it is asked.
class WebSearch : public OutsideTools {
  protected:
    using Provider = tools::WebSearchProvider;

    void SetUp() override {
        net::Router router;
        const auto answer = [this](net::HttpRequest request, net::CallContext) -> task<net::HttpResponse> {
            asked_.push_back(request.method + " " + request.path);
            for (const auto& [name, value] : request.query) asked_.push_back(name + "=" + value);
            for (const auto* name : {"x-subscription-token", "authorization"})
                if (const auto value = request.headers.find(name)) asked_.push_back(std::string(*value));
            asked_.push_back(request.body);
            net::HttpResponse response{status_, {{"Content-Type", "application/json"}}, body_};
            if (status_ == 302) response.headers.set("Location", "http://169.254.169.254/");
            co_return response;
        };
        router.get("/search", answer).post("/search", answer).get("/res/v1/web/search", answer);
        net::HttpServerOptions options;
        options.port = 0;
        server_ = net::HttpServer::start(runtime_.executor(), options, std::move(router)).value();
    }
    void TearDown() override { sync_wait(runtime_, server_->shutdown(std::chrono::milliseconds(0))); }
    Result<std::vector<tools::WebResult>> search(Provider provider, std::string query, std::size_t most = 5) {
        asked_.clear();
        tools::WebSearchOptions options;
        options.provider = provider;
        options.base_url = server_->url() + "/";
        options.key = provider == Provider::searxng ? "" : "sesame";
        options.max_results = most;
        return sync_wait(runtime_, tools::search_web(runtime_.executor(), options, std::move(query)));
    }

    std::unique_ptr<net::HttpServer> server_;
    int status_ = 200;
    std::string body_ = "{}";
    std::vector<std::string> asked_;
};

TEST_F(WebSearch, SearXNG) {
    body_ = R"({"query": "起重机", "number_of_results": 0, "results": [
        {"url": "https://a.example/1", "title": "Cranes &amp; hoists", "content": "They <b>lift</b>.", "engine": "x",
         "parsed_url": ["https", "a.example", "/1", "", "", ""], "engines": ["x"], "positions": [1], "score": 1.0},
        {"url": "javascript:alert", "title": "no", "content": ""},
        {"url": "http://b.example/", "title": "二", "content": null}], "answers": [], "suggestions": []})";
    const auto found = search(Provider::searxng, "起重机 a&b");
    ASSERT_TRUE(found) << found.error().describe();
    ASSERT_EQ(found->size(), 2U);
    EXPECT_EQ((*found)[0].title, "Cranes & hoists");
    EXPECT_EQ((*found)[0].url, "https://a.example/1");
    EXPECT_EQ((*found)[0].text, "They lift.");
    EXPECT_EQ((*found)[1].title, "二");
    EXPECT_EQ(asked_, (std::vector<std::string>{"GET /search", "q=起重机 a&b", "format=json", ""}));
    EXPECT_EQ(search(Provider::searxng, "x", 1)->size(), 1U);
}

TEST_F(WebSearch, Brave) {
    body_ = R"({"type": "search", "query": {"original": "cranes"}, "web": {"type": "search", "results": [
        {"title": "Cranes", "url": "https://a.example/", "description": "They lift.", "age": "2 days ago"}]}})";
    const auto found = search(Provider::brave, "cranes", 3);
    ASSERT_TRUE(found) << found.error().describe();
    ASSERT_EQ(found->size(), 1U);
    EXPECT_EQ((*found)[0].text, "They lift.");
    EXPECT_EQ(asked_, (std::vector<std::string>{"GET /res/v1/web/search", "q=cranes", "count=3",
                                                "text_decorations=false", "sesame", ""}));
    body_ = R"({"type": "search", "query": {"original": "cranes"}})";
    EXPECT_TRUE(search(Provider::brave, "cranes")->empty());
}

TEST_F(WebSearch, Tavily) {
    body_ = R"({"query": "cranes", "answer": null, "images": [], "response_time": 1.2, "results": [
        {"title": "Cranes", "url": "https://a.example/", "content": "They lift.", "score": 0.9, "raw_content": null}]})";
    const auto found = search(Provider::tavily, "cranes", 3);
    ASSERT_TRUE(found) << found.error().describe();
    EXPECT_EQ(found->size(), 1U);
    EXPECT_EQ(asked_,
              (std::vector<std::string>{"POST /search", "Bearer sesame", R"({"query":"cranes","max_results":3})"}));
}

TEST_F(WebSearch, AsATool) {
    body_ = R"({"results": [{"url": "https://a.example/", "title": "A", "content": "a"},
                            {"url": "https://b.example/", "title": "B", "content": "b"}]})";
    tools::WebSearchOptions options;
    options.base_url = server_->url();
    const auto tool = tools::web_search(runtime_.executor(), options).value();
    EXPECT_EQ(call(tool, R"({"query":"x"})").content, "1. A\nhttps://a.example/\na\n\n2. B\nhttps://b.example/\nb\n");
    EXPECT_EQ(call(tool, R"({"query":"x","count":1})").content, "1. A\nhttps://a.example/\na\n");
    for (const auto* bad : {R"({"query":""})", R"({"query":"x","count":0})", R"({"query":"x","count":21})", "{}"})
        EXPECT_TRUE(call(tool, bad).is_error) << bad;
    body_ = R"({"results": []})";
    EXPECT_EQ(call(tool, R"({"query":"x"})").content, "nothing was found");
}

TEST_F(WebSearch, WhatGoesWrongIsSaid) {
    const std::string whole = R"({"results": [{"url": "https://a.example/", "title": "A", "content": "a"}]})";
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
        body_ = whole.substr(0, cut);
        EXPECT_EQ(search(Provider::searxng, "x").error().code(), ErrorCode::protocol) << body_;
    }
    for (const auto* body : {"[]", "7", "null", R"({"results": {}})", R"({"results": 1})", R"({"web": 1})", "<html>"}) {
        body_ = body;
        EXPECT_FALSE(search(Provider::searxng, "x")) << body;
        EXPECT_FALSE(search(Provider::tavily, "x")) << body;
    }
    body_ = R"({"results": [null, 1, "x", [], {"url": 7}, {"title": "no url"}, {"url": "https://a.example/"}]})";
    EXPECT_EQ(search(Provider::searxng, "x")->size(), 1U);
    body_ = R"({"results": [{"url": "https://a.example/", "content": ")" + std::string(100'000, 'a') + "\"}]}";
    EXPECT_LT(search(Provider::searxng, "x")->at(0).text.size(), 1'100U);
    EXPECT_EQ(search(Provider::searxng, " \n").error().code(), ErrorCode::invalid_argument);
    for (const auto& [status, code] :
         {std::pair{401, ErrorCode::unauthenticated}, std::pair{302, ErrorCode::protocol}}) {
        status_ = status;
        EXPECT_EQ(search(Provider::brave, "x").error().code(), code) << status;
    }
    status_ = 429;
    const auto busy = search(Provider::tavily, "x");
    ASSERT_FALSE(busy);
    EXPECT_EQ(busy.error().describe().find("sesame"), std::string::npos);
    tools::WebSearchOptions options;
    const auto refused = [&] { return tools::web_search(runtime_.executor(), options).error().message(); };
    EXPECT_EQ(refused(), "web search by SearXNG needs the URL of an instance");
    options.provider = Provider::brave;
    EXPECT_EQ(refused(), "web search by Brave needs an API key");
    options.key = "k";
    options.base_url = "search.example";
    EXPECT_EQ(refused(), "'search.example' is no URL of Brave; it begins with https:// or http://");
    options.base_url.clear();
    options.max_results = 21;
    EXPECT_EQ(refused(), "a web search gives 1 to 20 results");
}

}  // namespace
}  // namespace tenon::agent
