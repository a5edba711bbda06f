// The transport around the protocol core: requests, retries, streams.
#include "tenon/provider/openai.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <deque>

#include "provider/openai/decode.hpp"
#include "provider/openai/request.hpp"
#include "tenon/base/utf8.hpp"

namespace tenon::provider {

using namespace llm;
using namespace openai;

namespace {

constexpr std::size_t max_error_bytes = 64 << 10;
constexpr std::size_t max_answer_bytes = std::size_t{64} << 20;

/// What both kinds of model share.
struct Endpoint {
    std::shared_ptr<net::HttpClient> client;
    std::string model;
    OpenAiOptions options;

    [[nodiscard]] net::ClientRequest post(std::string_view path, std::string body) const {
        net::ClientRequest request;
        request.method = "POST";
        request.url = endpoint(options.base_url, path);
        request.body = std::move(body);
        request.idle_timeout = options.idle_timeout;
        request.max_body_bytes = std::size_t{256} << 20;
        request.headers.set("Content-Type", "application/json");
        if (!options.api_key.empty()) request.headers.set("Authorization", "Bearer " + options.api_key);
        if (!options.organization.empty()) request.headers.set("OpenAI-Organization", options.organization);
        if (!options.project.empty()) request.headers.set("OpenAI-Project", options.project);
        for (const auto& field : options.headers) request.headers.set(field.name, field.value);
        return request;
    }
};

/// Up to `limit` bytes; what came before an error, when it is short.
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
    explicit AnswerStream(StreamPtr<std::string> body) : body_(std::move(body)) {}

    task<Result<std::optional<ChatEvent>>> next() override {
        while (ready_.empty()) {
            if (failed_ || decoder_.done()) co_return std::optional<ChatEvent>{};
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
        while (ready_.empty() && !decoder_.done()) TENON_CO_CHECK(co_await pull());
        co_return Result<void>{};
    }

    Result<void> take_whole(std::string_view body) {
        std::vector<ChatEvent> events;
        TENON_CHECK(decoder_.whole(body, events));
        std::ranges::move(events, std::back_inserter(ready_));
        return {};
    }

  private:
    task<Result<void>> pull() {
        TENON_CO_TRY(const auto chunk, co_await body_->next());
        std::vector<ChatEvent> events;
        auto decoded = chunk ? decoder_.feed(*chunk, events) : decoder_.finish(events);
        std::ranges::move(events, std::back_inserter(ready_));
        if (decoder_.done()) body_.reset();
        // What came before the fault is given out first.
        if (!decoded && !ready_.empty()) {
            late_ = std::move(decoded).error();
            co_return Result<void>{};
        }
        co_return decoded;
    }

    StreamPtr<std::string> body_;
    StreamDecoder decoder_;
    std::deque<ChatEvent> ready_;
    std::optional<Error> late_;
    bool failed_ = false;
};

bool is_json(const net::Headers& headers) {
    const auto type = headers.find("content-type").value_or("");
    return type.size() >= 16 && net::equals_ignoring_case(type.substr(0, 16), "application/json");
}

task<Result<StreamPtr<ChatEvent>>> ask_once(std::shared_ptr<const Endpoint> at, std::string path, std::string body,
                                            CallOptions options) {
    auto request = at->post(path, std::move(body));
    request.headers.set("Accept", "text/event-stream");
    TENON_CO_TRY(auto response, co_await at->client->open(std::move(request), options));
    if (response.status != 200) {
        const std::shared_ptr<Stream<std::string>> rest = std::move(response.body);
        const auto text = co_await read_all(rest, max_error_bytes);
        co_return std::unexpected(error_of_response(response.status, response.headers, text.value_or("")));
    }
    if (is_json(response.headers)) {
        const std::shared_ptr<Stream<std::string>> rest = std::move(response.body);
        TENON_CO_TRY(const auto text, co_await read_all(rest, max_answer_bytes));
        auto answer = std::make_unique<AnswerStream>(nullptr);
        TENON_CO_CHECK(answer->take_whole(text));
        co_return StreamPtr<ChatEvent>(std::move(answer));
    }
    auto answer = std::make_unique<AnswerStream>(std::move(response.body));
    TENON_CO_CHECK(co_await answer->prime());
    co_return StreamPtr<ChatEvent>(std::move(answer));
}

class OpenAiChatModel final : public ChatModel {
  public:
    explicit OpenAiChatModel(Endpoint at) : at_(std::make_shared<const Endpoint>(std::move(at))) {}

