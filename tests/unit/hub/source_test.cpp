#include "tenon/hub/source.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "hub/hf_listing.hpp"
#include "tenon/base/file.hpp"
#include "tenon/hub/catalog.hpp"
#include "tenon/hub/registry.hpp"

namespace tenon::hub {
namespace {

TEST(Source, ReadsEveryKind) {
    const auto hf = parse_source("hf:Qwen/Qwen3-0.6B-GGUF:sub/a.gguf@v1.0");
    ASSERT_TRUE(hf) << hf.error().describe();
    EXPECT_EQ(hf->kind, SourceKind::hf);
    EXPECT_EQ(hf->location, "Qwen/Qwen3-0.6B-GGUF");
    EXPECT_EQ(hf->member, "sub/a.gguf");
    EXPECT_EQ(hf->revision, "v1.0");
    const auto other_order = parse_source("hf:Qwen/Qwen3-0.6B-GGUF@v1.0:sub/a.gguf");
    ASSERT_TRUE(other_order) << other_order.error().describe();
    EXPECT_EQ(other_order->location, "Qwen/Qwen3-0.6B-GGUF");
    EXPECT_EQ(other_order->member, "sub/a.gguf");
    EXPECT_EQ(other_order->revision, "v1.0");
    EXPECT_FALSE(parse_source("hf:org/repo:a.gguf@v1:b.gguf"));
    const auto pip = parse_source("pip:a-part{9..11}+b==1.2:dir/x.bin");
    ASSERT_TRUE(pip) << pip.error().describe();
    EXPECT_EQ(pip->packages, (std::vector<std::string>{"a-part9", "a-part10", "a-part11", "b==1.2"}));
    EXPECT_EQ(pip->member, "dir/x.bin");
    EXPECT_EQ(parse_source("file:///a/b")->location, "/a/b");
    EXPECT_EQ(parse_source("file:rel/x.gguf")->location, "rel/x.gguf");
    EXPECT_EQ(parse_source("https:https://h/x.gguf")->location, "https://h/x.gguf");
    EXPECT_EQ(parse_source("http://127.0.0.1:1/x.gguf")->kind, SourceKind::https);
}

TEST(Source, RefusesWhatCouldDoHarmOrMeansNothing) {
    for (const char* text : {"",
                             "x",
                             "hf:",
                             "hf:org",
                             "hf:org/repo:../x",
                             "hf:org/repo:/etc/x",
                             "hf:../repo",
                             "hf:a/b/c",
                             "hf:o/r@../x",
                             "hf:o/r@",
                             "pip:",
                             "pip:-r",
                             "pip:--index-url=x",
                             "pip:a;b",
                             "pip:a b",
                             "pip:a+",
                             "pip:a:../x",
                             "pip:p{3..1}",
                             "pip:p{1..99999}",
                             "pip:p{1}",
                             "pip:../a",
                             "file:",
                             "https://host",
                             "https://host/",
                             "ftp://h/x"}) {
        const auto source = parse_source(text);
        ASSERT_FALSE(source) << text;
        EXPECT_EQ(source.error().code(), ErrorCode::invalid_argument);
    }
}

TEST(Catalog, BuiltinHoldsTheDocumentedModels) {
    const auto catalog = Catalog::builtin();
    ASSERT_TRUE(catalog) << catalog.error().describe();
    for (const char* name : {"qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b", "smollm2-135m", "gemma3-270m", "minilm",
                             "bge-m3", "bge-reranker-v2-m3", "multilingual-e5-small", "bge-small-zh", "qwen3-0.6b",
                             "qwen3-4b", "llama3.2-1b", "gemma3-1b"}) {
        const CatalogEntry* entry = catalog->find(name);
        ASSERT_NE(entry, nullptr) << name;
        EXPECT_FALSE(entry->description.empty());
        EXPECT_FALSE(entry->licence.empty());
        EXPECT_TRUE(entry->sources[0].starts_with("hf:"));
    }
    const CatalogEntry& qwen = *catalog->find("qwen2.5-coder-0.5b");
    ASSERT_EQ(qwen.files.size(), 1U);
    EXPECT_EQ(qwen.files[0].sha256, "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32");
    EXPECT_EQ(qwen.files[0].bytes, 491400064U);
    EXPECT_EQ(parse_source(qwen.sources[1])->packages.size(), 6U);
    EXPECT_EQ(catalog->find("minilm")->role, Role::embedding);
}

TEST(Catalog, WhatTheHubServesForABuiltinAliasIsPinned) {
    const auto catalog = Catalog::builtin();
    ASSERT_TRUE(catalog);
    for (const CatalogEntry& entry : catalog->entries()) {
        if (!entry.files.empty() && !entry.files[0].sha256.empty()) continue;
        for (const std::string& text : entry.sources) {
            const auto source = parse_source(text);
            ASSERT_TRUE(source) << entry.name;
            EXPECT_EQ(source->revision.size(), 40U) << entry.name << " from " << text << " may change under its name";
        }
    }
}

TEST(Catalog, UserFileAddsAndReplaces) {
    const auto home = TemporaryDirectory::create().value();
    const auto file = home.path() / "models.toml";
    ASSERT_TRUE(write_file_atomic(file,
                                  "[models.minilm]\nrole='embedding'\nsources=['file:/m']\n"
                                  "[models.mine]\nsources=['hf:a/b']\n"));
    const auto catalog = Catalog::load(file);
    ASSERT_TRUE(catalog) << catalog.error().describe();
    EXPECT_EQ(catalog->find("minilm")->sources, std::vector<std::string>{"file:/m"});
    EXPECT_NE(catalog->find("mine"), nullptr);
    EXPECT_NE(catalog->find("bge-m3"), nullptr);
    EXPECT_TRUE(Catalog::load(home.path() / "absent.toml"));
}

TEST(Catalog, ErrorsNameFileAndLine) {
    for (const char* text :
         {"[models.a]\nsources = [", "\n[models.a]\nrole='x'\nsources=['hf:a/b']", "\n[models.a]\n",
          "\n[models.a]\nsources=['nope']", "\n[other]\n", "\n[models.a]\nsources=['hf:a/b']\nhash='x'",
          "\n[models.a]\nsources=['hf:a/b']\nfile='x'\nsha256='ABC'", "\n[models.'../a']\nsources=['hf:a/b']",
          "\n[models.a]\nsources=['hf:a/b']\nfile='../x'"}) {
        const auto catalog = Catalog::parse(text, "models.toml");
        ASSERT_FALSE(catalog) << text;
        EXPECT_EQ(catalog.error().code(), ErrorCode::corrupt);
        EXPECT_TRUE(catalog.error().message().starts_with("models.toml, line ")) << catalog.error().message();
    }
}

std::vector<ListedFile> listing(std::initializer_list<const char*> paths) {
    std::vector<ListedFile> files;
    for (const char* path : paths) files.push_back({path, 1, ""});
    return files;
}

std::vector<std::string> selected(const std::vector<ListedFile>& files, std::string_view member) {
    std::vector<std::string> paths;
    const auto selection = select_files(files, member, "o/r");
    if (selection)
        for (const ListedFile& file : selection->files) paths.push_back(file.path);
    else
        paths.emplace_back(to_string(selection.error().code()));
    return paths;
}

using Paths = std::vector<std::string>;

TEST(HubListing, SelectsOneGgufByPathPartOrHabit) {
    const auto files = listing({"README.md", "m-Q4_K_M.gguf", "m-Q8_0.gguf", "mmproj-m.gguf"});
    EXPECT_EQ(selected(files, "m-Q8_0.gguf"), Paths{"m-Q8_0.gguf"});
    EXPECT_EQ(selected(files, "q8_0"), Paths{"m-Q8_0.gguf"});
    EXPECT_EQ(selected(files, ""), Paths{"m-Q4_K_M.gguf"});
    EXPECT_EQ(selected(files, "Q3"), Paths{"not_found"});
    EXPECT_EQ(selected(files, "m-Q"), Paths{"invalid_argument"});
    EXPECT_EQ(selected(listing({"README.md"}), ""), Paths{"not_found"});
}

TEST(HubListing, TakesAllPiecesOfASplit) {
    const auto files = listing({"b/x-00001-of-00002.gguf", "b/x-00002-of-00002.gguf", "b/y-00001-of-00002.gguf"});
    EXPECT_EQ(selected(files, "b/x"), (Paths{"b/x-00001-of-00002.gguf", "b/x-00002-of-00002.gguf"}));
}

TEST(HubListing, TakesTheSafetensorsFolderWithoutOtherFormats) {
    const auto files = listing({"config.json", "model.safetensors", "pytorch_model.bin", "onnx/model.onnx", "vocab.txt",
                                "onnx/config.json", "1_Pooling/config.json", "README.md", "openvino/x.json"});
    EXPECT_EQ(selected(files, ""), (Paths{"config.json", "model.safetensors", "vocab.txt", "1_Pooling/config.json"}));
}

TEST(HubListing, LeavesOutPathsThatEscape) {
    const auto tree = json::parse(R"([{"type":"file","path":"../x"},{"type":"file","path":"/y"},{"type":"directory",
        "path":"d"},{"type":"file","path":"ok","size":5,"lfs":{"oid":"short"}}])");
    const auto files = parse_listing(*tree);
    ASSERT_TRUE(files);
    ASSERT_EQ(files->size(), 1U);
    EXPECT_EQ((*files)[0].path, "ok");
    EXPECT_TRUE((*files)[0].sha256.empty());
}

TEST(Registry, FolderNamesAreFlat) {
    EXPECT_EQ(Registry::folder_name("hf:Qwen/Qwen3:Q8_0@main"), "Qwen--Qwen3--Q8_0@main");
    EXPECT_EQ(Registry::folder_name("file:../../etc"), "etc");
    EXPECT_LE(Registry::folder_name("hf:" + std::string(500, 'x')).size(), 120U);
}

}  // namespace
}  // namespace tenon::hub
