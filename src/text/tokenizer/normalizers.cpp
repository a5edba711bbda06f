#include "text/tokenizer/normalizers.hpp"

#include <functional>
#include <utility>

#include "tenon/base/utf8.hpp"
#include "text/tokenizer/regex.hpp"
#include "text/tokenizer/tables.hpp"

namespace tenon::text::tok {
namespace {

class Sequence final : public Normalizer {
  public:
    explicit Sequence(std::vector<NormalizerPtr> parts) : parts_(std::move(parts)) {}
    void apply(std::string& text) const override {
        for (const NormalizerPtr& part : parts_) part->apply(text);
    }

  private:
    std::vector<NormalizerPtr> parts_;
};

class Rewrite final : public Normalizer {
  public:
    explicit Rewrite(std::function<void(std::string&)> rewrite) : rewrite_(std::move(rewrite)) {}
    void apply(std::string& text) const override { rewrite_(text); }

  private:
    std::function<void(std::string&)> rewrite_;
};

NormalizerPtr make(std::function<void(std::string&)> rewrite) { return std::make_unique<Rewrite>(std::move(rewrite)); }

bool is_ideograph(char32_t c) noexcept {
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
           (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

void remove_if(std::string& text, bool (*unwanted)(char32_t)) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        const Char c = next_char(text, i);
        if (c.code < 0x80 || !unwanted(c.code)) out.append(text, i, c.length);
        i += c.length;
    }
    text = std::move(out);
}

void bert(std::string& text, const BertOptions& options) {
    std::string out;
    out.reserve(text.size() + text.size() / 8);
    for (std::size_t i = 0; i < text.size();) {
        const Char c = next_char(text, i);
        if (options.clean_text && (c.code == 0 || c.code == utf8::replacement || bert_control(c.code))) {
            // left out
        } else if (options.clean_text && is_white_space(c.code)) {
            out += ' ';
        } else if (options.chinese_characters && is_ideograph(c.code)) {
            out += ' ';
            out.append(text, i, c.length);
            out += ' ';
        } else {
            out.append(text, i, c.length);
        }
        i += c.length;
    }
    text = std::move(out);
    if (options.strip_accents) {
        text = normalize(text, NormalForm::nfd);
        remove_if(text, [](char32_t c) { return bert_nonspacing_mark(c); });
    }
    if (options.lowercase) text = lowercase(text);
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
    std::size_t at = text.find(from);
    if (at == std::string::npos) return;
    std::string out;
    out.reserve(text.size() + text.size() / 2);
    std::size_t copied = 0;
    for (; at != std::string::npos; at = text.find(from, copied)) {
        out.append(text, copied, at - copied);
        out += to;
        copied = at + from.size();
    }
    out.append(text, copied);
    text = std::move(out);
}

}  // namespace

NormalizerPtr normalizer_sequence(std::vector<NormalizerPtr> parts) {
    if (parts.size() == 1) return std::move(parts[0]);
    return std::make_unique<Sequence>(std::move(parts));
}
NormalizerPtr unicode_normalizer(NormalForm form) {
    return make([form](std::string& text) { text = normalize(text, form); });
}
NormalizerPtr lowercase_normalizer() {
    return make([](std::string& text) { text = lowercase(text); });
}
NormalizerPtr strip_accents_normalizer() {
    return make([](std::string& text) { remove_if(text, [](char32_t c) { return is_mark(c); }); });
}

NormalizerPtr strip_normalizer(bool left, bool right) {
    return make([left, right](std::string& text) {
        std::size_t begin = 0;
        std::size_t end = text.size();
        while (left && begin < end) {
            const Char c = next_char(text, begin);
            if (!is_white_space(c.code)) break;
            begin += c.length;
        }
        while (right && end > begin) {
            std::size_t at = end - 1;
            while (at > begin && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80) --at;
            if (!is_white_space(next_char(text, at).code)) break;
            end = at;
        }
        text = text.substr(begin, end - begin);
    });
}

NormalizerPtr prepend_normalizer(std::string prefix) {
    return make([prefix = std::move(prefix)](std::string& text) {
        if (!text.empty()) text.insert(0, prefix);
    });
}

NormalizerPtr replace_normalizer(std::string from, std::string to) {
    return make([from = std::move(from), to = std::move(to)](std::string& text) {
        if (!from.empty()) replace_all(text, from, to);
    });
}

Result<NormalizerPtr> replace_regex_normalizer(std::string_view pattern, std::string to) {
    TENON_TRY(Regex regex, Regex::compile(pattern));
    return make([regex = std::move(regex), to = std::move(to)](std::string& text) {
        std::string out;
        std::size_t copied = 0;
        regex.for_each_match(text, {0, text.size()}, [&](std::size_t begin, std::size_t end) {
            out.append(text, copied, begin - copied);
            out += to;
            copied = end;
        });
        out.append(text, copied);
        text = std::move(out);
    });
}

NormalizerPtr remove_control_normalizer() {
    return make([](std::string& text) {
        std::string out;
        out.reserve(text.size());
        for (std::size_t i = 0; i < text.size();) {
            const Char c = next_char(text, i);
            const char32_t u = c.code;
            const bool removed =
                (u >= 1 && u <= 8) || u == 0x0B || (u >= 0x0E && u <= 0x1F) || u == 0x7F || u == 0x8F || u == 0x9F;
            const bool blank = u == 9 || u == 10 || u == 12 || u == 13 || u == 0x1680 || (u >= 0x200B && u <= 0x200F) ||
                               u == 0x2028 || u == 0x2029 || u == 0x2581 || u == 0xFEFF || u == 0xFFFD;
            if (blank) {
                out += ' ';
            } else if (!removed) {
                out.append(text, i, c.length);
            }
            i += c.length;
        }
        text = std::move(out);
    });
}

NormalizerPtr byte_level_normalizer() {
    return make([](std::string& text) {
        std::string out;
        bytes_to_alphabet(text, out);
        text = std::move(out);
    });
}

NormalizerPtr bert_normalizer(const BertOptions& options) {
    return make([options](std::string& text) { bert(text, options); });
}

NormalizerPtr sentencepiece_normalizer(const SentencePieceOptions& options) {
    return make([options](std::string& text) {
        if (text.empty()) return;
        const std::string_view space = options.escape_whitespaces ? "\u2581" : " ";
        std::string out;
        out.reserve(text.size() + text.size() / 2);
        if (options.remove_extra_whitespaces) {
            const std::size_t begin = text.find_first_not_of(' ');
            if (begin == std::string::npos) return text.clear();
            const std::size_t end = text.find_last_not_of(' ') + 1;
            text = text.substr(begin, end - begin);
        }
        if (options.add_space_prefix) out += space;
        bool last_space = false;
        for (const char c : text) {
            if (c == ' ') {
                if (!(last_space && options.remove_extra_whitespaces)) out += space;
            } else {
                out += c;
            }
            last_space = c == ' ';
        }
        text = std::move(out);
    });
}

}  // namespace tenon::text::tok
