#include "tenon/rag/ingest.hpp"

#include <atomic>
#include <cmath>
#include <filesystem>
#include <random>

#include "load_helpers.hpp"
#include "tenon/async/runtime.hpp"
#include "tenon/base/hash.hpp"
#include "tenon/base/utf8.hpp"

namespace tenon::rag {
namespace {

namespace fs = std::filesystem;

std::size_t count_words(std::string_view text) { return static_cast<std::size_t>(std::ranges::count(text, ' ')) + 1; }

/// Deterministic vectors from the text, so that a chunk's vector can be recognised.
class FakeEmbedder : public llm::Embedder {
  public:
    const std::string& name() const noexcept override { return name_; }
    std::size_t dimension() const override { return 8; }
    task<Result<llm::Embeddings>> embed(std::vector<std::string> texts, llm::EmbedKind kind, CallOptions) override {
        EXPECT_EQ(kind, llm::EmbedKind::passage);
        calls += 1;
        largest = std::max(largest.load(), texts.size());
        if (fail_after >= 0 && calls > fail_after) co_return fail(ErrorCode::unavailable, "the embedder is gone");
        llm::Embeddings out;
        out.dimension = 8;
        for (const std::string& text : texts) {
            seen.push_back(text);
            const auto v = vector_of(text);
            out.values.insert(out.values.end(), v.begin(), v.end());
        }
        if (on_call) on_call();
        co_return out;
    }
    static std::vector<float> vector_of(const std::string& text) {
        std::mt19937 random(static_cast<unsigned>(std::hash<std::string>{}(text)));
        std::vector<float> v(8);
        float sum = 0;
        for (float& x : v) x = static_cast<float>(random() % 1000) - 500.0F, sum += x * x;
        for (float& x : v) x /= std::sqrt(sum);
        return v;
    }
    std::atomic<int> calls{0};
    std::atomic<std::size_t> largest{0};
    int fail_after = -1;
    std::vector<std::string> seen;
    std::function<void()> on_call;

  private:
    std::string name_ = "fake";
};

class Ingest : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(folder_);
        store_ = store::Store::open(folder_->path() / "store").value();
        base_ = store_->create("kb", "fake", 8).value();
        fs::create_directories(docs());
    }
    [[nodiscard]] fs::path docs() const { return folder_->path() / "docs"; }
    void put(const std::string& name, std::string_view bytes) const {
        fs::create_directories((docs() / name).parent_path());
        ASSERT_TRUE(write_file_atomic(docs() / name, bytes));
    }
    Result<IngestSummary> run(std::vector<std::string> paths = {}, ProgressSink sink = {}, CallOptions call = {}) {
        if (paths.empty()) paths = {docs().string()};
        Ingestor ingestor(base_, embedder_, count_words, options_);
        return sync_wait(runtime_, ingestor.run(std::move(paths), std::move(sink), call));
    }
    std::vector<std::string> sources() {
        std::vector<std::string> out;
        const auto listed = base_->list();
        for (const auto& d : *listed) out.push_back(fs::path(d.source).filename().string());
        std::ranges::sort(out);
        return out;
    }

    Result<TemporaryDirectory> folder_ = TemporaryDirectory::create();
    Runtime runtime_{2};
    std::unique_ptr<store::Store> store_;
    std::shared_ptr<store::KnowledgeBase> base_;
    std::shared_ptr<FakeEmbedder> embedder_ = std::make_shared<FakeEmbedder>();
    IngestOptions options_;
};

TEST_F(Ingest, IsIncremental) {
    put("a.md", "# A\n\nFirst document about oak.\n");
    put("b.txt", "Second document about pine.\n");
    put("sub/c.html", "<h1>C</h1><p>Third about ash.</p>");
    auto first = run();
    ASSERT_TRUE(first) << first.error().describe();
    EXPECT_EQ(first->added, 3U);
    EXPECT_EQ(first->chunks, 3U);
    EXPECT_EQ(sources(), (std::vector<std::string>{"a.md", "b.txt", "c.html"}));

    const int calls = embedder_->calls;
    auto second = run();
    EXPECT_EQ(second->unchanged, 3U);
    EXPECT_EQ(second->added + second->replaced + second->removed, 0U);
    EXPECT_EQ(embedder_->calls, calls) << "unchanged files cost no embedding";

    put("a.md", "# A\n\nFirst document, changed.\n");
    put("d.txt", "new\n");
    fs::remove(docs() / "b.txt");
    auto third = run();
    EXPECT_EQ(third->added, 1U);
    EXPECT_EQ(third->replaced, 1U);
    EXPECT_EQ(third->removed, 1U);
    EXPECT_EQ(third->unchanged, 1U);
    EXPECT_EQ(sources(), (std::vector<std::string>{"a.md", "c.html", "d.txt"}));

    options_.force = true;
    EXPECT_EQ(run()->replaced, 3U);
}

