#include "tenon/agent/sandbox.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace tenon::agent {
namespace {

using namespace std::chrono_literals;

/// The sandbox, or a skipped test where this machine has none.
class SandboxTest : public testing::Test {
  protected:
    void SetUp() override {
        ::setenv("TENON_TEST_SECRET", "hidden-7391", 1);
        SandboxOptions options;
        options.limits.wall_time = 20s;
        auto opened = Sandbox::open(options);
        if (!opened) GTEST_SKIP() << opened.error().describe();
        sandbox_ = std::make_unique<Sandbox>(std::move(*opened));
    }
    [[nodiscard]] PythonResult python(std::string_view program) const {
        auto r = sandbox_->run_python(program);
        EXPECT_TRUE(r) << r.error().describe();
        return r ? *r : PythonResult{};
    }
    [[nodiscard]] Sandbox limited(const std::function<void(SandboxLimits&)>& change) const {
        auto options = sandbox_->options();
        change(options.limits);
        return Sandbox::open(options).value();
    }
    std::unique_ptr<Sandbox> sandbox_;
};

TEST_F(SandboxTest, TheValueOfAProgram) {
    EXPECT_EQ(python("2**10").value, "1024");
    EXPECT_EQ(python("def solution():\n    return 7*6\n").value, "42");
    EXPECT_EQ(python("x = 3\nanswer = x * 2\n").value, "6");
    EXPECT_EQ(python("print('苹果')\n'香蕉'").value, "香蕉");
    EXPECT_EQ(python("print('苹果')").out, "苹果\n");
    EXPECT_TRUE(python("").ok());
}

TEST_F(SandboxTest, ErrorsNameTheirLine) {
    EXPECT_EQ(python("a = 1\nb = a / 0\n").error, "ZeroDivisionError: division by zero (line 2)");
    EXPECT_NE(python("def f(:\n").error.find("SyntaxError"), std::string::npos);
    EXPECT_EQ(python("import sys\nsys.exit(3)").error, "SystemExit: 3 (line 2)");
    EXPECT_NE(python("import os\nos._exit(5)").error.find("exit code 5"), std::string::npos);
    EXPECT_NE(python("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)").error, "");
    EXPECT_FALSE(python("raise KeyboardInterrupt").ok());
}

TEST_F(SandboxTest, NoNetwork) {
    const auto r = python(R"(
import socket
seen = []
for family, address in ((socket.AF_INET, ("1.1.1.1", 53)), (socket.AF_INET, ("127.0.0.1", 22))):
    try:
        socket.create_connection(address, timeout=2); seen.append("connected")
    except OSError as e: seen.append("no")
try:
    seen.append(str(len([n for _, n in socket.if_nameindex() if n != "lo"])))
except OSError: seen.append("0")
" ".join(seen)
)");
    EXPECT_EQ(r.value, "no no 0") << r.error;
}

TEST_F(SandboxTest, NoFilesFromOutside) {
    const auto here = std::filesystem::temp_directory_path() / "tenon-sandbox-secret";
    std::ofstream(here) << "hidden-7391";
    const auto r =
        python("import os\nseen = []\nfor p in ('/etc/passwd', '/root', '/home', '/var', '" + here.string() + "', '" +
               std::filesystem::current_path().string() + "'):\n    if os.path.exists(p): seen.append(p)\nstr(seen)");
    EXPECT_EQ(r.value, "[]") << r.error;
    const auto w = python(R"(
seen = []
for path in ("/usr/x", "/x", "/dev/x", "/etc/x", "/proc/x", "/bin/x"):
    try:
        open(path, "w"); seen.append(path)
    except OSError: pass
open("/scratch/a", "w").write("1"); open("/tmp/b", "w").write("2")
str(seen)
)");
    EXPECT_EQ(w.value, "[]") << w.error;
    EXPECT_EQ(python("import os\nos.path.exists('/scratch/a')").value, "False");
    std::filesystem::remove(here);
}

TEST_F(SandboxTest, SymbolicLinksLeadNowhere) {
    const auto r = python(R"(
import os
os.symlink("/etc/shadow", "/scratch/link"); os.symlink("../../../../root", "/scratch/up")
[os.path.exists("/scratch/link"), os.path.exists("/scratch/up"), os.path.exists("/proc/1/root/etc/shadow"), os.path.exists("/proc/self/root/home")]
)");
    EXPECT_EQ(r.value, "[False, False, False, False]") << r.error;
}

TEST_F(SandboxTest, NoSecretsOfTheEnvironmentOrOtherProcesses) {
    const auto r = python(R"(
import os
found = "hidden-7391" in str(os.environ)
pids = [p for p in os.listdir("/proc") if p.isdigit()]
for p in pids:
    for name in ("environ", "cmdline"):
        try: found = found or b"hidden-7391" in open(f"/proc/{p}/{name}", "rb").read()
        except OSError: pass
(found, len(pids) < 5)
)");
    EXPECT_EQ(r.value, "(False, True)") << r.error;
}

TEST_F(SandboxTest, NobodyWithoutCapabilitiesAndWithoutNewNamespaces) {
    const auto r = python(R"(
import ctypes, os
status = dict(l.split(":\t", 1) for l in open("/proc/self/status").read().splitlines() if ":\t" in l)
libc = ctypes.CDLL(None, use_errno=True)
made = libc.unshare(0x10000000) == 0
(int(status["CapEff"], 16), int(status["CapBnd"], 16), status["NoNewPrivs"].strip(), made)
)");
    EXPECT_EQ(r.value, "(0, 0, '1', False)") << r.error;
}

TEST_F(SandboxTest, AForkBombIsContained) {
    const auto small = limited([](SandboxLimits& l) {
        l.processes = 12;
        l.wall_time = 5s;
    });
    const auto r = small.run_python(R"(
import os, time
children = 0
try:
    for _ in range(400):
        if os.fork() == 0:
            time.sleep(30); os._exit(0)
        children += 1
except OSError: pass
children < 40
)");
    ASSERT_TRUE(r) << r.error().describe();
    EXPECT_EQ(r->value, "True") << r->error;
    const auto wild = small.run({"/bin/sh", "-c", ":(){ :|:& };:"}, "");
    ASSERT_TRUE(wild) << wild.error().describe();
    EXPECT_EQ(python("1+1").value, "2");
}

TEST_F(SandboxTest, MemoryIsBounded) {
    const auto small = limited([](SandboxLimits& l) { l.memory = std::size_t{128} << 20; });
    const auto alone = small.run_python("x = bytearray(10**9)\nlen(x)");
    ASSERT_TRUE(alone);
    EXPECT_FALSE(alone->ok());
    const auto together = small.run_python(R"(
import os, time
for _ in range(6):
    if os.fork() == 0:
        x = bytearray(60 * 2**20); time.sleep(15); os._exit(0)
time.sleep(15)
)");
    ASSERT_TRUE(together);
    EXPECT_NE(together->error.find("memory"), std::string::npos) << together->error;
}

TEST_F(SandboxTest, DiskIsBounded) {
    const auto small = limited([](SandboxLimits& l) { l.file_bytes = std::size_t{4} << 20; });
    const auto r = small.run_python(R"(
n = 0
try:
    for i in range(100):
        open(f"/scratch/{i}", "wb").write(bytes(2**20)); n += 1
except OSError: pass
n < 5
)");
    ASSERT_TRUE(r);
    EXPECT_EQ(r->value, "True") << r->error;
}

TEST_F(SandboxTest, TimeIsBounded) {
    const auto small = limited([](SandboxLimits& l) { l.wall_time = 700ms; });
    const auto asleep = small.run_python("import time\ntime.sleep(60)");
    ASSERT_TRUE(asleep);
    EXPECT_NE(asleep->error.find("longer"), std::string::npos);
    const auto busy = small.run_python("while True: pass");
    ASSERT_TRUE(busy);
    EXPECT_NE(busy->error.find("longer"), std::string::npos);
    // Ignoring the request to end does not help.
    const auto stubborn =
        small.run_python("import signal, time\nfor s in (1, 2, 15): signal.signal(s, signal.SIG_IGN)\ntime.sleep(60)");
    ASSERT_TRUE(stubborn);
    EXPECT_NE(stubborn->error.find("longer"), std::string::npos);
}

TEST_F(SandboxTest, OutputIsBounded) {
    const auto small = limited([](SandboxLimits& l) { l.output_bytes = 1000; });
    const auto r = small.run_python("print('x' * 100000)");
    ASSERT_TRUE(r);
    EXPECT_NE(r->error.find("printed more than 1000 bytes"), std::string::npos) << r->error;
    EXPECT_LE(r->out.size(), 1000U);
}

TEST_F(SandboxTest, StopsWhenToldTo) {
    std::stop_source source;
    std::jthread later([&] {
        std::this_thread::sleep_for(200ms);
        source.request_stop();
    });
    EXPECT_EQ(sandbox_->run_python("import time\ntime.sleep(60)", source.get_token()).error().code(),
              ErrorCode::cancelled);
}

TEST_F(SandboxTest, ReadsWhatItIsGiven) {
    const auto folder = std::filesystem::temp_directory_path() / "tenon-sandbox-data";
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "a.csv") << "1,2\n";
    std::filesystem::permissions(folder, std::filesystem::perms::others_read | std::filesystem::perms::others_exec,
                                 std::filesystem::perm_options::add);
    auto options = sandbox_->options();
    options.readable.push_back({folder, "/data"});
    const auto with = Sandbox::open(options);
    ASSERT_TRUE(with) << with.error().describe();
    EXPECT_EQ(with->run_python("open('/data/a.csv').read().strip()")->value, "1,2");
    EXPECT_FALSE(with->run_python("open('/data/b', 'w')")->ok());
    std::filesystem::remove_all(folder);
}

TEST(Sandbox, RefusesWhereThereIsNone) {
    SandboxOptions options;
    options.bwrap = "tenon-no-such-bwrap";
    const auto none = Sandbox::open(options);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code(), ErrorCode::unsupported);
    EXPECT_NE(none.error().message().find("install"), std::string::npos);
    options.bwrap = "/bin/false";
    EXPECT_EQ(Sandbox::open(options).error().code(), ErrorCode::unsupported);
}

}  // namespace
}  // namespace tenon::agent
