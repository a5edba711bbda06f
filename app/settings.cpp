#include "settings.hpp"

#include <fmt/format.h>

// One mode in the whole program (hub's too): toml++'s two modes share symbols.
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>
#include <charconv>
#include <cstdlib>

#include "tenon/base/file.hpp"
#include "tenon/engine/speculation.hpp"
#include "tenon/gateway/settings.hpp"

namespace tenon::app {
namespace {

std::string variable(std::initializer_list<const char*> names) {
    for (const char* name : names)
        if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return value;
    return {};
}

std::vector<std::string> split_commas(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const auto comma = text.find(',');
        auto part = text.substr(0, comma);
        while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
        while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
        if (!part.empty()) out.emplace_back(part);
        text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    }
    return out;
}

/// "6442450944", "6G", "512MiB".
Result<std::uint64_t> parse_size(std::string_view text, std::string_view name) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    if (error == std::errc{}) {
        for (const auto& [prefix, shift] : {std::pair{'K', 10}, {'M', 20}, {'G', 30}, {'T', 40}})
            if (!unit.empty() && (unit.front() == prefix || unit.front() == prefix + 32)) {
                if (value > (UINT64_MAX >> shift)) break;
                value <<= shift;
                unit.remove_prefix(1);
                if (unit == "iB" || unit == "B" || unit == "b") unit = {};
                break;
            }
        if (unit.empty()) return value;
    }
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} must be a size such as 6442450944, 512M or 6G, not '{}'", name, text));
}

/// [providers.NAME] with base_url, api_key, region, api_version.
Result<void> read_providers(const std::filesystem::path& path, const toml::node& node, Settings& s) {
    const auto wrong = [&](std::string what) {
        return fail(ErrorCode::invalid_argument, fmt::format("{}: {}", path.string(), what));
    };
    const auto* table = node.as_table();
    if (table == nullptr) return wrong("providers must be tables, as [providers.openai]");
    for (const auto& [name, entry] : *table) {
        const auto* fields = entry.as_table();
        if (fields == nullptr) return wrong(fmt::format("providers.{} must be a table", name.str()));
        auto& out = s.providers[std::string(name.str())];
        for (const auto& [field, value] : *fields) {
            const std::string_view key = field.str();
            std::string* const place = key == "base_url"      ? &out.base_url
                                       : key == "api_key"     ? &out.api_key
                                       : key == "region"      ? &out.region
                                       : key == "api_version" ? &out.api_version
                                                              : nullptr;
            const auto text = value.value<std::string>();
            if (place == nullptr || !text)
                return wrong(
                    fmt::format("providers.{}: {} is none of base_url, api_key, region, api_version, or no string",
                                name.str(), key));
            *place = *text;
        }
    }
    return {};
}

Result<void> read_gateway(const std::filesystem::path& path, std::string_view text, Settings& s) {
    auto parsed = gateway::parse_settings(text);
    if (!parsed)
        return fail(ErrorCode::invalid_argument, fmt::format("{}: {}", path.string(), parsed.error().message()));
    if (*parsed) s.gateway = std::make_shared<const gateway::Settings>(std::move(**parsed));
    return {};
}

/// [mcp]: what /mcp of the server offers.
Result<void> read_mcp(const std::filesystem::path& path, const toml::node& node, Settings::Mcp& out) {
    const auto* table = node.as_table();
    const auto wrong = [&](std::string_view what) {
        return fail(ErrorCode::invalid_argument, fmt::format("{}: {}", path.string(), what));
    };
    if (table == nullptr) return wrong("mcp must be a table, [mcp]");
    for (const auto& [field, value] : *table) {
        const std::string_view key = field.str();
        bool* const flag = key == "enabled" ? &out.enabled : key == "ask" ? &out.ask : nullptr;
        std::vector<std::string>* const list = key == "bases"   ? &out.bases
                                               : key == "tools" ? &out.tools
                                               : key == "hosts" ? &out.hosts
                                                                : nullptr;
        const auto* array = value.as_array();
        if (flag != nullptr && value.is_boolean()) {
            *flag = value.as_boolean()->get();
        } else if (list != nullptr && array != nullptr) {
            for (const auto& item : *array) {
                const auto text = item.value<std::string>();
                if (!text) return wrong(fmt::format("mcp.{} must be a list of strings", key));
                list->push_back(*text);
            }
        } else {
            return wrong(
                fmt::format("mcp.{} is none of enabled, ask (true or false), bases, tools, hosts (lists of "
                            "strings)",
                            key));
        }
    }
    return {};
}

