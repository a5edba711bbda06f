#include "tenon/base/process.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "base/process_tree.hpp"

namespace tenon {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> shell(std::string script) { return {"/bin/sh", "-c", std::move(script)}; }

TEST(RunProcess, GivesOutputErrorAndExitCode) {
    const auto r = run_process(shell("echo out; echo err >&2; exit 3"));
    ASSERT_TRUE(r) << r.error().describe();
    EXPECT_EQ(r->out, "out\n");
    EXPECT_EQ(r->err, "err\n");
    EXPECT_EQ(r->exit_code, 3);
    EXPECT_FALSE(r->cut);
}

TEST(RunProcess, SaysWhenThereIsNoSuchProgram) {
    EXPECT_EQ(run_process({"tenon-no-such-program"}).error().code(), ErrorCode::not_found);
    EXPECT_EQ(run_process({"/etc/passwd"}).error().code(), ErrorCode::permission_denied);
    EXPECT_EQ(run_process({}).error().code(), ErrorCode::invalid_argument);
    ProcessOptions nowhere;
    nowhere.folder = "/no/such/folder";
    EXPECT_FALSE(run_process(shell("true"), nowhere));
}

TEST(RunProcess, TheEnvironmentIsOnlyWhatIsGiven) {
    ProcessOptions options;
    options.environment = {{"A", "1"}};
    EXPECT_EQ(run_process({"/usr/bin/env"}, options)->out, "A=1\n");
    options.inherit_environment = true;
    options.environment = {{"PATH", "/usr/bin:/bin"}};
    const auto all = "\n" + run_process({"/usr/bin/env"}, options)->out;
    EXPECT_NE(all.find("\nPATH=/usr/bin:/bin\n"), std::string::npos);
    EXPECT_EQ(all.find("\nPATH="), all.rfind("\nPATH="));
}

TEST(RunProcess, InputLargerThanAnyPipeGoesThroughAndComesBack) {
    ProcessOptions options;
    options.input.assign(std::size_t{3} << 20, 'x');
    options.limits.output_bytes = std::size_t{4} << 20;
    const auto r = run_process({"cat"}, options);
    ASSERT_TRUE(r) << r.error().describe();
    EXPECT_EQ(r->out, options.input);
}

TEST(RunProcess, AProgramThatReadsNothingDoesNotEndUs) {
    ProcessOptions options;
    options.input.assign(std::size_t{1} << 20, 'x');
    const auto r = run_process({"true"}, options);
    ASSERT_TRUE(r) << r.error().describe();
    EXPECT_EQ(r->exit_code, 0);
}

TEST(RunProcess, OutputPastItsLimit) {
    ProcessOptions options;
    options.limits.output_bytes = 10;
    EXPECT_EQ(run_process(shell("seq 1000"), options).error().code(), ErrorCode::resource_exhausted);
    options.overflow = Overflow::keep_head;
    const auto head = run_process(shell("seq 1000"), options);
    EXPECT_EQ(head->out, "1\n2\n3\n4\n5\n");
    EXPECT_TRUE(head->cut);
    options.overflow = Overflow::keep_tail;
    EXPECT_EQ(run_process(shell("seq 1000"), options)->out, "\n999\n1000\n");
}

TEST(RunProcess, EndsWhatTakesTooLongWithItsDescendants) {
    ProcessOptions options;
    options.limits.wall_time = 200ms;
    const auto began = std::chrono::steady_clock::now();
    const auto r = run_process(shell("sleep 30 & sleep 30"), options);
    EXPECT_EQ(r.error().code(), ErrorCode::deadline_exceeded);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 20s);
}

TEST(RunProcess, DoesNotWaitForWhatADescendantKeepsOpen) {
    const auto began = std::chrono::steady_clock::now();
    const auto r = run_process(shell("echo done; sleep 30 &"));
    ASSERT_TRUE(r);
    EXPECT_EQ(r->out, "done\n");
    EXPECT_LT(std::chrono::steady_clock::now() - began, 20s);
}

TEST(RunProcess, StopsWhenToldTo) {
    std::stop_source source;
    ProcessOptions options;
    options.stop = source.get_token();
    options.grace = 100ms;
    std::jthread later([&] {
        std::this_thread::sleep_for(100ms);
        source.request_stop();
    });
    EXPECT_EQ(run_process(shell("trap '' TERM; sleep 30"), options).error().code(), ErrorCode::cancelled);
}

TEST(RunProcess, TheKernelHoldsItToItsLimits) {
    ProcessOptions options;
    options.limits.file_bytes = 0;
    const auto file = run_process(
        shell("trap '' XFSZ; echo x > /tmp/tenon-must-not-be 2>/dev/null; test -s /tmp/tenon-must-not-be"), options);
    ASSERT_TRUE(file);
    EXPECT_NE(file->exit_code, 0);
    ::unlink("/tmp/tenon-must-not-be");
    options.limits = {};
    options.limits.cpu_time = std::chrono::seconds(1);
    options.limits.wall_time = 60s;
    const auto busy = run_process(shell("while :; do :; done"), options);
    ASSERT_TRUE(busy) << busy.error().describe();
    EXPECT_GT(busy->exit_code, 128);
}

TEST(RunProcess, MemoryOfTheWholeTreeIsWatched) {
    EXPECT_GT(base::resident_bytes_of_tree(::getpid()), std::size_t{1} << 20);
    ProcessOptions options;
    options.limits.tree_memory = std::size_t{64} << 20;
    options.limits.wall_time = 60s;
    // A shell that holds 200 MB, in a child of the child.
    const auto r =
        run_process(shell("(x=$(head -c 200000000 /dev/zero | tr '\\0' x); sleep 20; echo ${#x}); :"), options);
    EXPECT_EQ(r.error().code(), ErrorCode::resource_exhausted);
}

}  // namespace
}  // namespace tenon
