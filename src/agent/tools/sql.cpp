// A database as a tool.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/describe/class.hpp>

#include "tenon/agent/tools.hpp"
#include "tenon/store/sql.hpp"

namespace tenon::agent::tools {
namespace {

struct Nothing {};
BOOST_DESCRIBE_STRUCT(Nothing, (), ())
struct Statement {
    std::string sql;
};
BOOST_DESCRIBE_STRUCT(Statement, (), (sql))
constexpr auto describe_fields(const Statement*) {
    return json::fields(json::about(&Statement::sql, {.description = "one SQL statement", .min_length = 1}));
}

/// A Markdown table, as models read best.
std::string table_text(const store::SqlTable& table) {
    if (table.columns.empty()) return fmt::format("done; {} rows changed", table.changed);
    const auto line = [](const std::vector<std::string>& cells) {
        std::string out = "|";
        for (std::string cell : cells) {
            std::ranges::replace(cell, '\n', ' ');
            out += " " + cell + " |";
        }
        return out + "\n";
    };
    std::string out = line(table.columns) + "|";
    for (std::size_t i = 0; i < table.columns.size(); ++i) out += "---|";
    out += "\n";
    for (const auto& row : table.rows) out += line(row);
    if (table.rows.empty()) out += "(no rows)\n";
    if (table.more) out += fmt::format("(the first {} rows; there are more)\n", table.rows.size());
    return out;
}

task<Result<store::SqlTable>> ask(std::shared_ptr<store::SqlDatabase> database, std::string sql, std::stop_token stop) {
    co_return database->query(sql, std::move(stop));
}

task<Result<std::string>> look(std::shared_ptr<store::SqlDatabase> database) { co_return database->schema(); }

store::SqlLimits limits_of(const SqlOptions& options) {
    store::SqlLimits limits;
    limits.read_only = options.read_only;
    limits.max_rows = options.max_rows;
    limits.time = options.time;
    return limits;
}

std::vector<Tool> tools_of(std::shared_ptr<store::SqlDatabase> database, std::string_view kind, Executor blocking,
                           const SqlOptions& options) {
    ToolPolicy policy;
    policy.timeout = options.time + std::chrono::seconds(5);
    ToolPolicy careful = policy;
    careful.approval = !options.read_only;
    std::vector<Tool> out;
    out.push_back(tool<Nothing>(
        "sql_schema", "The tables of the database and their columns",
        [database, blocking](Nothing) -> task<Result<ToolOutput>> {
            auto asking = look(database);
            auto text = co_await boost::asio::co_spawn(blocking, std::move(asking), boost::asio::use_awaitable);
            if (!text) co_return std::unexpected(std::move(text).error());
            co_return ToolOutput{std::move(*text)};
        },
        policy));
    out.push_back(tool<Statement>(
        "sql_query",
        options.read_only ? fmt::format("Asks the {} database (reading only)", kind)
                          : fmt::format("Asks or changes the {} database", kind),
        [database, blocking](Statement given, ToolContext context) -> task<Result<ToolOutput>> {
            auto asking = ask(database, std::move(given.sql), context.options.stop);
            auto table = co_await boost::asio::co_spawn(blocking, std::move(asking), boost::asio::use_awaitable);
            if (!table) co_return std::unexpected(std::move(table).error());
            co_return ToolOutput{table_text(*table)};
        },
        careful));
    return out;
}

}  // namespace

Result<std::vector<Tool>> sql(const std::filesystem::path& path, Executor blocking, SqlOptions options) {
    TENON_TRY(auto database, store::SqlDatabase::open(path, limits_of(options)));
    return tools_of(std::move(database), "SQLite", std::move(blocking), options);
}

Result<std::vector<Tool>> postgres(const std::string& connection, Executor blocking, SqlOptions options) {
    TENON_TRY(auto database, store::open_postgres(connection, limits_of(options)));
    return tools_of(std::move(database), "PostgreSQL", std::move(blocking), options);
}

}  // namespace tenon::agent::tools
