#include "json/formats.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "json/pattern.hpp"

namespace tenon::json {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool hex(char c) { return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Digits at the front, exactly `count`; removes them.
std::optional<int> number(std::string_view& text, std::size_t count) {
    if (text.size() < count) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (!digit(text[i])) return std::nullopt;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(count);
    return value;
}
bool skip(std::string_view& text, char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
}

// RFC 3339 full-date.
bool take_date(std::string_view& text) {
    const auto year = number(text, 4);
    if (!year || !skip(text, '-')) return false;
    const auto month = number(text, 2);
    if (!month || *month < 1 || *month > 12 || !skip(text, '-')) return false;
    const auto day = number(text, 2);
    constexpr std::array<int, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (*year % 4 == 0 && *year % 100 != 0) || *year % 400 == 0;
    const int most = days[static_cast<std::size_t>(*month - 1)] + (*month == 2 && leap ? 1 : 0);
    return day && *day >= 1 && *day <= most;
}

// RFC 3339 full-time; a leap second only where it is 23:59:60 in UTC.
bool take_time(std::string_view& text) {
    const auto hour = number(text, 2);
    if (!hour || *hour > 23 || !skip(text, ':')) return false;
    const auto minute = number(text, 2);
    if (!minute || *minute > 59 || !skip(text, ':')) return false;
    const auto second = number(text, 2);
    if (!second || *second > 60) return false;
    if (skip(text, '.')) {
        std::size_t digits = 0;
        while (digits < text.size() && digit(text[digits])) ++digits;
        if (digits == 0) return false;
        text.remove_prefix(digits);
    }
    int offset = 0;
    if (!skip(text, 'Z') && !skip(text, 'z')) {
        const bool east = skip(text, '+');
        if (!east && !skip(text, '-')) return false;
        const auto hours = number(text, 2);
        if (!hours || *hours > 23 || !skip(text, ':')) return false;
        const auto minutes = number(text, 2);
        if (!minutes || *minutes > 59) return false;
        offset = (*hours * 60 + *minutes) * (east ? 1 : -1);
    }
    constexpr int day = 24 * 60;
    return *second < 60 || ((*hour * 60 + *minute - offset) % day + day) % day == day - 1;
}

bool is_date_time(std::string_view text) {
    return take_date(text) && (skip(text, 'T') || skip(text, 't')) && take_time(text) && text.empty();
}

// ISO 8601 as RFC 3339 appendix A gives it: P1Y2M3DT4H5M6S or P4W.
bool is_duration(std::string_view text) {
    if (!skip(text, 'P') || text.empty()) return false;
    const auto parts = [&](std::string_view units) {
        std::size_t at = 0, found = 0;
        while (!text.empty() && digit(text.front())) {
            std::size_t digits = 0;
            while (digits < text.size() && digit(text[digits])) ++digits;
            if (digits == text.size()) return std::size_t{0};
            const auto unit = units.find(text[digits], at);
            if (unit == std::string_view::npos || (found > 0 && unit != at)) return std::size_t{0};
            at = unit + 1;
            text.remove_prefix(digits + 1);
            ++found;
        }
        return found;
    };
    if (text.ends_with('W')) return parts("W") == 1 && text.empty();
    if (text.front() != 'T' && parts("YMD") == 0) return false;
    if (!skip(text, 'T')) return text.empty();
    return parts("HMS") > 0 && text.empty();
}

bool is_ipv4(std::string_view text) {
    for (int part = 0; part < 4; ++part) {
        if (part > 0 && !skip(text, '.')) return false;
        std::size_t digits = 0;
        int value = 0;
        while (digits < text.size() && digits < 4 && digit(text[digits])) value = value * 10 + (text[digits++] - '0');
        if (digits == 0 || digits > 3 || value > 255 || (digits > 1 && text.front() == '0')) return false;
        text.remove_prefix(digits);
    }
    return text.empty();
}

bool is_ipv6(std::string_view text) {
    int groups = 0;
    bool gap = false;
    if (text.starts_with("::")) {
        gap = true;
        text.remove_prefix(2);
        if (text.empty()) return true;
    }
    for (;;) {
        const auto end = text.find(':');
        const auto group = text.substr(0, end);
        if (end == std::string_view::npos && group.find('.') != std::string_view::npos) {
            if (!is_ipv4(group)) return false;
            groups += 2;
            break;
        }
        if (group.empty() || group.size() > 4 || !std::ranges::all_of(group, hex)) return false;
        ++groups;
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
        if (skip(text, ':')) {
            if (gap) return false;
            gap = true;
            if (text.empty()) break;
        } else if (text.empty()) {
            return false;
        }
    }
    return gap ? groups < 8 : groups == 8;
}

bool is_hostname(std::string_view text) {
    if (text.empty() || text.size() > 253) return false;
    for (;;) {
        const auto end = text.find('.');
        const auto label = text.substr(0, end);
        if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
        if (!std::ranges::all_of(label, [](char c) { return alpha(c) || digit(c) || c == '-'; })) return false;
        if (label.size() > 3 && label[2] == '-' && label[3] == '-' && !label.starts_with("xn--")) return false;
        if (end == std::string_view::npos) return true;
        text.remove_prefix(end + 1);
    }
}

// RFC 5321 mailbox.
bool is_email(std::string_view text) {
    const auto at = text.rfind('@');
    if (at == std::string_view::npos || at == 0) return false;
    auto local = text.substr(0, at);
    auto domain = text.substr(at + 1);
    if (domain.starts_with('[') && domain.ends_with(']')) {
        domain = domain.substr(1, domain.size() - 2);
        if (domain.starts_with("IPv6:") ? !is_ipv6(domain.substr(5)) : !is_ipv4(domain)) return false;
    } else if (!is_hostname(domain)) {
        return false;
    }
    if (local.size() > 2 && local.starts_with('"') && local.ends_with('"')) {
        local = local.substr(1, local.size() - 2);
        for (std::size_t i = 0; i < local.size(); ++i) {
            if (local[i] == '"') return false;
            if (local[i] == '\\' && ++i == local.size()) return false;
        }
        return true;
    }
    if (local.starts_with('.') || local.ends_with('.') || local.find("..") != std::string_view::npos) return false;
    return std::ranges::all_of(local, [](char c) {
        return alpha(c) || digit(c) || std::string_view(".!#$%&'*+/=?^_`{|}~-").find(c) != std::string_view::npos;
    });
}

bool is_uuid(std::string_view text) {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !hex(text[i])) return false;
    }
    return true;
}

