// A web service from typed functions: validation, injection, streams, a chain with one line, its OpenAPI document.
// LINK: tenon_serve
#include <cstdio>
#include <cstdlib>
#include <map>

#include "fake/scripted_model.hpp"
#include "tenon/chain/chain.hpp"
#include "tenon/serve/chain_route.hpp"
#include "tenon/serve/test_client.hpp"

using namespace tenon;
using namespace tenon::serve;

// [types]
struct NewBook {
    std::string title;
    int year = 0;
    std::vector<std::string> authors;
};
BOOST_DESCRIBE_STRUCT(NewBook, (), (title, year, authors))
constexpr auto describe_fields(const NewBook*) {
    return json::fields("A book to be added",
                        json::about(&NewBook::title, {.description = "as on its cover", .min_length = 1}),
                        json::about(&NewBook::year, {.minimum = 1450, .maximum = 2100}),
                        json::about(&NewBook::authors, {.min_items = 1}));
}
struct Book {
    int id = 0;
    std::string title;
    int year = 0;
};
BOOST_DESCRIBE_STRUCT(Book, (), (id, title, year))
struct Paging {
    int page = 1;
    int size = 20;
};
BOOST_DESCRIBE_STRUCT(Paging, (), (page, size))
constexpr auto describe_fields(const Paging*) {
    return json::fields(
        json::about(&Paging::page, {.minimum = 1, .required = false}),
        json::about(&Paging::size, {.description = "books a page", .minimum = 1, .maximum = 100, .required = false}));
}
// [/types]

struct Library {
    std::map<int, Book> books;
    Book add(const NewBook& book) {
        const int id = static_cast<int>(books.size()) + 1;
        return books[id] = {id, book.title, book.year};
    }
};
struct Reader {
    std::string name;
};

// [countdown]
task<Result<std::optional<int>>> tick(std::shared_ptr<int> left) {
    if (*left == 0) co_return std::optional<int>{};
    co_return std::optional<int>((*left)--);
}
// [/countdown]

App library_app(llm::ChatModelPtr model) {
    // [routes]
    App app({.title = "Library", .version = "1.0"});
    app.provide(std::make_shared<Library>());
    app.get("/books/{id}", [](Path<int> id, Inject<Library> library) -> Result<Book> {
        const auto found = library->books.find(*id);
        if (found == library->books.end()) return fail(ErrorCode::not_found, "there is no such book");
        return found->second;
    });
    app.get("/books", [](Query<Paging> paging, Inject<Library> library) {
        std::vector<Book> page;
        for (const auto& [id, book] : library->books)
            if (id > (paging->page - 1) * paging->size && id <= paging->page * paging->size) page.push_back(book);
        return page;
    });
    // [/routes]
    // [auth]
    app.authenticate<Reader>([](BearerToken shown) -> Result<Reader> {
        if (shown.token != "sesame") return fail(ErrorCode::unauthenticated, "this token opens nothing");
        return Reader{"Ali"};
    });
    app.post("/books",
             [](Auth<Reader>, Body<NewBook> book, Inject<Library> library) {
                 auto added = library->add(*book);
                 auto location = "/books/" + std::to_string(added.id);
                 return Created<Book>{std::move(added), std::move(location)};
             })
        .summary("Add a book")
        .tag("books")
        .example(NewBook{"Emma", 1815, {"Jane Austen"}});
    // [/auth]
    // [stream]
    app.get("/countdown/{from}", [](Path<int> from) {
        return Events<int>{stream_from<int>([left = std::make_shared<int>(*from)] { return tick(left); })};
    });
    // [/stream]
    // [socket]
    app.websocket("/echo", [](WebSocket socket) -> task<Result<void>> {
        for (;;) {
            TENON_CO_TRY(auto message, co_await socket.read());
            if (!message) co_return Result<void>{};
            TENON_CO_CHECK(co_await socket.send(std::move(message->data)));
        }
    });
    // [/socket]
    // [chain]
    app.serve_chain("/translate", prompt<chain::Text>("Translate into French: {text}") | model | to_text());
    // [/chain]
    return app;
}

/// `example_rest_service 8080` serves until it is told to end.
int serve_app(const App& app, int port) {
    // [serve]
    Runtime runtime;
    auto server = app.start(runtime, {.port = static_cast<std::uint16_t>(port)});
    if (!server) {
        std::fprintf(stderr, "%s\n", server.error().describe().c_str());
        return 1;
    }
    std::printf("serving %s/docs\n", (*server)->url().c_str());
    std::fflush(stdout);
    chain::run_to_end((*server)->wait_for_signal());
    chain::run_to_end((*server)->shutdown());
    // [/serve]
    return 0;
}

int main(int argc, char** argv) {
    const auto model = fake::scripted_model();
    model->otherwise("Bonjour");
    const App app = library_app(model);
    if (argc > 1) return serve_app(app, std::atoi(argv[1]));
    // [test]
    TestClient client(app);
    auto reply = client.post("/books", NewBook{"Emma", 1815, {"Jane Austen"}}, {{"Authorization", "Bearer sesame"}});
    std::printf("%d %s\n", reply.status, reply.body.c_str());
    reply = client.get("/books?size=1000");
    const auto problem = reply.problem().value();
    for (const auto& fault : problem.errors)
        std::printf("%d %s %s: %s\n", reply.status, fault.in.c_str(), fault.field.c_str(), fault.message.c_str());
    // [/test]
    std::printf("%d\n", client.post("/books", NewBook{"Emma", 1815, {"Jane Austen"}}).status);
    std::printf("%s\n", client.get("/books/1").body.c_str());
    for (const auto& event : client.get("/countdown/3").events()) std::printf("%s", event.data.c_str());
    std::printf("\n%s\n", client.post("/translate", chain::Text("Hello")).body.c_str());
    const auto document = app.document();
    std::printf("%s\n", document && document->starts_with(R"({"openapi":"3.1.0")") ? "documented" : "not documented");
}
// prints: 201 {"id":1,"title":"Emma","year":1815}
// prints: 422 query size: must be at most 100, is 1000
// prints: 401
// prints: {"id":1,"title":"Emma","year":1815}
// prints: 321
// prints: {"output":"Bonjour"}
// prints: documented
