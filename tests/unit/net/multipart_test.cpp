#include "tenon/net/multipart.hpp"

#include <gtest/gtest.h>

#include "tenon/base/file.hpp"
#include "unit/net/loopback.hpp"

namespace tenon::net {
namespace {

class Record final : public MultipartSink {
  public:
    Result<void> begin_part(PartHead head) override {
        text += "<" + head.name + "|" + head.file_name.value_or("-") + "|" + head.content_type + ">";
        return {};
    }
    Result<void> part_data(std::string_view bytes) override {
        text += bytes;
        return {};
    }
    Result<void> end_part() override {
        text += ";";
        return {};
    }
    std::string text;
};

std::string parse(std::vector<std::string_view> pieces, MultipartLimits limits = {}) {
    auto parser = MultipartParser::create("multipart/form-data; boundary=XX", limits);
    EXPECT_TRUE(parser);
    Record record;
    Result<void> result;
    for (const auto piece : pieces)
        if (result) result = parser->feed(piece, record);
    if (result) result = parser->finish();
    return result ? record.text : "error " + std::string(to_string(result.error().code()));
}

std::string refused(ErrorCode code) { return "error " + std::string(to_string(code)); }

TEST(Multipart, ReadsPartsAtEverySplit) {
    const std::pair<std::string, std::string> cases[] = {
        {"--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nvalue\r\n--XX--\r\n", "<a|-|text/plain>value;"},
        {"preamble\r\n--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"r\xC3\xA9sum\xC3\xA9 "
         "\\\"1\\\".txt\"\r\n"
         "Content-Type: text/markdown\r\n\r\n\r\n--X\r\n--XY\r\n\r\n--XX \t\r\nContent-Disposition: form-data; "
         "name=empty\r\n\r\n\r\n--XX--epilogue\r\n--XX\r\n",
         "<f|r\xC3\xA9sum\xC3\xA9 \"1\".txt|text/markdown>\r\n--X\r\n--XY\r\n;<empty|-|text/plain>;"},
        {"--XX\r\ncontent-disposition: form-data; filename*=UTF-8''%E4%BD%A0.md; name=f; "
         "filename=\"x\"\r\n\r\n\r\r\n\n\r\n--XX--",
         "<f|\xE4\xBD\xA0.md|text/plain>\r\r\n\n;"},
        {"--XX--\r\n", ""},
    };
    for (const auto& [body, expected] : cases) {
        const std::string_view s = body;
        ASSERT_EQ(parse({s}), expected);
        for (std::size_t i = 0; i <= s.size(); ++i)
            for (std::size_t j = i; j <= s.size(); ++j)
                ASSERT_EQ(parse({s.substr(0, i), s.substr(i, j - i), s.substr(j)}), expected) << i << " " << j;
    }
}

TEST(Multipart, RefusesWhatIsMalformed) {
    const auto invalid = refused(ErrorCode::invalid_argument);
    EXPECT_EQ(parse({""}), invalid);
    EXPECT_EQ(parse({"--XX\r\nContent-Disposition: form-data; name=a\r\n\r\ncut"}), invalid);
    EXPECT_EQ(parse({"--XX\r\n\r\nno name\r\n--XX--"}), invalid);
    EXPECT_EQ(parse({"--XX\r\nContent-Disposition\r\n\r\nx\r\n--XX--"}), invalid);
    EXPECT_EQ(parse({"--XXjunk\r\n\r\n"}), invalid);
    EXPECT_EQ(parse({"--XX" + std::string(1000, ' ')}), invalid);
    const auto exhausted = refused(ErrorCode::resource_exhausted);
    EXPECT_EQ(parse({"--XX\r\nContent-Disposition: form-data; name=" + std::string(20'000, 'n')}), exhausted);
    std::string many;
    for (int i = 0; i < 4; ++i) many += "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n";
    EXPECT_EQ(parse({many + "--XX--"}, {.max_parts = 3}), exhausted);
    for (const auto* type :
         {"", "text/plain", "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=a",
          "multipart/form-data; boundary=\"a\r\nb\"", "multipart/form-data; boundary=\"x \""})
        EXPECT_FALSE(MultipartParser::create(type)) << type;
    EXPECT_FALSE(MultipartParser::create("multipart/form-data; boundary=" + std::string(71, 'b')));
    EXPECT_TRUE(MultipartParser::create("Multipart/Form-Data ; charset=utf-8; Boundary=\"a b'c\""));
}

TEST(Multipart, WritesFilesFromAConnection) {
    auto directory = TemporaryDirectory::create();
    ASSERT_TRUE(directory);
    const auto path = directory->path();
    Router router;
    RouteOptions options{.max_body_bytes = std::size_t{20} << 20, .stream_body = true};
    router.post(
        "/upload",
        [path](HttpRequest request, CallContext) -> task<HttpResponse> {
            const std::shared_ptr<Stream<std::string>> body = std::move(request.body_stream);
            std::string type(request.headers.find("content-type").value_or(""));
            auto form = co_await read_form(body, type, path);
            if (!form) co_return HttpResponse::text(form.error().message(), status_of(form.error().code()));
            std::string out;
            for (const auto& part : *form)
                out += part.head.name + "=" + (part.file.empty() ? part.value : std::to_string(part.bytes)) + ";";
            co_return HttpResponse::text(out);
        },
        options);
    test::Loopback loop(std::move(router));
    const std::string content = "\r\n--other" + std::string(10 << 20, 'c') + "\r\n";
    const auto body =
        "--b1\r\nContent-Disposition: form-data; name=\"kb\"\r\n\r\ndocs\r\n"
        "--b1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../../etc/passwd\"\r\n\r\n" +
        content + "\r\n--b1--\r\n";
    auto response = loop.post("/upload", body, {{"Content-Type", "multipart/form-data; boundary=b1"}});
    ASSERT_TRUE(response) << response.error().describe();
    EXPECT_EQ(response->body, "kb=docs;file=" + std::to_string(content.size()) + ";");
    EXPECT_EQ(read_file(path / "part-0001").value_or(""), content);
    response = loop.post("/upload", "x", {{"Content-Type", "text/plain"}});
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 400);
    response = loop.post("/upload", std::string(21 << 20, 'x'), {{"Content-Type", "multipart/form-data; boundary=b1"}});
    ASSERT_TRUE(response) << response.error().describe();
    EXPECT_EQ(response->status, 413);
}

}  // namespace
}  // namespace tenon::net
