// The parts of HTTP that outsiders write and we parse: targets, headers' parameters, forms; and the streams of models.
#include <cstdint>
#include <cstdlib>

#include "tenon/net/http_client.hpp"
#include "tenon/net/multipart.hpp"
#include "tenon/net/router.hpp"
#include "tenon/net/url.hpp"

using namespace tenon;
using namespace tenon::net;

namespace {

class Collect final : public MultipartSink {
  public:
    Result<void> begin_part(PartHead head) override {
        text += "<" + head.name + "|" + head.file_name.value_or("") + ">";
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

std::string form(std::string_view bytes, std::size_t step) {
    auto parser = MultipartParser::create("multipart/form-data; boundary=b");
    if (!parser) std::abort();
    Collect collect;
    for (std::size_t at = 0; at < bytes.size(); at += step)
        if (!parser->feed(bytes.substr(at, step), collect)) return "error";
    return parser->finish() ? collect.text : "error";
}

const Router& router() {
    static const Router routes = [] {
        Router made;
        const Handler none = [](HttpRequest, CallContext) -> task<HttpResponse> { co_return HttpResponse{}; };
        for (const auto* pattern : {"/v1/models", "/v1/models/{id}", "/{rest...}", "/a/{b}/c/{d...}"})
            made.get(pattern, none);
        return made;
    }();
    return routes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (const auto target = parse_target(bytes)) (void)router().match("GET", target->raw_path);
    if (const auto decoded = percent_decode(bytes);
        decoded && percent_decode(percent_encode(*decoded)).value_or("\xFF?") != *decoded)
        std::abort();
    (void)parse_query(bytes);
    (void)header_parameter(bytes, "name");
    (void)MultipartParser::create(bytes);
    (void)retry_after_ms(Headers{{"Retry-After", std::string(bytes)}}, std::chrono::system_clock::time_point{});
    const auto body = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n" + std::string(bytes);
    for (const auto& text : {std::string(bytes), body})
        if (form(text, text.size() + 1) != form(text, data[0] % 16U + 1)) std::abort();
    return 0;
}
