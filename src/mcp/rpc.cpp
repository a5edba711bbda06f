#include "mcp/rpc.hpp"

#include <fmt/format.h>

#include <cmath>

namespace tenon::mcp::rpc {
namespace {

std::unexpected<Fault> refuse(int code, std::string message, std::optional<Id> id = std::nullopt) {
    return std::unexpected(Fault{{code, std::move(message), std::nullopt}, std::move(id)});
}

std::expected<json::Object, Fault> params_of(json::Object& message, const std::optional<Id>& id) {
    auto* params = message.if_contains("params");
    if (params == nullptr || params->is_null()) return json::Object();
    if (!params->is_object()) return refuse(invalid_request, "params must be an object", id);
    return std::move(params->get_object());
}

std::expected<Message, Fault> response(json::Object& message, std::optional<Id> id) {
    auto* result = message.if_contains("result");
    auto* error = message.if_contains("error");
    if ((result == nullptr) == (error == nullptr))
        return refuse(invalid_request, "a response has either a result or an error", std::move(id));
    if (result != nullptr) {
        if (!id) return refuse(invalid_request, "a response without an id");
        if (!result->is_object()) return refuse(invalid_request, "a result must be an object", std::move(id));
        return Message(Response{std::move(id), Outcome(std::move(result->get_object()))});
    }
    if (!error->is_object()) return refuse(invalid_request, "an error must be an object", std::move(id));
    Failure failure;
    const auto code = json::integer_or(*error, "code", internal_error);
    failure.code = code >= INT32_MIN && code <= INT32_MAX ? static_cast<int>(code) : internal_error;
    failure.message = json::string_or(*error, "message", "");
    if (auto* data = error->get_object().if_contains("data")) failure.data = std::move(*data);
    return Message(Response{std::move(id), Outcome(std::unexpect, std::move(failure))});
}

}  // namespace

std::optional<Id> id_from(const json::Value& value) {
    if (value.is_string()) return Id(std::string(value.get_string()));
    if (value.is_int64()) return Id(value.get_int64());
    if (value.is_double()) {
        const double number = value.get_double();
        if (std::abs(number) < 9007199254740992.0 && number == std::floor(number))
            return Id(static_cast<std::int64_t>(number));
    }
    return std::nullopt;
}

json::Value to_json(const Id& id) {
    if (const auto* number = std::get_if<std::int64_t>(&id)) return *number;
    return json::Value(std::get<std::string>(id));
}

std::expected<Message, Fault> parse(std::string_view text) {
    auto value = json::parse(text, {.max_depth = 96, .max_bytes = max_message_bytes});
    if (!value) return refuse(parse_error, value.error().message());
    if (value->is_array()) return refuse(invalid_request, "batches are not taken: send one message at a time");
    if (!value->is_object()) return refuse(invalid_request, "a message must be a JSON object");
    auto& message = value->get_object();
    std::optional<Id> id;
    const auto* given = message.if_contains("id");
    if (given != nullptr) id = id_from(*given);
    if (json::string_or(*value, "jsonrpc", "") != "2.0")
        return refuse(invalid_request, R"("jsonrpc" must be "2.0")", std::move(id));
    auto* method = message.if_contains("method");
    if (method == nullptr) return response(message, std::move(id));
    if (!method->is_string() || method->get_string().empty())
        return refuse(invalid_request, "method must be a string", std::move(id));
    if (given != nullptr && !id) return refuse(invalid_request, "id must be a string or a whole number");
    auto params = params_of(message, id);
    if (!params) return std::unexpected(std::move(params).error());
    std::string name(method->get_string());
    if (!id) return Message(Notification{std::move(name), std::move(*params)});
    return Message(Request{std::move(*id), std::move(name), std::move(*params)});
}

std::string encode(const Message& message) {
    json::Object out{{"jsonrpc", "2.0"}};
    if (const auto* request = std::get_if<Request>(&message)) {
        out["id"] = to_json(request->id);
        out["method"] = request->method;
        if (!request->params.empty()) out["params"] = request->params;
    } else if (const auto* note = std::get_if<Notification>(&message)) {
        out["method"] = note->method;
        if (!note->params.empty()) out["params"] = note->params;
    } else {
        const auto& response = std::get<Response>(message);
        if (response.id) out["id"] = to_json(*response.id);
        if (response.outcome) {
            out["result"] = *response.outcome;
        } else {
            const auto& failure = response.outcome.error();
            json::Object error{{"code", failure.code}, {"message", failure.message}};
            if (failure.data) error["data"] = *failure.data;
            out["error"] = std::move(error);
        }
    }
    return json::dump(out);
}

Error to_error(const Failure& failure, std::string_view method) {
    ErrorCode code = ErrorCode::protocol;
    switch (failure.code) {
        case method_not_found:
            code = ErrorCode::unsupported;
            break;
        case unsupported_version:
            code = ErrorCode::unsupported;
            break;
        case missing_client_capability:
            code = ErrorCode::unsupported;
            break;
        case invalid_params:
            code = ErrorCode::invalid_argument;
            break;
        case resource_not_found:
            code = ErrorCode::not_found;
            break;
        case internal_error:
            code = ErrorCode::unavailable;
            break;
        default:
            break;
    }
    return {code, fmt::format("the MCP server refused {}: {} ({})", method, failure.message, failure.code)};
}

Failure to_failure(const Error& error) {
    switch (error.code()) {
        case ErrorCode::invalid_argument:
        case ErrorCode::not_found:
            return {invalid_params, error.describe(), std::nullopt};
        case ErrorCode::unsupported:
            return {method_not_found, error.describe(), std::nullopt};
        default:
            return {internal_error, error.describe(), std::nullopt};
    }
}

Result<void> LineReader::feed(std::string_view bytes, std::vector<std::string>& lines) {
    while (!bytes.empty()) {
        const auto end = bytes.find('\n');
        const auto piece = bytes.substr(0, end);
        if (piece.size() > limit_ - line_.size())
            return fail(ErrorCode::resource_exhausted, fmt::format("a message is longer than {} bytes", limit_));
        line_ += piece;
        if (end == std::string_view::npos) return {};
        bytes.remove_prefix(end + 1);
        if (line_.ends_with('\r')) line_.pop_back();
        if (line_.find_first_not_of(" \t") != std::string::npos) lines.push_back(std::move(line_));
        line_.clear();
    }
    return {};
}

}  // namespace tenon::mcp::rpc
