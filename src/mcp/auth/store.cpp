// Tokens and clients in memory, and as files that only their owner may read.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <map>
#include <mutex>

#include "mcp/auth/identity.hpp"
#include "mcp/auth/tokens.hpp"
#include "tenon/base/file.hpp"
#include "tenon/base/hash.hpp"

namespace tenon::mcp {
namespace {

constexpr std::int64_t version = 1;
constexpr std::size_t most_bytes = std::size_t{1} << 20;
using Time = std::chrono::system_clock::time_point;

class MemoryStore final : public TokenStore {
  public:
    Result<std::optional<OAuthToken>> token(const std::string& server) override { return get(tokens_, server); }
    Result<void> keep_token(const std::string& server, const OAuthToken& token) override {
        return put(tokens_, server, token);
    }
    Result<void> forget_token(const std::string& server) override { return drop(tokens_, server); }
    Result<std::optional<OAuthClient>> client(const std::string& issuer) override { return get(clients_, issuer); }
    Result<void> keep_client(const std::string& issuer, const OAuthClient& client) override {
        return put(clients_, issuer, client);
    }
    Result<void> forget_client(const std::string& issuer) override { return drop(clients_, issuer); }

  private:
    template <class T>
    Result<std::optional<T>> get(const std::map<std::string, T>& from, const std::string& key) {
        const std::scoped_lock lock(mutex_);
        const auto at = from.find(key);
        if (at == from.end()) return std::nullopt;
        return at->second;
    }
    template <class T>
    Result<void> put(std::map<std::string, T>& to, const std::string& key, const T& value) {
        const std::scoped_lock lock(mutex_);
        to.insert_or_assign(key, value);
        return {};
    }
    template <class T>
    Result<void> drop(std::map<std::string, T>& from, const std::string& key) {
        const std::scoped_lock lock(mutex_);
        from.erase(key);
        return {};
    }
    std::mutex mutex_;
    std::map<std::string, OAuthToken> tokens_;
    std::map<std::string, OAuthClient> clients_;
};

void put(json::Object& to, std::string_view key, const std::string& text) {
    if (!text.empty()) to[key] = text;
}
void put(json::Object& to, const std::optional<Time>& expires) {
    if (expires) to["expires"] = std::chrono::duration_cast<std::chrono::seconds>(expires->time_since_epoch()).count();
}
std::string text(const json::Value& from, std::string_view key) { return std::string(json::string_or(from, key, "")); }
std::optional<Time> expires_in(const json::Value& from) {
    const auto seconds = json::integer_or(from, "expires", -1);
    if (seconds < 0 || seconds > auth::latest_second) return std::nullopt;
    return Time(std::chrono::seconds(seconds));
}

json::Object write(const OAuthToken& token) {
    json::Object out{{"access_token", token.access}};
    put(out, "refresh_token", token.refresh);
    out["issuer"] = token.issuer;
    out["client_id"] = token.client_id;
    out["scopes"] = json::Array(token.scopes.begin(), token.scopes.end());
    put(out, token.expires);
    return out;
}
json::Object write(const OAuthClient& client) {
    json::Object out{{"client_id", client.id}};
    put(out, "client_secret", client.secret);
    if (client.auth) out["token_endpoint_auth_method"] = auth::to_string(*client.auth);
    put(out, "redirect_uri", client.redirect_uri);
    put(out, client.expires);
    return out;
}

bool read(const json::Value& from, OAuthToken& out) {
    out.access = text(from, "access_token");
    out.refresh = text(from, "refresh_token");
    out.issuer = text(from, "issuer");
    out.client_id = text(from, "client_id");
    out.expires = expires_in(from);
    if (const auto* scopes = json::find(from, "scopes"); scopes != nullptr && scopes->is_array())
        for (const auto& scope : scopes->get_array())
            if (scope.is_string()) out.scopes.emplace_back(scope.get_string());
    return !out.access.empty();
}
bool read(const json::Value& from, OAuthClient& out) {
    out.id = text(from, "client_id");
    out.secret = text(from, "client_secret");
    out.auth = auth::client_auth_from(text(from, "token_endpoint_auth_method"));
    out.redirect_uri = text(from, "redirect_uri");
    out.expires = expires_in(from);
    return !out.id.empty();
}

class FileStore final : public TokenStore {
  public:
    explicit FileStore(std::filesystem::path folder) : folder_(std::move(folder)) {}
    Result<std::optional<OAuthToken>> token(const std::string& server) override {
        return load<OAuthToken>("token", "server", server);
    }
    Result<void> keep_token(const std::string& server, const OAuthToken& token) override {
        return save("token", "server", server, write(token));
    }
    Result<void> forget_token(const std::string& server) override { return remove("token", server); }
    Result<std::optional<OAuthClient>> client(const std::string& issuer) override {
        TENON_TRY(auto client, load<OAuthClient>("client", "issuer", issuer));
        if (client) client->issuer = issuer;
        return client;
    }
    Result<void> keep_client(const std::string& issuer, const OAuthClient& client) override {
        return save("client", "issuer", issuer, write(client));
    }
    Result<void> forget_client(const std::string& issuer) override { return remove("client", issuer); }

