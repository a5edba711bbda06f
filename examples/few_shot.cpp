// Examples before the question, chosen so that they fit.
#include <boost/describe/class.hpp>
#include <cstdio>

#include "fake/scripted_model.hpp"
#include "tenon/chain/chain.hpp"

// [few_shot]
struct Word {
    std::string word;
};
BOOST_DESCRIBE_STRUCT(Word, (), (word))

tenon::Result<tenon::chain::FewShot<Word>> opposites(const tenon::llm::ChatModelPtr& model) {
    namespace chain = tenon::chain;
    const auto question = tenon::prompt<Word>("The opposite of {word}?");
    const std::vector<chain::Example<Word>> examples = {{{"hot"}, "cold"}, {{"高"}, "低"}, {{"early"}, "late"}};
    TENON_TRY(const auto texts, chain::FewShot<Word>::texts(question, examples));
    const auto fits =
        chain::select_by_length(texts, 24, [model](std::string_view s) { return model->count_tokens(s); });
    return chain::FewShot<Word>::make(question, examples, "Answer with one word.", fits);
}
// [/few_shot]

int main() {
    const auto model = tenon::fake::scripted_model();
    model->reply("small");
    const auto shots = opposites(model);
    if (!shots) return 1;
    auto ask = *shots | model | tenon::to_text();
    std::puts(tenon::run(ask, {"big"})->c_str());
    const auto sent = model->requests().at(0);
    for (const auto& message : sent.messages)
        std::printf("%s: %s\n", std::string(tenon::llm::to_string(message.role)).c_str(), message.text().c_str());
}
// prints: small
// prints: system: Answer with one word.
// prints: user: The opposite of hot?
// prints: assistant: cold
// prints: user: The opposite of 高?
// prints: assistant: 低
// prints: user: The opposite of big?
