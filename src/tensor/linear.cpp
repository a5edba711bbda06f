// Matrix products: the input is laid out in tiles of tokens, then row groups are handed out to the team.
#include <algorithm>
#include <cstdlib>
#include <memory>

#include "tenon/tensor/linear.hpp"
#include "tensor/kernels/table.hpp"
#include "tensor/pack.hpp"
#include "tensor/weight_impl.hpp"

namespace tenon::tensor {
namespace {

constexpr std::size_t widest_tile = 16;
constexpr std::size_t quantised_bytes_per_block = 32 + 4 + 4 + 4 + 8 + 8;

std::size_t round_up(std::size_t n, std::size_t to) noexcept { return (n + to - 1) / to * to; }
std::size_t quantised_tile_bytes(std::size_t columns, std::size_t width) noexcept {
    return round_up((columns + 31) / 32 * width * quantised_bytes_per_block, 64);
}
std::size_t float_tile_bytes(std::size_t columns, std::size_t width) noexcept {
    return round_up(columns * width * sizeof(float), 64);
}

/// How tokens are cut into tiles: full ones of the widest kernel, then one of the narrowest that holds the rest.
struct Tiles {
    Tiles(const KernelTable& table, std::size_t tokens_in, std::size_t columns_in) noexcept
        : tokens(tokens_in), columns(columns_in) {
        while (widest + 1 < table.widths.size() && table.widths[widest + 1] != 0) ++widest;
        full_width = table.widths[widest];
        const std::size_t rest = tokens % full_width;
        while (table.widths[last] < rest) ++last;
        count = tokens / full_width + (rest != 0 ? 1 : 0);
        if (rest == 0) last = widest;
        last_width = table.widths[last];
    }
    [[nodiscard]] std::size_t width(std::size_t tile) const noexcept {
        return tile + 1 < count ? full_width : last_width;
    }
    [[nodiscard]] std::size_t width_index(std::size_t tile) const noexcept { return tile + 1 < count ? widest : last; }
    [[nodiscard]] std::size_t first(std::size_t tile) const noexcept { return tile * full_width; }
    [[nodiscard]] std::size_t filled(std::size_t tile) const noexcept {
        return std::min(full_width, tokens - first(tile));
    }
    [[nodiscard]] QuantTile quantised(std::byte* base, std::size_t tile) const noexcept {
        const std::size_t cells = (columns + 31) / 32 * width(tile);
        std::byte* p = base + tile * quantised_tile_bytes(columns, full_width);
        const auto take = [&]<class T>(T*& field, std::size_t n) {
            field = reinterpret_cast<T*>(p);
            p += n * sizeof(T);
        };
        QuantTile t;
        take(t.q, cells * 32);
        take(t.d, cells);
        take(t.s, cells);
        take(t.n, cells);
        take(t.s2, cells * 2);
        take(t.n2, cells * 2);
        return t;
    }
    [[nodiscard]] float* floats(std::byte* base, std::size_t tile) const noexcept {
        return reinterpret_cast<float*>(base + tile * float_tile_bytes(columns, full_width));
    }

