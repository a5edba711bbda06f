// Keys and values that outlive the process.
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "engine/session_file.hpp"
#include "support.hpp"
#include "tenon/base/file.hpp"
#include "tenon/base/hash.hpp"

namespace tenon::engine {
namespace {

using fake::FakeModel;

std::size_t computed(const FakeModel& model) {
    std::size_t sum = 0;
    for (const auto& pass : model.passes()) sum = std::accumulate(pass.begin(), pass.end(), sum);
    return sum;
}

TEST(Session, ThePromptIsNotComputedAgain) {
    const auto folder = TemporaryDirectory::create().value();
    const auto file = folder.path() / "session";
    const auto prompt = bytes(std::string(100, 's') + " and a question?");
    {
        Engine engine(std::make_shared<FakeModel>(), {.threads = 1});
        EXPECT_EQ(engine.save_prefix(prompt, file).error().code(), ErrorCode::not_found);
        (void)engine.generate(greedy(prompt, 5)).value();
        EXPECT_EQ(engine.save_prefix(prompt, file).value(), prompt.size());
    }
    auto model = std::make_shared<FakeModel>();
    Engine engine(model, {.threads = 1});
    EXPECT_EQ(engine.load_prefix(file).value(), prompt.size());
    EXPECT_EQ(engine.load_prefix(file).value(), prompt.size());  // twice is as once
    const auto answer = engine.generate(greedy(prompt, 5)).value();
    EXPECT_EQ(answer.usage.cached_tokens, prompt.size() - 1);
    EXPECT_EQ(answer.tokens, model->expect(prompt, 5));
    EXPECT_EQ(computed(*model), 5U);
    auto other = prompt;
    other[60] = 'x';
    EXPECT_EQ(engine.generate(greedy(other, 5)).value().usage.cached_tokens, 60U);
    for (int i = 0; i < 60'000 && engine.stats().running > 0; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(engine.stats().kv_pages_used, 0U);
}

TEST(Session, AFileThatIsTooLargeForTheCacheIsRefused) {
    const auto folder = TemporaryDirectory::create().value();
    const auto file = folder.path() / "session";
    const auto prompt = bytes(std::string(300, 's'));
    Engine large(std::make_shared<FakeModel>(), {.threads = 1});
    (void)large.generate(greedy(prompt, 1)).value();
    ASSERT_TRUE(large.save_prefix(prompt, file));
    auto model = std::make_shared<FakeModel>();
    Engine small(model, {.threads = 1, .context = 64, .kv_tokens = 64});
    EXPECT_EQ(small.load_prefix(file).error().code(), ErrorCode::resource_exhausted);
    EXPECT_EQ(small.generate(greedy(bytes("ok"), 3)).value().tokens, model->expect(bytes("ok"), 3));
}

TEST(Session, FilesOfOthersAreRefused) {
    const auto folder = TemporaryDirectory::create().value();
    const auto file = folder.path() / "session";
    const auto prompt = bytes("some text");
    Engine engine(std::make_shared<FakeModel>(), {.threads = 1});
    (void)engine.generate(greedy(prompt, 1)).value();
    ASSERT_TRUE(engine.save_prefix(prompt, file));
    Engine other(std::make_shared<FakeModel>(777), {.threads = 1});
    EXPECT_TRUE(other.load_prefix(file));  // the context is no property of the weights
    Engine rounded(std::make_shared<FakeModel>(), {.threads = 1, .kv_type = model::KvType::q8});
    EXPECT_EQ(rounded.load_prefix(file).error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(engine.load_prefix(folder.path() / "none").error().code(), ErrorCode::not_found);
    EXPECT_EQ(engine.load_prefix(folder.path()).error().code(), ErrorCode::io);
    EXPECT_FALSE(engine.save_prefix(prompt, folder.path() / "no" / "such" / "folder"));
    auto info = FakeModel().info();
    const auto own = identity_of(info);
    info.file_bytes = 5;
    EXPECT_NE(identity_of(info), own);
}

// Cut anywhere, changed anywhere, with numbers that lie: a clear error each time, and never more memory than the file.
TEST(Session, HostileFilesEndInAnError) {
    const auto folder = TemporaryDirectory::create().value();
    const auto file = folder.path() / "session";
    const SessionOwner owner{std::string(64, 'a'), model::KvType::f16, 64, 320};
    std::vector<text::TokenId> tokens(40);
    std::iota(tokens.begin(), tokens.end(), 0);
    ASSERT_TRUE(write_session(file, owner, tokens, std::vector<std::byte>(128, std::byte{7})));
    const std::string good = read_file(file).value();
    const auto read = [&](const std::string& text) { return parse_session(std::as_bytes(std::span(text)), owner); };
    ASSERT_TRUE(read(good));
    EXPECT_EQ(read(good)->tokens, tokens);
    EXPECT_EQ(read(good)->pages.size(), 128U);
    for (std::size_t size = 0; size < good.size(); ++size) ASSERT_FALSE(read(good.substr(0, size))) << size;
    EXPECT_EQ(read(good + "x").error().code(), ErrorCode::corrupt);
    for (std::size_t at = 0; at < good.size(); ++at) {
        std::string changed = good;
        changed[at] = static_cast<char>(changed[at] ^ 0x55);
        ASSERT_FALSE(read(changed)) << at;
    }
    // With a checksum that holds.
    const auto forged = [&](std::size_t at, std::uint64_t value, std::size_t width) {
        std::string changed = good.substr(0, good.size() - 64);
        std::memcpy(changed.data() + at, &value, width);
        return read(changed + sha256_hex(changed)).error().code();
    };
    EXPECT_EQ(forged(8, 2, 4), ErrorCode::unsupported);
    EXPECT_EQ(forged(12, 1, 4), ErrorCode::invalid_argument);
    EXPECT_EQ(forged(80, 128, 8), ErrorCode::invalid_argument);
    for (const std::uint64_t count :
         {std::uint64_t{0}, std::uint64_t{39}, std::uint64_t{41}, std::uint64_t{1} << 40, ~std::uint64_t{0}})
        EXPECT_EQ(forged(88, count, 8), ErrorCode::corrupt) << count;
    EXPECT_EQ(forged(96, 320, 4), ErrorCode::corrupt);
    EXPECT_EQ(forged(96, 0xFFFFFFFF, 4), ErrorCode::corrupt);
}

}  // namespace
}  // namespace tenon::engine
