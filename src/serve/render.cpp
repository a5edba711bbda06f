#include "tenon/serve/render.hpp"

#include <boost/json.hpp>

namespace tenon::serve {

json::Value render_results(const rag::Retrieval& found) {
    json::Array rows;
    for (const auto& p : found.passages) {
        const auto& c = p.hit.chunk;
        json::Object row{{"source", p.hit.source},
                         {"text", c.text},
                         {"score", p.hit.score},
                         {"heading", c.heading},
                         {"title", p.hit.title}};
        row["page"] = c.page > 0 ? json::Value(c.page) : json::Value(nullptr);
        row["start_line"] = c.start_line;
        row["end_line"] = c.end_line;
        row["start_char"] = c.start_char;
        row["end_char"] = c.end_char;
        row["chunk_id"] = p.hit.chunk_id;
        json::Object parts;
        parts["bm25"] = p.hit.bm25 ? json::Value(*p.hit.bm25) : json::Value(nullptr);
        parts["bm25_rank"] = p.text_rank ? json::Value(*p.text_rank) : json::Value(nullptr);
        parts["similarity"] = p.hit.similarity ? json::Value(*p.hit.similarity) : json::Value(nullptr);
        parts["similarity_rank"] = p.vector_rank ? json::Value(*p.vector_rank) : json::Value(nullptr);
        parts["coverage"] = p.coverage;
        parts["proximity"] = p.proximity;
        row["scores"] = std::move(parts);
        rows.push_back(std::move(row));
    }
    json::Object out{{"results", std::move(rows)}, {"vector_weight", found.vector_weight}};
    if (found.vector_problem) out["warning"] = "searched without vectors: " + found.vector_problem->describe();
    return out;
}

json::Value render_answer(const rag::Answer& answer) {
    json::Array citations;
    for (const auto& c : answer.citations) {
        json::Object row{
            {"index", c.index}, {"source", c.source}, {"text", c.text}, {"title", c.title}, {"heading", c.heading}};
        row["page"] = c.page > 0 ? json::Value(c.page) : json::Value(nullptr);
        row["start_line"] = c.start_line;
        row["end_line"] = c.end_line;
        row["start_char"] = c.start_char;
        row["end_char"] = c.end_char;
        row["score"] = c.score;
        citations.push_back(std::move(row));
    }
    const auto& s = answer.signals;
    return json::Object{
        {"answer", answer.text},
        {"citations", std::move(citations)},
        {"answerable", answer.answerable},
        {"confidence", answer.confidence},
        {"signals", json::Object{{"chunks", s.chunks},
                                 {"coverage", s.coverage},
                                 {"retrieval", s.retrieval},
                                 {"similarity", s.similarity},
                                 {"missing", s.missing},
                                 {"support", s.support}}},
        {"usage", json::Object{{"input_tokens", answer.usage.input_tokens},
                               {"cached_input_tokens", answer.usage.cached_input_tokens},
                               {"output_tokens", answer.usage.output_tokens},
                               {"total_tokens", answer.usage.input_tokens + answer.usage.output_tokens}}},
        {"timings", json::Object{{"retrieve_ms", answer.timings.retrieve_ms},
                                 {"prompt_ms", answer.timings.prompt_ms},
                                 {"decode_ms", answer.timings.decode_ms},
                                 {"total_ms", answer.timings.total_ms}}}};
}

}  // namespace tenon::serve
