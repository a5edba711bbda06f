#include "command_line.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>

#include "tenon/base/edit_distance.hpp"
#include "terminal.hpp"

namespace tenon::app {
namespace {

std::string path_of(const CLI::App& app) {
    const CLI::App* parent = const_cast<CLI::App&>(app).get_parent();
    return parent == nullptr ? app.get_name() : path_of(*parent) + " " + app.get_name();
}

/// The examples stand on the first page only, and options say what they take in a word.
void tidy(CLI::App& app) {
    for (CLI::Option* option : app.get_options())
        if (option->get_type_size() != 0) {
            const std::string type = option->get_type_name();
            if (type.starts_with("UINT") || type.starts_with("INT"))
                option->type_name("N");
            else if (type.starts_with("FLOAT"))
                option->type_name("X");
        }
    for (CLI::App* sub : app.get_subcommands({})) {
        sub->footer("");
        tidy(*sub);
    }
}

/// One sentence when a word that must be a command is none, with the one that was probably meant.
std::string unknown_command(CLI::App& cli, const std::vector<std::string>& words) {
    // What users of other tools type.
    static constexpr std::pair<std::string_view, std::string_view> others[] = {
        {"list", "models"},      {"ls", "models"},    {"ps", "models"},     {"rm", "remove"},
        {"delete", "remove"},    {"run", "chat"},     {"search", "search"}, {"generate", "complete"},
        {"embeddings", "embed"}, {"info", "show"},    {"server", "serve"},  {"download", "pull"},
        {"add", "index"},        {"ingest", "index"}, {"query", "ask"}};
    CLI::App* app = &cli;
    for (const std::string& word : words) {
        const auto subs = app->get_subcommands({});
        if (subs.empty() || word.starts_with('-')) return {};
        const auto at = std::ranges::find(subs, word, &CLI::App::get_name);
        if (at != subs.end()) {
            app = *at;
            continue;
        }
        std::string close;
        std::size_t best = 3;
        for (const CLI::App* sub : subs)
            if (const std::size_t d = tenon::edit_distance(word, sub->get_name()); d < best)
                best = d, close = sub->get_name();
        for (const auto& [other, ours] : others)
            if (word == other && std::ranges::find(subs, ours, &CLI::App::get_name) != subs.end()) close = ours;
        return fmt::format("there is no command '{} {}'; {}see `{} --help`", path_of(*app), word,
                           close.empty() ? "" : fmt::format("did you mean '{}'? ", close), path_of(*app));
    }
    return {};
}

}  // namespace

NamedCheck in_range(int low, int high) { return {.kind = NamedCheck::Kind::whole_range, .low = low, .high = high}; }

NamedCheck in_range(double low, double high) {
    return {.kind = NamedCheck::Kind::real_range, .real_low = low, .real_high = high};
}

NamedCheck one_of(std::initializer_list<std::string> words) {
    return {.kind = NamedCheck::Kind::one_of, .words = words};
}

NamedCheck positive() { return {.kind = NamedCheck::Kind::positive}; }

NamedCheck not_negative() { return {.kind = NamedCheck::Kind::not_negative}; }

CommandOption* CommandOption::required() {
    option_->required();
    return this;
}

CommandOption* CommandOption::check(const NamedCheck& check) {
    switch (check.kind) {
        case NamedCheck::Kind::whole_range:
            option_->check(CLI::Range(static_cast<int>(check.low), static_cast<int>(check.high)));
            break;
        case NamedCheck::Kind::real_range:
            option_->check(CLI::Range(check.real_low, check.real_high));
            break;
        case NamedCheck::Kind::one_of:
            option_->check(CLI::IsMember(check.words));
            words_ = check.words;
            break;
        case NamedCheck::Kind::positive:
            option_->check(CLI::PositiveNumber);
            break;
        case NamedCheck::Kind::not_negative:
            option_->check(CLI::NonNegativeNumber);
            break;
    }
    return this;
}

CommandOption* CommandOption::check(ValueCheck check) {
    option_->check(std::move(check));
    return this;
}

CommandOption* CommandOption::group(const std::string& name) {
    option_->group(name);
    return this;
}

CommandOption* CommandOption::delimiter(char c) {
    option_->delimiter(c);
    return this;
}

std::size_t CommandOption::count() const { return option_->count(); }

std::string CommandOption::name() const {
    if (!option_->get_lnames().empty()) return "--" + option_->get_lnames().front();
    return option_->get_name();
}

bool CommandOption::is_positional() const { return option_->get_positional(); }

bool CommandOption::takes_value() const { return option_->get_items_expected_max() > 0; }

CommandLine::CommandLine(const std::string& about, const std::string& name, const std::string& version,
                         const std::string& footer)
    : root_(std::make_unique<CLI::App>(about, name)), app_(root_.get()) {
    app_->set_version_flag("--version", version);
    app_->failure_message(CLI::FailureMessage::simple);
    app_->footer(footer);
}

CommandLine::CommandLine(CLI::App* app) : app_(app) {}

CommandLine::~CommandLine() = default;

template <class T>
CommandOption* CommandLine::add_option(const std::string& names, T& into, const std::string& about) {
    return options_.emplace_back(std::make_unique<CommandOption>(app_->add_option(names, into, about))).get();
}

// The types an option may write into.
template CommandOption* CommandLine::add_option(const std::string&, std::string&, const std::string&);
template CommandOption* CommandLine::add_option(const std::string&, int&, const std::string&);
template CommandOption* CommandLine::add_option(const std::string&, std::int64_t&, const std::string&);
template CommandOption* CommandLine::add_option(const std::string&, std::uint64_t&, const std::string&);
template CommandOption* CommandLine::add_option(const std::string&, double&, const std::string&);
template CommandOption* CommandLine::add_option(const std::string&, std::optional<int>&, const std::string&);
template CommandOption* CommandLine::add_option(const std::string&, std::optional<std::int64_t>&, const std::string&);
template CommandOption* CommandLine::add_option(const std::string&, std::optional<double>&, const std::string&);
template CommandOption* CommandLine::add_option(const std::string&, std::vector<std::string>&, const std::string&);
template CommandOption* CommandLine::add_option(const std::string&, std::vector<std::size_t>&, const std::string&);

CommandOption* CommandLine::add_flag(const std::string& names, bool& into, const std::string& about) {
    return options_.emplace_back(std::make_unique<CommandOption>(app_->add_flag(names, into, about))).get();
}

CommandLine* CommandLine::add_subcommand(const std::string& name, const std::string& about) {
    subcommands_.push_back(std::unique_ptr<CommandLine>(new CommandLine(app_->add_subcommand(name, about))));
    return subcommands_.back().get();
}

void CommandLine::fallthrough() { app_->fallthrough(); }

void CommandLine::require_subcommand(int exactly) { app_->require_subcommand(exactly); }

void CommandLine::require_subcommand(int least, int most) {
    app_->require_subcommand(static_cast<std::size_t>(least), static_cast<std::size_t>(most));
}

void CommandLine::callback(std::function<void()> call) { app_->callback(std::move(call)); }

bool CommandLine::has_subcommand() const { return !app_->get_subcommands().empty(); }

std::optional<int> CommandLine::parse(std::vector<std::string> words) {
    tidy(*app_);
    if (auto problem = unknown_command(*app_, words); !problem.empty()) {
        note("tenon: " + problem);
        return 2;
    }
    try {
        std::ranges::reverse(words);  // the parser takes them from the back
        app_->parse(std::move(words));
    } catch (const CLI::Success& success) {
        return app_->exit(success);  // --help, --version
    } catch (const CLI::ParseError& error) {
        const CLI::App* where = app_;
        while (!where->get_subcommands().empty()) where = where->get_subcommands().back();
        note(fmt::format("tenon: {}; see `{} --help`", error.what(), path_of(*where)));
        return 2;
    }
    return std::nullopt;
}

const CommandOption* CommandLine::find_option(const std::string& word) const {
    for (const auto& option : options_)
        if (!option->is_positional() && option->option_->check_name(word)) return option.get();
    return nullptr;
}

void CommandLine::add_options_to(Continuations& out, const std::string& beginning) const {
    for (const auto& option : options_)
        if (std::string name = option->name(); !option->is_positional() && name.starts_with(beginning))
            out.words.push_back({std::move(name), option->option_->get_description()});
}

Continuations CommandLine::continuations(const std::vector<std::string>& words) const {
    Continuations out;
    const std::string typed = words.empty() ? std::string() : words.back();
    std::vector<const CommandLine*> path{this};
    const CommandOption* awaited = nullptr;
    std::size_t positionals = 0;
    bool options_ended = false;
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        const std::string& word = words[i];
        if (awaited != nullptr) {
            awaited = nullptr;
        } else if (!options_ended && word == "--") {
            options_ended = true;
        } else if (!options_ended && word.size() > 1 && word[0] == '-') {
            for (const CommandLine* at : path)
                if (const auto* option = at->find_option(word); option != nullptr && option->takes_value())
                    awaited = option;
        } else {
            const auto& subs = path.back()->subcommands_;
            const auto at = std::ranges::find_if(subs, [&](const auto& sub) { return sub->app_->get_name() == word; });
            if (at != subs.end() && positionals == 0)
                path.push_back(at->get());
            else
                ++positionals;
        }
    }
    for (std::size_t i = 1; i < path.size(); ++i) out.command += (i > 1 ? " " : "") + path[i]->app_->get_name();
    if (awaited == nullptr && !options_ended && typed.starts_with('-')) {
        for (const CommandLine* at : path) at->add_options_to(out, typed);
        for (const char* always : {"--help", "--version"})
            if (std::string_view(always).starts_with(typed) && (path.size() == 1 || always[2] == 'h'))
                out.words.push_back({always, ""});
        return out;
    }
    if (awaited == nullptr) {
        if (positionals == 0)
            for (const auto& sub : path.back()->subcommands_)
                if (sub->app_->get_name().starts_with(typed))
                    out.words.push_back({sub->app_->get_name(), sub->app_->get_description()});
        for (const auto& option : path.back()->options_) {
            if (!option->is_positional()) continue;
            awaited = option.get();  // the last one takes all that follow
            if (positionals-- == 0) break;
        }
    }
    if (awaited != nullptr) {
        out.value_of = awaited->name();
        for (const std::string& word : awaited->words())
            if (word.starts_with(typed)) out.words.push_back({word, ""});
    }
    return out;
}

}  // namespace tenon::app
