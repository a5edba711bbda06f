// Our answers as OpenAI's responses and their events.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <string>
#include <vector>

#include "serve/answer.hpp"
#include "serve/steps.hpp"

namespace tenon::serve::responses {

class ResponseRenderer final : public AnswerRenderer {
  public:
    /// `keep` gets the whole response and the message behind it, once, when it is complete.
    using Keep = std::function<void(const json::Object& response, llm::Message message)>;
    struct Options {
        std::string id;
        json::Object echo;
        bool sealed_thoughts = false, logprobs = false;
        Keep keep{};
    };
    explicit ResponseRenderer(Options options);

    net::HttpResponse whole(const llm::ChatResponse& response) override;
    net::Headers stream_headers() const override;
    std::string begin() override;
    std::string event(const llm::ChatEvent& event) override;
    std::string failure(const ApiError& error) override;
    net::HttpResponse error(const ApiError& error) const override;

    void operator()(const TextStep& step);
    void operator()(const ReasoningStep& step);
    void operator()(const SignatureStep& step);
    void operator()(const CallStep& step);
    void operator()(const ArgumentsStep& step);
    void operator()(const CallEndStep& step);
    void operator()(const PartStep& step);

  private:
    enum class Open { nothing, message, reasoning, call };
    [[nodiscard]] json::Object response(std::string_view status) const;
    [[nodiscard]] json::Object finished(llm::FinishReason finish, const llm::Usage& usage);
    void say(std::string_view type, json::Object fields);
    void say_in_item(std::string_view type, json::Object fields);
    void open(Open kind, json::Object item);
    void close();
    void close_message();
    void close_reasoning();
    void open_message();
    void open_reasoning();

    Options options_;
    std::int64_t created_;
    Steps steps_;
    llm::ResponseBuilder built_;
    json::Array output_;  ///< items that are complete
    // The item in the making.
    Open open_ = Open::nothing;
    json::Object item_;
    std::string text_;
    json::Array annotations_;
    std::vector<llm::TokenLogprob> logprobs_, fresh_logprobs_;
    llm::ReasoningPart thought_;
    std::string bytes_;  ///< made, and not yet given out
    std::size_t sequence_ = 0;
    bool streaming_ = false;
};

[[nodiscard]] json::Object usage_object(const llm::Usage& usage);

}  // namespace tenon::serve::responses
