#include "serve/state.hpp"

#include <fmt/format.h>

#include <random>

#include "tenon/net/http_server.hpp"

namespace tenon::serve {

void State::count_tokens(const std::string& model, const llm::Usage& usage) {
    const std::string name = "tenon_tokens_total", help = "Tokens read and written by models.";
    metrics.add(name, help, {{"model", model}, {"kind", "input"}},
                static_cast<double>(usage.input_tokens - std::min(usage.input_tokens, usage.cached_input_tokens)));
    metrics.add(name, help, {{"model", model}, {"kind", "cached_input"}},
                static_cast<double>(usage.cached_input_tokens));
    metrics.add(name, help, {{"model", model}, {"kind", "output"}}, static_cast<double>(usage.output_tokens));
}

Caller caller_of(const net::HttpRequest& http) { return {std::string(net::presented_key(http.headers))}; }

namespace {
constexpr const char* running_name = "tenon_generations_running";
constexpr const char* running_help = "Requests a model is working on.";
}  // namespace

RunningGeneration::RunningGeneration(StatePtr state, std::string model, std::stop_token stop)
    : state_(std::move(state)), model_(std::move(model)), stop_(std::move(stop)) {
    state_->metrics.change(running_name, running_help, {{"model", model_}}, 1);
}

RunningGeneration::~RunningGeneration() {
    state_->metrics.change(running_name, running_help, {{"model", model_}}, -1);
    state_->metrics.add("tenon_generations_total", "Requests a model has worked on.",
                        {{"model", model_}, {"outcome", stop_.stop_requested() ? "stopped" : "completed"}});
}

task<Result<void>> send_response(std::shared_ptr<net::ResponseWriter> writer, net::HttpResponse response) {
    net::Headers headers = std::move(response.headers);
    TENON_CO_CHECK(co_await writer->start(response.status, std::move(headers)));
    if (!response.body.empty()) TENON_CO_CHECK(co_await writer->write(std::move(response.body)));
    co_return co_await writer->finish();
}

task<Result<void>> start_events(std::shared_ptr<net::ResponseWriter> writer) {
    net::Headers headers;
    headers.add("Content-Type", "text/event-stream; charset=utf-8");
    headers.add("Cache-Control", "no-cache");
    headers.add("X-Accel-Buffering", "no");
    co_return co_await writer->start(200, std::move(headers));
}

std::string make_id(std::string_view prefix) {
    thread_local std::mt19937_64 random{std::random_device{}()};
    return fmt::format("{}{:016x}{:08x}", prefix, random(), static_cast<std::uint32_t>(random()));
}

std::int64_t unix_now() {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace tenon::serve
