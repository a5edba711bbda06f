#include "rag/ingest/pipeline.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>

#include "tenon/base/file.hpp"
#include "tenon/base/hash.hpp"

namespace tenon::rag::ingest_detail {
namespace {

constexpr std::size_t max_queued = 16;
constexpr std::size_t max_queued_bytes = std::size_t{64} << 20;

std::size_t size_of(const Message& message) {
    const auto* prepared = std::get_if<Prepared>(&message);
    return prepared == nullptr ? 0 : prepared->document.text.size() * 2;
}

std::string file_title(std::string_view source) {
    const std::size_t slash = source.find_last_of("/\\");
    return std::string(slash == std::string_view::npos ? source : source.substr(slash + 1));
}

}  // namespace

Pipeline::Pipeline(Executor executor, Work work, PipelineSettings settings)
    : settings_(std::move(settings)),
      signal_(std::move(executor), 1),
      thread_([this, w = std::move(work)]() mutable { produce(std::move(w)); }) {}

Pipeline::~Pipeline() {
    stop_.request_stop();
    space_.notify_all();
    thread_.join();
}

task<Message> Pipeline::next() {
    for (;;) {
        {
            const std::lock_guard lock(mutex_);
            if (!queue_.empty()) {
                Message message = std::move(queue_.front());
                queue_.pop_front();
                queued_bytes_ -= size_of(message);
                space_.notify_all();
                co_return message;
            }
        }
        co_await signal_.async_receive(boost::asio::as_tuple(boost::asio::use_awaitable));
    }
}

void Pipeline::push(Message message) {
    {
        std::unique_lock lock(mutex_);
        const auto room = [&] {
            return stop_.stop_requested() || (queue_.size() < max_queued && queued_bytes_ < max_queued_bytes);
        };
        while (!room()) space_.wait_for(lock, std::chrono::milliseconds(200));  // a stop request does not notify
        queued_bytes_ += size_of(message);
        queue_.push_back(std::move(message));
    }
    signal_.try_send(boost::system::error_code{});  // a full channel already holds the signal
}

std::optional<Error> Pipeline::interrupted() const {
    if (stop_.stop_requested()) return Error(ErrorCode::cancelled, "indexing was cancelled; what was finished is kept");
    if (settings_.deadline && Clock::now() >= *settings_.deadline)
        return Error(ErrorCode::deadline_exceeded, "indexing ran out of time; what was finished is kept");
    return std::nullopt;
}

void Pipeline::produce(Work work) {
    std::optional<Error> error;
    try {
        if (auto* upload = std::get_if<Upload>(&work))
            produce_document(upload->name, std::move(upload->bytes));
        else
            produce_paths(std::get<std::vector<std::string>>(work));
        error = interrupted();
    } catch (const std::bad_alloc&) {
        error = Error(ErrorCode::resource_exhausted, "out of memory while reading documents");
    } catch (const std::exception& exception) {
        error = Error(ErrorCode::internal, exception.what());
    }
    push(End{std::move(error)});
}

void Pipeline::produce_paths(const std::vector<std::string>& paths) {
    WalkOptions options = settings_.options.walk;
    options.stop = stop_.get_token();
    auto found = walk(paths, options);
    if (!found) return;  // cancelled
    const std::vector<FoundFile> files = found->files;
    push(Found{std::move(*found)});
    for (const FoundFile& file : files) {
        if (interrupted()) return;
        auto bytes = read_file(file.path, settings_.options.load.limits.max_bytes);
        if (!bytes)
            push(Failed{file.source, bytes.error()});
        else
            produce_document(file.source, std::move(*bytes));
    }
}

void Pipeline::produce_document(const std::string& source, std::string bytes) {
    std::string hash = sha256_hex(bytes);
    const auto known = settings_.known.find(source);
    if (!settings_.options.force && known != settings_.known.end() && known->second == hash)
        return push(Unchanged{source});
    LoadOptions load_options = settings_.options.load;
    load_options.stop = stop_.get_token();
    if (settings_.deadline) {
        const auto left = std::chrono::ceil<std::chrono::seconds>(*settings_.deadline - Clock::now());
        load_options.limits.program_time = std::clamp(left, std::chrono::seconds(1), load_options.limits.program_time);
    }
    auto loaded = [&]() -> Result<text::StructuredText> {
        try {
            return load(bytes, source, load_options);
        } catch (const std::bad_alloc&) {
            return fail(ErrorCode::resource_exhausted, "not enough memory to read this document");
        }
    }();
    if (!loaded) return push(Failed{source, loaded.error()});
    Prepared out;
    out.replaces = known != settings_.known.end();
    out.document.media_type = load_options.media_type.empty()
                                  ? media_type(source, std::string_view(bytes).substr(0, 4096))
                                  : load_options.media_type;
    bytes = {};
    out.chunks = make_chunks(*loaded, settings_.options.split, settings_.count);
    out.document.source = source;
    out.document.title = loaded->title.empty() ? file_title(source) : std::move(loaded->title);
    out.document.content_hash = std::move(hash);
    out.document.text = std::move(loaded->text);
    push(std::move(out));
}

}  // namespace tenon::rag::ingest_detail