    const std::string& name() const noexcept override { return at_->model; }
    Capabilities capabilities() const override {
        Capabilities can;
        can.tools = can.images = can.logprobs = can.completion = can.streaming = true;
        can.context_length = at_->options.context_length;
        return can;
    }
    task<Result<StreamPtr<ChatEvent>>> stream(ChatRequest request, CallOptions options) override {
        const auto at = at_;
        TENON_CO_TRY(const auto body, chat_body(at->model, request, at->options));
        co_return co_await ask(at, "/chat/completions", body, options);
    }
    task<Result<StreamPtr<ChatEvent>>> complete(CompletionRequest request, CallOptions options) override {
        const auto at = at_;
        TENON_CO_TRY(const auto body, completion_body(at->model, request, at->options));
        co_return co_await ask(at, "/completions", body, options);
    }
    /// Four letters a token; every Chinese, Japanese or Korean character its own.
    std::size_t count_tokens(std::string_view text) const override {
        std::size_t cjk = 0, other = 0;
        for (std::size_t at = 0; at < text.size();) {
            const auto decoded = utf8::decode(text, at);
            at += decoded.length;
            if (utf8::is_cjk(decoded.code_point))
                ++cjk;
            else
                other += decoded.length;
        }
        return cjk + (other + 3) / 4;
    }

  private:
    static task<Result<StreamPtr<ChatEvent>>> ask(std::shared_ptr<const Endpoint> at, std::string path,
                                                  std::string body, CallOptions options) {
        auto attempt = [at, path, body, options] { return ask_once(at, path, body, options); };
        co_return co_await net::with_retry(at->options.retry, options, std::move(attempt));
    }
    std::shared_ptr<const Endpoint> at_;
};

task<Result<Embeddings>> embed_once(std::shared_ptr<const Endpoint> at, std::string body, std::size_t count,
                                    CallOptions options) {
    auto request = at->post("/embeddings", std::move(body));
    TENON_CO_TRY(const auto response, co_await at->client->send(std::move(request), options));
    if (response.status != 200)
        co_return std::unexpected(error_of_response(response.status, response.headers, response.body));
    co_return decode_embeddings(response.body, count);
}

class OpenAiEmbedder final : public Embedder {
  public:
    explicit OpenAiEmbedder(Endpoint at) : at_(std::make_shared<const Endpoint>(std::move(at))) {
        dimension_ = at_->options.dimensions;
    }

    const std::string& name() const noexcept override { return at_->model; }
    std::size_t dimension() const override { return dimension_; }
    task<Result<Embeddings>> embed(std::vector<std::string> texts, EmbedKind kind, CallOptions options) override {
        const auto at = at_;
        const auto& prefix = kind == EmbedKind::query ? at->options.query_prefix : at->options.passage_prefix;
        Embeddings all;
        const std::size_t batch = std::max<std::size_t>(1, at->options.batch);
        for (std::size_t begin = 0; begin < texts.size(); begin += batch) {
            std::vector<std::string> some;
            for (std::size_t i = begin; i < std::min(texts.size(), begin + batch); ++i)
                some.push_back(prefix + texts[i]);
            const auto count = some.size();
            auto body = embeddings_body(at->model, some, at->options);
            auto attempt = [at, body, count, options] { return embed_once(at, body, count, options); };
            TENON_CO_TRY(const auto rows, co_await net::with_retry(at->options.retry, options, std::move(attempt)));
            if (all.dimension != 0 && all.dimension != rows.dimension)
                co_return fail(ErrorCode::protocol, "the embeddings differ in length");
            all.dimension = rows.dimension;
            all.values.insert(all.values.end(), rows.values.begin(), rows.values.end());
            all.usage.input_tokens += rows.usage.input_tokens;
            dimension_ = rows.dimension;
        }
        co_return all;
    }

  private:
    std::shared_ptr<const Endpoint> at_;
    std::atomic<std::size_t> dimension_{0};
};

}  // namespace

ChatModelPtr make_openai_chat_model(std::shared_ptr<net::HttpClient> client, std::string model, OpenAiOptions options) {
    return std::make_shared<OpenAiChatModel>(Endpoint{std::move(client), std::move(model), std::move(options)});
}

EmbedderPtr make_openai_embedder(std::shared_ptr<net::HttpClient> client, std::string model, OpenAiOptions options) {
    return std::make_shared<OpenAiEmbedder>(Endpoint{std::move(client), std::move(model), std::move(options)});
}

}  // namespace tenon::provider
