// Forms: urlencoded, and multipart with files.
#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "serve/app/state.hpp"
#include "tenon/net/multipart.hpp"
#include "tenon/net/url.hpp"
#include "tenon/serve/parameters.hpp"

namespace tenon::serve {

Result<std::string> Upload::read(std::size_t limit) const { return read_file(path, limit); }

Result<void> Upload::move_to(const std::string& where) const {
    std::error_code error;
    if (std::filesystem::exists(where, error))
        return fail(ErrorCode::already_exists, fmt::format("{} exists already", where));
    std::filesystem::rename(path, where, error);
    if (error) {  // another file system, most likely
        std::filesystem::copy_file(path, where, error);
        if (error) return fail(ErrorCode::io, fmt::format("cannot write {}: {}", where, error.message()));
    }
    return {};
}

namespace {

struct Fields {
    std::multimap<std::string, std::string, std::less<>> values;
    std::multimap<std::string, Upload, std::less<>> files;
};

std::unexpected<Error> refused(Scope& scope, int status, std::string detail) {
    Problem problem;
    problem.status = status;
    problem.title = net::reason_phrase(status);
    problem.detail = std::move(detail);
    scope.refusal = problem_response(std::move(problem));
    return fail(ErrorCode::invalid_argument, "the form cannot be read");
}

/// The body's own errors: too long, too slow, malformed, gone.
std::unexpected<Error> unreadable(Scope& scope, const Error& error) {
    switch (error.code()) {
        case ErrorCode::resource_exhausted:
            return refused(scope, 413, error.message());
        case ErrorCode::deadline_exceeded:
            return refused(scope, 408, error.message());
        case ErrorCode::invalid_argument:
        case ErrorCode::corrupt:
            return refused(scope, 400, error.message());
        default:
            return std::unexpected(error);
    }
}

task<Result<Fields>> read_fields_of(ScopePtr scope) {
    Fields out;
    const std::string type = detail::content_type_of(*scope);
    std::shared_ptr<Stream<std::string>> body = detail::take_body_stream(*scope);
    if (!body) co_return refused(*scope, 400, "this form has no body");
    const auto plain = std::string_view(type).substr(0, type.find_first_of("; "));
    if (net::equals_ignoring_case(plain, "application/x-www-form-urlencoded")) {
        std::string text;
        for (;;) {
            auto piece = co_await body->next();
            if (!piece) co_return unreadable(*scope, piece.error());
            if (!*piece) break;
            text += **piece;
        }
        for (auto& [name, value] : net::parse_query(text)) out.values.emplace(name, std::move(value));
        co_return out;
    }
    if (!net::equals_ignoring_case(plain, "multipart/form-data"))
        co_return refused(*scope, 415, "this body must be a form: multipart/form-data or urlencoded");
    auto directory = TemporaryDirectory::create("tenon-form-");
    if (!directory) co_return std::unexpected(std::move(directory).error());
    scope->files.emplace(std::move(*directory));
    net::FormLimits limits;
    limits.max_value_bytes = scope->run->app->options.max_form_value_bytes;
    auto parts = co_await net::read_form(body, type, scope->files->path(), limits);
    if (!parts) co_return unreadable(*scope, parts.error());
    for (auto& part : *parts) {
        if (!part.head.file_name) {
            out.values.emplace(part.head.name, std::move(part.value));
        } else if (!part.head.file_name->empty() || part.bytes > 0) {  // browsers send an empty file for none
            out.files.emplace(part.head.name,
                              Upload{*part.head.file_name, part.head.content_type, part.file.string(), part.bytes});
        }
    }
    co_return out;
}

bool take_upload(void* context, void* item) {
    *static_cast<Upload*>(item) = std::move(*static_cast<Upload*>(context));
    return true;
}

/// False: the field is not made of files.
bool read_upload(const json::Field& field, Fields& from, void* to, std::vector<FieldFault>& faults) {
    const auto& type = field.type();
    const auto* upload = &json::type_of<Upload>();
    const bool one = &type == upload, maybe = type.kind == json::Kind::optional && &type.item() == upload,
               many = type.kind == json::Kind::list && &type.item() == upload;
    if (!one && !maybe && !many) return false;
    const auto [begin, end] = from.files.equal_range(field.name);
    const auto wrong = [&](std::string what) { faults.push_back({"form", std::string(field.name), std::move(what)}); };
    if (many) {
        const auto count = static_cast<std::size_t>(std::distance(begin, end));
        if (field.rules.min_items && count < *field.rules.min_items)
            wrong(fmt::format("must have at least {} files, has {}", *field.rules.min_items, count));
        if (field.rules.max_items && count > *field.rules.max_items)
            wrong(fmt::format("must have at most {} files, has {}", *field.rules.max_items, count));
        for (auto at = begin; at != end; ++at) (void)type.append(field.get(to), &at->second, &take_upload);
    } else if (begin == end) {
        if (one && field.rules.required)
            wrong(from.values.contains(field.name) ? "expected a file, got a value" : "missing: a file is required");
    } else if (std::next(begin) != end) {
        wrong("expected one file, got several");
    } else {
        void* place = field.get(to);
        (void)take_upload(&begin->second, one ? place : type.emplace(place, 0));
    }
    return true;
}

}  // namespace

namespace detail {

task<Result<void>> read_form_body(ScopePtr scope, const json::Type* type, void* to) {
    auto fields = co_await read_fields_of(scope);
    if (!fields) co_return std::unexpected(std::move(fields).error());
    std::vector<FieldFault> faults;
    for (const auto& field : type->fields) {
        if (read_upload(field, *fields, to, faults)) continue;
        std::vector<std::string_view> texts;
        const auto [begin, end] = fields->values.equal_range(field.name);
        for (auto at = begin; at != end; ++at) texts.push_back(at->second);
        if (texts.empty() && fields->files.contains(field.name)) {
            faults.push_back({"form", std::string(field.name), "expected a value, got a file"});
            continue;
        }
        read_texts(field.type(), field.rules, texts, field.get(to), "form", field.name, faults);
    }
    if (faults.empty()) co_return Result<void>{};
    scope->refusal = faults_response(faults);
    co_return fail(ErrorCode::invalid_argument, "the form does not fit");
}

}  // namespace detail
}  // namespace tenon::serve
