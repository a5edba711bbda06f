#include "tenon/serve/reply.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <filesystem>

#include "serve/app/state.hpp"
#include "tenon/base/file.hpp"
#include "tenon/base/utf8.hpp"
#include "tenon/net/url.hpp"

namespace tenon::serve {
namespace {

constexpr std::size_t whole_file_bytes = std::size_t{1} << 20;
constexpr std::size_t piece_bytes = std::size_t{64} << 10;

std::string_view type_of_name(std::string_view name) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 20> types{{
        {".html", "text/html; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".json", "application/json"},
        {".jsonl", "application/jsonl"},
        {".txt", "text/plain; charset=utf-8"},
        {".md", "text/markdown; charset=utf-8"},
        {".csv", "text/csv; charset=utf-8"},
        {".xml", "application/xml"},
        {".pdf", "application/pdf"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".jpeg", "image/jpeg"},
        {".gif", "image/gif"},
        {".webp", "image/webp"},
        {".svg", "image/svg+xml"},
        {".zip", "application/zip"},
        {".gz", "application/gzip"},
        {".wasm", "application/wasm"},
    }};
    for (const auto& [ending, type] : types)
        if (name.ends_with(ending)) return type;
    return "application/octet-stream";
}

class FileStream final : public Stream<std::string> {
  public:
    explicit FileStream(std::FILE* file) : file_(file) {}
    ~FileStream() override { std::fclose(file_); }
    FileStream(const FileStream&) = delete;
    FileStream& operator=(const FileStream&) = delete;
    task<Result<std::optional<std::string>>> next() override {
        std::string piece(piece_bytes, '\0');
        piece.resize(std::fread(piece.data(), 1, piece.size(), file_));
        if (piece.empty() && std::ferror(file_) != 0) co_return fail(ErrorCode::io, "the file cannot be read");
        if (piece.empty()) co_return std::optional<std::string>{};
        co_return std::optional<std::string>(std::move(piece));
    }

  private:
    std::FILE* file_;
};

}  // namespace

net::HttpResponse problem_response(Problem problem) {
    if (problem.title.empty()) problem.title = net::reason_phrase(problem.status);
    problem.detail = utf8::sanitize(problem.detail);
    net::HttpResponse response{problem.status, {{"Content-Type", "application/problem+json"}}, {}};
    response.body = json::to_text(problem);
    return response;
}

net::HttpResponse problem_response(const Error& error) {
    Problem problem;
    problem.status = net::status_of(error.code());
    problem.detail = error.describe();
    if (error.code() == ErrorCode::internal || error.code() == ErrorCode::io)
        problem.detail = "the server failed to answer; its log says why";
    auto response = problem_response(std::move(problem));
    if (const auto wait = error.retry_after_ms())
        response.headers.set("Retry-After", std::to_string((*wait + 999) / 1000));
    return response;
}

net::HttpResponse faults_response(const std::vector<FieldFault>& faults) {
    Problem problem;
    problem.status = 422;
    for (const auto& fault : faults) problem.errors.push_back({fault.in, fault.field, fault.message});
    const auto& first = faults.front();
    problem.detail = fmt::format("{}{}{}: {}", first.in, first.field.empty() ? "" : " ", first.field, first.message);
    if (faults.size() > 1) problem.detail += fmt::format(" (and {} more)", faults.size() - 1);
    return problem_response(std::move(problem));
}

namespace detail {

net::HttpResponse json_reply(const json::Type& type, const void* value, int status) {
    return net::HttpResponse::json(json::detail::write_text(type, value), status);
}

net::HttpResponse file_reply(File file) {
    namespace fs = std::filesystem;
    std::error_code error;
    if (!fs::is_regular_file(file.path, error))
        return problem_response(Error(ErrorCode::not_found, "there is no such file"));
    net::HttpResponse response;
    if (file.content_type.empty())
        file.content_type = type_of_name(file.download_name.empty() ? file.path : file.download_name);
    response.headers.add("Content-Type", std::move(file.content_type));
    if (!file.download_name.empty())
        response.headers.add("Content-Disposition",
                             "attachment; filename*=UTF-8''" + net::percent_encode(file.download_name));
    if (fs::file_size(file.path, error) <= whole_file_bytes && !error) {
        auto text = read_file(file.path, whole_file_bytes);
        if (!text) return problem_response(text.error());
        response.body = std::move(*text);
        return response;
    }
    std::FILE* opened = std::fopen(file.path.c_str(), "rb");
    if (opened == nullptr) return problem_response(Error(ErrorCode::io, "the file cannot be read"));
    response.stream = std::make_shared<FileStream>(opened);
    return response;
}

std::string event_text(const json::Type& type, const void* value) {
    std::string out = "data: ";  // JSON text has no line breaks
    out += json::detail::write_text(type, value);
    out += "\n\n";
    return out;
}

std::string line_text(const json::Type& type, const void* value) {
    auto out = json::detail::write_text(type, value);
    out += '\n';
    return out;
}

std::string error_event(const Error& error) {
    return net::sse_encode({.event = "error", .data = problem_response(error).body, .id = {}});
}

net::HttpResponse stream_reply(std::string content_type, std::shared_ptr<Stream<std::string>> stream) {
    net::HttpResponse response;
    response.headers.add("Content-Type", std::move(content_type));
    response.headers.add("Cache-Control", "no-cache");
    response.headers.add("X-Accel-Buffering", "no");
    response.stream = std::move(stream);
    return response;
}

}  // namespace detail
}  // namespace tenon::serve
