#include "tenon/model/safetensors.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <set>

#include "model/byte_reader.hpp"
#include "tenon/json/json.hpp"

namespace tenon::model {
namespace {

constexpr std::uint64_t max_header_bytes = 100'000'000;

struct NamedType {
    std::string_view name;
    std::optional<tensor::DType> type;
    std::size_t bits;
};
constexpr std::array<NamedType, 18> types{{
    {"F32", tensor::DType::f32, 32},
    {"F16", tensor::DType::f16, 16},
    {"BF16", tensor::DType::bf16, 16},
    {"F64", tensor::DType::f64, 64},
    {"I8", tensor::DType::i8, 8},
    {"I16", tensor::DType::i16, 16},
    {"I32", tensor::DType::i32, 32},
    {"I64", tensor::DType::i64, 64},
    {"U8", std::nullopt, 8},
    {"U16", std::nullopt, 16},
    {"U32", std::nullopt, 32},
    {"U64", std::nullopt, 64},
    {"BOOL", std::nullopt, 8},
    {"F8_E4M3", std::nullopt, 8},
    {"F8_E5M2", std::nullopt, 8},
    {"F8_E8M0", std::nullopt, 8},
    {"F4", std::nullopt, 4},
    {"C64", std::nullopt, 64},
}};

std::optional<std::uint64_t> natural(const json::Value& value) {
    if (value.is_uint64()) return value.get_uint64();
    if (value.is_int64() && value.get_int64() >= 0) return static_cast<std::uint64_t>(value.get_int64());
    return std::nullopt;
}

struct Place {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::size_t tensor = 0;
};

Result<TensorRecord> read_entry(std::string_view name, const json::Value& entry, std::uint64_t data_bytes,
                                Place& place) {
    const auto broken = [&](std::string_view why) {
        return fail(ErrorCode::corrupt, fmt::format("tensor {}: {}", name.substr(0, 200), why));
    };
    TensorRecord record;
    record.name = std::string(name);
    record.type_name = std::string(json::string_or(entry, "dtype", ""));
    const auto* type = std::ranges::find(types, std::string_view(record.type_name), &NamedType::name);
    const json::Value* shape = json::find(entry, "shape");
    const json::Value* offsets = json::find(entry, "data_offsets");
    if (shape == nullptr || !shape->is_array()) return broken("its shape is missing");
    if (offsets == nullptr || !offsets->is_array() || offsets->get_array().size() != 2)
        return broken("its data_offsets are missing");
    std::uint64_t elements = 1;
    for (const json::Value& dimension : shape->get_array()) {
        const auto size = natural(dimension);
        if (!size || __builtin_mul_overflow(elements, *size, &elements) || elements > (std::uint64_t{1} << 56))
            return broken("its shape is impossible");
        record.shape.push_back(*size);
    }
    const auto begin = natural(offsets->get_array()[0]);
    const auto end = natural(offsets->get_array()[1]);
    if (!begin || !end || *begin > *end || *end > data_bytes)
        return broken("it lies outside the file; the file is truncated or damaged");
    if (type != types.end()) {
        if ((elements * type->bits + 7) / 8 != *end - *begin)
            return broken("its bytes do not match its shape and dtype");
        record.type = type->type;
    }
    place.begin = *begin;
    place.end = *end;
    return record;
}

}  // namespace

const TensorRecord* SafetensorsFile::find_tensor(std::string_view name) const noexcept {
    const auto it = names_.find(std::string(name));
    return it == names_.end() ? nullptr : &tensors_[it->second];
}

void SafetensorsFile::prefetch() const noexcept {
    for (const MappedFile& file : files_) file.prefetch();
}

void SafetensorsFile::release_pages() const noexcept {
    for (const MappedFile& file : files_) {
        const auto bytes = file.bytes();
        if (!bytes.empty()) ::madvise(const_cast<std::byte*>(bytes.data()), bytes.size(), MADV_DONTNEED);
    }
}

Result<void> SafetensorsFile::append(std::span<const std::byte> bytes) {
    ByteReader in(bytes);
    TENON_TRY(const auto header_bytes, in.read<std::uint64_t>("the header's length"));
    if (header_bytes > max_header_bytes)
        return fail(ErrorCode::corrupt,
                    fmt::format("not a safetensors file: it claims a header of {} bytes", header_bytes));
    TENON_TRY(const auto header, in.take(header_bytes, "the header"));
    const std::string_view text(reinterpret_cast<const char*>(header.data()), header.size());
    if (!text.starts_with('{'))
        return fail(ErrorCode::corrupt, "not a safetensors file: its header is not a JSON object");
    auto parsed = json::parse(text, {.max_depth = 8, .max_bytes = max_header_bytes});
    if (!parsed) return fail(ErrorCode::corrupt, "the safetensors header is not JSON", std::move(parsed).error());
    if (!parsed->is_object()) return fail(ErrorCode::corrupt, "the safetensors header is not a JSON object");

    const std::span<const std::byte> data = bytes.subspan(in.position());
    std::vector<Place> places;
    for (const auto& [key, entry] : parsed->get_object()) {
        const std::string_view name(key.data(), key.size());
        if (name == "__metadata__") {
            if (!entry.is_object()) return fail(ErrorCode::corrupt, "__metadata__ is not an object");
            for (const auto& [field, value] : entry.get_object())
                if (value.is_string())
                    metadata_.emplace_back(std::string(field.data(), field.size()),
                                           std::string(value.get_string().data(), value.get_string().size()));
            continue;
        }
        Place place;
        TENON_TRY(TensorRecord record, read_entry(name, entry, data.size(), place));
        place.tensor = tensors_.size();
        if (record.type) record.data = data.subspan(place.begin, place.end - place.begin);
        if (!names_.emplace(record.name, tensors_.size()).second)
            return fail(ErrorCode::corrupt, fmt::format("tensor {} appears twice", name.substr(0, 200)));
        tensors_.push_back(std::move(record));
        places.push_back(place);
    }
    std::ranges::sort(
        places, [](const Place& a, const Place& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
    std::uint64_t end = 0;
    for (const Place& place : places) {
        if (place.begin != end)
            return fail(ErrorCode::corrupt,
                        fmt::format("tensor {} {}", tensors_[place.tensor].name,
                                    place.begin < end ? "overlaps another" : "leaves a gap before it"));
        end = place.end;
    }
    if (end != data.size()) return fail(ErrorCode::corrupt, "the file has bytes that belong to no tensor");
    file_bytes_ += bytes.size();
    return {};
}

Result<SafetensorsFile> SafetensorsFile::parse(std::span<const std::byte> bytes) {
    SafetensorsFile file;
    TENON_CHECK(file.append(bytes));
    return file;
}

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
    TENON_TRY(MappedFile mapped, MappedFile::open(path));
    SafetensorsFile file;
    file.files_.push_back(std::move(mapped));
    if (auto read = file.append(file.files_.front().bytes()); !read)
        return fail(read.error().code(), fmt::format("cannot read {}", path.string()), std::move(read).error());
    return file;
}

Result<SafetensorsFile> SafetensorsFile::open_folder(const std::filesystem::path& folder) {
    std::error_code ignored;
    if (std::filesystem::exists(folder / "model.safetensors", ignored)) return open(folder / "model.safetensors");
    const auto index_path = folder / "model.safetensors.index.json";
    if (!std::filesystem::exists(index_path, ignored))
        return fail(
            ErrorCode::not_found,
            fmt::format("{} holds neither model.safetensors nor model.safetensors.index.json", folder.string()));
    TENON_TRY(const std::string text, read_file(index_path, max_header_bytes));
    TENON_TRY(const json::Value index, json::parse(text));
    const json::Value* map = json::find(index, "weight_map");
    if (map == nullptr || !map->is_object())
        return fail(ErrorCode::corrupt, fmt::format("{} has no weight_map", index_path.string()));
    std::set<std::string> shards;
    for (const auto& entry : map->get_object()) {
        if (!entry.value().is_string())
            return fail(ErrorCode::corrupt, fmt::format("{}: a shard's name is not text", index_path.string()));
        std::string name(entry.value().get_string().data(), entry.value().get_string().size());
        if (name.empty() || name.find('/') != std::string::npos || name.find('\\') != std::string::npos ||
            name.starts_with('.'))
            return fail(ErrorCode::corrupt, fmt::format("{} names a shard '{}', which is not a plain file name",
                                                        index_path.string(), name));
        shards.insert(std::move(name));
    }
    SafetensorsFile file;
    for (const std::string& shard : shards) {
        TENON_TRY(MappedFile mapped, MappedFile::open(folder / shard));
        file.files_.push_back(std::move(mapped));
        if (auto read = file.append(file.files_.back().bytes()); !read)
            return fail(read.error().code(), fmt::format("cannot read {}", (folder / shard).string()),
                        std::move(read).error());
    }
    for (const auto& entry : map->get_object())
        if (file.find_tensor({entry.key().data(), entry.key().size()}) == nullptr)
            return fail(ErrorCode::corrupt,
                        fmt::format("{} promises tensor {}, which no shard holds", index_path.string(),
                                    std::string(entry.key().data(), entry.key().size())));
    return file;
}

}  // namespace tenon::model
