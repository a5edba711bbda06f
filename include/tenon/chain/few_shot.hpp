// Examples before the question.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tenon/chain/prompt.hpp"
#include "tenon/chain/selector.hpp"

namespace tenon::chain {

/// A question and the answer it should have had.
template <class In>
struct Example {
    In input;
    std::string answer;
};

/// How the examples stand before the question.
enum class Layout : std::uint8_t {
    messages,  ///< as earlier turns of the conversation: user, assistant, user, assistant …
    text,      ///< in one user message: question, line break, answer, empty line …
};

/// A question template with examples: a step from In to a request. The examples are rendered once, here.
/// Immutable, cheap to copy, thread-safe.
template <TemplateInput In>
class FewShot {
  public:
    using input_type = In;
    using output_type = llm::ChatRequest;

    /// `instruction` becomes the system message unless it is empty. Without a selector all examples are shown.
    /// Errors: those of rendering an example.
    [[nodiscard]] static Result<FewShot> make(Prompt<In> question, std::vector<Example<In>> examples,
                                              std::string instruction = {}, SelectorPtr selector = nullptr,
                                              Layout layout = Layout::messages) {
        auto shared = std::make_shared<Shared>(
            Shared{std::move(question), {}, std::move(instruction), std::move(selector), layout});
        for (auto& e : examples) {
            TENON_TRY(auto asked, shared->question.render(e.input));
            shared->turns.emplace_back(std::move(asked), std::move(e.answer));
        }
        return FewShot(std::move(shared));
    }

    [[nodiscard]] std::string_view name() const { return "few_shot"; }
    /// Question and answer of each example as one text: what selectors are made of.
    [[nodiscard]] static Result<std::vector<std::string>> texts(const Prompt<In>& question,
                                                                const std::vector<Example<In>>& examples) {
        std::vector<std::string> all;
        for (const auto& e : examples) {
            TENON_TRY(auto asked, question.render(e.input));
            all.push_back(std::move(asked) + "\n" + e.answer);
        }
        return all;
    }

    [[nodiscard]] task<Result<llm::ChatRequest>> operator()(In in, Context context) const {
        const auto shared = shared_;
        auto asked = shared->question.render(in);
        if (!asked) co_return std::unexpected(std::move(asked).error());
        std::vector<std::size_t> chosen;
        if (shared->selector) {
            auto selected = co_await shared->selector->select(*asked, context);
            if (!selected) co_return std::unexpected(std::move(selected).error());
            chosen = std::move(*selected);
        } else {
            for (std::size_t i = 0; i < shared->turns.size(); ++i) chosen.push_back(i);
        }
        co_return request(*shared, chosen, std::move(*asked));
    }

  private:
    struct Shared {
        Prompt<In> question;
        std::vector<std::pair<std::string, std::string>> turns;
        std::string instruction;
        SelectorPtr selector;
        Layout layout;
    };
    explicit FewShot(std::shared_ptr<const Shared> shared) : shared_(std::move(shared)) {}

    static llm::ChatRequest request(const Shared& shared, const std::vector<std::size_t>& chosen, std::string asked) {
        llm::ChatRequest out;
        if (!shared.instruction.empty()) out.messages.push_back(llm::Message::system(shared.instruction));
        std::string before;
        for (const std::size_t i : chosen) {
            if (i >= shared.turns.size()) continue;
            const auto& [question, answer] = shared.turns[i];
            if (shared.layout == Layout::text) {
                before += question + "\n" + answer + "\n\n";
            } else {
                out.messages.push_back(llm::Message::user(question));
                out.messages.push_back(llm::Message::assistant(answer));
            }
        }
        out.messages.push_back(llm::Message::user(before + asked));
        return out;
    }

    std::shared_ptr<const Shared> shared_;
};

}  // namespace tenon::chain
