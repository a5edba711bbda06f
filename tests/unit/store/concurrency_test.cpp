#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tenon/base/file.hpp"
#include "tenon/store/knowledge_base.hpp"

namespace tenon::store {
namespace {

/// Two stores stand for two processes: they share nothing but the file.
TEST(ConcurrencyTest, ReadersSeeWholeDocumentsWhileWritersWrite) {
    auto folder = TemporaryDirectory::create("tenon-threads-");
    ASSERT_TRUE(folder);
    auto first = Store::open(folder->path());
    auto second = Store::open(folder->path());
    ASSERT_TRUE(first && second);
    auto base = (*first)->create("docs", "m", 2);
    ASSERT_TRUE(base);
    auto other = (*second)->get("docs");
    ASSERT_TRUE(other);

    std::atomic<bool> stop = false;
    std::atomic<int> failures = 0;
    std::atomic<int> searches = 0;
    const auto write = [&](KnowledgeBase& target, int writer) {
        for (int i = 0; i < 25; ++i) {
            Document document;
            document.source = "w" + std::to_string(writer) + "d" + std::to_string(i % 4);
            std::vector<Chunk> chunks(3);
            for (Chunk& chunk : chunks) chunk.text = "shared text, 共享的文字";
            if (!target.put(document, chunks, std::vector<float>{1, 0, 0, 1, 1, 1})) ++failures;
            if (i % 6 == 5 && !target.remove(document.source)) ++failures;
        }
    };
    const auto read = [&](const KnowledgeBase& target) {
        while (!stop) {
            const auto found = target.candidates("shared 文字", std::vector<float>{1, 0}, 1000);
            if (!found || found->chunks % 3 != 0 || found->hits.size() != found->chunks) {
                ++failures;
                if (!found) ADD_FAILURE() << found.error().describe();
            } else {
                for (const Hit& hit : found->hits)
                    if (!hit.bm25 || !hit.similarity) ++failures;
            }
            if (!target.text_search("text", 5) || !target.list() || !target.info()) ++failures;
            ++searches;
        }
    };
    std::thread writer1(write, std::ref(**base), 1), writer2(write, std::ref(**base), 2),
        writer3(write, std::ref(**other), 3);
    std::thread reader1(read, std::cref(**base)), reader2(read, std::cref(**base)), reader3(read, std::cref(**other));
    writer1.join();
    writer2.join();
    writer3.join();
    stop = true;
    reader1.join();
    reader2.join();
    reader3.join();
    EXPECT_EQ(failures, 0);
    EXPECT_GT(searches, 0);
    EXPECT_EQ((*base)->list()->size(), (*other)->list()->size());
}

TEST(ConcurrencyTest, OneFileMadeByManyAtOnce) {
    auto folder = TemporaryDirectory::create("tenon-threads-");
    ASSERT_TRUE(folder);
    std::atomic<int> made = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 6; ++i)
        threads.emplace_back([&] {
            auto store = Store::open(folder->path());
            if (store && (*store)->create("docs", "m", 2)) ++made;
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(made, 6);
}

}  // namespace
}  // namespace tenon::store
