#include "store/stemmer.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace tenon::store {
namespace {

bool consonant(std::string_view w, std::size_t i) {
    switch (w[i]) {
        case 'a':
        case 'e':
        case 'i':
        case 'o':
        case 'u':
            return false;
        case 'y':
            return i == 0 || !consonant(w, i - 1);
        default:
            return true;
    }
}

/// Porter's m: how many vowel-consonant sequences the word holds.
int measure(std::string_view w) {
    int m = 0;
    bool vowel_before = false;
    for (std::size_t i = 0; i < w.size(); ++i) {
        const bool is_consonant = consonant(w, i);
        if (is_consonant && vowel_before) ++m;
        vowel_before = !is_consonant;
    }
    return m;
}

bool has_vowel(std::string_view w) {
    for (std::size_t i = 0; i < w.size(); ++i)
        if (!consonant(w, i)) return true;
    return false;
}

bool double_consonant(std::string_view w) {
    return w.size() >= 2 && w[w.size() - 1] == w[w.size() - 2] && consonant(w, w.size() - 1);
}

/// consonant-vowel-consonant whose last letter is not w, x or y: "hop", but not "snow".
bool cvc(std::string_view w) {
    const std::size_t n = w.size();
    if (n < 3 || !consonant(w, n - 1) || consonant(w, n - 2) || !consonant(w, n - 3)) return false;
    return w[n - 1] != 'w' && w[n - 1] != 'x' && w[n - 1] != 'y';
}

using Rule = std::pair<std::string_view, std::string_view>;

/// Replaces the first suffix of the list that the word has, when what stands before it has m > `least`.
template <std::size_t N>
void replace_suffix(std::string& w, const std::array<Rule, N>& rules, int least) {
    for (const auto& [suffix, replacement] : rules) {
        if (!w.ends_with(suffix)) continue;
        const std::string_view before = std::string_view(w).substr(0, w.size() - suffix.size());
        if (measure(before) > least) w.replace(before.size(), suffix.size(), replacement);
        return;
    }
}

void plurals_and_participles(std::string& w) {
    if (w.ends_with("sses") || w.ends_with("ies"))
        w.resize(w.size() - 2);
    else if (w.ends_with("s") && !w.ends_with("ss"))
        w.pop_back();

    if (w.ends_with("eed")) {
        if (measure(std::string_view(w).substr(0, w.size() - 3)) > 0) w.pop_back();
        return;
    }
    std::size_t cut = 0;
    if (w.ends_with("ed"))
        cut = 2;
    else if (w.ends_with("ing"))
        cut = 3;
    if (cut == 0 || !has_vowel(std::string_view(w).substr(0, w.size() - cut))) return;
    w.resize(w.size() - cut);
    if (w.ends_with("at") || w.ends_with("bl") || w.ends_with("iz"))
        w += 'e';
    else if (double_consonant(w) && w.back() != 'l' && w.back() != 's' && w.back() != 'z')
        w.pop_back();
    else if (measure(w) == 1 && cvc(w))
        w += 'e';
}

}  // namespace

std::string stem(std::string w) {
    if (w.size() <= 2) return w;
    plurals_and_participles(w);
    if (w.ends_with("y") && has_vowel(std::string_view(w).substr(0, w.size() - 1))) w.back() = 'i';

    static constexpr std::array<Rule, 21> step2{{
        {"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"}, {"anci", "ance"}, {"izer", "ize"},
        {"bli", "ble"},     {"alli", "al"},     {"entli", "ent"}, {"eli", "e"},     {"ousli", "ous"},
        {"ization", "ize"}, {"ation", "ate"},   {"ator", "ate"},  {"alism", "al"},  {"iveness", "ive"},
        {"fulness", "ful"}, {"ousness", "ous"}, {"aliti", "al"},  {"iviti", "ive"}, {"biliti", "ble"},
        {"logi", "log"},
    }};
    static constexpr std::array<Rule, 7> step3{{
        {"icate", "ic"},
        {"ative", ""},
        {"alize", "al"},
        {"iciti", "ic"},
        {"ical", "ic"},
        {"ful", ""},
        {"ness", ""},
    }};
    static constexpr std::array<std::string_view, 18> step4{
        "al",   "ance", "ence", "er",  "ic",  "able", "ible", "ant", "ement",
        "ment", "ent",  "ou",   "ism", "ate", "iti",  "ous",  "ive", "ize",
    };
    replace_suffix(w, step2, 0);
    replace_suffix(w, step3, 0);

    bool found = false;
    for (const std::string_view suffix : step4) {
        if (!w.ends_with(suffix)) continue;
        found = true;
        if (measure(std::string_view(w).substr(0, w.size() - suffix.size())) > 1) w.resize(w.size() - suffix.size());
        break;
    }
    if (!found && (w.ends_with("sion") || w.ends_with("tion")) &&
        measure(std::string_view(w).substr(0, w.size() - 3)) > 1)
        w.resize(w.size() - 3);

    if (w.ends_with("e")) {
        const std::string_view before = std::string_view(w).substr(0, w.size() - 1);
        const int m = measure(before);
        if (m > 1 || (m == 1 && !cvc(before))) w.pop_back();
    }
    if (w.ends_with("ll") && measure(w) > 1) w.pop_back();
    return w;
}

}  // namespace tenon::store
