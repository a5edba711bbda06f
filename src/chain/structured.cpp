#include "tenon/chain/structured.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "tenon/chain/parsers.hpp"
#include "tenon/json/json.hpp"

namespace tenon::chain::detail {
namespace {

/// A model that holds its answer to grammars is not shown the schema by anyone but us.
bool must_be_shown(const llm::Capabilities& can, bool native) { return !native || can.grammar; }

llm::ChatRequest prepared(const llm::ChatModel& model, llm::ChatRequest request, const std::string& schema,
                          const StructuredOptions& options, bool native) {
    const auto can = model.capabilities();
    std::string system = options.instructions;
    if (must_be_shown(can, native)) {
        if (!system.empty()) system += "\n\n";
        system += "Answer with JSON only, without a word around it. The JSON must fit this JSON Schema:\n" + schema;
    }
    if (!system.empty()) {
        auto& messages = request.messages;
        if (!messages.empty() && messages.front().role == llm::Role::system)
            messages.front().content.emplace_back(llm::TextPart{"\n\n" + system});
        else
            messages.insert(messages.begin(), llm::Message::system(std::move(system)));
    }
    if (native)
        request.format = llm::JsonSchemaFormat{options.name, schema};
    else if (can.json)
        request.format = llm::JsonFormat{};
    return request;
}

llm::GenerationSettings settled(llm::GenerationSettings given, const llm::GenerationSettings& own) {
    if (own.temperature) given.temperature = own.temperature;
    if (own.top_p) given.top_p = own.top_p;
    if (own.top_k) given.top_k = own.top_k;
    if (own.min_p) given.min_p = own.min_p;
    if (own.seed) given.seed = own.seed;
    if (own.max_tokens) given.max_tokens = own.max_tokens;
    if (!own.stop.empty()) given.stop = own.stop;
    given.decoding.update(own.decoding);
    return given;
}

}  // namespace

std::string wrap_schema(const json::Type& type, bool wrapped) {
    json::Value schema;
    json::detail::write_schema(type, {}, schema);
    if (!wrapped) return json::dump(schema);
    // References of the inside start at the document's root: $defs must stay there.
    json::Value defs;
    if (auto* inside = schema.if_object())
        if (auto* found = inside->if_contains("$defs")) {
            defs = std::move(*found);
            inside->erase("$defs");
        }
    json::Object out{{"type", "object"},
                     {"properties", json::Object{{"value", std::move(schema)}}},
                     {"required", json::Array{"value"}},
                     {"additionalProperties", false}};
    if (!defs.is_null()) out["$defs"] = std::move(defs);
    return json::dump(out);
}

const json::Value& unwrap(const json::Value& value, bool wrapped) {
    if (!wrapped) return value;
    const auto* inside = json::find(value, "value");
    return inside == nullptr ? value : *inside;
}

task<Result<void>> generate_json(llm::ChatModelPtr model, llm::ChatRequest request, std::string schema, ReadAnswer read,
                                 StructuredOptions options, CallOptions call) {
    request.settings = settled(std::move(request.settings), options.settings);
    bool native = options.native && model->capabilities().json_schema;
    auto asked = prepared(*model, request, schema, options, native);
    std::string last;
    for (std::size_t attempt = 0; attempt < std::max<std::size_t>(1, options.max_attempts); ++attempt) {
        auto response = co_await model->generate(asked, call);
        if (!response && native && response.error().code() == ErrorCode::unsupported) {
            native = false;  // the model cannot be held to this very schema
            asked = prepared(*model, request, schema, options, native);
            response = co_await model->generate(asked, call);
        }
        if (!response) co_return std::unexpected(std::move(response).error());
        const std::string text = response->message.text();
        auto value = find_json(text);
        if (value) {
            auto done = read(*value);
            if (done) co_return Result<void>{};
            last = done.error().message();
        } else {
            last = value.error().message();
        }
        if (response->finish == llm::FinishReason::length)
            co_return fail(ErrorCode::resource_exhausted,
                           "the answer was cut by the token limit before its JSON was complete; raise max_tokens");
        asked.messages.push_back(llm::Message::assistant(text));
        asked.messages.push_back(llm::Message::user("This does not fit: " + last +
                                                    ". Answer again with the whole corrected JSON, and nothing else."));
    }
    co_return fail(ErrorCode::protocol, fmt::format("the model's answer did not fit in {} attempts: {}",
                                                    std::max<std::size_t>(1, options.max_attempts), last));
}

task<Result<std::unique_ptr<PartialJson>>> open_json(llm::ChatModelPtr model, llm::ChatRequest request,
                                                     std::string schema, bool wrapped, StructuredOptions options,
                                                     CallOptions call) {
    request.settings = settled(std::move(request.settings), options.settings);
    const bool native = options.native && model->capabilities().json_schema;
    auto events =
        co_await model->stream(prepared(*model, std::move(request), schema, options, native), std::move(call));
    if (!events) co_return std::unexpected(std::move(events).error());
    auto out = std::make_unique<PartialJson>(std::move(*events), wrapped);
    co_return std::move(out);
}

task<Result<const json::Value*>> PartialJson::next() {
    while (!over_) {
        auto event = co_await events_->next();
        if (!event) co_return std::unexpected(std::move(event).error());
        if (!*event) {
            over_ = true;
            break;
        }
        std::string_view text = (*event)->text;
        if (!begun_) {  // words or a fence before the JSON
            text = text.substr(std::min(text.size(), text.find_first_of("{[")));
            begun_ = !text.empty();
        }
        if (text.empty() || parser_.done()) continue;
        // What follows the JSON is not part of it: feed it byte by byte near the end.
        for (const char c : text) {
            if (parser_.done()) break;
            auto fed = parser_.feed({&c, 1});
            if (!fed) co_return std::unexpected(std::move(fed).error());
        }
        if (wrapped_ && json::find(parser_.value(), "value") == nullptr) continue;
        const json::Value* value = &unwrap(parser_.value(), wrapped_);
        co_return value;
    }
    const json::Value* end = nullptr;
    co_return end;
}

}  // namespace tenon::chain::detail
