// The SQL tools over a real PostgreSQL, started from Debian's package in a folder of its own; skipped where there is
// none.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json/value.hpp>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "tenon/agent/tools.hpp"
#include "tenon/async/runtime.hpp"
#include "tenon/base/file.hpp"
#include "tenon/store/sql.hpp"

namespace tenon::agent {
namespace {

namespace fs = std::filesystem;

int shell(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()); }

/// One server for all tests: it takes a second to make.
class Postgres : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        std::error_code none;
        for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", none))
            if (fs::exists(version.path() / "bin/initdb")) bin_ = version.path() / "bin";
        if (bin_.empty()) return;
        folder_ = std::make_unique<TemporaryDirectory>(TemporaryDirectory::create("tenon-pg-").value());
        const auto at = folder_->path().string();
        // The server will not run as root.
        if (::geteuid() == 0) {
            if (shell("chown nobody " + at) != 0) return;
            as_ = "setpriv --reuid=nobody --regid=nogroup --clear-groups ";
        }
        const auto quoted = "'" + at + "/data'";
        if (shell(as_ + bin_.string() + "/initdb -A trust -U tenon -E UTF8 --locale=C.UTF-8 -N -D " + quoted) != 0 ||
            shell("cd / && " + as_ + bin_.string() + "/pg_ctl -w -t 60 -D " + quoted + " -l '" + at +
                  "/log' -o \"-F -h '' -k '" + at + "'\" start") != 0)
            return;
        url_ = "host='" + at + "' user=tenon dbname=postgres";
        store::SqlLimits limits;
        limits.read_only = false;
        auto db = store::open_postgres(url_, limits).value();
        for (const auto* statement : {"CREATE TABLE customer(name text, grown int NOT NULL)",
                                      "INSERT INTO customer VALUES ('Ada',5),('王',9),(NULL,1)", "CREATE SCHEMA old",
                                      "CREATE VIEW old.names AS SELECT name FROM customer"})
            ASSERT_TRUE(db->query(statement)) << statement;
    }
    static void TearDownTestSuite() {
        if (folder_ && !url_.empty())
            shell("cd / && " + as_ + bin_.string() + "/pg_ctl -m immediate -D '" + folder_->path().string() +
                  "/data' stop");
        folder_.reset();
    }
    void SetUp() override {
        if (url_.empty())
            GTEST_SKIP() << (bin_.empty() ? "Debian's postgresql is not installed"
                                          : "PostgreSQL could not be started in a folder of its own");
    }
    std::vector<Tool> tools(tools::SqlOptions options = {}) {
        return tools::postgres(url_, runtime_.blocking_executor(), options).value();
    }
    llm::ToolResultPart call(const Tool& tool, std::string sql) {
        const auto text =
            sql.empty() ? std::string("{}") : json::to_text(std::map<std::string, std::string>{{"sql", sql}});
        return sync_wait(runtime_, tool.call({"c", tool.name(), text}, {})).value();
    }

    Runtime runtime_{2};
    inline static fs::path bin_;
    inline static std::string as_, url_;
    inline static std::unique_ptr<TemporaryDirectory> folder_;
};

TEST_F(Postgres, Answers) {
    const auto t = tools();
    EXPECT_EQ(call(t[0], "").content,
              "CREATE TABLE old.names(name text);\nCREATE TABLE customer(name text, grown integer NOT NULL);\n");
    EXPECT_EQ(call(t[1], "SELECT name, grown FROM customer ORDER BY grown DESC;").content,
              "| name | grown |\n|---|---|\n| 王 | 9 |\n| Ada | 5 |\n| NULL | 1 |\n");
    EXPECT_EQ(call(t[1], "SELECT 1 AS one WHERE false -- nothing").content, "| one |\n|---|\n(no rows)\n");
    EXPECT_EQ(call(t[1], "WITH c AS (SELECT 2) TABLE c").content, "| ?column? |\n|---|\n| 2 |\n");
    tools::SqlOptions few;
    few.max_rows = 2;
    const auto cut = call(tools(few)[1], "SELECT generate_series(1, 1000000000)");
    EXPECT_NE(cut.content.find("there are more"), std::string::npos) << cut.content;
    EXPECT_EQ(std::count(cut.content.begin(), cut.content.end(), '\n'), 5);
    const auto wide = call(t[1], "SELECT repeat('长', 100000)").content;
    EXPECT_LT(wide.size(), 3000U);
    EXPECT_NE(wide.find("…"), std::string::npos);
}

