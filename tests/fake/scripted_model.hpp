// A chat model that answers from a script: the same answers every time, in the pieces, with the delays and with the
// failures the script says. It records what it was asked.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tenon/async/signal.hpp"
#include "tenon/llm/model.hpp"

namespace tenon::fake {

/// One answer. `Script{"text"}`, or built up: `Script().thinks("hm").says("Hello", 2).fails_at(3, error)`.
class Script {
  public:
    Script() = default;
    Script(std::string text) { says(std::move(text)); }  // NOLINT(google-explicit-constructor): a reply is mostly text
    Script(const char* text) : Script(std::string(text)) {}  // NOLINT(google-explicit-constructor)
    /// The call itself fails, before any event.
    Script(Error error) : refused(std::move(error)) {}  // NOLINT(google-explicit-constructor)

    /// In pieces of `piece` bytes (never splitting a character); 0: in one.
    Script& says(std::string text, std::size_t piece = 0) {
        return cut(std::move(text), piece, [](llm::ChatEvent& e, std::string s) { e.text = std::move(s); });
    }
    Script& thinks(std::string text, std::size_t piece = 0) {
        return cut(std::move(text), piece, [](llm::ChatEvent& e, std::string s) { e.reasoning = std::move(s); });
    }
    /// A tool call; the answer then finishes with `tool_calls` unless told otherwise.
    Script& calls(std::string name, std::string arguments_json, std::string id = {}) {
        llm::ChatEvent event;
        const std::string given = id.empty() ? "call_" + std::to_string(++calls_made_) : std::move(id);
        event.tool_calls.push_back({given, std::move(name), std::move(arguments_json)});
        finish = llm::FinishReason::tool_calls;
        return event_(std::move(event));
    }
    Script& event_(llm::ChatEvent event) {
        events.push_back(std::move(event));
        return *this;
    }
    Script& ends(llm::FinishReason reason) {
        finish = reason;
        return *this;
    }
    /// Unset: the model counts the request and the answer with `count_tokens`.
    Script& uses(llm::Usage counted) {
        usage = counted;
        return *this;
    }
    /// Waits before the first event and between events; obeys deadline and stop token.
    Script& delays(std::chrono::milliseconds before, std::chrono::milliseconds between = {}) {
        first_delay = before;
        delay = between;
        return *this;
    }
    /// The stream fails instead of giving event number `index` (from 0; the closing event counts too).
    Script& fails_at(std::size_t index, Error error) {
        failure = {index, std::move(error)};
        return *this;
    }
    /// The stream ends without a closing event, as a cut connection that nobody noticed.
    Script& cuts() {
        closed = false;
        return *this;
    }

    std::vector<llm::ChatEvent> events;
    llm::FinishReason finish = llm::FinishReason::stop;
    std::optional<llm::Usage> usage;
    std::chrono::milliseconds first_delay{0}, delay{0};
    std::optional<std::pair<std::size_t, Error>> failure;
    std::optional<Error> refused;
    bool closed = true;

  private:
    template <class Put>
    Script& cut(std::string text, std::size_t piece, Put put) {
        std::size_t at = 0;
        do {
            std::size_t end = piece == 0 ? text.size() : std::min(text.size(), at + piece);
            while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
            llm::ChatEvent event;
            put(event, text.substr(at, end - at));
            events.push_back(std::move(event));
            at = end;
        } while (at < text.size());
        return *this;
    }
    int calls_made_ = 0;
};

/// Replies in this order of preference: the first rule that matches the request, the next of the queued replies, the
/// reply for everything else; when there is none, the call fails with `internal`, naming the question. Thread-safe.
class ScriptedModel final : public llm::ChatModel {
  public:
    using Answer = std::function<Script(const llm::ChatRequest&)>;
    using Test = std::function<bool(const llm::ChatRequest&)>;

    explicit ScriptedModel(std::string name = "scripted") : name_(std::move(name)) {}

    /// Queued: each is used once.
    ScriptedModel& reply(Script script) {
        const std::scoped_lock lock(mutex_);
        queue_.push_back(std::move(script));
        return *this;
    }
    /// A rule: used whenever the last message contains `text`.
    ScriptedModel& when(std::string text, Script script) {
        return when(
            [text = std::move(text)](const llm::ChatRequest& r) {
                return !r.messages.empty() && r.messages.back().text().find(text) != std::string::npos;
            },
            [script = std::move(script)](const llm::ChatRequest&) { return script; });
    }
    ScriptedModel& when(Test test, Answer answer) {
        const std::scoped_lock lock(mutex_);
        rules_.emplace_back(std::move(test), std::move(answer));
        return *this;
    }
    /// Everything else.
    ScriptedModel& otherwise(Script script) {
        return otherwise([script = std::move(script)](const llm::ChatRequest&) { return script; });
    }
    ScriptedModel& otherwise(Answer answer) {
        const std::scoped_lock lock(mutex_);
        otherwise_ = std::move(answer);
        return *this;
    }
    ScriptedModel& can(llm::Capabilities capabilities) {
        const std::scoped_lock lock(mutex_);
        capabilities_ = capabilities;
        return *this;
    }
    /// Off: requests are not kept (for benchmarks).
    ScriptedModel& records(bool on) {
        record_ = on;
        return *this;
    }

