#include "tenon/tensor/thread_team.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <vector>

namespace tenon::tensor {
namespace {

TEST(ThreadTeam, runs_every_member_once_and_waits_for_all) {
    for (const std::size_t size : {1U, 2U, 3U, 5U}) {
        ThreadTeam team(size);
        ASSERT_EQ(team.size(), size);
        for (int repeat = 0; repeat < 200; ++repeat) {
            std::vector<int> seen(size, 0);
            team.run([&](Worker& worker) {
                EXPECT_EQ(worker.size(), size);
                ++seen[worker.rank()];
            });
            EXPECT_EQ(seen, std::vector<int>(size, 1));
        }
    }
}

TEST(ThreadTeam, barrier_makes_earlier_writes_visible) {
    ThreadTeam team(3);
    std::vector<int> values(3, 0);
    std::vector<int> sums(3, 0);
    for (int repeat = 1; repeat <= 50; ++repeat)
        team.run([&](Worker& worker) {
            for (int round = 0; round < 20; ++round) {
                values[worker.rank()] = repeat * 100 + round;
                worker.barrier();
                sums[worker.rank()] = std::accumulate(values.begin(), values.end(), 0);
                EXPECT_EQ(sums[worker.rank()], 3 * (repeat * 100 + round));
                worker.barrier();
            }
        });
}

TEST(ThreadTeam, shares_cover_the_range_in_multiples_of_the_grain) {
    for (const std::size_t n : {0U, 1U, 15U, 16U, 17U, 1000U}) {
        ThreadTeam team(3);
        std::vector<std::pair<std::size_t, std::size_t>> shares(3);
        team.run([&](Worker& worker) { shares[worker.rank()] = worker.share(n, 16); });
        std::size_t at = 0;
        for (const auto& [first, last] : shares) {
            EXPECT_EQ(first, at);
            EXPECT_TRUE(first % 16 == 0 || first == n);
            at = last;
        }
        EXPECT_EQ(at, n);
    }
}

TEST(ThreadTeam, counters_hand_out_each_index_once) {
    ThreadTeam team(3);
    constexpr std::size_t items = 100;
    std::vector<std::atomic<int>> done(items);
    team.run([&](Worker& worker) {
        for (int round = 0; round < 9; ++round) {
            auto& counter = worker.next_counter();
            worker.barrier();
            for (std::size_t i = counter.fetch_add(1); i < items; i = counter.fetch_add(1)) ++done[i];
        }
        worker.barrier();
        if (worker.rank() == 0) worker.reset_counter();
        worker.barrier();
        for (std::size_t i = worker.take(); i < items; i = worker.take()) ++done[i];
    });
    for (const auto& count : done) EXPECT_EQ(count.load(), 10);
}

TEST(ThreadTeam, default_is_at_least_one) { EXPECT_GE(ThreadTeam::default_threads(), 1U); }

}  // namespace
}  // namespace tenon::tensor
