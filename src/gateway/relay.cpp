#include "gateway/relay.hpp"

#include <utility>

namespace tenon::gateway {
namespace {

bool worth_keeping(llm::FinishReason finish) {
    return finish == llm::FinishReason::stop || finish == llm::FinishReason::length ||
           finish == llm::FinishReason::tool_calls;
}

class Relay final : public Stream<llm::ChatEvent> {
  public:
    explicit Relay(Relayed what) : what_(std::move(what)) {}
    ~Relay() override {
        what_.answer.reset();
        // Nobody waited for the end: what was written until then has been paid for.
        if (!settled_) settle(guess());
    }

    task<Result<std::optional<llm::ChatEvent>>> next() override {
        if (!what_.first.empty()) {
            std::optional<llm::ChatEvent> event(std::move(what_.first.front()));
            what_.first.pop_front();
            take(*event);
            co_return event;
        }
        if (!what_.answer) co_return std::nullopt;
        auto event = co_await what_.answer->next();
        if (!event) {
            settle(guess());
            co_return event;
        }
        if (*event) {
            take(**event);
            co_return event;
        }
        if (settled_) co_return event;
        settle(guess());
        co_return fail(ErrorCode::protocol, "the model's server ended its answer without saying that it was complete");
    }

  private:
    void take(llm::ChatEvent& event) {
        if (settled_) return;
        written_ += event.text.size() + event.reasoning.size();
        for (const auto& call : event.tool_calls) written_ += call.name.size() + call.arguments_json.size();
        if (what_.fingerprint) keep(event);
        if (!event.finish) return;
        const bool told = event.usage.input_tokens != 0 || event.usage.output_tokens != 0;
        if (!told) event.usage = guess();
        const auto& name = what_.ticket->target().about.name;
        Delivery delivery{what_.alias, name, what_.attempts, false, settle(event.usage)};
        event.extensions.set(std::move(delivery));
    }

    void keep(const llm::ChatEvent& event) {
        bytes_ += bytes_of(event);
        const bool too_much = bytes_ > what_.core->cache.policy().max_bytes;
        if (too_much || (event.finish && !worth_keeping(*event.finish))) {
            what_.fingerprint.reset();
            kept_.clear();
            return;
        }
        kept_.push_back(event);
        if (event.finish) {
            what_.core->cache.put(*what_.fingerprint, std::move(what_.vector), std::move(kept_));
            what_.fingerprint.reset();
        }
    }

    [[nodiscard]] llm::Usage guess() const {
        llm::Usage usage;
        usage.input_tokens = what_.charge.input_tokens();
        usage.output_tokens = (written_ + 3) / 4;
        return usage;
    }

    std::optional<llm::Cost> settle(const llm::Usage& usage) {
        if (std::exchange(settled_, true)) return std::nullopt;
        what_.ticket->used(usage.input_tokens + usage.output_tokens);
        return what_.charge.settle(what_.alias, what_.ticket->target(), usage);
    }

    Relayed what_;
    std::vector<llm::ChatEvent> kept_;
    std::size_t written_ = 0, bytes_ = 0;
    bool settled_ = false;
};

class Replay final : public Stream<llm::ChatEvent> {
  public:
    Replay(AnswerCache::Events events, Delivery delivery)
        : events_(std::move(events)), delivery_(std::move(delivery)) {}
    task<Result<std::optional<llm::ChatEvent>>> next() override {
        if (at_ == events_->size()) co_return std::nullopt;
        llm::ChatEvent event = (*events_)[at_++];
        if (event.finish) event.extensions.set(delivery_);
        co_return event;
    }

  private:
    AnswerCache::Events events_;
    Delivery delivery_;
    std::size_t at_ = 0;
};

}  // namespace

StreamPtr<llm::ChatEvent> relay(Relayed what) { return std::make_unique<Relay>(std::move(what)); }

StreamPtr<llm::ChatEvent> replay(AnswerCache::Events events, Delivery delivery) {
    return std::make_unique<Replay>(std::move(events), std::move(delivery));
}

}  // namespace tenon::gateway
