#include "provider/kserve/protocol.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <limits>

#include "provider/wire/fields.hpp"

namespace tenon::provider::kserve {

using namespace llm;

namespace {

constexpr std::size_t max_elements = std::size_t{1} << 28;

enum class Kind : std::uint8_t { boolean, integer, real, bytes };

std::optional<Kind> kind_of(std::string_view datatype) noexcept {
    if (datatype == "BOOL") return Kind::boolean;
    if (datatype == "BYTES") return Kind::bytes;
    for (const std::string_view name : {"FP16", "FP32", "FP64", "BF16"})
        if (datatype == name) return Kind::real;
    for (const std::string_view name : {"UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64"})
        if (datatype == name) return Kind::integer;
    return std::nullopt;
}

Result<std::size_t> elements_of(const std::vector<std::int64_t>& shape, ErrorCode code) {
    std::size_t count = 1;
    for (const auto size : shape) {
        if (size < 0 || (size > 0 && count > max_elements / static_cast<std::size_t>(size)))
            return fail(code, "the shape of a tensor is impossible");
        count *= static_cast<std::size_t>(size);
    }
    return count;
}

Result<json::Array> data_of(const Tensor& tensor) {
    const auto kind = kind_of(tensor.datatype);
    if (!kind)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("tensor \"{}\": there is no type {}", tensor.name, tensor.datatype));
    TENON_TRY(const auto count, elements_of(tensor.shape, ErrorCode::invalid_argument));
    const auto* integers = std::get_if<std::vector<std::int64_t>>(&tensor.data);
    const auto* reals = std::get_if<std::vector<double>>(&tensor.data);
    const auto* strings = std::get_if<std::vector<std::string>>(&tensor.data);
    json::Array out;
    if ((kind == Kind::bytes) != (strings != nullptr) || (kind == Kind::real) != (reals != nullptr))
        return fail(ErrorCode::invalid_argument,
                    fmt::format("tensor \"{}\": the data is not of type {}", tensor.name, tensor.datatype));
    if (strings != nullptr) out = json::Array(strings->begin(), strings->end());
    if (reals != nullptr) out = json::Array(reals->begin(), reals->end());
    if (integers != nullptr)
        for (const auto value : *integers) {
            if (kind == Kind::boolean)
                out.emplace_back(value != 0);
            else
                out.emplace_back(value);
        }
    if (out.size() != count)
        return fail(ErrorCode::invalid_argument, fmt::format("tensor \"{}\": {} values do not fill its shape of {}",
                                                             tensor.name, out.size(), count));
    return out;
}

/// Data may be flat or nested; both are row after row. Boost.JSON has bounded the depth.
Result<void> flatten(const json::Value& value, Kind kind, Tensor& out) {
    if (value.is_array()) {
        for (const auto& one : value.get_array()) TENON_CHECK(flatten(one, kind, out));
        return {};
    }
    const auto wrong = [&] {
        return fail(ErrorCode::protocol, fmt::format("tensor \"{}\" holds something but {}", out.name, out.datatype));
    };
    if (kind == Kind::bytes) {
        if (!value.is_string()) return wrong();
        std::get<std::vector<std::string>>(out.data).emplace_back(wire::text_of(&value));
    } else if (kind == Kind::real) {
        if (!value.is_number()) return wrong();
        std::get<std::vector<double>>(out.data).push_back(value.to_number<double>());
    } else {
        auto& data = std::get<std::vector<std::int64_t>>(out.data);
        if (value.is_bool())
            data.push_back(value.get_bool() ? 1 : 0);
        else if (value.is_int64())
            data.push_back(value.get_int64());
        else if (value.is_uint64())
            return fail(ErrorCode::corrupt, fmt::format("tensor \"{}\" holds too large a number", out.name));
        else
            return wrong();
    }
    return {};
}

Result<Tensor> tensor_of(const json::Value& value) {
    Tensor out;
    out.name = json::string_or(value, "name", "");
    out.datatype = json::string_or(value, "datatype", "");
    const auto kind = kind_of(out.datatype);
    if (!kind) return fail(ErrorCode::protocol, fmt::format("tensor \"{}\" is of no known type", out.name));
    for (const auto& size : wire::array_of(value, "shape")) {
        if (!size.is_int64()) return fail(ErrorCode::protocol, "the shape of a tensor is not of whole numbers");
        out.shape.push_back(size.get_int64());
    }
    TENON_TRY(const auto count, elements_of(out.shape, ErrorCode::protocol));
    if (kind == Kind::real) out.data = std::vector<double>{};
    if (kind == Kind::bytes) out.data = std::vector<std::string>{};
    const auto* data = json::find(value, "data");
    if (data == nullptr || !data->is_array())
        return fail(ErrorCode::protocol, fmt::format("tensor \"{}\" comes without data", out.name));
    TENON_CHECK(flatten(*data, *kind, out));
    const auto size = std::visit([](const auto& all) { return all.size(); }, out.data);
    if (size != count) return fail(ErrorCode::protocol, fmt::format("tensor \"{}\" does not fill its shape", out.name));
    return out;
}

}  // namespace