TEST_F(Postgres, ChangesNothingUnlessAllowed) {
    const auto t = tools();
    for (const auto* bad : {"DELETE FROM customer",
                            "DROP TABLE customer",
                            "INSERT INTO customer VALUES ('x', 2)",
                            "SELECT 1; DELETE FROM customer",
                            "WITH d AS (DELETE FROM customer RETURNING 1) SELECT * FROM d",
                            "COMMIT",
                            "ROLLBACK",
                            "SET default_transaction_read_only = off",
                            "SET TRANSACTION READ WRITE",
                            "BEGIN READ WRITE",
                            "SELECT set_config('transaction_read_only', 'off', true)",
                            "DO $$BEGIN DELETE FROM customer; END$$",
                            "COPY customer TO STDOUT",
                            "COPY customer TO PROGRAM 'true'",
                            "COPY customer FROM STDIN",
                            "SELECT 1 INTO made",
                            "SELECT * FROM customer FOR UPDATE",
                            "SELECT nextval('x')",
                            "VACUUM",
                            "LOCK customer",
                            "PREPARE p AS DELETE FROM customer",
                            "CREATE TEMP TABLE x(a int)",
                            "SELEC",
                            "/*",
                            "--",
                            "",
                            ";",
                            "$1"}) {
        const auto r =
            sync_wait(
                runtime_,
                t[1].call({"c", "sql_query", json::to_text(std::map<std::string, std::string>{{"sql", bad}})}, {}))
                .value();
        EXPECT_TRUE(r.is_error) << bad << ": " << r.content;
        EXPECT_NE(call(t[1], "SELECT count(*) FROM customer").content.find("| 3 |"), std::string::npos) << bad;
    }
    EXPECT_NE(call(t[1], "SELECT current_setting('transaction_read_only')").content.find("| on |"), std::string::npos);
    EXPECT_NE(call(t[1], "SELECT pg_advisory_lock(1)").content.find("|  |"), std::string::npos);
    EXPECT_NE(call(t[1], "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").content.find("| 0 |"),
              std::string::npos);
}

TEST_F(Postgres, WritesWhenAllowed) {
    tools::SqlOptions write;
    write.read_only = false;
    write.max_rows = 2;
    const auto w = tools(write);
    EXPECT_TRUE(w[1].policy().approval);
    EXPECT_FALSE(w[0].policy().approval);
    EXPECT_EQ(call(w[1], "CREATE TABLE note(n int)").content.find("done"), 0U);
    // Rows past the limit are not told, and written all the same.
    EXPECT_NE(call(w[1], "INSERT INTO note SELECT generate_series(1, 50) RETURNING n").content.find("there are more"),
              std::string::npos);
    EXPECT_NE(call(w[1], "SELECT count(*) FROM note").content.find("| 50 |"), std::string::npos);
    EXPECT_EQ(call(w[1], "DELETE FROM note WHERE n > 40").content, "done; 10 rows changed");
    EXPECT_TRUE(call(w[1], "DELETE FROM note; DELETE FROM note").is_error);
    EXPECT_TRUE(call(w[1], "COPY note TO STDOUT").is_error);
    EXPECT_TRUE(call(w[1], "COPY note FROM STDIN").is_error);
    EXPECT_NE(call(w[1], "SELECT count(*) FROM note").content.find("| 40 |"), std::string::npos);
    EXPECT_EQ(call(w[1], "DROP TABLE note").content.find("done"), 0U);
}

TEST_F(Postgres, EndlessQueriesEnd) {
    tools::SqlOptions quick;
    quick.time = std::chrono::milliseconds(200);
    const auto t = tools(quick);
    for (const auto* slow : {"SELECT pg_sleep(600)", "SELECT count(*) FROM generate_series(1, 1000000000000)",
                             "SELECT set_config('statement_timeout', '0', false), pg_sleep(600)"}) {
        const auto r = call(t[1], slow);
        EXPECT_TRUE(r.is_error) << slow;
        EXPECT_NE(r.content.find("longer than 200 ms"), std::string::npos) << r.content;
        EXPECT_NE(call(t[1], "SELECT 7").content.find("| 7 |"), std::string::npos);
    }
    // Told to stop, it stops at once.
    store::SqlLimits limits;
    limits.time = std::chrono::hours(1);
    const auto db = store::open_postgres(url_, limits).value();
    std::stop_source stop;
    std::thread later([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        stop.request_stop();
    });
    const auto stopped = db->query("SELECT pg_sleep(600)", stop.get_token());
    later.join();
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code(), ErrorCode::cancelled);
}

TEST_F(Postgres, ALostConnectionIsMadeAgain) {
    const auto t = tools();
    const auto pid = call(t[1], "SELECT pg_backend_pid()").content;
    const auto other = tools();
    const auto digits = pid.substr(pid.rfind("| ") == std::string::npos ? 0 : pid.find("---|\n| ") + 7);
    (void)call(other[1], "SELECT pg_terminate_backend(" + digits.substr(0, digits.find(' ')) + ")");
    auto after = call(t[1], "SELECT 7");
    if (after.is_error) after = call(t[1], "SELECT 7");  // the first may be what learns of it
    EXPECT_NE(after.content.find("| 7 |"), std::string::npos) << after.content;
}

TEST(PostgresAddress, WhatIsNoneIsAnError) {
    EXPECT_EQ(store::open_postgres("postgresql://[").error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(store::open_postgres("no such key=1").error().code(), ErrorCode::invalid_argument);
    const auto nowhere = store::open_postgres("postgresql://u:secret@127.0.0.1:1/x");
    EXPECT_EQ(nowhere.error().code(), ErrorCode::unavailable);
    EXPECT_EQ(nowhere.error().describe().find("secret"), std::string::npos);
}

}  // namespace
}  // namespace tenon::agent
