// Mask times of Tenon's grammars. Usage: structured_bench GGUF [--tokens] < cases.jsonl
// Prints a JSON line a case: microseconds to compile, to the first mask, and per mask on a first and a second pass over
// the texts. --tokens prints the vocabulary instead (hexadecimal), for the peers.
#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <iostream>
#include <string>

#include "tenon/json/json.hpp"
#include "tenon/model/model.hpp"
#include "tenon/text/grammar.hpp"

namespace {

using namespace tenon;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
    return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

json::Object summary(std::vector<double> times) {
    if (times.empty()) return {};
    std::sort(times.begin(), times.end());
    double sum = 0;
    for (const double t : times) sum += t;
    return {{"mean", sum / static_cast<double>(times.size())},
            {"p99", times[times.size() * 99 / 100]},
            {"max", times.back()},
            {"count", times.size()}};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    const auto tokenizer = model::load_tokenizer(argv[1]);
    if (!tokenizer) {
        std::cerr << tokenizer.error().describe() << '\n';
        return 1;
    }
    if (argc > 2) {
        json::Array tokens, special, ends;
        const auto size = static_cast<text::TokenId>((*tokenizer)->vocabulary_size());
        for (text::TokenId id = 0; id < size; ++id) {
            std::string hex;
            for (const char c : (*tokenizer)->token_bytes(id)) {
                constexpr const char* digits = "0123456789abcdef";
                hex += digits[static_cast<unsigned char>(c) >> 4];
                hex += digits[static_cast<unsigned char>(c) & 15];
            }
            tokens.emplace_back(hex);
            if ((*tokenizer)->is_control(id)) special.emplace_back(id);
            if ((*tokenizer)->is_end_of_generation(id)) ends.emplace_back(id);
        }
        std::cout << json::dump(json::Object{{"tokens", tokens}, {"special", special}, {"ends", ends}}) << '\n';
        return 0;
    }
    auto start = Clock::now();
    const auto vocabulary = text::GrammarVocabulary::create(**tokenizer);
    std::cerr << "vocabulary: " << since(start) / 1000 << " ms\n";
    for (std::string line; std::getline(std::cin, line);) {
        const auto c = json::parse(line).value();
        start = Clock::now();
        auto grammar = text::Grammar::from_json_schema(json::string_or(c, "schema", ""));
        if (!grammar) {
            std::cout << json::dump(json::Object{{"name", c.at("name")}, {"error", grammar.error().describe()}})
                      << '\n';
            continue;
        }
        const auto shared = std::make_shared<text::TokenGrammar>(std::move(*grammar), vocabulary);
        const double compile = since(start);
        json::Object out{{"name", c.at("name")}, {"compile", compile}};
        for (const char* pass : {"first", "second"}) {
            std::vector<double> times;
            for (const auto& text : c.at("texts").as_array()) {
                text::GrammarMatcher matcher(shared);
                for (const auto token :
                     (*tokenizer)
                         ->encode(std::string_view(text.as_string()), {.add_special = false, .parse_special = false})) {
                    start = Clock::now();
                    const auto mask = matcher.mask();
                    times.push_back(since(start));
                    if (!mask || !text::allows(**mask, token) || !matcher.accept(token)) {
                        std::cerr << "refused a token of " << text << '\n';
                        return 1;
                    }
                }
                if (!matcher.may_end()) return 1;
            }
            out[pass] = summary(std::move(times));
        }
        std::cout << json::dump(out) << std::endl;
    }
    return 0;
}
