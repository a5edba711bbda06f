// A server that is a program of our own starting.
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>

#include "mcp/client/link.hpp"
#include "mcp/transport/pipe.hpp"
#include "tenon/base/utf8.hpp"

extern char** environ;

namespace tenon::mcp {
namespace {

constexpr std::size_t most_backlog = std::size_t{256} << 20;

/// Ends and reaps the program, its whole process group.
class Program {
  public:
    explicit Program(pid_t pid) : pid_(pid) {}
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program() { end(std::chrono::milliseconds(1000)); }

    /// Its input is closed already: it may end by itself for so long, then it is asked to, then it is made to.
    void end(std::chrono::milliseconds grace) {
        if (pid_ <= 0) return;
        for (const int signal : {0, SIGTERM, SIGKILL}) {
            if (signal != 0) ::kill(-pid_, signal);
            for (auto left = grace; left.count() > 0; left -= std::chrono::milliseconds(5)) {
                if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
                    ::kill(-pid_, SIGKILL);  // what it left behind
                    pid_ = 0;
                    return;
                }
                ::usleep(5'000);
            }
        }
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }

  private:
    pid_t pid_;
};

struct SpawnActions {
    SpawnActions() {
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
    }
    ~SpawnActions() {
        ::posix_spawn_file_actions_destroy(&actions);
        ::posix_spawnattr_destroy(&attributes);
    }
    SpawnActions(const SpawnActions&) = delete;
    SpawnActions& operator=(const SpawnActions&) = delete;
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};
};

std::vector<std::string> environment_of(const Command& command) {
    std::map<std::string, std::string> all;
    if (command.inherit_environment)
        for (char** entry = environ; *entry != nullptr; ++entry) {
            const std::string_view text(*entry);
            const auto equals = text.find('=');
            if (equals != std::string_view::npos) all[std::string(text.substr(0, equals))] = text.substr(equals + 1);
        }
    for (const auto& [name, value] : command.environment) all[name] = value;
    std::vector<std::string> out;
    for (const auto& [name, value] : all) out.push_back(fmt::format("{}={}", name, value));
    return out;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> out;
    for (auto& word : words) out.push_back(word.data());
    out.push_back(nullptr);
    return out;
}

Result<pid_t> spawn(Command& command, int talk, int errors) {
    SpawnActions spawn;
    ::posix_spawn_file_actions_adddup2(&spawn.actions, talk, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&spawn.actions, talk, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&spawn.actions, errors, STDERR_FILENO);
    if (!command.folder.empty()) ::posix_spawn_file_actions_addchdir_np(&spawn.actions, command.folder.c_str());
    sigset_t plain;
    ::sigemptyset(&plain);
    ::posix_spawnattr_setsigmask(&spawn.attributes, &plain);
    for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::sigaddset(&plain, signal);
    ::posix_spawnattr_setsigdefault(&spawn.attributes, &plain);
    ::posix_spawnattr_setpgroup(&spawn.attributes, 0);
    ::posix_spawnattr_setflags(&spawn.attributes,
                               POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    auto environment = environment_of(command);
    auto argv = pointers(command.words);
    auto envp = pointers(environment);
    pid_t pid = 0;
    const int code = ::posix_spawnp(&pid, argv[0], &spawn.actions, &spawn.attributes, argv.data(), envp.data());
    if (code == 0) return pid;
    const auto what = fmt::format("cannot start the MCP server '{}': {}", command.words[0], std::strerror(code));
    if (code == ENOENT) return fail(ErrorCode::not_found, what);
    if (code == EACCES || code == EPERM) return fail(ErrorCode::permission_denied, what);
    return fail(ErrorCode::io, what);
}

class PipeLink final : public Link, public std::enable_shared_from_this<PipeLink> {
  public:
    PipeLink(Executor executor, std::shared_ptr<MessagePipe> pipe, std::shared_ptr<MessagePipe> errors,
             std::unique_ptr<Program> program, LogSink log)
        : executor_(std::move(executor)),
          pipe_(std::move(pipe)),
          errors_(std::move(errors)),
          log_(std::move(log)),
          program_(std::move(program)) {}
    ~PipeLink() override {
        pipe_->close();
        if (errors_) errors_->close();
    }
    bool has_headers() const noexcept override { return false; }

    void attach(std::weak_ptr<ClientSession> session) override {
        boost::asio::co_spawn(executor_, read(pipe_, std::move(session), tail_), boost::asio::detached);
        if (errors_) boost::asio::co_spawn(executor_, hear(errors_, tail_, log_), boost::asio::detached);
    }
    void send(Outgoing message) override {
        // A server that reads nothing is not fed without end.
        if (pipe_->backlog() > most_backlog) {
            pipe_->close();
            return;
        }
        pipe_->write(rpc::encode(message.message));
    }
    task<void> close() override {
        const auto self = shared_from_this();
        co_await pipe_->finish(CallOptions::within(std::chrono::seconds(2)));
        pipe_->close();
        program_.reset();
    }

  private:
    /// The last words of the program: often why it ended.
    struct Tail {
        std::mutex mutex;
        std::string last;
    };

    static task<void> read(std::shared_ptr<MessagePipe> pipe, std::weak_ptr<ClientSession> session,
                           std::shared_ptr<Tail> tail) {
        const auto take = [&session](std::string line) {
            // Lines that are no message are a server's slip of printing to its output; they are passed over.
            if (auto message = rpc::parse(line))
                if (const auto alive = session.lock()) alive->receive(std::move(*message));
        };
        const auto ended = co_await pipe->read(take, CallOptions());
        const auto alive = session.lock();
        if (!alive) co_return;
        std::string last;
        {
            const std::scoped_lock lock(tail->mutex);
            last = tail->last;
        }
        const auto why = last.empty() ? std::string() : "; its last words: " + last;
        if (ended)
            alive->close(Error(ErrorCode::unavailable, "the MCP server has ended" + why));
        else
            alive->close(Error(ended.error().code(), "the connection to the MCP server broke" + why, ended.error()));
    }
    static task<void> hear(std::shared_ptr<MessagePipe> errors, std::shared_ptr<Tail> tail, LogSink log) {
        const auto take = [&](std::string line) {
            line = utf8::sanitize(utf8::truncate(line, 2000));
            if (log) log(tenon::LogLevel::info, "mcp", line);
            const std::scoped_lock lock(tail->mutex);
            tail->last = std::move(line);
        };
        (void)co_await errors->read(take, CallOptions());
    }

    const Executor executor_;
    const std::shared_ptr<MessagePipe> pipe_, errors_;
    const LogSink log_;
    const std::shared_ptr<Tail> tail_ = std::make_shared<Tail>();
    std::unique_ptr<Program> program_;
};

void shut(std::array<int, 2>& pair) {
    for (int& fd : pair) {
        if (fd >= 0) ::close(fd);
        fd = -1;
    }
}

}  // namespace

Result<std::shared_ptr<Link>> start_program(Executor executor, Command command, LogSink log) {
    if (command.words.empty() || command.words[0].empty())
        return fail(ErrorCode::invalid_argument, "say which program the MCP server is");
    // Sockets rather than pipes: writing to a server that is gone is an error then, not a signal.
    std::array<int, 2> talk{-1, -1};
    std::array<int, 2> errors{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, talk.data()) != 0 ||
        ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, errors.data()) != 0) {
        shut(talk);
        shut(errors);
        return fail(ErrorCode::io, fmt::format("cannot open a connection: {}", std::strerror(errno)));
    }
    const auto pid = spawn(command, talk[1], errors[1]);
    ::close(talk[1]);
    ::close(errors[1]);
    if (!pid) {
        ::close(talk[0]);
        ::close(errors[0]);
        return std::unexpected(pid.error());
    }
    auto program = std::make_unique<Program>(*pid);
    auto pipe = MessagePipe::over_socket(executor, talk[0]);
    auto heard = MessagePipe::over_socket(executor, errors[0]);
    return std::make_shared<PipeLink>(executor, std::move(pipe), std::move(heard), std::move(program), std::move(log));
}

std::shared_ptr<Link> descriptor_link(Executor executor, int in, int out) {
    auto pipe = MessagePipe::over_descriptors(executor, in, out);
    return std::make_shared<PipeLink>(executor, std::move(pipe), nullptr, nullptr, LogSink());
}

}  // namespace tenon::mcp
