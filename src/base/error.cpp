#include "tenon/base/error.hpp"

namespace tenon {

std::string_view to_string(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::invalid_argument:
            return "invalid_argument";
        case ErrorCode::not_found:
            return "not_found";
        case ErrorCode::already_exists:
            return "already_exists";
        case ErrorCode::corrupt:
            return "corrupt";
        case ErrorCode::unsupported:
            return "unsupported";
        case ErrorCode::resource_exhausted:
            return "resource_exhausted";
        case ErrorCode::cancelled:
            return "cancelled";
        case ErrorCode::deadline_exceeded:
            return "deadline_exceeded";
        case ErrorCode::unavailable:
            return "unavailable";
        case ErrorCode::permission_denied:
            return "permission_denied";
        case ErrorCode::unauthenticated:
            return "unauthenticated";
        case ErrorCode::rate_limited:
            return "rate_limited";
        case ErrorCode::io:
            return "io";
        case ErrorCode::protocol:
            return "protocol";
        case ErrorCode::internal:
            return "internal";
    }
    return "unknown";
}

std::string Error::describe() const {
    std::string out = message_;
    for (const Error* e = cause(); e != nullptr; e = e->cause()) {
        out += ": ";
        out += e->message();
    }
    return out;
}

}  // namespace tenon
