#include "text/tokenizer/decoder.hpp"

#include <array>
#include <functional>
#include <utility>

#include "text/tokenizer/tables.hpp"

namespace tenon::text::tok {
namespace {

class Step final : public DecodeStep {
  public:
    explicit Step(std::function<void(std::string&, bool)> apply) : apply_(std::move(apply)) {}
    void apply(std::string& token, bool first) const override { apply_(token, first); }

  private:
    std::function<void(std::string&, bool)> apply_;
};

DecodeStepPtr make(std::function<void(std::string&, bool)> apply) { return std::make_unique<Step>(std::move(apply)); }

void replace_all(std::string& text, std::string_view from, std::string_view to) {
    if (from.empty()) return;
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
}

// English spacing as transformers' clean_up_tokenization, within one token and the space before it.
void clean(std::string& text) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 11> rules{{{" .", "."},
                                                                                          {" ?", "?"},
                                                                                          {" !", "!"},
                                                                                          {" ,", ","},
                                                                                          {" ' ", "'"},
                                                                                          {" n't", "n't"},
                                                                                          {" 'm", "'m"},
                                                                                          {" do not", " don't"},
                                                                                          {" 's", "'s"},
                                                                                          {" 've", "'ve"},
                                                                                          {" 're", "'re"}}};
    for (const auto& [from, to] : rules) replace_all(text, from, to);
}

}  // namespace

DecodeStepPtr decode_byte_level() {
    return make([](std::string& token, bool) {
        std::string bytes;
        if (alphabet_to_bytes(token, bytes)) token = std::move(bytes);
    });
}

DecodeStepPtr decode_byte_fallback() {
    return make([](std::string& token, bool) {
        if (const int byte = byte_of_token(token); byte >= 0) token.assign(1, static_cast<char>(byte));
    });
}

DecodeStepPtr decode_replace(std::string from, std::string to) {
    return make(
        [from = std::move(from), to = std::move(to)](std::string& token, bool) { replace_all(token, from, to); });
}

DecodeStepPtr decode_strip(std::string character, std::size_t start, std::size_t stop, bool whole_text) {
    return make([character = std::move(character), start, stop, whole_text](std::string& token, bool first) {
        if (character.empty() || (whole_text && !first)) return;
        std::size_t begin = 0;
        for (std::size_t i = 0; i < start && std::string_view(token).substr(begin).starts_with(character); ++i)
            begin += character.size();
        token.erase(0, begin);
        for (std::size_t i = 0; !whole_text && i < stop && token.ends_with(character); ++i)
            token.resize(token.size() - character.size());
    });
}

DecodeStepPtr decode_metaspace(std::string replacement, bool prefix_was_added) {
    return make([replacement = std::move(replacement), prefix_was_added](std::string& token, bool first) {
        replace_all(token, replacement, first && prefix_was_added ? "" : " ");
    });
}

DecodeStepPtr decode_wordpiece(std::string prefix, bool cleanup) {
    return make([prefix = std::move(prefix), cleanup](std::string& token, bool first) {
        if (!first) {
            if (!prefix.empty() && token.starts_with(prefix)) {
                token.erase(0, prefix.size());
            } else {
                token.insert(0, 1, ' ');
            }
        }
        if (cleanup) clean(token);
    });
}

DecodeStepPtr decode_marked_beginnings(bool cleanup) {
    return make([cleanup](std::string& token, bool first) {
        constexpr std::string_view mark = "\u2581";
        if (token.starts_with(mark)) token.replace(0, mark.size(), first ? "" : " ");
        if (cleanup) clean(token);
    });
}

DecodeStepPtr decode_space_between() {
    return make([](std::string& token, bool first) {
        if (!first) token.insert(0, 1, ' ');
    });
}

}  // namespace tenon::text::tok
