#include "tenon/chain/document.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tenon/base/file.hpp"
#include "tenon/base/utf8.hpp"

// One mode in the whole program: toml++'s two modes share symbols.
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_UNRELEASED_FEATURES 0
#include <toml++/toml.h>

namespace tenon::chain {
namespace {

constexpr std::string_view fence = "+++";
constexpr std::size_t longest = std::size_t{4} << 20;

struct Reader {
    std::string_view origin;

    [[nodiscard]] std::unexpected<Error> bad(const toml::node& node, std::string_view why) const {
        // The fence is line 1, so what TOML calls line 1 is line 2.
        return fail(ErrorCode::corrupt,
                    fmt::format("{}, line {}: {}", origin, static_cast<unsigned>(node.source().begin.line) + 1, why));
    }
    Result<void> text(const toml::node& node, std::string_view key, std::string& out) const {
        const auto value = node.value_exact<std::string>();
        if (!value) return bad(node, fmt::format("'{}' must be a string", key));
        out = *value;
        return {};
    }
    template <class T>
    Result<void> number(const toml::node& node, std::string_view key, std::optional<T>& out) const {
        if constexpr (std::is_floating_point_v<T>) {
            const auto value = node.value<double>();
            if (!node.is_number() || !value) return bad(node, fmt::format("'{}' must be a number", key));
            out = *value;
        } else {
            const auto value = node.value_exact<std::int64_t>();
            if (!value || *value < 0 || *value > 2'000'000'000)
                return bad(node, fmt::format("'{}' must be a whole number, not negative", key));
            out = static_cast<T>(*value);
        }
        return {};
    }
    Result<void> texts(const toml::node& node, std::string_view key, std::vector<std::string>& out) const {
        const auto* list = node.as_array();
        if (list == nullptr) return bad(node, fmt::format("'{}' must be a list of strings", key));
        for (const auto& item : *list) TENON_CHECK(text(item, key, out.emplace_back()));
        return {};
    }
    Result<void> variables(const toml::node& node, std::string_view key, Variables& out) const {
        const auto* table = node.as_table();
        if (table == nullptr) return bad(node, fmt::format("'{}' must be a table of strings", key));
        for (const auto& [name, value] : *table) TENON_CHECK(text(value, name.str(), out[std::string(name.str())]));
        return {};
    }
    Result<void> settings(const toml::node& node, llm::GenerationSettings& out) const {
        const auto* table = node.as_table();
        if (table == nullptr) return bad(node, "'settings' must be a table");
        for (const auto& [name, value] : *table) {
            const std::string_view key = name.str();
            if (key == "temperature")
                TENON_CHECK(number(value, key, out.temperature));
            else if (key == "top_p")
                TENON_CHECK(number(value, key, out.top_p));
            else if (key == "min_p")
                TENON_CHECK(number(value, key, out.min_p));
            else if (key == "top_k")
                TENON_CHECK(number(value, key, out.top_k));
            else if (key == "seed")
                TENON_CHECK(number(value, key, out.seed));
            else if (key == "max_tokens")
                TENON_CHECK(number(value, key, out.max_tokens));
            else if (key == "repetition_penalty")
                TENON_CHECK(number(value, key, out.repetition_penalty));
            else if (key == "presence_penalty")
                TENON_CHECK(number(value, key, out.presence_penalty));
            else if (key == "frequency_penalty")
                TENON_CHECK(number(value, key, out.frequency_penalty));
            else if (key == "stop")
                TENON_CHECK(texts(value, key, out.stop));
            else
                return bad(value, fmt::format("there is no setting '{}'", key));
        }
        return {};
    }
    Result<void> cases(const toml::node& node, std::vector<PromptCase>& out) const {
        const auto* list = node.as_array();
        if (list == nullptr) return bad(node, "'case' must be written [[case]]");
        for (const auto& item : *list) {
            const auto* table = item.as_table();
            if (table == nullptr) return bad(item, "'case' must be written [[case]]");
            auto& made = out.emplace_back();
            for (const auto& [name, value] : *table) {
                const std::string_view key = name.str();
                if (key == "name")
                    TENON_CHECK(text(value, key, made.name));
                else if (key == "variables")
                    TENON_CHECK(variables(value, key, made.variables));
                else if (key == "contains")
                    TENON_CHECK(texts(value, key, made.contains));
                else if (key == "lacks")
                    TENON_CHECK(texts(value, key, made.lacks));
                else
                    return bad(value, fmt::format("a case has no '{}'", key));
            }
            if (made.name.empty()) made.name = fmt::format("case {}", out.size());
        }
        return {};
    }
    Result<void> head(std::string_view toml_text, PromptDocument& out) const {
        const auto parsed = toml::parse(toml_text);
        if (!parsed)
            return fail(ErrorCode::corrupt, fmt::format("{}, line {}: {}", origin,
                                                        static_cast<unsigned>(parsed.error().source().begin.line) + 1,
                                                        parsed.error().description()));
        for (const auto& [name, value] : parsed.table()) {
            const std::string_view key = name.str();
            if (key == "description") {
                TENON_CHECK(text(value, key, out.description));
            } else if (key == "syntax") {
                std::string syntax;
                TENON_CHECK(text(value, key, syntax));
                if (syntax != "braces" && syntax != "jinja") return bad(value, "'syntax' is \"braces\" or \"jinja\"");
                out.syntax = syntax == "jinja" ? Syntax::jinja : Syntax::braces;
            } else if (key == "settings") {
                TENON_CHECK(settings(value, out.settings));
            } else if (key == "defaults") {
                TENON_CHECK(variables(value, key, out.defaults));
            } else if (key == "case") {
                TENON_CHECK(cases(value, out.cases));
            } else {
                return bad(value, fmt::format("there is no '{}' in a prompt", key));
            }
        }
        return {};
    }
};

std::string_view take_line(std::string_view& rest) {
    const auto end = rest.find('\n');
    auto line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

/// "@user", "@history past": what begins a message; nullopt for any other line.
std::optional<std::pair<std::string_view, std::string_view>> heading(std::string_view line) {
    if (!line.starts_with('@') || line.starts_with("@@")) return std::nullopt;
    line.remove_prefix(1);
    while (line.ends_with(' ')) line.remove_suffix(1);
    const auto space = line.find(' ');
    return std::pair(line.substr(0, space),
                     space == std::string_view::npos ? std::string_view() : line.substr(space + 1));
}

Result<void> read_body(std::string_view body, std::string_view origin, PromptDocument& out) {
    std::string before;  // text without a heading: one user message
    detail::Program::Message* open = nullptr;
    for (auto rest = body; !rest.empty();) {
        auto line = take_line(rest);
        const auto head = heading(line);
        std::optional<llm::Role> role;
        if (head && head->second.empty()) role = llm::role_from(head->first);
        if (role) {
            open = &out.messages.emplace_back(detail::Program::Message{*role, {}, {}});
        } else if (head && head->first == "history" && !head->second.empty()) {
            out.messages.push_back({llm::Role::user, {}, std::string(head->second)});
            open = nullptr;
        } else {
            if (line.starts_with("@@")) line.remove_prefix(1);
            if (open == nullptr && !out.messages.empty()) {
                if (line.empty()) continue;
                return fail(ErrorCode::corrupt,
                            fmt::format("{}: text after '@history' needs a heading such as '@user'", origin));
            }
            auto& text = open != nullptr ? open->text : before;
            text += line;
            text += '\n';
        }
    }
    const auto blank = [](std::string& text) {
        while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
        const auto from = text.find_first_not_of('\n');
        text.erase(0, std::min(from, text.size()));
    };
    for (auto& m : out.messages) blank(m.text);
    blank(before);
    if (!before.empty()) {
        if (!out.messages.empty())
            return fail(ErrorCode::corrupt, fmt::format("{}: text before the first heading such as '@user'", origin));
        out.messages.push_back({llm::Role::user, std::move(before), {}});
    }
    if (out.messages.empty()) return fail(ErrorCode::corrupt, fmt::format("{}: a prompt without text", origin));
    return {};
}

}  // namespace

Result<PromptDocument> PromptDocument::parse(std::string_view text, std::string_view origin) {
    if (text.size() > longest)
        return fail(ErrorCode::resource_exhausted, fmt::format("{}: a prompt is at most {} bytes", origin, longest));
    if (!utf8::is_valid(text)) return fail(ErrorCode::corrupt, fmt::format("{}: not valid UTF-8", origin));
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    PromptDocument out;
    auto rest = text;
    if (take_line(rest) == fence) {
        const auto* begin = rest.data();
        for (;;) {
            if (rest.empty())
                return fail(ErrorCode::corrupt, fmt::format("{}: the settings have no closing '+++'", origin));
            const auto* at = rest.data();
            if (take_line(rest) == fence) {
                TENON_CHECK(Reader{origin}.head(std::string_view(begin, static_cast<std::size_t>(at - begin)), out));
                break;
            }
        }
    } else {
        rest = text;
    }
    TENON_CHECK(read_body(rest, origin, out));
    // Faults of the templates themselves are told now, not when they are used.
    TENON_TRY(const auto program, detail::Program::compile(out.without_history(), {}, Unused::allowed, out.syntax));
    (void)program;
    return out;
}

Result<PromptDocument> PromptDocument::load(const std::filesystem::path& path) {
    TENON_TRY(const auto text, read_file(path, longest));
    return parse(text, path.string());
}

Result<std::string> PromptDocument::filled_in(const std::string& text) const {
    if (syntax == Syntax::braces) {
        Variables here;
        (void)for_each_piece(text, [&](const TemplatePiece& piece) -> TemplateFault {
            if (const auto at = defaults.find(piece.text); piece.field && at != defaults.end()) here.insert(*at);
            return nullptr;
        });
        return fill_some(text, here);
    }
    std::string set;
    for (const auto& [name, value] : defaults) {
        std::string quoted;
        for (const char c : value) {
            if (c == '\\' || c == '\'') quoted += '\\';
            if (c == '\n')
                quoted += "\\n";
            else
                quoted += c;
        }
        set += fmt::format("{{% set {} = '{}' %}}", name, quoted);
    }
    return set + text;
}

Result<std::vector<std::string>> PromptDocument::variables() const {
    TENON_TRY(const auto program, detail::Program::compile(without_history(), {}, Unused::allowed, syntax));
    auto names = program->variables();
    std::erase_if(names, [&](const auto& name) { return defaults.contains(name); });
    for (const auto& m : messages)
        if (!m.history.empty()) names.push_back(m.history);
    return names;
}

std::vector<detail::Program::Message> PromptDocument::without_history() const {
    auto kept = messages;
    std::erase_if(kept, [](const auto& m) { return !m.history.empty(); });
    return kept;
}

Result<llm::ChatRequest> PromptDocument::render(const Variables& values) const {
    Variables all = values;
    all.insert(defaults.begin(), defaults.end());
    TENON_TRY(const auto program, detail::Program::compile(without_history(), {}, Unused::allowed, syntax));
    llm::ChatRequest request;
    TENON_TRY(request.messages, program->messages(&all));
    request.settings = settings;
    return request;
}

}  // namespace tenon::chain
