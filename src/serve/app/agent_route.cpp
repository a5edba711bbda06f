// Agents and query engines as routes.
#include <boost/describe/class.hpp>
#include <boost/json.hpp>
#include <sstream>

#include "tenon/agent/agent.hpp"
#include "tenon/rag/answer.hpp"
#include "tenon/serve/app.hpp"
#include "tenon/serve/render.hpp"

// GCC 12 takes the coroutine frame's operator delete, once inlined, for one that does not match its operator new.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace tenon::serve {
namespace {

struct Turn {
    std::string role, content;
};
BOOST_DESCRIBE_STRUCT(Turn, (), (role, content))
constexpr auto describe_fields(const Turn*) {
    return json::fields("An earlier turn", json::about(&Turn::role, {.choices = {"user", "assistant"}}));
}
struct AgentRequest {
    std::string question;
    std::vector<Turn> history;
    std::string user;
};
BOOST_DESCRIBE_STRUCT(AgentRequest, (), (question, history, user))
constexpr auto describe_fields(const AgentRequest*) {
    return json::fields(json::about(&AgentRequest::question, {.min_length = 1}),
                        json::about(&AgentRequest::history, {.required = false}),
                        json::about(&AgentRequest::user, {.description = "whose memory is used", .required = false}));
}
struct TokenUsage {
    std::uint64_t input_tokens = 0, cached_input_tokens = 0, output_tokens = 0, reasoning_tokens = 0;
};
BOOST_DESCRIBE_STRUCT(TokenUsage, (), (input_tokens, cached_input_tokens, output_tokens, reasoning_tokens))
struct AgentAnswer {
    std::string answer, outcome;
    std::uint64_t steps = 0, tool_calls = 0;
    TokenUsage usage;
};
BOOST_DESCRIBE_STRUCT(AgentAnswer, (), (answer, outcome, steps, tool_calls, usage))
struct Question {
    std::string question;
    std::size_t top_k = 8, max_tokens = 256;
    std::vector<Turn> history;
};
BOOST_DESCRIBE_STRUCT(Question, (), (question, top_k, max_tokens, history))
constexpr auto describe_fields(const Question*) {
    return json::fields(json::about(&Question::question, {.min_length = 1}),
                        json::about(&Question::top_k, {.minimum = 1, .maximum = 100, .required = false}),
                        json::about(&Question::max_tokens, {.minimum = 1, .maximum = 4096, .required = false}),
                        json::about(&Question::history, {.required = false}));
}

std::vector<llm::Message> messages_of(const std::vector<Turn>& turns) {
    std::vector<llm::Message> out;
    for (const auto& turn : turns)
        out.push_back(turn.role == "user" ? llm::Message::user(turn.content) : llm::Message::assistant(turn.content));
    return out;
}

AgentAnswer render(const agent::Answer& answer) {
    const auto& used = answer.state.usage;
    return {answer.text,
            std::string(agent::to_string(answer.outcome)),
            answer.state.steps,
            answer.state.tool_calls,
            {used.input_tokens, used.cached_input_tokens, used.output_tokens, used.reasoning_tokens}};
}

agent::RunOptions options_of(AgentRequest& request, CallOptions call) {
    agent::RunOptions options;
    options.call = std::move(call);
    options.history = messages_of(request.history);
    options.user = std::move(request.user);
    return options;
}

json::Object call_object(const llm::ToolCallPart& call) {
    return {{"id", call.id}, {"name", call.name}, {"arguments", call.arguments_json}};
}

net::SseEvent event_of(const agent::Step& step) {
    net::SseEvent out;
    const auto tell = [&](std::string_view name, const json::Value& data) {
        out.event = name;
        out.data = json::dump(data);
    };
    if (const auto* text = std::get_if<agent::TextStep>(&step)) {
        tell("text", json::Object{{"text", text->text}});
    } else if (const auto* thought = std::get_if<agent::ThoughtStep>(&step)) {
        tell("thought", json::Object{{"text", thought->text}});
    } else if (const auto* call = std::get_if<agent::CallStep>(&step)) {
        tell("call", call_object(call->call));
    } else if (const auto* result = std::get_if<agent::ResultStep>(&step)) {
        std::ostringstream said;
        said << step;
        tell("result",
             json::Object{{"id", result->result.call_id}, {"text", said.str()}, {"ms", result->time.count()}});
    } else if (const auto* approval = std::get_if<agent::ApprovalStep>(&step)) {
        json::Array calls;
        for (const auto& each : approval->calls) calls.push_back(call_object(each));
        tell("approval", json::Object{{"calls", std::move(calls)}});
    } else if (const auto* note = std::get_if<agent::NoteStep>(&step)) {
        tell("note", json::Object{{"text", note->text}});
    } else if (const auto* plan = std::get_if<agent::PlanStep>(&step)) {
        json::Array tasks;
        for (const auto& t : plan->plan.tasks)
            tasks.push_back(json::Object{
                {"task", t.task}, {"status", std::string(agent::to_string(t.status))}, {"result", t.result}});
        tell("plan", json::Object{{"tasks", std::move(tasks)}});
    } else if (const auto* answer = std::get_if<agent::Answer>(&step)) {
        tell("answer", json::to_value(render(*answer)));
    }
    return out;
}

class AgentEvents final : public Stream<net::SseEvent> {
  public:
    AgentEvents(std::shared_ptr<const agent::Agent> agent, AgentRequest request, CallOptions call)
        : agent_(std::move(agent)),
          run_(agent_->run(std::move(request.question), options_of(request, std::move(call)))) {}
    task<Result<std::optional<net::SseEvent>>> next() override {
        auto step = co_await run_.next();
        if (!step && run_.error()) co_return std::unexpected(*run_.error());
        if (!step) co_return std::optional<net::SseEvent>{};
        co_return std::optional<net::SseEvent>(event_of(*step));
    }

