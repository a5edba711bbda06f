// Tools that reach out: SQL and the web.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <boost/json/value.hpp>
#include <fstream>

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

}  // namespace
}  // namespace tenon::agent
