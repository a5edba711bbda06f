// What the gateway's tests share: clocks one can turn, models that answer from scripts.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>

#include "fake/scripted_model.hpp"
#include "tenon/async/runtime.hpp"
#include "tenon/gateway/gateway.hpp"

namespace tenon::gateway {

/// Stands still until it is turned.
struct TurnedClock {
    std::shared_ptr<std::atomic<std::int64_t>> ms = std::make_shared<std::atomic<std::int64_t>>(0);
    /// 2026-11-25 12:00 UTC
    static constexpr std::int64_t noon = 1'795'608'000'000;

    [[nodiscard]] Clocks clocks() const {
        return {
            [ms = ms] { return Clock::time_point(std::chrono::milliseconds(1'000'000 + ms->load())); },
            [ms = ms] { return std::chrono::system_clock::time_point(std::chrono::milliseconds(noon + ms->load())); }};
    }
    void turn(std::chrono::milliseconds by) const { ms->fetch_add(by.count()); }
};

inline llm::Price price(std::uint64_t input_dollars, std::uint64_t output_dollars) {
    llm::Price out;
    out.rates = {input_dollars * 1'000'000, input_dollars * 1'000'000, input_dollars * 1'000'000,
                 output_dollars * 1'000'000};
    return out;
}

inline llm::ChatRequest question(std::string text, std::optional<std::uint64_t> max_tokens = 100) {
    llm::ChatRequest request;
    request.messages.push_back(llm::Message::user(std::move(text)));
    request.settings.max_tokens = max_tokens;
    return request;
}

/// Retries without a pause worth speaking of.
inline net::RetryPolicy quick(int attempts = 3) {
    return {attempts, std::chrono::milliseconds(1), std::chrono::milliseconds(2), std::chrono::milliseconds(20'000)};
}

class GatewayTest : public ::testing::Test {
  protected:
    Result<llm::ChatResponse> ask(const llm::ChatModelPtr& model, llm::ChatRequest request, CallOptions options = {}) {
        return sync_wait(runtime, model->generate(std::move(request), std::move(options)));
    }
    Result<llm::ChatResponse> ask(Gateway& gateway, std::string_view alias, llm::ChatRequest request,
                                  Access access = Access()) {
        auto model = gateway.chat(alias, std::move(access));
        if (!model) return std::unexpected(model.error());
        return ask(*model, std::move(request));
    }
    static Deployment of(const std::shared_ptr<fake::ScriptedModel>& model, std::uint64_t dollars = 0) {
        auto out = deployment(std::static_pointer_cast<llm::ChatModel>(model));
        if (dollars != 0)
            out.price = price(dollars, dollars);
        else
            out.free = true;
        return out;
    }
    static std::string from(const Result<llm::ChatResponse>& answer) {
        if (!answer) return answer.error().describe();
        const auto* delivery = answer->extensions.get<Delivery>();
        return delivery == nullptr ? "(nobody)" : delivery->deployment;
    }

    Runtime runtime{2};
    std::shared_ptr<fake::ScriptedModel> a = fake::scripted_model("a"), b = fake::scripted_model("b"),
                                         c = fake::scripted_model("c");
};

inline Error down() { return {ErrorCode::unavailable, "the server answered 500"}; }
inline Error busy(std::int64_t wait_ms) {
    return Error(ErrorCode::rate_limited, "the server answered 429").with_retry_after(wait_ms);
}

}  // namespace tenon::gateway
