#include "tenon/chain/prompt.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "tenon/base/utf8.hpp"
#include "tenon/json/reflect.hpp"
#include "tenon/text/chat_template.hpp"

namespace tenon::chain {

namespace detail {

void append_unescaped(std::string& out, std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            out += text[i];
            continue;
        }
        const char c = text[++i];
        out += c == 'n' ? '\n' : c == 't' ? '\t' : c;
    }
}

void append_text(std::string& out, std::string_view text, const FormatSpec& spec) {
    if (spec.trim) {
        constexpr std::string_view blank = " \t\r\n\f\v";
        const auto from = text.find_first_not_of(blank);
        text = from == std::string_view::npos ? std::string_view()
                                              : text.substr(from, text.find_last_not_of(blank) - from + 1);
    }
    if (spec.max_characters != 0 && text.size() > spec.max_characters) {
        std::size_t at = 0;
        for (std::size_t n = 0; n < spec.max_characters && at < text.size(); ++n) at += utf8::decode(text, at).length;
        if (at < text.size()) {
            // The last character gives way to the ellipsis.
            std::size_t end = 0;
            for (std::size_t n = 0; n + 1 < spec.max_characters; ++n) end += utf8::decode(text, end).length;
            out += text.substr(0, end);
            out += "…";
            return;
        }
    }
    out += text;
}

namespace {

template <class N>
void append_formatted(std::string& out, N value, std::string_view spec) {
    // The formats were checked when the template was made: fmt has nothing to object to.
    if (spec.empty()) {
        fmt::format_to(std::back_inserter(out), "{}", value);
    } else if (spec.back() == '%') {
        const std::string_view digits = spec.substr(0, spec.size() - 1);
        const auto as_fixed = digits.find('.') == std::string_view::npos ? fmt::format("{{:{}.0f}}%", digits)
                                                                         : fmt::format("{{:{}f}}%", digits);
        fmt::format_to(std::back_inserter(out), fmt::runtime(as_fixed), static_cast<double>(value) * 100);
    } else {
        const char last = spec.back();
        const bool real = last == 'f' || last == 'e' || last == 'g' || spec.find('.') != std::string_view::npos;
        const std::string format = fmt::format("{{:{}}}", spec);
        if (real)
            fmt::format_to(std::back_inserter(out), fmt::runtime(format), static_cast<double>(value));
        else
            fmt::format_to(std::back_inserter(out), fmt::runtime(format), value);
    }
}

std::string list_names(const std::vector<std::string_view>& names) { return fmt::format("{}", fmt::join(names, ", ")); }

/// Literal text with doubled braces made single.
std::string without_doubles(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        out += text[i];
        if (text[i] == '{' || text[i] == '}') ++i;
    }
    return out;
}

}  // namespace

void append_number(std::string& out, double value, std::string_view spec) { append_formatted(out, value, spec); }
void append_number(std::string& out, std::int64_t value, std::string_view spec) { append_formatted(out, value, spec); }
void append_number(std::string& out, std::uint64_t value, std::string_view spec) { append_formatted(out, value, spec); }