    std::size_t tokens, columns;
    std::size_t widest = 0, last = 0;  // indices of widths
    std::size_t full_width = 1, last_width = 1;
    std::size_t count = 0;
};

/// Quantises what `coarse` leaves of block `block` of the input.
void quantise_rest(const KernelTable& table, const float* x, std::size_t stride, std::size_t tokens, std::size_t width,
                   std::size_t block, const QuantTile& coarse, const QuantTile& rest) noexcept {
    const std::size_t cell = block * width;
    float left[widest_tile * 32];
    for (std::size_t t = 0; t < tokens; ++t) {
        const float* from = x + t * stride + block * 32;
        const std::int8_t* q = coarse.q + (cell + t) * 32;
        const float d = coarse.d[cell + t];
        for (std::size_t i = 0; i < 32; ++i) left[t * 32 + i] = from[i] - d * static_cast<float>(q[i]);
    }
    table.quantize_tile(
        left, 32, tokens, width, 0, 1,
        {rest.q + cell * 32, rest.d + cell, rest.s + cell, rest.n + cell, rest.s2 + cell * 2, rest.n2 + cell * 2});
}

/// `rest`: where the second part of a fine input goes, or null.
void quantise_input(Worker& worker, const KernelTable& table, const LinearArgs& a, const Tiles& tiles,
                    std::byte* scratch, std::byte* rest) noexcept {
    const std::size_t blocks = tiles.columns / 32;
    const auto [first, last] = worker.share(blocks * tiles.count);
    for (std::size_t at = first; at < last;) {
        const std::size_t tile = at / blocks;
        const std::size_t end = std::min(last, (tile + 1) * blocks);
        const float* x = a.x + tiles.first(tile) * a.x_stride;
        const QuantTile coarse = tiles.quantised(scratch, tile);
        table.quantize_tile(x, a.x_stride, tiles.filled(tile), tiles.width(tile), at - tile * blocks,
                            end - tile * blocks, coarse);
        for (std::size_t block = at; rest != nullptr && block < end; ++block)
            quantise_rest(table, x, a.x_stride, tiles.filled(tile), tiles.width(tile), block - tile * blocks, coarse,
                          tiles.quantised(rest, tile));
        at = end;
    }
}

void interleave_input(Worker& worker, const LinearArgs& a, const Tiles& tiles, std::byte* scratch) noexcept {
    const auto [first, last] = worker.share(tiles.columns, 16);
    for (std::size_t tile = 0; tile < tiles.count; ++tile) {
        const std::size_t width = tiles.width(tile);
        const std::size_t filled = tiles.filled(tile);
        const float* x = a.x + tiles.first(tile) * a.x_stride;
        float* out = tiles.floats(scratch, tile);
        for (std::size_t c = first; c < last; ++c)
            for (std::size_t t = 0; t < width; ++t) out[c * width + t] = t < filled ? x[t * a.x_stride + c] : 0.0F;
    }
}

/// Row groups of one matrix that are computed together: their codes and a tile of input fit the second cache.
std::size_t groups_per_unit(const Weight::Impl& w, std::size_t tokens, std::size_t members) noexcept {
    const std::size_t groups = w.packed.groups();
    const std::size_t bytes = tokens < 8 ? std::size_t{128} << 10 : std::size_t{192} << 10;
    const std::size_t by_cache = std::max<std::size_t>(1, bytes / std::max<std::size_t>(1, w.packed.group_bytes));
    const std::size_t by_balance = std::max<std::size_t>(1, groups / (members * 4));
    // Few tokens read the weights once: long runs are as good as short ones.
    if (tokens < 8) return std::max(std::min(by_cache, by_balance), groups / (members * 32));
    return std::min(by_cache, by_balance);
}

struct Product {
    const LinearArgs* args = nullptr;
    const Tiles* tiles = nullptr;
    const KernelTable* table = nullptr;
    std::byte* quantised = nullptr;
    std::byte* rest = nullptr;  ///< null: not fine
    std::byte* floats = nullptr;

    void run(const PackedMatrix& packed, std::size_t first_group, std::size_t last_group, float* y,
             const float* bias) const noexcept {
        MatmulCall call;
        call.weight = &packed;
        call.first_group = first_group;
        call.last_group = last_group;
        call.y_stride = args->y_stride;
        const bool is_quantised = info(packed.type).quantised;
        for (std::size_t tile = 0; tile < tiles->count; ++tile) {
            if (is_quantised)
                call.quantised = tiles->quantised(quantised, tile);
            else
                call.floats = tiles->tokens == 1 ? args->x : tiles->floats(floats, tile);
            call.tokens = tiles->filled(tile);
            call.y = y + tiles->first(tile) * args->y_stride;
            const Matmul matmul = table->matmul[static_cast<std::size_t>(packed.type)][tiles->width_index(tile)];
            call.bias = bias;
            call.accumulate = args->accumulate;
            matmul(call);
            if (!is_quantised || rest == nullptr) continue;
            call.quantised = tiles->quantised(rest, tile);
            call.bias = nullptr;
            call.accumulate = true;
            matmul(call);
        }
    }

