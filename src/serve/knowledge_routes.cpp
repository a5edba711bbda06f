// Knowledge bases over HTTP: list, make, remove; documents: list, read, upload, remove.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "serve/openai_request.hpp"
#include "serve/state.hpp"
#include "tenon/async/channel.hpp"
#include "tenon/base/file.hpp"
#include "tenon/net/multipart.hpp"
#include "tenon/net/sse.hpp"
#include "tenon/rag/ingest.hpp"

namespace tenon::serve {
namespace {

json::Object base_object(const store::KnowledgeBaseInfo& i) {
    json::Object out{{"name", i.name},
                     {"embedding_model", i.embedding_model},
                     {"dimension", i.dimension},
                     {"documents", i.documents},
                     {"chunks", i.chunks},
                     {"bytes", i.bytes},
                     {"updated_at", i.updated_at}};
    if (!i.problem.empty()) out["problem"] = i.problem;
    return out;
}

net::HttpResponse listing(json::Array data) {
    return net::HttpResponse::json(json::dump(json::Object{{"object", "list"}, {"data", std::move(data)}}));
}

task<net::HttpResponse> list_bases(StatePtr state, net::HttpRequest, net::CallContext) {
    auto bases = state->services.store->list();
    if (!bases) co_return error_response(bases.error());
    json::Array data;
    for (const auto& b : *bases) data.push_back(base_object(b));
    co_return listing(std::move(data));
}

/// The base of that name; made with the default embedding model when it does not exist.
task<Result<std::shared_ptr<store::KnowledgeBase>>> open_or_create(StatePtr state, std::string name,
                                                                   std::string embedding) {
    if (auto existing = state->services.store->get(name); existing || existing.error().code() != ErrorCode::not_found)
        co_return existing;
    const auto create = [&](std::size_t dimension) {
        auto made = state->services.store->create(name, dimension == 0 ? std::string() : embedding, dimension);
        if (made && state->services.knowledge_bases_changed) state->services.knowledge_bases_changed();
        return made;
    };
    if (embedding == "none") co_return create(0);
    if (embedding.empty()) embedding = state->services.default_embedding_model;
    TENON_CO_TRY(const auto embedder, co_await state->services.embedder(embedding, Caller()));
    std::size_t dimension = embedder->dimension();
    if (dimension == 0) {
        std::vector<std::string> probe(1, "a");
        TENON_CO_TRY(const auto row,
                     co_await embedder->embed(std::move(probe), llm::EmbedKind::passage, CallOptions{}));
        dimension = row.dimension;
    }
    co_return create(dimension);
}

task<net::HttpResponse> create_base(StatePtr state, net::HttpRequest http, net::CallContext) {
    auto body = parse_body(http.body);
    if (!body) co_return error_response(body.error());
    std::string name(json::string_or(*body, "name", ""));
    if (name.empty()) {
        const auto problem =
            bad_param("name", "'name' must be a string that is not empty", "missing_required_parameter");
        co_return error_response(problem.error());
    }
    if (state->services.store->get(name)) {
        ApiError e;
        e.status = 409;
        e.message = fmt::format("a knowledge base '{}' exists already", name);
        e.param = "name";
        e.code = "already_exists";
        co_return error_response(e);
    }
    auto base = co_await open_or_create(state, name, std::string(json::string_or(*body, "embedding_model", "")));
    if (!base) co_return error_response(base.error());
    auto info = (*base)->info();
    if (!info) co_return error_response(info.error());
    co_return net::HttpResponse::json(json::dump(base_object(*info)), 201);
}

task<net::HttpResponse> show_base(StatePtr state, net::HttpRequest http, net::CallContext) {
    auto base = state->services.store->get(http.path_parameter("name"));
    if (!base) co_return error_response(base.error());
    auto info = (*base)->info();
    if (!info) co_return error_response(info.error());
    co_return net::HttpResponse::json(json::dump(base_object(*info)));
}

task<net::HttpResponse> remove_base(StatePtr state, net::HttpRequest http, net::CallContext) {
    const std::string name(http.path_parameter("name"));
    auto done = state->services.store->remove(name);
    if (!done) co_return error_response(done.error());
    if (state->services.knowledge_bases_changed) state->services.knowledge_bases_changed();
    co_return net::HttpResponse::json(json::dump(json::Object{{"name", name}, {"deleted", true}}));
}

task<net::HttpResponse> list_documents(StatePtr state, net::HttpRequest http, net::CallContext) {
    auto base = state->services.store->get(http.path_parameter("name"));
    if (!base) co_return error_response(base.error());
    auto documents = (*base)->list();
    if (!documents) co_return error_response(documents.error());
    json::Array data;
    for (const auto& d : *documents)
        data.push_back(json::Object{{"source", d.source},
                                    {"title", d.title},
                                    {"media_type", d.media_type},
                                    {"content_hash", d.content_hash},
                                    {"chunks", d.chunks},
                                    {"characters", d.characters},
                                    {"indexed_at", d.indexed_at}});
    co_return listing(std::move(data));
}

task<net::HttpResponse> show_document(StatePtr state, net::HttpRequest http, net::CallContext) {
    auto base = state->services.store->get(http.path_parameter("name"));
    if (!base) co_return error_response(base.error());
    auto document = (*base)->document(http.query_parameter("source").value_or(""));
    if (!document) co_return error_response(document.error());
    co_return net::HttpResponse::json(json::dump(json::Object{{"source", document->source},
                                                              {"title", document->title},
                                                              {"media_type", document->media_type},
                                                              {"text", document->text},
                                                              {"indexed_at", document->indexed_at}}));
}

task<net::HttpResponse> remove_document(StatePtr state, net::HttpRequest http, net::CallContext) {
    auto base = state->services.store->get(http.path_parameter("name"));
    if (!base) co_return error_response(base.error());
    const std::string source(http.query_parameter("source").value_or(""));
    auto removed = (*base)->remove(source);
    if (!removed) co_return error_response(removed.error());
    if (!*removed) {
        ApiError e;
        e.status = 404;
        e.message = fmt::format("there is no document '{}' in this knowledge base", source);
        e.param = "source";
        e.code = "not_found";
        co_return error_response(e);
    }
    co_return net::HttpResponse::json(json::dump(json::Object{{"source", source}, {"deleted", true}}));
}

/// A name from a browser's form, made safe to show and to store: no control characters, no way up.
std::string safe_name(std::string_view name) {
    std::string out;
    for (const char c : name)
        if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) out += c == '\\' ? '/' : c;
    while (out.starts_with('/')) out.erase(0, 1);
    for (std::size_t at = 0; (at = out.find("../")) != std::string::npos;) out.erase(at, 3);
    return out.empty() ? "document" : out;
}

json::Object progress_object(std::size_t done, std::size_t total, std::size_t chunks, std::string_view current) {
    return json::Object{
        {"files_done", done}, {"files_total", total}, {"chunks", chunks}, {"current", std::string(current)}};
}

/// multipart/form-data with one or more files. With `Accept: text/event-stream` progress comes as events, and a last
/// event "summary".
task<Result<void>> upload(StatePtr state, net::HttpRequest http, std::shared_ptr<net::ResponseWriter> writer,
                          net::CallContext context) {
    const std::string name(http.path_parameter("name"));
    auto directory = TemporaryDirectory::create("tenon-upload-");
    if (!directory) co_return co_await send_response(writer, error_response(directory.error()));
    std::shared_ptr<Stream<std::string>> stream(std::move(http.body_stream));
    std::string content_type(http.headers.find("Content-Type").value_or(""));
    auto parts = co_await net::read_form(stream, std::move(content_type), directory->path());
    if (!parts) {
        if (parts.error().code() == ErrorCode::resource_exhausted)
            co_return co_await send_response(writer, error_response(plain_error(413, parts.error().describe())));
        co_return co_await send_response(writer, error_response(parts.error()));
    }
    std::erase_if(*parts, [](const net::FormPart& p) { return !p.head.file_name; });
    if (parts->empty()) {
        const auto problem = bad_param("file", "the form holds no file", "missing_required_parameter");
        co_return co_await send_response(writer, error_response(problem.error()));
    }
    auto base = co_await open_or_create(state, name, "");
    if (!base) co_return co_await send_response(writer, error_response(base.error()));
    auto info = (*base)->info();
    if (!info) co_return co_await send_response(writer, error_response(info.error()));
    llm::EmbedderPtr embedder;
    if (!info->embedding_model.empty()) {
        auto opened = co_await state->services.embedder(info->embedding_model, Caller());
        if (!opened) co_return co_await send_response(writer, error_response(opened.error()));
        embedder = std::move(*opened);
    }
    const bool events = http.headers.find("Accept").value_or("").find("text/event-stream") != std::string_view::npos;
    if (events) TENON_CO_CHECK(co_await start_events(writer));

    const rag::Ingestor ingestor(*base, embedder, state->services.count_tokens);
    std::size_t added = 0, replaced = 0, unchanged = 0, chunks = 0, done = 0;
    json::Array failed;
    for (auto& part : *parts) {
        const std::string source = safe_name(*part.head.file_name);
        if (events) {
            net::SseEvent event;
            event.event = "progress";
            event.data = json::dump(progress_object(done, parts->size(), chunks, source));
            TENON_CO_CHECK(co_await writer->write(net::sse_encode(event)));
        }
        auto bytes = read_file(part.file, state->options.max_upload_bytes);
        // (No co_await inside a conditional expression: GCC 12 destroys its operands twice.)
        Result<rag::IngestedDocument> result = fail(ErrorCode::io, "the uploaded file could not be read");
        if (bytes) {
            result = co_await ingestor.ingest_bytes(source, std::move(*bytes), rag::ProgressSink(), context.call);
        } else {
            result = std::unexpected(bytes.error());
        }
        ++done;
        if (!result) {
            const auto code = result.error().code();
            if (code == ErrorCode::cancelled || code == ErrorCode::deadline_exceeded)
                co_return std::unexpected(std::move(result).error());
            failed.push_back(json::Object{{"source", source}, {"error", result.error().describe()}});
            continue;
        }
        chunks += result->chunks;
        (result->unchanged ? unchanged : result->replaced ? replaced : added) += 1;
    }
    state->metrics.add("tenon_documents_indexed_total", "Documents indexed through the API.", {},
                       static_cast<double>(added + replaced));
    const bool all_failed = added + replaced + unchanged == 0;
    json::Object summary{{"knowledge_base", name}, {"added", added},   {"replaced", replaced},
                         {"unchanged", unchanged}, {"chunks", chunks}, {"failed", std::move(failed)}};
    if (!events)
        co_return co_await send_response(writer, net::HttpResponse::json(json::dump(summary), all_failed ? 400 : 200));
    net::SseEvent last;
    last.event = "summary";
    last.data = json::dump(summary);
    TENON_CO_CHECK(co_await writer->write(net::sse_encode(last)));
    co_return co_await writer->finish();
}

}  // namespace

