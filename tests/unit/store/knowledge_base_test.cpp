#include "tenon/store/knowledge_base.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "tenon/base/file.hpp"

namespace tenon::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Document document(std::string source, std::string text = "text") {
    Document out;
    out.source = std::move(source);
    out.title = "Title";
    out.media_type = "text/plain";
    out.content_hash = "hash of " + text;
    out.text = std::move(text);
    return out;
}

std::vector<Chunk> chunks(std::initializer_list<std::string> texts) {
    std::vector<Chunk> out;
    for (const auto& text : texts) {
        Chunk& chunk = out.emplace_back();
        chunk.text = text;
        chunk.heading = "A > B";
        chunk.page = 3;
        chunk.start_line = 4;
        chunk.end_line = 5;
        chunk.start_char = 6;
        chunk.end_char = 7;
    }
    return out;
}

std::vector<std::string> sources(const std::vector<Hit>& hits) {
    std::vector<std::string> out;
    for (const Hit& hit : hits) out.push_back(hit.source);
    return out;
}

/// The value, or an exception that fails the test with the error.
template <class T>
T value(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().describe());
    return std::move(*result);
}

class KnowledgeBaseTest : public testing::Test {
  protected:
    TemporaryDirectory folder_ = value(TemporaryDirectory::create("tenon-store-"));
    std::unique_ptr<Store> store_ = value(Store::open(folder_.path() / "kb"));
    [[nodiscard]] std::filesystem::path file(const std::string& name) const {
        return folder_.path() / "kb" / (name + ".kb");
    }
};

TEST_F(KnowledgeBaseTest, KeepsDocumentsAndChunks) {
    auto base = value(store_->create("docs", "", 0));
    const auto id = base->put(document("a.md", "the whole text"), chunks({"first passage", "second passage"}), {});
    ASSERT_TRUE(id) << id.error().describe();
    const auto found = base->document("a.md");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->text, "the whole text");
    EXPECT_EQ(found->content_hash, "hash of the whole text");
    EXPECT_GT(found->indexed_at, 0);
    const auto list = value(base->list());
    ASSERT_EQ(list.size(), 1U);
    EXPECT_EQ(list[0].id, *id);
    EXPECT_EQ(list[0].chunks, 2U);
    EXPECT_EQ(list[0].characters, 14U);
    const auto both = value(base->chunks(*id, 0, 10));
    ASSERT_EQ(both.size(), 2U);
    EXPECT_EQ(both[1].chunk.text, "second passage");
    EXPECT_EQ(both[1].ordinal, 1U);
    EXPECT_EQ(both[1].chunk.heading, "A > B");
    EXPECT_EQ(both[1].chunk.page, 3);
    EXPECT_EQ(both[1].chunk.start_line, 4U);
    EXPECT_EQ(both[1].chunk.end_char, 7U);
    EXPECT_EQ(base->chunks(*id, 1, 1)->size(), 1U);
    EXPECT_EQ(base->chunks(*id + 1, 0, 10)->size(), 0U);
    EXPECT_EQ(base->document("b.md").error().code(), ErrorCode::not_found);
    const auto info = value(base->info());
    EXPECT_EQ(info.name, "docs");
    EXPECT_EQ(info.documents, 1U);
    EXPECT_EQ(info.chunks, 2U);
    EXPECT_GT(info.bytes, 0U);
}

TEST_F(KnowledgeBaseTest, ReplacesAndRemovesWithoutTraces) {
    auto base = value(store_->create("docs", "m", 2));
    const std::vector<float> x{1, 0}, y{0, 2};
    ASSERT_TRUE(base->put(document("a.md"), chunks({"walrus"}), x));
    ASSERT_TRUE(base->put(document("b.md"), chunks({"penguin"}), y));
    EXPECT_THAT(sources(value(base->text_search("walrus", 5))), ElementsAre("a.md"));
    EXPECT_THAT(sources(value(base->vector_search(x, 1))), ElementsAre("a.md"));
    ASSERT_TRUE(base->put(document("a.md"), chunks({"giraffe", "zebra"}), std::vector<float>{0, 1, 0, 1}));
    EXPECT_TRUE(base->text_search("walrus", 5)->empty());
    EXPECT_THAT(sources(value(base->text_search("zebras", 5))), ElementsAre("a.md"));
    EXPECT_EQ(base->vector_search(x, 9)->size(), 3U);
    EXPECT_EQ(*base->remove("a.md"), true);
    EXPECT_EQ(*base->remove("a.md"), false);
    EXPECT_TRUE(base->text_search("zebra", 5)->empty());
    EXPECT_EQ(base->list()->size(), 1U);
    EXPECT_EQ(*base->remove("b.md"), true);
    base.reset();
    store_.reset();
    // Nothing is left behind in any table.
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(file("docs").c_str(), &db), SQLITE_OK);
    for (const char* table : {"document", "document_text", "chunk", "vector", "posting"}) {
        sqlite3_stmt* statement = nullptr;
        const std::string sql = std::string("SELECT count(*) FROM ") + table;
        ASSERT_EQ(sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr), SQLITE_OK);
        ASSERT_EQ(sqlite3_step(statement), SQLITE_ROW);
        EXPECT_EQ(sqlite3_column_int(statement, 0), 0) << table;
        sqlite3_finalize(statement);
    }
    sqlite3_close(db);
}

