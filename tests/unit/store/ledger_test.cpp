#include "tenon/store/ledger.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "tenon/base/file.hpp"

namespace tenon::store {
namespace {

Spending row(std::string day, std::string key, std::uint64_t picodollars, std::uint64_t requests = 1) {
    return {std::move(day), std::move(key), "team", "m", requests, 10, 2, 5, picodollars};
}

std::uint64_t total(Ledger& ledger, const SpendingFilter& filter = {}) {
    std::uint64_t sum = 0;
    const auto rows = ledger.spending(filter).value();
    for (const auto& s : rows) sum += s.picodollars;
    return sum;
}

TEST(Ledger, AddsUpByDayKeyAndModel) {
    const auto ledger = Ledger::temporary().value();
    ASSERT_TRUE(ledger->add(row("2026-11-24", "a", 5)));
    ASSERT_TRUE(ledger->add(row("2026-11-25", "a", 7)));
    ASSERT_TRUE(ledger->add(row("2026-11-25", "a", 8)));
    ASSERT_TRUE(ledger->add(row("2026-11-25", "b", 100)));
    const auto rows = ledger->spending({.key = "a"}).value();
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[1].picodollars, 15U);
    EXPECT_EQ(rows[1].requests, 2U);
    EXPECT_EQ(rows[1].cached_input_tokens, 4U);
    EXPECT_EQ(total(*ledger, {.since = "2026-11-25"}), 115U);
    EXPECT_EQ(total(*ledger, {.until = "2026-11-24"}), 5U);
    EXPECT_EQ(total(*ledger, {.model = "other"}), 0U);
}

TEST(Ledger, SumsStopAtTheLargestNumber) {
    const auto ledger = Ledger::temporary().value();
    ASSERT_TRUE(ledger->add(row("2026-11-25", "a", UINT64_MAX)));
    ASSERT_TRUE(ledger->add(row("2026-11-25", "a", UINT64_MAX)));
    EXPECT_EQ(total(*ledger), static_cast<std::uint64_t>(INT64_MAX));
}

TEST(Ledger, AHoldBecomesWhatTheCallCost) {
    const auto ledger = Ledger::temporary().value();
    const auto first = ledger->hold(row("2026-11-25", "a", 50)).value();
    const auto second = ledger->hold(row("2026-11-25", "a", 50)).value();
    EXPECT_EQ(total(*ledger), 0U);
    ASSERT_TRUE(ledger->settle(first, row("2026-11-25", "a", 9)));
    ASSERT_TRUE(ledger->release(second));
    EXPECT_EQ(total(*ledger), 9U);
    EXPECT_EQ(ledger->recover().value(), 0);
}

TEST(Ledger, WhatAKilledProcessHeldCountsAsSpentUntilItSaysOtherwise) {
    const auto folder = TemporaryDirectory::create("tenon-test-").value();
    const auto file = folder.path() / "gateway.db";
    const auto dead = Ledger::open(file).value();
    const auto held = dead->hold(row("2026-11-25", "a", 50)).value();
    const auto next = Ledger::open(file).value();
    EXPECT_EQ(next->recover().value(), 1);
    EXPECT_EQ(total(*next), 50U);
    // A third time: nothing is counted twice.
    const auto third = Ledger::open(file).value();
    // It was alive after all.
    ASSERT_TRUE(dead->settle(held, row("2026-11-25", "a", 3)));
    EXPECT_EQ(total(*next), 3U);
    EXPECT_EQ(next->spending({}).value()[0].requests, 1U);
    EXPECT_EQ(third->recover().value(), 0);
    EXPECT_EQ(total(*next), 3U);
}

TEST(Ledger, KeysAreSeenByOtherProcesses) {
    const auto folder = TemporaryDirectory::create("tenon-test-").value();
    const auto file = folder.path() / "gateway.db";
    const auto server = Ledger::open(file).value();
    const auto command = Ledger::open(file).value();
    const auto before = server->version().value();
    ASSERT_TRUE(command->add_key({"alice", std::string(64, 'a'), "research", "{}"}));
    EXPECT_NE(server->version().value(), before);
    EXPECT_EQ(command->add_key({"alice", std::string(64, 'b'), "", "{}"}).error().code(), ErrorCode::already_exists);
    ASSERT_EQ(server->keys().value().size(), 1U);
    EXPECT_EQ(server->keys().value()[0].revoked_at, 0);
    ASSERT_TRUE(command->revoke_key("alice"));
    EXPECT_NE(server->keys().value()[0].revoked_at, 0);
    EXPECT_EQ(command->revoke_key("alice").error().code(), ErrorCode::not_found);
}

TEST(Ledger, ManyThreadsLoseNothing) {
    const auto ledger = Ledger::temporary().value();
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 50; ++i) {
                const auto hold = ledger->hold(row("2026-11-25", "a", 10)).value();
                EXPECT_TRUE(ledger->settle(hold, row("2026-11-25", "a", 3)));
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(total(*ledger), 8U * 50 * 3);
}

TEST(Ledger, RefusesWhatIsNone) {
    const auto folder = TemporaryDirectory::create("tenon-test-").value();
    const auto file = folder.path() / "gateway.db";
    ASSERT_TRUE(write_file_atomic(file, std::string(5000, 'x')));
    EXPECT_EQ(Ledger::open(file).error().code(), ErrorCode::corrupt);
}

}  // namespace
}  // namespace tenon::store
