// Compares the best instruction set of the machine it runs on with the scalar reference; needs no test library, so that
// a cross compiler and an emulator are enough. Prints one line and exits 1 on a difference, 77 when there is only
// scalar.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

#include "tenon/tensor/ops.hpp"
#include "tenon/tensor/weight.hpp"

using namespace tenon::tensor;

namespace {

std::mt19937 random_bits(5);
std::size_t compared = 0;

std::vector<float> numbers(std::size_t n) {
    std::normal_distribution<float> normal;
    std::vector<float> v(n);
    for (float& x : v) x = normal(random_bits);
    return v;
}

bool same(const char* what, const std::vector<float>& a, const std::vector<float>& b, float tolerance) {
    for (std::size_t i = 0; i < a.size(); ++i)
        if (!(std::fabs(a[i] - b[i]) <= tolerance * (1.0F + std::fabs(b[i])))) {
            std::printf("%s differs at %zu: %g, scalar %g\n", what, i, static_cast<double>(a[i]),
                        static_cast<double>(b[i]));
            return false;
        }
    compared += a.size();
    return true;
}

template <class Work>
std::vector<float> on(Isa isa, std::size_t n, Work work) {
    (void)force_isa(isa);
    std::vector<float> out(n);
    ThreadTeam team(1);
    team.run([&](Worker& worker) { work(worker, out.data()); });
    return out;
}

bool check_linear(Isa isa, DType type, std::size_t tokens) {
    constexpr std::size_t rows = 37, columns = 512;
    std::vector<std::byte> bytes(rows * bytes_of(info(type), columns));
    if (info(type).quantised)
        for (std::byte& b : bytes) b = static_cast<std::byte>(random_bits() & 0x37);  // every float16 in it is ordinary
    else if (!quantize(type, numbers(rows * columns), bytes.data()))
        return false;
    if (type == DType::mxfp4)
        for (std::size_t at = 0; at < bytes.size(); at += info(type).block_bytes) bytes[at] = std::byte{126};
    const auto weight = Weight::prepare({type, rows, columns, bytes.data()});
    if (!weight) return false;
    const auto x = numbers(tokens * columns);
    std::vector<std::byte> scratch(linear_scratch_bytes(columns, tokens));
    const auto work = [&](Worker& worker, float* y) {
        linear(worker, {&*weight, x.data(), columns, tokens, y, rows, nullptr, false}, scratch);
    };
    return same(info(type).name.data(), on(isa, tokens * rows, work), on(Isa::scalar, tokens * rows, work), 2e-4F);
}

bool check_attention(Isa isa, std::size_t tokens, KvType type) {
    constexpr std::size_t heads = 6, kv_heads = 2, dim = 64, first = 70;
    const std::size_t length = first + tokens;
    const auto q = numbers(tokens * heads * dim);
    const auto k = numbers(length * kv_heads * dim);
    const std::size_t page = kv_heads * kv_head_bytes(type, dim);
    std::vector<std::uint32_t> pages((length + kv_page_tokens - 1) / kv_page_tokens);
    for (std::size_t i = 0; i < pages.size(); ++i) pages[i] = static_cast<std::uint32_t>(pages.size() - 1 - i);
    std::vector<std::byte> pool(pages.size() * page);
    const auto work = [&](Worker& worker, float* y) {
        const KvView cache{type, pool.data(), page, pages.data()};
        kv_store(worker, cache, k.data(), k.data(), kv_heads * dim, length, 0, kv_heads, dim);
        AttentionArgs a;
        a.q = q.data();
        a.q_stride = a.out_stride = heads * dim;
        a.tokens = tokens;
        a.first = first;
        a.heads = heads;
        a.kv_heads = kv_heads;
        a.head_dim = dim;
        a.scale = 0.125F;
        a.window = 50;
        a.cache = cache;
        a.out = y;
        auto& counter = worker.next_counter();
        worker.barrier();
        attention(worker, {&a, 1}, counter);
    };
    return same("attention", on(isa, q.size(), work), on(Isa::scalar, q.size(), work), 2e-5F);
}

bool check_vectors(Isa isa) {
    constexpr std::size_t n = 301;
    const auto a = numbers(n);
    const auto b = numbers(n);
    const auto compare = [&](const char* what, auto work) {
        return same(what, on(isa, n, work), on(Isa::scalar, n, work), 2e-6F);
    };
    return compare("silu_mul", [&](Worker& w, float* y) { silu_mul(w, a.data(), b.data(), n, y); }) &&
           compare("gelu", [&](Worker& w, float* y) { gelu(w, a.data(), n, true, y); }) &&
           compare("gelu erf", [&](Worker& w, float* y) { gelu(w, a.data(), n, false, y); }) &&
           compare("rms_norm", [&](Worker& w, float* y) { rms_norm(w, a.data(), 1, n, b.data(), 1e-6F, y); }) &&
           compare("layer_norm",
                   [&](Worker& w, float* y) { layer_norm(w, a.data(), 1, n, b.data(), b.data(), 1e-6F, y); }) &&
           compare("dot", [&](Worker&, float* y) {
               y[0] = dot(a.data(), a.data(), n), y[1] = squared_distance(a.data(), b.data(), n);
           });
}

}  // namespace

int main() {
    const Isa isa = available_isas().back();
    if (isa == Isa::scalar) return 77;
    bool good = check_vectors(isa);
    for (const DType type : {DType::f32, DType::f16, DType::bf16, DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1,
                             DType::q8_0, DType::q2_k, DType::q3_k, DType::q4_k, DType::q5_k, DType::q6_k,
                             DType::iq4_nl, DType::iq4_xs, DType::mxfp4, DType::iq2_s, DType::iq3_xxs, DType::iq1_m})
        for (const std::size_t tokens : {1U, 2U, 3U, 6U, 13U}) good = good && check_linear(isa, type, tokens);
    for (const std::size_t tokens : {1U, 9U})
        for (const KvType type : {KvType::f16, KvType::q8}) good = good && check_attention(isa, tokens, type);
    std::printf("%s: %zu values %s the scalar reference\n", cpu_features().data(), compared,
                good ? "equal" : "compared, one differs from");
    return good ? 0 : 1;
}
