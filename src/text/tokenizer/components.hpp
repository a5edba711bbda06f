// The parts a tokenizer is put together from: normaliser → pre-tokenizer → model → post-processor, and the decoder.
// All are immutable after construction and safe to call from many threads. Texts are always valid UTF-8.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tenon/text/tokenizer.hpp"

namespace tenon::text::tok {

class Normalizer {
  public:
    virtual ~Normalizer() = default;
    virtual void apply(std::string& text) const = 0;
};
using NormalizerPtr = std::unique_ptr<const Normalizer>;

struct Span {
    std::size_t begin = 0;
    std::size_t end = 0;
};

/// A text and its division into pieces: in order, not overlapping, none empty; what lies between is dropped.
class Pieces {
  public:
    Pieces(std::string_view input, bool at_start) : text(input), starts_text(at_start) {
        if (!input.empty()) spans.push_back({0, input.size()});
    }
    Pieces(const Pieces&) = delete;
    Pieces& operator=(const Pieces&) = delete;

    /// A rewritten text with its own division.
    void rewrite(std::string&& new_text, std::vector<Span>&& new_spans) {
        storage_ = std::move(new_text);
        text = storage_;
        spans = std::move(new_spans);
    }
    [[nodiscard]] std::string_view operator[](const Span& span) const noexcept {
        return text.substr(span.begin, span.end - span.begin);
    }

    std::string_view text;
    std::vector<Span> spans;
    bool starts_text;  ///< the text stands at the very beginning of what the caller passed

  private:
    std::string storage_;
};

class PreTokenizer {
  public:
    virtual ~PreTokenizer() = default;
    virtual void apply(Pieces& pieces) const = 0;
};
using PreTokenizerPtr = std::unique_ptr<const PreTokenizer>;

class Model {
  public:
    virtual ~Model() = default;
    /// Appends the ids of one piece.
    virtual void encode(std::string_view piece, std::vector<TokenId>& out) const = 0;
    /// The id whose text in the model's own vocabulary is `token` as stored in the file.
    [[nodiscard]] virtual TokenId find(std::string_view token) const = 0;
};
using ModelPtr = std::unique_ptr<const Model>;

/// Ids put around an encoded text.
struct PostProcessor {
    std::vector<TokenId> prefix, suffix;
};

}  // namespace tenon::text::tok
