#include "gateway/answer_cache.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <numeric>

#include "tenon/base/hash.hpp"
#include "tenon/llm/message_json.hpp"

namespace tenon::gateway {
namespace {

/// Fields one after another, each with its length, so that no two lists of fields look alike.
class Fields {
  public:
    Fields& add(std::string_view text) {
        out_ += fmt::format("{}:", text.size());
        out_ += text;
        return *this;
    }
    template <class T>
    Fields& number(const std::optional<T>& value) {
        if (!value) return add("-");
        return add(fmt::format("{}", *value));
    }
    [[nodiscard]] std::string digest() const { return sha256_hex(out_); }

  private:
    std::string out_;
};

void add_settings(Fields& fields, const llm::GenerationSettings& s) {
    fields.number(s.temperature).number(s.top_p).number(s.min_p).number(s.repetition_penalty);
    fields.number(s.presence_penalty).number(s.frequency_penalty).number(s.top_k).number(s.seed).number(s.max_tokens);
    fields.number(s.top_logprobs);
    for (const auto& stop : s.stop) fields.add(stop);
    fields.add("biases");
    for (const auto& [token, bias] : s.logit_bias) fields.add(fmt::format("{} {}", token, bias));
    llm::for_each_field(s.decoding, [&](std::string_view name, const auto& value) {
        if (value) fields.add(fmt::format("{} {}", name, *value));
    });
}

void add_format(Fields& fields, const llm::ResponseFormat& format) {
    fields.add(std::to_string(format.index()));
    if (const auto* f = std::get_if<llm::JsonSchemaFormat>(&format))
        fields.add(f->name).add(f->schema).add(f->description).add(f->strict ? "strict" : "");
    if (const auto* f = std::get_if<llm::GrammarFormat>(&format))
        fields.add(f->grammar).add(std::to_string(static_cast<int>(f->syntax)));
    if (const auto* f = std::get_if<llm::RegexFormat>(&format)) fields.add(f->pattern);
}

}  // namespace

std::optional<Fingerprint> AnswerCache::fingerprint(const std::string& alias, const llm::ChatRequest& request,
                                                    const Key* key) const {
    if (!request.extensions.empty()) return std::nullopt;
    for (const auto& message : request.messages)
        if (!message.extensions.empty()) return std::nullopt;
    Fields fields;
    fields.add(alias);
    // With isolation nobody shares with those who have no key but they themselves.
    if (policy_.isolation == CachePolicy::Isolation::key) fields.add(key == nullptr ? "" : key->name);
    if (policy_.isolation == CachePolicy::Isolation::team)
        fields.add(key == nullptr ? "" : key->team.empty() ? "key " + key->name : "team " + key->team);
    for (const auto& tool : request.tools)
        fields.add(tool.name).add(tool.description).add(tool.parameters_schema).add(tool.strict ? "strict" : "");
    fields.add(std::to_string(static_cast<int>(request.tool_choice.mode))).add(request.tool_choice.name);
    fields.number(request.tool_choice.parallel);
    add_settings(fields, request.settings);
    add_format(fields, request.format);
    if (request.reasoning) {
        const auto& r = *request.reasoning;
        fields.add(r.effort ? llm::to_string(*r.effort) : "-").number(r.budget_tokens).add(r.include ? "shown" : "");
    }
    Fingerprint out;
    std::span<const llm::Message> messages = request.messages;
    auto whole = fields;
    whole.add(llm::to_json(messages));
    out.whole = whole.digest();
    if (!policy_.embedder || messages.empty()) return out;
    const auto& last = messages.back();
    if (last.role != llm::Role::user || last.content.size() != 1) return out;
    const auto* text = std::get_if<llm::TextPart>(&last.content.front());
    if (text == nullptr) return out;
    out.question = text->text;
    out.context = fields.add(llm::to_json(messages.first(messages.size() - 1))).digest();
    return out;
}

void AnswerCache::remove(Place place) {
    bytes_ -= place->bytes;
    by_whole_.erase(place->whole);
    const auto [first, last] = by_context_.equal_range(place->context);
    for (auto at = first; at != last; ++at)
        if (at->second == place) {
            by_context_.erase(at);
            break;
        }
    entries_.erase(place);
}

AnswerCache::Events AnswerCache::use(Place place) {
    entries_.splice(entries_.begin(), entries_, place);
    return place->events;
}

AnswerCache::Events AnswerCache::find(const Fingerprint& question) {
    const std::scoped_lock lock(mutex_);
    const auto at = by_whole_.find(question.whole);
    if (at == by_whole_.end()) return nullptr;
    if (at->second->until <= clocks_.steady()) {
        remove(at->second);
        return nullptr;
    }
    return use(at->second);
}

AnswerCache::Events AnswerCache::find_similar(const Fingerprint& question, const std::vector<float>& vector) {
    const std::scoped_lock lock(mutex_);
    const auto now = clocks_.steady();
    const auto [first, last] = by_context_.equal_range(question.context);
    double best = policy_.similarity;
    std::optional<Place> nearest;
    for (auto at = first; at != last; ++at) {
        const auto& entry = *at->second;
        if (entry.until <= now || entry.vector.size() != vector.size()) continue;
        const double likeness = std::inner_product(vector.begin(), vector.end(), entry.vector.begin(), 0.0);
        if (likeness < best) continue;
        best = likeness;
        nearest = at->second;
    }
    if (!nearest) return nullptr;
    return use(*nearest);
}

void AnswerCache::put(const Fingerprint& question, std::vector<float> vector, std::vector<llm::ChatEvent> events) {
    std::size_t bytes = 512 + vector.size() * sizeof(float);
    for (const auto& event : events) bytes += bytes_of(event);
    if (bytes > policy_.max_bytes) return;
    const std::scoped_lock lock(mutex_);
    if (const auto at = by_whole_.find(question.whole); at != by_whole_.end()) remove(at->second);
    const auto context = vector.empty() ? std::string() : question.context;
    entries_.push_front({question.whole, context, std::move(vector),
                         std::make_shared<const std::vector<llm::ChatEvent>>(std::move(events)), bytes,
                         clocks_.steady() + policy_.ttl});
    by_whole_[question.whole] = entries_.begin();
    if (!context.empty()) by_context_.emplace(context, entries_.begin());
    bytes_ += bytes;
    while (entries_.size() > policy_.max_entries || bytes_ > policy_.max_bytes) remove(std::prev(entries_.end()));
}

std::pair<std::size_t, std::size_t> AnswerCache::size() {
    const std::scoped_lock lock(mutex_);
    return {entries_.size(), bytes_};
}

task<Result<std::vector<float>>> embed_question(llm::EmbedderPtr embedder, std::string question, CallOptions options) {
    std::vector<std::string> texts;
    texts.push_back(std::move(question));
    TENON_CO_TRY(auto rows, co_await embedder->embed(std::move(texts), llm::EmbedKind::query, std::move(options)));
    auto vector = std::move(rows.values);
    double norm = 0;
    for (const float v : vector) norm += static_cast<double>(v) * v;
    if (!(norm > 0)) co_return fail(ErrorCode::protocol, "the embedder gave a vector of no length");
    for (float& v : vector) v = static_cast<float>(v / std::sqrt(norm));
    co_return vector;
}

std::size_t bytes_of(const llm::ChatEvent& event) {
    std::size_t bytes = sizeof(event) + event.text.size() + event.reasoning.size();
    for (const auto& call : event.tool_calls)
        bytes += sizeof(call) + call.id.size() + call.name.size() + call.arguments_json.size() + call.signature.size();
    for (const auto& delta : event.tool_call_deltas) bytes += sizeof(delta) + delta.arguments.size();
    for (const auto& logprob : event.logprobs) bytes += sizeof(logprob) * (1 + logprob.top.size()) * 2;
    for (const auto& part : event.parts) {
        bytes += sizeof(part);
        if (const auto* p = std::get_if<llm::ProviderPart>(&part)) bytes += p->json.size();
        if (const auto* p = std::get_if<llm::ImagePart>(&part)) bytes += p->bytes.size();
        if (const auto* p = std::get_if<llm::AudioPart>(&part)) bytes += p->bytes.size();
    }
    return bytes;
}

}  // namespace tenon::gateway