TEST_F(Ingest, RemovesOnlyUnderWhatWasGiven) {
    put("x/a.md", "one\n");
    put("y/b.md", "two\n");
    ASSERT_TRUE(run());
    fs::remove(docs() / "x/a.md");
    fs::remove(docs() / "y/b.md");
    EXPECT_EQ(run({(docs() / "x").string()})->removed, 1U);
    EXPECT_EQ(sources(), (std::vector<std::string>{"b.md"}));
    EXPECT_EQ(run({(docs() / "y/b.md").string()})->removed, 1U) << "a named file that is gone";
    EXPECT_EQ(run({(docs() / "y/b.md").string()}).error().code(), ErrorCode::not_found);
}

TEST_F(Ingest, AFileUnderAnotherSpellingIsTheSameFile) {
    put("x/a.md", "one\n");
    put("x/b.md", "two\n");
    ASSERT_TRUE(run({(docs() / "x").string()}));
    const auto again = run({docs().string() + "/./x"});
    ASSERT_TRUE(again) << again.error().describe();
    EXPECT_EQ(again->added, 2U);
    EXPECT_EQ(again->removed, 2U) << "the old spellings";
    EXPECT_EQ(sources(), (std::vector<std::string>{"a.md", "b.md"}));
    ASSERT_TRUE(run({docs().string() + "/x/../x/a.md"}));
    EXPECT_EQ(sources(), (std::vector<std::string>{"a.md", "b.md"}));
}

TEST_F(Ingest, StoresPlacesAndVectorsOfTheRightChunks) {
    std::string text = "# Guide\n\n## Alpha\n\n";
    for (int i = 0; i < 60; ++i) text += "Sentence number " + std::to_string(i) + " of the alpha part is here. ";
    text += "\n\n## 中文\n\n榫卯不用钉子。\n";
    put("guide.md", text);
    options_.embed_batch = 2;
    ASSERT_TRUE(run());
    EXPECT_LE(embedder_->largest, 2U);
    const std::string source = (docs() / "guide.md").string();
    const auto document = base_->document(source);
    ASSERT_TRUE(document);
    EXPECT_EQ(document->text, text);
    EXPECT_EQ(document->title, "Guide");
    EXPECT_EQ(document->content_hash, sha256_hex(text));
    const auto id = base_->list().value().at(0).id;
    const auto chunks = base_->chunks(id, 0, 99).value();
    ASSERT_GT(chunks.size(), 2U);
    const auto characters = utf8::to_utf32(text);
    for (const auto& hit : chunks) {
        const auto& chunk = hit.chunk;
        EXPECT_EQ(utf8::from_utf32(
                      std::u32string_view(characters).substr(chunk.start_char, chunk.end_char - chunk.start_char)),
                  chunk.text);
        const auto found =
            base_->vector_search(FakeEmbedder::vector_of(embedding_input("Guide", chunk.heading, chunk.text)), 1)
                .value();
        ASSERT_EQ(found.size(), 1U);
        EXPECT_EQ(found[0].chunk.text, chunk.text);
        EXPECT_NEAR(found[0].score, 1.0, 1e-3);
    }
    EXPECT_EQ(chunks.back().chunk.heading, "Guide > 中文");
    EXPECT_EQ(chunks.back().chunk.start_line, 9U);
    EXPECT_EQ(chunks.back().chunk.end_line, 9U);
}

