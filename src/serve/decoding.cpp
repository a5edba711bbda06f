#include "serve/decoding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

namespace tenon::serve {
namespace {

constexpr std::size_t most_items = 256;
constexpr std::int64_t most_tokens = 100'000'000;

struct Range {
    std::string_view name;
    double low, high;
};
// Off in llama.cpp are also a negative top_n_sigma and a negative number of tokens that means all.
constexpr std::array<Range, 17> ranges{{{"typical_p", 0, 1},
                                        {"top_n_sigma", -1, 1000},
                                        {"xtc_probability", 0, 1},
                                        {"xtc_threshold", 0, 1},
                                        {"dynatemp_range", 0, 100},
                                        {"dynatemp_exponent", 0, 100},
                                        {"dry_multiplier", 0, 100},
                                        {"dry_base", 1, 100},
                                        {"dry_allowed_length", 0, 1'000'000},
                                        {"dry_penalty_last_n", -1, most_tokens},
                                        {"mirostat", 0, 2},
                                        {"mirostat_tau", 0, 100},
                                        {"mirostat_eta", 0, 1},
                                        {"repeat_last_n", -1, most_tokens},
                                        {"min_keep", 0, most_tokens},
                                        {"min_tokens", 0, most_tokens},
                                        {"speculative.n_max", 0, 64}}};

const Range& range_of(std::string_view name) {
    return *std::ranges::find(ranges, name, &Range::name);  // every number has one
}

class Reader {
  public:
    explicit Reader(const Fields& fields) : fields_(fields) {}

    void operator()(std::string_view name, std::optional<double>& out) {
        const auto& range = range_of(name);
        take(fields_.number(name, range.low, range.high), out);
    }
    void operator()(std::string_view name, std::optional<int>& out) {
        const auto& range = range_of(name);
        std::optional<std::int64_t> value;
        take(fields_.integer(name, static_cast<std::int64_t>(range.low), static_cast<std::int64_t>(range.high)), value);
        if (value) out = static_cast<int>(*value);
    }
    void operator()(std::string_view name, std::optional<bool>& out) {
        if (!fields_.has(name)) return;
        bool value = false;
        take(fields_.boolean(name), value);
        out = value;
    }
    void operator()(std::string_view name, std::optional<std::vector<std::string>>& out) {
        if (!fields_.has(name)) return;
        std::vector<std::string> value;
        take(fields_.texts(name, most_items), value);
        out = std::move(value);
    }
    void operator()(std::string_view name, std::optional<std::vector<std::int32_t>>& out) {
        const json::Array* list = nullptr;
        take(fields_.list(name), list);
        if (list == nullptr) return;
        out.emplace();
        for (const auto& item : *list) {
            const auto* id = item.if_int64();
            if (id == nullptr || *id < 0 || *id > INT32_MAX || list->size() > most_items) {
                take(ApiResult<bool>(
                         wrong_type(fields_.at(name), fmt::format("a list of at most {} token ids", most_items))),
                     fault_);
                return;
            }
            out->push_back(static_cast<std::int32_t>(*id));
        }
    }
    std::optional<ApiError> error;

  private:
    template <class T>
    void take(ApiResult<T> result, T& out) {
        if (result)
            out = std::move(*result);
        else if (!error)
            error = std::move(result).error();
    }
    const Fields& fields_;
    bool fault_ = false;
};

}  // namespace

ApiResult<llm::DecodingSettings> read_decoding(const Fields& fields) {
    llm::DecodingSettings out;
    Reader reader(fields);
    llm::for_each_field(out, [&](std::string_view name, auto& value) { reader(name, value); });
    if (reader.error) return std::unexpected(std::move(*reader.error));
    if (out.top_n_sigma && *out.top_n_sigma < 0) out.top_n_sigma = 0;
    return out;
}

}  // namespace tenon::serve
