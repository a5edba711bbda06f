#include "tenon/store/records.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "tenon/base/file.hpp"

using namespace tenon;
using namespace tenon::store;

namespace {

Record record(std::string key, std::string text, std::string owner = "ada") {
    return {std::move(key), std::move(owner), std::move(text), 0};
}
Result<void> put(Records& records, const Record& one) { return records.put(std::span(&one, 1)); }

TEST(Records, AreThereForTheirOwnerAlone) {
    const auto records = Records::temporary().value();
    ASSERT_TRUE(put(*records, record("a", "first")));
    EXPECT_EQ(records->get("ada", "a").value()->text, "first");
    EXPECT_GT(records->get("ada", "a").value()->created_at, 1'600'000'000'000);
    EXPECT_FALSE(records->get("bob", "a").value());
    EXPECT_FALSE(records->remove("bob", "a").value());
    ASSERT_TRUE(put(*records, record("a", "second")));
    EXPECT_EQ(records->get("ada", "a").value()->text, "second");
    EXPECT_TRUE(records->remove("ada", "a").value());
    EXPECT_FALSE(records->remove("ada", "a").value());
    EXPECT_FALSE(records->get("ada", "a").value());
}

TEST(Records, OutliveTheProcess) {
    const auto folder = TemporaryDirectory::create("records-test-").value();
    {
        const auto records = Records::open(folder.path() / "r.db").value();
        const std::vector<Record> both{record("a", "one"), record("b", std::string("two\0three", 9))};
        ASSERT_TRUE(records->put(both));
    }
    const auto again = Records::open(folder.path() / "r.db").value();
    EXPECT_EQ(again->get("ada", "b").value()->text.substr(0, 3), "two");
    EXPECT_EQ(again->size().value(), 2U);
}

TEST(Records, TheOldestGoFirst) {
    const auto few = Records::temporary({.most = 3}).value();
    for (const char* key : {"a", "b", "c", "d", "e"}) ASSERT_TRUE(put(*few, record(key, key)));
    EXPECT_EQ(few->size().value(), 3U);
    EXPECT_FALSE(few->get("ada", "b").value());
    EXPECT_TRUE(few->get("ada", "c").value());

    const auto light = Records::temporary({.most_bytes = 1000}).value();
    for (int i = 0; i < 30; ++i) ASSERT_TRUE(put(*light, record(std::to_string(i), std::string(100, 'x'))));
    EXPECT_LE(light->size().value(), 10U);
    EXPECT_TRUE(light->get("ada", "29").value());
    ASSERT_TRUE(put(*light, record("huge", std::string(5000, 'x'))));
    EXPECT_TRUE(light->get("ada", "huge").value()) << "the newest stays, however long";
    EXPECT_EQ(light->size().value(), 1U);
}

TEST(Records, WhatIsTooOldIsGone) {
    const auto brief = Records::temporary({.keep = std::chrono::seconds(0)}).value();
    ASSERT_TRUE(put(*brief, record("a", "x")));
    for (int i = 0; i < 200 && brief->get("ada", "a").value(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_FALSE(brief->get("ada", "a").value());
}

TEST(Records, TakeManyThreads) {
    const auto records = Records::temporary().value();
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 20; ++i)
                EXPECT_TRUE(put(*records, record(std::to_string(t) + "." + std::to_string(i), "x")));
        });
    threads.clear();
    EXPECT_EQ(records->size().value(), 80U);
}

}  // namespace
