// Ingestion: files into a knowledge base, again and again at the cost of what changed.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tenon/async/task.hpp"
#include "tenon/llm/model.hpp"
#include "tenon/rag/loader.hpp"
#include "tenon/store/knowledge_base.hpp"
#include "tenon/text/splitter.hpp"

namespace tenon::rag {

struct IngestOptions {
    LoadOptions load;
    WalkOptions walk;
    text::SplitOptions split;
    std::size_t embed_batch = 32;  ///< texts in one call of the embedder
    bool force = false;            ///< index unchanged files too
    bool remove_missing = true;    ///< documents under the given paths whose files are gone are removed
};

struct IngestFailure {
    std::string source;
    Error error;
};

struct IngestSummary {
    std::size_t added = 0, replaced = 0, unchanged = 0, removed = 0;
    std::size_t chunks = 0;             ///< of the documents added and replaced
    std::vector<IngestFailure> failed;  ///< one bad file does not stop the others
    std::vector<SkippedFile> skipped;
};

struct IngestProgress {
    std::size_t files_total = 0, files_done = 0;
    std::size_t chunks = 0;  ///< embedded so far
    std::string current;     ///< source being worked on
};

/// Called from the coroutine that runs the ingestion, one call at a time.
using ProgressSink = std::function<void(const IngestProgress&)>;

/// What an uploaded document became.
struct IngestedDocument {
    std::string source;
    bool unchanged = false, replaced = false;
    std::size_t chunks = 0;
};

/// The text an embedder sees for a chunk: where it stands, then what it says.
[[nodiscard]] std::string embedding_input(std::string_view title, std::string_view heading, std::string_view text);

/// Splits a loaded document into the chunks that are stored.
[[nodiscard]] std::vector<store::Chunk> make_chunks(const text::StructuredText& document,
                                                    const text::SplitOptions& options, const text::TokenCounter& count);

/// Loads, splits, embeds and stores. Files are read and split on a thread of their own while earlier ones are embedded.
/// Each document is one transaction: stopping at any moment (cancellation, crash) leaves every document whole, and the
/// next run goes on from there. One object may run several ingestions at once, also of the same base.
class Ingestor {
  public:
    /// `embedder` null: full text only. `count`: tokens of the model that will read the chunks; called from several
    /// threads.
    Ingestor(std::shared_ptr<store::KnowledgeBase> base, llm::EmbedderPtr embedder, text::TokenCounter count,
             IngestOptions options = {});

    /// Indexes files, folders and globs. The executor is only blocked by the store's writes.
    /// Errors that end it: cancelled, deadline_exceeded, the embedder's, the store's, no path that exists (not_found).
    [[nodiscard]] task<Result<IngestSummary>> run(std::vector<std::string> paths, ProgressSink progress,
                                                  CallOptions options) const;

    /// Indexes one document from memory under the name `name`.
    [[nodiscard]] task<Result<IngestedDocument>> ingest_bytes(std::string name, std::string bytes,
                                                              ProgressSink progress, CallOptions options) const;

  private:
    struct State;
    std::shared_ptr<const State> state_;
};

}  // namespace tenon::rag
