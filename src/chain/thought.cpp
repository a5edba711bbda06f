#include "tenon/chain/thought.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "tenon/base/utf8.hpp"

namespace tenon::chain {
namespace {

constexpr std::string_view blanks = " \t\r\n\f\v";

std::string_view trimmed(std::string_view text) {
    const auto from = text.find_first_not_of(blanks);
    return from == std::string_view::npos ? std::string_view()
                                          : text.substr(from, text.find_last_not_of(blanks) - from + 1);
}

/// Emphasis, quotes, brackets of mathematics, blanks and closing full stops.
std::string_view bare(std::string_view text) {
    constexpr std::array<std::string_view, 14> around = {"**", "*", "`", "\"", "'",  "$",   "“",
                                                         "”",  "‘", "’", "「", "」", "\\(", "\\)"};
    constexpr std::array<std::string_view, 4> closing = {".", "。", "．", "!"};
    for (bool changed = true; changed;) {
        changed = false;
        const auto cut = [&](std::string_view next) {
            changed = changed || next.size() != text.size();
            text = next;
        };
        cut(trimmed(text));
        for (const auto mark : around) {
            if (text.starts_with(mark)) cut(text.substr(mark.size()));
            if (text.ends_with(mark)) cut(text.substr(0, text.size() - mark.size()));
        }
        for (const auto stop : closing)
            if (text.ends_with(stop)) cut(text.substr(0, text.size() - stop.size()));
    }
    return text;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (auto& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

std::string_view first_line(std::string_view text) {
    text = text.substr(std::min(text.find_first_not_of(blanks), text.size()));
    return text.substr(0, text.find('\n'));
}

/// What stands on the first line of `rest` that is not blank, after any colon.
std::string_view bare_answer(std::string_view rest) {
    std::string_view line = bare(first_line(rest));
    while (line.starts_with(":") || line.starts_with("：")) line = bare(line.substr(line.starts_with(":") ? 1 : 3));
    return line;
}

/// The contents of the last \boxed{…}, braces counted.
std::optional<std::string_view> boxed(std::string_view text) {
    constexpr std::string_view mark = "\\boxed{";
    const auto at = text.rfind(mark);
    if (at == std::string_view::npos) return std::nullopt;
    int depth = 1;
    for (std::size_t i = at + mark.size(); i < text.size(); ++i) {
        depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
        if (depth == 0) return text.substr(at + mark.size(), i - at - mark.size());
    }
    return std::nullopt;
}

/// ASCII for the full-width forms of it.
std::string half_width(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        const auto c = utf8::decode(text, i);
        if (c.code_point >= 0xFF01 && c.code_point <= 0xFF5E)
            out += static_cast<char>(c.code_point - 0xFF01 + '!');
        else if (c.code_point == 0x3000)
            out += ' ';
        else
            out += text.substr(i, c.length);
        i += c.length;
    }
    return out;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool has_cjk(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto c = utf8::decode(text, i);
        if (utf8::is_cjk(c.code_point)) return true;
        i += c.length;
    }
    return false;
}

}  // namespace

std::string extract_answer(std::string_view text) {
    if (const auto inside = boxed(text)) return std::string(bare(*inside));
    constexpr std::array<std::string_view, 9> marks = {"answer:",  "answer is", "answer：", "答案:", "答案：",
                                                       "答案是：", "答案是",    "答案为",   "####"};
    const std::string folded = lower(text);
    std::size_t best = 0;
    bool found = false;
    for (const auto mark : marks) {
        // Nothing after the mark: the model stopped there, an earlier one counts.
        auto at = folded.rfind(mark);
        while (at != std::string::npos && bare_answer(text.substr(at + mark.size())).empty())
            at = at == 0 ? std::string::npos : folded.rfind(mark, at - 1);
        if (at == std::string::npos) continue;
        const auto end = at + mark.size();
        if (!found || end > best) best = end;
        found = true;
    }
    if (found) {
        return std::string(bare_answer(text.substr(best)));
    }
    std::string_view rest = trimmed(text);
    if (const auto line = rest.rfind('\n'); line != std::string_view::npos) rest = rest.substr(line + 1);
    return std::string(bare(rest));
}

std::string extract_number(std::string_view given) {
    const std::string text = half_width(given);
    std::string last;
    for (std::size_t i = 0; i < text.size();) {
        if (!is_digit(text[i])) {
            ++i;
            continue;
        }
        std::string number;
        if (i > 0 && text[i - 1] == '-' &&
            (i < 2 || !(is_digit(text[i - 2]) || std::isalpha(static_cast<unsigned char>(text[i - 2])))))
            number = "-";
        for (; i < text.size(); ++i) {
            const bool inside = i + 1 < text.size() && is_digit(text[i + 1]);
            if (is_digit(text[i]) || (text[i] == '.' && inside && number.find('.') == std::string::npos))
                number += text[i];
            else if (!(text[i] == ',' && inside))
                break;
        }
        last = std::move(number);
    }
    return last;
}

std::string normalise_answer(std::string_view answer) {
    const std::string text = lower(bare(half_width(answer)));
    // A number, with or without a sign of currency or a unit of per cent, by value.
    std::string digits;
    bool numeric = !text.empty();
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (is_digit(c) || c == '.' || (c == '-' && digits.empty()))
            digits += c;
        else if (!(c == ',' || c == ' ' || c == '$' || c == '%'))
            numeric = false;
    }
    if (numeric && !digits.empty()) {
        double value = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (error == std::errc() && end == digits.data() + digits.size())
            return fmt::format("{}", value == 0 ? 0.0 : value);
    }
    std::string out;
    for (const char c : text)
        if (blanks.find(c) == std::string_view::npos) out += c;
    return out;
}

std::string worked(std::string_view reasoning, std::string_view answer) {
    return fmt::format("{}\n{}{}", trimmed(reasoning), has_cjk(reasoning) ? "答案：" : "Answer: ", answer);
}

Result<llm::ChatRequest> ThinkFirst::call(ModelInput&& in, const Context&) const {
    auto& messages = in.request.messages;
    const auto last =
        std::find_if(messages.rbegin(), messages.rend(), [](const auto& m) { return m.role == llm::Role::user; });
    if (last == messages.rend())
        return fail(ErrorCode::invalid_argument, "think_first wants a request with a user message to think about");
    const bool chinese = has_cjk(last->text());
    last->content.emplace_back(
        llm::TextPart{chinese ? "\n\n请一步一步地思考，最后单独一行写出“答案：”和最终答案。"
                              : "\n\nLet's think step by step. End with a line that says \"Answer:\" "
                                "and then the final answer alone."});
    return std::move(in.request);
}

Result<Thought> ToThought::call(llm::ChatResponse&& answer, const Context&) const {
    const std::string text = answer.message.text();
    std::string reasoning = answer.message.reasoning();
    if (!reasoning.empty() && !text.empty()) reasoning += "\n";
    return Thought{reasoning + text, extract_answer(text)};
}

Votes majority(std::vector<Thought> thoughts, const std::function<std::string(std::string_view)>& normalise) {
    Votes out;
    out.samples = thoughts.size();
    std::vector<std::string> keys;
    for (const auto& thought : thoughts) {
        const std::string key = normalise(thought.answer);
        if (key.empty()) continue;  // a sample without an answer has no vote
        const auto at = std::ranges::find(keys, key);
        if (at == keys.end()) {
            keys.push_back(key);
            out.tally.emplace_back(thought.answer, 1);
        } else {
            ++out.tally[static_cast<std::size_t>(at - keys.begin())].second;
        }
    }
    std::ranges::stable_sort(out.tally, std::greater{}, &std::pair<std::string, std::size_t>::second);
    if (!out.tally.empty()) std::tie(out.answer, out.votes) = out.tally.front();
    out.thoughts = std::move(thoughts);
    return out;
}

}  // namespace tenon::chain
