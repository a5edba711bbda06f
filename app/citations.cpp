#include "citations.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tenon/base/utf8.hpp"
#include "terminal.hpp"

namespace tenon::app {
namespace {

task<Result<rag::Answer>> stream_answer(const rag::Answerer* answerer, std::string question, rag::AnswerOptions options,
                                        CallOptions call, bool print_it) {
    TENON_CO_TRY(const auto events,
                 co_await answerer->stream(std::move(question), std::move(options), std::move(call)));
    for (;;) {
        TENON_CO_TRY(auto event, co_await events->next());
        if (!event) co_return fail(ErrorCode::internal, "the answer ended without its last event");
        if (print_it) print(event->text);
        if (event->answer) co_return std::move(*event->answer);
    }
}

}  // namespace

std::string citation_line(const rag::Citation& c) {
    std::string words;
    for (const char ch : c.text) words += ch == '\n' || ch == '\t' ? ' ' : ch;
    constexpr std::size_t most = 72;
    if (utf8::length(words) > most) {
        auto wide = utf8::to_utf32(words);
        wide.resize(most - 1);
        words = utf8::from_utf32(wide) + "…";
    }
    const std::string place = c.page > 0                   ? fmt::format("page {}", c.page)
                              : c.start_line == c.end_line ? fmt::format("{}", c.start_line)
                                                           : fmt::format("{}-{}", c.start_line, c.end_line);
    return fmt::format("[{}] {}:{} \"{}\"", c.index, c.source, place, words);
}

Result<rag::Answer> show_answer(Context& context, const rag::Answerer& answerer, std::string question,
                                rag::AnswerOptions options, CallOptions call, bool print_it) {
    auto answer = sync_wait(context.runtime(), stream_answer(&answerer, std::move(question), std::move(options),
                                                             std::move(call), print_it));
    if (!print_it) return answer;
    if (!answer) {
        if (answer.error().code() == ErrorCode::cancelled) print_line("");
        return answer;
    }
    print_line("");
    if (!answer->citations.empty()) print_line("");
    for (const auto& c : answer->citations) print_line(citation_line(c));
    return answer;
}

}  // namespace tenon::app
