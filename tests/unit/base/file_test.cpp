#include "tenon/base/file.hpp"

#include <gtest/gtest.h>

#include "tenon/base/hash.hpp"

namespace tenon {
namespace {

TEST(File, WritesAtomicallyAndMapsBack) {
    const auto dir = TemporaryDirectory::create();
    ASSERT_TRUE(dir);
    const auto path = dir->path() / "a.bin";
    ASSERT_TRUE(write_file_atomic(path, "first"));
    const auto old = MappedFile::open(path);
    ASSERT_TRUE(write_file_atomic(path, "second"));
    ASSERT_TRUE(old);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(old->bytes().data()), old->bytes().size()), "first");
    EXPECT_EQ(read_file(path).value(), "second");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir->path()), {}), 1) << "no temporary left behind";
}

TEST(File, SaysWhatIsWrong) {
    EXPECT_EQ(read_file("/nonexistent/x").error().code(), ErrorCode::not_found);
    EXPECT_EQ(MappedFile::open("/").error().code(), ErrorCode::io);
    EXPECT_EQ(write_file_atomic("/nonexistent/x", "").error().code(), ErrorCode::not_found);
    const auto dir = TemporaryDirectory::create();
    ASSERT_TRUE(write_file_atomic(dir->path() / "long", "0123456789"));
    EXPECT_EQ(read_file(dir->path() / "long", 9).error().code(), ErrorCode::resource_exhausted);
}

// FIPS 180-4 examples.
TEST(Sha256, MatchesTheStandard) {
    EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace tenon
