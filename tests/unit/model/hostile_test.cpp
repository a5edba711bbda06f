// Sizes a file claims and cannot keep: every number of a model's metadata replaced in turn. What loads must run.
#include "support.hpp"

#include "tenon/model/gguf.hpp"

namespace tenon::model {
namespace {

constexpr std::int64_t wrong[] = {0, 1, 3, 6, 65, 1 << 24, 0x7fffffff, 0xffffffff};

class Scratch {
  public:
    explicit Scratch(const std::string& name) : path_(std::filesystem::path(testing::TempDir()) / name) {
        std::filesystem::remove_all(path_);
    }
    ~Scratch() { std::filesystem::remove_all(path_); }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

void write(const std::filesystem::path& path, std::string_view bytes) {
    std::ofstream out(path, std::ios::binary);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// Loading fails with a reason, or the model computes finite numbers or refuses to.
void load_and_run(const std::filesystem::path& path, const std::string& what) {
    SCOPED_TRACE(what);
    auto loaded = load_causal(path);
    if (!loaded) {
        EXPECT_FALSE(loaded.error().describe().empty());
        return;
    }
    tensor::ThreadTeam team(1);
    const auto kv = (*loaded)->make_cache(8);
    if (!kv) return;
    const std::vector<text::TokenId> tokens{2, 5, 7};
    const SequenceStep step{kv->get(), tokens, Logits::all};
    const auto logits = (*loaded)->forward(team, {&step, 1});
    if (logits) {
        EXPECT_EQ(logits->size(), tokens.size() * (*loaded)->info().vocabulary);
    }
}

std::string key_of(std::string_view key) {
    std::string out(8, '\0');
    const std::uint64_t size = key.size();
    std::memcpy(out.data(), &size, sizeof size);
    return out.append(key);
}

class HostileGguf : public testing::TestWithParam<const char*> {};

TEST_P(HostileGguf, every_size_replaced) {
    const std::string name = std::string("architectures/") + GetParam() + ".gguf";
    const std::string bytes = test::slurp(test::golden(name));
    const Scratch file(std::string("hostile-") + GetParam() + ".gguf");
    const auto opened = GgufFile::open(test::golden(name));
    ASSERT_TRUE(opened) << opened.error().describe();
    std::size_t tried = 0;
    for (const auto& [key, value] : opened->metadata()) {
        if (value.type() != GgufType::u32 || !key.starts_with(GetParam()[0] == 'm' ? "llama" : GetParam())) continue;
        const std::size_t at = bytes.find(key_of(key));
        ASSERT_NE(at, std::string::npos);
        for (const std::int64_t replacement : wrong) {
            std::string changed = bytes;
            const auto number = static_cast<std::uint32_t>(replacement);
            std::memcpy(changed.data() + at + 8 + key.size() + 4, &number, sizeof number);
            write(file.path(), changed);
            load_and_run(file.path(), std::string(key) + " = " + std::to_string(number));
            ++tried;
        }
    }
    EXPECT_GE(tried, 8 * std::size(wrong));
}

INSTANTIATE_TEST_SUITE_P(Kinds, HostileGguf,
                         testing::Values("gemma3", "phi3", "granite", "olmo2", "gpt2", "mixtral", "qwen2moe",
                                         "qwen3moe"));

class HostileFolder : public testing::TestWithParam<const char*> {};

TEST_P(HostileFolder, every_number_replaced) {
    const std::filesystem::path from = test::golden(std::string("architectures/") + GetParam());
    const Scratch folder(std::string("hostile-") + GetParam());
    std::filesystem::copy(from, folder.path());
    const json::Value config = test::read_json(from / "config.json");
    const auto try_with = [&](const json::Value& changed, const std::string& what) {
        write(folder.path() / "config.json", boost::json::serialize(changed));
        load_and_run(folder.path(), what);
    };
    for (const auto& [key, value] : config.as_object()) {
        std::vector<json::Value> others{nullptr, "text", json::Array{1, "x", nullptr}, json::Object{}};
        for (const std::int64_t replacement : wrong) others.emplace_back(replacement);
        others.emplace_back(-1);
        others.emplace_back(1e300);
        for (const json::Value& other : others) {
            json::Value changed = config;
            changed.as_object()[key] = other;
            try_with(changed, std::string(key) + " = " + boost::json::serialize(other));
        }
        json::Value without = config;
        without.as_object().erase(key);
        try_with(without, "without " + std::string(key));
    }
}

INSTANTIATE_TEST_SUITE_P(Kinds, HostileFolder, testing::Values("gemma3-linear", "phi3-long", "gpt2", "qwen2moe"));

}  // namespace
}  // namespace tenon::model
