#include "tenon/chain/cached.hpp"

#include <charconv>

#include "tenon/base/hash.hpp"
#include "tenon/chain/model.hpp"

namespace tenon::chain {
namespace {

/// Every field with its length before it, so that no two requests run together into one text.
class Key {
  public:
    void add(std::string_view text) {
        number(text.size());
        out_ += text;
    }
    void number(std::uint64_t n) {
        out_ += std::to_string(n);
        out_ += ':';
    }
    template <class T>
    void add(const std::optional<T>& value) {
        if (!value) {
            out_ += '-';
            return;
        }
        char buffer[40];
        const auto end = std::to_chars(buffer, buffer + sizeof buffer, *value).ptr;
        add(std::string_view(buffer, static_cast<std::size_t>(end - buffer)));
    }
    void add(const llm::ImagePart& p) {
        for (const auto* s : {&p.url, &p.media_type, &p.bytes, &p.detail, &p.file_id}) add(*s);
    }
    void add(const llm::ContentPart& part) {
        number(part.index());
        std::visit([this](const auto& p) { part_(p); }, part);
    }
    [[nodiscard]] std::string digest() const { return sha256_hex(out_); }

  private:
    void part_(const llm::TextPart& p) { add(p.text); }
    void part_(const llm::ImagePart& p) { add(p); }
    void part_(const llm::AudioPart& p) {
        for (const auto* s : {&p.media_type, &p.bytes, &p.id, &p.transcript}) add(*s);
    }
    void part_(const llm::DocumentPart& p) {
        for (const auto* s : {&p.name, &p.media_type, &p.bytes, &p.url, &p.file_id, &p.context}) add(*s);
        number(p.citations ? 1 : 0);
    }
    void part_(const llm::ReasoningPart& p) {
        for (const auto* s : {&p.text, &p.signature, &p.redacted, &p.id}) add(*s);
    }
    void part_(const llm::ToolCallPart& p) {
        for (const auto* s : {&p.id, &p.name, &p.arguments_json, &p.signature}) add(*s);
    }
    void part_(const llm::ToolResultPart& p) {
        for (const auto* s : {&p.call_id, &p.name, &p.content}) add(*s);
        number(p.is_error ? 1 : 0);
        number(p.images.size());
        for (const auto& image : p.images) add(image);
    }
    void part_(const llm::CitationPart& p) {
        for (const auto* s : {&p.source, &p.title, &p.cited_text}) add(*s);
    }
    void part_(const llm::ProviderPart& p) {
        for (const auto* s : {&p.provider, &p.type, &p.json}) add(*s);
    }

    std::string out_;
};

}  // namespace

std::string cache_key(const llm::ChatRequest& request) {
    if (!request.extensions.empty()) return {};
    Key key;
    key.number(request.messages.size());
    for (const auto& m : request.messages) {
        if (!m.extensions.empty()) return {};
        key.number(static_cast<std::uint64_t>(m.role));
        key.add(m.name);
        key.number(m.content.size());
        for (const auto& part : m.content) key.add(part);
    }
    key.number(request.tools.size());
    for (const auto& t : request.tools) {
        for (const auto* s : {&t.name, &t.description, &t.parameters_schema}) key.add(*s);
        key.number(t.strict ? 1 : 0);
    }
    const auto& s = request.settings;
    for (const auto* v :
         {&s.temperature, &s.top_p, &s.min_p, &s.repetition_penalty, &s.presence_penalty, &s.frequency_penalty})
        key.add(*v);
    key.add(s.top_k);
    key.add(s.seed);
    key.add(s.max_tokens);
    key.add(s.top_logprobs);
    key.number(s.stop.size());
    for (const auto& stop : s.stop) key.add(stop);
    key.number(s.logit_bias.size());
    for (const auto& [token, bias] : s.logit_bias) {
        key.number(static_cast<std::uint64_t>(token));
        key.add(std::optional<double>(bias));
    }
    key.number(static_cast<std::uint64_t>(request.tool_choice.mode));
    key.add(request.tool_choice.name);
    key.number(request.tool_choice.parallel ? 1 + (*request.tool_choice.parallel ? 1U : 0U) : 0);
    key.number(request.format.index());
    if (const auto* f = std::get_if<llm::JsonSchemaFormat>(&request.format)) {
        for (const auto* text : {&f->name, &f->schema, &f->description}) key.add(*text);
        key.number(f->strict ? 1 : 0);
    }
    if (const auto* f = std::get_if<llm::GrammarFormat>(&request.format)) {
        key.add(f->grammar);
        key.number(static_cast<std::uint64_t>(f->syntax));
    }
    if (const auto* f = std::get_if<llm::RegexFormat>(&request.format)) key.add(f->pattern);
    if (request.reasoning) {
        key.number(request.reasoning->effort ? 1 + static_cast<std::uint64_t>(*request.reasoning->effort) : 0);
        key.add(request.reasoning->budget_tokens);
        key.number(request.reasoning->include ? 1 : 0);
    }
    return key.digest();
}

std::string cache_key(const ModelInput& in) { return cache_key(in.request); }

}  // namespace tenon::chain
