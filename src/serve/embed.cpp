#include "serve/embed.hpp"

#include <fmt/format.h>

#include <cmath>

namespace tenon::serve {

task<ApiResult<Embedded>> embed(StatePtr state, Caller caller, net::CallContext context, std::string model,
                                std::vector<std::string> texts, llm::EmbedKind kind,
                                std::optional<std::size_t> dimensions) {
    auto opened = co_await open_embedder(state, std::move(caller), std::move(model));
    if (!opened) co_return std::unexpected(opened.error());
    const std::size_t count = texts.size();
    auto made = co_await opened->embedder->embed(std::move(texts), kind, context.call);
    if (!made) co_return std::unexpected(api_error(made.error()));
    const std::size_t width = dimensions.value_or(made->dimension);
    if (width > made->dimension)
        co_return bad_param("dimensions",
                            fmt::format("{} gives {} dimensions, not {}", opened->name, made->dimension, width));
    Embedded out{std::move(opened->name), {}, made->usage};
    for (std::size_t i = 0; i < count; ++i) {
        const auto begin = made->values.begin() + static_cast<std::ptrdiff_t>(i * made->dimension);
        std::vector<float> row(begin, begin + static_cast<std::ptrdiff_t>(width));
        if (width < made->dimension) {  // a shortened vector is normalised again
            double norm = 0;
            for (const float v : row) norm += static_cast<double>(v) * static_cast<double>(v);
            for (float& v : row) v = norm > 0 ? static_cast<float>(static_cast<double>(v) / std::sqrt(norm)) : v;
        }
        out.rows.push_back(std::move(row));
    }
    state->count_tokens(out.model, out.usage);
    co_return out;
}

}  // namespace tenon::serve
