// Speed of the matrix kernels, by type: GB/s of weights for one token, GOP/s for a prompt. usage: tensor_bench [isa|-]
// [seconds] [type]
//
// Times are of the processor, not of the clock on the wall, so that a busy machine spoils them less.
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string_view>
#include <vector>

#include "tenon/tensor/ops.hpp"
#include "tenon/tensor/weight.hpp"

namespace {

using namespace tenon::tensor;

double cpu_seconds() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

void bench(DType type, std::size_t rows, std::size_t columns, std::size_t tokens, double seconds) {
    const std::size_t bytes = rows * bytes_of(info(type), columns);
    std::vector<std::byte> data(bytes);
    std::mt19937 random(1);
    for (std::byte& b : data) b = static_cast<std::byte>(random() & 0x37);
    const double t0 = cpu_seconds();
    auto weight = Weight::prepare({type, rows, columns, data.data()});
    const double repack = cpu_seconds() - t0;
    if (!weight) return;
    std::vector<float> x(tokens * columns), y(tokens * rows);
    for (float& v : x) v = static_cast<float>(random() % 1000) / 500.0F - 1.0F;
    std::vector<std::byte> scratch(linear_scratch_bytes(columns, tokens));
    ThreadTeam team(1);
    const LinearArgs args{&*weight, x.data(), columns, tokens, y.data(), rows, nullptr, false};
    const auto work = [&](Worker& worker) { linear(worker, args, scratch); };
    team.run(work);
    const double start = cpu_seconds();
    double spent = 0;
    int runs = 0;
    while (spent < seconds || runs < 3) {
        team.run(work);
        ++runs;
        spent = cpu_seconds() - start;
    }
    const double each = spent / runs;
    std::printf("%-5s %6zu x %5zu  tokens %4zu  %9.3f ms  %7.2f GB/s  %8.1f GOP/s  repack %5.2f GB/s\n",
                info(type).name.data(), rows, columns, tokens, each * 1e3, static_cast<double>(bytes) / each * 1e-9,
                2.0 * static_cast<double>(rows * columns * tokens) / each * 1e-9,
                static_cast<double>(bytes) / repack * 1e-9);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1)
        for (const Isa isa : available_isas())
            if (isa_name(isa) == argv[1]) (void)force_isa(isa);
    const double seconds = argc > 2 ? std::atof(argv[2]) : 0.1;
    std::printf("%s, one thread; %s\n", isa_name(active_isa()).data(), cpu_features().data());
    for (const DType type : {DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1, DType::q8_0, DType::q2_k, DType::q3_k,
                             DType::q4_k, DType::q5_k, DType::q6_k, DType::f16, DType::bf16, DType::f32}) {
        if (argc > 3 && info(type).name != argv[3]) continue;
        // 64 MB of weights, more than the caches hold, as decoding sees them; a feed-forward matrix for prompts.
        const std::size_t rows = (std::size_t{64} << 20) / bytes_of(info(type), 1536) / 16 * 16;
        bench(type, rows, 1536, 1, seconds);
        bench(type, 256, 1536, 1, seconds);  // from the second cache: what the instructions cost
        bench(type, 2048, 1536, 128, seconds);
    }
}
