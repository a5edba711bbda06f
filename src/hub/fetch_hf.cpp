// Models of the Hugging Face hub, or of a mirror that speaks its HTTP API.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstdlib>

#include "hub/fetch.hpp"
#include "hub/hf_listing.hpp"
#include "tenon/net/url.hpp"

namespace tenon::hub {
namespace {

constexpr std::string_view default_endpoint = "https://huggingface.co";

class Hub {
  public:
    Hub(const Job& job, const Source& source) : job_(job), source_(source) {
        endpoint_ = job.options.hf_endpoint.empty() ? std::string(default_endpoint) : job.options.hf_endpoint;
        while (endpoint_.ends_with('/')) endpoint_.pop_back();
        if (!job.options.hf_token.empty()) headers_.set("Authorization", "Bearer " + job.options.hf_token);
        revision_ = source.revision.empty() ? "main" : source.revision;
    }

    [[nodiscard]] const net::Headers& headers() const noexcept { return headers_; }
    [[nodiscard]] const std::string& revision() const noexcept { return revision_; }

    [[nodiscard]] std::string file_url(std::string_view path) const {
        return fmt::format("{}/{}/resolve/{}/{}", endpoint_, source_.location, net::percent_encode(revision_),
                           encoded_path(path));
    }

    /// Replaces a branch or tag by the commit it stands for now, so that all files are of one revision.
    Result<void> pin() {
        auto info = get(
            fmt::format("{}/api/models/{}/revision/{}", endpoint_, source_.location, net::percent_encode(revision_)));
        if (!info) {
            // A mirror may lack this call; the files themselves then tell what is wrong.
            if (info.error().code() == ErrorCode::not_found || info.error().code() == ErrorCode::protocol) return {};
            return std::unexpected(std::move(info).error());
        }
        const std::string_view sha = json::string_or(info->first, "sha", "");
        if (!sha.empty()) revision_ = sha;
        return {};
    }

    Result<std::vector<ListedFile>> list() const {
        std::vector<ListedFile> all;
        std::string url = fmt::format("{}/api/models/{}/tree/{}?recursive=true", endpoint_, source_.location,
                                      net::percent_encode(revision_));
        for (int page = 0; page < 50 && !url.empty(); ++page) {
            TENON_TRY(const auto answer, get(url));
            TENON_TRY(std::vector<ListedFile> files, parse_listing(answer.first));
            all.insert(all.end(), files.begin(), files.end());
            url = next_page(answer.second);
        }
        return all;
    }

    /// Size and hash of one file from the headers of its address.
    Result<ListedFile> head(const std::string& path) const {
        net::ClientRequest request;
        request.method = "HEAD";
        request.url = file_url(path);
        request.headers = headers_;
        request.max_redirects = 0;
        TENON_TRY(const net::ClientResponse response, send(std::move(request)));
        ListedFile file{path, 0, {}};
        const auto number = [&response](std::string_view name) {
            return std::strtoull(std::string(response.headers.find(name).value_or("0")).c_str(), nullptr, 10);
        };
        file.bytes = response.headers.contains("x-linked-size") ? number("x-linked-size") : 0;
        if (file.bytes == 0 && response.status < 300) file.bytes = number("content-length");
        std::string_view tag = response.headers.find("x-linked-etag").value_or("");
        if (tag.starts_with("W/")) tag.remove_prefix(2);
        if (tag.size() == 66 && tag.front() == '"') file.sha256 = tag.substr(1, 64);
        if (tag.size() == 64) file.sha256 = tag;
        return file;
    }

  private:
    static std::string encoded_path(std::string_view path) {
        std::string out;
        for (std::size_t from = 0; from <= path.size();) {
            const std::size_t slash = std::min(path.find('/', from), path.size());
            out += (from > 0 ? "/" : "") + net::percent_encode(path.substr(from, slash - from));
            from = slash + 1;
        }
        return out;
    }

