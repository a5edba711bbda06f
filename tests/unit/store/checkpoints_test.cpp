#include "tenon/store/checkpoints.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "tenon/base/file.hpp"

namespace tenon::store {
namespace {

class CheckpointsTest : public testing::TestWithParam<bool> {
  protected:
    void SetUp() override {
        store_ = GetParam() ? Checkpoints::open(folder_.path() / "runs.db").value() : Checkpoints::in_memory();
    }
    TemporaryDirectory folder_ = TemporaryDirectory::create("tenon-checkpoints-").value();
    std::shared_ptr<Checkpoints> store_;
};

TEST_P(CheckpointsTest, TheNewestIsTheLatestAndAllAreThere) {
    const auto one = store_->save({"r", 0, 0, "model", "{\"n\":1}"}).value();
    const auto other = store_->save({"s", 0, 0, "model", "x"}).value();
    const auto two = store_->save({"r", 0, one, "tool 查询", "{\"n\":2}"}).value();
    EXPECT_LT(one, two);
    EXPECT_NE(other, two);
    EXPECT_EQ(store_->latest("r")->state, "{\"n\":2}");
    EXPECT_EQ(store_->latest("r")->parent, one);
    EXPECT_EQ(store_->load("r", one)->state, "{\"n\":1}");
    const auto history = store_->history("r").value();
    ASSERT_EQ(history.size(), 2U);
    EXPECT_EQ(history[1].label, "tool 查询");
    EXPECT_TRUE(history[0].state.empty());
    const auto runs = store_->runs().value();
    ASSERT_EQ(runs.size(), 2U);
    EXPECT_EQ(store_->load("s", one).error().code(), ErrorCode::not_found);
    EXPECT_EQ(store_->latest("nobody").error().code(), ErrorCode::not_found);
}

TEST_P(CheckpointsTest, EraseKeepsTheNewest) {
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(store_->save({"r", 0, 0, "s", std::to_string(i)}));
    EXPECT_EQ(store_->erase("r", 2).value(), 3);
    EXPECT_EQ(store_->history("r")->size(), 2U);
    EXPECT_EQ(store_->latest("r")->state, "4");
    EXPECT_EQ(store_->erase("r").value(), 2);
    EXPECT_FALSE(store_->latest("r"));
    EXPECT_EQ(store_->erase("r").value(), 0);
}

INSTANTIATE_TEST_SUITE_P(Both, CheckpointsTest, testing::Bool(),
                         [](const auto& i) { return i.param ? "InFile" : "InMemory"; });

TEST(CheckpointFile, ASavedCheckpointOutlivesKill) {
    const auto folder = TemporaryDirectory::create("tenon-checkpoints-").value();
    const auto file = folder.path() / "runs.db";
    const pid_t child = ::fork();
    if (child == 0) {
        auto store = Checkpoints::open(file);
        if (!store || !(*store)->save({"r", 0, 0, "s", "kept"})) ::_exit(1);
        ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(Checkpoints::open(file).value()->latest("r")->state, "kept");
}

TEST(CheckpointFile, WhatIsNoCheckpointFileIsAnError) {
    const auto folder = TemporaryDirectory::create("tenon-checkpoints-").value();
    std::ofstream(folder.path() / "bad.db") << std::string(5000, 'x');
    EXPECT_EQ(Checkpoints::open(folder.path() / "bad.db").error().code(), ErrorCode::corrupt);
    EXPECT_FALSE(Checkpoints::open(folder.path() / "no" / "folder" / "x.db"));
}

}  // namespace
}  // namespace tenon::store
