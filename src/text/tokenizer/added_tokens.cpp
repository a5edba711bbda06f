#include "text/tokenizer/added_tokens.hpp"

#include "text/tokenizer/unicode.hpp"

namespace tenon::text::tok {
namespace {

std::size_t previous_begin(std::string_view text, std::size_t at) noexcept {
    --at;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80) --at;
    return at;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
        if (!tokens_[i].content.empty()) trie_.insert(tokens_[i].content, static_cast<std::int32_t>(i));
    }
    trie_.freeze();
}

void AddedTokens::split(std::string_view input, bool parse_special,
                        const std::function<void(std::size_t, std::size_t)>& text,
                        const std::function<void(TokenId)>& token) const {
    std::size_t begin = 0;  // of the text not yet given out
    for (std::size_t at = 0; at < input.size();) {
        if (!trie_.may_begin(input[at])) {
            ++at;
            continue;
        }
        const AddedToken* found = nullptr;
        trie_.for_each_prefix(input.substr(at), [&](std::size_t, std::int32_t index) {
            const AddedToken& candidate = tokens_[static_cast<std::size_t>(index)];
            if (parse_special || !candidate.special) found = &candidate;
        });
        if (found == nullptr) {
            ++at;
            continue;
        }
        std::size_t start = at;
        std::size_t stop = at + found->content.size();
        if (found->single_word) {
            const bool left = start == 0 || !is_word(next_char(input, previous_begin(input, start)).code);
            const bool right = stop == input.size() || !is_word(next_char(input, stop).code);
            if (!left || !right) {
                at = stop;
                continue;
            }
        }
        while (found->left_strip && start > begin) {
            const std::size_t previous = previous_begin(input, start);
            if (!is_white_space(next_char(input, previous).code)) break;
            start = previous;
        }
        while (found->right_strip && stop < input.size()) {
            const Char c = next_char(input, stop);
            if (!is_white_space(c.code)) break;
            stop += c.length;
        }
        if (start > begin) text(begin, start);
        token(found->id);
        begin = at = stop;
    }
    if (begin < input.size()) text(begin, input.size());
}

}  // namespace tenon::text::tok
