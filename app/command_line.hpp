// The command line as the commands declare it. A front of our own before CLI11, whose headers cost every file that
// includes them five seconds to compile: only command_line.cpp does.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace tenon::app {

/// What a value must be to be taken: a message that says what is wrong with it, empty when nothing is.
using ValueCheck = std::function<std::string(const std::string& value)>;

/// A check with the words that stand for it in --help.
struct NamedCheck {
    enum class Kind : std::uint8_t { whole_range, real_range, one_of, positive, not_negative };
    Kind kind = Kind::positive;
    long low = 0, high = 0;
    double real_low = 0, real_high = 0;
    std::vector<std::string> words{};
};

NamedCheck in_range(int low, int high);
NamedCheck in_range(double low, double high);
NamedCheck one_of(std::initializer_list<std::string> words);
NamedCheck positive();
NamedCheck not_negative();

/// One flag, option or positional word of a command.
class CommandOption {
  public:
    explicit CommandOption(CLI::Option* option) : option_(option) {}
    CommandOption* required();
    CommandOption* check(const NamedCheck& check);
    CommandOption* check(ValueCheck check);
    /// The heading it stands under in --help.
    CommandOption* group(const std::string& name);
    /// Several values may be written as one, with this between them.
    CommandOption* delimiter(char c);
    /// How often it was given. After parsing.
    [[nodiscard]] std::size_t count() const;

    /// "--name" (the first long one), "-n", or the word of a positional.
    [[nodiscard]] std::string name() const;
    [[nodiscard]] bool is_positional() const;
    /// One word after it is its value.
    [[nodiscard]] bool takes_value() const;
    /// The words that one_of() allows.
    [[nodiscard]] const std::vector<std::string>& words() const noexcept { return words_; }

  private:
    friend class CommandLine;
    CLI::Option* option_;
    std::vector<std::string> words_;
};

/// What may follow on a command line that is still being typed.
struct Continuations {
    struct Word {
        std::string word, about;
    };
    std::vector<Word> words;
    /// The path of the command, "models show", and the option or positional whose value is being typed; else empty.
    std::string command, value_of;
};

/// A command with its options and subcommands; the program itself is one. What options write into must outlive
/// the parsing. Not thread-safe.
class CommandLine {
  public:
    CommandLine(const std::string& about, const std::string& name, const std::string& version,
                const std::string& footer);
    ~CommandLine();
    CommandLine(const CommandLine&) = delete;
    CommandLine& operator=(const CommandLine&) = delete;

    /// `names`: "--long,-s", or "WORD" for a positional one. T: see the instantiations in command_line.cpp.
    template <class T>
    CommandOption* add_option(const std::string& names, T& into, const std::string& about = {});
    CommandOption* add_flag(const std::string& names, bool& into, const std::string& about = {});
    CommandLine* add_subcommand(const std::string& name, const std::string& about);

    /// Options of the command above may follow this one too.
    void fallthrough();
    void require_subcommand(int exactly);
    void require_subcommand(int least, int most);
    /// Called when this command is the one named, after its options have been read.
    void callback(std::function<void()> call);
    /// Whether one of its subcommands was named. After parsing.
    [[nodiscard]] bool has_subcommand() const;

    /// Reads the words after the program's name. A value is the status to end with: --help and --version were
    /// answered, or what is wrong has been said on standard error.
    std::optional<int> parse(std::vector<std::string> words);
    /// The last of `words` is the beginning of the one being typed, perhaps empty.
    [[nodiscard]] Continuations continuations(const std::vector<std::string>& words) const;

  private:
    explicit CommandLine(CLI::App* app);

    [[nodiscard]] const CommandOption* find_option(const std::string& word) const;
    void add_options_to(Continuations& out, const std::string& beginning) const;

    std::unique_ptr<CLI::App> root_;  // the program's alone
    CLI::App* app_;
    std::vector<std::unique_ptr<CommandOption>> options_;
    std::vector<std::unique_ptr<CommandLine>> subcommands_;
};

}  // namespace tenon::app
