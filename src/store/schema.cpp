#include "store/schema.hpp"

#include <fmt/format.h>
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>

#include "tenon/base/utf8.hpp"
#include "tenon/store/analyzer.hpp"

namespace tenon::store {
namespace {

constexpr std::int64_t application_id = 0x54'4E'4B'42;  // "TNKB"
constexpr std::int64_t schema_version = 1;
constexpr std::size_t max_name_bytes = 120;

constexpr const char* tables = R"(
CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;
CREATE TABLE document (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    media_type TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    characters INTEGER NOT NULL,
    chunks INTEGER NOT NULL,
    indexed_at INTEGER NOT NULL,
    lengths BLOB NOT NULL
);
CREATE TABLE document_text (
    document_id INTEGER PRIMARY KEY REFERENCES document (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    terms TEXT NOT NULL
);
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL,
    heading TEXT NOT NULL,
    page INTEGER NOT NULL,
    start_line INTEGER NOT NULL,
    end_line INTEGER NOT NULL,
    start_char INTEGER NOT NULL,
    end_char INTEGER NOT NULL
);
CREATE TABLE vector (
    document_id INTEGER PRIMARY KEY REFERENCES document (id) ON DELETE CASCADE,
    data BLOB NOT NULL
);
CREATE TABLE posting (
    term TEXT NOT NULL,
    document_id INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (term, document_id)
) WITHOUT ROWID;
)";

Result<void> set(Connection& connection, std::string_view name, std::string_view value) {
    TENON_TRY(auto statement, connection.prepare("INSERT INTO setting (name, value) VALUES (?, ?)"));
    statement.bind(1, name).bind(2, value);
    return statement.run();
}

Result<void> set(Connection& connection, std::string_view name, std::int64_t value) {
    TENON_TRY(auto statement, connection.prepare("INSERT INTO setting (name, value) VALUES (?, ?)"));
    statement.bind(1, name).bind(2, value);
    return statement.run();
}

}  // namespace

Result<void> create_schema(Connection& connection, const Settings& settings) {
    TENON_CHECK(connection.execute("PRAGMA journal_mode=WAL"));
    TENON_TRY(auto transaction, Transaction::begin(connection, Transaction::Kind::write));
    TENON_TRY(const auto present, connection.integer("SELECT count(*) FROM sqlite_schema"));
    if (present != 0) return {};
    TENON_CHECK(connection.execute(tables));
    TENON_CHECK(set(connection, "name", settings.name));
    TENON_CHECK(set(connection, "embedding_model", settings.embedding_model));
    TENON_CHECK(set(connection, "dimension", static_cast<std::int64_t>(settings.dimension)));
    TENON_CHECK(set(connection, "analyzer_version", analyzer_version));
    TENON_CHECK(set(connection, "generation", std::int64_t{0}));
    TENON_CHECK(set(connection, "updated_at", std::int64_t{0}));
    TENON_CHECK(connection.execute(fmt::format("PRAGMA application_id={}", application_id).c_str()));
    TENON_CHECK(connection.execute(fmt::format("PRAGMA user_version={}", schema_version).c_str()));
    return transaction.commit();
}

Result<Settings> read_settings(Connection& connection, std::string_view file) {
    TENON_TRY(const auto tables_there, connection.integer("SELECT count(*) FROM sqlite_schema"));
    if (tables_there == 0) return fail(ErrorCode::not_found, fmt::format("{} is an empty knowledge base", file));
    TENON_TRY(const auto application, connection.integer("PRAGMA application_id"));
    TENON_TRY(const auto version, connection.integer("PRAGMA user_version"));
    if (application != application_id)
        return fail(ErrorCode::corrupt, fmt::format("{} is a database, but not a knowledge base of Tenon", file));
    if (version > schema_version)
        return fail(ErrorCode::unsupported,
                    fmt::format("{} was written by a newer Tenon (format {}, this one reads {}); update Tenon", file,
                                version, schema_version));
    Settings settings;
    int analyzer = 0;
    TENON_TRY(auto statement, connection.prepare("SELECT name, value FROM setting"));
    while (true) {
        TENON_TRY(const bool row, statement.step());
        if (!row) break;
        const auto name = statement.text(0);
        if (name == "name")
            settings.name = statement.text(1);
        else if (name == "embedding_model")
            settings.embedding_model = statement.text(1);
        else if (name == "dimension")
            settings.dimension = static_cast<std::size_t>(statement.integer(1));
        else if (name == "analyzer_version")
            analyzer = static_cast<int>(statement.integer(1));
    }
    if (analyzer != analyzer_version)
        return fail(
            ErrorCode::unsupported,
            fmt::format("the full-text index of {} was made by another version of Tenon; remove it and index again",
                        file));
    return settings;
}

Result<std::string> normalized_name(std::string_view name) {
    const auto refuse = [&](std::string_view why) {
        return fail(ErrorCode::invalid_argument, fmt::format("\"{}\" cannot name a knowledge base: {}",
                                                             utf8::sanitize(utf8::truncate(name, 80)), why));
    };
    if (name.empty()) return refuse("the name is empty");
    if (!utf8::is_valid(name)) return refuse("it is not valid UTF-8");
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(status);
    std::string out(name);
    if (U_SUCCESS(status)) {
        std::string composed;
        icu::StringByteSink<std::string> sink(&composed);
        nfc->normalizeUTF8(0, out, sink, nullptr, status);
        if (U_SUCCESS(status)) out = std::move(composed);
    }
    if (out.size() > max_name_bytes) return refuse(fmt::format("it is longer than {} bytes", max_name_bytes));
    if (out.front() == '.' || out.front() == '-') return refuse("it begins with a dot or a dash");
    if (out.front() == ' ' || out.back() == ' ' || out.back() == '.')
        return refuse("it begins or ends with a space or a dot");
    for (const char c : out) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7F || std::string_view("/\\:*?\"<>|").contains(c))
            return refuse("letters, digits, spaces and - _ . are allowed");
    }
    return out;
}

}  // namespace tenon::store
