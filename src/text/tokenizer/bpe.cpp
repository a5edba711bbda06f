#include "text/tokenizer/bpe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <queue>

#include "text/tokenizer/tables.hpp"
#include "text/tokenizer/unicode.hpp"
#include "text/tokenizer/word_cache.hpp"

namespace tenon::text::tok {
namespace {

constexpr std::uint32_t no_rank = 0xFFFFFFFFU;
constexpr std::size_t scan_limit = 64;  // up to here finding the best pair by a scan beats a heap

class Bpe final : public Model {
  public:
    Bpe(std::span<const std::string> tokens, const std::vector<bool>& in_model, BpeOptions options)
        : options_(std::move(options)), cache_(tokens.size()) {
        std::vector<TokenId> ids;
        ids.reserve(tokens.size());
        std::size_t total = 0;
        for (const std::string& t : tokens) total += t.size();
        texts_.reserve(tokens.size(), total);
        std::string raw;
        byte_ids_.fill(no_token);
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            const auto id = static_cast<TokenId>(i);
            raw.clear();
            bool usable = i < in_model.size() && in_model[i] && !tokens[i].empty();
            if (options_.byte_level) {
                usable = usable && alphabet_to_bytes(tokens[i], raw);
            } else {
                raw = tokens[i];
            }
            texts_.add(raw);
            if (!usable) continue;
            ids.push_back(id);
            if (options_.byte_level) {
                if (raw.size() == 1 && byte_ids_[static_cast<unsigned char>(raw[0])] == no_token)
                    byte_ids_[static_cast<unsigned char>(raw[0])] = id;
            } else if (const int byte = byte_of_token(raw); byte >= 0) {
                byte_ids_[static_cast<std::size_t>(byte)] = id;
            }
        }
        table_.build(texts_, ids);
    }

    Result<void> add_merges(std::span<const MergePair> merges) {
        merges_.reserve(merges.size());
        // In batches: hundreds of thousands of look-ups all over memory are cheap only when they wait for it together.
        constexpr std::size_t batch = 16;
        std::array<PendingMerge, batch> pending;
        TokenId expected = no_token;
        for (std::size_t at = 0; at < merges.size(); at += batch) {
            const std::size_t count = std::min(batch, merges.size() - at);
            for (std::size_t n = 0; n < count; ++n) prepare(merges[at + n], pending[n]);
            for (std::size_t n = 0; n < count; ++n) {
                PendingMerge& c = pending[n];
                c.l = c.known ? table_.find(c.left(), c.left_hash) : no_token;
                c.r = c.known ? table_.find(c.right, c.right_hash) : no_token;
                c.result = c.known ? find_joined(c.joined, expected) : no_token;
                if (c.l == no_token || c.r == no_token || c.result == no_token)
                    return fail(
                        ErrorCode::corrupt,
                        fmt::format("tokenizer merge {} (\"{} {}\") names a token that is not in the vocabulary",
                                    at + n, merges[at + n].left, merges[at + n].right));
                expected = c.result + 1;
                merges_.prefetch(c.l, c.r);
            }
            for (std::size_t n = 0; n < count; ++n)
                merges_.insert(pending[n].l, pending[n].r, {static_cast<std::uint32_t>(at + n), pending[n].result});
        }
        if (!options_.byte_level) splitter_.build(texts_, no_unknown());
        return {};
    }

    void encode(std::string_view piece, std::vector<TokenId>& out) const override {
        splitter_.for_each_word(piece, [&](std::string_view word) { encode_word(word, out); });
    }

    TokenId find(std::string_view token) const override {
        if (!options_.byte_level) return table_.find(token);
        std::string raw;
        return alphabet_to_bytes(token, raw) ? table_.find(raw) : no_token;
    }

  private:
    /// A merge on its way into the table.
    struct PendingMerge {
        std::string joined;
        std::size_t left_size = 0;
        std::string_view right;  // as the vocabulary writes it: of `joined`, or with its prefix
        std::uint64_t left_hash = 0, right_hash = 0;
        bool known = false;
        TokenId l = no_token, r = no_token, result = no_token;
        [[nodiscard]] std::string_view left() const noexcept { return std::string_view(joined).substr(0, left_size); }
    };

