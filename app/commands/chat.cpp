// tenon chat: a conversation on the terminal.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include <boost/json.hpp>

#include "citations.hpp"
#include "knowledge.hpp"
#include "options.hpp"
#include "prompt_cache.hpp"
#include "tenon/base/file.hpp"
#include "tenon/rag/answer.hpp"

namespace tenon::app {
namespace {

struct Options {
    std::string system, from, prompt_cache;
    RemoteFlags remote;
    EngineFlags engine;
    AdapterFlags adapter;
    bool no_thinking = false;
    SamplingFlags sampling;
    FormFlags form;
};

void declare(CommandLine& sub, Options& o) {
    o.remote.declare(sub);
    o.engine.declare(sub);
    o.adapter.declare(sub);
    sub.add_option("--prompt-cache", o.prompt_cache,
                   "file that keeps what the model has read of the conversation, for the next run");
    sub.add_flag("--no-thinking", o.no_thinking, "a reasoning model answers at once");
    sub.add_option("--from,-f", o.from, "knowledge base: answers are grounded in its documents, with citations");
    sub.add_option("--system,-s", o.system, "instructions the model gets first");
    o.sampling.declare(sub);
    o.form.declare(sub);
}

constexpr std::string_view help = R"(  /help           this list
  /system TEXT    set the instructions and start anew; without TEXT, show them
  /from NAME      answer from a knowledge base; without NAME, plain chat again
  /retry          answer the last question again
  /clear          forget the conversation
  /save FILE      write the conversation to a file (.json, or Markdown)
  /exit           leave (also Ctrl-D)
  Ctrl-C          stops the answer, not the program
  A line that ends in \ goes on in the next one.)";

task<Result<llm::ChatResponse>> say(llm::ChatModelPtr model, llm::ChatRequest request, CallOptions call) {
    TENON_CO_TRY(const auto events, co_await model->stream(std::move(request), std::move(call)));
    llm::ChatResponse whole;
    std::string text;
    for (;;) {
        TENON_CO_TRY(auto event, co_await events->next());
        if (!event) break;
        print(event->text);
        text += event->text;
        if (event->finish) {
            whole.finish = *event->finish;
            whole.usage = event->usage;
            whole.timings = event->timings;
        }
    }
    whole.message = llm::Message::assistant(std::move(text));
    co_return whole;
}

class Session {
  public:
    Session(Context& context, const Options& o) : context_(context), options_(o), system_(o.system) {}

    Result<void> run() {
        options_.remote.apply(context_.settings());
        options_.engine.apply(context_.settings());
        TENON_CHECK(options_.adapter.apply(context_));
        TENON_TRY(model_, context_.chat_model(""));
        TENON_TRY(cache_, PromptCache::open(options_.prompt_cache, model_));
        if (!options_.from.empty()) TENON_CHECK(ground(options_.from));
        const bool terminal = ::isatty(STDIN_FILENO) != 0;
        if (terminal)
            note(fmt::format("{}{}. /help lists the commands.", model_->name(),
                             from_.empty() ? "" : fmt::format(", answering from {}", from_)));
        std::string line;
        for (;;) {
            if (terminal) print("\n> ");
            if (!read_line(line)) break;
            if (line.find_first_not_of(" \t") == std::string::npos) continue;
            if (line.front() == '/') {
                if (line == "/exit" || line == "/quit") break;
                if (auto done = command(line); !done) note(done.error().describe());
                continue;
            }
            if (auto done = answer(line); !done) {
                if (!terminal) return done;  // whoever pipes questions in wants to know
                note(done.error().describe());
            }
        }
        if (terminal) print_line("");
        return {};
    }

  private:
    /// A line, or several when they end in a backslash. False at the end of the input.
    bool read_line(std::string& line) {
        line.clear();
        const InterruptGuard guard;  // while we wait for a line, Ctrl-C only clears it
        for (;;) {
            if (const auto end = input_.find('\n'); end != std::string::npos) {
                std::string part = input_.substr(0, end);
                input_.erase(0, end + 1);
                if (part.ends_with('\r')) part.pop_back();
                line += part;
                if (!part.ends_with('\\')) return true;
                line.back() = '\n';
                continue;
            }
            char buffer[4096];
            const ssize_t n = ::read(STDIN_FILENO, buffer, sizeof buffer);
            if (n > 0) {
                input_.append(buffer, static_cast<std::size_t>(n));
            } else if (n < 0 && errno == EINTR) {
                input_.clear();
                line.clear();
                print("\n> ");
            } else {
                line += std::exchange(input_, {});
                return !line.empty();
            }
        }
    }

    Result<void> ground(std::string_view name) {
        TENON_TRY(auto retriever, open_retriever(context_, name));
        answerer_ = std::make_unique<rag::Answerer>(std::move(retriever), model_);
        from_ = name;
        return {};
    }

