#include "provider/local/guard.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace tenon::provider::local {
namespace {

// Noncharacters: never part of text that is meant for exchange (Unicode 15, section 23.7).
constexpr std::string_view open_mark = "\uFDD0";
constexpr std::string_view close_mark = "\uFDD1";
constexpr std::string_view replacement = "\uFFFD";
constexpr std::size_t least_beginning = 3;  // shorter beginnings, such as "<|", are too common to be worth a cut

/// Length of the longest control text at `at`, or of its beginning when the string ends there; 0: none.
std::size_t mention_at(std::string_view text, std::size_t at, const std::vector<std::string>& control) {
    const std::string_view rest = text.substr(at);
    std::size_t longest = 0;
    for (const auto& name : control) {
        if (name.front() != rest.front()) continue;
        if (rest.starts_with(name))
            longest = std::max(longest, name.size());
        else if (rest.size() >= least_beginning && std::string_view(name).starts_with(rest))
            longest = std::max(longest, rest.size());
    }
    return longest;
}

bool mentions(std::string_view text, const std::vector<std::string>& control) {
    for (std::size_t at = 0; at < text.size(); ++at)
        if (mention_at(text, at, control) > 0) return true;
    return false;
}

std::string guard(std::string_view text, const std::vector<std::string>& control) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const std::string_view rest = text.substr(at);
        if (rest.starts_with(open_mark) || rest.starts_with(close_mark)) {  // marks in the text itself
            out += replacement;
            at += open_mark.size();
        } else if (const auto length = mention_at(text, at, control); length > 0) {
            out += open_mark;
            out += rest.substr(0, length);
            out += close_mark;
            at += length;
        } else {
            out += rest.front();
            ++at;
        }
    }
    return out;
}

std::string_view view(const boost::json::string& s) { return {s.data(), s.size()}; }

}  // namespace

bool mentions_control(const json::Value& value, const std::vector<std::string>& control) {
    if (const auto* s = value.if_string()) return mentions(view(*s), control);
    if (const auto* array = value.if_array())
        return std::any_of(array->begin(), array->end(), [&](const auto& v) { return mentions_control(v, control); });
    if (const auto* object = value.if_object())
        return std::any_of(object->begin(), object->end(), [&](const auto& member) {
            return mentions({member.key().data(), member.key().size()}, control) ||
                   mentions_control(member.value(), control);
        });
    return false;
}

json::Value guard_controls(const json::Value& value, const std::vector<std::string>& control) {
    if (const auto* s = value.if_string()) return json::Value(guard(view(*s), control));
    if (const auto* array = value.if_array()) {
        json::Array out;
        for (const auto& v : *array) out.push_back(guard_controls(v, control));
        return out;
    }
    if (const auto* object = value.if_object()) {
        json::Object out;
        for (const auto& member : *object)
            out[guard({member.key().data(), member.key().size()}, control)] = guard_controls(member.value(), control);
        return out;
    }
    return value;
}

std::vector<GuardedPiece> split_guarded(std::string_view rendered) {
    std::vector<GuardedPiece> pieces;
    GuardedPiece piece;
    const auto flush = [&](bool plain) {
        if (!piece.text.empty()) pieces.push_back(std::move(piece));
        piece = {{}, plain};
    };
    for (std::size_t at = 0; at < rendered.size();) {
        const std::string_view rest = rendered.substr(at);
        if (rest.starts_with(open_mark) || rest.starts_with(close_mark)) {
            flush(rest.starts_with(open_mark));
            at += open_mark.size();
        } else {
            piece.text += rest.front();
            ++at;
        }
    }
    flush(false);
    return pieces;
}

}  // namespace tenon::provider::local
