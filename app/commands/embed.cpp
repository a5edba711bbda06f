// tenon embed: texts to vectors.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "options.hpp"

namespace tenon::app {
namespace {

struct Options {
    std::vector<std::string> texts;
    std::string model, base_url;
    bool json = false, query = false, lines = false;
};

void declare(CommandLine& sub, Options& o) {
    sub.add_option("TEXT", o.texts, "texts; without one, or with -, standard input is one text");
    sub.add_option("--model,-m", o.model, "embedding model; default: the settings' (minilm)");
    sub.add_option("--base-url", o.base_url, "of an OpenAI-compatible server, for openai:NAME");
    sub.add_flag("--query", o.query, "embed as questions, for models that tell them from passages");
    sub.add_flag("--lines", o.lines, "every line of standard input is a text");
    sub.add_flag("--json", o.json, "print {\"model\", \"embeddings\": [[...]]}");
}

Result<void> run(Context& context, const Options& o) {
    if (!o.base_url.empty()) context.settings().base_url = o.base_url;
    auto texts = o.texts;
    if (texts.empty() || (texts.size() == 1 && texts[0] == "-")) {
        TENON_TRY(const std::string input, text_or_stdin("-", !texts.empty(), "TEXT"));
        texts.clear();
        if (o.lines) {
            for (std::size_t at = 0; at < input.size();) {
                const auto end = std::min(input.find('\n', at), input.size());
                if (end > at) texts.push_back(input.substr(at, end - at));
                at = end + 1;
            }
        } else {
            texts.push_back(input);
        }
    }
    if (texts.empty() || std::ranges::find(texts, "") != texts.end())
        return fail(ErrorCode::invalid_argument,
                    "an empty text has no vector: give one, or write it to standard input");
    TENON_TRY(const auto embedder, context.embedder(o.model));
    const InterruptGuard interrupt;
    TENON_TRY(const auto result,
              sync_wait(context.runtime(),
                        embedder->embed(std::move(texts), o.query ? llm::EmbedKind::query : llm::EmbedKind::passage,
                                        CallOptions{{}, interrupt.token()})));
    json::Array rows;
    for (std::size_t n = 0; n < result.count(); ++n) {
        json::Array row;
        row.reserve(result.dimension);
        for (std::size_t d = 0; d < result.dimension; ++d) row.emplace_back(result.values[n * result.dimension + d]);
        if (o.json) {
            rows.push_back(std::move(row));
            continue;
        }
        std::string line;
        for (const auto& value : row) line += fmt::format("{}{:.6g}", line.empty() ? "" : " ", value.get_double());
        print_line(line);
    }
    if (o.json)
        print_json(json::Object{{"model", embedder->name()},
                                {"embeddings", std::move(rows)},
                                {"usage", json::Object{{"input_tokens", result.usage.input_tokens}}}});
    return {};
}

}  // namespace

void add_embed(CommandLine& cli, Command& chosen) {
    add_command<Options>(cli, chosen, "embed", "texts to vectors", declare, run);
}

}  // namespace tenon::app
