// Writing model files: the GGUF writer, conversion of folders, quantisation, importance matrices, perplexity.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "support.hpp"
#include "tenon/base/file.hpp"
#include "tenon/model/gguf_writer.hpp"
#include "tenon/model/perplexity.hpp"
#include "tenon/model/quantize.hpp"

namespace tenon::model {
namespace {

using tensor::DType;
using test::golden;

class Export : public testing::Test {
  protected:
    void SetUp() override {
        auto folder = TemporaryDirectory::create();
        ASSERT_TRUE(folder);
        folder_.emplace(std::move(*folder));
    }
    std::filesystem::path file(const std::string& name) const { return folder_->path() / name; }
    std::optional<TemporaryDirectory> folder_;
};

std::vector<float> noise(std::size_t n, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0.0F, 0.05F);
    std::vector<float> out(n);
    for (float& v : out) v = normal(random);
    return out;
}

TEST_F(Export, what_is_written_is_read_back) {
    GgufMetadata meta;
    meta.set("u8", std::uint8_t{200});
    meta.set("i8", std::int8_t{-100});
    meta.set("u16", std::uint16_t{60000});
    meta.set("i16", std::int16_t{-30000});
    meta.set("u32", std::uint32_t{1});
    meta.set("i32", std::int32_t{-2000000000});
    meta.set("u64", std::uint64_t{1} << 40);
    meta.set("i64", std::int64_t{-5});
    meta.set("f32", 1.5F);
    meta.set("f64", 2.25);
    meta.set("bool", true);
    meta.set("text", "榫卯");
    meta.set("gone", true);
    const std::vector<std::int16_t> numbers{1, -2, 3};
    meta.set_array<std::int16_t>("numbers", numbers);
    const std::vector<std::string> texts{"", "two"};
    meta.set_array("texts", texts);
    meta.set("u32", std::uint32_t{4000000000U});
    meta.set("general.alignment", std::uint32_t{64});
    meta.set("split.count", std::uint16_t{3});
    meta.erase("gone");
    const auto a = noise(3 * 5, 1);
    std::vector<std::byte> b(2 * 34);
    const GgufTensor tensors[] = {{"a", DType::f32, {3, 5}}, {"b", DType::q8_0, {2, 1, 32}}, {"c", DType::i8, {1}}};
    const auto path = file("a.gguf");
    auto writer = GgufWriter::create(path, meta, tensors);
    ASSERT_TRUE(writer) << writer.error().describe();
    ASSERT_TRUE(writer->write(std::as_bytes(std::span(a)).first(8)));
    ASSERT_TRUE(writer->write(std::as_bytes(std::span(a)).subspan(8)));
    EXPECT_EQ(writer->write(std::vector<std::byte>(69)).error().code(), ErrorCode::invalid_argument);
    ASSERT_TRUE(writer->write(b));
    EXPECT_EQ(writer->finish().error().code(), ErrorCode::invalid_argument) << "c is missing";
    ASSERT_TRUE(writer->write(std::vector<std::byte>{std::byte{7}}));
    EXPECT_FALSE(std::filesystem::exists(path));
    ASSERT_TRUE(writer->finish());

    const auto read = GgufFile::open(path);
    ASSERT_TRUE(read) << read.error().describe();
    EXPECT_EQ(read->metadata().size(), 14U);
    EXPECT_EQ(read->find("u8")->integer(), 200);
    EXPECT_EQ(read->find("i8")->integer(), -100);
    EXPECT_EQ(read->find("u16")->type(), GgufType::u16);
    EXPECT_EQ(read->find("i16")->integer(), -30000);
    EXPECT_EQ(read->find("u32")->integer(), 4000000000);
    EXPECT_EQ(read->find("i32")->integer(), -2000000000);
    EXPECT_EQ(read->find("u64")->integer(), std::int64_t{1} << 40);
    EXPECT_EQ(read->find("i64")->type(), GgufType::i64);
    EXPECT_EQ(read->find("f32")->number(), 1.5);
    EXPECT_EQ(read->find("f64")->type(), GgufType::f64);
    EXPECT_EQ(read->find("bool")->boolean(), true);
    EXPECT_EQ(read->find("text")->string(), "榫卯");
    EXPECT_EQ(read->find("numbers")->numbers(), (std::vector<double>{1, -2, 3}));
    EXPECT_EQ(read->find("texts")->strings(), (std::vector<std::string_view>{"", "two"}));
    EXPECT_EQ(read->find_tensor("a")->floats(), a);
    EXPECT_EQ(read->find_tensor("b")->shape, (std::vector<std::uint64_t>{2, 1, 32}));
    EXPECT_EQ(read->find_tensor("c")->data[0], std::byte{7});
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_->path()), {}), 1);
}

