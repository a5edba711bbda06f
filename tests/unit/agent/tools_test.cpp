#include "tenon/agent/tools.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/value.hpp>
#include <filesystem>
#include <fstream>

#include "fake/scripted_model.hpp"
#include "tenon/agent/pal.hpp"
#include "tenon/async/runtime.hpp"
#include "tenon/base/file.hpp"

namespace tenon::agent {
namespace {

using fake::Script;
using fake::scripted_model;

class ToolsTest : public testing::Test {
  protected:
    llm::ToolResultPart call(const Tool& tool, std::string arguments) {
        return sync_wait(runtime_, tool.call({"c", tool.name(), std::move(arguments)}, {})).value();
    }
    Runtime runtime_{2};
};

TEST_F(ToolsTest, TheCalculatorComputes) {
    const std::pair<const char*, const char*> cases[] = {{"1+2*3", "7"},
                                                         {"(1+2)*3", "9"},
                                                         {"2^3^2", "512"},
                                                         {"-2^2", "-4"},
                                                         {"2**10", "1024"},
                                                         {"7 % 4", "3"},
                                                         {"7//2", "3"},
                                                         {"-7//2", "-4"},
                                                         {"1/3", "0.333333333333"},
                                                         {"sqrt(16)+abs(-2)", "6"},
                                                         {"max(1, 5, 3) - min(2,4)", "3"},
                                                         {"1_000_000*3", "3000000"},
                                                         {"1.5e3", "1500"},
                                                         {"factorial(10)", "3628800"},
                                                         {"3×4÷2", "6"},
                                                         {"ln(e)", "1"},
                                                         {"round(2.5)", "3"},
                                                         {"  4 - -4 ", "8"}};
    for (const auto& [expression, value] : cases) {
        EXPECT_EQ(call(tools::calculator(), std::string(R"({"expression":")") + expression + "\"}").content, value)
            << expression;
    }
}

TEST_F(ToolsTest, TheCalculatorSaysWhatIsWrong) {
    for (const auto* bad :
         {"", "1+", "(1", "1)", "1 2", "foo(1)", "1/0", "sqrt(-1)", "2^99999", "1..2", "os.system('x')", "sqrt 4"}) {
        const auto r = tools::calculate(bad);
        ASSERT_FALSE(r) << bad;
        EXPECT_EQ(r.error().code(), ErrorCode::invalid_argument) << bad;
    }
    EXPECT_FALSE(tools::calculate(std::string(100'000, '(')));
    EXPECT_FALSE(tools::calculate(std::string(100'000, '-')));
}

TEST_F(ToolsTest, FilesStayBelowTheirRoot) {
    const auto outer = TemporaryDirectory::create("tenon-files-").value();
    const auto root = outer.path() / "root";
    std::filesystem::create_directories(root / "sub");
    std::ofstream(outer.path() / "secret") << "hidden";
    std::ofstream(root / "a.txt") << "one\ntwo 二\nthree\n";
    std::ofstream(root / "sub" / "b.txt") << "two again\n";
    std::ofstream(root / "binary") << std::string("a\0b", 3);
    std::filesystem::create_symlink(outer.path() / "secret", root / "link");
    std::filesystem::create_symlink("../..", root / "sub" / "up");
    std::filesystem::create_symlink("a.txt", root / "inner");
    ::mkfifo((root / "pipe").c_str(), 0600);
    tools::FilesOptions options;
    options.write = true;
    options.max_bytes = 1000;
    const auto all = tools::files(root, options).value();
    ASSERT_EQ(all.size(), 4U);
    const auto &list = all[0], &read = all[1], &search = all[2], &write = all[3];
    EXPECT_EQ(call(list, "{}").content, "a.txt\nbinary\ninner\nlink\npipe\nsub/\n");
    EXPECT_EQ(call(list, R"({"path":"sub"})").content, "sub/b.txt\nsub/up\n");
    EXPECT_EQ(call(read, R"({"path":"a.txt"})").content, "one\ntwo 二\nthree\n");
    EXPECT_EQ(call(read, R"({"path":"inner","first_line":2,"last_line":2})").content, "two 二\n");
    for (const auto* out : {"../secret", "/etc/passwd", "link", "sub/up/secret", "sub/../../secret", "pipe", "binary",
                            "sub", "none", "/proc/self/environ"}) {
        const auto r = call(read, std::string(R"({"path":")") + out + "\"}");
        EXPECT_TRUE(r.is_error) << out << r.content;
        EXPECT_EQ(r.content.find("hidden"), std::string::npos);
    }
    EXPECT_EQ(call(search, R"({"text":"two"})").content, "a.txt:2: two 二\ninner:2: two 二\nsub/b.txt:1: two again\n");
    EXPECT_EQ(call(search, R"({"text":"hidden"})").content, "no line contains it");
    EXPECT_FALSE(call(write, R"({"path":"new.txt","text":"新"})").is_error);
    EXPECT_EQ(call(read, R"({"path":"new.txt"})").content, "新");
    EXPECT_TRUE(call(write, R"({"path":"../evil","text":"x"})").is_error);
    EXPECT_TRUE(call(write, R"({"path":"link","text":"x"})").is_error);
    EXPECT_TRUE(call(write, R"({"path":"big","text":")" + std::string(2000, 'x') + "\"}").is_error);
    std::ifstream secret(outer.path() / "secret");
    std::string kept;
    secret >> kept;
    EXPECT_EQ(kept, "hidden");
    EXPECT_EQ(tools::files(root / "none").error().code(), ErrorCode::not_found);
}

TEST_F(ToolsTest, FindsPassagesOfAKnowledgeBase) {
    const auto folder = TemporaryDirectory::create("tenon-kb-").value();
    const auto store = store::Store::open(folder.path()).value();
    const auto base = store->create("docs", "", 0).value();
    store::Document document;
    document.source = "manual.md";
    document.text = "The battery lasts nine hours.";
    store::Chunk chunk;
    chunk.text = document.text;
    chunk.start_line = 4;
    chunk.end_line = 4;
    ASSERT_TRUE(base->put(document, {&chunk, 1}, {}));
    const auto t = tools::retrieval(base);
    EXPECT_EQ(call(t, R"({"query":"battery hours"})").content,
              "[manual.md, lines 4-4]\nThe battery lasts nine hours.\n");
    EXPECT_EQ(call(t, R"({"query":"zebra"})").content, "nothing was found");
}

class SandboxedTools : public ToolsTest {
  protected:
    void SetUp() override {
        auto opened = Sandbox::open();
        if (!opened) GTEST_SKIP() << opened.error().describe();
        sandbox_.emplace(std::move(*opened));
    }
    std::optional<Sandbox> sandbox_;
};

TEST_F(SandboxedTools, PythonAndTheShellRunInside) {
    const auto py = tools::python(*sandbox_, runtime_.blocking_executor());
    EXPECT_EQ(call(py, R"({"code":"print('a')\n2+2"})").content, "a\n4");
    EXPECT_TRUE(call(py, R"({"code":"1/0"})").is_error);
    const auto sh = tools::shell(*sandbox_, runtime_.blocking_executor());
    EXPECT_TRUE(sh.policy().approval);
    EXPECT_EQ(call(sh, R"({"command":"echo $HOME; ls /root"})").is_error, true);
    EXPECT_EQ(call(sh, R"({"command":"echo $HOME"})").content, "/scratch\n");
}

TEST_F(SandboxedTools, PalComputesWhatTheModelWrote) {
    auto model = scripted_model();
    model->reply("Here:\n```python\ndef solution():\n    return 6 * 7\n```");
    auto r =
        sync_wait(runtime_, solve_with_program(model, *sandbox_, runtime_.blocking_executor(), "six times seven?"));
    ASSERT_TRUE(r) << r.error().describe();
    EXPECT_EQ(r->value, "42");
    // A program that fails is repaired.
    model->reply("```python\nreturn 5\n```").reply("```python\nprint(5)\n```");
    r = sync_wait(runtime_, solve_with_program(model, *sandbox_, runtime_.blocking_executor(), "五是几？"));
    ASSERT_TRUE(r) << r.error().describe();
    EXPECT_EQ(r->value, "5");
    EXPECT_NE(model->requests().back().messages.back().text().find("程序出错"), std::string::npos);
    // The majority wins, 3 and 3.0 being one.
    model->reply("```python\n4\n```").reply("```python\n3\n```").reply("```python\n3.0\n```");
    PalOptions vote;
    vote.samples = 3;
    r = sync_wait(runtime_, solve_with_program(model, *sandbox_, runtime_.blocking_executor(), "three?", vote));
    EXPECT_EQ(r->value, "3");
    EXPECT_EQ(r->agreed, 2U);
    model->otherwise("I cannot.");
    r = sync_wait(runtime_, solve_with_program(model, *sandbox_, runtime_.blocking_executor(), "?"));
    EXPECT_EQ(r.error().code(), ErrorCode::unavailable);
}

TEST(ProgramIn, FindsTheProgram) {
    EXPECT_EQ(program_in("```python\na\n```\nor\n```\nb\n```"), "b\n");
    EXPECT_EQ(program_in("a = 1"), "a = 1");
    EXPECT_EQ(program_in("```python\na = 1\nb"), "a = 1\nb");
    EXPECT_EQ(program_in("```"), "```");
}

}  // namespace
}  // namespace tenon::agent
