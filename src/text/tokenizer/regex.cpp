#include "text/tokenizer/regex.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <array>

namespace tenon::text::tok {
namespace {

struct FreeMatchData {
    void operator()(pcre2_match_data* p) const { pcre2_match_data_free(p); }
};
struct FreeMatchContext {
    void operator()(pcre2_match_context* p) const { pcre2_match_context_free(p); }
};
struct FreeJitStack {
    void operator()(pcre2_jit_stack* p) const { pcre2_jit_stack_free(p); }
};

// PCRE2's \s has U+180E, and its \w lacks marks and connectors: spell both out as Oniguruma has them.
std::string translate(std::string_view pattern) {
    constexpr std::string_view blank =
        R"(\x{9}-\x{D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
    constexpr std::string_view word =
        R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE}\x{24B6}-\x{24E9}\x{1F130}-\x{1F149}\x{1F150}-\x{1F169}\x{1F170}-\x{1F189})";
    std::string out;
    bool in_class = false;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const char c = pattern[i];
        if (c == '\\' && i + 1 < pattern.size()) {
            const char e = pattern[++i];
            const std::string_view set = e == 's' || e == 'S' ? blank : word;
            if (e == 's' || e == 'w') {
                out += in_class ? std::string(set) : fmt::format("[{}]", set);
            } else if ((e == 'S' || e == 'W') && !in_class) {
                out += fmt::format("[^{}]", set);
            } else {
                out += '\\';
                out += e;
            }
            continue;
        }
        if (c == '[' && !in_class) {
            in_class = true;
            out += c;
            if (i + 1 < pattern.size() && pattern[i + 1] == '^') out += pattern[++i];
            if (i + 1 < pattern.size() && pattern[i + 1] == ']') out += pattern[++i];
            continue;
        }
        if (c == ']') in_class = false;
        out += c;
    }
    return out;
}

}  // namespace

struct Regex::Code {
    pcre2_code* code = nullptr;
    bool jit = false;
    Code() = default;
    Code(const Code&) = delete;
    Code& operator=(const Code&) = delete;
    ~Code() { pcre2_code_free(code); }
};

Result<Regex> Regex::compile(std::string_view pattern) {
    if (pattern.size() > 65536)
        return fail(ErrorCode::corrupt, "a regular expression of the tokenizer is longer than 64 KiB");
    const std::string source = translate(pattern);
    int error = 0;
    PCRE2_SIZE offset = 0;
    auto code = std::make_shared<Code>();
    code->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(source.data()), source.size(), PCRE2_UTF | PCRE2_UCP,
                               &error, &offset, nullptr);
    if (code->code == nullptr) {
        std::array<unsigned char, 128> message{};
        pcre2_get_error_message(error, message.data(), message.size());
        return fail(ErrorCode::corrupt,
                    fmt::format("the tokenizer's regular expression \"{}\" does not compile: {}",
                                pattern.substr(0, 200), reinterpret_cast<const char*>(message.data())));
    }
    code->jit = pcre2_jit_compile(code->code, PCRE2_JIT_COMPLETE) == 0;
    return Regex(std::shared_ptr<const Code>(std::move(code)));
}

void Regex::for_each_match(std::string_view text, Span range,
                           const std::function<void(std::size_t, std::size_t)>& visit) const {
    const std::unique_ptr<pcre2_match_data, FreeMatchData> data(pcre2_match_data_create(1, nullptr));
    const std::unique_ptr<pcre2_match_context, FreeMatchContext> context(pcre2_match_context_create(nullptr));
    std::unique_ptr<pcre2_jit_stack, FreeJitStack> stack;
    pcre2_set_match_limit(context.get(), 5'000'000);
    pcre2_set_heap_limit(context.get(), 65536);
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data() + range.begin);
    const std::size_t length = range.end - range.begin;
    for (std::size_t at = 0; at < length;) {
        int count = pcre2_match(code_->code, subject, length, at, PCRE2_NO_UTF_CHECK, data.get(), context.get());
        if (count == PCRE2_ERROR_JIT_STACKLIMIT && stack == nullptr) {
            stack.reset(pcre2_jit_stack_create(std::size_t{64} << 10, std::size_t{16} << 20, nullptr));
            pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
            count = pcre2_match(code_->code, subject, length, at, PCRE2_NO_UTF_CHECK, data.get(), context.get());
        }
        if (count < 0) return;
        const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(data.get());
        if (offsets[1] <= offsets[0]) {
            at = offsets[1] + 1;
            while (at < length && (subject[at] & 0xC0U) == 0x80) ++at;
            continue;
        }
        visit(range.begin + offsets[0], range.begin + offsets[1]);
        at = offsets[1];
    }
}

std::string escape_regex(std::string_view literal) {
    std::string out;
    for (const char c : literal) {
        if (std::string_view(R"(\^$.|?*+()[]{}-#&~ )").find(c) != std::string_view::npos) out += '\\';
        out += c;
    }
    return out;
}

}  // namespace tenon::text::tok
