// A process killed while it indexes loses no document it had reported, and leaves none by halves.
#include <gtest/gtest.h>
#include <poll.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <random>

#include "tenon/base/file.hpp"
#include "tenon/store/knowledge_base.hpp"

namespace tenon::store {
namespace {

constexpr std::size_t dimension = 8;

/// Everything of a document follows from its number and revision, so that a reader can tell whether it is whole.
std::size_t chunk_count(int revision) { return 1 + static_cast<std::size_t>(revision) % 7; }
std::string word(int number, int revision) { return "doc" + std::to_string(number) + "rev" + std::to_string(revision); }

[[noreturn]] void index_forever(const std::filesystem::path& folder, int report) {
    auto store = Store::open(folder);
    auto base = store ? (*store)->create("docs", "model", dimension) : std::unexpected(store.error());
    if (!base) ::_exit(9);
    for (int revision = 0;; ++revision) {
        for (int number = 0; number < 5; ++number) {
            Document document;
            document.source = "file" + std::to_string(number);
            document.content_hash = std::to_string(revision);
            std::vector<Chunk> chunks(chunk_count(revision));
            for (Chunk& chunk : chunks) chunk.text = word(number, revision) + " common words of every passage";
            const std::vector<float> vectors(chunks.size() * dimension, 1.0F);
            if (!(*base)->put(document, chunks, vectors)) ::_exit(8);
            const int told[2] = {number, revision};
            if (::write(report, told, sizeof told) != sizeof told) ::_exit(7);
        }
    }
}

std::string integrity(const std::filesystem::path& file) {
    sqlite3* db = nullptr;
    std::string out = "cannot open";
    if (sqlite3_open(file.c_str(), &db) == SQLITE_OK) {
        sqlite3_stmt* statement = nullptr;
        if (sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, nullptr) == SQLITE_OK &&
            sqlite3_step(statement) == SQLITE_ROW)
            out = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
        sqlite3_finalize(statement);
    }
    sqlite3_close(db);
    return out;
}

TEST(CrashTest, KilledWhileIndexing) {
    const auto folder = TemporaryDirectory::create("tenon-crash-");
    ASSERT_TRUE(folder);
    std::mt19937 random(20240611);
    std::map<int, int> promised;  // document → revision the killed process had reported
    for (int round = 0; round < 20; ++round) {
        int ends[2];
        ASSERT_EQ(::pipe(ends), 0);
        const pid_t child = ::fork();
        if (child == 0) {
            ::close(ends[0]);
            index_forever(folder->path(), ends[1]);
        }
        ::close(ends[1]);
        // Later rounds start where the earlier ones were cut: revisions begin at 0 again, so promises do too.
        promised.clear();
        ::usleep(std::uniform_int_distribution<useconds_t>(round == 0 ? 30'000 : 500, 60'000)(random));
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself with " << WEXITSTATUS(status);
        int told[2];
        while (::read(ends[0], told, sizeof told) == sizeof told) promised[told[0]] = told[1];
        ::close(ends[0]);

        auto store = Store::open(folder->path());
        ASSERT_TRUE(store);
        auto base = (*store)->create("docs", "model", dimension);
        ASSERT_TRUE(base) << base.error().describe();
        ASSERT_EQ(integrity(folder->path() / "docs.kb"), "ok");
        const auto list = (*base)->list();
        ASSERT_TRUE(list) << list.error().describe();
        ASSERT_GE(list->size(), promised.size());
        std::size_t all_chunks = 0;
        for (const auto& summary : *list) {
            const int number = std::stoi(summary.source.substr(4));
            const int revision = std::stoi(summary.content_hash);
            if (promised.contains(number)) {
                EXPECT_GE(revision, promised[number]) << summary.source;
            }
            EXPECT_EQ(summary.chunks, chunk_count(revision));
            const auto chunks = (*base)->chunks(summary.id, 0, 100);
            ASSERT_TRUE(chunks);
            EXPECT_EQ(chunks->size(), chunk_count(revision));
            const auto found = (*base)->text_search(word(number, revision), 100);
            ASSERT_TRUE(found);
            EXPECT_EQ(found->size(), chunk_count(revision));
            all_chunks += summary.chunks;
        }
        const auto vectors = (*base)->vector_search(std::vector<float>(dimension, 1.0F), 1000);
        ASSERT_TRUE(vectors) << vectors.error().describe();
        EXPECT_EQ(vectors->size(), all_chunks);
        const auto common = (*base)->text_search("common", 1000);
        ASSERT_TRUE(common);
        EXPECT_EQ(common->size(), all_chunks);
    }
}

}  // namespace
}  // namespace tenon::store
