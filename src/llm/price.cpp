#include "tenon/llm/price.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "tenon/json/json.hpp"

namespace tenon::llm {

std::string_view builtin_prices();  // data/prices.json

namespace {

/// Dollars to millionths; nullopt for what is no such amount.
std::optional<std::uint64_t> millionths(const json::Value& value) {
    if (!value.is_number()) return std::nullopt;
    const double scaled = value.to_number<double>() * 1e6;
    const double whole = std::round(scaled);
    if (!(whole >= 0) || whole > 1e15 || std::abs(scaled - whole) > 1e-3) return std::nullopt;
    return static_cast<std::uint64_t>(whole);
}

Result<Rates> rates_of(const json::Value& entry, std::string_view model) {
    Rates out;
    const auto read = [&](const char* key, std::uint64_t otherwise) -> Result<std::uint64_t> {
        const auto* found = json::find(entry, key);
        if (found == nullptr || found->is_null()) return otherwise;
        const auto value = millionths(*found);
        if (!value)
            return fail(ErrorCode::corrupt,
                        fmt::format("the price \"{}\" of {} must be dollars, to a millionth", key, model));
        return *value;
    };
    TENON_TRY(out.input, read("input", 0));
    TENON_TRY(out.cached_input, read("cached_input", out.input));
    TENON_TRY(out.cache_write, read("cache_write", out.input));
    TENON_TRY(out.output, read("output", 0));
    return out;
}

std::uint64_t times(std::uint64_t tokens, std::uint64_t rate) noexcept {
    return rate != 0 && tokens > UINT64_MAX / rate ? UINT64_MAX : tokens * rate;
}

/// "-2025-08-07", "-20250929", "-001", "@20250929", "-latest": what makes a version of a name.
bool is_version(std::string_view rest) noexcept {
    if (rest == "-latest" || rest == ":latest") return true;
    if (rest.size() < 2 || (rest.front() != '-' && rest.front() != '@')) return false;
    rest.remove_prefix(1);
    // A short number is another model: gpt-4 and gpt-4-5.
    if (rest.size() < 3) return false;
    return rest.find_first_not_of("0123456789-") == std::string_view::npos;
}

}  // namespace

Cost cost_of(const Price& price, const Usage& usage) noexcept {
    const auto& rates = price.above != 0 && usage.input_tokens > price.above ? price.rates_above : price.rates;
    const auto cached = std::min(usage.cached_input_tokens, usage.input_tokens);
    const auto written = std::min(usage.cache_write_tokens, usage.input_tokens - cached);
    Cost out(times(usage.input_tokens - cached - written, rates.input));
    out += Cost(times(cached, rates.cached_input));
    out += Cost(times(written, rates.cache_write));
    out += Cost(times(usage.output_tokens, rates.output));
    return out;
}

Result<PriceTable> PriceTable::parse(std::string_view text) {
    auto value = json::parse(text);
    if (!value) return fail(ErrorCode::corrupt, "the price table is not JSON", std::move(value).error());
    const auto* list = json::find(*value, "prices");
    if (list == nullptr || !list->is_array())
        return fail(ErrorCode::corrupt, "the price table must be an object with a list \"prices\"");
    PriceTable out;
    for (const auto& entry : list->get_array()) {
        Price price;
        price.provider = json::string_or(entry, "provider", "");
        price.model = json::string_or(entry, "model", "");
        if (price.model.empty()) return fail(ErrorCode::corrupt, "an entry of the price table names no model");
        TENON_TRY(price.rates, rates_of(entry, price.model));
        if (const auto* above = json::find(entry, "above"); above != nullptr && above->is_object()) {
            price.above = static_cast<std::uint64_t>(std::max<std::int64_t>(0, json::integer_or(*above, "tokens", 0)));
            TENON_TRY(price.rates_above, rates_of(*above, price.model));
        }
        price.as_of = json::string_or(entry, "as_of", "");
        price.source = json::string_or(entry, "source", "");
        out.prices_.push_back(std::move(price));
    }
    return out;
}

PriceTable PriceTable::builtin() { return parse(builtin_prices()).value_or(PriceTable{}); }

void PriceTable::merge(PriceTable newer) {
    std::erase_if(prices_, [&](const Price& old) {
        return std::ranges::any_of(newer.prices_, [&](const Price& price) {
            return price.model == old.model && price.provider == old.provider;
        });
    });
    // First, so that they are found first.
    prices_.insert(prices_.begin(), std::make_move_iterator(newer.prices_.begin()),
                   std::make_move_iterator(newer.prices_.end()));
}

const Price* PriceTable::find(std::string_view model) const noexcept {
    std::string_view provider;
    if (const auto colon = model.find(':'); colon != std::string_view::npos && model.substr(colon) != ":latest") {
        provider = model.substr(0, colon);
        model.remove_prefix(colon + 1);
    }
    const Price* best = nullptr;
    for (const auto& price : prices_) {
        if (!provider.empty() && !price.provider.empty() && price.provider != provider) continue;
        if (price.model == model) return &price;
        if (model.starts_with(price.model) && is_version(model.substr(price.model.size())) &&
            (best == nullptr || price.model.size() > best->model.size()))
            best = &price;
    }
    return best;
}

Result<Cost> PriceTable::cost(std::string_view model, const Usage& usage) const {
    const auto* price = find(model);
    if (price == nullptr)
        return fail(ErrorCode::not_found,
                    fmt::format("the price of {} is not known; add it to prices.json beside the settings", model));
    return cost_of(*price, usage);
}

}  // namespace tenon::llm
