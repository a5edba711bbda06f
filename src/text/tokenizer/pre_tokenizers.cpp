#include "text/tokenizer/pre_tokenizers.hpp"

#include <functional>
#include <utility>

#include "text/tokenizer/regex.hpp"
#include "text/tokenizer/scanners.hpp"
#include "text/tokenizer/tables.hpp"
#include "text/tokenizer/unicode.hpp"

namespace tenon::text::tok {
namespace {

constexpr std::string_view gpt2_pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view llama3_pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view qwen2_pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

/// Cuts one span along the delimiters found in it.
class Cutter {
  public:
    Cutter(SplitBehavior behavior, Span range, std::vector<Span>& out)
        : behavior_(behavior), range_(range), at_(range.begin), out_(out) {}

    void delimiter(std::size_t begin, std::size_t end) {
        switch (behavior_) {
            case SplitBehavior::removed:
                piece(at_, begin);
                break;
            case SplitBehavior::isolated:
                piece(at_, begin);
                piece(begin, end);
                break;
            case SplitBehavior::merged_with_previous:
                // A delimiter joins the text before it; right after another delimiter it stands alone.
                piece(at_, end);
                break;
            case SplitBehavior::merged_with_next:
                if (pending_) {
                    piece(pending_begin_, begin);
                } else {
                    piece(at_, begin);
                }
                pending_ = true;
                pending_begin_ = begin;
                break;
            case SplitBehavior::contiguous:
                if (pending_ && begin == at_) break;  // the run goes on
                if (pending_) piece(pending_begin_, at_);
                piece(at_, begin);
                pending_ = true;
                pending_begin_ = begin;
                break;
        }
        at_ = end;
    }

    void finish() {
        if (pending_ && behavior_ == SplitBehavior::contiguous) {
            piece(pending_begin_, at_);
            piece(at_, range_.end);
        } else {
            piece(pending_ ? pending_begin_ : at_, range_.end);
        }
    }

  private:
    void piece(std::size_t begin, std::size_t end) {
        if (end > begin) out_.push_back({begin, end});
    }
    SplitBehavior behavior_;
    Span range_;
    std::size_t at_;
    std::vector<Span>& out_;
    bool pending_ = false;
    std::size_t pending_begin_ = 0;
};

class Sequence final : public PreTokenizer {
  public:
    explicit Sequence(std::vector<PreTokenizerPtr> parts) : parts_(std::move(parts)) {}
    void apply(Pieces& pieces) const override {
        for (const PreTokenizerPtr& part : parts_) part->apply(pieces);
    }

  private:
    std::vector<PreTokenizerPtr> parts_;
};

/// Cuts every span with a function of (text, span, out).
class Scan final : public PreTokenizer {
  public:
    using Function = std::function<void(std::string_view, Span, std::vector<Span>&)>;
    explicit Scan(Function scan) : scan_(std::move(scan)) {}
    void apply(Pieces& pieces) const override {
        std::vector<Span> out;
        out.reserve(pieces.text.size() / 4 + 1);
        for (const Span& span : pieces.spans) scan_(pieces.text, span, out);
        pieces.spans = std::move(out);
    }

  private:
    Function scan_;
};

class ByteLevel final : public PreTokenizer {
  public:
    ByteLevel(bool add_prefix_space, bool use_regex, bool map_bytes)
        : add_prefix_space_(add_prefix_space), use_regex_(use_regex), map_bytes_(map_bytes) {}

    void apply(Pieces& pieces) const override {
        if (add_prefix_space_) {
            rewrite(pieces, [](std::string_view piece, std::string& out) {
                if (!piece.starts_with(' ')) out += ' ';
                out += piece;
            });
        }
        if (use_regex_) {
            std::vector<Span> out;
            out.reserve(pieces.text.size() / 4 + 1);
            for (const Span& span : pieces.spans) scan_gpt2(pieces.text, span, out);
            pieces.spans = std::move(out);
        }
        if (map_bytes_)
            rewrite(pieces, [](std::string_view piece, std::string& out) { bytes_to_alphabet(piece, out); });
    }

  private:
    template <class Write>
    static void rewrite(Pieces& pieces, Write&& write) {
        std::string text;
        std::vector<Span> spans;
        spans.reserve(pieces.spans.size());
        for (const Span& span : pieces.spans) {
            const std::size_t begin = text.size();
            write(pieces[span], text);
            if (text.size() > begin) spans.push_back({begin, text.size()});
        }
        pieces.rewrite(std::move(text), std::move(spans));
    }
    bool add_prefix_space_, use_regex_, map_bytes_;
};

class Metaspace final : public PreTokenizer {
  public:
    Metaspace(std::string replacement, PrependScheme scheme, bool split)
        : replacement_(std::move(replacement)), scheme_(scheme), split_(split) {}

    void apply(Pieces& pieces) const override {
        std::string text;
        std::vector<Span> spans;
        for (const Span& span : pieces.spans) {
            const std::size_t begin = text.size();
            const std::string_view piece = pieces[span];
            const bool prepend = scheme_ == PrependScheme::always ||
                                 (scheme_ == PrependScheme::first && pieces.starts_text && span.begin == 0);
            if (prepend && !piece.starts_with(' ') && !piece.starts_with(replacement_)) text += replacement_;
            for (const char c : piece) {
                if (c == ' ') {
                    text += replacement_;
                } else {
                    text += c;
                }
            }
            if (!split_) {
                if (text.size() > begin) spans.push_back({begin, text.size()});
                continue;
            }
            Cutter cutter(SplitBehavior::merged_with_next, {begin, text.size()}, spans);
            for (std::size_t at = text.find(replacement_, begin); at != std::string::npos;
                 at = text.find(replacement_, at + replacement_.size()))
                cutter.delimiter(at, at + replacement_.size());
            cutter.finish();
        }
        pieces.rewrite(std::move(text), std::move(spans));
    }

