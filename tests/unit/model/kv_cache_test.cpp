#include "tenon/model/kv_cache.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace tenon::model {
namespace {

constexpr std::size_t page_bytes = 256;

std::shared_ptr<KvPool> pool_of(std::size_t pages) {
    static const int owner = 0;
    return KvPool::create(&owner, KvType::f16, page_bytes, pages).value();
}

TEST(KvPool, GivesEveryPageOnceAndTakesItBack) {
    const auto pool = pool_of(3);
    KvPage pages[4];
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(pool->take(pages[i]));
    EXPECT_FALSE(pool->take(pages[3]));
    EXPECT_EQ(pool->free_pages(), 0U);
    EXPECT_EQ(pool->bytes(), 3 * page_bytes);
    pool->retain(pages[1]);
    pool->release(pages[1]);
    EXPECT_EQ(pool->free_pages(), 0U);
    pool->release(pages[1]);
    EXPECT_EQ(pool->free_pages(), 1U);
    ASSERT_TRUE(pool->take(pages[3]));
    EXPECT_EQ(pages[3], pages[1]);
}

TEST(KvPool, RefusesTheImpossible) {
    EXPECT_EQ(KvPool::create(nullptr, KvType::f16, page_bytes, 0).error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(KvPool::create(nullptr, KvType::f16, SIZE_MAX / 2, 3).error().code(), ErrorCode::resource_exhausted);
    EXPECT_EQ(KvPool::create(nullptr, KvType::f16, std::size_t{1} << 40, std::size_t{1} << 20).error().code(),
              ErrorCode::resource_exhausted);
}

TEST(KvCache, TakesPagesAsItGrowsAndGivesThemBack) {
    const auto pool = pool_of(4);
    KvCache cache(pool, 1000);
    EXPECT_EQ(cache.pages_needed(33), 2U);
    ASSERT_TRUE(cache.reserve(33));
    cache.grow(33);
    EXPECT_EQ(cache.pages().size(), 2U);
    EXPECT_EQ(cache.pages_needed(31), 0U);
    EXPECT_FALSE(cache.reserve(96));  // five pages
    EXPECT_EQ(cache.length(), 33U);
    ASSERT_TRUE(cache.reserve(95));
    cache.truncate(32);
    EXPECT_EQ(cache.pages().size(), 1U);
    EXPECT_EQ(pool->free_pages(), 3U);
    KvCache small(pool, 10);
    EXPECT_FALSE(small.reserve(11));
    EXPECT_TRUE(small.reserve(10));
}

TEST(KvCache, APageThatOthersReadIsCopiedBeforeItIsWritten) {
    const auto pool = pool_of(5);
    KvCache first(pool, 1000);
    ASSERT_TRUE(first.reserve(40));
    first.grow(40);
    std::memset(pool->page(first.pages()[1]).data(), 7, page_bytes);
    {
        KvCache second(pool, 1000);
        second.share(first.pages(), 36);
        EXPECT_EQ(second.length(), 36U);
        EXPECT_EQ(second.pages()[1], first.pages()[1]);
        EXPECT_EQ(pool->free_pages(), 3U);
        EXPECT_EQ(second.pages_needed(1), 1U);
        ASSERT_TRUE(second.reserve(1));
        EXPECT_EQ(second.pages()[0], first.pages()[0]);
        EXPECT_NE(second.pages()[1], first.pages()[1]);
        EXPECT_EQ(std::memcmp(pool->page(second.pages()[1]).data(), pool->page(first.pages()[1]).data(), page_bytes),
                  0);
        EXPECT_EQ(pool->references(first.pages()[0]), 2U);
        EXPECT_EQ(pool->references(first.pages()[1]), 1U);
        EXPECT_EQ(first.pages_needed(1), 0U);  // its own again
    }
    EXPECT_EQ(pool->free_pages(), 3U);
    first.truncate(0);
    EXPECT_EQ(pool->free_pages(), 5U);
}

TEST(KvCache, ASharedPageWithoutRoomForACopyIsRefused) {
    const auto pool = pool_of(1);
    KvCache first(pool, 100);
    ASSERT_TRUE(first.reserve(3));
    first.grow(3);
    KvCache second(pool, 100);
    second.share(first.pages(), 2);
    EXPECT_FALSE(second.reserve(1));
    first.truncate(0);
    EXPECT_TRUE(second.reserve(1));
}

}  // namespace
}  // namespace tenon::model
