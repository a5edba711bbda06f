// Streams of OpenAI-compatible servers: any cut of the bytes gives the same answer or the same error.
#include <cstdint>
#include <cstdlib>

#include "provider/openai/decode.hpp"
#include "provider/wire/error.hpp"

using namespace tenon;
using namespace tenon::provider;
using namespace tenon::provider::openai;

namespace {

std::string run(std::string_view bytes, std::size_t step) {
    ChatDecoder decoder;
    std::vector<llm::ChatEvent> events;
    Result<void> result;
    for (std::size_t at = 0; at < bytes.size() && result; at += step)
        result = decoder.feed(bytes.substr(at, step), events);
    if (result) result = decoder.finish(events);
    std::string out = result ? "ok:" : std::string(to_string(result.error().code())) + ":";
    int last = 0;
    for (const auto& event : events) {
        out += event.text + "\1" + event.reasoning;
        for (const auto& call : event.tool_calls) out += call.id + call.name + call.arguments_json;
        last += event.finish ? 1 : 0;
    }
    if (last > 1 || (result && last == 0)) std::abort();
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    for (const auto& text :
         {std::string(bytes), "data: {\"choices\":[{\"delta\":" + std::string(bytes) + "}]}\n\ndata: [DONE]\n\n"})
        if (run(text, text.size() + 1) != run(text, data[0] % 16U + 1)) std::abort();
    (void)decode_embeddings(bytes, data[0] % 4U);
    (void)wire::error_of_response(400 + data[0], {}, bytes);
    ChatDecoder whole;
    std::vector<llm::ChatEvent> events;
    (void)whole.whole(bytes, events);
    return 0;
}