    [[nodiscard]] std::vector<llm::ChatRequest> requests() const {
        const std::scoped_lock lock(mutex_);
        return requests_;
    }
    [[nodiscard]] std::size_t calls() const {
        const std::scoped_lock lock(mutex_);
        return calls_;
    }
    /// Calls that have begun and whose stream has not been destroyed; and the most there ever were at once.
    [[nodiscard]] std::size_t in_flight() const { return gauge_->now(); }
    [[nodiscard]] std::size_t most_in_flight() const { return gauge_->most(); }

    const std::string& name() const noexcept override { return name_; }
    llm::Capabilities capabilities() const override {
        const std::scoped_lock lock(mutex_);
        return capabilities_;
    }
    task<Result<StreamPtr<llm::ChatEvent>>> stream(llm::ChatRequest request, CallOptions options) override {
        auto script = choose(request);
        if (script.refused) co_return std::unexpected(std::move(*script.refused));
        if (!script.usage) {
            script.usage.emplace();
            for (const auto& m : request.messages) script.usage->input_tokens += count_tokens(m.text());
            for (const auto& e : script.events)
                script.usage->output_tokens += count_tokens(e.text) + count_tokens(e.reasoning);
        }
        co_return StreamPtr<llm::ChatEvent>(std::make_unique<Player>(std::move(script), std::move(options), gauge_));
    }
    task<Result<StreamPtr<llm::ChatEvent>>> complete(llm::CompletionRequest request, CallOptions options) override {
        llm::ChatRequest asked;
        asked.messages.push_back(llm::Message::user(std::move(request.prompt)));
        asked.settings = std::move(request.settings);
        return stream(std::move(asked), std::move(options));
    }
    /// A token is four bytes, as good as any.
    std::size_t count_tokens(std::string_view text) const override { return (text.size() + 3) / 4; }

  private:
    class Gauge {
      public:
        void enter() {
            const std::scoped_lock lock(mutex_);
            most_ = std::max(most_, ++now_);
        }
        void leave() {
            const std::scoped_lock lock(mutex_);
            --now_;
        }
        [[nodiscard]] std::size_t now() const {
            const std::scoped_lock lock(mutex_);
            return now_;
        }
        [[nodiscard]] std::size_t most() const {
            const std::scoped_lock lock(mutex_);
            return most_;
        }

      private:
        mutable std::mutex mutex_;
        std::size_t now_ = 0, most_ = 0;
    };

    class Player final : public Stream<llm::ChatEvent> {
      public:
        Player(Script script, CallOptions options, std::shared_ptr<Gauge> gauge)
            : script_(std::move(script)), options_(std::move(options)), gauge_(std::move(gauge)) {
            gauge_->enter();
        }
        ~Player() override { gauge_->leave(); }
        task<Result<std::optional<llm::ChatEvent>>> next() override {
            const auto wait = at_ == 0 ? script_.first_delay : script_.delay;
            if (wait.count() > 0) TENON_CO_CHECK(co_await pause(wait));
            if (options_.stop.stop_requested()) co_return fail(ErrorCode::cancelled, "cancelled by the caller");
            const std::size_t index = at_++;
            if (script_.failure && script_.failure->first == index)
                co_return std::unexpected(std::move(script_.failure->second));
            if (index < script_.events.size()) co_return std::move(script_.events[index]);
            if (index > script_.events.size() || !script_.closed) co_return std::nullopt;
            llm::ChatEvent last;
            last.finish = script_.finish;
            last.usage = *script_.usage;
            co_return last;
        }

      private:
        task<Result<void>> pause(std::chrono::milliseconds time) {
            const auto until = Clock::now() + time;
            CallOptions waiting = options_;
            if (!waiting.deadline || *waiting.deadline > until) waiting.deadline = until;
            Signal never;
            auto woken = co_await never.wait(waiting);
            if (!woken && woken.error().code() == ErrorCode::cancelled) co_return woken;
            if (Clock::now() < until) co_return fail(ErrorCode::deadline_exceeded, "the deadline has passed");
            co_return Result<void>{};
        }

        Script script_;
        CallOptions options_;
        std::shared_ptr<Gauge> gauge_;
        std::size_t at_ = 0;
    };

    Script choose(const llm::ChatRequest& request) {
        Answer answer;
        {
            const std::scoped_lock lock(mutex_);
            ++calls_;
            if (record_) requests_.push_back(request);
            for (const auto& [test, reply] : rules_) {
                if (!test(request)) continue;
                answer = reply;
                break;
            }
            if (!answer && !queue_.empty()) {
                Script next = std::move(queue_.front());
                queue_.pop_front();
                return next;
            }
            if (!answer) answer = otherwise_;
        }
        if (answer) return answer(request);
        return Error(ErrorCode::internal, "the scripted model has no reply to: " +
                                              (request.messages.empty() ? "" : request.messages.back().text()));
    }

    std::string name_;
    mutable std::mutex mutex_;
    std::deque<Script> queue_;
    std::vector<std::pair<Test, Answer>> rules_;
    Answer otherwise_;
    llm::Capabilities capabilities_{.tools = true,
                                    .images = true,
                                    .completion = true,
                                    .context_length = 32'768,
                                    .forced_tools = true,
                                    .parallel_tools = true,
                                    .json = true,
                                    .json_schema = true};
    bool record_ = true;
    std::vector<llm::ChatRequest> requests_;
    std::size_t calls_ = 0;
    std::shared_ptr<Gauge> gauge_ = std::make_shared<Gauge>();
};

inline std::shared_ptr<ScriptedModel> scripted_model(std::string name = "scripted") {
    return std::make_shared<ScriptedModel>(std::move(name));
}

}  // namespace tenon::fake
