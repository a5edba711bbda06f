// tenon kb: knowledge bases.
#include <fmt/format.h>
#include <boost/json.hpp>

#include <ctime>

#include "options.hpp"

namespace tenon::app {
namespace {

std::string when(std::int64_t seconds) {
    if (seconds <= 0) return "-";
    const std::time_t t = seconds;
    std::tm parts{};
    ::localtime_r(&t, &parts);
    char buffer[32];
    return {buffer, std::strftime(buffer, sizeof buffer, "%Y-%m-%d %H:%M", &parts)};
}

struct Options {
    std::string name, source;
    bool json = false;
};

json::Object row_of(const store::KnowledgeBaseInfo& i) {
    json::Object row{{"name", i.name},
                     {"embedding_model", i.embedding_model},
                     {"dimension", i.dimension},
                     {"documents", i.documents},
                     {"chunks", i.chunks},
                     {"bytes", i.bytes},
                     {"updated_at", i.updated_at}};
    if (!i.problem.empty()) row["problem"] = i.problem;
    return row;
}

Result<void> list(Context& context, const Options& o) {
    TENON_TRY(const auto store, context.store());
    TENON_TRY(const auto bases, store->list());
    if (o.json) {
        json::Array rows;
        for (const auto& b : bases) rows.push_back(row_of(b));
        print_json(json::Object{{"knowledge_bases", std::move(rows)}});
        return {};
    }
    if (bases.empty()) {
        note("there is no knowledge base yet; `tenon index PATH --into NAME` makes one");
        return {};
    }
    print_line(fmt::format("{:<24} {:>9} {:>8} {:>10}  {:<22} {}", "NAME", "DOCUMENTS", "CHUNKS", "SIZE", "EMBEDDING",
                           "CHANGED"));
    for (const auto& b : bases) {
        if (!b.problem.empty())
            print_line(fmt::format("{} cannot be read: {}", fit(b.name, 24), b.problem));
        else
            print_line(fmt::format(
                "{} {:>9} {:>8} {:>10}  {:<22} {}", fit(b.name, 24), b.documents, b.chunks, human_bytes(b.bytes),
                b.embedding_model.empty() ? "none (text only)" : b.embedding_model, when(b.updated_at)));
    }
    return {};
}

Result<void> show(Context& context, const Options& o) {
    TENON_TRY(const auto store, context.store());
    TENON_TRY(const auto base, store->get(o.name));
    TENON_TRY(const auto info, base->info());
    TENON_TRY(const auto documents, base->list());
    if (o.json) {
        auto row = row_of(info);
        json::Array rows;
        for (const auto& d : documents)
            rows.push_back(json::Object{{"source", d.source},
                                        {"title", d.title},
                                        {"media_type", d.media_type},
                                        {"content_hash", d.content_hash},
                                        {"chunks", d.chunks},
                                        {"characters", d.characters},
                                        {"indexed_at", d.indexed_at}});
        row["sources"] = std::move(rows);
        print_json(row);
        return {};
    }
    print_line(fmt::format("{}: {} documents, {} chunks, {}, embedding {}", info.name, info.documents, info.chunks,
                           human_bytes(info.bytes),
                           info.embedding_model.empty() ? "none (text only)" : info.embedding_model));
    for (const auto& d : documents)
        print_line(fmt::format("{:>6} {}  {}  {}", d.chunks, d.chunks == 1 ? "chunk " : "chunks", when(d.indexed_at),
                               d.source));
    return {};
}

Result<void> remove(Context& context, const Options& o) {
    TENON_TRY(const auto store, context.store());
    if (o.source.empty()) {
        TENON_CHECK(store->remove(o.name));
        if (o.json)
            print_json(json::Object{{"name", o.name}, {"removed", true}});
        else
            print_line(fmt::format("removed {}", o.name));
        return {};
    }
    TENON_TRY(const auto base, store->get(o.name));
    TENON_TRY(const bool was_there, base->remove(o.source));
    if (!was_there)
        return fail(ErrorCode::not_found,
                    fmt::format("{} has no document '{}'; `tenon kb show {}` lists them", o.name, o.source, o.name));
    if (o.json)
        print_json(json::Object{{"name", o.name}, {"document", o.source}, {"removed", true}});
    else
        print_line(fmt::format("removed {} from {}", o.source, o.name));
    return {};
}

}  // namespace

void add_kb(CommandLine& cli, Command& chosen) {
    auto options = std::make_shared<Options>();
    auto* kb = cli.add_subcommand("kb", "list, show and remove knowledge bases");
    kb->add_flag("--json", options->json, "print JSON");
    const auto go = [&chosen, options](Result<void> (*work)(Context&, const Options&)) {
        return [&chosen, options, work] {
            chosen = [options, work]() -> Result<void> {
                TENON_TRY(const auto context, Context::open());
                return work(*context, *options);
            };
        };
    };
    auto* l = kb->add_subcommand("list", "all of them (the default)");
    l->fallthrough();
    l->callback(go(list));
    auto* s = kb->add_subcommand("show", "the documents of one");
    s->fallthrough();
    s->add_option("NAME", options->name)->required();
    s->callback(go(show));
    auto* r = kb->add_subcommand("remove", "delete one, or one document of it");
    r->fallthrough();
    r->add_option("NAME", options->name)->required();
    r->add_option("--document", options->source, "only this document, by its source");
    r->callback(go(remove));
    kb->require_subcommand(0, 1);
    kb->callback([kb, go] {
        if (!kb->has_subcommand()) go(list)();
    });
}

}  // namespace tenon::app
