#include "tenon/hub/catalog.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "hub/builtin_models.hpp"
#include "tenon/base/file.hpp"
#include "tenon/hub/source.hpp"

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_UNRELEASED_FEATURES 0
#include <toml++/toml.h>

namespace tenon::hub {
namespace {

constexpr std::pair<std::string_view, Role> roles[] = {
    {"chat", Role::chat}, {"base", Role::base}, {"embedding", Role::embedding}, {"reranker", Role::reranker}};

struct Reader {
    std::string_view origin;

    std::unexpected<Error> bad(const toml::node& node, std::string_view why) const {
        return fail(ErrorCode::corrupt,
                    fmt::format("{}, line {}: {}", origin, static_cast<unsigned>(node.source().begin.line), why));
    }

    Result<void> text(const toml::table& table, std::string_view key, std::string& out) const {
        const toml::node* node = table.get(key);
        if (!node) return {};
        const auto value = node->value_exact<std::string>();
        if (!value) return bad(*node, fmt::format("'{}' must be a string", key));
        out = *value;
        return {};
    }

    Result<ExpectedFile> file(const toml::table& table) const {
        ExpectedFile out;
        TENON_CHECK(text(table, "name", out.name));
        TENON_CHECK(text(table, "sha256", out.sha256));
        if (const auto bytes = table["bytes"].value_exact<std::int64_t>(); bytes && *bytes > 0)
            out.bytes = static_cast<std::uint64_t>(*bytes);
        const bool hash_ok = out.sha256.size() == 64 && std::ranges::all_of(out.sha256, [](char c) {
                                 return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                             });
        if (!out.sha256.empty() && !hash_ok) return bad(table, "'sha256' must be 64 lower-case hexadecimal digits");
        return out;
    }

    Result<CatalogEntry> entry(std::string_view name, const toml::table& table) const {
        static constexpr std::string_view known[] = {"role",    "description", "licence", "file",
                                                     "sources", "files",       "sha256",  "bytes"};
        CatalogEntry out;
        out.name = name;
        for (const auto& [key, node] : table)
            if (std::ranges::find(known, key.str()) == std::end(known))
                return bad(node, fmt::format("models.{} has no key '{}'", name, key.str()));
        std::string role = "chat";
        TENON_CHECK(text(table, "role", role));
        const auto parsed = parse_role(role);
        if (!parsed) return bad(table, fmt::format("role '{}' is none of chat, base, embedding, reranker", role));
        out.role = *parsed;
        TENON_CHECK(text(table, "description", out.description));
        TENON_CHECK(text(table, "licence", out.licence));
        TENON_CHECK(text(table, "file", out.file));
        if (out.file.find('/') != std::string::npos || out.file.starts_with('.'))
            return bad(table, "'file' must be a plain file name");
        const toml::array* sources = table["sources"].as_array();
        if (!sources || sources->empty()) return bad(table, fmt::format("models.{} needs 'sources'", name));
        for (const toml::node& node : *sources) {
            const auto source = node.value_exact<std::string>();
            if (!source) return bad(node, "'sources' must hold strings");
            if (const auto valid = parse_source(*source); !valid) return bad(node, valid.error().message());
            out.sources.push_back(*source);
        }
        if (table.contains("sha256")) {
            if (out.file.empty()) return bad(table, "'sha256' needs 'file' beside it");
            TENON_TRY(ExpectedFile single, file(table));
            single.name = out.file;
            out.files.push_back(std::move(single));
        }
        if (const toml::array* files = table["files"].as_array()) {
            for (const toml::node& node : *files) {
                if (!node.as_table()) return bad(node, "'files' must hold tables");
                TENON_TRY(ExpectedFile one, file(*node.as_table()));
                if (one.name.empty() || one.sha256.empty()) return bad(node, "a file needs 'name' and 'sha256'");
                out.files.push_back(std::move(one));
            }
        }
        return out;
    }
};

bool is_alias(std::string_view name) noexcept {
    return !name.empty() && name.front() != '.' && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    });
}

}  // namespace

std::string_view to_string(Role role) noexcept {
    for (const auto& [name, value] : roles)
        if (value == role) return name;
    return "chat";
}

std::optional<Role> parse_role(std::string_view text) noexcept {
    for (const auto& [name, value] : roles)
        if (name == text) return value;
    return std::nullopt;
}

Result<Catalog> Catalog::parse(std::string_view toml, std::string_view origin) {
    const toml::parse_result parsed = toml::parse(toml, origin);
    if (!parsed)
        return fail(ErrorCode::corrupt,
                    fmt::format("{}, line {}: {}", origin, static_cast<unsigned>(parsed.error().source().begin.line),
                                parsed.error().description()));
    const Reader reader{origin};
    Catalog catalog;
    for (const auto& [key, node] : parsed.table()) {
        if (key.str() != "models" || !node.as_table())
            return reader.bad(node, fmt::format("'{}' is unknown; models stand in tables [models.NAME]", key.str()));
        for (const auto& [name, model] : *node.as_table()) {
            if (!is_alias(name.str()) || !model.as_table())
                return reader.bad(model, fmt::format("'{}' is no table [models.NAME]", name.str()));
            TENON_TRY(CatalogEntry entry, reader.entry(name.str(), *model.as_table()));
            catalog.entries_.push_back(std::move(entry));
        }
    }
    std::ranges::sort(catalog.entries_, {}, &CatalogEntry::name);
    return catalog;
}

Result<Catalog> Catalog::builtin() { return parse(builtin_models_toml, "the built-in models"); }

Result<Catalog> Catalog::load(const std::filesystem::path& user_file) {
    TENON_TRY(Catalog catalog, builtin());
    auto text = read_file(user_file, std::size_t{4} << 20);
    if (!text) {
        if (text.error().code() == ErrorCode::not_found) return catalog;
        return std::unexpected(std::move(text).error());
    }
    TENON_TRY(Catalog user, parse(*text, user_file.string()));
    for (CatalogEntry& entry : user.entries_) {
        const auto it = std::ranges::find(catalog.entries_, entry.name, &CatalogEntry::name);
        if (it != catalog.entries_.end())
            *it = std::move(entry);
        else
            catalog.entries_.push_back(std::move(entry));
    }
    std::ranges::sort(catalog.entries_, {}, &CatalogEntry::name);
    return catalog;
}

const CatalogEntry* Catalog::find(std::string_view name) const noexcept {
    const auto it = std::ranges::find(entries_, name, &CatalogEntry::name);
    return it == entries_.end() ? nullptr : &*it;
}

}  // namespace tenon::hub
