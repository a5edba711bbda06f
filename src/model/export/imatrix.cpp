// Importance matrices as llama.cpp writes them: GGUF (sums and counts), and the older file without a magic number.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "model/byte_reader.hpp"
#include "tenon/model/gguf.hpp"
#include "tenon/model/gguf_writer.hpp"
#include "tenon/model/quantize.hpp"
#include "tenon/tensor/linear.hpp"

namespace tenon::model {
namespace {

constexpr std::string_view sums_suffix = ".in_sum2";
constexpr std::string_view counts_suffix = ".counts";

Result<void> keep(ImportanceMatrix& out, std::string name, std::vector<float> columns) {
    for (const float v : columns)
        if (!std::isfinite(v) || v < 0)
            return fail(ErrorCode::corrupt,
                        fmt::format("the importance matrix holds an impossible number for {}", name.substr(0, 200)));
    if (!out.columns.emplace(std::move(name), std::move(columns)).second)
        return fail(ErrorCode::corrupt, "the importance matrix names a tensor twice");
    return {};
}

std::uint32_t number(const GgufFile& file, std::string_view key) {
    const GgufValue* value = file.find(key);
    const auto found = value == nullptr ? std::nullopt : value->integer();
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(found.value_or(0), 0, UINT32_MAX));
}

Result<ImportanceMatrix> from_gguf(const GgufFile& file) {
    const GgufValue* type = file.find("general.type");
    if (type == nullptr || type->string() != "imatrix")
        return fail(ErrorCode::corrupt, "this GGUF file is no importance matrix");
    ImportanceMatrix out;
    out.chunks = number(file, "imatrix.chunk_count");
    out.chunk_tokens = number(file, "imatrix.chunk_size");
    if (const GgufValue* datasets = file.find("imatrix.datasets"))
        if (const auto names = datasets->strings()) out.datasets.assign(names->begin(), names->end());
    for (const TensorRecord& record : file.tensors()) {
        if (!record.name.ends_with(sums_suffix)) continue;
        const std::string name = record.name.substr(0, record.name.size() - sums_suffix.size());
        const TensorRecord* counted = file.find_tensor(name + std::string(counts_suffix));
        if (counted == nullptr) return fail(ErrorCode::corrupt, fmt::format("the counts of {} are missing", name));
        TENON_TRY(std::vector<float> sums, record.floats());
        TENON_TRY(const std::vector<float> counts, counted->floats());
        if (counts.empty() || sums.size() % counts.size() != 0)
            return fail(ErrorCode::corrupt, fmt::format("the counts of {} do not match its sums", name));
        const std::size_t columns = sums.size() / counts.size();
        for (std::size_t i = 0; i < sums.size(); ++i) {
            const float count = counts[i / columns];
            sums[i] = count > 0 ? sums[i] / count : 1.0F;  // an expert that no token reached: all columns alike
        }
        TENON_CHECK(keep(out, name, std::move(sums)));
    }
    if (out.columns.empty()) return fail(ErrorCode::corrupt, "the importance matrix is empty");
    return out;
}

Result<ImportanceMatrix> from_legacy(std::span<const std::byte> bytes) {
    ByteReader in(bytes);
    TENON_TRY(const auto entries, in.read<std::int32_t>("the number of entries"));
    if (entries < 1 || static_cast<std::size_t>(entries) > in.remaining() / 13)
        return fail(ErrorCode::corrupt, "neither a GGUF file nor an importance matrix of the older kind");
    ImportanceMatrix out;
    for (std::int32_t i = 0; i < entries; ++i) {
        TENON_TRY(const auto length, in.read<std::int32_t>("a name"));
        if (length < 1 || length > 65535) return fail(ErrorCode::corrupt, "a tensor name of an impossible length");
        TENON_TRY(const auto name, in.take(static_cast<std::uint64_t>(length), "a name"));
        TENON_TRY(const auto calls, in.read<std::int32_t>("a count"));
        TENON_TRY(const auto count, in.read<std::int32_t>("a count"));
        if (count < 1) return fail(ErrorCode::corrupt, "a tensor without columns");
        TENON_TRY(const auto raw, in.take(static_cast<std::uint64_t>(count) * 4, "the columns of a tensor"));
        std::vector<float> columns(static_cast<std::size_t>(count));
        std::memcpy(columns.data(), raw.data(), raw.size());
        if (calls > 0)
            for (float& v : columns) v /= static_cast<float>(calls);
        TENON_CHECK(
            keep(out, std::string(reinterpret_cast<const char*>(name.data()), name.size()), std::move(columns)));
    }
    if (in.remaining() < 4) return out;
    TENON_TRY(const auto chunks, in.read<std::int32_t>("the number of chunks"));
    out.chunks = static_cast<std::uint32_t>(std::max(chunks, 0));
    if (in.remaining() < 4) return out;
    TENON_TRY(const auto length, in.read<std::int32_t>("the text's name"));
    if (length > 0) {
        TENON_TRY(const auto name, in.take(static_cast<std::uint64_t>(length), "the text's name"));
        out.datasets.emplace_back(reinterpret_cast<const char*>(name.data()), name.size());
    }
    return out;
}

class Collector final : public tensor::LinearObserver {
  public:
    explicit Collector(bool output) noexcept : output_(output) {}
    void input(const tensor::Weight& weight, const float* x, std::size_t x_stride,
               std::size_t tokens) noexcept override {
        const std::string& name = weight.name();
        // The token embedding is a factor only where it is the output matrix too.
        if (name.empty() || (!output_ && !name.starts_with("blk."))) return;
        Sums& sums = sums_[name];
        sums.squares.resize(weight.columns());
        for (std::size_t t = 0; t < tokens; ++t)
            for (std::size_t c = 0; c < weight.columns(); ++c) {
                const double v = x[t * x_stride + c];
                sums.squares[c] += v * v;
            }
        sums.tokens += tokens;
    }
    [[nodiscard]] ImportanceMatrix take() const {
        ImportanceMatrix out;
        for (const auto& [name, sums] : sums_) {
            std::vector<float>& columns = out.columns[name];
            for (const double square : sums.squares)
                columns.push_back(static_cast<float>(square / static_cast<double>(sums.tokens)));
        }
        return out;
    }