TEST_F(KnowledgeBaseTest, VectorSearchIsExactCosine) {
    auto base = value(store_->create("docs", "m", 3));
    ASSERT_TRUE(base->put(document("a"), chunks({"one", "two"}), std::vector<float>{3, 0, 0, 1, 1, 0}));
    ASSERT_TRUE(base->put(document("b"), chunks({"three", "four"}), std::vector<float>{0, 0, -5, 0, 0, 0}));
    const auto hits = value(base->vector_search(std::vector<float>{10, 0, 0}, 4));
    ASSERT_EQ(hits.size(), 4U);
    EXPECT_EQ(hits[0].chunk.text, "one");
    EXPECT_NEAR(*hits[0].similarity, 1.0, 1e-6);
    EXPECT_EQ(hits[1].chunk.text, "two");
    EXPECT_NEAR(*hits[1].similarity, 0.70710678, 1e-6);
    EXPECT_NEAR(*hits[2].similarity, 0.0, 1e-6);
    EXPECT_EQ(hits[0].score, *hits[0].similarity);
    EXPECT_FALSE(hits[0].bm25.has_value());
    EXPECT_EQ(base->vector_search(std::vector<float>{1, 0}, 4).error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(base->put(document("c"), chunks({"x"}), std::vector<float>{1, 0}).error().code(),
              ErrorCode::invalid_argument);
    EXPECT_EQ(base->put(document("c"), chunks({"x"}), std::vector<float>{1, 0, NAN}).error().code(),
              ErrorCode::invalid_argument);
}

TEST_F(KnowledgeBaseTest, CandidatesHaveBothScores) {
    auto base = value(store_->create("docs", "m", 2));
    ASSERT_TRUE(base->put(document("a"), chunks({"apples and pears"}), std::vector<float>{0, 1}));
    ASSERT_TRUE(base->put(document("b"), chunks({"oranges"}), std::vector<float>{1, 0}));
    ASSERT_TRUE(base->put(document("c"), chunks({"nothing"}), std::vector<float>{-1, 0}));
    const auto found = value(base->candidates("apple", std::vector<float>{1, 0}, 1));
    ASSERT_EQ(found.hits.size(), 2U);
    EXPECT_EQ(found.hits[0].source, "a");
    EXPECT_GT(*found.hits[0].bm25, 0);
    EXPECT_GT(*found.hits[0].bm25_share, 0);
    EXPECT_LT(*found.hits[0].bm25_share, 1);
    EXPECT_NEAR(*found.hits[0].similarity, 0, 1e-6);
    EXPECT_FALSE(found.hits[1].bm25.has_value());
    EXPECT_NEAR(*found.hits[1].similarity, 1, 1e-6);
    EXPECT_EQ(found.chunks, 3U);
    EXPECT_NEAR(found.similarity_mean, 0, 1e-6);
    EXPECT_NEAR(found.similarity_deviation, 0.8164966, 1e-6);
}

TEST_F(KnowledgeBaseTest, AWordThatIsMissingDoesNotDrownAFewChunks) {
    auto base = value(store_->create("docs", "", 0));
    ASSERT_TRUE(base->put(document("a"), chunks({"The battery of the phone lasts 31 hours of video."}), {}));
    const auto share = [&](std::string_view query) {
        const auto found = value(base->candidates(query, {}, 1));
        return found.hits.empty() ? 0 : found.hits[0].bm25_share.value_or(0);
    };
    EXPECT_GT(share("phone battery hours"), 0.35);
    EXPECT_GT(share("phone battery endurance"), 0.25);
    EXPECT_LT(share("phone charger wattage"), 0.25);
    // One more document without any of it changes little.
    const double before = share("phone battery endurance");
    ASSERT_TRUE(base->put(document("b"), chunks({"Nothing about it is said here, in about as many words."}), {}));
    EXPECT_NEAR(share("phone battery endurance"), before, 0.05);
}

TEST_F(KnowledgeBaseTest, FindsChineseJapaneseKoreanAndThai) {
    auto base = value(store_->create("docs", "", 0));
    ASSERT_TRUE(base->put(document("zh"), chunks({"使用 apt 安装软件包之前，先更新软件包列表。"}), {}));
    ASSERT_TRUE(
        base->put(document("ja"), chunks({"パッケージをインストールする前に、リストを更新してください。"}), {}));
    ASSERT_TRUE(base->put(document("ko"), chunks({"패키지를 설치하기 전에 목록을 업데이트하세요."}), {}));
    ASSERT_TRUE(base->put(document("th"), chunks({"ติดตั้งแพ็กเกจด้วยคำสั่งนี้"}), {}));
    ASSERT_TRUE(base->put(document("en"), chunks({"Update the list before installing packages."}), {}));
    const auto first = [&](std::string_view query) { return value(base->text_search(query, 1)).at(0).source; };
    EXPECT_EQ(first("如何安装软件包？"), "zh");
    EXPECT_EQ(first("包"), "zh");
    EXPECT_EQ(first("パッケージのインストール方法は？"), "ja");
    EXPECT_EQ(first("ﾊﾟｯｹｰｼﾞ"), "ja");
    EXPECT_EQ(first("패키지 설치"), "ko");
    EXPECT_EQ(first("แพ็กเกจ"), "th");
    EXPECT_EQ(first("how do I install a package?"), "en");
    EXPECT_EQ(first("ＩＮＳＴＡＬＬＩＮＧ"), "en");
}

TEST_F(KnowledgeBaseTest, HeadingsAndFileNamesAreFound) {
    auto base = value(store_->create("docs", "", 0));
    auto under = chunks({"Run the program twice."});
    under[0].heading = "Guide > Troubleshooting";
    ASSERT_TRUE(base->put(document("docs/printer-setup.md"), under, {}));
    ASSERT_TRUE(base->put(document("other.md"), chunks({"Something else."}), {}));
    EXPECT_THAT(sources(value(base->text_search("troubleshoot", 5))), ElementsAre("docs/printer-setup.md"));
    EXPECT_THAT(sources(value(base->text_search("printer", 5))), ElementsAre("docs/printer-setup.md"));
}

TEST_F(KnowledgeBaseTest, AnyQueryIsSafe) {
    auto base = value(store_->create("docs", "", 0));
    ASSERT_TRUE(base->put(document("a"), chunks({"quote's \"here\" (and) NEAR* there"}), {}));
    std::string invalid = "\xff\xfe abc \xe4\xb8";
    for (const std::string& query :
         {std::string(), std::string("   \n"), std::string("!!! ??? …。，"), std::string("\"unclosed"),
          std::string("a AND OR NOT ( NEAR("), std::string("'; DROP TABLE chunk; --"), std::string("*^:-"),
          std::string("x\0y", 3), invalid, std::string(1'000'000, 'a'), std::string(300'000, ' ') + "here"}) {
        const auto hits = base->text_search(query, 5);
        EXPECT_TRUE(hits) << query.substr(0, 40);
    }
    std::string many;
    for (int i = 0; i < 20'000; ++i) many += "word" + std::to_string(i) + " 很长的问题 ";
    EXPECT_TRUE(base->text_search(many, 5));
    EXPECT_TRUE(base->text_search("", 5)->empty());
    EXPECT_FALSE(base->text_search("quotes here", 5)->empty());
    EXPECT_TRUE(base->text_search("here", 0)->empty());
}

TEST_F(KnowledgeBaseTest, NamesAreCheckedAndMayBeUnicode) {
    for (const char* name : {"", ".", "..", "../x", "a/b", "a\\b", ".hidden", "-x", "a\nb", " x", "x ", "a:b", "\xff"})
        EXPECT_EQ(store_->create(name, "", 0).error().code(), ErrorCode::invalid_argument) << name;
    EXPECT_EQ(store_->create(std::string(300, 'x'), "", 0).error().code(), ErrorCode::invalid_argument);
    for (const char* name : {"手册", "日本語 の 文書", "café", "a.b-c_d", "50%?"}) {
        const bool allowed = std::string_view(name).find('?') == std::string_view::npos;
        EXPECT_EQ(store_->create(name, "", 0).has_value(), allowed) << name;
    }
    ASSERT_TRUE(store_->create("100% #1", "", 0));
    EXPECT_TRUE(std::filesystem::exists(file("100% #1")));
    // The same name, composed and decomposed.
    EXPECT_TRUE(store_->get("cafe\xCC\x81"));
    const auto all = value(store_->list());
    EXPECT_EQ(all.size(), 5U);
}

TEST_F(KnowledgeBaseTest, StoreListsGetsAndRemoves) {
    EXPECT_THAT(store_->get("x").error().message(), HasSubstr("tenon index"));
    auto base = value(store_->create("one", "minilm", 2));
    (void)value(store_->create("two", "", 0));
    EXPECT_THAT(store_->get("three").error().message(), HasSubstr("one, two"));
    EXPECT_EQ(store_->create("one", "other", 2).error().code(), ErrorCode::invalid_argument);
    EXPECT_THAT(store_->create("one", "", 0).error().message(), HasSubstr("minilm"));
    EXPECT_EQ((*store_->get("one")).get(), base.get());
    ASSERT_TRUE(store_->remove("one"));
    EXPECT_EQ(store_->remove("one").error().code(), ErrorCode::not_found);
    EXPECT_EQ(base->info().error().code(), ErrorCode::not_found);
    EXPECT_EQ(store_->list()->size(), 1U);
    EXPECT_FALSE(std::filesystem::exists(file("one")));
    // Another base of the same name is another base.
    auto again = value(store_->create("one", "other", 3));
    EXPECT_EQ(again->info()->dimension, 3U);
}

TEST_F(KnowledgeBaseTest, SeesWhatAnotherHandleWrites) {
    auto base = value(store_->create("docs", "m", 1));
    auto other_store = value(Store::open(folder_.path() / "kb"));
    auto other = value(other_store->get("docs"));
    const std::vector<float> v{1};
    ASSERT_TRUE(base->put(document("a"), chunks({"alpha"}), v));
    EXPECT_EQ(other->text_search("alpha", 5)->size(), 1U);
    EXPECT_EQ(other->vector_search(v, 5)->size(), 1U);
    ASSERT_TRUE(base->put(document("b"), chunks({"alpha"}), v));
    EXPECT_EQ(other->text_search("alpha", 5)->size(), 2U);
    EXPECT_EQ(other->vector_search(v, 5)->size(), 2U);
    ASSERT_TRUE(other->remove("a"));
    EXPECT_EQ(base->text_search("alpha", 5)->size(), 1U);
    EXPECT_EQ(base->vector_search(v, 5)->size(), 1U);
    ASSERT_TRUE(other_store->remove("docs"));
    EXPECT_EQ(base->text_search("alpha", 5).error().code(), ErrorCode::not_found);
    (void)value(other_store->create("docs", "m", 1));
    EXPECT_EQ(base->text_search("alpha", 5)->size(), 0U);
}

TEST_F(KnowledgeBaseTest, DamagedAndForeignFilesAreNamed) {
    std::ofstream(file("garbage")) << std::string(5000, 'x');
    std::ofstream(file("empty")) << "";
    for (const char* name : {"garbage"}) {
        const auto base = store_->get(name);
        ASSERT_FALSE(base);
        EXPECT_EQ(base.error().code(), ErrorCode::corrupt);
        EXPECT_THAT(base.error().message(), HasSubstr("garbage.kb"));
    }
    EXPECT_EQ(store_->get("empty").error().code(), ErrorCode::not_found);
    (void)value(store_->create("newer", "", 0));
    (void)value(store_->create("foreign", "", 0));
    const auto execute = [&](const std::string& name, const char* sql) {
        sqlite3* db = nullptr;
        ASSERT_EQ(sqlite3_open(file(name).c_str(), &db), SQLITE_OK);
        ASSERT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK);
        sqlite3_close(db);
    };
    execute("newer", "PRAGMA user_version=99");
    execute("foreign", "PRAGMA application_id=5");
    store_ = value(Store::open(folder_.path() / "kb"));
    EXPECT_EQ(store_->get("newer").error().code(), ErrorCode::unsupported);
    EXPECT_THAT(store_->get("newer").error().message(), HasSubstr("update Tenon"));
    EXPECT_EQ(store_->get("foreign").error().code(), ErrorCode::corrupt);
    // The damaged ones do not hide the others, and can be removed.
    const auto all = value(store_->list());
    ASSERT_EQ(all.size(), 3U);
    for (const auto& info : all) EXPECT_FALSE(info.problem.empty()) << info.name;
    EXPECT_TRUE(store_->remove("garbage"));
    // An unfinished file is taken over.
    EXPECT_TRUE(store_->create("empty", "", 0));
}

TEST_F(KnowledgeBaseTest, BytesOverwrittenInsideAreAnErrorNotACrash) {
    {
        auto base = value(store_->create("docs", "m", 4));
        for (int i = 0; i < 30; ++i)
            ASSERT_TRUE(base->put(document("doc" + std::to_string(i)),
                                  chunks({"some words " + std::to_string(i), "more words"}),
                                  std::vector<float>(8, 0.5F)));
        store_ = value(Store::open(folder_.path() / "kb"));
    }
    const auto whole = *read_file(file("docs"));
    for (std::size_t page = 1; page * 4096 < whole.size(); ++page) {
        std::string damaged = whole;
        for (std::size_t i = 0; i < 4096; i += 7) damaged[page * 4096 + i] = static_cast<char>(i * 31 + page);
        ASSERT_TRUE(write_file_atomic(file("docs"), damaged));
        store_ = value(Store::open(folder_.path() / "kb"));
        auto base = store_->get("docs");
        if (!base) continue;
        const auto found = (*base)->text_search("words", 5);
        if (!found) {
            EXPECT_EQ(found.error().code(), ErrorCode::corrupt) << found.error().describe();
        }
        const auto put = (*base)->put(document("new"), chunks({"words"}), std::vector<float>(4, 1.0F));
        if (!put) {
            EXPECT_EQ(put.error().code(), ErrorCode::corrupt) << put.error().describe();
        }
    }
}

/// Runs `body` in a child process and gives its exit code.
template <class Body>
int in_child(Body body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body());
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST_F(KnowledgeBaseTest, FullDiskIsSaidAndLosesNothing) {
    {
        auto base = value(store_->create("docs", "", 0));
        ASSERT_TRUE(base->put(document("kept"), chunks({"kept safely"}), {}));
    }
    const int code = in_child([&] {
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{256 * 1024, 256 * 1024};  // stands in for the end of the disk
        ::setrlimit(RLIMIT_FSIZE, &limit);
        auto store = Store::open(folder_.path() / "kb");
        auto base = (*store)->get("docs");
        if (!base) return 2;
        const auto put = (*base)->put(document("large", std::string(1'000'000, 'x')), chunks({"large"}), {});
        if (put) return 3;
        if (put.error().code() != ErrorCode::resource_exhausted) {
            std::fputs(put.error().describe().c_str(), stderr);
            return 4;
        }
        return (*base)->text_search("kept", 5)->size() == 1 ? 0 : 5;
    });
    EXPECT_EQ(code, 0);
    auto base = value(store_->get("docs"));
    EXPECT_EQ(base->list()->size(), 1U);
    EXPECT_TRUE(base->put(document("large", std::string(1'000'000, 'x')), chunks({"large"}), {}));
}

TEST_F(KnowledgeBaseTest, ReadOnlyFolderCanBeSearched) {
    {
        auto base = value(store_->create("docs", "m", 1));
        ASSERT_TRUE(base->put(document("a"), chunks({"alpha"}), std::vector<float>{1}));
    }
    store_.reset();
    std::filesystem::permissions(folder_.path(), std::filesystem::perms{0755});
    const auto kb = folder_.path() / "kb";
    ::chmod(file("docs").c_str(), 0444);
    ::chmod(kb.c_str(), 0555);
    const int code = in_child([&] {
        if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) return 77;
        auto store = Store::open(kb);
        if (!store) return 2;
        auto base = (*store)->get("docs");
        if (!base) return 3;
        const auto hits = (*base)->text_search("alpha", 5);
        if (!hits || hits->size() != 1) return 4;
        const auto put = (*base)->put(document("b"), chunks({"beta"}), std::vector<float>{1});
        if (put || put.error().code() != ErrorCode::permission_denied) return 5;
        const auto made = (*store)->create("new", "", 0);
        if (made || made.error().code() != ErrorCode::permission_denied) return 6;
        return 0;
    });
    ::chmod(kb.c_str(), 0755);
    if (code == 77) GTEST_SKIP() << "cannot become an unprivileged user here";
    EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace tenon::store
