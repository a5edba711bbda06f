// The safetensors reader, and files and folders that lie.
#include "tenon/model/safetensors.hpp"

#include "support.hpp"
#include "tenon/base/file.hpp"

namespace tenon::model {
namespace {

std::string file_of(std::string_view header, std::size_t data) {
    const std::uint64_t length = header.size();
    std::string out(reinterpret_cast<const char*>(&length), sizeof length);
    return out.append(header).append(data, '\0');
}

Result<SafetensorsFile> parse(const std::string& bytes) {
    return SafetensorsFile::parse(std::as_bytes(std::span(bytes)));
}

ErrorCode code_of(std::string_view header, std::size_t data) {
    const std::string bytes = file_of(header, data);
    const auto file = parse(bytes);
    return file ? ErrorCode::internal : file.error().code();
}

TEST(Safetensors, reads_tensors_and_metadata) {
    const std::string bytes = file_of(
        R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F16","shape":[2,3],"data_offsets":[4,16]},)"
        R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"c":{"dtype":"BOOL","shape":[1],"data_offsets":[16,17]}})",
        17);
    const auto file = parse(bytes);
    ASSERT_TRUE(file) << file.error().describe();
    ASSERT_EQ(file->tensors().size(), 3U);
    EXPECT_EQ(file->metadata()[0].second, "pt");
    const TensorRecord* b = file->find_tensor("b");
    ASSERT_NE(b, nullptr);
    EXPECT_EQ(b->shape, (std::vector<std::uint64_t>{2, 3}));
    EXPECT_EQ(b->data.size(), 12U);
    EXPECT_EQ(b->matrix()->columns, 3U);
    EXPECT_EQ(file->find_tensor("a")->elements(), 1U);
    EXPECT_EQ(file->find_tensor("c")->matrix().error().code(), ErrorCode::unsupported);
}

TEST(Safetensors, refuses_files_that_lie) {
    EXPECT_EQ(code_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8), ErrorCode::internal)
        << "a good file";
    for (
        const auto& [header, data] : std::initializer_list<std::pair<std::string_view, std::size_t>>{
            {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 7},
            {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 9},
            {R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8},
            {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8},
            {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}})", 8},
            {R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,2],"data_offsets":[0,8]}})", 8},
            {R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8},
            {R"({"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}})", 8},
            {R"({"a":{"dtype":"F32","shape":[2]}})", 8},
            {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
             8},
            {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8},
            {R"({"a":3})", 0},
            {R"([])", 0},
            {R"({"a")", 0},
            {R"()", 0}})
        EXPECT_EQ(code_of(header, data), ErrorCode::corrupt) << header;
    const std::string huge(8, '\xFF');
    EXPECT_EQ(parse(huge).error().code(), ErrorCode::corrupt);
    EXPECT_EQ(parse("").error().code(), ErrorCode::corrupt);
}

TEST(Safetensors, every_truncation_is_an_error) {
    const std::string whole = test::slurp(test::golden("tiny/qwen2/model.safetensors"));
    for (std::size_t n = 0; n < whole.size(); n += n < 3000 ? 7 : 997) {
        const std::string part = whole.substr(0, n);
        ASSERT_FALSE(parse(part)) << n;
    }
}

TEST(Safetensors, shards_stay_in_their_folder) {
    auto folder = TemporaryDirectory::create();
    ASSERT_TRUE(folder);
    for (const char* name : {"../model.safetensors", "/etc/passwd", "a/b.safetensors", "", ".hidden"}) {
        ASSERT_TRUE(write_file_atomic(folder->path() / "model.safetensors.index.json",
                                      std::string(R"({"weight_map":{"a":")") + name + "\"}}"));
        const auto file = SafetensorsFile::open_folder(folder->path());
        ASSERT_FALSE(file) << name;
        EXPECT_EQ(file.error().code(), ErrorCode::corrupt) << name;
    }
}

TEST(Safetensors, a_missing_shard_is_named) {
    auto folder = TemporaryDirectory::create();
    ASSERT_TRUE(folder);
    for (const auto& entry : std::filesystem::directory_iterator(test::golden("tiny/llama-f16-sharded")))
        if (entry.path().filename() != "model-00002-of-00002.safetensors")
            std::filesystem::copy(entry.path(), folder->path());
    const auto model = load_causal(folder->path());
    ASSERT_FALSE(model);
    EXPECT_EQ(model.error().code(), ErrorCode::not_found);
    EXPECT_NE(model.error().describe().find("model-00002-of-00002"), std::string::npos) << model.error().describe();
}

}  // namespace
}  // namespace tenon::model
