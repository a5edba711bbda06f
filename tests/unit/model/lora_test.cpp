// Low-rank adapters against PEFT's logits. Goldens: tools/goldens/lora.py.
#include <fstream>

#include "support.hpp"

namespace tenon::model {
namespace {

using Adapter = std::shared_ptr<const LoraAdapter>;

const json::Value& goldens() {
    static const json::Value value = test::read_json(test::golden("lora/golden.json"));
    return value;
}

std::unique_ptr<CausalModel> model_of(const std::string& name) {
    auto model = load_causal(test::golden(name));
    if (!model) throw std::runtime_error(model.error().describe());
    return std::move(*model);
}

Adapter adapter_of(const CausalModel& model, const std::string& name) {
    auto adapter = model.load_adapter(test::golden("lora/" + name));
    if (!adapter) throw std::runtime_error(adapter.error().describe());
    return *adapter;
}

std::vector<float> run(CausalModel& model, tensor::ThreadTeam& team, std::span<const text::TokenId> tokens,
                       AdapterUse use, std::size_t chunk = 100) {
    const auto cache = model.make_cache(64).value();
    std::vector<float> out;
    for (std::size_t at = 0; at < tokens.size(); at += chunk) {
        const SequenceStep step{cache.get(), tokens.subspan(at, std::min(chunk, tokens.size() - at)), Logits::all, use};
        const auto rows = model.forward(team, {&step, 1});
        if (!rows) throw std::runtime_error(rows.error().describe());
        out.insert(out.end(), rows->begin(), rows->end());
    }
    return out;
}

struct Case {
    const char* golden;
    const char* model;
    const char* adapter;
};

class Lora : public testing::TestWithParam<Case> {};

TEST_P(Lora, logits_equal_those_of_peft) {
    const auto model = model_of(GetParam().model);
    const auto adapter = adapter_of(*model, GetParam().adapter);
    const json::Value& golden = goldens().at(GetParam().golden);
    const auto tokens = test::ids(golden.at("tokens"));
    const auto alone = test::floats(std::string_view(golden.at("alone").as_string()));
    const auto adapted = test::floats(std::string_view(golden.at("adapted").as_string()));
    tensor::ThreadTeam team(2);
    EXPECT_LE(test::difference(run(*model, team, tokens, {adapter.get(), 1}), adapted).peak, 1e-3);
    EXPECT_LE(test::difference(run(*model, team, tokens, {adapter.get(), 1}, 1), adapted).peak, 2e-3);
    EXPECT_LE(test::difference(run(*model, team, tokens, {adapter.get(), 1}, 5), adapted).peak, 2e-3);
    EXPECT_LE(test::difference(run(*model, team, tokens, {}), alone).peak, 1e-3);
    EXPECT_LE(test::difference(run(*model, team, tokens, {adapter.get(), 0}), alone).peak, 1e-3);
    EXPECT_GT(test::difference(adapted, alone).peak, 0.05);  // the adapter does something
    EXPECT_GT(adapter->info().matrices, 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Lora,
    testing::Values(Case{"llama", "tiny/llama-llama3", "llama"}, Case{"llama", "tiny/llama-llama3.gguf", "llama"},
                    Case{"llama", "tiny/llama-llama3.gguf", "llama.gguf"},
                    Case{"llama-patterns", "tiny/llama-llama3", "llama-patterns"},
                    Case{"llama-patterns", "tiny/llama-llama3.gguf", "llama-patterns"},
                    Case{"qwen2", "tiny/qwen2", "qwen2"}, Case{"qwen2", "tiny/qwen2.gguf", "qwen2"},
                    Case{"qwen2", "tiny/qwen2.gguf", "qwen2.gguf"}, Case{"phi3", "architectures/phi3", "phi3"},
                    Case{"phi3", "architectures/phi3.gguf", "phi3"}, Case{"gpt2", "architectures/gpt2", "gpt2"},
                    Case{"gpt2", "architectures/gpt2.gguf", "gpt2"}),
    [](const auto& tested) { return "case_" + std::to_string(tested.index); });

TEST(LoraBatch, every_sequence_has_its_own) {
    const auto model = model_of("tiny/llama-llama3");
    const auto first = adapter_of(*model, "llama");
    const auto second = adapter_of(*model, "llama-patterns");
    const auto tokens = test::ids(goldens().at("llama").at("tokens"));
    tensor::ThreadTeam team(2);
    const AdapterUse uses[] = {{first.get(), 1}, {}, {second.get(), 1}, {second.get(), 1}, {first.get(), 0.5F}, {}};
    std::vector<std::unique_ptr<KvCache>> caches;
    std::vector<SequenceStep> steps;
    for (std::size_t i = 0; i < std::size(uses); ++i) {
        caches.push_back(model->make_cache(64).value());
        steps.push_back(
            {caches[i].get(), std::span(tokens).first(5 + i), i % 2 == 0 ? Logits::last : Logits::all, uses[i]});
    }
    const auto computed = model->forward(team, steps);
    ASSERT_TRUE(computed) << computed.error().describe();
    const std::vector<float> together(computed->begin(), computed->end());
    const std::size_t row = model->info().vocabulary;
    std::size_t at = 0;
    for (std::size_t i = 0; i < std::size(uses); ++i) {
        const auto alone = run(*model, team, std::span(tokens).first(5 + i), uses[i]);
        const std::size_t rows = i % 2 == 0 ? 1 : 5 + i;
        const auto wanted = std::span(alone).last(rows * row);
        EXPECT_LE(test::difference(std::span(together).subspan(at, rows * row), wanted).peak, 1e-3) << i;
        at += rows * row;
    }
    EXPECT_EQ(at, together.size());
}

class LoraFiles : public testing::Test {
  protected:
    void SetUp() override {
        folder_ = std::filesystem::temp_directory_path() /
                  ("tenon-lora-" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
        std::filesystem::remove_all(folder_);
        std::filesystem::copy(test::golden("lora/llama"), folder_);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    void write(const char* name, std::string_view text) const {
        std::ofstream(folder_ / name, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
    }
    /// With one setting changed.
    ErrorCode with(std::string_view key, json::Value value) const {
        json::Value config = test::read_json(test::golden("lora/llama/adapter_config.json"));
        config.as_object()[key] = std::move(value);
        write("adapter_config.json", json::dump(config));
        return model_->load_adapter(folder_).error().code();
    }
    std::filesystem::path folder_;
    std::unique_ptr<CausalModel> model_ = model_of("tiny/llama-llama3");
};

TEST_F(LoraFiles, what_is_not_plain_lora_is_refused) {
    ASSERT_TRUE(model_->load_adapter(folder_));
    EXPECT_EQ(with("use_dora", true), ErrorCode::unsupported);
    EXPECT_EQ(with("peft_type", "IA3"), ErrorCode::unsupported);
    EXPECT_EQ(with("layer_replication", json::Array{json::Array{0, 1}}), ErrorCode::unsupported);
    EXPECT_EQ(with("alpha_pattern", json::Object{{"q.*", 1}}), ErrorCode::unsupported);
    EXPECT_EQ(with("alpha_pattern", json::Object{{"q_proj", "x"}}), ErrorCode::corrupt);
    write("adapter_config.json", "[]");
    EXPECT_EQ(model_->load_adapter(folder_).error().code(), ErrorCode::corrupt);
    write("adapter_config.json", "{\"r\": ");
    EXPECT_EQ(model_->load_adapter(folder_).error().code(), ErrorCode::corrupt);
}

TEST_F(LoraFiles, broken_files_are_told) {
    const std::string whole = test::slurp(folder_ / "adapter_model.safetensors");
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{7}, std::size_t{100}, whole.size() / 2, whole.size() - 1}) {
        write("adapter_model.safetensors", std::string_view(whole).substr(0, size));
        EXPECT_FALSE(model_->load_adapter(folder_)) << size;
    }
    std::string renamed = whole;
    renamed.replace(renamed.find("lora_A"), 6, "lora_X");
    write("adapter_model.safetensors", renamed);
    EXPECT_EQ(model_->load_adapter(folder_).error().code(), ErrorCode::unsupported);
    std::filesystem::remove(folder_ / "adapter_model.safetensors");
    write("adapter_model.bin", "pickle");
    const auto pickled = model_->load_adapter(folder_);
    ASSERT_FALSE(pickled);
    EXPECT_EQ(pickled.error().code(), ErrorCode::not_found);
    EXPECT_NE(pickled.error().message().find("adapter_model.bin"), std::string::npos);
    EXPECT_EQ(model_->load_adapter(folder_ / "absent").error().code(), ErrorCode::not_found);

    const std::string gguf = test::slurp(test::golden("lora/llama.gguf"));
    const auto converted = model_of("tiny/llama-llama3.gguf");
    for (std::size_t size = 0; size < gguf.size(); size += 97) {
        write("cut.gguf", std::string_view(gguf).substr(0, size));
        EXPECT_FALSE(converted->load_adapter(folder_ / "cut.gguf")) << size;
    }
}

TEST_F(LoraFiles, adapters_of_other_models_are_refused) {
    const auto qwen = model_of("tiny/qwen2.gguf");
    EXPECT_EQ(qwen->load_adapter(test::golden("lora/phi3")).error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(qwen->load_adapter(test::golden("lora/llama.gguf")).error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(model_->load_adapter(test::golden("lora/llama.gguf")).error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(qwen->load_adapter(test::golden("tiny/qwen2.gguf")).error().code(), ErrorCode::invalid_argument);
    const auto wide = model_of("architectures/olmo2");
    EXPECT_FALSE(wide->load_adapter(folder_));

    // Loaded for one object, used with another.
    const auto same = model_of("tiny/llama-llama3");
    const auto adapter = adapter_of(*same, "llama");
    const auto cache = model_->make_cache(16).value();
    const text::TokenId token = 5;
    const SequenceStep step{cache.get(), {&token, 1}, Logits::last, {adapter.get(), 1}};
    tensor::ThreadTeam team(1);
    EXPECT_EQ(model_->forward(team, {&step, 1}).error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(cache->length(), 0U);
}

}  // namespace
}  // namespace tenon::model
