// A conversation: messages go in, an answer comes out and joins them.
#include <boost/describe/class.hpp>
#include <cstdio>

#include "fake/scripted_model.hpp"
#include "tenon/chain/chain.hpp"

// [turn]
struct Turn {
    std::string question;
    std::vector<tenon::llm::Message> past;
};
BOOST_DESCRIBE_STRUCT(Turn, (), (question, past))
// [/turn]

int main() {
    const auto model = tenon::fake::scripted_model();
    model->reply("I am fine. And you?").reply("You said that you are tired.");

    // [chat]
    auto chat = tenon::prompt<Turn>({tenon::system_text("You are a good listener."), tenon::history("past"),
                                     tenon::user_text("{question}")}) |
                model;

    std::vector<tenon::llm::Message> past;
    for (const char* question : {"How are you?", "I am tired. What did I say?"}) {
        const auto answer = tenon::run(chat, {question, past});
        if (!answer) return 1;
        std::printf("%s\n", answer->message.text().c_str());
        past.push_back(tenon::llm::Message::user(question));
        past.push_back(answer->message);
    }
    // [/chat]
    std::printf("%zu messages were sent the second time\n", model->requests().at(1).messages.size());
}
// prints: I am fine. And you?
// prints: You said that you are tired.
// prints: 4 messages were sent the second time
