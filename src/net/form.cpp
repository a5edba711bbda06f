// Forms read from a connection, their files written to disk as they come.
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "tenon/net/multipart.hpp"

namespace tenon::net {
namespace {

class FormSink final : public MultipartSink {
  public:
    FormSink(std::filesystem::path directory, FormLimits limits) : directory_(std::move(directory)), limits_(limits) {}

    Result<void> begin_part(PartHead head) override {
        FormPart part;
        part.head = std::move(head);
        if (part.head.file_name) {
            part.file = directory_ / fmt::format("part-{:04}", parts.size());
            out_.reset(std::fopen(part.file.c_str(), "wxb"));
            if (!out_) return failed("create", part.file);
        }
        parts.push_back(std::move(part));
        return {};
    }
    Result<void> part_data(std::string_view bytes) override {
        auto& part = parts.back();
        part.bytes += bytes.size();
        if (out_) {
            if (std::fwrite(bytes.data(), 1, bytes.size(), out_.get()) != bytes.size())
                return failed("write", part.file);
            return {};
        }
        if (part.bytes > limits_.max_value_bytes)
            return fail(ErrorCode::resource_exhausted, fmt::format("the form's field \"{}\" is longer than {} bytes",
                                                                   part.head.name, limits_.max_value_bytes));
        part.value += bytes;
        return {};
    }
    Result<void> end_part() override {
        if (out_ && std::fclose(out_.release()) != 0) return failed("write", parts.back().file);
        return {};
    }
    std::vector<FormPart> parts;

  private:
    static std::unexpected<Error> failed(std::string_view what, const std::filesystem::path& path) {
        const int code = errno;
        return fail(code == ENOSPC ? ErrorCode::resource_exhausted : ErrorCode::io,
                    fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(code)));
    }
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    std::filesystem::path directory_;
    FormLimits limits_;
    std::unique_ptr<std::FILE, Close> out_;
};

}  // namespace

task<Result<std::vector<FormPart>>> read_form(std::shared_ptr<Stream<std::string>> body, std::string content_type,
                                              std::filesystem::path directory, FormLimits limits) {
    TENON_CO_TRY(auto parser, MultipartParser::create(content_type, limits.multipart));
    FormSink sink(std::move(directory), limits);
    for (;;) {
        TENON_CO_TRY(const auto chunk, co_await body->next());
        if (!chunk) break;
        TENON_CO_CHECK(parser.feed(*chunk, sink));
    }
    TENON_CO_CHECK(parser.finish());
    co_return std::move(sink.parts);
}

}  // namespace tenon::net