Result<void> read_toml(const std::filesystem::path& path, Settings& s) {
    TENON_TRY(const std::string text, read_file(path, std::size_t{1} << 20));
    const auto parsed = toml::parse(text);
    if (!parsed)
        return fail(
            ErrorCode::invalid_argument,
            fmt::format("{}:{}: {}", path.string(), parsed.error().source().begin.line, parsed.error().description()));
    const toml::table& table = parsed.table();
    const auto wrong = [&](std::string_view key, std::string_view wanted) {
        return fail(ErrorCode::invalid_argument, fmt::format("{}: {} must be {}", path.string(), key, wanted));
    };
    for (const auto& [k, node] : table) {
        const std::string_view key = k.str();
        const auto text_into = [&](std::string& out) -> Result<void> {
            const auto value = node.value<std::string>();
            if (!value) return wrong(key, "a string");
            out = *value;
            return {};
        };
        const auto list_into = [&](std::vector<std::string>& out) -> Result<void> {
            const auto* array = node.as_array();
            if (array == nullptr) return wrong(key, "a list of strings");
            out.clear();
            for (const auto& item : *array) {
                const auto value = item.value<std::string>();
                if (!value) return wrong(key, "a list of strings");
                out.push_back(*value);
            }
            return {};
        };
        const auto count_into = [&](auto& out, std::int64_t most) -> Result<void> {
            const auto value = node.value<std::int64_t>();
            if (!value || *value < 0 || *value > most)
                return wrong(key, fmt::format("a whole number from 0 to {}", most));
            out = static_cast<std::remove_reference_t<decltype(out)>>(*value);
            return {};
        };
        Result<void> done{};
        if (key == "chat_model")
            done = text_into(s.chat_model);
        else if (key == "embedding_model")
            done = text_into(s.embedding_model);
        else if (key == "base_url")
            done = text_into(s.base_url);
        else if (key == "api_key")
            done = text_into(s.api_key);
        else if (key == "proxy")
            done = text_into(s.proxy);
        else if (key == "no_proxy")
            done = text_into(s.no_proxy);
        else if (key == "hf_endpoint")
            done = text_into(s.hf_endpoint);
        else if (key == "host")
            done = text_into(s.host);
        else if (key == "port")
            done = count_into(s.port, 65535);
        else if (key == "threads")
            done = count_into(s.threads, 1024);
        else if (key == "context")
            done = count_into(s.context, 1 << 24);
        else if (key == "kv_cache")
            done = text_into(s.kv_cache);
        else if (key == "kv_tokens")
            done = count_into(s.kv_tokens, std::int64_t{1} << 32);
        else if (key == "max_sequences")
            done = count_into(s.max_sequences, 4096);
        else if (key == "draft_model")
            done = text_into(s.draft_model);
        else if (key == "draft_max")
            done = count_into(s.draft_max, engine::most_guesses);
        else if (key == "context_keep") {
            const auto value = node.value<std::int64_t>();
            if (!value || *value < -1 || *value > 1 << 24)
                return wrong(key, "a whole number: -1 for the prompt, or tokens");
            s.context_keep = static_cast<int>(*value);
        } else if (key == "lookup" || key == "context_shift") {
            const auto value = node.value<bool>();
            if (!value) return wrong(key, "true or false");
            (key == "lookup" ? s.lookup : s.context_shift) = *value;
        } else if (key == "server_keys")
            done = list_into(s.server_keys);
        else if (key == "cors_origins")
            done = list_into(s.cors_origins);
        else if (key == "gateway")
            done = read_gateway(path, text, s);
        else if (key == "mcp")
            done = read_mcp(path, node, s.mcp);
        else if (key == "providers")
            done = read_providers(path, node, s);
        else if (key == "memory_budget") {
            if (const auto number = node.value<std::int64_t>(); number && *number >= 0) {
                s.memory_budget = static_cast<std::uint64_t>(*number);
            } else {
                std::string size;
                TENON_CHECK(text_into(size));
                TENON_TRY(s.memory_budget, parse_size(size, key));
            }
        } else {
            return fail(ErrorCode::invalid_argument,
                        fmt::format("{}: unknown setting '{}'; docs/guide/settings.md lists them", path.string(), key));
        }
        TENON_CHECK(std::move(done));
    }
    s.file = path;
    return {};
}

