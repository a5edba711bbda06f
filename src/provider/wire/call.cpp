#include "provider/wire/call.hpp"

#include <algorithm>
#include <deque>
#include <utility>

#include "provider/wire/error.hpp"

namespace tenon::provider::wire {

using llm::ChatEvent;

namespace {

constexpr std::size_t max_error_bytes = 64 << 10;
constexpr std::size_t max_answer_bytes = std::size_t{64} << 20;

net::ClientRequest request_for(const Caller& caller, std::string url, std::string body) {
    net::ClientRequest request;
    request.method = "POST";
    request.url = std::move(url);
    request.body = std::move(body);
    request.idle_timeout = caller.idle_timeout;
    request.max_body_bytes = std::size_t{256} << 20;
    request.headers.set("Content-Type", "application/json");
    for (const auto& field : caller.headers) request.headers.set(field.name, field.value);
    return request;
}

/// Up to `limit` bytes.
task<Result<std::string>> read_all(std::shared_ptr<Stream<std::string>> body, std::size_t limit) {
    std::string out;
    for (;;) {
        TENON_CO_TRY(auto chunk, co_await body->next());
        if (!chunk) co_return out;
        if (chunk->size() > limit - out.size())
            co_return fail(ErrorCode::resource_exhausted, "the model's server sent too long an answer");
        out += *chunk;
    }
}

class AnswerStream final : public Stream<ChatEvent> {
  public:
    AnswerStream(StreamPtr<std::string> body, std::unique_ptr<StreamDecoder> decoder)
        : body_(std::move(body)), decoder_(std::move(decoder)) {}

    task<Result<std::optional<ChatEvent>>> next() override {
        while (ready_.empty()) {
            if (failed_ || decoder_->done()) co_return std::optional<ChatEvent>{};
            Result<void> pulled;
            if (late_)
                pulled = std::unexpected(*std::exchange(late_, std::nullopt));
            else
                pulled = co_await pull();
            if (!pulled) {
                failed_ = true;
                body_.reset();
                co_return std::unexpected(std::move(pulled).error());
            }
        }
        std::optional<ChatEvent> event = std::move(ready_.front());
        ready_.pop_front();
        co_return event;
    }

    /// Waits for the first event, so that what fails before it fails the call.
    task<Result<void>> prime() {
        while (ready_.empty() && !decoder_->done()) TENON_CO_CHECK(co_await pull());
        co_return Result<void>{};
    }

    Result<void> take_whole(std::string_view body) {
        std::vector<ChatEvent> events;
        TENON_CHECK(decoder_->whole(body, events));
        std::ranges::move(events, std::back_inserter(ready_));
        return {};
    }

  private:
    task<Result<void>> pull() {
        TENON_CO_TRY(const auto chunk, co_await body_->next());
        std::vector<ChatEvent> events;
        auto decoded = chunk ? decoder_->feed(*chunk, events) : decoder_->finish(events);
        std::ranges::move(events, std::back_inserter(ready_));
        if (decoder_->done()) body_.reset();
        // What came before the fault is given out first.
        if (!decoded && !ready_.empty()) {
            late_ = std::move(decoded).error();
            co_return Result<void>{};
        }
        co_return decoded;
    }

    StreamPtr<std::string> body_;
    std::unique_ptr<StreamDecoder> decoder_;
    std::deque<ChatEvent> ready_;
    std::optional<Error> late_;
    bool failed_ = false;
};

bool is_json(const net::Headers& headers) {
    const auto type = headers.find("content-type").value_or("");
    return type.size() >= 16 && net::equals_ignoring_case(type.substr(0, 16), "application/json");
}

task<Result<StreamPtr<ChatEvent>>> ask_once(std::shared_ptr<const Caller> caller, std::string url, std::string body,
                                            MakeDecoder make_decoder, CallOptions options) {
    auto request = request_for(*caller, std::move(url), std::move(body));
    request.headers.set("Accept", "text/event-stream");
    TENON_CO_TRY(auto response, co_await caller->client->open(std::move(request), options));
    if (response.status != 200) {
        const std::shared_ptr<Stream<std::string>> rest = std::move(response.body);
        const auto text = co_await read_all(rest, max_error_bytes);
        co_return std::unexpected(error_of_response(response.status, response.headers, text.value_or("")));
    }
    if (is_json(response.headers)) {
        const std::shared_ptr<Stream<std::string>> rest = std::move(response.body);
        TENON_CO_TRY(const auto text, co_await read_all(rest, max_answer_bytes));
        auto answer = std::make_unique<AnswerStream>(nullptr, make_decoder());
        TENON_CO_CHECK(answer->take_whole(text));
        co_return StreamPtr<ChatEvent>(std::move(answer));
    }
    auto answer = std::make_unique<AnswerStream>(std::move(response.body), make_decoder());
    TENON_CO_CHECK(co_await answer->prime());
    co_return StreamPtr<ChatEvent>(std::move(answer));
}

task<Result<std::string>> post_once(std::shared_ptr<const Caller> caller, std::string url, std::string body,
                                    CallOptions options) {
    auto request = request_for(*caller, std::move(url), std::move(body));
    TENON_CO_TRY(auto response, co_await caller->client->send(std::move(request), options));
    if (response.status != 200)
        co_return std::unexpected(error_of_response(response.status, response.headers, response.body));
    co_return std::move(response.body);
}

}  // namespace

task<Result<StreamPtr<ChatEvent>>> ask(std::shared_ptr<const Caller> caller, std::string url, std::string body,
                                       MakeDecoder decoder, CallOptions options) {
    const auto retry = caller->retry;
    auto attempt = [caller, url, body, decoder, options] { return ask_once(caller, url, body, decoder, options); };
    co_return co_await net::with_retry(retry, options, std::move(attempt));
}

task<Result<std::string>> post(std::shared_ptr<const Caller> caller, std::string url, std::string body,
                               CallOptions options) {
    const auto retry = caller->retry;
    auto attempt = [caller, url, body, options] { return post_once(caller, url, body, options); };
    co_return co_await net::with_retry(retry, options, std::move(attempt));
}

}  // namespace tenon::provider::wire
