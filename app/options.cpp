#include "options.hpp"

#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace tenon::app {
namespace {

// A signal handler may only write to a pipe; a thread of the guard turns that into the stop.
volatile int interrupt_pipe = -1;

void on_interrupt(int) {
    const char byte = 1;
    if (interrupt_pipe >= 0) {
        const auto ignored = ::write(interrupt_pipe, &byte, 1);
        (void)ignored;
    }
}

}  // namespace

struct InterruptGuard::Impl {
    int pipe[2] = {-1, -1};
    std::stop_source source;
    struct sigaction before {};
    std::jthread thread;
};

InterruptGuard::InterruptGuard() : impl_(std::make_unique<Impl>()) {
    if (::pipe(impl_->pipe) != 0) return;
    interrupt_pipe = impl_->pipe[1];
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    ::sigaction(SIGINT, &action, &impl_->before);
    impl_->thread = std::jthread([impl = impl_.get()] {
        char byte = 0;
        while (::read(impl->pipe[0], &byte, 1) == 1 && byte == 1) impl->source.request_stop();
    });
}

InterruptGuard::~InterruptGuard() {
    if (impl_->pipe[0] < 0) return;
    ::sigaction(SIGINT, &impl_->before, nullptr);
    interrupt_pipe = -1;
    const char end = 0;
    const auto ignored = ::write(impl_->pipe[1], &end, 1);
    (void)ignored;
    impl_->thread.join();
    ::close(impl_->pipe[0]);
    ::close(impl_->pipe[1]);
}

std::stop_token InterruptGuard::token() const { return impl_->source.get_token(); }

void SamplingFlags::declare(CLI::App& sub) {
    sub.add_option("--temperature", temperature, "0 takes the likeliest token each time")->check(CLI::Range(0.0, 5.0));
    sub.add_option("--top-k", top_k, "sample among the k likeliest tokens; 0: all")->check(CLI::Range(0, 1'000'000));
    sub.add_option("--top-p", top_p, "sample among the likeliest tokens of this total probability")
        ->check(CLI::Range(0.0, 1.0));
    sub.add_option("--min-p", min_p, "leave out tokens below this share of the likeliest one's probability")
        ->check(CLI::Range(0.0, 1.0));
    sub.add_option("--repetition-penalty", repetition_penalty, "1: none")->check(CLI::Range(0.01, 10.0));
    sub.add_option("--seed", seed, "make sampling repeatable")->check(CLI::NonNegativeNumber);
    sub.add_option("--max-tokens,-n", max_tokens, "stop after this many tokens")->check(CLI::PositiveNumber);
    sub.add_option("--stop", stop, "stop before this text (repeatable)");
}

llm::GenerationSettings SamplingFlags::settings() const {
    llm::GenerationSettings s;
    if (temperature >= 0) s.temperature = temperature;
    if (top_p >= 0) s.top_p = top_p;
    if (min_p >= 0) s.min_p = min_p;
    if (repetition_penalty >= 0) s.repetition_penalty = repetition_penalty;
    if (top_k >= 0) s.top_k = top_k;
    if (seed >= 0) s.seed = static_cast<std::uint64_t>(seed);
    if (max_tokens >= 0) s.max_tokens = static_cast<std::uint64_t>(max_tokens);
    s.stop = stop;
    return s;
}

void RemoteFlags::declare(CLI::App& sub) {
    sub.add_option("--model,-m", model,
                   "an alias, an installed model, a path, or PROVIDER:NAME: openai:gpt-5, anthropic:..., gemini:..., "
                   "ollama:..., vllm:... with --base-url");
    sub.add_option("--base-url", base_url, "where the provider's server is, for PROVIDER:NAME");
    sub.add_option("--api-key", api_key,
                   "for it; better in OPENAI_API_KEY, ANTHROPIC_API_KEY ..., where others cannot see it");
}

void RemoteFlags::apply(Settings& settings) const {
    if (!model.empty()) settings.chat_model = model;
    if (!base_url.empty()) settings.base_url = base_url;
    if (!api_key.empty()) settings.api_key = api_key;
    // Flags win over what the file says of a provider.
    for (auto& [name, provider] : settings.providers) {
        if (!base_url.empty()) provider.base_url.clear();
        if (!api_key.empty()) provider.api_key.clear();
    }
}

}  // namespace tenon::app