    Result<void> command(const std::string& line) {
        const auto space = line.find(' ');
        const std::string name = line.substr(0, space);
        const std::string argument = space == std::string::npos ? "" : line.substr(space + 1);
        if (name == "/help") {
            print_line(help);
        } else if (name == "/system") {
            if (argument.empty()) {
                print_line(system_.empty() ? "no instructions are set" : system_);
            } else {
                system_ = argument;
                turns_.clear();
                note("set; the conversation starts anew");
            }
        } else if (name == "/from") {
            if (argument.empty()) {
                answerer_.reset();
                from_.clear();
                note("plain chat");
            } else {
                TENON_CHECK(ground(argument));
                note(fmt::format("answering from {}", argument));
            }
        } else if (name == "/clear") {
            turns_.clear();
            note("forgotten");
        } else if (name == "/retry") {
            while (!turns_.empty() && turns_.back().role != llm::Role::user) turns_.pop_back();
            if (turns_.empty()) return fail(ErrorCode::not_found, "there is nothing to answer again");
            const std::string question = turns_.back().text();
            turns_.pop_back();
            return answer(question);
        } else if (name == "/save") {
            if (argument.empty()) return fail(ErrorCode::invalid_argument, "say where: /save FILE");
            TENON_CHECK(write_file_atomic(argument, argument.ends_with(".json") ? as_json() : as_markdown()));
            note(fmt::format("saved to {}", argument));
        } else {
            return fail(ErrorCode::invalid_argument, fmt::format("there is no command {}; /help lists them", name));
        }
        return {};
    }

    Result<void> answer(const std::string& question) {
        const InterruptGuard interrupt;
        const CallOptions call{{}, interrupt.token()};
        if (answerer_) {
            rag::AnswerOptions options;
            options.history = turns_;
            auto result = show_answer(context_, *answerer_, question, options, call, true);
            if (!result && result.error().code() == ErrorCode::cancelled) return {};
            if (!result) return std::unexpected(std::move(result).error());
            turns_.push_back(llm::Message::user(question));
            turns_.push_back(llm::Message::assistant(result->text));
            return {};
        }
        llm::ChatRequest request;
        if (!system_.empty()) request.messages.push_back(llm::Message::system(system_));
        request.messages.insert(request.messages.end(), turns_.begin(), turns_.end());
        request.messages.push_back(llm::Message::user(question));
        if (options_.no_thinking) request.reasoning.emplace().effort = llm::ReasoningSettings::Effort::none;
        request.settings = options_.sampling.settings();
        TENON_TRY(request.format, options_.form.format());
        auto result = sync_wait(context_.runtime(), say(model_, request, call));
        if (result) TENON_CHECK(cache_.save(request));
        print_line("");
        if (!result && result.error().code() == ErrorCode::cancelled) return {};
        if (!result && result.error().code() == ErrorCode::resource_exhausted && !turns_.empty()) {
            // The window is full: the oldest exchange goes, and we try again.
            turns_.erase(turns_.begin(),
                         turns_.begin() + std::min<std::ptrdiff_t>(2, static_cast<std::ptrdiff_t>(turns_.size())));
            note("the conversation no longer fits the model's context; its oldest exchange is left out");
            return answer(question);
        }
        if (!result) return std::unexpected(std::move(result).error());
        turns_.push_back(llm::Message::user(question));
        turns_.push_back(std::move(result->message));
        return {};
    }

    std::string as_json() const {
        json::Array rows;
        if (!system_.empty()) rows.push_back(json::Object{{"role", "system"}, {"content", system_}});
        for (const auto& t : turns_)
            rows.push_back(json::Object{{"role", std::string(llm::to_string(t.role))}, {"content", t.text()}});
        return json::dump_pretty(json::Object{{"model", model_->name()}, {"messages", std::move(rows)}}) + "\n";
    }

    std::string as_markdown() const {
        std::string out = fmt::format("# Conversation with {}\n", model_->name());
        if (!system_.empty()) out += fmt::format("\n> {}\n", system_);
        for (const auto& t : turns_)
            out += fmt::format("\n**{}:** {}\n", t.role == llm::Role::user ? "You" : "Tenon", t.text());
        return out;
    }

    Context& context_;
    const Options& options_;
    std::string system_, from_;
    std::string input_;  // read, but not yet a line
    llm::ChatModelPtr model_;
    PromptCache cache_;
    std::unique_ptr<rag::Answerer> answerer_;
    std::vector<llm::Message> turns_;
};

Result<void> run(Context& context, const Options& o) { return Session(context, o).run(); }

}  // namespace

void add_chat(CommandLine& cli, Command& chosen) {
    add_command<Options>(cli, chosen, "chat", "talk to a model, or to your documents with --from", declare, run);
}

}  // namespace tenon::app