  private:
    std::string replacement_;
    PrependScheme scheme_;
    bool split_;
};

template <class Is>
void cut_characters(std::string_view text, Span range, SplitBehavior behavior, std::vector<Span>& out, Is&& is) {
    Cutter cutter(behavior, range, out);
    for (std::size_t i = range.begin; i < range.end;) {
        const Char c = next_char(text, i);
        if (is(c.code)) cutter.delimiter(i, i + c.length);
        i += c.length;
    }
    cutter.finish();
}

// BERT: white space is removed, then each punctuation character stands alone.
void scan_bert(std::string_view text, Span range, std::vector<Span>& out) {
    std::size_t begin = range.begin;
    const auto flush = [&](std::size_t end) {
        if (end > begin) out.push_back({begin, end});
    };
    for (std::size_t i = range.begin; i < range.end;) {
        const Char c = next_char(text, i);
        if (is_white_space(c.code)) {
            flush(i);
            begin = i + c.length;
        } else if (is_punctuation(c.code)) {
            flush(i);
            out.push_back({i, i + c.length});
            begin = i + c.length;
        }
        i += c.length;
    }
    flush(range.end);
}

// \w+|[^\w\s]+
void scan_words_and_symbols(std::string_view text, Span range, std::vector<Span>& out) {
    int last = 0;
    std::size_t begin = range.begin;
    for (std::size_t i = range.begin; i <= range.end;) {
        int kind = 0;
        std::size_t length = 1;
        if (i < range.end) {
            const Char c = next_char(text, i);
            length = c.length;
            kind = is_word(c.code) ? 1 : is_white_space(c.code) ? 0 : 2;
        }
        if (kind != last) {
            if (last != 0) out.push_back({begin, i});
            begin = i;
            last = kind;
        }
        i += length;
    }
}

}  // namespace

PreTokenizerPtr pre_tokenizer_sequence(std::vector<PreTokenizerPtr> parts) {
    if (parts.size() == 1) return std::move(parts[0]);
    return std::make_unique<Sequence>(std::move(parts));
}

PreTokenizerPtr byte_level_pre_tokenizer(bool add_prefix_space, bool use_regex, bool map_bytes) {
    return std::make_unique<ByteLevel>(add_prefix_space, use_regex, map_bytes);
}

PreTokenizerPtr metaspace_pre_tokenizer(std::string replacement, PrependScheme scheme, bool split) {
    return std::make_unique<Metaspace>(std::move(replacement), scheme, split);
}

PreTokenizerPtr delimiter_pre_tokenizer(Delimiter delimiter, SplitBehavior behavior) {
    const auto characters = [behavior](bool (*is)(char32_t)) {
        return std::make_unique<Scan>([behavior, is](std::string_view text, Span range, std::vector<Span>& out) {
            cut_characters(text, range, behavior, out, is);
        });
    };
    switch (delimiter) {
        case Delimiter::white_space:
            return characters([](char32_t c) { return is_white_space(c); });
        case Delimiter::punctuation:
            return characters([](char32_t c) { return is_punctuation(c); });
        case Delimiter::digit:
            return characters([](char32_t c) { return is_number(c); });
        case Delimiter::digit_run:
            return std::make_unique<Scan>([](std::string_view text, Span range, std::vector<Span>& out) {
                cut_characters(text, range, SplitBehavior::contiguous, out, [](char32_t c) { return is_number(c); });
            });
        case Delimiter::bert:
            return std::make_unique<Scan>(scan_bert);
        case Delimiter::words_and_symbols:
            return std::make_unique<Scan>(scan_words_and_symbols);
    }
    return nullptr;
}

Result<PreTokenizerPtr> split_pre_tokenizer(std::string_view pattern, SplitBehavior behavior, bool invert) {
    // These patterns match every character, so isolating the matches and removing what lies between are the same.
    if (behavior == SplitBehavior::isolated || (behavior == SplitBehavior::removed && invert)) {
        if (pattern == gpt2_pattern) return PreTokenizerPtr(std::make_unique<Scan>(scan_gpt2));
        if (pattern == llama3_pattern || pattern == qwen2_pattern) {
            const std::size_t digits = pattern == llama3_pattern ? 3 : 1;
            return PreTokenizerPtr(
                std::make_unique<Scan>([digits](std::string_view text, Span range, std::vector<Span>& out) {
                    scan_llama3(text, range, digits, out);
                }));
        }
    }
    TENON_TRY(Regex regex, Regex::compile(pattern));
    return PreTokenizerPtr(std::make_unique<Scan>(
        [regex = std::move(regex), behavior, invert](std::string_view text, Span range, std::vector<Span>& out) {
            Cutter cutter(behavior, range, out);
            std::size_t at = range.begin;
            regex.for_each_match(text, range, [&](std::size_t begin, std::size_t end) {
                if (!invert) {
                    cutter.delimiter(begin, end);
                } else if (begin > at) {
                    cutter.delimiter(at, begin);
                }
                at = end;
            });
            if (invert && at < range.end) cutter.delimiter(at, range.end);
            cutter.finish();
        }));
}

}  // namespace tenon::text::tok
