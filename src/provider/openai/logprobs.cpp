// Log-probabilities and annotations, which chat completions and responses share.
#include <boost/json.hpp>

#include "provider/openai/decode.hpp"
#include "provider/wire/fields.hpp"

namespace tenon::provider::openai {

using namespace llm;

namespace {

std::string bytes_of(const json::Value& token, std::string_view text) {
    const auto* bytes = json::find(token, "bytes");
    if (bytes == nullptr || !bytes->is_array()) return std::string(text);
    std::string out;
    for (const auto& byte : bytes->get_array())
        if (byte.is_int64()) out += static_cast<char>(byte.get_int64() & 0xFF);
    return out;
}

}  // namespace

void read_logprobs(const json::Array& tokens, std::vector<TokenLogprob>& out) {
    for (const auto& token : tokens) {
        TokenLogprob entry;
        entry.text = json::string_or(token, "token", "");
        entry.bytes = bytes_of(token, entry.text);
        entry.logprob = json::number_or(token, "logprob", 0);
        for (const auto& other : wire::array_of(token, "top_logprobs")) {
            TokenAlternative alternative;
            alternative.text = json::string_or(other, "token", "");
            alternative.bytes = bytes_of(other, alternative.text);
            alternative.logprob = json::number_or(other, "logprob", 0);
            entry.top.push_back(std::move(alternative));
        }
        out.push_back(std::move(entry));
    }
}

std::optional<CitationPart> read_annotation(const json::Value& annotation) {
    const auto type = json::string_or(annotation, "type", "");
    CitationPart out;
    if (type == "url_citation") {
        // Chat completions put it into an object of that name, responses do not.
        const auto* inner = json::find(annotation, "url_citation");
        const auto& at = inner != nullptr ? *inner : annotation;
        out.source = json::string_or(at, "url", "");
        out.title = json::string_or(at, "title", "");
    } else if (type == "file_citation" || type == "container_file_citation" || type == "file_path") {
        out.source = json::string_or(annotation, "file_id", "");
        out.title = json::string_or(annotation, "filename", "");
    }
    if (out.source.empty()) return std::nullopt;
    return out;
}

}  // namespace tenon::provider::openai