TEST_F(Export, a_writer_that_is_given_up_leaves_nothing) {
    const GgufTensor tensors[] = {{"a", DType::f32, {8}}};
    { ASSERT_TRUE(GgufWriter::create(file("a.gguf"), {}, tensors)); }
    EXPECT_TRUE(std::filesystem::is_empty(folder_->path()));
    const GgufTensor twice[] = {{"a", DType::f32, {8}}, {"a", DType::f32, {8}}};
    EXPECT_EQ(GgufWriter::create(file("a.gguf"), {}, twice).error().code(), ErrorCode::invalid_argument);
    const GgufTensor ragged[] = {{"a", DType::q4_0, {8}}};
    EXPECT_EQ(GgufWriter::create(file("a.gguf"), {}, ragged).error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(GgufWriter::create(file("no/a.gguf"), {}, tensors).error().code(), ErrorCode::not_found);
}

class Conversion : public Export, public testing::WithParamInterface<const char*> {};

TEST_P(Conversion, of_a_folder_computes_the_same_logits) {
    const std::string name = GetParam();
    const auto out = file("model.gguf");
    const auto report = quantize_model(golden("tiny/" + name), out, {.type = "F32"});
    ASSERT_TRUE(report) << report.error().describe();
    const auto model = load_causal(out);
    ASSERT_TRUE(model) << model.error().describe();
    const json::Value goldens = test::read_json(golden("tiny/golden.json"));
    const json::Value& entry = goldens.at(name);
    const auto tokens = test::ids(entry.at("tokens"));
    tensor::ThreadTeam team(2);
    const auto cache = (*model)->make_cache(64);
    const auto got = test::run(**model, team, **cache, tokens, Logits::all);
    const auto wanted = test::floats(std::string_view(entry.at("logits").as_string()));
    EXPECT_LE(test::difference(got, wanted).peak, 1e-3);
    const auto folder = load_tokenizer(golden("tiny/" + name));
    ASSERT_TRUE(folder);
    EXPECT_EQ((*model)->tokenizer()->encode("#A(b) 12"), (*folder)->encode("#A(b) 12"));
    EXPECT_EQ((*model)->info().quantisation, "F32");
}

INSTANTIATE_TEST_SUITE_P(Tiny, Conversion,
                         testing::Values("llama-mha", "llama-gqa-tied", "llama-head-dim", "llama-bias", "llama-linear",
                                         "llama-llama3", "llama-yarn", "mistral-window", "qwen2", "qwen2-mha-tied",
                                         "qwen2-yarn", "qwen3", "llama-bf16", "llama-f16-sharded"),
                         [](const auto& tested) {
                             std::string name = tested.param;
                             std::ranges::replace(name, '-', '_');
                             return name;
                         });

TEST_F(Export, a_converted_encoder_gives_the_same_vectors) {
    const std::vector<std::string> texts{"a quick brown fox", "Hello, WORLD", "x"};
    tensor::ThreadTeam team(1);
    for (const std::string name : {"bert-mean", "bert-cls"}) {
        const auto out = file(name + ".gguf");
        const auto report = quantize_model(golden("tiny_encoders/" + name), out, {.type = "F32"});
        ASSERT_TRUE(report) << report.error().describe();
        const auto model = load_encoder(out);
        ASSERT_TRUE(model) << model.error().describe();
        const auto folder = load_encoder(golden("tiny_encoders/" + name));
        ASSERT_TRUE(folder);
        EXPECT_EQ((*model)->max_tokens(), (*folder)->max_tokens());
        const auto got = (*model)->embed(team, texts);
        const auto wanted = (*folder)->embed(team, texts);
        ASSERT_TRUE(got && wanted);
        for (std::size_t i = 0; i < texts.size(); ++i) {  // of GGUF always of length one
            const auto row = [&](const std::vector<float>& all) {
                std::vector<float> v(all.begin() + static_cast<std::ptrdiff_t>(i * (*model)->dimension()),
                                     all.begin() + static_cast<std::ptrdiff_t>((i + 1) * (*model)->dimension()));
                double length = 0;
                for (const float x : v) length += static_cast<double>(x) * x;
                for (float& x : v) x /= static_cast<float>(std::sqrt(length));
                return v;
            };
            EXPECT_LE(test::difference(row(*got), row(*wanted)).peak, 1e-5) << name << " " << texts[i];
        }
    }
}

TEST_F(Export, folders_that_gguf_has_no_word_for_are_refused) {
    EXPECT_EQ(quantize_model(golden("tiny/llama-dynamic"), file("a"), {.type = "F16"}).error().code(),
              ErrorCode::unsupported);
    EXPECT_EQ(quantize_model(golden("tiny_encoders/xlm-roberta-cls"), file("a"), {.type = "F16"}).error().code(),
              ErrorCode::unsupported);
    EXPECT_TRUE(std::filesystem::is_empty(folder_->path()));
}

/// A llama without meaning: `layers` layers of 256 features, 8 heads over 2 of keys.
std::filesystem::path write_llama(const std::filesystem::path& path, std::size_t layers, DType type = DType::f32) {
    GgufMetadata meta;
    meta.set("general.architecture", "llama");
    meta.set("llama.block_count", static_cast<std::uint32_t>(layers));
    meta.set("llama.context_length", std::uint32_t{128});
    meta.set("llama.embedding_length", std::uint32_t{256});
    meta.set("llama.feed_forward_length", std::uint32_t{512});
    meta.set("llama.attention.head_count", std::uint32_t{8});
    meta.set("llama.attention.head_count_kv", std::uint32_t{2});
    meta.set("llama.attention.layer_norm_rms_epsilon", 1e-5F);
    meta.set("tokenizer.ggml.model", "gpt2");
    meta.set("tokenizer.ggml.pre", "gpt-2");
    std::vector<std::string> tokens;
    for (int i = 0; i < 64; ++i) tokens.push_back(std::string(1, static_cast<char>('!' + i)));
    meta.set_array("tokenizer.ggml.tokens", tokens);
    meta.set_array("tokenizer.ggml.merges", std::span<const std::string>{});
    meta.set("tokenizer.ggml.bos_token_id", std::uint32_t{0});
    meta.set("tokenizer.ggml.eos_token_id", std::uint32_t{1});
    std::vector<GgufTensor> tensors{{"token_embd.weight", type, {64, 256}},
                                    {"output_norm.weight", DType::f32, {256}},
                                    {"output.weight", type, {64, 256}}};
    for (std::size_t i = 0; i < layers; ++i) {
        const auto add = [&](const std::string& name, DType of, std::vector<std::uint64_t> shape) {
            tensors.push_back({"blk." + std::to_string(i) + "." + name + ".weight", of, std::move(shape)});
        };
        add("attn_norm", DType::f32, {256});
        add("attn_q", type, {256, 256});
        add("attn_k", type, {64, 256});
        add("attn_v", type, {64, 256});
        add("attn_output", type, {256, 256});
        add("ffn_norm", DType::f32, {256});
        add("ffn_gate", type, {512, 256});
        add("ffn_up", type, {512, 256});
        add("ffn_down", type, {256, 512});
    }
    auto writer = GgufWriter::create(path, meta, tensors);
    EXPECT_TRUE(writer) << writer.error().describe();
    unsigned seed = 1;
    for (const GgufTensor& tensor : tensors) {
        std::vector<std::byte> bytes(tensor.bytes());
        auto values = noise(
            bytes.size() / tensor::info(tensor.type).block_bytes * tensor::info(tensor.type).block_elements, seed++);
        if (tensor.shape.size() == 1) std::ranges::fill(values, 1.0F);
        EXPECT_TRUE(tensor::quantize(tensor.type, values, bytes.data()));
        EXPECT_TRUE(writer->write(bytes));
    }
    EXPECT_TRUE(writer->finish());
    return path;
}

std::string type_of(const ExportReport& report, std::string_view name) {
    const auto at = std::ranges::find(report.tensors, name, &ExportReport::Tensor::name);
    return at == report.tensors.end() ? "none" : at->to;
}

TEST_F(Export, every_quantisation_is_written_and_computes) {
    const auto in = write_llama(file("in.gguf"), 2);
    tensor::ThreadTeam team(2);
    const auto logits_of = [&](const std::filesystem::path& path) {
        const auto model = load_causal(path);
        EXPECT_TRUE(model) << model.error().describe();
        const std::vector<text::TokenId> tokens{3, 9, 27, 1, 60, 5};
        const auto cache = (*model)->make_cache(16);
        return test::run(**model, team, **cache, tokens, Logits::last);
    };
    const auto wanted = logits_of(in);
    for (const std::string_view name : quantisation_names()) {
        const auto report = quantize_model(in, file("out.gguf"), {.type = std::string(name), .threads = 2});
        ASSERT_TRUE(report) << report.error().describe();
        EXPECT_LE(report->bytes_after, report->bytes_before) << name;
        const double bits = report->bits_per_weight();
        const auto [peak, rms] = test::difference(logits_of(file("out.gguf")), wanted);
        EXPECT_LE(rms, bits > 9     ? 0.01
                       : bits > 6.5 ? 0.1
                       : bits > 4.9 ? 0.3
                       : bits > 4   ? 0.5
                                    : 1.0)
            << name << " " << bits << " bits";
        EXPECT_EQ(inspect(file("out.gguf"))->quantisation, name == "MXFP4_MOE" ? "MXFP4" : name);
    }
}

TEST_F(Export, threads_and_pieces_change_nothing) {
    const auto in = write_llama(file("in.gguf"), 1);
    ASSERT_TRUE(quantize_model(in, file("one.gguf"), {.type = "Q4_K_M", .threads = 1}));
    ASSERT_TRUE(quantize_model(in, file("many.gguf"), {.type = "Q4_K_M", .threads = 5}));
    EXPECT_EQ(test::slurp(file("one.gguf")), test::slurp(file("many.gguf")));
}

TEST_F(Export, types_are_chosen_by_mixture_and_by_hand) {
    const auto in = write_llama(file("in.gguf"), 8);
    const auto plan = [&](QuantizeOptions options) {
        auto report = quantize_model(in, {}, options);
        EXPECT_TRUE(report) << report.error().describe();
        return *report;
    };
    const auto mixed = plan({.type = "q4_k_m"});
    EXPECT_EQ(type_of(mixed, "output.weight"), "Q6_K");
    EXPECT_EQ(type_of(mixed, "output_norm.weight"), "F32");
    EXPECT_EQ(type_of(mixed, "token_embd.weight"), "Q4_K");
    EXPECT_EQ(type_of(mixed, "blk.0.attn_v.weight"), "Q6_K");
    EXPECT_EQ(type_of(mixed, "blk.1.ffn_down.weight"), "Q4_K");
    EXPECT_EQ(type_of(mixed, "blk.3.ffn_down.weight"), "Q6_K");
    EXPECT_EQ(type_of(plan({.type = "Q4_K_M", .pure = true}), "output.weight"), "Q4_K");
    const auto by_hand = plan({.type = "Q4_K_M",
                               .tensor_types = {{"blk\\.[0-3]\\.ffn_", DType::q8_0}, {"ffn_", DType::iq4_nl}},
                               .output_type = DType::f16,
                               .embedding_type = DType::q2_k});
    EXPECT_EQ(type_of(by_hand, "output.weight"), "F16");
    EXPECT_EQ(type_of(by_hand, "token_embd.weight"), "Q2_K");
    EXPECT_EQ(type_of(by_hand, "blk.3.ffn_up.weight"), "Q8_0");
    EXPECT_EQ(type_of(by_hand, "blk.4.ffn_up.weight"), "IQ4_NL");
    const auto refused = [&](QuantizeOptions options) { return quantize_model(in, {}, options).error().code(); };
    EXPECT_EQ(refused({.type = "Q9"}), ErrorCode::invalid_argument);
    EXPECT_EQ(refused({.type = "Q4_0", .tensor_types = {{"(", DType::q8_0}}}), ErrorCode::invalid_argument);
    EXPECT_EQ(quantize_model(in, in, {.type = "Q4_0"}).error().code(), ErrorCode::invalid_argument);
}

TEST_F(Export, quantised_input_needs_leave_and_bad_numbers_are_found) {
    const auto in = write_llama(file("in.gguf"), 1, DType::q8_0);
    EXPECT_EQ(quantize_model(in, file("out.gguf"), {.type = "Q4_0"}).error().code(), ErrorCode::invalid_argument);
    EXPECT_TRUE(quantize_model(in, file("out.gguf"), {.type = "Q4_0", .requantize = true}));
    std::filesystem::remove(file("out.gguf"));
    const auto broken = write_llama(file("nan.gguf"), 1);
    auto bytes = test::slurp(broken);
    const float nan = NAN;
    std::memcpy(bytes.data() + bytes.size() - 4000, &nan, 4);
    ASSERT_TRUE(write_file_atomic(broken, bytes));
    const auto report = quantize_model(broken, file("out.gguf"), {.type = "Q4_K_S"});
    ASSERT_FALSE(report);
    EXPECT_NE(report.error().message().find("blk.0.ffn_down.weight"), std::string::npos) << report.error().describe();
    EXPECT_FALSE(std::filesystem::exists(file("out.gguf")));
    std::stop_source stop;
    stop.request_stop();
    QuantizeOptions options{.type = "Q4_K_S"};
    options.stop = stop.get_token();
    EXPECT_EQ(
        quantize_model(file("in.gguf"), file("out.gguf"), {.type = "Q8_0", .stop = stop.get_token()}).error().code(),
        ErrorCode::cancelled);
}

template <class T>
void put(std::string& out, T value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string legacy_matrix(const std::vector<std::pair<std::string, std::vector<float>>>& entries) {
    std::string out;
    put<std::int32_t>(out, static_cast<std::int32_t>(entries.size()));
    for (const auto& [name, values] : entries) {
        put<std::int32_t>(out, static_cast<std::int32_t>(name.size()));
        out += name;
        put<std::int32_t>(out, 2);
        put<std::int32_t>(out, static_cast<std::int32_t>(values.size()));
        for (const float v : values) put(out, v * 2);
    }
    put<std::int32_t>(out, 7);
    put<std::int32_t>(out, 8);
    return out + "text.txt";
}

Result<ImportanceMatrix> parse(const std::string& bytes) {
    return ImportanceMatrix::parse(std::as_bytes(std::span(bytes)));
}

TEST_F(Export, importance_matrices_of_both_kinds_are_read) {
    const auto old = parse(legacy_matrix({{"a.weight", {1, 2, 3}}, {"b.weight", {0.5F}}}));
    ASSERT_TRUE(old) << old.error().describe();
    EXPECT_EQ(old->columns.at("a.weight"), (std::vector<float>{1, 2, 3}));
    EXPECT_EQ(old->chunks, 7U);
    EXPECT_EQ(old->datasets, std::vector<std::string>{"text.txt"});

    GgufMetadata meta;
    meta.set("general.type", "imatrix");
    meta.set("imatrix.chunk_count", std::uint32_t{4});
    const GgufTensor tensors[] = {{"x.in_sum2", DType::f32, {2, 3}}, {"x.counts", DType::f32, {2, 1}}};
    auto writer = GgufWriter::create(file("m.gguf"), meta, tensors);
    ASSERT_TRUE(writer);
    const std::vector<float> sums{2, 4, 6, 9, 9, 9};
    const std::vector<float> counts{2, 0};
    ASSERT_TRUE(writer->write(std::as_bytes(std::span(sums))));
    ASSERT_TRUE(writer->write(std::as_bytes(std::span(counts))));
    ASSERT_TRUE(writer->finish());
    const auto read = ImportanceMatrix::read(file("m.gguf"));
    ASSERT_TRUE(read) << read.error().describe();
    EXPECT_EQ(read->columns.at("x"), (std::vector<float>{1, 2, 3, 1, 1, 1})) << "no token reached the second";
    EXPECT_EQ(read->chunks, 4U);
}

TEST_F(Export, importance_matrices_that_lie_are_refused) {
    const std::string good = legacy_matrix({{"a.weight", {1, 2, 3}}});
    for (std::size_t length = 0; length < good.size() - 16; ++length)
        EXPECT_FALSE(parse(good.substr(0, length))) << length;
    EXPECT_FALSE(parse(legacy_matrix({{"a", {1, -1}}})));
    EXPECT_FALSE(parse(legacy_matrix({{"a", {1, NAN}}})));
    EXPECT_FALSE(parse(legacy_matrix({{"a", {1}}, {"a", {1}}})));
    std::string huge;
    put<std::int32_t>(huge, 1);
    put<std::int32_t>(huge, 1);
    huge += "a";
    put<std::int32_t>(huge, 1);
    put<std::int32_t>(huge, INT32_MAX);
    EXPECT_FALSE(parse(huge + std::string(64, '\0')));
}

TEST_F(Export, an_importance_matrix_moves_the_error_to_where_it_hurts_least) {
    const auto in = write_llama(file("in.gguf"), 1);
    std::vector<float> columns(256, 1e-4F);
    for (std::size_t i = 0; i < 256; i += 4) columns[i] = 100.0F;
    ImportanceMatrix matrix;
    matrix.columns["blk.0.attn_q.weight"] = columns;
    const auto error_of = [&](const ImportanceMatrix* importance) {
        const auto report = quantize_model(in, file("out.gguf"), {.type = "Q2_K", .importance = importance});
        EXPECT_TRUE(report) << report.error().describe();
        const auto before = GgufFile::open(in)->find_tensor("blk.0.attn_q.weight")->floats();
        const auto file_after = GgufFile::open(file("out.gguf"));
        const auto after = file_after->find_tensor("blk.0.attn_q.weight")->floats();
        double sum = 0;
        for (std::size_t i = 0; i < before->size(); ++i)
            if (i % 4 == 0) sum += std::pow(static_cast<double>((*before)[i]) - (*after)[i], 2);
        return sum;
    };
    EXPECT_LT(error_of(&matrix), 0.5 * error_of(nullptr));
    matrix.columns["blk.0.attn_q.weight"].pop_back();
    EXPECT_EQ(quantize_model(in, {}, {.type = "Q4_K", .importance = &matrix}).error().code(),
              ErrorCode::invalid_argument);
    ImportanceMatrix stranger;
    stranger.columns["other"] = {1};
    EXPECT_EQ(quantize_model(in, {}, {.type = "Q4_K", .importance = &stranger}).error().code(),
              ErrorCode::invalid_argument);
}

TEST_F(Export, importance_is_the_mean_square_of_what_matrices_see) {
    const auto model = load_causal(write_llama(file("in.gguf"), 2));
    ASSERT_TRUE(model) << model.error().describe();
    tensor::ThreadTeam team(2);
    std::vector<text::TokenId> tokens;
    for (text::TokenId i = 0; i < 70; ++i) tokens.push_back(2 + i * 37 % 61);
    auto matrix = collect_importance(**model, team, tokens, {.context = 32});
    ASSERT_TRUE(matrix) << matrix.error().describe();
    EXPECT_EQ(matrix->chunks, 2U);
    EXPECT_EQ(matrix->columns.size(), 14U) << "seven matrices a layer";
    EXPECT_EQ(matrix->columns.at("blk.1.ffn_down.weight").size(), 512U);
    EXPECT_EQ(matrix->columns.at("blk.0.attn_q.weight"), matrix->columns.at("blk.0.attn_v.weight")) << "one input";
    double mean = 0;  // after a norm with weights of one
    for (const float v : matrix->columns.at("blk.1.ffn_up.weight")) mean += v / 256;
    EXPECT_NEAR(mean, 1, 1e-2);
    EXPECT_EQ(collect_importance(**model, team, tokens, {.context = 16, .chunks = 1, .output_matrix = true})
                  ->columns.count("output.weight"),
              1U);
    EXPECT_EQ(collect_importance(**model, team, tokens, {.context = 71}).error().code(), ErrorCode::invalid_argument);

    matrix->datasets = {"text"};
    ASSERT_TRUE(matrix->write(file("m.gguf")));
    const auto read = ImportanceMatrix::read(file("m.gguf"));
    ASSERT_TRUE(read) << read.error().describe();
    EXPECT_EQ(read->datasets, matrix->datasets);
    for (const auto& [name, columns] : matrix->columns)
        for (std::size_t i = 0; i < columns.size(); ++i)
            ASSERT_NEAR(read->columns.at(name)[i], columns[i], 1e-6F * columns[i]) << name;
    EXPECT_TRUE(quantize_model(file("in.gguf"), file("out.gguf"), {.type = "Q4_K_M", .importance = &*read}));
}

TEST_F(Export, perplexity_is_what_the_logits_say) {
    const auto model = load_causal(golden("tiny/llama-mha"));
    ASSERT_TRUE(model);
    tensor::ThreadTeam team(2);
    std::vector<text::TokenId> tokens;
    for (text::TokenId i = 0; i < 100; ++i) tokens.push_back(2 + i * 37 % 71);
    constexpr std::size_t context = 24;
    double sum = 0;
    std::size_t count = 0;
    const std::size_t vocabulary = (*model)->info().vocabulary;
    for (std::size_t piece = 0; piece < 4; ++piece) {
        const auto cache = (*model)->make_cache(context);
        const auto part = std::span(tokens).subspan(piece * context, context);
        const auto logits = test::run(**model, team, **cache, part, Logits::all);
        for (std::size_t t = context / 2; t + 1 < context; ++t, ++count) {
            double all = 0;
            for (std::size_t v = 0; v < vocabulary; ++v)
                all += std::exp(static_cast<double>(logits[t * vocabulary + v]));
            sum += std::log(all) - logits[t * vocabulary + static_cast<std::size_t>(part[t + 1])];
        }
    }
    const auto got = perplexity(**model, team, tokens, {.context = context});
    ASSERT_TRUE(got) << got.error().describe();
    EXPECT_EQ(got->tokens, count);
    EXPECT_EQ(got->chunks, 4U);
    EXPECT_NEAR(got->value, std::exp(sum / static_cast<double>(count)), 1e-3);
    EXPECT_GT(got->error, 0);
    EXPECT_EQ(perplexity(**model, team, tokens, {.context = context, .chunks = 2})->chunks, 2U);
    EXPECT_EQ(perplexity(**model, team, tokens, {.context = 64}).error().code(), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace tenon::model
