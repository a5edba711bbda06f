// Tools that come with the house. Each is a Tool like any other: rename it, or give it other terms, with its methods.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tenon/agent/sandbox.hpp"
#include "tenon/agent/tool.hpp"
#include "tenon/llm/model.hpp"
#include "tenon/store/knowledge_base.hpp"

namespace tenon::agent::tools {

/// Arithmetic: + - * / % ^, brackets, functions (sqrt, sin, log, min, round …) and the constants pi and e, in double
/// precision. Pure.
[[nodiscard]] Tool calculator();
/// The value of an expression. Errors: invalid_argument, with the place of the fault.
[[nodiscard]] Result<double> calculate(std::string_view expression);

/// Runs Python that the model writes, in the sandbox, on `blocking`'s threads.
[[nodiscard]] Tool python(Sandbox sandbox, Executor blocking);
/// Runs shell commands in the sandbox. Nothing gives it to an agent by itself.
[[nodiscard]] Tool shell(Sandbox sandbox, Executor blocking);

struct FilesOptions {
    bool write = false;                              ///< also offer write_file
    std::size_t max_bytes = std::size_t{256} << 10;  ///< of a file that is read or written
    std::size_t max_entries = 1000;                  ///< of a listing
};
/// list_files, read_file, search_files (and write_file) below one folder. Paths are relative to it; `..`, absolute
/// paths and symbolic links that lead out are refused by the kernel (openat2(2), RESOLVE_BENEATH). Errors: not_found
/// (no such folder).
[[nodiscard]] Result<std::vector<Tool>> files(const std::filesystem::path& root, FilesOptions options = {});

/// Searches a knowledge base: passages with their sources. `embedder` null: full text only.
[[nodiscard]] Tool retrieval(std::shared_ptr<store::KnowledgeBase> base, llm::EmbedderPtr embedder = nullptr,
                             std::string description = {}, std::size_t top_k = 5);

struct FetchOptions {
    std::size_t max_bytes = std::size_t{2} << 20;
    std::size_t max_text_bytes = std::size_t{48} << 10;  ///< handed to the model
    std::vector<std::string> hosts{};                    ///< allowed, with their subdomains; empty: any public one
    /// Makes text of what came; unset: text as it is, HTML without its tags.
    std::function<Result<std::string>(std::string_view bytes, std::string_view media_type)> to_text{};
    bool private_addresses = false;  ///< only for tests and networks one trusts
};
/// Fetches a page by GET. http and https only; addresses that are not public are refused after the name is resolved,
/// also behind redirects.
[[nodiscard]] Tool fetch(Executor executor, FetchOptions options = {});

enum class WebSearchProvider : std::uint8_t {
    searxng,  ///< an instance of one's own, with the JSON format switched on (search.formats)
    brave,
    tavily,
};
struct WebSearchOptions {
    WebSearchProvider provider = WebSearchProvider::searxng;
    std::string key{};             ///< Brave's and Tavily's
    std::string base_url{};        ///< SearXNG's; empty: the provider's own
    std::size_t max_results = 5;   ///< of one search; 1 to 20
    std::size_t max_text = 1'000;  ///< bytes of one result's text
};
struct WebResult {
    std::string title, url, text;  ///< plain text; the URL is http or https
};
/// What a search engine finds, best first. A `base_url` may be on a network of one's own; the providers' own must be
/// public addresses. Redirects are not followed: the key stays where it was meant to go. Errors: invalid_argument
/// (options that will not do, an empty query), unauthenticated, resource_exhausted (429) and the client's; protocol
/// (the answer makes no sense).
[[nodiscard]] task<Result<std::vector<WebResult>>> search_web(Executor executor, WebSearchOptions options,
                                                              std::string query, CallOptions call = CallOptions());
/// The same as a tool. Errors: invalid_argument.
[[nodiscard]] Result<Tool> web_search(Executor executor, WebSearchOptions options);

struct SqlOptions {
    bool read_only = true;
    std::size_t max_rows = 200;
    std::chrono::milliseconds time{5'000};
};
/// sql_schema and sql_query over a SQLite database. Read-only unless told otherwise; other databases cannot be
/// attached, and no extension loaded. Queries run on `blocking`'s threads. Errors: not_found, corrupt.
[[nodiscard]] Result<std::vector<Tool>> sql(const std::filesystem::path& database, Executor blocking,
                                            SqlOptions options = {});
/// The same over a PostgreSQL database: store::open_postgres. Errors: its own.
[[nodiscard]] Result<std::vector<Tool>> postgres(const std::string& connection, Executor blocking,
                                                 SqlOptions options = {});

}  // namespace tenon::agent::tools