bool uri_characters(std::string_view text, std::string_view more) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '%') {
            if (i + 2 >= text.size() || !hex(text[i + 1]) || !hex(text[i + 2])) return false;
            i += 2;
        } else if (!alpha(c) && !digit(c) && std::string_view("-._~!$&'()*+,;=:@").find(c) == std::string_view::npos &&
                   more.find(c) == std::string_view::npos) {
            return false;
        }
    }
    return true;
}

// RFC 3986.
bool is_uri(std::string_view text, bool relative) {
    const auto hash = text.find('#');
    if (hash != std::string_view::npos && !uri_characters(text.substr(hash + 1), "/?")) return false;
    text = text.substr(0, hash);
    const auto query = text.find('?');
    if (query != std::string_view::npos && !uri_characters(text.substr(query + 1), "/?")) return false;
    text = text.substr(0, query);
    const auto colon = text.find(':');
    const auto slash = text.find('/');
    if (colon != std::string_view::npos && (slash == std::string_view::npos || colon < slash)) {
        const auto scheme = text.substr(0, colon);
        if (scheme.empty() || !alpha(scheme.front()) || !std::ranges::all_of(scheme, [](char c) {
                return alpha(c) || digit(c) || c == '+' || c == '-' || c == '.';
            }))
            return false;
        text.remove_prefix(colon + 1);
    } else if (!relative) {
        return false;
    }
    if (text.starts_with("//")) {
        text.remove_prefix(2);
        const auto end = text.find('/');
        auto authority = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end);
        if (const auto user = authority.rfind('@'); user != std::string_view::npos) {
            if (!uri_characters(authority.substr(0, user), "")) return false;
            authority.remove_prefix(user + 1);
        }
        std::string_view port;
        if (authority.starts_with('[')) {
            const auto close = authority.find(']');
            if (close == std::string_view::npos) return false;
            const auto inside = authority.substr(1, close - 1);
            if (!is_ipv6(inside) && !inside.starts_with('v')) return false;
            port = authority.substr(close + 1);
            if (!port.empty() && !skip(port, ':')) return false;
        } else {
            const auto separator = authority.find(':');
            if (separator != std::string_view::npos) port = authority.substr(separator + 1);
            if (!uri_characters(authority.substr(0, separator), "")) return false;
        }
        if (!std::ranges::all_of(port, digit)) return false;
    }
    return uri_characters(text, "/");
}

// RFC 6901.
bool is_json_pointer(std::string_view text) {
    if (text.empty()) return true;
    if (text.front() != '/') return false;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] == '~' && (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1'))) return false;
    return true;
}

bool is_relative_json_pointer(std::string_view text) {
    std::size_t digits = 0;
    while (digits < text.size() && digit(text[digits])) ++digits;
    if (digits == 0 || (digits > 1 && text.front() == '0')) return false;
    text.remove_prefix(digits);
    return text == "#" || is_json_pointer(text);
}

}  // namespace

std::optional<bool> has_format(std::string_view format, std::string_view text) {
    if (format == "date") return take_date(text) && text.empty();
    if (format == "time") return take_time(text) && text.empty();
    if (format == "date-time") return is_date_time(text);
    if (format == "duration") return is_duration(text);
    if (format == "email") return is_email(text);
    if (format == "hostname") return is_hostname(text);
    if (format == "ipv4") return is_ipv4(text);
    if (format == "ipv6") return is_ipv6(text);
    if (format == "uuid") return is_uuid(text);
    if (format == "uri") return is_uri(text, false);
    if (format == "uri-reference") return is_uri(text, true);
    if (format == "json-pointer") return is_json_pointer(text);
    if (format == "relative-json-pointer") return is_relative_json_pointer(text);
    if (format == "regex") return Pattern::compile(text).has_value();
    return std::nullopt;
}

}  // namespace tenon::json
