// OpenAI's responses.
#include "serve/document/describe.hpp"

namespace tenon::serve::document {
namespace {

struct ResponsesRequest {
    std::optional<std::string> model, instructions, previous_response_id;
    std::optional<std::variant<std::string, std::vector<json::Value>>> input;
    std::optional<bool> stream, store;
    std::optional<double> temperature, top_p;
    std::optional<std::int64_t> max_output_tokens;
    std::optional<json::Value> tools, tool_choice, text, reasoning, include, metadata;
};
BOOST_DESCRIBE_STRUCT(ResponsesRequest, (),
                      (model, input, instructions, previous_response_id, stream, store, temperature, top_p,
                       max_output_tokens, tools, tool_choice, text, reasoning, include, metadata))
constexpr auto describe_fields(const ResponsesRequest*) {
    return json::fields("OpenAI's response", json::about(&ResponsesRequest::input, {.description = "text, or items"}),
                        json::about(&ResponsesRequest::temperature, {.minimum = 0, .maximum = 2}),
                        json::about(&ResponsesRequest::top_p, {.minimum = 0, .maximum = 1}));
}
struct ResponseUsage {
    std::int64_t input_tokens, output_tokens, total_tokens;
};
BOOST_DESCRIBE_STRUCT(ResponseUsage, (), (input_tokens, output_tokens, total_tokens))
struct OutputItem {
    std::string id, type;
    std::optional<std::string> status, role, call_id, name, arguments;
    std::optional<std::vector<json::Value>> content, summary;
};
BOOST_DESCRIBE_STRUCT(OutputItem, (), (id, type, status, role, call_id, name, arguments, content, summary))
constexpr auto describe_fields(const OutputItem*) {
    return json::fields("An item of type message, reasoning or function_call, with what such an item has");
}
struct Response {
    std::string id, object;
    std::int64_t created_at;
    std::string status, model;
    std::vector<OutputItem> output;
    std::optional<ResponseUsage> usage;
    std::optional<json::Value> error, incomplete_details;
    std::optional<std::string> previous_response_id;
};
BOOST_DESCRIBE_STRUCT(Response, (),
                      (id, object, created_at, status, model, output, usage, error, incomplete_details,
                       previous_response_id))
struct ResponseEvent {
    std::string type;
    std::int64_t sequence_number;
    std::optional<Response> response;
    std::optional<OutputItem> item;
    std::optional<std::string> item_id, delta;
    std::optional<std::int64_t> output_index, content_index;
};
BOOST_DESCRIBE_STRUCT(ResponseEvent, (),
                      (type, sequence_number, response, item, item_id, delta, output_index, content_index))
constexpr auto describe_fields(const ResponseEvent*) {
    return json::fields("response.created, response.output_text.delta … response.completed, with what each has");
}
struct InputTokens {
    std::string object;
    std::int64_t input_tokens;
};
BOOST_DESCRIBE_STRUCT(InputTokens, (), (object, input_tokens))
struct DeletedResponse {
    std::string id, object;
    bool deleted;
};
BOOST_DESCRIBE_STRUCT(DeletedResponse, (), (id, object, deleted))
struct ItemPage {
    std::optional<std::int64_t> limit;
    std::optional<std::string> order, after;
};
BOOST_DESCRIBE_STRUCT(ItemPage, (), (limit, order, after))
constexpr auto describe_fields(const ItemPage*) {
    return json::fields(json::about(&ItemPage::limit, {.minimum = 1, .maximum = 100}),
                        json::about(&ItemPage::order, {.choices = {"asc", "desc"}}));
}
struct ItemList {
    std::string object;
    std::vector<json::Value> data;
    bool has_more;
    std::optional<std::string> first_id, last_id;
};
BOOST_DESCRIBE_STRUCT(ItemList, (), (object, data, has_more, first_id, last_id))

}  // namespace

void describe_responses(Routes& routes) {
    routes.section("responses");
    routes.add<EitherOf<Response, Events<ResponseEvent>>, Body<ResponsesRequest>>("POST", "/v1/responses", "Response");
    routes.add<InputTokens, Body<ResponsesRequest>>("POST", "/v1/responses/input_tokens",
                                                    "How many tokens a response takes in");
    routes.add<Response>("GET", "/v1/responses/{id}", "A stored response");
    routes.add<DeletedResponse>("DELETE", "/v1/responses/{id}", "Forget a stored response");
    routes.add<Refused>("POST", "/v1/responses/{id}/cancel", "Refused: no response is made in the background");
    routes.add<ItemList, Query<ItemPage>>("GET", "/v1/responses/{id}/input_items", "What a response was made from");
    routes.errors<Error>();
}

}  // namespace tenon::serve::document