  private:
    [[nodiscard]] std::filesystem::path file(std::string_view kind, const std::string& key) const {
        return folder_ / fmt::format("{}-{}.json", kind, sha256_hex(key).substr(0, 32));
    }
    template <class T>
    Result<std::optional<T>> load(std::string_view kind, std::string_view key_name, const std::string& key) const {
        const auto path = file(kind, key);
        const auto bytes = read_file(path, most_bytes);
        if (!bytes && bytes.error().code() == ErrorCode::not_found) return std::nullopt;
        if (!bytes) return std::unexpected(bytes.error());
        const auto value = json::parse(*bytes);
        T out;
        if (!value || json::string_or(*value, key_name, "") != key || !read(*value, out))
            return fail(ErrorCode::corrupt,
                        fmt::format("{} is not as it was written; delete it and log in again", path.string()));
        if (json::integer_or(*value, "version", 0) > version)
            return fail(ErrorCode::unsupported, fmt::format("{} is of a newer version", path.string()));
        return out;
    }
    Result<void> save(std::string_view kind, std::string_view key_name, const std::string& key,
                      json::Object content) const {
        const auto path = file(kind, key);
        const auto refused = [&](const std::error_code& error) {
            return fail(ErrorCode::io, fmt::format("cannot keep {}: {}", path.string(), error.message()));
        };
        // The folder is closed to others before the file is in it.
        std::error_code error;
        std::filesystem::create_directories(folder_, error);
        if (error) return refused(error);
        std::filesystem::permissions(folder_, std::filesystem::perms::owner_all, error);
        if (error) return refused(error);
        json::Object whole{{"version", version}, {key_name, key}};
        for (auto& [name, value] : content) whole[name] = std::move(value);
        TENON_CHECK(write_file_atomic(path, json::dump_pretty(whole) + "\n"));
        using std::filesystem::perms;
        std::filesystem::permissions(path, perms::owner_read | perms::owner_write, error);
        if (error) return refused(error);
        return {};
    }
    Result<void> remove(std::string_view kind, const std::string& key) const {
        std::error_code error;
        std::filesystem::remove(file(kind, key), error);
        if (error)
            return fail(ErrorCode::io, fmt::format("cannot delete {}: {}", file(kind, key).string(), error.message()));
        return {};
    }
    const std::filesystem::path folder_;
};

}  // namespace

std::shared_ptr<TokenStore> memory_token_store() { return std::make_shared<MemoryStore>(); }
std::shared_ptr<TokenStore> file_token_store(std::filesystem::path folder) {
    return std::make_shared<FileStore>(std::move(folder));
}

}  // namespace tenon::mcp
