#include <filesystem>

#include "load_helpers.hpp"

namespace tenon::rag {
namespace {

namespace fs = std::filesystem;

TEST(Glob, Matches) {
    const auto yes = [](std::string_view p, std::string_view t) { EXPECT_TRUE(glob_match(p, t)) << p << " " << t; };
    const auto no = [](std::string_view p, std::string_view t) { EXPECT_FALSE(glob_match(p, t)) << p << " " << t; };
    yes("*.md", "a.md"), no("*.md", "x/a.md"), yes("**/*.md", "a.md"), yes("**/*.md", "x/y/a.md"),
        yes("docs/**", "docs/a/b.c"), no("docs/**", "other/b");
    yes("docs/**/x.md", "docs/x.md"), yes("docs/**/x.md", "docs/a/b/x.md"), no("docs/**/x.md", "docs/a/bx.md"),
        yes("a?c", "a中c"), no("a?c", "a/c");
    yes("[a-c]*.{md,txt}", "b1.txt"), no("[!a-c]*", "b"), yes("{a,b{c,d}}e", "bde"), yes("a\\*b", "a*b"),
        no("a\\*b", "axb"), yes("{x", "{x"), yes("**", "a/b/c");
    yes("*a*b*c", "xaxbxc"), no("*a*b*c", "xaxbx");
    std::string stars, many(400, 'a');
    for (int i = 0; i < 200; ++i) stars += "a*";
    no(stars + "b", many);  // must end soon
}

class Walk : public testing::Test {
  protected:
    void put(const std::string& name, std::string_view bytes = "text\n") {
        fs::create_directories((root() / name).parent_path());
        ASSERT_TRUE(write_file_atomic(root() / name, bytes));
    }
    [[nodiscard]] fs::path root() const { return folder_->path() / "docs"; }
    [[nodiscard]] std::vector<std::string> found(const std::vector<std::string>& paths) const {
        std::vector<std::string> out;
        auto result = walk(paths);
        EXPECT_TRUE(result);
        const std::string prefix = folder_->path().string() + "/";
        for (auto& file : result->files)
            out.push_back(file.source.starts_with(prefix) ? file.source.substr(prefix.size()) : file.source);
        return out;
    }
    Result<TemporaryDirectory> folder_ = TemporaryDirectory::create();
};

TEST_F(Walk, TakesDocumentsAndTellsWhatItLeft) {
    for (const char* name : {"b.md", "a.txt", "sub/c.html", "README", ".hidden.md", ".git/x.md", "node_modules/y.md",
                             "build/CMakeCache.txt", "build/z.md", "picture.png", "yarn.lock", "sub/deep/d.py"})
        put(name);
    put("binary", std::string("\0\1\2\3", 4));
    put("empty.md", "");
    EXPECT_EQ(found({root().string()}), (std::vector<std::string>{"docs/README", "docs/a.txt", "docs/b.md",
                                                                  "docs/sub/c.html", "docs/sub/deep/d.py"}));
    const auto result = walk(std::vector<std::string>{root().string() + "/"});
    EXPECT_EQ(result->skipped.size(), 8U);
    for (const auto& skipped : result->skipped) EXPECT_FALSE(skipped.reason.empty());
    EXPECT_EQ(result->roots, (std::vector<std::string>{root().string()}));
}

TEST_F(Walk, NamedFilesGlobsAndDuplicates) {
    for (const char* name : {"b.md", "a.txt", "sub/c.md", "odd.xyz", "sub/中文.md"}) put(name);
    const std::string base = root().string();
    EXPECT_EQ(found({base + "/odd.xyz", base + "/b.md", base + "/b.md"}),
              (std::vector<std::string>{"docs/b.md", "docs/odd.xyz"}));
    EXPECT_EQ(found({base + "/**/*.md"}), (std::vector<std::string>{"docs/b.md", "docs/sub/c.md", "docs/sub/中文.md"}));
    EXPECT_EQ(found({base + "/*.{md,txt}"}), (std::vector<std::string>{"docs/a.txt", "docs/b.md"}));
    // What another argument brought already is no reason to complain.
    EXPECT_TRUE(walk(std::vector<std::string>{base, base + "/**/*.md"})->failed.empty());
    const auto missing = walk(std::vector<std::string>{base + "/none", base + "/*.none"});
    ASSERT_EQ(missing->failed.size(), 2U);
}

TEST_F(Walk, LinksDoNotLoop) {
    put("a.md");
    fs::create_directory_symlink(root(), root() / "again");
    fs::create_directory_symlink("..", root() / "up");
    fs::create_symlink("nowhere", root() / "dangling.md");
    fs::create_symlink("a.md", root() / "b.md");
    EXPECT_EQ(found({root().string()}), (std::vector<std::string>{"docs/a.md"}));
}

TEST_F(Walk, CanBeStopped) {
    put("a.md");
    std::stop_source source;
    source.request_stop();
    WalkOptions options;
    options.stop = source.get_token();
    EXPECT_EQ(walk(std::vector<std::string>{root().string()}, options).error().code(), ErrorCode::cancelled);
}

}  // namespace
}  // namespace tenon::rag
