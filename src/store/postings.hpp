// The inverted index: what one document adds to it, and BM25 over what a query finds there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tenon/base/error.hpp"
#include "tenon/store/knowledge_base.hpp"

namespace tenon::store {

/// One document's part of the index.
struct DocumentPostings {
    std::vector<std::pair<std::string, std::string>> terms;  ///< by term: (term, encoded postings)
    std::vector<std::uint32_t> lengths;                      ///< words of each chunk
};

/// Analyses chunks with the headings, title and file name that stand over them.
[[nodiscard]] DocumentPostings index_document(const Document& document, std::span<const Chunk> chunks);

struct Posting {
    std::uint32_t ordinal = 0;
    std::uint32_t body = 0;     ///< times in the text
    std::uint32_t heading = 0;  ///< times in headings, title and file name
};

/// Reads what index_document encoded; ordinals ascend. Errors: corrupt.
[[nodiscard]] Result<void> decode_postings(std::span<const std::byte> data, std::vector<Posting>& out);

/// Little-endian base-128 numbers, for the lengths of a document's chunks.
[[nodiscard]] std::string encode_lengths(std::span<const std::uint32_t> lengths);
[[nodiscard]] Result<void> decode_lengths(std::span<const std::byte> data, std::vector<std::uint32_t>& out);

/// BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009) with the heading as a second field,
/// over chunks numbered 0 … n-1.
class Bm25 {
  public:
    /// Terms are as rare as among `at_least` chunks, when there are fewer.
    explicit Bm25(std::span<const std::uint32_t> lengths, std::size_t at_least = 0);
    /// One term's postings: `slots` ascending, with their field counts.
    void add(std::span<const std::pair<std::uint32_t, Posting>> found, double weight);
    [[nodiscard]] std::span<const float> scores() const noexcept { return scores_; }
    /// Chunks with any term, in the order met.
    [[nodiscard]] std::span<const std::uint32_t> touched() const noexcept { return touched_; }
    /// Of an imaginary chunk that has every term: an upper bound.
    [[nodiscard]] double limit() const noexcept { return limit_; }

  private:
    std::span<const std::uint32_t> lengths_;
    double chunks_ = 0;
    double mean_length_ = 1;
    double limit_ = 0;
    std::vector<float> scores_;
    std::vector<std::uint32_t> touched_;
};

}  // namespace tenon::store