    /// The address of a Link header's rel="next", when it stays on this endpoint.
    [[nodiscard]] std::string next_page(const net::Headers& headers) const {
        const std::string_view link = headers.find("link").value_or("");
        const std::size_t open = link.find('<'), close = link.find('>');
        if (link.find("rel=\"next\"") == std::string_view::npos || open == std::string_view::npos ||
            close == std::string_view::npos || close < open)
            return {};
        std::string url(link.substr(open + 1, close - open - 1));
        return url.starts_with(endpoint_ + "/") ? url : std::string();
    }

    Result<net::ClientResponse> send(net::ClientRequest request) const {
        const std::string url = request.url;
        auto response = sync_wait(job_.runtime, job_.client.send(std::move(request), {{}, job_.options.stop}));
        if (!response) {
            TENON_CHECK(job_.check_stop());
            return response;
        }
        if (response->status < 400) return response;
        if (response->status == 401 || response->status == 403)
            return fail(
                ErrorCode::unauthenticated,
                fmt::format("the hub refuses {} (HTTP {}): it may not exist, or be gated; accept its terms on the "
                            "hub and set HF_TOKEN",
                            source_.location, response->status));
        if (response->status == 404)
            return fail(ErrorCode::not_found,
                        fmt::format("the hub has no {} at revision {}", source_.location, revision_));
        return std::unexpected(net::status_error(response->status, response->headers, url));
    }

    Result<std::pair<json::Value, net::Headers>> get(const std::string& url) const {
        net::ClientRequest request;
        request.url = url;
        request.headers = headers_;
        TENON_TRY(net::ClientResponse response, send(std::move(request)));
        auto value = json::parse(response.body);
        if (!value) return fail(ErrorCode::protocol, fmt::format("{} did not answer with JSON", url), value.error());
        return std::pair{std::move(*value), std::move(response.headers)};
    }

    const Job& job_;
    const Source& source_;
    std::string endpoint_, revision_;
    net::Headers headers_;
};

}  // namespace

Result<Fetched> fetch_hf(const Job& job, const Source& source) {
    job.report(PullStage::listing, source.location, 0, std::nullopt);
    Hub hub(job, source);
    TENON_CHECK(hub.pin());
    Selection selection;
    auto listing = hub.list();
    if (listing) {
        TENON_TRY(selection, select_files(*listing, source.member, source.location));
    } else if (listing.error().code() == ErrorCode::not_found && source.member.find('.') != std::string::npos) {
        TENON_TRY(ListedFile file, hub.head(source.member));
        selection.files.push_back(std::move(file));
    } else {
        return std::unexpected(std::move(listing).error());
    }
    const bool only = selection.files.size() == 1;
    std::vector<ExpectedFile> expectations(selection.files.size());
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < selection.files.size(); ++i) {
        const ListedFile& file = selection.files[i];
        std::string name = selection.folder ? file.path : file.path.substr(file.path.rfind('/') + 1);
        if (only && !selection.folder && !job.entry.file.empty()) name = job.entry.file;
        expectations[i] = {name, file.sha256, file.bytes};
        if (const ExpectedFile* wanted = job.expected(name, only)) {
            if (!file.sha256.empty() && !wanted->sha256.empty() && file.sha256 != wanted->sha256)
                return fail(ErrorCode::corrupt,
                            fmt::format("{} of {} has SHA-256 {} on the hub, but the catalogue demands {}", file.path,
                                        source.location, file.sha256, wanted->sha256));
            expectations[i] = {name, wanted->sha256.empty() ? file.sha256 : wanted->sha256,
                               wanted->bytes == 0 ? file.bytes : wanted->bytes};
        }
        total += expectations[i].bytes;
    }
    TENON_CHECK(job.check_space(total));
    Fetched fetched;
    fetched.source =
        fmt::format("hf:{}{}{}@{}", source.location, source.member.empty() ? "" : ":", source.member, hub.revision());
    std::uint64_t done = 0;
    for (std::size_t i = 0; i < selection.files.size(); ++i) {
        const RemoteFile remote{
            hub.file_url(selection.files[i].path), hub.headers(), expectations[i].name, &expectations[i], done, total};
        TENON_TRY(InstalledFile file, download_file(job, remote, source.text));
        done += file.bytes;
        fetched.files.push_back(std::move(file));
    }
    return fetched;
}

}  // namespace tenon::hub
