// Typed prompt templates.
//
//   struct Page { std::string title, body; };
//   BOOST_DESCRIBE_STRUCT(Page, (), (title, body))
//
//   auto p = prompt<Page>("Summarise {title} in one sentence:\n{body}");          // a step from Page to text
//   auto c = prompt<Turn>({system_text("You are {persona}."), history("turns"), user_text("{question}{picture}")});
//
// Every variable must be a field of the struct and every field must be used; the compiler says when not. Templates that
// are not literals are made with `parse`, which says the same as an error. Syntax: template_text.hpp. Templates are
// immutable, cheap to copy, and may be rendered from many threads at once.
#pragma once

#include <array>
#include <boost/describe/class.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tenon/chain/fields.hpp"
#include "tenon/chain/model.hpp"

namespace tenon::text {
class Template;
}

namespace tenon::chain {

/// Some text: what a template with one variable may take, and what text becomes when a struct is wanted.
struct Text {
    std::string text;

    Text() = default;
    Text(std::string value) : text(std::move(value)) {}  // NOLINT(google-explicit-constructor)
    Text(const char* value) : text(value) {}             // NOLINT(google-explicit-constructor)
};
BOOST_DESCRIBE_STRUCT(Text, (), (text))

/// Whether a field that no variable names is a fault.
enum class Unused : std::uint8_t { refused, allowed };

enum class Syntax : std::uint8_t {
    braces,  ///< template_text.hpp
    jinja,   ///< Jinja 3.1 as tenon/text/chat_template.hpp has it; fields are JSON values there
};

/// One message of a template: its text, or the messages of a field.
struct MessagePiece {
    llm::Role role = llm::Role::user;
    std::string_view text{};     ///< a template; fields of llm::ImagePart become pictures where they stand
    std::string_view history{};  ///< a field of type std::vector<llm::Message>, put here as it is
};
[[nodiscard]] constexpr MessagePiece system_text(std::string_view text) { return {llm::Role::system, text, {}}; }
[[nodiscard]] constexpr MessagePiece user_text(std::string_view text) { return {llm::Role::user, text, {}}; }
[[nodiscard]] constexpr MessagePiece assistant_text(std::string_view text) { return {llm::Role::assistant, text, {}}; }
[[nodiscard]] constexpr MessagePiece history(std::string_view field) { return {llm::Role::user, {}, field}; }

/// What a template can be filled with: a described struct, Variables (any names), or a string (one variable).
template <class T>
concept TemplateInput = detail::Described<T> || std::same_as<T, Variables> || std::same_as<T, std::string>;

namespace detail {

// Never called at run time: their names are what the compiler says of a faulty literal.
void this_template_names_a_field_the_struct_does_not_have();
void this_template_leaves_a_field_of_the_struct_unused();
void this_template_is_not_well_formed();
void this_template_formats_a_field_in_a_way_its_type_does_not_allow();
void this_template_must_have_exactly_one_variable();

template <class T>
consteval std::size_t count_fields() {
    if constexpr (Described<T>)
        return boost::mp11::mp_size<MembersOf<T>>::value;
    else
        return 0;
}

/// Marks the fields a literal uses. A fault is a call the compiler cannot make.
template <class T>
constexpr void check_literal(std::string_view text, bool* used, std::string_view& only) {
    const auto fault = for_each_piece(text, [&](const TemplatePiece& piece) -> TemplateFault {
        if (!piece.field) return nullptr;
        if constexpr (Described<T>) {
            const auto field = find_field<T>(piece.text);
            if (!field) {
                this_template_names_a_field_the_struct_does_not_have();
            } else {
                if (misuse_of(*field, piece.spec) != nullptr)
                    this_template_formats_a_field_in_a_way_its_type_does_not_allow();
                used[field->top] = true;
            }
        } else if constexpr (std::same_as<T, std::string>) {
            if (!only.empty() && only != piece.text) this_template_must_have_exactly_one_variable();
            only = piece.text;
        }
        return nullptr;
    });
    if (fault != nullptr) this_template_is_not_well_formed();
}
template <class T>
constexpr void check_all_used(Unused unused, const bool* used, std::string_view only) {
    if constexpr (std::same_as<T, std::string>) {
        if (only.empty()) this_template_must_have_exactly_one_variable();
    }
    if (unused == Unused::refused)
        for (std::size_t i = 0; i < count_fields<T>(); ++i)
            if (!used[i]) this_template_leaves_a_field_of_the_struct_unused();
}

/// How a program finds the fields of its input. Null `find`: the input is Variables or a string.
struct Fields {
    std::optional<FieldAccess> (*find)(std::string_view path) = nullptr;
    std::vector<std::string_view> (*names)() = nullptr;
    std::vector<JsonField> (*json)() = nullptr;
    bool one_text = false;
};
template <TemplateInput T>
constexpr Fields fields_for() {
    if constexpr (Described<T>)
        return {[](std::string_view path) { return find_field<T>(path); }, [] { return field_names<T>(); },
                [] { return json_fields<T>(); }, false};
    else
        return {nullptr, nullptr, nullptr, std::same_as<T, std::string>};
}

/// A compiled template of one or more messages, its type forgotten.
class Program {
  public:
    struct Message {
        llm::Role role = llm::Role::user;
        std::string text, history;
    };
    /// Errors: invalid_argument, naming the variable and where it stands.
    static Result<std::shared_ptr<const Program>> compile(std::vector<Message> messages, Fields fields, Unused unused,
                                                          Syntax syntax = Syntax::braces);