template <class T>
Result<void> count_variable(const char* name, T& out, std::uint64_t most) {
    const std::string text = variable({name});
    if (text.empty()) return {};
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > most)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("{} must be a whole number from 0 to {}, not '{}'", name, most, text));
    out = static_cast<T>(value);
    return {};
}

}  // namespace

std::string environment(const std::vector<std::string>& names) {
    for (const auto& name : names)
        if (auto value = variable({name.c_str()}); !value.empty()) return value;
    return {};
}

Result<Settings> load_settings() {
    Settings s;
    if (const std::string home = variable({"TENON_HOME"}); !home.empty())
        s.home = home;
    else if (const std::string data = variable({"XDG_DATA_HOME"}); !data.empty())
        s.home = std::filesystem::path(data) / "tenon";
    else if (const std::string user = variable({"HOME"}); !user.empty())
        s.home = std::filesystem::path(user) / ".local/share/tenon";
    else
        return fail(ErrorCode::invalid_argument,
                    "neither TENON_HOME nor HOME is set; set TENON_HOME to the folder for models and knowledge bases");
    std::error_code ignored;
    s.home = std::filesystem::absolute(s.home, ignored);
    if (const auto path = s.home / "tenon.toml"; std::filesystem::exists(path, ignored))
        TENON_CHECK(read_toml(path, s));

    const auto override_with = [](std::string& out, std::initializer_list<const char*> names) {
        if (std::string value = variable(names); !value.empty()) out = std::move(value);
    };
    override_with(s.chat_model, {"TENON_MODEL"});
    override_with(s.embedding_model, {"TENON_EMBEDDING_MODEL"});
    override_with(s.base_url, {"TENON_BASE_URL"});
    override_with(s.api_key, {"TENON_API_KEY"});
    override_with(s.proxy, {"TENON_PROXY", "HTTPS_PROXY", "https_proxy"});
    override_with(s.no_proxy, {"NO_PROXY", "no_proxy"});
    override_with(s.hf_endpoint, {"HF_ENDPOINT"});
    override_with(s.hf_token, {"HF_TOKEN"});
    override_with(s.host, {"TENON_HOST"});
    TENON_CHECK(count_variable("TENON_PORT", s.port, 65535));
    TENON_CHECK(count_variable("TENON_THREADS", s.threads, 1024));
    TENON_CHECK(count_variable("TENON_CONTEXT", s.context, 1 << 24));
    override_with(s.kv_cache, {"TENON_KV_CACHE"});
    TENON_CHECK(count_variable("TENON_KV_TOKENS", s.kv_tokens, std::int64_t{1} << 32));
    TENON_CHECK(count_variable("TENON_MAX_SEQUENCES", s.max_sequences, 4096));
    override_with(s.draft_model, {"TENON_DRAFT_MODEL"});
    TENON_CHECK(count_variable("TENON_DRAFT_MAX", s.draft_max, engine::most_guesses));
    for (const auto& [name, out] : {std::pair{"TENON_LOOKUP", &s.lookup}, {"TENON_CONTEXT_SHIFT", &s.context_shift}}) {
        const std::string value = variable({name});
        if (value.empty()) continue;
        if (value != "0" && value != "1")
            return fail(ErrorCode::invalid_argument, fmt::format("{} must be 0 or 1, not '{}'", name, value));
        *out = value == "1";
    }
    if (s.kv_cache != "f16" && s.kv_cache != "q8")
        return fail(ErrorCode::invalid_argument,
                    fmt::format("kv_cache is '{}'; keys and values can be kept as f16 or q8", s.kv_cache));
    if (s.max_sequences == 0) return fail(ErrorCode::invalid_argument, "max_sequences is 0; give at least 1");
    if (const std::string size = variable({"TENON_MEMORY_BUDGET"}); !size.empty()) {
        TENON_TRY(s.memory_budget, parse_size(size, "TENON_MEMORY_BUDGET"));
    }
    if (const std::string keys = variable({"TENON_SERVER_KEYS"}); !keys.empty()) s.server_keys = split_commas(keys);
    if (const std::string origins = variable({"TENON_CORS_ORIGINS"}); !origins.empty())
        s.cors_origins = split_commas(origins);
    return s;
}

}  // namespace tenon::app