    void prepare(const MergePair& m, PendingMerge& c) const {
        c.joined.clear();
        c.known = true;
        if (options_.byte_level) {
            c.known = alphabet_to_bytes(m.left, c.joined);
            c.left_size = c.joined.size();
            c.known = c.known && alphabet_to_bytes(m.right, c.joined);
            c.right = std::string_view(c.joined).substr(c.left_size);
        } else {
            c.joined = m.left;
            c.left_size = c.joined.size();
            std::string_view right = m.right;
            if (!options_.continuing_prefix.empty() && right.starts_with(options_.continuing_prefix))
                right.remove_prefix(options_.continuing_prefix.size());
            c.joined += right;
            c.right = m.right;
        }
        if (!c.known) return;
        table_.prefetch(c.left_hash = hash_bytes(c.left()));
        table_.prefetch(c.right_hash = hash_bytes(c.right));
    }

    /// Vocabularies are mostly written in the order of their merges: the id after the last result is tried first.
    TokenId find_joined(std::string_view joined, TokenId expected) const {
        if (options_.byte_level && table_.unique() && expected != no_token &&
            static_cast<std::size_t>(expected) < texts_.size() && !joined.empty() && texts_[expected] == joined)
            return expected;  // texts of ids that take no part are empty here
        return table_.find(joined);
    }

    bool no_unknown() const {
        return !options_.fuse_unknown ||
               (options_.byte_fallback && std::ranges::find(byte_ids_, no_token) == byte_ids_.end());
    }

    void encode_word(std::string_view word, std::vector<TokenId>& out) const {
        if (word.empty()) return;
        const bool plain = options_.end_of_word_suffix.empty();
        const TokenId whole = plain ? table_.find(word) : no_token;
        if (whole != no_token && (options_.ignore_merges || cache_.is_whole(whole))) {
            out.push_back(whole);
            return;
        }
        const std::size_t before = out.size();
        split(word, out);
        if (out.size() - before <= scan_limit) {
            merge_by_scan(out, before);
        } else {
            merge_by_heap(out, before);
        }
        if (whole != no_token) cache_.learn(whole, out.size() - before == 1 && out.back() == whole);
    }

    // The symbols that merging starts from.
    void split(std::string_view word, std::vector<TokenId>& out) const {
        if (options_.byte_level) {
            for (const char c : word) {
                const TokenId id = byte_ids_[static_cast<unsigned char>(c)];
                if (id != no_token) {
                    out.push_back(id);
                } else if (options_.unknown != no_token) {
                    out.push_back(options_.unknown);
                }
            }
            return;
        }
        bool last_unknown = false;
        std::string decorated;
        for (std::size_t i = 0; i < word.size();) {
            const std::size_t length = char_length(word[i]);
            std::string_view symbol = word.substr(i, length);
            const bool first = i == 0;
            i += length;
            if ((!first && !options_.continuing_prefix.empty()) ||
                (i == word.size() && !options_.end_of_word_suffix.empty())) {
                decorated = first ? "" : options_.continuing_prefix;
                decorated += symbol;
                if (i == word.size()) decorated += options_.end_of_word_suffix;
                symbol = decorated;
            }
            if (const TokenId id = table_.find(symbol); id != no_token) {
                out.push_back(id);
                last_unknown = false;
                continue;
            }
            if (options_.byte_fallback && std::ranges::all_of(symbol, [&](char c) {
                    return byte_ids_[static_cast<unsigned char>(c)] != no_token;
                })) {
                for (const char c : symbol) out.push_back(byte_ids_[static_cast<unsigned char>(c)]);
                last_unknown = false;
                continue;
            }
            if (options_.unknown == no_token) continue;
            if (!(last_unknown && options_.fuse_unknown)) out.push_back(options_.unknown);
            last_unknown = true;
        }
    }

