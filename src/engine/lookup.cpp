#include "engine/lookup.hpp"

#include <algorithm>

namespace tenon::engine {

std::size_t find_tail(std::span<const text::TokenId> source, std::span<const text::TokenId> tail, std::size_t least,
                      std::size_t most) noexcept {
    std::size_t best = 0, place = source.size();
    for (std::size_t end = source.size(); end-- > 1 && best < most;) {
        const std::size_t bound = std::min({end, tail.size(), most});
        std::size_t length = 0;
        while (length < bound && source[end - 1 - length] == tail[tail.size() - 1 - length]) ++length;
        if (length <= best) continue;
        best = length;
        place = end;
    }
    return best >= std::max<std::size_t>(1, least) ? place : source.size();
}

std::vector<text::TokenId> look_up(std::span<const text::TokenId> tokens, std::size_t least, std::size_t most,
                                   std::size_t count) {
    std::vector<text::TokenId> out;
    const std::size_t place = find_tail(tokens, tokens, least, most);
    const std::size_t known = tokens.size() - place;
    if (known == 0) return out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(i < known ? tokens[place + i] : out[i - known]);
    return out;
}

std::vector<text::TokenId> follow(std::span<const text::TokenId> prediction, std::span<const text::TokenId> said,
                                  std::size_t count) {
    constexpr std::size_t least = 2, most = 16;
    const std::size_t place = find_tail(prediction, said, std::min(least, said.size()), most);
    const auto rest = prediction.subspan(place);
    const auto taken = rest.first(std::min(count, rest.size()));
    return {taken.begin(), taken.end()};
}

}  // namespace tenon::engine
