#include "tenon/hub/source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace tenon::hub {
namespace {

constexpr std::string_view shapes =
    "a source is hf:org/repo[:file][@revision], pip:package[+package…][:member], file:PATH or https://…";

std::unexpected<Error> bad(std::string_view text, std::string_view why) {
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' {}; {}", text, why, shapes));
}

bool is_word(std::string_view text, std::string_view more) noexcept {
    return !text.empty() && std::ranges::all_of(text, [more](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               more.find(c) != std::string_view::npos;
    });
}

/// A relative path that stays below where it starts.
bool is_inner_path(std::string_view path) noexcept {
    if (path.empty() || path.front() == '/' || path.find('\\') != std::string_view::npos ||
        path.find('\0') != std::string_view::npos)
        return false;
    for (std::size_t from = 0; from <= path.size();) {
        const std::size_t slash = std::min(path.find('/', from), path.size());
        const std::string_view part = path.substr(from, slash - from);
        if (part.empty() || part == "." || part == "..") return false;
        from = slash + 1;
    }
    return true;
}

/// "part{1..6}" → part1 … part6; anything else as it is. False when the braces are malformed.
bool expand(std::string_view package, std::vector<std::string>& out) {
    const std::size_t open = package.find('{');
    if (open == std::string_view::npos) {
        out.emplace_back(package);
        return true;
    }
    const std::size_t dots = package.find("..", open), close = package.find('}', open);
    if (close == std::string_view::npos || dots == std::string_view::npos || dots > close) return false;
    int first = 0, last = 0;
    const auto number = [](std::string_view text, int& value) {
        const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
        return ec == std::errc() && end == text.data() + text.size();
    };
    if (!number(package.substr(open + 1, dots - open - 1), first) ||
        !number(package.substr(dots + 2, close - dots - 2), last) || first < 0 || last < first || last - first > 999)
        return false;
    for (int i = first; i <= last; ++i)
        out.push_back(fmt::format("{}{}{}", package.substr(0, open), i, package.substr(close + 1)));
    return true;
}

bool is_package(std::string_view package) noexcept {
    const std::size_t pin = package.find("==");
    const std::string_view name = package.substr(0, pin);
    if (!is_word(name, "._-") || name.front() == '-' || name.front() == '.') return false;
    return pin == std::string_view::npos || is_word(package.substr(pin + 2), ".!+_-");
}

Result<Source> parse_hf(Source source, std::string_view rest, std::string_view text) {
    // The revision may follow the file or the repository: org/repo:file@revision, org/repo@revision:file.
    std::string without;
    if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
        const std::string_view tail = rest.substr(at + 1);
        const std::size_t colon = std::min(tail.find(':'), tail.size());
        source.revision = tail.substr(0, colon);
        if (!is_word(source.revision, "._-/") || !is_inner_path(source.revision))
            return bad(text, "has a malformed revision");
        if (colon < tail.size() && rest.substr(0, at).find(':') != std::string_view::npos)
            return bad(text, "names two files");
        without = std::string(rest.substr(0, at)) + std::string(tail.substr(colon));
        rest = without;
    }
    if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) {
        source.member = rest.substr(colon + 1);
        if (!is_inner_path(source.member)) return bad(text, "names a malformed file");
        rest = rest.substr(0, colon);
    }
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos || !is_word(rest.substr(0, slash), "._-") ||
        !is_word(rest.substr(slash + 1), "._-") || !is_inner_path(rest))
        return bad(text, "does not name a repository as org/repo");
    source.location = rest;
    return source;
}

Result<Source> parse_pip(Source source, std::string_view rest, std::string_view text) {
    if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) {
        source.member = rest.substr(colon + 1);
        while (source.member.ends_with('/')) source.member.pop_back();
        if (!is_inner_path(source.member)) return bad(text, "names a malformed member of the wheel");
        rest = rest.substr(0, colon);
    }
    for (std::size_t from = 0; from <= rest.size();) {
        const std::size_t plus = std::min(rest.find('+', from), rest.size());
        if (!expand(rest.substr(from, plus - from), source.packages)) return bad(text, "has a malformed {a..b}");
        from = plus + 1;
    }
    for (const std::string& package : source.packages)
        if (!is_package(package)) return bad(text, fmt::format("names '{}', which is no package name", package));
    source.location = rest;
    return source;
}

}  // namespace

bool looks_like_source(std::string_view text) noexcept {
    for (const std::string_view prefix : {"hf:", "pip:", "file:", "https:", "http:"})
        if (text.starts_with(prefix)) return true;
    return false;
}

Result<Source> parse_source(std::string_view text) {
    Source source;
    source.text = text;
    const auto rest = [text](std::string_view prefix) { return text.substr(prefix.size()); };
    if (text.starts_with("hf:")) {
        source.kind = SourceKind::hf;
        return parse_hf(std::move(source), rest("hf:"), text);
    }
    if (text.starts_with("pip:")) {
        source.kind = SourceKind::pip;
        return parse_pip(std::move(source), rest("pip:"), text);
    }
    if (text.starts_with("file:")) {
        source.kind = SourceKind::file;
        source.location = rest("file:");
        if (source.location.starts_with("//")) source.location.erase(0, 2);
        if (source.location.empty()) return bad(text, "names no path");
        return source;
    }
    source.kind = SourceKind::https;
    source.location = text.starts_with("https:https://") ? rest("https:") : text;
    if (text.starts_with("https://") || text.starts_with("http://") || text.starts_with("https:https://")) {
        const std::size_t host = source.location.find("://") + 3;
        if (host < source.location.size() && source.location.find('/', host) != std::string::npos &&
            !source.location.ends_with('/'))
            return source;
        return bad(text, "names no file on a server");
    }
    return bad(text, "is not a source");
}

}  // namespace tenon::hub
