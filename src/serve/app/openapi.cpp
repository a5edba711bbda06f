// The OpenAPI 3.1 document of an App (spec.openapis.org/oas/v3.1.1), from what its handlers' types say.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <set>

#include "serve/app/state.hpp"
#include "tenon/json/reflect.hpp"
#include "tenon/json/schema.hpp"
#include "tenon/serve/parameters.hpp"

namespace tenon::serve {
namespace {

std::string scheme_name(const SecurityScheme& scheme) {
    switch (scheme.kind) {
        case SecurityScheme::Kind::bearer:
            return "bearer";
        case SecurityScheme::Kind::basic:
            return "basic";
        default: {
            std::string name = "key_";
            for (const char c : scheme.name) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
            return name;
        }
    }
}

json::Object scheme_object(const SecurityScheme& scheme) {
    switch (scheme.kind) {
        case SecurityScheme::Kind::bearer:
            return {{"type", "http"}, {"scheme", "bearer"}};
        case SecurityScheme::Kind::basic:
            return {{"type", "http"}, {"scheme", "basic"}};
        case SecurityScheme::Kind::api_key_header:
            return {{"type", "apiKey"}, {"in", "header"}, {"name", scheme.name}};
        case SecurityScheme::Kind::api_key_query:
            return {{"type", "apiKey"}, {"in", "query"}, {"name", scheme.name}};
        case SecurityScheme::Kind::api_key_cookie:
            return {{"type", "apiKey"}, {"in", "cookie"}, {"name", scheme.name}};
    }
    return {};
}

/// "{rest...}" is "{rest}" there.
std::string document_path(const Operation::Data& operation) {
    std::string out = operation.shown_path.empty() ? operation.path : operation.shown_path;
    if (const auto dots = out.find("...}"); dots != std::string::npos) out.erase(dots, 3);
    return out;
}

std::string default_id(const Operation::Data& operation) {
    std::string id;
    for (const char c : operation.method) id += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    for (const char c : operation.path) {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0)
            id += c;
        else if (!id.ends_with('_'))
            id += '_';
    }
    while (id.ends_with('_')) id.pop_back();
    return id;
}

std::string default_summary(const Operation::Data& operation) {
    std::string text = operation.method;
    text += ' ';
    text += document_path(operation);
    return text;
}

class Document {
  public:
    explicit Document(const AppState& app)
        : app_(app), schemas_("#/components/schemas/", {.allow_unknown = !app.options.refuse_unknown}) {
        schemas_.replace(json::type_of<Upload>(),
                         json::Object{{"type", "string"}, {"contentMediaType", "application/octet-stream"}});
    }

    std::string write() {
        json::Object paths;
        for (const auto& each : app_.operations) {
            const auto& operation = AppState::data(*each);
            if (operation.hidden || operation.draft.web_socket) continue;
            auto& item = paths[document_path(operation)];
            if (!item.is_object()) item.emplace_object();
            std::string method;
            for (const char c : operation.method)
                method += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            item.get_object()[method] = operation_object(operation);
        }
        json::Object info{{"title", app_.options.title}, {"version", app_.options.version}};
        if (!app_.options.description.empty()) info["description"] = app_.options.description;
        json::Object components;
        json::Value definitions;
        schemas_.definitions(definitions);
        components["schemas"] = std::move(definitions);
        if (!security_.empty()) components["securitySchemes"] = security_;
        json::Object document{{"openapi", "3.1.0"}, {"info", std::move(info)}, {"paths", std::move(paths)}};
        document["components"] = std::move(components);
        if (!tags_.empty()) {
            json::Array tags;
            for (const auto& name : tags_) tags.push_back(json::Object{{"name", name}});
            document["tags"] = std::move(tags);
        }
        return json::dump(document);
    }

  private:
    json::Value schema_of(const json::Type& type, const json::Rules& rules = {}) {
        json::Value schema;
        schemas_.write(type, rules, schema);
        return schema;
    }

