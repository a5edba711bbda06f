// The GGUF reader: every metadata type, and files that lie.
#include "tenon/model/gguf.hpp"

#include "support.hpp"
#include "tenon/base/file.hpp"

namespace tenon::model {
namespace {

/// Writes GGUF bytes piece by piece, right or wrong.
class Writer {
  public:
    template <class T>
    Writer& put(T value) {
        bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
        return *this;
    }
    Writer& text(std::string_view value) {
        put<std::uint64_t>(value.size());
        bytes_.append(value);
        return *this;
    }
    Writer& header(std::uint64_t tensors, std::uint64_t values, std::uint32_t version = 3) {
        bytes_.append("GGUF");
        return put(version).put(tensors).put(values);
    }
    Writer& key(std::string_view name, GgufType type) { return text(name).put(static_cast<std::uint32_t>(type)); }
    Writer& array(GgufType element, std::uint64_t count) { return put(static_cast<std::uint32_t>(element)).put(count); }
    Writer& tensor(std::string_view name, std::vector<std::uint64_t> shape, std::uint32_t type, std::uint64_t offset) {
        text(name).put(static_cast<std::uint32_t>(shape.size()));
        for (const std::uint64_t n : shape) put(n);
        return put(type).put(offset);
    }
    Writer& data(std::size_t bytes, std::size_t alignment = 32) {
        bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment + bytes);
        return *this;
    }
    [[nodiscard]] const std::string& bytes() const { return bytes_; }
    [[nodiscard]] Result<GgufFile> parse() const { return GgufFile::parse(std::as_bytes(std::span(bytes_))); }

