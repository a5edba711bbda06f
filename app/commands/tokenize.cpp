// tenon tokenize: text from stdin or the command line to token ids, and back.
#include <fmt/format.h>
#include <boost/json.hpp>

#include <charconv>

#include "options.hpp"
#include "tenon/model/model.hpp"

namespace tenon::app {
namespace {

struct Options {
    std::string model;
    std::string text;
    CommandOption* given = nullptr;
    bool json = false, decode = false, special = false, plain = false;
};

void declare(CommandLine& sub, Options& o) {
    o.given = sub.add_option("TEXT", o.text,
                             "the text; without it, or with -, standard input is read to its end, byte for byte");
    sub.add_option("--model,-m", o.model, "whose tokenizer; default: the chat model");
    sub.add_flag("--json", o.json, "print {\"ids\": [...], \"count\": N}");
    sub.add_flag("--decode", o.decode, "the input is token ids; print their text");
    sub.add_flag("--special", o.special, "add the model's beginning and end tokens");
    sub.add_flag("--plain", o.plain, "control tokens written in the text are ordinary text");
}

Result<std::vector<text::TokenId>> read_ids(std::string_view input) {
    std::vector<text::TokenId> ids;
    for (std::size_t i = 0; i < input.size();) {
        if (std::string_view(" \t\r\n,[]").find(input[i]) != std::string_view::npos) {
            ++i;
            continue;
        }
        text::TokenId id = 0;
        const auto [end, error] = std::from_chars(input.data() + i, input.data() + input.size(), id);
        if (error != std::errc{})
            return fail(ErrorCode::invalid_argument, fmt::format("not a token id at byte {} of the input", i));
        ids.push_back(id);
        i = static_cast<std::size_t>(end - input.data());
    }
    return ids;
}

Result<void> run(Context& context, const Options& o) {
    TENON_TRY(const auto path, context.model_path(o.model.empty() ? context.settings().chat_model : o.model));
    TENON_TRY(const auto tokenizer, model::load_tokenizer(path));
    TENON_TRY(const std::string input, text_or_stdin(o.text, o.given->count() > 0, "TEXT"));
    if (o.decode) {
        TENON_TRY(const auto ids, read_ids(input));
        const std::string text = tokenizer->decode(ids, false);
        if (o.json)
            print_json(json::Object{{"text", text}, {"count", ids.size()}});
        else
            print_line(text);
        return {};
    }
    const auto ids = tokenizer->encode(input, {.add_special = o.special, .parse_special = !o.plain});
    if (o.json) {
        json::Array list(ids.begin(), ids.end());
        print_json(json::Object{{"ids", std::move(list)}, {"count", ids.size()}});
        return {};
    }
    for (const auto id : ids)
        print_line(fmt::format("{:>7}  {}", id, json::dump(json::Value(tokenizer->token_bytes(id)))));
    note(fmt::format("{} tokens", ids.size()));
    return {};
}

}  // namespace

void add_tokenize(CommandLine& cli, Command& chosen) {
    add_command<Options>(cli, chosen, "tokenize", "text to token ids, and back", declare, run);
}

}  // namespace tenon::app
