// Bodies of requests in every protocol the server speaks: read or refused with a message, and what is read can be
// rendered as answers.
#include <boost/json.hpp>
#include <cstdint>
#include <cstdlib>

#include "serve/anthropic/request.hpp"
#include "serve/gemini/request.hpp"
#include "serve/ollama/request.hpp"
#include "serve/openai_request.hpp"
#include "serve/responses/items.hpp"
#include "serve/responses/request.hpp"
#include "serve/token_request.hpp"

using namespace tenon;
using namespace tenon::serve;

namespace {

template <class T>
void hold(const ApiResult<T>& read) {
    if (!read && (read.error().status < 400 || read.error().message.empty())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto body = parse_body({reinterpret_cast<const char*>(data), size});
    hold(body);
    if (!body) return 0;
    hold(parse_chat(*body, 100));
    hold(parse_completion(*body, 100));
    hold(parse_embedding(*body));
    hold(parse_tokenize(*body));
    hold(parse_detokenize(*body));
    hold(anthropic::read_messages(*body, 100));
    hold(anthropic::read_count(*body));
    hold(gemini::read_generate(*body, 100));
    hold(gemini::read_count(*body));
    hold(gemini::read_embed(*body));
    hold(ollama::read_chat(*body, 100));
    hold(ollama::read_generate(*body, 100));
    hold(ollama::read_embed(*body));
    auto response = responses::read_response(*body, 100);
    hold(response);
    if (!response) return 0;
    hold(responses::resolve_references(response->input, [](const std::string&) { return std::nullopt; }));
    std::vector<llm::Message> messages;
    hold(responses::read_items(response->input, messages));
    return 0;
}
