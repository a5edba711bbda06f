// An answer that has begun, handed on piece by piece; its end settles the account.
#pragma once

#include <deque>
#include <memory>
#include <stop_token>
#include <vector>

#include "gateway/charge.hpp"

namespace tenon::gateway {

/// A stop of our own beside the caller's: it also fires when the first piece of an answer is late.
class Leash {
  public:
    explicit Leash(std::stop_token caller) : link_(std::move(caller), Pull{&source_}) {}
    [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
    [[nodiscard]] std::stop_source source() const { return source_; }

  private:
    struct Pull {
        std::stop_source* source;
        void operator()() const { source->request_stop(); }
    };
    std::stop_source source_;
    std::stop_callback<Pull> link_;
};

struct Relayed {
    CorePtr core;
    std::string alias;
    int attempts = 0;
    Charge charge;
    TicketPtr ticket;
    std::unique_ptr<Leash> leash;
    StreamPtr<llm::ChatEvent> answer;
    std::deque<llm::ChatEvent> first;        ///< pieces taken out already
    std::optional<Fingerprint> fingerprint;  ///< set: to be kept in the cache
    std::vector<float> vector;
};

[[nodiscard]] StreamPtr<llm::ChatEvent> relay(Relayed what);
/// An answer that is there already.
[[nodiscard]] StreamPtr<llm::ChatEvent> replay(AnswerCache::Events events, Delivery delivery);

}  // namespace tenon::gateway