  private:
    std::shared_ptr<const agent::Agent> agent_;
    agent::Run run_;
};

task<Result<AgentAnswer>> run_agent(std::shared_ptr<const agent::Agent> agent, AgentRequest request, CallOptions call) {
    auto options = options_of(request, std::move(call));
    auto run = agent->run(std::move(request.question), std::move(options));
    TENON_CO_TRY(const auto answer, co_await run.answer());
    co_return render(answer);
}

rag::AnswerOptions answer_options(Question& question) {
    rag::AnswerOptions options;
    options.top_k = question.top_k;
    options.max_tokens = question.max_tokens;
    options.history = messages_of(question.history);
    return options;
}

class AnswerEvents final : public Stream<net::SseEvent> {
  public:
    AnswerEvents(std::shared_ptr<const rag::Answerer> engine, StreamPtr<rag::AnswerEvent> events)
        : engine_(std::move(engine)), events_(std::move(events)) {}
    task<Result<std::optional<net::SseEvent>>> next() override {
        net::SseEvent out;
        TENON_CO_TRY(const auto event, co_await events_->next());
        if (!event) co_return std::optional<net::SseEvent>{};
        if (event->answer) {
            out.event = "answer";
            out.data = json::dump(render_answer(*event->answer));
        } else {
            out.event = "text";
            out.data = json::dump(json::Object{{"text", event->text}});
        }
        co_return std::optional<net::SseEvent>(std::move(out));
    }

  private:
    std::shared_ptr<const rag::Answerer> engine_;
    StreamPtr<rag::AnswerEvent> events_;
};

task<Result<Events<net::SseEvent>>> stream_answer(std::shared_ptr<const rag::Answerer> engine, Question question,
                                                  CallOptions call) {
    auto options = answer_options(question);
    TENON_CO_TRY(auto events,
                 co_await engine->stream(std::move(question.question), std::move(options), std::move(call)));
    co_return Events<net::SseEvent>{std::make_unique<AnswerEvents>(engine, std::move(events))};
}

task<Result<json::Value>> whole_answer(std::shared_ptr<const rag::Answerer> engine, Question question,
                                       CallOptions call) {
    auto options = answer_options(question);
    TENON_CO_TRY(const auto answer,
                 co_await engine->answer(std::move(question.question), std::move(options), std::move(call)));
    co_return render_answer(answer);
}

}  // namespace

Operation& App::serve_agent(std::string path, agent::Agent given) {
    const auto agent = std::make_shared<const agent::Agent>(std::move(given));
    const std::string beside = path + "/stream";
    post(RuntimePath{beside}, [agent](Body<AgentRequest> body, CallOptions call) {
        return Events<net::SseEvent>{std::make_unique<AgentEvents>(agent, std::move(*body), std::move(call))};
    }).summary("The same, step by step");
    return post(RuntimePath{path}, [agent](Body<AgentRequest> body, CallOptions call) {
        return run_agent(agent, std::move(*body), std::move(call));
    });
}

Operation& App::serve_answers(std::string path, std::shared_ptr<const rag::Answerer> engine) {
    const std::string beside = path + "/stream";
    post(RuntimePath{beside}, [engine](Body<Question> body, CallOptions call) {
        return stream_answer(engine, std::move(*body), std::move(call));
    }).summary("The same, as it is written");
    return post(RuntimePath{path}, [engine](Body<Question> body, CallOptions call) {
        return whole_answer(engine, std::move(*body), std::move(call));
    });
}

}  // namespace tenon::serve
