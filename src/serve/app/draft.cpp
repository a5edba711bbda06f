#include "tenon/serve/draft.hpp"

#include <algorithm>

#include "tenon/serve/parameters.hpp"

namespace tenon::serve {

std::string_view to_string(Place place) noexcept {
    switch (place) {
        case Place::path:
            return "path";
        case Place::query:
            return "query";
        case Place::header:
            return "header";
        case Place::cookie:
            return "cookie";
    }
    return "path";
}

void Draft::add_fields(Place place, const json::Type& type) {
    for (const auto& field : type.fields) {
        std::string name(field.name);
        if (place == Place::header) std::ranges::replace(name, '_', '-');
        const auto kind = field.type().kind;
        const bool required =
            field.rules.required && kind != json::Kind::optional && (kind != json::Kind::list || place == Place::path);
        parameters.push_back({place, std::move(name), &field.type(), field.rules, required, &type, &field});
    }
}

void Draft::add_value(Place place, std::string_view name, const json::Type& type) {
    const bool required = type.kind != json::Kind::optional && type.kind != json::Kind::list;
    parameters.push_back({place, std::string(name), &type, {}, required || place == Place::path});
}

void Draft::add_form(const json::Type& type) {
    bool files = false;
    for (const auto& field : type.fields) {
        const json::Type* inside = &field.type();
        while (inside->kind == json::Kind::optional || inside->kind == json::Kind::list) inside = &inside->item();
        files = files || inside == &json::type_of<Upload>();
    }
    if (!files) bodies.push_back({"application/x-www-form-urlencoded", &type});
    bodies.push_back({"multipart/form-data", &type});
    waits_for_body = true;
}

void Draft::add_response(int status, std::string_view description, std::string_view content_type,
                         const json::Type* type, bool items) {
    responses.push_back({status, std::string(description), std::string(content_type), type, items});
}

}  // namespace tenon::serve