  private:
    struct Sums {
        std::vector<double> squares;
        std::size_t tokens = 0;
    };
    bool output_;
    std::unordered_map<std::string, Sums> sums_;
};

/// Shows a team's products to an observer while it lives.
class Watch {
  public:
    Watch(tensor::ThreadTeam& team, tensor::LinearObserver& observer) noexcept : team_(team) {
        team.observe(&observer);
    }
    ~Watch() { team_.observe(nullptr); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

  private:
    tensor::ThreadTeam& team_;
};

}  // namespace

Result<ImportanceMatrix> collect_importance(CausalModel& model, tensor::ThreadTeam& team,
                                            std::span<const text::TokenId> tokens, const ImportanceOptions& options) {
    if (options.context == 0 || tokens.size() < options.context)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("the text has {} tokens, fewer than one piece of {}", tokens.size(), options.context));
    const std::size_t pieces = tokens.size() / options.context;
    const std::size_t chunks = options.chunks == 0 ? pieces : std::min(options.chunks, pieces);
    TENON_TRY(const auto cache, model.make_cache(options.context));
    const std::vector<text::TokenId> start = model.tokenizer()->encode("", {.add_special = true});
    std::vector<text::TokenId> piece(options.context);
    Collector collector(options.output_matrix);
    const Watch watch(team, collector);
    for (std::size_t i = 0; i < chunks; ++i) {
        std::ranges::copy(tokens.subspan(i * options.context, options.context), piece.begin());
        if (!start.empty() && start.front() == model.tokenizer()->spec().bos) piece.front() = start.front();
        cache->truncate(0);
        for (std::size_t at = 0; at < piece.size();) {
            if (options.stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped");
            const std::size_t count = std::min(piece.size() - at, model.max_batch_tokens());
            const SequenceStep step{cache.get(), std::span(piece).subspan(at, count),
                                    options.output_matrix ? Logits::last : Logits::none};
            TENON_CHECK(model.forward(team, {&step, 1}));
            at += count;
        }
        if (options.progress) options.progress(i + 1, chunks);
    }
    ImportanceMatrix out = collector.take();
    out.chunks = static_cast<std::uint32_t>(chunks);
    out.chunk_tokens = static_cast<std::uint32_t>(options.context);
    return out;
}

Result<void> ImportanceMatrix::write(const std::filesystem::path& path) const {
    GgufMetadata meta;
    meta.set("general.type", "imatrix");
    meta.set_array("imatrix.datasets", datasets);
    meta.set("imatrix.chunk_count", chunks);
    meta.set("imatrix.chunk_size", chunk_tokens);
    const std::map<std::string, std::vector<float>> sorted(columns.begin(), columns.end());
    std::vector<GgufTensor> tensors;
    for (const auto& [name, values] : sorted) {
        tensors.push_back({name + std::string(sums_suffix), tensor::DType::f32, {1, values.size()}});
        tensors.push_back({name + std::string(counts_suffix), tensor::DType::f32, {1, 1}});
    }
    TENON_TRY(GgufWriter writer, GgufWriter::create(path, meta, tensors));
    const float count = std::max(1.0F, static_cast<float>(chunks) * static_cast<float>(chunk_tokens));
    for (const auto& [name, values] : sorted) {
        std::vector<float> sums = values;
        for (float& v : sums) v *= count;
        TENON_CHECK(writer.write(std::as_bytes(std::span(sums))));
        TENON_CHECK(writer.write(std::as_bytes(std::span(&count, 1))));
    }
    return writer.finish();
}

Result<ImportanceMatrix> ImportanceMatrix::parse(std::span<const std::byte> bytes) {
    if (bytes.size() >= 4 && std::memcmp(bytes.data(), "GGUF", 4) == 0) {
        TENON_TRY(const GgufFile file, GgufFile::parse(bytes));
        return from_gguf(file);
    }
    return from_legacy(bytes);
}

Result<ImportanceMatrix> ImportanceMatrix::read(const std::filesystem::path& path) {
    TENON_TRY(const MappedFile file, MappedFile::open(path));
    auto matrix = parse(file.bytes());
    if (!matrix)
        return fail(matrix.error().code(), fmt::format("cannot read {} as an importance matrix", path.string()),
                    std::move(matrix).error());
    return matrix;
}

}  // namespace tenon::model