void add_knowledge_routes(net::Router& router, const StatePtr& state) {
    const auto bind = [state](task<net::HttpResponse> (*handler)(StatePtr, net::HttpRequest, net::CallContext)) {
        return [state, handler](net::HttpRequest http, net::CallContext context) {
            return handler(state, std::move(http), std::move(context));
        };
    };
    router.get("/v1/knowledge_bases", bind(list_bases));
    router.post("/v1/knowledge_bases", bind(create_base));
    router.get("/v1/knowledge_bases/{name}", bind(show_base));
    router.add("DELETE", "/v1/knowledge_bases/{name}", bind(remove_base));
    router.get("/v1/knowledge_bases/{name}/documents", bind(list_documents));
    router.add("DELETE", "/v1/knowledge_bases/{name}/documents", bind(remove_document));
    router.get("/v1/knowledge_bases/{name}/document", bind(show_document));
    net::RouteOptions big;
    big.max_body_bytes = state->options.max_upload_bytes;
    big.stream_body = true;
    big.time_limit = std::chrono::hours(2);
    router.add_streaming(
        "POST", "/v1/knowledge_bases/{name}/documents",
        [state](net::HttpRequest http, std::shared_ptr<net::ResponseWriter> writer, net::CallContext context) {
            return upload(state, std::move(http), std::move(writer), std::move(context));
        },
        big);
}

}  // namespace tenon::serve