Result<void> Program::compile_message(const Message& message, Compiled& out, std::vector<bool>& used) {
    if (!message.history.empty()) {
        const auto field = fields_.find != nullptr ? fields_.find(message.history) : std::nullopt;
        if (!field || field->kind != FieldKind::messages)
            return fail(
                ErrorCode::invalid_argument,
                fmt::format("the template puts messages from '{}', which is no field of messages", message.history));
        out.history = *field;
        used[field->top] = true;
        return {};
    }
    if (syntax_ == Syntax::jinja) return compile_jinja(message, out, used);
    std::optional<Error> error;
    std::string path;
    std::size_t at = 0;
    const auto fault = for_each_piece(message.text, [&](const TemplatePiece& piece) -> TemplateFault {
        if (!piece.field) {
            out.parts.push_back({without_doubles(piece.text), {}, {}, {}});
            out.literal_bytes += out.parts.back().literal.size();
            return nullptr;
        }
        path = piece.text;
        at = piece.at;
        Part part{{}, path, {}, piece.spec};
        if (fields_.find != nullptr) {
            const auto field = fields_.find(path);
            if (!field) {
                error.emplace(
                    ErrorCode::invalid_argument,
                    fmt::format("the template names '{}', which is not among: {}", path, list_names(fields_.names())));
                return "unknown";
            }
            if (const auto wrong = misuse_of(*field, piece.spec)) {
                error.emplace(ErrorCode::invalid_argument, fmt::format("the template's '{}': {}", path, wrong));
                return "misuse";
            }
            part.field = *field;
            used[field->top] = true;
        } else if (!piece.spec.number.empty()) {
            error.emplace(ErrorCode::invalid_argument,
                          fmt::format("the template's '{}': a number format for a variable that is text", path));
            return "misuse";
        }
        out.parts.push_back(std::move(part));
        return nullptr;
    });
    if (error) return std::unexpected(std::move(*error));
    if (fault != nullptr)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("the template is not well formed{}: {}",
                                path.empty() ? "" : fmt::format(" after '{}' at byte {}", path, at), fault));
    return {};
}

Result<void> Program::compile_jinja(const Message& message, Compiled& out, std::vector<bool>& used) {
    auto parsed = text::Template::parse(message.text);
    if (!parsed)
        return fail(ErrorCode::invalid_argument, "the template is not well formed: " + parsed.error().message());
    out.jinja_names = parsed->variables();
    out.jinja = std::make_shared<const text::Template>(std::move(*parsed));
    if (fields_.names == nullptr) return {};
    const auto names = fields_.names();
    for (const auto& name : out.jinja_names) {
        const auto at = std::ranges::find(names, name);
        if (at == names.end())
            return fail(ErrorCode::invalid_argument,
                        fmt::format("the template names '{}', which is not among: {}", name, list_names(names)));
        if (std::ranges::find(json_, name, &JsonField::name) == json_.end())
            return fail(ErrorCode::invalid_argument, fmt::format("the template's '{}' has no form as JSON", name));
        used[static_cast<std::size_t>(at - names.begin())] = true;
    }
    return {};
}

Result<std::string> Program::render_jinja(const Compiled& message, const void* object) const {
    json::Object context;
    if (fields_.find != nullptr) {
        for (const auto& field : json_) json::detail::write(field.type(), field.get(object), context[field.name]);
    } else if (fields_.one_text) {
        if (!message.jinja_names.empty())
            context[message.jinja_names.front()] = *static_cast<const std::string*>(object);
    } else {
        const auto& variables = *static_cast<const Variables*>(object);
        for (const auto& name : message.jinja_names)
            if (!variables.contains(name))
                return fail(ErrorCode::not_found, fmt::format("the template's variable '{}' has no value", name));
        for (const auto& [name, value] : variables) context[name] = value;
    }
    return message.jinja->render(json::Value(std::move(context)));
}

Result<std::shared_ptr<const Program>> Program::compile(std::vector<Message> messages, Fields fields, Unused unused,
                                                        Syntax syntax) {
    auto program = std::make_shared<Program>();
    program->source_ = std::move(messages);  // stays where it is: the formats of the parts point into it
    program->fields_ = fields;
    program->syntax_ = syntax;
    if (syntax == Syntax::jinja && fields.json != nullptr) program->json_ = fields.json();
    const auto names = fields.names != nullptr ? fields.names() : std::vector<std::string_view>{};
    std::vector<bool> used(names.size());
    for (const auto& message : program->source_) {
        Compiled compiled;
        TENON_CHECK(program->compile_message(message, compiled, used));
        program->compiled_.push_back(std::move(compiled));
    }
    if (unused == Unused::refused)
        for (std::size_t i = 0; i < names.size(); ++i)
            if (!used[i])
                return fail(ErrorCode::invalid_argument,
                            fmt::format("the template leaves '{}' unused; name it, or allow unused fields", names[i]));
    if (fields.one_text && program->variables().size() != 1)
        return fail(ErrorCode::invalid_argument, "a template that is filled with one text has exactly one variable");
    return program;
}

