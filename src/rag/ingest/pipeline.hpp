// The reading half of an ingestion: a thread that finds, reads, parses and splits files, and the queue it fills.
#pragma once

#include <boost/asio/experimental/concurrent_channel.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

#include "tenon/rag/ingest.hpp"

namespace tenon::rag::ingest_detail {

struct Found {
    WalkResult walk;
};
struct Unchanged {
    std::string source;
};
struct Failed {
    std::string source;
    Error error;
};
struct Prepared {
    store::Document document;
    std::vector<store::Chunk> chunks;
    bool replaces = false;
};
/// The last message. An error here ends the ingestion.
struct End {
    std::optional<Error> error;
};
using Message = std::variant<Found, Unchanged, Failed, Prepared, End>;

/// A document that is in memory already.
struct Upload {
    std::string name, bytes;
};
using Work = std::variant<std::vector<std::string>, Upload>;

struct PipelineSettings {
    IngestOptions options;
    text::TokenCounter count;
    std::unordered_map<std::string, std::string> known;  ///< source → content hash of what is stored
    std::optional<Clock::time_point> deadline;
};

/// One producer thread, one consuming coroutine. The producer waits while the queue is full, and never for the
/// executor.
class Pipeline {
  public:
    Pipeline(Executor executor, Work work, PipelineSettings settings);
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;
    /// Stops the producer and waits for it: at most the rest of one file.
    ~Pipeline();

    /// The next message; after End there is none. One caller at a time.
    task<Message> next();
    void request_stop() { stop_.request_stop(); }

  private:
    void produce(Work work);
    void produce_paths(const std::vector<std::string>& paths);
    void produce_document(const std::string& source, std::string bytes);
    [[nodiscard]] std::optional<Error> interrupted() const;
    void push(Message message);

    PipelineSettings settings_;
    std::stop_source stop_;
    std::mutex mutex_;
    std::condition_variable space_;
    std::deque<Message> queue_;
    std::size_t queued_bytes_ = 0;
    boost::asio::experimental::concurrent_channel<void(boost::system::error_code)> signal_;
    std::thread thread_;
};

}  // namespace tenon::rag::ingest_detail