    /// The drafts of the handler and of all that is provided to it.
    void collect(const Draft& draft, std::vector<const Draft*>& to, std::set<const void*>& seen) {
        to.push_back(&draft);
        for (const auto key : draft.needs)
            if (seen.insert(key.id).second)
                for (const auto* provider : app_.providers_of(key)) collect(provider->draft, to, seen);
    }

    json::Object parameter_object(const Draft::Parameter& parameter) {
        json::Object out{{"name", parameter.name}, {"in", to_string(parameter.place)}};
        if (!parameter.rules.description.empty()) out["description"] = parameter.rules.description;
        if (parameter.place == Place::path || parameter.required) out["required"] = true;
        // An absent parameter is left out, never null.
        const json::Type* type = parameter.type;
        if (type->kind == json::Kind::optional) type = &type->item();
        auto rules = parameter.rules;
        rules.description = {};
        auto schema = schema_of(*type, rules);
        if (parameter.field != nullptr && !parameter.required && parameter.type->kind != json::Kind::optional &&
            parameter.type->kind != json::Kind::list) {
            const auto made = parameter.owner->make();
            json::Value value;
            json::detail::write(*parameter.type, parameter.field->get(made.get()), value);
            schema.as_object()["default"] = std::move(value);
        }
        if (parameter.place == Place::path) not_empty(schema);
        out["schema"] = std::move(schema);
        return out;
    }
    /// An empty segment never reaches the handler.
    static void not_empty(json::Value& schema) {
        auto* object = schema.if_object();
        if (object == nullptr || object->contains("minLength") || object->contains("enum")) return;
        const auto* type = object->if_contains("type");
        if (type != nullptr && type->is_string() && type->get_string() == "string") (*object)["minLength"] = 1;
    }

    json::Object body_object(const std::vector<Draft::Body>& bodies, const std::string& example) {
        json::Object content;
        bool required = false;
        for (const auto& body : bodies) {
            required = required || body.required;
            json::Object media;
            if (body.type != nullptr) media["schema"] = schema_of(*body.type);
            if (!example.empty() && body.content_type == "application/json")
                if (auto value = json::parse(example)) media["example"] = std::move(*value);
            content[body.content_type] = std::move(media);
        }
        json::Object out{{"content", std::move(content)}};
        if (required) out["required"] = true;
        return out;
    }

    /// Several of one status are the forms one answer may have.
    void add_response(json::Object& responses, const Draft::Response& response) {
        auto& one = responses[std::to_string(response.status)];
        if (!one.is_object()) one = json::Object{{"description", response.description}};
        if (response.content_type.empty()) return;
        json::Object media;
        if (response.type != nullptr && !response.items) media["schema"] = schema_of(*response.type);
        // OpenAPI 3.1 has no word for the items of a stream.
        if (response.items) media["x-item-schema"] = schema_of(*response.type);
        auto& content = one.get_object()["content"];
        if (!content.is_object()) content.emplace_object();
        content.get_object()[response.content_type] = std::move(media);
    }
    json::Object failure_object(const Operation::Data& operation, std::string_view description) {
        if (operation.error != nullptr)
            return {
                {"description", description},
                {"content", json::Object{{"application/json", json::Object{{"schema", schema_of(*operation.error)}}}}}};
        return {{"description", description},
                {"content", json::Object{{"application/problem+json",
                                          json::Object{{"schema", schema_of(json::type_of<Problem>())}}}}}};
    }

