// The console's files, from inside the program.
#include "serve/state.hpp"
#include "tenon/serve/embedded_file.hpp"

namespace tenon::serve {
namespace {

std::string_view content_type(std::string_view path) {
    if (path.ends_with(".html")) return "text/html; charset=utf-8";
    if (path.ends_with(".js")) return "text/javascript; charset=utf-8";
    if (path.ends_with(".css")) return "text/css; charset=utf-8";
    if (path.ends_with(".svg")) return "image/svg+xml";
    if (path.ends_with(".json")) return "application/json";
    return "application/octet-stream";
}

task<net::HttpResponse> file(std::string path) {
    if (path == "/") path = "/index.html";
    for (const auto& f : console_files()) {
        if (f.path != path) continue;
        net::HttpResponse response;
        response.body = std::string(f.bytes);
        response.headers.add("Content-Type", std::string(content_type(path)));
        response.headers.add("X-Content-Type-Options", "nosniff");
        if (path == "/index.html") {
            response.headers.add("Cache-Control", "no-cache");
            response.headers.add("Content-Security-Policy",
                                 "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
                                 "frame-ancestors 'none'; base-uri 'none'; form-action 'self'");
        } else {
            response.headers.add("Cache-Control",
                                 "public, max-age=31536000, immutable");  // names carry a hash of the contents
        }
        co_return response;
    }
    if (path == "/index.html")
        co_return net::HttpResponse::text(
            "The console was not built into this program: it needs Node.js at build time. `./run` builds it. The API "
            "is under /v1.\n");
    co_return error_response(plain_error(404, "there is nothing at " + path));
}

}  // namespace

void add_console_routes(net::Router& router) {
    net::RouteOptions open;
    open.open_access = true;  // the console itself holds no data and asks for the key
    router.get(
        "/", [](net::HttpRequest, net::CallContext) { return file("/"); }, open);
    router.get(
        "/assets/{name}",
        [](net::HttpRequest http, net::CallContext) {
            return file("/assets/" + std::string(http.path_parameter("name")));
        },
        open);
}

}  // namespace tenon::serve