Result<std::string> infer_body(const InferRequest& request) {
    json::Array inputs, outputs;
    for (const auto& tensor : request.inputs) {
        TENON_TRY(auto data, data_of(tensor));
        inputs.push_back(json::Object{{"name", tensor.name},
                                      {"shape", json::Array(tensor.shape.begin(), tensor.shape.end())},
                                      {"datatype", tensor.datatype},
                                      {"data", std::move(data)}});
    }
    json::Object body;
    if (!request.id.empty()) body["id"] = request.id;
    body["inputs"] = std::move(inputs);
    for (const auto& name : request.outputs) outputs.push_back(json::Object{{"name", name}});
    if (!outputs.empty()) body["outputs"] = std::move(outputs);
    return json::dump(body);
}

Result<InferResponse> decode_infer(std::string_view body) {
    auto value = json::parse(body);
    if (!value)
        return fail(ErrorCode::protocol, "the server sent an answer that is not JSON", std::move(value).error());
    const auto* outputs = json::find(*value, "outputs");
    if (outputs == nullptr || !outputs->is_array())
        return fail(ErrorCode::protocol, "the server sent an answer without outputs");
    InferResponse out;
    out.id = json::string_or(*value, "id", "");
    out.model_name = json::string_or(*value, "model_name", "");
    out.model_version = json::string_or(*value, "model_version", "");
    for (const auto& one : outputs->get_array()) {
        TENON_TRY(auto tensor, tensor_of(one));
        out.outputs.push_back(std::move(tensor));
    }
    return out;
}

Result<std::string> generate_body(const std::string& prompt, const GenerationSettings& settings,
                                  const KserveOptions& options) {
    TENON_CHECK(refuse(settings.decoding));
    if (!settings.logit_bias.empty() || settings.top_logprobs)
        return fail(ErrorCode::unsupported, "this protocol has no biases and no log-probabilities");
    json::Object parameters;
    const auto set = [&](const char* name, const auto& value) {
        if (value) parameters[name] = *value;
    };
    set("temperature", settings.temperature);
    set("top_p", settings.top_p);
    set("top_k", settings.top_k);
    set("min_p", settings.min_p);
    set("max_tokens", settings.max_tokens);
    set("seed", settings.seed);
    set("presence_penalty", settings.presence_penalty);
    set("frequency_penalty", settings.frequency_penalty);
    set("repetition_penalty", settings.repetition_penalty);
    if (!settings.stop.empty()) parameters["stop"] = json::Array(settings.stop.begin(), settings.stop.end());
    TENON_CHECK(wire::add_fields(parameters, options.more));
    json::Object body{{"text_input", prompt}};
    if (!options.parameters) {
        for (auto& [name, value] : parameters) body[name] = value;
        body["stream"] = true;
    } else if (!parameters.empty()) {
        body["parameters"] = std::move(parameters);
    }
    return json::dump(body);
}

Result<void> GenerateDecoder::on_message(const json::Value& value, std::vector<ChatEvent>& events) {
    const auto* text = json::find(value, "text_output");
    if (text == nullptr || !text->is_string())
        return fail(ErrorCode::protocol, "the model's server sent an answer without text_output");
    ChatEvent event;
    event.text = std::exchange(echo_, {}) + std::string(wire::text_of(text));
    if (!begun_) event.model = json::string_or(value, "model_name", "");
    begun_ = true;
    if (!event.text.empty()) events.push_back(std::move(event));
    if (const auto reason = json::string_or(value, "finish_reason", ""); !reason.empty())
        finish_ = reason == "length" ? FinishReason::length : FinishReason::stop;
    // The protocol says with every piece whether it is the last; Triton never does.
    if (json::find(value, "done") != nullptr) {
        has_done_ = true;
        if (json::bool_or(value, "done", false)) end(events);
    }
    return {};
}

Result<void> GenerateDecoder::on_whole(const json::Value& value, std::vector<ChatEvent>& events) {
    return on_message(value, events);
}

void GenerateDecoder::on_end(ChatEvent& last, std::vector<ChatEvent>&) {
    last.finish = finish_.value_or(FinishReason::stop);
}

}  // namespace tenon::provider::kserve