std::vector<std::string> Program::variables() const {
    std::vector<std::string> names;
    const auto add = [&](const std::string& name) {
        if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(name);
    };
    for (std::size_t i = 0; i < compiled_.size(); ++i) {
        add(source_[i].history);
        for (const auto& part : compiled_[i].parts) add(part.path);
        for (const auto& name : compiled_[i].jinja_names) add(name);
    }
    return names;
}

Result<void> Program::append(const Part& part, const void* object, std::string& out) const {
    if (part.path.empty()) {
        out += part.literal;
    } else if (fields_.find != nullptr) {
        if (part.field.append != nullptr) part.field.append(object, out, part.spec);
    } else if (fields_.one_text) {
        append_text(out, *static_cast<const std::string*>(object), part.spec);
    } else {
        const auto& variables = *static_cast<const Variables*>(object);
        if (const auto at = variables.find(part.path); at != variables.end())
            append_text(out, at->second, part.spec);
        else if (!part.spec.otherwise.empty())
            append_unescaped(out, part.spec.otherwise);
        else
            return fail(ErrorCode::not_found, fmt::format("the template's variable '{}' has no value", part.path));
    }
    return {};
}

Result<std::string> Program::text(const void* object) const {
    std::string out;
    const auto& message = compiled_.front();
    if (message.jinja) return render_jinja(message, object);
    out.reserve(message.literal_bytes + 32 * message.parts.size());
    for (const auto& part : message.parts) TENON_CHECK(append(part, object, out));
    return out;
}

Result<Messages> Program::messages(const void* object) const {
    Messages all;
    all.reserve(compiled_.size());
    for (std::size_t i = 0; i < compiled_.size(); ++i) {
        const auto& compiled = compiled_[i];
        if (compiled.history.messages != nullptr) {
            const auto& past = compiled.history.messages(object);
            all.insert(all.end(), past.begin(), past.end());
            continue;
        }
        llm::Message message{source_[i].role, {}, {}};
        if (compiled.jinja) {
            TENON_TRY(auto rendered, render_jinja(compiled, object));
            message.content.emplace_back(llm::TextPart{std::move(rendered)});
            all.push_back(std::move(message));
            continue;
        }
        std::string text;
        text.reserve(compiled.literal_bytes + 32 * compiled.parts.size());
        const auto flush = [&] {
            if (!text.empty()) message.content.emplace_back(llm::TextPart{std::exchange(text, {})});
        };
        for (const auto& part : compiled.parts) {
            if (part.field.images != nullptr) {
                flush();
                std::vector<llm::ImagePart> pictures;
                part.field.images(object, pictures);
                for (auto& picture : pictures) message.content.emplace_back(std::move(picture));
            } else {
                TENON_CHECK(append(part, object, text));
            }
        }
        flush();
        if (message.content.empty()) message.content.emplace_back(llm::TextPart{});
        all.push_back(std::move(message));
    }
    return all;
}

}  // namespace detail

std::string escape_braces(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        out += c;
        if (c == '{' || c == '}') out += c;
    }
    return out;
}

Result<std::string> fill_some(std::string_view text, const Variables& fixed) {
    std::string out;
    std::vector<std::string_view> filled;
    const auto fault = for_each_piece(text, [&](const TemplatePiece& piece) -> TemplateFault {
        if (!piece.field) {
            out += piece.text;
            return nullptr;
        }
        const std::size_t end = detail::end_of_field(text, piece.at + 1) + 1;
        if (const auto at = fixed.find(piece.text); at != fixed.end()) {
            std::string value;
            detail::append_text(value, at->second, piece.spec);
            out += escape_braces(value);
            filled.push_back(at->first);
        } else {
            out += text.substr(piece.at, end - piece.at);
        }
        return nullptr;
    });
    if (fault != nullptr)
        return fail(ErrorCode::invalid_argument, fmt::format("the template is not well formed: {}", fault));
    for (const auto& [name, value] : fixed)
        if (std::ranges::find(filled, name) == filled.end())
            return fail(ErrorCode::not_found, fmt::format("the template has no variable '{}' to fill", name));
    return out;
}

}  // namespace tenon::chain