    void merge_by_scan(std::vector<TokenId>& out, std::size_t begin) const {
        std::size_t n = out.size() - begin;
        if (n < 2) return;
        TokenId* ids = out.data() + begin;
        std::array<Merge, scan_limit> merges;
        for (std::size_t i = 0; i + 1 < n; ++i) merges[i] = merges_.find(ids[i], ids[i + 1]);
        while (n > 1) {
            std::size_t best = 0;
            for (std::size_t i = 1; i + 1 < n; ++i) {
                if (merges[i].rank < merges[best].rank) best = i;
            }
            if (merges[best].rank == no_rank) break;
            ids[best] = merges[best].result;
            std::copy(ids + best + 2, ids + n, ids + best + 1);
            if (best + 2 < n) std::copy(merges.begin() + best + 2, merges.begin() + (n - 1), merges.begin() + best + 1);
            --n;
            if (best > 0) merges[best - 1] = merges_.find(ids[best - 1], ids[best]);
            if (best + 1 < n) merges[best] = merges_.find(ids[best], ids[best + 1]);
        }
        out.resize(begin + n);
    }

    void merge_by_heap(std::vector<TokenId>& out, std::size_t begin) const {
        struct Symbol {
            TokenId id;
            std::int32_t previous, next;
        };
        struct Candidate {
            std::uint32_t rank;
            std::int32_t left;
            TokenId left_id, right_id, result;
            bool operator<(const Candidate& o) const { return rank != o.rank ? rank > o.rank : left > o.left; }
        };
        const auto n = static_cast<std::int32_t>(out.size() - begin);
        std::vector<Symbol> symbols(static_cast<std::size_t>(n));
        for (std::int32_t i = 0; i < n; ++i)
            symbols[static_cast<std::size_t>(i)] = {out[begin + static_cast<std::size_t>(i)], i - 1,
                                                    i + 1 < n ? i + 1 : -1};
        const auto at = [&](std::int32_t i) -> Symbol& { return symbols[static_cast<std::size_t>(i)]; };
        std::vector<Candidate> initial;
        const auto candidate = [&](std::int32_t left, auto&& push) {
            if (left < 0 || at(left).next < 0) return;
            const TokenId l = at(left).id;
            const TokenId r = at(at(left).next).id;
            if (const Merge m = merges_.find(l, r); m.rank != no_rank) push(Candidate{m.rank, left, l, r, m.result});
        };
        for (std::int32_t i = 0; i + 1 < n; ++i) candidate(i, [&](const Candidate& c) { initial.push_back(c); });
        std::priority_queue<Candidate> queue(std::less<Candidate>{}, std::move(initial));
        while (!queue.empty()) {
            const Candidate c = queue.top();
            queue.pop();
            Symbol& left = at(c.left);
            if (left.id != c.left_id || left.next < 0 || at(left.next).id != c.right_id) continue;
            Symbol& right = at(left.next);
            left.id = c.result;
            right.id = no_token;
            left.next = right.next;
            if (left.next >= 0) at(left.next).previous = c.left;
            candidate(left.previous, [&](const Candidate& x) { queue.push(x); });
            candidate(c.left, [&](const Candidate& x) { queue.push(x); });
        }
        std::size_t end = begin;
        for (std::int32_t i = 0; i >= 0; i = at(i).next) out[end++] = at(i).id;
        out.resize(end);
    }

    BpeOptions options_;
    TokenTexts texts_;
    TextTable table_;
    MergeTable merges_;
    std::array<TokenId, 256> byte_ids_{};
    WordSplitter splitter_;
    WholeWordCache cache_;
};

}  // namespace

Result<ModelPtr> make_bpe(std::span<const std::string> tokens, const std::vector<bool>& in_model,
                          std::span<const MergePair> merges, BpeOptions options) {
    auto model = std::make_unique<Bpe>(tokens, in_model, std::move(options));
    TENON_CHECK(model->add_merges(merges));
    return ModelPtr(std::move(model));
}

}  // namespace tenon::text::tok
