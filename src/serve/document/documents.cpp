// Knowledge bases, search and answers with citations.
#include "serve/document/describe.hpp"

namespace tenon::serve::document {
namespace {

struct SearchRequest {
    std::string query, from;
    std::optional<std::int64_t> top_k;
    std::optional<std::string> mode;
};
BOOST_DESCRIBE_STRUCT(SearchRequest, (), (query, from, top_k, mode))
constexpr auto describe_fields(const SearchRequest*) {
    return json::fields("A search of a knowledge base",
                        json::about(&SearchRequest::from, {.description = "name of the knowledge base"}),
                        json::about(&SearchRequest::top_k, {.minimum = 1, .maximum = 1000}),
                        json::about(&SearchRequest::mode, {.choices = {"hybrid", "text", "vector"}}));
}
struct PassageScores {
    std::optional<double> bm25, similarity;
    std::optional<std::int64_t> bm25_rank, similarity_rank;
    double coverage, proximity;
};
BOOST_DESCRIBE_STRUCT(PassageScores, (), (bm25, bm25_rank, similarity, similarity_rank, coverage, proximity))
struct Passage {
    std::string source, text;
    double score;
    std::string heading, title;
    std::optional<std::int64_t> page;
    std::int64_t start_line, end_line, start_char, end_char, chunk_id;
    PassageScores scores;
};
BOOST_DESCRIBE_STRUCT(Passage, (),
                      (source, text, score, heading, title, page, start_line, end_line, start_char, end_char, chunk_id,
                       scores))
struct SearchResults {
    std::vector<Passage> results;
    double vector_weight;
    std::optional<std::string> warning;
};
BOOST_DESCRIBE_STRUCT(SearchResults, (), (results, vector_weight, warning))

struct Turn {
    std::string role, content;
};
BOOST_DESCRIBE_STRUCT(Turn, (), (role, content))
struct AskRequest {
    std::string question, from;
    std::optional<std::string> model;
    std::optional<std::int64_t> top_k, max_tokens;
    std::optional<double> temperature;
    std::optional<std::vector<Turn>> history;
    std::optional<bool> stream;
};
BOOST_DESCRIBE_STRUCT(AskRequest, (), (question, from, model, top_k, max_tokens, temperature, history, stream))
constexpr auto describe_fields(const AskRequest*) {
    return json::fields("A question to a knowledge base",
                        json::about(&AskRequest::from, {.description = "name of the knowledge base"}),
                        json::about(&AskRequest::top_k, {.minimum = 1, .maximum = 100}));
}
struct Citation {
    std::int64_t index;
    std::string source, text, title, heading;
    std::optional<std::int64_t> page;
    std::int64_t start_line, end_line, start_char, end_char;
    double score;
};
BOOST_DESCRIBE_STRUCT(Citation, (),
                      (index, source, text, title, heading, page, start_line, end_line, start_char, end_char, score))
struct AnswerSignals {
    double coverage, retrieval, similarity, support;
    json::Value missing;
};
BOOST_DESCRIBE_STRUCT(AnswerSignals, (), (coverage, retrieval, similarity, missing, support))
struct AnswerUsage {
    std::int64_t input_tokens, cached_input_tokens, output_tokens, total_tokens;
};
BOOST_DESCRIBE_STRUCT(AnswerUsage, (), (input_tokens, cached_input_tokens, output_tokens, total_tokens))
struct AnswerTimings {
    double retrieve_ms, prompt_ms, decode_ms, total_ms;
};
BOOST_DESCRIBE_STRUCT(AnswerTimings, (), (retrieve_ms, prompt_ms, decode_ms, total_ms))
struct CitedAnswer {
    std::string answer;
    std::vector<Citation> citations;
    bool answerable;
    double confidence;
    AnswerSignals signals;
    AnswerUsage usage;
    AnswerTimings timings;
};
BOOST_DESCRIBE_STRUCT(CitedAnswer, (), (answer, citations, answerable, confidence, signals, usage, timings))
struct AnswerPiece {
    std::string text;
};
BOOST_DESCRIBE_STRUCT(AnswerPiece, (), (text))

struct KnowledgeBaseRequest {
    std::string name;
    std::optional<std::string> embedding_model;
};
BOOST_DESCRIBE_STRUCT(KnowledgeBaseRequest, (), (name, embedding_model))
constexpr auto describe_fields(const KnowledgeBaseRequest*) {
    return json::fields(
        json::about(&KnowledgeBaseRequest::name, {.min_length = 1}),
        json::about(&KnowledgeBaseRequest::embedding_model, {.description = "none: found by its words alone"}));
}
struct KnowledgeBase {
    std::string name, embedding_model;
    std::int64_t dimension, documents, chunks, bytes, updated_at;
    std::optional<std::string> problem;
};
BOOST_DESCRIBE_STRUCT(KnowledgeBase, (),
                      (name, embedding_model, dimension, documents, chunks, bytes, updated_at, problem))
struct KnowledgeBaseList {
    std::string object;
    std::vector<KnowledgeBase> data;
};
BOOST_DESCRIBE_STRUCT(KnowledgeBaseList, (), (object, data))
struct DeletedKnowledgeBase {
    std::string name;
    bool deleted;
};
BOOST_DESCRIBE_STRUCT(DeletedKnowledgeBase, (), (name, deleted))
struct DocumentEntry {
    std::string source, title, media_type, content_hash;
    std::int64_t chunks, characters, indexed_at;
};
BOOST_DESCRIBE_STRUCT(DocumentEntry, (), (source, title, media_type, content_hash, chunks, characters, indexed_at))
struct DocumentList {
    std::string object;
    std::vector<DocumentEntry> data;
};
BOOST_DESCRIBE_STRUCT(DocumentList, (), (object, data))
struct WhichDocument {
    std::string source;
};
BOOST_DESCRIBE_STRUCT(WhichDocument, (), (source))
struct DocumentText {
    std::string source, title, media_type, text;
    std::int64_t indexed_at;
};
BOOST_DESCRIBE_STRUCT(DocumentText, (), (source, title, media_type, text, indexed_at))
struct DeletedDocument {
    std::string source;
    bool deleted;
};
BOOST_DESCRIBE_STRUCT(DeletedDocument, (), (source, deleted))
struct DocumentUpload {
    std::vector<Upload> file;
};
BOOST_DESCRIBE_STRUCT(DocumentUpload, (), (file))
struct FailedDocument {
    std::string source, error;
};
BOOST_DESCRIBE_STRUCT(FailedDocument, (), (source, error))
struct UploadSummary {
    std::string knowledge_base;
    std::int64_t added, replaced, unchanged, chunks;
    std::vector<FailedDocument> failed;
};
BOOST_DESCRIBE_STRUCT(UploadSummary, (), (knowledge_base, added, replaced, unchanged, chunks, failed))
struct UploadProgress {
    std::int64_t files_done, files_total, chunks;
    std::string current;
};
BOOST_DESCRIBE_STRUCT(UploadProgress, (), (files_done, files_total, chunks, current))

}  // namespace

void describe_documents(Routes& routes) {
    routes.section("documents");
    routes.add<SearchResults, Body<SearchRequest>>("POST", "/v1/search", "Search a knowledge base");
    routes.add<EitherOf<CitedAnswer, Events<std::variant<AnswerPiece, CitedAnswer>>>, Body<AskRequest>>(
        "POST", "/v1/ask", "Ask a knowledge base; answers have citations");
    routes.add<KnowledgeBaseList>("GET", "/v1/knowledge_bases", "The knowledge bases");
    routes.add<Created<KnowledgeBase>, Body<KnowledgeBaseRequest>>("POST", "/v1/knowledge_bases",
                                                                   "Make a knowledge base");
    routes.add<KnowledgeBase>("GET", "/v1/knowledge_bases/{name}", "One knowledge base");
    routes.add<DeletedKnowledgeBase>("DELETE", "/v1/knowledge_bases/{name}", "Remove a knowledge base");
    routes.add<DocumentList>("GET", "/v1/knowledge_bases/{name}/documents", "The documents of a knowledge base");
    routes
        .add<EitherOf<UploadSummary, Events<std::variant<UploadProgress, UploadSummary>>>, Form<DocumentUpload>>(
            "POST", "/v1/knowledge_bases/{name}/documents", "Index documents; the base is made when there is none")
        .description("With the header Accept: text/event-stream, progress comes as events and the summary as the last")
        .responds<std::variant<UploadSummary, Error>>(400, "No document could be indexed, or the request is wrong");
    routes.add<DeletedDocument, Query<WhichDocument>>("DELETE", "/v1/knowledge_bases/{name}/documents",
                                                      "Remove a document");
    routes.add<DocumentText, Query<WhichDocument>>("GET", "/v1/knowledge_bases/{name}/document",
                                                   "The text of a document");
    routes.errors<Error>();
}

}  // namespace tenon::serve::document
