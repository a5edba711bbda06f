#include "engine/stop_matcher.hpp"

#include <algorithm>
#include <utility>

namespace tenon::engine {

StopMatcher::StopMatcher(const std::vector<std::string>& stops) {
    for (const auto& stop : stops) {
        if (stop.empty()) continue;
        Pattern pattern{stop, std::vector<std::size_t>(stop.size() + 1, 0), 0};
        for (std::size_t i = 1, border = 0; i < stop.size(); ++i) {
            while (border > 0 && stop[i] != stop[border]) border = pattern.fallback[border];
            if (stop[i] == stop[border]) ++border;
            pattern.fallback[i + 1] = border;
        }
        patterns_.push_back(std::move(pattern));
    }
}

std::string StopMatcher::push(std::string_view piece) {
    if (matched()) return {};
    if (patterns_.empty()) return std::string(piece);
    for (const char byte : piece) {
        withheld_ += byte;
        std::size_t longest = 0;
        for (auto& p : patterns_) {
            while (p.state > 0 && p.text[p.state] != byte) p.state = p.fallback[p.state];
            if (p.text[p.state] == byte) ++p.state;
            if (p.state == p.text.size()) longest = std::max(longest, p.state);
        }
        if (longest > 0) {
            match_ = withheld_.substr(withheld_.size() - longest);
            withheld_.resize(withheld_.size() - longest);
            return std::exchange(withheld_, {});
        }
    }
    std::size_t keep = 0;
    for (const auto& p : patterns_) keep = std::max(keep, p.state);
    std::string certain = withheld_.substr(0, withheld_.size() - keep);
    withheld_.erase(0, certain.size());
    return certain;
}

std::string StopMatcher::finish() { return std::exchange(withheld_, {}); }

}  // namespace tenon::engine
