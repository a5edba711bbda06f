#include "tenon/net/router.hpp"

#include <algorithm>

namespace tenon::net {
namespace {

std::vector<std::string> split(std::string_view path) {
    std::vector<std::string> out;
    if (path.starts_with('/')) path.remove_prefix(1);
    for (;;) {
        const auto slash = path.find('/');
        out.emplace_back(path.substr(0, slash));
        if (slash == std::string_view::npos) return out;
        path.remove_prefix(slash + 1);
    }
}

bool is_parameter(std::string_view segment) { return segment.starts_with('{') && segment.ends_with('}'); }
bool is_rest(std::string_view segment) { return is_parameter(segment) && segment.ends_with("...}"); }

/// Orders patterns segment by segment: literal 0, parameter 1, rest 2.
bool more_specific(const Route& a, const Route& b) {
    const auto rank = [](std::string_view s) { return is_rest(s) ? 2 : is_parameter(s) ? 1 : 0; };
    return std::ranges::lexicographical_compare(a.segments, b.segments, {}, rank, rank);
}

std::vector<std::string_view> pieces_of(std::string_view path) {
    std::vector<std::string_view> out;
    out.reserve(8);
    if (path.starts_with('/')) path.remove_prefix(1);
    for (;;) {
        const auto slash = path.find('/');
        out.push_back(path.substr(0, slash));
        if (slash == std::string_view::npos) return out;
        path.remove_prefix(slash + 1);
    }
}

std::string decoded(std::string_view piece) {
    if (piece.find('%') == std::string_view::npos) return std::string(piece);
    return percent_decode(piece).value_or(std::string(piece));
}
bool says(std::string_view piece, std::string_view literal) {
    return piece == literal || (piece.contains('%') && decoded(piece) == literal);
}

bool fits(const Route& route, const std::vector<std::string_view>& path) {
    std::size_t at = 0;
    for (const auto& segment : route.segments) {
        if (is_rest(segment)) return true;
        if (at >= path.size()) return false;
        const auto piece = path[at++];
        if (is_parameter(segment) ? piece.empty() : !says(piece, segment)) return false;
    }
    return at == path.size();
}

QueryParameters parameters_of(const Route& route, const std::vector<std::string_view>& path) {
    QueryParameters parameters;
    std::size_t at = 0;
    for (const auto& segment : route.segments) {
        if (is_rest(segment)) {
            std::string rest;
            for (std::size_t i = at; i < path.size(); ++i) {
                if (i > at) rest += '/';
                rest += decoded(path[i]);
            }
            parameters.emplace_back(segment.substr(1, segment.size() - 5), std::move(rest));
            break;
        }
        const auto piece = path[at++];
        if (is_parameter(segment)) parameters.emplace_back(segment.substr(1, segment.size() - 2), decoded(piece));
    }
    return parameters;
}

}  // namespace

Router& Router::add(std::string method, std::string pattern, Handler handler, RouteOptions options) {
    auto segments = split(pattern);
    routes_.push_back({std::move(method), std::move(pattern), std::move(handler), {}, options, std::move(segments)});
    std::ranges::stable_sort(routes_, more_specific);
    return *this;
}

Router& Router::add_streaming(std::string method, std::string pattern, StreamingHandler handler, RouteOptions options) {
    auto segments = split(pattern);
    routes_.push_back({std::move(method), std::move(pattern), {}, std::move(handler), options, std::move(segments)});
    std::ranges::stable_sort(routes_, more_specific);
    return *this;
}

RouteMatch Router::match(std::string_view method, std::string_view raw_path) const {
    RouteMatch out;
    const auto path = pieces_of(raw_path);
    for (const auto& route : routes_) {
        if (!fits(route, path)) continue;
        if (route.method == method || (method == "HEAD" && route.method == "GET")) {
            out.route = &route;
            out.parameters = parameters_of(route, path);
            out.allowed.clear();
            return out;
        }
        if (std::ranges::find(out.allowed, route.method) == out.allowed.end()) out.allowed.push_back(route.method);
    }
    return out;
}

}  // namespace tenon::net
