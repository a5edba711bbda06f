#include "engine/dry.hpp"

#include <algorithm>
#include <cmath>

namespace tenon::engine {
namespace {

constexpr std::size_t most_bytes = 40, most_tail = 20, most_kept = 8;
constexpr double log_of_largest = 88.7228391;  // of float32

/// [k]: how many tokens, going backwards, are the same at the end and k before it (Z algorithm, Main and Lorentz 1984).
std::vector<std::size_t> repeats(std::span<const text::TokenId> tokens) {
    const std::size_t n = tokens.size();
    const auto back = [&](std::size_t i) { return tokens[n - 1 - i]; };
    std::vector<std::size_t> out(n, 0);
    for (std::size_t k = 1, left = 0, right = 0; k < n; ++k) {  // [left, right) matches the beginning
        std::size_t length = k < right ? std::min(right - k, out[k - left]) : 0;
        while (k + length < n && back(length) == back(k + length)) ++length;
        out[k] = length;
        if (k + length > right) {
            left = k;
            right = k + length;
        }
    }
    return out;
}

/// The longest repetition that does not reach across a breaker.
std::size_t reach(std::span<const text::TokenId> tokens, const DryBreakers* breakers) {
    const std::size_t n = tokens.size();
    if (breakers == nullptr) return n;
    for (std::size_t i = 0; i < n; ++i) {
        const auto* tails = breakers->tails(tokens[n - 1 - i]);
        if (tails == nullptr) continue;
        bool found = false;
        std::size_t longest = 0;
        for (const auto& tail : *tails) {
            if (tail.size() > i || (found && tail.size() <= longest)) continue;
            if (!std::equal(tail.begin(), tail.end(), tokens.begin() + static_cast<std::ptrdiff_t>(n - i))) continue;
            longest = tail.size();
            found = true;
        }
        if (found) return i - longest;
    }
    return n;
}

}  // namespace

void DryBreakers::add(text::TokenId first, std::vector<text::TokenId> tail) {
    auto& tails = sequences_[first];
    if (std::ranges::find(tails, tail) == tails.end()) tails.push_back(std::move(tail));
}

DryBreakers::DryBreakers(const std::vector<std::vector<text::TokenId>>& sequences) {
    for (const auto& s : sequences)
        if (!s.empty()) add(s.front(), {s.begin() + 1, s.end()});
}

DryBreakers::DryBreakers(const text::Tokenizer& tokenizer, const std::vector<std::string>& strings) {
    const auto size = static_cast<text::TokenId>(tokenizer.vocabulary_size());
    for (text::TokenId id = 0; id < size; ++id) {
        const std::string word = tokenizer.token_bytes(id);
        for (const auto& whole : strings) {
            const std::string_view string = std::string_view(whole).substr(0, most_bytes);
            if (string.empty()) continue;
            if (word.find(string) != std::string::npos) {
                add(id, {});
                continue;
            }
            // The word may end with the string's beginning; what is left of the string follows in other tokens.
            for (std::size_t length = std::min(word.size(), string.size() - 1); length > 0; --length) {
                if (!word.ends_with(string.substr(0, length))) continue;
                auto tail = tokenizer.encode(string.substr(length), {.add_special = false, .parse_special = false});
                if (tail.size() > most_tail) tail.resize(most_tail);
                add(id, std::move(tail));
            }
        }
    }
}

const std::vector<std::vector<text::TokenId>>* DryBreakers::tails(text::TokenId first) const {
    const auto found = sequences_.find(first);
    return found == sequences_.end() ? nullptr : &found->second;
}

bool DryBreakers::breaks(text::TokenId token) const {
    const auto* all = tails(token);
    return all != nullptr && std::ranges::any_of(*all, [](const auto& tail) { return tail.empty(); });
}

DryBreakersPtr DryBreakerCache::of(const text::Tokenizer& tokenizer, const std::vector<std::string>& strings) {
    const std::scoped_lock lock(mutex_);
    for (const auto& [key, made] : kept_)
        if (key == strings) return made;
    if (kept_.size() == most_kept) kept_.erase(kept_.begin());
    return kept_.emplace_back(strings, std::make_shared<DryBreakers>(tokenizer, strings)).second;
}

std::vector<std::pair<text::TokenId, float>> dry_penalties(std::span<const text::TokenId> tokens,
                                                           const SamplingParams& params, const DryBreakers* breakers) {
    std::vector<std::pair<text::TokenId, float>> out;
    if (params.dry_multiplier == 0 || params.dry_base < 1 || params.dry_penalty_last_n == 0) return out;
    if (params.dry_penalty_last_n > 0 && tokens.size() > static_cast<std::size_t>(params.dry_penalty_last_n))
        tokens = tokens.last(static_cast<std::size_t>(params.dry_penalty_last_n));
    const auto allowed = static_cast<std::size_t>(params.dry_allowed_length);
    if (tokens.size() <= allowed) return out;
    const std::size_t most = reach(tokens, breakers);
    if (most < allowed) return out;

    std::unordered_map<text::TokenId, std::size_t> longest;
    const auto lengths = repeats(tokens);
    for (std::size_t k = 1; k < lengths.size(); ++k) {
        const std::size_t length = std::min(lengths[k], most);
        if (length < allowed) continue;
        auto& known = longest[tokens[tokens.size() - k]];  // what followed it there
        known = std::max(known, length);
    }
    const double base = static_cast<double>(params.dry_base);
    const double largest = base > 1.000001 ? std::floor(log_of_largest / std::log(base)) : 0;
    for (const auto& [token, length] : longest) {
        if (breakers != nullptr && breakers->breaks(token)) continue;
        double exponent = static_cast<double>(length - allowed);
        if (largest > 0) exponent = std::min(exponent, largest);
        out.emplace_back(token,
                         static_cast<float>(static_cast<double>(params.dry_multiplier) * std::pow(base, exponent)));
    }
    return out;
}

}  // namespace tenon::engine
