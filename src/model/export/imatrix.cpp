// Importance matrices as llama.cpp writes them: GGUF (sums and counts), and the older file without a magic number.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/byte_reader.hpp"
#include "tenon/model/gguf.hpp"
#include "tenon/model/quantize.hpp"

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

}  // namespace

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