    /// Groups of a matrix that was not repacked, one at a time through a buffer.
    void run_unpacked(const Weight::Impl& w, std::size_t first_group, std::size_t last_group) const noexcept {
        const std::unique_ptr<void, decltype(&std::free)> buffer(
            std::aligned_alloc(64, round_up(w.packed.group_bytes, 64)), &std::free);
        if (buffer == nullptr) std::abort();  // a few kilobytes
        auto* const data = static_cast<std::uint8_t*>(buffer.get());
        for (std::size_t g = first_group; g < last_group; ++g) {
            pack_group(w.view, w.packed, g, data);
            PackedMatrix one = w.packed;
            one.data = data;
            one.rows = std::min(group_rows, w.view.rows - g * group_rows);
            run(one, 0, 1, args->y + g * group_rows, args->bias != nullptr ? args->bias + g * group_rows : nullptr);
        }
    }
};

}  // namespace

std::size_t linear_scratch_bytes(std::size_t columns, std::size_t tokens) noexcept {
    const std::size_t tiles = tokens / widest_tile + 1;
    // Tiles narrower than the widest waste less than one widest tile.
    const std::size_t slots = (tiles + 1) * widest_tile;
    return 2 * quantised_tile_bytes(columns, slots) + float_tile_bytes(columns, slots) + (slots + 2) * 192;
}

void linear(Worker& worker, const LinearArgs& args, std::span<std::byte> scratch) noexcept {
    linear_many(worker, {&args, 1}, scratch);
}

void linear_many(Worker& worker, std::span<const LinearArgs> args, std::span<std::byte> scratch) noexcept {
    linear_many(worker, args, {}, scratch);
}

void linear_many(Worker& worker, std::span<const LinearArgs> coarse, std::span<const LinearArgs> fine,
                 std::span<std::byte> scratch) noexcept {
    auto& counter = worker.next_counter();
    const std::size_t products = coarse.size() + fine.size();
    const auto product_args = [&](std::size_t i) -> const LinearArgs& {
        return i < coarse.size() ? coarse[i] : fine[i - coarse.size()];
    };
    if (products == 0 || product_args(0).tokens == 0) return worker.barrier();
    if (LinearObserver* const observer = worker.observer(); observer != nullptr && worker.rank() == 0)
        for (std::size_t i = 0; i < products; ++i) {
            const LinearArgs& a = product_args(i);
            observer->input(*a.weight, a.x, a.x_stride, a.tokens);
        }
    const KernelTable& table = kernels();
    const LinearArgs& input = product_args(0);
    const Tiles tiles(table, input.tokens, input.weight->columns());
    bool any_quantised = false;
    bool any_float = false;
    for (std::size_t i = 0; i < products; ++i)
        (info(product_args(i).weight->type()).quantised ? any_quantised : any_float) = true;

    std::byte* base = scratch.data() + (64 - reinterpret_cast<std::uintptr_t>(scratch.data()) % 64) % 64;
    const std::size_t quantised_bytes = tiles.count * quantised_tile_bytes(tiles.columns, tiles.full_width);
    std::byte* rest = base + quantised_bytes;
    std::byte* float_base = rest + quantised_bytes;
    if (any_quantised) quantise_input(worker, table, input, tiles, base, fine.empty() ? nullptr : rest);
    if (any_float && input.tokens > 1) interleave_input(worker, input, tiles, float_base);
    worker.barrier();

    std::size_t unit = counter.fetch_add(1, std::memory_order_relaxed);
    std::size_t before = 0;
    for (std::size_t i = 0; i < products; ++i) {
        const LinearArgs& a = product_args(i);
        const Weight::Impl& w = a.weight->impl();
        const std::size_t step = groups_per_unit(w, a.tokens, worker.size());
        const std::size_t groups = w.packed.groups();
        const std::size_t units = (groups + step - 1) / step;
        const Product product{&a, &tiles, &table, base, i < coarse.size() ? nullptr : rest, float_base};
        for (; unit < before + units; unit = counter.fetch_add(1, std::memory_order_relaxed)) {
            const std::size_t first = (unit - before) * step;
            const std::size_t last = std::min(groups, first + step);
            if (w.packed.data == nullptr) {
                product.run_unpacked(w, first, last);
                continue;
            }
            product.run(w.packed, first, last, a.y, a.bias);
        }
        before += units;
    }
}

}  // namespace tenon::tensor
