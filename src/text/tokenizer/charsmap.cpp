// SentencePiece's precompiled character map: a Darts double array over the UTF-8 of what is replaced, then the
// replacements, each ended by a zero byte.
#include <cstring>

#include "tenon/base/utf8.hpp"
#include "text/tokenizer/normalizers.hpp"

namespace tenon::text::tok {
namespace {

class Charsmap final : public Normalizer {
  public:
    Charsmap(std::vector<std::uint32_t> units, std::string replacements, CharsmapMode mode)
        : units_(std::move(units)), replacements_(std::move(replacements)), mode_(mode) {}

    void apply(std::string& text) const override {
        std::string out;
        out.reserve(text.size());
        if (mode_ == CharsmapMode::sentencepiece) {
            for (std::size_t i = 0; i < text.size();) {
                const Match m = match(std::string_view(text).substr(i), true);
                if (m.length == 0) {
                    const std::size_t length = char_length(text[i]);
                    out.append(text, i, length);
                    i += length;
                } else {
                    out += replacement(m.value);
                    i += m.length;
                }
            }
        } else {
            struct Context {
                const Charsmap* map;
                std::string* out;
            } context{this, &out};
            for_each_grapheme(
                text,
                [](void* p, std::string_view grapheme) {
                    auto& c = *static_cast<Context*>(p);
                    c.map->write_grapheme(grapheme, *c.out);
                },
                &context);
        }
        text = std::move(out);
    }

  private:
    struct Match {
        std::size_t length = 0;
        std::uint32_t value = 0;
    };

    // Hugging Face takes the shortest entry that begins a grapheme (of fewer than six bytes) for all of it.
    void write_grapheme(std::string_view grapheme, std::string& out) const {
        if (grapheme.size() < 6) {
            if (const Match m = match(grapheme, false); m.length != 0) {
                out += replacement(m.value);
                return;
            }
        }
        for (std::size_t i = 0; i < grapheme.size();) {
            const std::string_view one = grapheme.substr(i, char_length(grapheme[i]));
            if (const Match m = match(one, false); m.length != 0) {
                out += replacement(m.value);
            } else {
                out += one;
            }
            i += one.size();
        }
    }

    [[nodiscard]] Match match(std::string_view text, bool longest) const noexcept {
        const auto offset = [](std::uint32_t unit) { return (unit >> 10) << ((unit & (1U << 9)) >> 6); };
        Match found;
        std::size_t node = offset(units_[0]);
        for (std::size_t i = 0; i < text.size(); ++i) {
            const auto byte = static_cast<unsigned char>(text[i]);
            if (byte == 0) break;
            node ^= byte;
            if (node >= units_.size()) break;
            const std::uint32_t unit = units_[node];
            if ((unit & ((1U << 31) | 0xFFU)) != byte) break;
            node ^= offset(unit);
            if (((unit >> 8) & 1U) != 0) {
                if (node >= units_.size()) break;
                const std::uint32_t value = units_[node] & 0x7FFFFFFFU;
                if (value >= replacements_.size()) break;
                found = {i + 1, value};
                if (!longest) break;
            }
        }
        return found;
    }
    [[nodiscard]] std::string_view replacement(std::uint32_t value) const noexcept {
        return {replacements_.c_str() + value};
    }

    std::vector<std::uint32_t> units_;
    std::string replacements_;
    CharsmapMode mode_;
};

}  // namespace

Result<NormalizerPtr> charsmap_normalizer(std::string map, CharsmapMode mode) {
    const auto number = [&](std::size_t at) {
        const auto b = [&](std::size_t i) {
            return static_cast<std::uint32_t>(static_cast<unsigned char>(map[at + i]));
        };
        return b(0) | b(1) << 8 | b(2) << 16 | b(3) << 24;
    };
    if (map.size() < 4) return fail(ErrorCode::corrupt, "the tokenizer's precompiled charsmap is too short");
    const std::size_t bytes = number(0);
    if (bytes < 4 || bytes % 4 != 0 || bytes > map.size() - 4)
        return fail(ErrorCode::corrupt, "the tokenizer's precompiled charsmap is truncated");
    std::vector<std::uint32_t> units(bytes / 4);
    for (std::size_t i = 0; i < units.size(); ++i) units[i] = number(4 + 4 * i);
    // The texts written must stay valid UTF-8, whatever offsets a broken map holds.
    std::string replacements = map.substr(4 + bytes);
    if (!utf8::is_valid(replacements))
        return fail(ErrorCode::corrupt, "the tokenizer's precompiled charsmap holds invalid UTF-8");
    for (const std::uint32_t unit : units) {
        const std::uint32_t value = unit & 0x7FFFFFFFU;
        if ((unit >> 31) != 0 && value < replacements.size() &&
            (static_cast<unsigned char>(replacements[value]) & 0xC0U) == 0x80)
            return fail(ErrorCode::corrupt, "the tokenizer's precompiled charsmap points inside a character");
    }
    return NormalizerPtr(std::make_unique<Charsmap>(std::move(units), std::move(replacements), mode));
}

}  // namespace tenon::text::tok