    [[nodiscard]] const std::vector<Message>& source() const { return source_; }
    [[nodiscard]] std::vector<std::string> variables() const;
    /// `object` is of the type the program was compiled for. Errors: not_found (Variables without a variable).
    [[nodiscard]] Result<std::string> text(const void* object) const;
    [[nodiscard]] Result<Messages> messages(const void* object) const;

  private:
    struct Part {
        std::string literal;
        std::string path;
        FieldAccess field;
        FormatSpec spec;
    };
    struct Compiled {
        std::vector<Part> parts;
        std::size_t literal_bytes = 0;
        FieldAccess history;
        std::shared_ptr<const text::Template> jinja;
        std::vector<std::string> jinja_names;
    };
    Result<void> append(const Part& part, const void* object, std::string& out) const;
    Result<void> compile_message(const Message& message, Compiled& out, std::vector<bool>& used);
    Result<void> compile_jinja(const Message& message, Compiled& out, std::vector<bool>& used);
    Result<std::string> render_jinja(const Compiled& message, const void* object) const;

    std::vector<Message> source_;
    std::vector<Compiled> compiled_;
    std::vector<JsonField> json_;
    Fields fields_;
    Syntax syntax_ = Syntax::braces;
};

}  // namespace detail

/// A literal template for T, checked by the compiler.
template <TemplateInput T, Unused U = Unused::refused>
struct PromptLiteral {
    std::string_view text;

    template <class S>
        requires std::convertible_to<const S&, std::string_view>
    consteval PromptLiteral(const S& literal) : text(literal) {  // NOLINT(google-explicit-constructor)
        std::array<bool, detail::count_fields<T>() + 1> used{};
        std::string_view only;
        detail::check_literal<T>(text, used.data(), only);
        detail::check_all_used<T>(U, used.data(), only);
    }
};

/// Literal messages for T, checked by the compiler. At most 16.
template <TemplateInput T, Unused U = Unused::refused>
struct MessagesLiteral {
    std::array<MessagePiece, 16> pieces{};
    std::size_t count = 0;

    consteval MessagesLiteral(std::initializer_list<MessagePiece> list) {
        std::array<bool, detail::count_fields<T>() + 1> used{};
        std::string_view only;
        for (const auto& piece : list) {
            pieces.at(count++) = piece;
            if (!piece.history.empty()) {
                if constexpr (detail::Described<T>) {
                    const auto field = find_field<T>(piece.history);
                    if (!field || field->kind != FieldKind::messages)
                        detail::this_template_names_a_field_the_struct_does_not_have();
                    else
                        used[field->top] = true;
                } else {
                    detail::this_template_names_a_field_the_struct_does_not_have();
                }
            }
            detail::check_literal<T>(piece.text, used.data(), only);
        }
        detail::check_all_used<T>(U, used.data(), only);
    }
};

/// A template that becomes text.
template <TemplateInput T>
class Prompt {
  public:
    using input_type = T;
    using output_type = std::string;

