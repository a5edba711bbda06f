#include "tenon/net/multipart.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tenon/net/url.hpp"

namespace tenon::net {
namespace {

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

std::unexpected<Error> malformed(std::string_view what) {
    return fail(ErrorCode::invalid_argument, fmt::format("the upload is malformed: {}", what));
}

bool is_boundary(std::string_view text) {
    return !text.empty() && text.size() <= 70 && text.back() != ' ' && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("'()+_,-./:=? ").contains(c);
    });
}

/// The file name, RFC 5987's "filename*=UTF-8''…" before the plain one.
std::optional<std::string> file_name_of(std::string_view disposition) {
    if (const auto coded = header_parameter(disposition, "filename*")) {
        const auto second = coded->find('\'', coded->find('\'') + 1);
        if (coded->contains('\'') && second != std::string::npos)
            if (auto name = percent_decode(std::string_view(*coded).substr(second + 1))) return *name;
    }
    return header_parameter(disposition, "filename");
}

}  // namespace

std::optional<std::string> header_parameter(std::string_view field, std::string_view name) {
    std::size_t at = field.find(';');
    while (at < field.size()) {
        ++at;
        const auto equals = field.find_first_of("=;", at);
        if (equals == std::string_view::npos || field[equals] == ';') {
            at = equals;
            continue;
        }
        const auto key = trim(field.substr(at, equals - at));
        std::string value;
        at = equals + 1;
        while (at < field.size() && (field[at] == ' ' || field[at] == '\t')) ++at;
        if (at < field.size() && field[at] == '"') {
            for (++at; at < field.size() && field[at] != '"'; ++at) {
                // Browsers escape a quote, but send a Windows path's backslashes as they are.
                if (field[at] == '\\' && at + 1 < field.size() && (field[at + 1] == '"' || field[at + 1] == '\\')) ++at;
                value += field[at];
            }
            at = field.find(';', at);
        } else {
            const auto end = field.find(';', at);
            value = trim(field.substr(at, end == std::string_view::npos ? end : end - at));
            at = end;
        }
        if (equals_ignoring_case(key, name)) return value;
    }
    return std::nullopt;
}

Result<MultipartParser> MultipartParser::create(std::string_view content_type, MultipartLimits limits) {
    const auto type = trim(content_type.substr(0, content_type.find(';')));
    if (!equals_ignoring_case(type, "multipart/form-data"))
        return fail(ErrorCode::invalid_argument, "an upload is sent as multipart/form-data");
    auto boundary = header_parameter(content_type, "boundary");
    if (!boundary || !is_boundary(*boundary)) return malformed("its boundary is missing or not allowed");
    return MultipartParser(std::move(*boundary), limits);
}

Result<void> MultipartParser::feed(std::string_view bytes, MultipartSink& sink) {
    if (state_ == State::epilogue) return {};
    // Big pieces pass through the buffer by parts, so that it stays small.
    constexpr std::size_t portion = 64 << 10;
    while (!bytes.empty()) {
        buffer_ += bytes.substr(0, portion);
        bytes.remove_prefix(std::min(portion, bytes.size()));
        for (;;) {
            TENON_TRY(const bool more, step(sink));
            if (!more) break;
        }
    }
    return {};
}

/// Does what the buffer allows; false when more bytes are needed.
Result<bool> MultipartParser::step(MultipartSink& sink) {
    switch (state_) {
        case State::preamble:
        case State::body: {
            const auto found = buffer_.find(delimiter_);
            const auto data = found != std::string::npos            ? found
                              : buffer_.size() >= delimiter_.size() ? buffer_.size() - delimiter_.size() + 1
                                                                    : 0;
            if (state_ == State::body && data > 0)
                TENON_CHECK(sink.part_data(std::string_view(buffer_).substr(0, data)));
            if (found == std::string::npos) {
                buffer_.erase(0, data);
                return false;
            }
            if (state_ == State::body) TENON_CHECK(sink.end_part());
            buffer_.erase(0, found + delimiter_.size());
            state_ = State::after_boundary;
            return true;
        }
        case State::after_boundary: {
            if (buffer_.size() < 2) return false;
            if (buffer_.starts_with("--")) {
                state_ = State::epilogue;
                buffer_.clear();
                return false;
            }
            const auto end = buffer_.find_first_not_of(" \t");
            if (end == std::string::npos || end + 1 >= buffer_.size()) {
                if (buffer_.size() > 256) return malformed("spaces without end after a boundary");
                return false;
            }
            if (std::string_view(buffer_).substr(end, 2) != "\r\n")
                return malformed("a boundary does not end its line");
            buffer_.erase(0, end);  // the line's end stays: a header may be empty
            state_ = State::header;
            return true;
        }
        case State::header: {
            const auto end = buffer_.find("\r\n\r\n");
            if (std::min(end, buffer_.size()) > limits_.max_part_header_bytes)
                return fail(ErrorCode::resource_exhausted, "the header of an uploaded part is too long");
            if (end == std::string::npos) return false;
            TENON_CHECK(begin(std::string_view(buffer_).substr(0, end), sink));
            buffer_.erase(0, end + 4);
            state_ = State::body;
            return true;
        }
        case State::epilogue:
            buffer_.clear();
            return false;
    }
    return false;
}

Result<void> MultipartParser::begin(std::string_view header, MultipartSink& sink) {
    if (++parts_ > limits_.max_parts) return fail(ErrorCode::resource_exhausted, "the upload has too many parts");
    PartHead head;
    while (!header.empty()) {
        const auto end = header.find("\r\n");
        const auto line = header.substr(0, end);
        header.remove_prefix(end == std::string_view::npos ? header.size() : end + 2);
        if (line.empty()) continue;
        const auto colon = line.find(':');
        if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
            return malformed("a part's header line has no name");
        head.headers.add(std::string(line.substr(0, colon)), std::string(trim(line.substr(colon + 1))));
    }
    const auto disposition = head.headers.find("content-disposition").value_or("");
    auto name = header_parameter(disposition, "name");
    if (!name) return malformed("a part does not name its field");
    head.name = std::move(*name);
    head.file_name = file_name_of(disposition);
    head.content_type = head.headers.find("content-type").value_or("text/plain");
    return sink.begin_part(std::move(head));
}

Result<void> MultipartParser::finish() const {
    if (state_ != State::epilogue) return malformed("it ends before its closing boundary");
    return {};
}

}  // namespace tenon::net