    json::Object operation_object(const Operation::Data& operation) {
        json::Object out;
        if (!operation.tags.empty()) {
            json::Array tags;
            for (const auto& tag : operation.tags) {
                tags.emplace_back(tag);
                if (std::ranges::find(tags_, tag) == tags_.end()) tags_.push_back(tag);
            }
            out["tags"] = std::move(tags);
        }
        out["summary"] = operation.summary.empty() ? default_summary(operation) : operation.summary;
        if (!operation.description.empty()) out["description"] = operation.description;
        out["operationId"] = unique_id(operation.id.empty() ? default_id(operation) : operation.id);
        if (operation.deprecated) out["deprecated"] = true;

        std::vector<const Draft*> drafts;
        std::set<const void*> seen;
        collect(operation.draft, drafts, seen);
        json::Array parameters;
        std::set<std::pair<Place, std::string>> named;
        std::vector<Draft::Body> bodies;
        for (const auto* draft : drafts) {
            for (const auto& parameter : draft->parameters)
                if (named.insert({parameter.place, parameter.name}).second)
                    parameters.emplace_back(parameter_object(parameter));
            bodies.insert(bodies.end(), draft->bodies.begin(), draft->bodies.end());
        }
        // Placeholders that the handler finds by itself, through its Context.
        const auto placeholders = detail::placeholders_of(operation.path);
        for (std::size_t i = 0; i < placeholders.count; ++i) {
            std::string name(placeholders.names[i]);
            if (!named.insert({Place::path, name}).second) continue;
            parameters.push_back(json::Object{
                {"name", name}, {"in", "path"}, {"required", true}, {"schema", json::Object{{"type", "string"}}}});
        }
        const bool validated = !parameters.empty() || !bodies.empty();
        if (!parameters.empty()) out["parameters"] = std::move(parameters);
        if (!bodies.empty()) out["requestBody"] = body_object(bodies, operation.example);

        json::Object responses;
        for (const auto& response : operation.draft.responses) add_response(responses, response);
        if (validated && operation.error == nullptr && !responses.contains("422"))
            responses["422"] = failure_object(operation, "The request does not fit; every fault is listed");
        const auto security = app_.security_of(operation);
        const bool open = std::ranges::any_of(security, [](const auto& all) { return all.empty(); });
        if (!open && !responses.contains("401")) responses["401"] = failure_object(operation, "Not authenticated");
        responses["default"] = failure_object(operation, "Something went wrong");
        out["responses"] = std::move(responses);
        if (!open || security.size() > 1) out["security"] = security_array(security);
        return out;
    }

    json::Array security_array(const std::vector<std::vector<SecurityScheme>>& alternatives) {
        json::Array out;
        for (const auto& all : alternatives) {
            json::Object together;
            for (const auto& scheme : all) {
                const auto name = scheme_name(scheme);
                security_[name] = scheme_object(scheme);
                together[name] = json::Array{};
            }
            out.emplace_back(std::move(together));
        }
        return out;
    }

    std::string unique_id(std::string id) {
        std::string out = id;
        for (int n = 2; !ids_.insert(out).second; ++n) out = fmt::format("{}_{}", id, n);
        return out;
    }

    const AppState& app_;
    json::SchemaCollection schemas_;
    json::Object security_;
    std::vector<std::string> tags_;
    std::set<std::string> ids_;
};

using Sets = std::vector<std::vector<SecurityScheme>>;

Sets combined(const Sets& a, const Sets& b) {
    Sets out;
    for (const auto& left : a)
        for (const auto& right : b) {
            auto both = left;
            for (const auto& scheme : right)
                if (std::ranges::find(both, scheme) == both.end()) both.push_back(scheme);
            if (std::ranges::find(out, both) == out.end()) out.push_back(std::move(both));
        }
    return out;
}

Sets security_of_draft(const AppState& app, const Draft& draft, const std::vector<TypeKey>& more) {
    Sets out{draft.security};
    auto needs = draft.needs;
    needs.insert(needs.end(), more.begin(), more.end());
    for (const auto key : needs) {
        Sets either;
        for (const auto* provider : app.providers_of(key))
            for (auto& set : security_of_draft(app, provider->draft, {})) either.push_back(std::move(set));
        if (!either.empty()) out = combined(out, either);
    }
    return out;
}

}  // namespace

std::vector<std::vector<SecurityScheme>> AppState::security_of(const Operation::Data& operation) const {
    return security_of_draft(*this, operation.draft, operation.secured_by);
}

std::string AppState::document() const { return Document(*this).write(); }

}  // namespace tenon::serve