TEST_F(Ingest, OneBadFileDoesNotStopTheRest) {
    put("good.md", "good\n");
    put("bad.json", "{\"a\":");
    put("bad.docx", "PK\x03\x04 not really");
    auto summary = run();
    ASSERT_TRUE(summary);
    EXPECT_EQ(summary->added, 1U);
    ASSERT_EQ(summary->failed.size(), 2U);
    for (const auto& failure : summary->failed) EXPECT_EQ(failure.error.code(), ErrorCode::corrupt);
    EXPECT_EQ(sources(), (std::vector<std::string>{"good.md"}));
}

TEST_F(Ingest, AFileThatBreaksKeepsItsOldDocument) {
    put("data.json", "{\"a\":1}");
    ASSERT_TRUE(run());
    put("data.json", "{\"a\":");
    auto summary = run();
    EXPECT_EQ(summary->failed.size(), 1U);
    EXPECT_EQ(summary->removed, 0U);
    EXPECT_EQ(sources(), (std::vector<std::string>{"data.json"}));
}

TEST_F(Ingest, ReportsProgress) {
    for (int i = 0; i < 50; ++i) put("f" + std::to_string(i) + ".txt", "text " + std::to_string(i) + "\n");
    std::size_t last = 0, total = 0, chunks = 0;
    ASSERT_TRUE(run({}, [&](const IngestProgress& p) {
        EXPECT_GE(p.files_done, last);
        last = p.files_done;
        total = p.files_total;
        chunks = p.chunks;
    }));
    EXPECT_EQ(last, 50U);
    EXPECT_EQ(total, 50U);
    EXPECT_EQ(chunks, 50U);
}

TEST_F(Ingest, CancellationAndFailureKeepWhatWasDone) {
    for (int i = 0; i < 200; ++i) put("f" + std::to_string(1000 + i) + ".txt", "text " + std::to_string(i) + "\n");
    options_.embed_batch = 10;
    std::stop_source source;
    embedder_->on_call = [&] {
        if (embedder_->calls == 3) source.request_stop();
    };
    CallOptions call;
    call.stop = source.get_token();
    const auto cancelled = run({}, {}, call);
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().code(), ErrorCode::cancelled);
    EXPECT_EQ(sources().size(), 30U);
    embedder_->on_call = {};
    embedder_->fail_after = embedder_->calls + 2;
    EXPECT_EQ(run().error().code(), ErrorCode::unavailable);
    EXPECT_EQ(sources().size(), 50U);
    embedder_->fail_after = -1;
    const auto rest = run();
    EXPECT_EQ(rest->added, 150U);
    EXPECT_EQ(rest->unchanged, 50U);
    CallOptions late;
    late.deadline = Clock::now() - std::chrono::seconds(1);
    EXPECT_EQ(run({}, {}, late).error().code(), ErrorCode::deadline_exceeded);
}

TEST_F(Ingest, Uploads) {
    Ingestor ingestor(base_, embedder_, count_words, options_);
    const auto upload = [&](std::string name, std::string bytes) {
        return sync_wait(runtime_, ingestor.ingest_bytes(std::move(name), std::move(bytes), {}, {}));
    };
    const auto first = upload("notes.md.gz", sample("notes.md.gz"));
    ASSERT_TRUE(first);
    EXPECT_EQ(first->chunks, 1U);
    EXPECT_FALSE(first->replaced);
    EXPECT_TRUE(upload("notes.md.gz", sample("notes.md.gz"))->unchanged);
    EXPECT_TRUE(upload("notes.md.gz", "# Other\n\ntext\n")->replaced);
    EXPECT_EQ(upload("x.json", "{").error().code(), ErrorCode::corrupt);
    EXPECT_EQ(sources(), (std::vector<std::string>{"notes.md.gz"}));
}

TEST_F(Ingest, WithoutAnEmbedder) {
    base_ = store_->create("plain", "", 0).value();
    put("a.md", "Only full text, about walnut.\n");
    Ingestor ingestor(base_, nullptr, count_words, options_);
    const auto summary = sync_wait(runtime_, ingestor.run({docs().string()}, {}, {}));
    ASSERT_TRUE(summary) << summary.error().describe();
    EXPECT_EQ(summary->added, 1U);
    EXPECT_EQ(base_->text_search("walnut", 5).value().size(), 1U);
}

}  // namespace
}  // namespace tenon::rag
