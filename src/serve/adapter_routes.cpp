// /v1/load_lora_adapter and /v1/unload_lora_adapter, as vLLM has them.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "serve/fields.hpp"
#include "serve/openai_request.hpp"
#include "serve/state.hpp"

namespace tenon::serve {
namespace {

ApiError not_allowed() {
    ApiError e;
    e.status = 403;
    e.type = "permission_error";
    e.message = "this server loads no adapters for clients; its owner can allow it with --allow-lora-loading";
    e.code = "adapters_not_allowed";
    return e;
}

struct LoadBody {
    std::string name, path, base;
};

ApiResult<LoadBody> parse_load(const json::Value& body) {
    const Fields fields(body);
    LoadBody out;
    SERVE_TRY(out.name, fields.needed_text("lora_name"));
    SERVE_TRY(out.path, fields.needed_text("lora_path"));
    SERVE_TRY(out.base, fields.text("base_model_name"));
    if (out.name.empty()) return bad_param("lora_name", "'lora_name' is empty");
    return out;
}

task<net::HttpResponse> load(StatePtr state, net::HttpRequest http, net::CallContext) {
    if (!state->services.load_adapter) co_return error_response(not_allowed());
    auto json_body = parse_body(http.body);
    if (!json_body) co_return error_response(json_body.error());
    auto body = parse_load(*json_body);
    if (!body) co_return error_response(body.error());
    const std::string name = body->name;
    const auto loaded = co_await state->services.load_adapter(name, std::move(body->base), std::move(body->path));
    if (!loaded) co_return error_response(api_error(loaded.error()));
    co_return net::HttpResponse::json(
        json::dump(json::Object{{"status", "success"}, {"message", fmt::format("the adapter '{}' is loaded", name)}}));
}

task<net::HttpResponse> unload(StatePtr state, net::HttpRequest http, net::CallContext) {
    if (!state->services.unload_adapter) co_return error_response(not_allowed());
    auto json_body = parse_body(http.body);
    if (!json_body) co_return error_response(json_body.error());
    const Fields fields(*json_body);
    auto name = fields.needed_text("lora_name");
    if (!name) co_return error_response(name.error());
    if (state->services.unload_adapter(*name))
        co_return net::HttpResponse::json(json::dump(
            json::Object{{"status", "success"}, {"message", fmt::format("the adapter '{}' is gone", *name)}}));
    ApiError e;
    e.status = 404;
    e.message = fmt::format("there is no adapter '{}'; GET /v1/models lists them with their 'parent'", *name);
    e.code = "model_not_found";
    e.param = "lora_name";
    co_return error_response(e);
}

}  // namespace

void add_adapter_routes(net::Router& router, const StatePtr& state) {
    router.post("/v1/load_lora_adapter", [state](net::HttpRequest http, net::CallContext context) {
        return load(state, std::move(http), std::move(context));
    });
    router.post("/v1/unload_lora_adapter", [state](net::HttpRequest http, net::CallContext context) {
        return unload(state, std::move(http), std::move(context));
    });
}

}  // namespace tenon::serve