  private:
    std::string bytes_;
};

ErrorCode code_of(const Result<GgufFile>& result) { return result ? ErrorCode::internal : result.error().code(); }

TEST(Gguf, reads_every_metadata_type) {
    Writer w;
    w.header(0, 15);
    w.key("u8", GgufType::u8).put<std::uint8_t>(200);
    w.key("i8", GgufType::i8).put<std::int8_t>(-100);
    w.key("u16", GgufType::u16).put<std::uint16_t>(60000);
    w.key("i16", GgufType::i16).put<std::int16_t>(-30000);
    w.key("u32", GgufType::u32).put<std::uint32_t>(4000000000U);
    w.key("i32", GgufType::i32).put<std::int32_t>(-2000000000);
    w.key("u64", GgufType::u64).put<std::uint64_t>(1ULL << 63);
    w.key("i64", GgufType::i64).put<std::int64_t>(-5);
    w.key("f32", GgufType::f32).put(1.5F);
    w.key("f64", GgufType::f64).put(2.25);
    w.key("bool", GgufType::boolean).put<std::uint8_t>(1);
    w.key("text", GgufType::string).text("榫卯");
    w.key("numbers", GgufType::array)
        .array(GgufType::i16, 3)
        .put<std::int16_t>(1)
        .put<std::int16_t>(-2)
        .put<std::int16_t>(3);
    w.key("texts", GgufType::array).array(GgufType::string, 2).text("").text("two");
    w.key("nested", GgufType::array).array(GgufType::array, 2);
    w.array(GgufType::u8, 1).put<std::uint8_t>(7).array(GgufType::string, 1).text("x");
    const auto file = w.parse();
    ASSERT_TRUE(file) << file.error().describe();
    EXPECT_EQ(file->version(), 3U);
    EXPECT_EQ(file->metadata().size(), 15U);
    EXPECT_EQ(file->find("u8")->integer(), 200);
    EXPECT_EQ(file->find("i8")->integer(), -100);
    EXPECT_EQ(file->find("u16")->integer(), 60000);
    EXPECT_EQ(file->find("i16")->integer(), -30000);
    EXPECT_EQ(file->find("u32")->integer(), 4000000000);
    EXPECT_EQ(file->find("i32")->integer(), -2000000000);
    EXPECT_EQ(file->find("u64")->integer(), std::nullopt) << "does not fit";
    EXPECT_EQ(file->find("u64")->number(), 0x1p63);
    EXPECT_EQ(file->find("i64")->integer(), -5);
    EXPECT_EQ(file->find("f32")->number(), 1.5);
    EXPECT_EQ(file->find("f32")->integer(), std::nullopt);
    EXPECT_EQ(file->find("f64")->number(), 2.25);
    EXPECT_EQ(file->find("bool")->boolean(), true);
    EXPECT_EQ(file->find("text")->string(), "榫卯");
    EXPECT_EQ(file->find("numbers")->numbers(), (std::vector<double>{1, -2, 3}));
    EXPECT_EQ(file->find("texts")->strings(), (std::vector<std::string_view>{"", "two"}));
    EXPECT_EQ(file->find("texts")->numbers(), std::nullopt);
    const auto nested = file->find("nested")->values();
    ASSERT_TRUE(nested);
    EXPECT_EQ(nested->at(0).numbers(), std::vector<double>{7});
    EXPECT_EQ(nested->at(1).strings(), std::vector<std::string_view>{"x"});
    EXPECT_EQ(file->find("nothing"), nullptr);
}

TEST(Gguf, reads_tensors_outermost_dimension_first) {
    Writer w;
    w.header(2, 1, 2).key("general.alignment", GgufType::u32).put<std::uint32_t>(64);
    w.tensor("a", {32, 3}, 8, 128).tensor("b", {4}, 0, 0).data(128 + 3 * 34, 64);
    const auto file = w.parse();
    ASSERT_TRUE(file) << file.error().describe();
    const TensorRecord* a = file->find_tensor("a");
    ASSERT_NE(a, nullptr);
    EXPECT_EQ(a->shape, (std::vector<std::uint64_t>{3, 32}));
    EXPECT_EQ(a->type_name, "Q8_0");
    EXPECT_EQ(a->data.size(), 102U);
    EXPECT_EQ(a->matrix()->rows, 3U);
    EXPECT_EQ(file->find_tensor("b")->floats(), std::vector<float>(4));
}

TEST(Gguf, a_type_known_by_name_only_is_listed_but_not_used) {
    Writer w;
    w.header(1, 0).tensor("a", {256}, 9, 0).data(288);
    const auto file = w.parse();
    ASSERT_TRUE(file) << file.error().describe();
    const auto matrix = file->tensors()[0].matrix();
    ASSERT_FALSE(matrix);
    EXPECT_EQ(matrix.error().code(), ErrorCode::unsupported);
    EXPECT_NE(matrix.error().message().find("Q8_1"), std::string::npos) << matrix.error().message();
}

TEST(Gguf, refuses_files_that_lie) {
    const auto one = [](std::vector<std::uint64_t> shape, std::uint32_t type, std::uint64_t offset, std::size_t bytes) {
        Writer w;
        w.header(1, 0).tensor("a", std::move(shape), type, offset).data(bytes);
        return code_of(w.parse());
    };
    constexpr std::uint64_t huge = ~std::uint64_t{0};
    EXPECT_EQ(one({8}, 0, 0, 32), ErrorCode::internal) << "a good file";
    EXPECT_EQ(one({8}, 0, 0, 31), ErrorCode::corrupt) << "cut short";
    EXPECT_EQ(one({8}, 0, 32, 32), ErrorCode::corrupt) << "beyond the end";
    EXPECT_EQ(one({8}, 0, huge - 31, 64), ErrorCode::corrupt) << "offset that overflows";
    EXPECT_EQ(one({8}, 0, 4, 64), ErrorCode::corrupt) << "not aligned";
    EXPECT_EQ(one({huge / 2, 4}, 0, 0, 64), ErrorCode::corrupt) << "a product that overflows";
    EXPECT_EQ(one({0}, 0, 0, 64), ErrorCode::corrupt) << "no elements";
    EXPECT_EQ(one({1, 1, 1, 1, 1}, 0, 0, 64), ErrorCode::corrupt) << "five dimensions";
    EXPECT_EQ(one({33}, 8, 0, 640), ErrorCode::corrupt) << "not whole blocks";
    EXPECT_EQ(one({8}, 9999, 0, 64), ErrorCode::unsupported) << "an unknown type";

    const auto broken = [](const auto& fill) {
        Writer w;
        fill(w);
        return code_of(w.parse());
    };
    EXPECT_EQ(broken([](Writer&) {}), ErrorCode::corrupt) << "empty";
    EXPECT_EQ(broken([](Writer& w) { w.text("GGML"); }), ErrorCode::corrupt);
    EXPECT_EQ(broken([](Writer& w) { w.header(0, 0, 1); }), ErrorCode::unsupported) << "version 1";
    EXPECT_EQ(broken([](Writer& w) { w.header(0, 0, 0x03000000); }), ErrorCode::unsupported) << "big-endian";
    EXPECT_EQ(broken([](Writer& w) { w.header(huge, 0); }), ErrorCode::corrupt);
    EXPECT_EQ(broken([](Writer& w) { w.header(0, huge); }), ErrorCode::corrupt);
    EXPECT_EQ(broken([](Writer& w) { w.header(0, 1).put(huge).data(64); }), ErrorCode::corrupt) << "a key without end";
    EXPECT_EQ(broken([](Writer& w) { w.header(0, 1).key("a", static_cast<GgufType>(13)).data(64); }),
              ErrorCode::corrupt);
    EXPECT_EQ(broken([](Writer& w) { w.header(0, 1).key("a", GgufType::array).array(GgufType::u64, huge).data(64); }),
              ErrorCode::corrupt);
    EXPECT_EQ(
        broken([](Writer& w) { w.header(0, 1).key("a", GgufType::array).array(GgufType::string, 1 << 30).data(64); }),
        ErrorCode::corrupt);
    EXPECT_EQ(
        broken([](Writer& w) {
            w.header(0, 2).key("a", GgufType::u8).put<std::uint8_t>(0).key("a", GgufType::u8).put<std::uint8_t>(1);
        }),
        ErrorCode::corrupt)
        << "a key twice";
    EXPECT_EQ(broken([](Writer& w) { w.header(0, 1).key("general.alignment", GgufType::u32).put<std::uint32_t>(24); }),
              ErrorCode::corrupt);
    EXPECT_EQ(broken([](Writer& w) {
                  w.header(0, 1).key("a", GgufType::array);
                  for (int i = 0; i < 1000; ++i) w.array(GgufType::array, 1);
              }),
              ErrorCode::corrupt)
        << "arrays in arrays in arrays";
    EXPECT_EQ(broken([](Writer& w) { w.header(2, 0).tensor("a", {8}, 0, 0).tensor("a", {8}, 0, 32).data(64); }),
              ErrorCode::corrupt);
    EXPECT_EQ(broken([](Writer& w) { w.header(2, 0).tensor("a", {16}, 0, 0).tensor("b", {8}, 0, 32).data(64); }),
              ErrorCode::corrupt)
        << "tensors that overlap";
}

TEST(Gguf, every_truncation_is_an_error) {
    const std::string whole = test::slurp(test::golden("tiny/llama-types-q8_0.gguf"));
    ASSERT_GT(whole.size(), 1000U);
    for (std::size_t n = 0; n < whole.size(); n += n < 4096 ? 1 : 997) {
        const std::string part = whole.substr(0, n);
        const auto file = GgufFile::parse(std::as_bytes(std::span(part)));
        ASSERT_FALSE(file) << n;
    }
}

TEST(Gguf, flipped_bytes_never_crash_the_loader) {
    const std::string whole = test::slurp(test::golden("tiny/llama-types-q4_0.gguf"));
    auto folder = TemporaryDirectory::create();
    ASSERT_TRUE(folder);
    std::uint32_t state = 12345;
    const auto next = [&] { return state = state * 1664525U + 1013904223U; };
    std::size_t refused = 0;
    for (int round = 0; round < 300; ++round) {
        std::string damaged = whole;
        for (int i = 0; i < 3; ++i) damaged[next() % 3000] = static_cast<char>(next() >> 24);
        const auto path = folder->path() / "damaged.gguf";
        ASSERT_TRUE(write_file_atomic(path, damaged));
        (void)inspect(path);
        refused += load_causal(path) ? 0 : 1;
    }
    EXPECT_GT(refused, 100U);
}

TEST(Gguf, a_split_needs_all_its_parts) {
    auto folder = TemporaryDirectory::create();
    ASSERT_TRUE(folder);
    for (const char* part : {"00001", "00003"})
        std::filesystem::copy(test::golden(std::string("tiny/llama-gqa-tied-") + part + "-of-00003.gguf"),
                              folder->path());
    const auto file = GgufFile::open(folder->path() / "llama-gqa-tied-00001-of-00003.gguf");
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().code(), ErrorCode::not_found);
    EXPECT_NE(file.error().describe().find("00002-of-00003"), std::string::npos) << file.error().describe();
}

}  // namespace
}  // namespace tenon::model
