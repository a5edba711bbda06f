#include "gateway/keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <random>

#include "tenon/base/hash.hpp"
#include "tenon/json/json.hpp"

namespace tenon::gateway {
namespace {

constexpr std::chrono::milliseconds look_again{200};

bool is_sha256(std::string_view text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// "2026-11-25" to the windows it lies in.
std::array<std::int64_t, 3> windows_of_day(std::string_view day) {
    int parts[3] = {0, 0, 0};
    const char *at = day.data(), *end = at + day.size();
    for (int& part : parts) {
        at = std::from_chars(at, end, part).ptr;
        if (at < end) ++at;
    }
    const std::chrono::year_month_day date{std::chrono::year(parts[0]),
                                           std::chrono::month(static_cast<unsigned>(parts[1])),
                                           std::chrono::day(static_cast<unsigned>(parts[2]))};
    return windows_of(std::chrono::sys_days(date));
}

}  // namespace

std::string make_key() {
    static constexpr std::string_view letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    std::random_device random;  // the system's own generator
    std::uniform_int_distribution<std::size_t> letter(0, letters.size() - 1);
    std::string out = "sk-tenon-";
    for (int i = 0; i < 43; ++i) out += letters[letter(random)];
    return out;
}

std::string hash_of(std::string_view key) { return sha256_hex(key); }

std::string to_json(const Limits& limits) {
    json::Object budget;
    const auto put = [&](const char* name, const std::optional<llm::Cost>& cost) {
        if (cost) budget[name] = static_cast<double>(cost->microdollars()) / 1e6;
    };
    put("day", limits.budget.day);
    put("month", limits.budget.month);
    put("total", limits.budget.total);
    json::Object out;
    if (!budget.empty()) out["budget"] = std::move(budget);
    if (limits.requests_per_minute != 0) out["requests_per_minute"] = limits.requests_per_minute;
    if (limits.tokens_per_minute != 0) out["tokens_per_minute"] = limits.tokens_per_minute;
    if (limits.max_parallel != 0) out["max_parallel"] = limits.max_parallel;
    if (!limits.models.empty()) out["models"] = json::Array(limits.models.begin(), limits.models.end());
    return json::dump(out);
}

Result<Limits> limits_from_json(std::string_view text) {
    TENON_TRY(const auto value, json::parse(text));
    if (!value.is_object()) return fail(ErrorCode::corrupt, "limits must be a JSON object");
    Limits out;
    if (const auto* budget = json::find(value, "budget"); budget != nullptr) {
        const auto read = [&](const char* name, std::optional<llm::Cost>& into) -> Result<void> {
            const auto* amount = json::find(*budget, name);
            if (amount == nullptr) return {};
            const double dollars = amount->is_number() ? amount->to_number<double>() : -1;
            if (!(dollars >= 0) || dollars > 9e6)
                return fail(ErrorCode::corrupt,
                            fmt::format("the budget \"{}\" must be dollars, at most 9 million", name));
            into = llm::Cost(static_cast<std::uint64_t>(std::llround(dollars * 1e6)) * 1'000'000);
            return {};
        };
        TENON_CHECK(read("day", out.budget.day));
        TENON_CHECK(read("month", out.budget.month));
        TENON_CHECK(read("total", out.budget.total));
    }
    const auto count = [&](const char* name) {
        return static_cast<std::uint64_t>(std::max<std::int64_t>(0, json::integer_or(value, name, 0)));
    };
    out.requests_per_minute = count("requests_per_minute");
    out.tokens_per_minute = count("tokens_per_minute");
    out.max_parallel = count("max_parallel");
    if (const auto* models = json::find(value, "models"); models != nullptr && models->is_array())
        for (const auto& model : models->get_array())
            if (model.is_string()) out.models.emplace_back(model.get_string());
    return out;
}

Result<void> KeyRing::fill(std::vector<Team> teams, std::vector<Key> keys, bool recover) {
    const std::scoped_lock lock(mutex_);
    for (auto& team : teams) {
        if (team.name.empty() || teams_.contains(team.name))
            return fail(ErrorCode::invalid_argument,
                        fmt::format("the team '{}' is there twice, or has no name", team.name));
        teams_[team.name] = limiter_.make(fmt::format("the team '{}'", team.name), std::move(team.limits));
    }
    for (auto& key : keys) TENON_CHECK(add(std::move(key), true));
    fixed_ = by_hash_;
    if (!ledger_) return {};
    if (recover) TENON_CHECK(ledger_->recover());
    TENON_TRY(version_, ledger_->version());
    TENON_CHECK(read_ledger());
    // All of the past, for those budgets that have no window; the team's rows are those of keys long revoked too.
    TENON_TRY(const auto rows, ledger_->spending({}));
    for (const auto& row : rows) {
        const auto [day, month, ever] = windows_of_day(row.day);
        if (const auto at = keys_.find(row.key); at != keys_.end())
            limiter_.load(*at->second, day, month, row.picodollars);
        if (const auto at = teams_.find(row.team); at != teams_.end())
            limiter_.load(*at->second, day, month, row.picodollars);
    }
    return {};
}

Result<void> KeyRing::add(Key key, bool fixed) {
    if (!is_sha256(key.sha256))
        return fail(ErrorCode::invalid_argument,
                    fmt::format("the key '{}' needs its SHA-256, 64 hexadecimal digits; `tenon gateway keys create` "
                                "makes one",
                                key.name));
    // A key of a team that is gone from the settings would have none of its limits: it is not let in.
    if (!key.team.empty() && !teams_.contains(key.team)) {
        if (!fixed) return {};
        return fail(ErrorCode::invalid_argument,
                    fmt::format("the key '{}' is of the team '{}', which is not there", key.name, key.team));
    }
    if (fixed && (by_hash_.contains(key.sha256) || keys_.contains(key.name)))
        return fail(ErrorCode::invalid_argument, fmt::format("the key '{}' is there twice", key.name));
    if (!keys_.contains(key.name)) keys_[key.name] = limiter_.make(fmt::format("the key '{}'", key.name), key.limits);
    auto hash = key.sha256;
    by_hash_.emplace(std::move(hash), std::make_shared<const Key>(std::move(key)));
    return {};
}

Result<void> KeyRing::read_ledger() {
    TENON_TRY(auto records, ledger_->keys());
    by_hash_ = fixed_;
    for (auto& record : records) {
        if (record.revoked_at != 0) continue;
        auto limits = limits_from_json(record.settings);
        if (!limits) continue;  // made by a newer Tenon: nobody knows what it may do
        TENON_CHECK(add({record.id, record.sha256, record.team, std::move(*limits)}, false));
    }
    return {};
}

void KeyRing::refresh() {
    if (!ledger_) return;
    const auto now = Clock::now();
    if (now - looked_ < look_again) return;
    looked_ = now;
    const auto version = ledger_->version();
    if (!version || *version == version_) return;
    if (read_ledger()) version_ = *version;
}

Result<KeyPtr> KeyRing::find(std::string_view key) {
    // The hash is what is looked up: how long that takes says nothing about any key.
    const auto hash = hash_of(key);
    const std::scoped_lock lock(mutex_);
    refresh();
    const auto at = by_hash_.find(hash);
    if (key.empty() || at == by_hash_.end())
        return fail(ErrorCode::unauthenticated, "a valid API key is needed: send it as \"Authorization: Bearer KEY\"");
    return at->second;
}

bool KeyRing::empty() {
    const std::scoped_lock lock(mutex_);
    refresh();
    return by_hash_.empty();
}

std::vector<SubjectPtr> KeyRing::subjects(const Key* key) {
    std::vector<SubjectPtr> out;
    if (key == nullptr) return out;
    const std::scoped_lock lock(mutex_);
    if (const auto at = keys_.find(key->name); at != keys_.end()) out.push_back(at->second);
    if (const auto at = teams_.find(key->team); at != teams_.end()) out.push_back(at->second);
    return out;
}

}  // namespace tenon::gateway
