// Streams and answers of every provider: any cut of the bytes gives the same events or the same error, and never two
// ends.
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>

#include "provider/anthropic/decode.hpp"
#include "provider/gemini/decode.hpp"
#include "provider/kserve/protocol.hpp"
#include "provider/ollama/decode.hpp"
#include "provider/openai/decode.hpp"
#include "provider/rerank/protocol.hpp"
#include "provider/responses/decode.hpp"
#include "provider/wire/error.hpp"
#include "tenon/llm/price.hpp"

using namespace tenon;
using namespace tenon::provider;

namespace {

std::unique_ptr<wire::StreamDecoder> make(unsigned which) {
    switch (which) {
        case 0:
            return std::make_unique<openai::ChatDecoder>();
        case 1:
            return std::make_unique<anthropic::MessageDecoder>();
        case 2:
            return std::make_unique<gemini::ContentDecoder>();
        case 3:
            return std::make_unique<responses::ResponsesDecoder>();
        case 4:
            return std::make_unique<ollama::ChatDecoder>();
        default:
            return std::make_unique<kserve::GenerateDecoder>();
    }
}
constexpr unsigned decoders = 6;

std::string run(unsigned which, std::string_view bytes, std::size_t step) {
    const auto decoder = make(which);
    std::vector<llm::ChatEvent> events;
    Result<void> result;
    for (std::size_t at = 0; at < bytes.size() && result; at += step)
        result = decoder->feed(bytes.substr(at, step), events);
    if (result) result = decoder->finish(events);
    std::string out = result ? "ok:" : std::string(to_string(result.error().code())) + ":";
    int last = 0;
    for (const auto& event : events) {
        out += event.text + "\1" + event.reasoning + "\1" + event.reasoning_signature;
        for (const auto& call : event.tool_calls) out += call.id + call.name + call.arguments_json;
        for (const auto& piece : event.tool_call_deltas) out += std::to_string(piece.index) + piece.arguments;
        out += std::to_string(event.parts.size());
        last += event.finish ? 1 : 0;
    }
    if (last != (result ? 1 : 0) && !(last <= 1 && !result)) std::abort();
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
    const unsigned which = data[0] % decoders;
    if (run(which, bytes, bytes.size() + 1) != run(which, bytes, data[1] % 16U + 1)) std::abort();
    std::vector<llm::ChatEvent> events;
    (void)make(which)->whole(bytes, events);
    (void)wire::error_of_response(400 + data[1], {}, bytes);
    (void)anthropic::decode_count(bytes);
    (void)gemini::decode_count(bytes);
    (void)gemini::decode_embeddings(bytes, data[1] % 4U);
    (void)ollama::decode_embeddings(bytes, data[1] % 4U);
    (void)kserve::decode_infer(bytes);
    (void)rerank::decode(bytes, data[1] % 4U, 0);
    (void)llm::PriceTable::parse(bytes);
    return 0;
}