    /// Errors: invalid_argument: the syntax, a variable that is no field, a field that is not used.
    [[nodiscard]] static Result<Prompt> parse(std::string text, Unused unused = Unused::refused,
                                              Syntax syntax = Syntax::braces) {
        TENON_TRY(auto program, detail::Program::compile({{llm::Role::user, std::move(text), {}}},
                                                         detail::fields_for<T>(), unused, syntax));
        return Prompt(std::move(program));
    }

    [[nodiscard]] std::string_view name() const { return "prompt"; }
    [[nodiscard]] const std::string& source() const { return program_->source().front().text; }
    /// The names that stand in the template, each once, in order of appearance.
    [[nodiscard]] std::vector<std::string> variables() const { return program_->variables(); }
    /// Errors: not_found, naming a variable that has no value (Variables only).
    [[nodiscard]] Result<std::string> render(const T& value) const { return program_->text(&value); }
    [[nodiscard]] Result<std::string> call(T&& value, const Context&) const { return program_->text(&value); }

    /// The template with some variables filled for good; what is left is filled from Rest.
    /// Errors: not_found (no such variable), invalid_argument (Rest does not fit what is left).
    template <TemplateInput Rest = Variables>
    [[nodiscard]] Result<Prompt<Rest>> partial(const Variables& fixed, Unused unused = Unused::refused) const;

  private:
    explicit Prompt(std::shared_ptr<const detail::Program> program) : program_(std::move(program)) {}
    std::shared_ptr<const detail::Program> program_;
};

/// A template that becomes messages, and with them a request.
template <TemplateInput T>
class ChatPrompt {
  public:
    using input_type = T;
    using output_type = llm::ChatRequest;

    /// Errors: as Prompt::parse.
    [[nodiscard]] static Result<ChatPrompt> parse(std::vector<MessagePiece> pieces, Unused unused = Unused::refused,
                                                  Syntax syntax = Syntax::braces) {
        std::vector<detail::Program::Message> messages;
        for (const auto& p : pieces) messages.push_back({p.role, std::string(p.text), std::string(p.history)});
        TENON_TRY(auto program, detail::Program::compile(std::move(messages), detail::fields_for<T>(), unused, syntax));
        return ChatPrompt(std::move(program));
    }

    [[nodiscard]] std::string_view name() const { return "prompt"; }
    [[nodiscard]] std::vector<std::string> variables() const { return program_->variables(); }
    [[nodiscard]] Result<Messages> render(const T& value) const { return program_->messages(&value); }
    [[nodiscard]] Result<llm::ChatRequest> call(T&& value, const Context&) const {
        TENON_TRY(auto messages, program_->messages(&value));
        llm::ChatRequest request;
        request.messages = std::move(messages);
        request.settings = settings_;
        return request;
    }
    /// Settings that go with every request of this template.
    [[nodiscard]] ChatPrompt with(llm::GenerationSettings settings) const {
        ChatPrompt copy = *this;
        copy.settings_ = std::move(settings);
        return copy;
    }

  private:
    explicit ChatPrompt(std::shared_ptr<const detail::Program> program) : program_(std::move(program)) {}
    std::shared_ptr<const detail::Program> program_;
    llm::GenerationSettings settings_;
};

/// A literal template; the compiler has checked it, so there is nothing left to fail.
template <TemplateInput T, Unused U = Unused::refused>
[[nodiscard]] Prompt<T> prompt(std::type_identity_t<PromptLiteral<T, U>> literal) {
    return Prompt<T>::parse(std::string(literal.text), U).value();
}
template <TemplateInput T, Unused U = Unused::refused>
[[nodiscard]] ChatPrompt<T> prompt(std::type_identity_t<MessagesLiteral<T, U>> literal) {
    return ChatPrompt<T>::parse(
               {literal.pieces.begin(), literal.pieces.begin() + static_cast<std::ptrdiff_t>(literal.count)}, U)
        .value();
}

/// The text with `fixed` in place of their variables, values as they are. Errors: not_found, invalid_argument.
[[nodiscard]] Result<std::string> fill_some(std::string_view text, const Variables& fixed);
/// The text with every brace doubled: a template that becomes the text.
[[nodiscard]] std::string escape_braces(std::string_view text);

template <TemplateInput T>
template <TemplateInput Rest>
Result<Prompt<Rest>> Prompt<T>::partial(const Variables& fixed, Unused unused) const {
    TENON_TRY(auto rest, fill_some(source(), fixed));
    return Prompt<Rest>::parse(std::move(rest), unused);
}

}  // namespace tenon::chain
