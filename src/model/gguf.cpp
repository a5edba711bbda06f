#include "tenon/model/gguf.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "model/byte_reader.hpp"

namespace tenon::model {
namespace {

constexpr std::size_t max_array_depth = 8;
constexpr std::size_t max_key_bytes = 65535;
constexpr std::size_t max_dimensions = 4;

/// Bytes of a fixed-size value; 0 for strings and arrays.
constexpr std::size_t size_of(GgufType type) noexcept {
    constexpr std::array<std::uint8_t, 13> sizes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return sizes[static_cast<std::size_t>(type)];
}

Result<GgufType> read_type(ByteReader& in) {
    TENON_TRY(const auto number, in.read<std::uint32_t>("a value type"));
    if (number > static_cast<std::uint32_t>(GgufType::f64))
        return fail(ErrorCode::corrupt, fmt::format("metadata value type {} does not exist", number));
    return static_cast<GgufType>(number);
}

Result<std::string_view> read_string(ByteReader& in, const char* what) {
    TENON_TRY(const auto length, in.read<std::uint64_t>(what));
    TENON_TRY(const auto bytes, in.take(length, what));
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Result<GgufValue> read_value(ByteReader& in, GgufType type, std::size_t depth);

/// An array's payload: type and count are read, the elements walked over.
Result<GgufValue> read_array(ByteReader& in, std::size_t depth) {
    if (depth >= max_array_depth) return fail(ErrorCode::corrupt, "metadata arrays are nested too deeply");
    TENON_TRY(const GgufType element, read_type(in));
    TENON_TRY(const auto count, in.read<std::uint64_t>("an array length"));
    const std::size_t begin = in.position();
    if (const std::size_t size = size_of(element); size > 0) {
        if (count > in.remaining() / size)
            return fail(ErrorCode::corrupt, fmt::format("an array of {} values runs past the end of the file", count));
        TENON_CHECK(in.take(count * size, "an array"));
    } else {
        const std::size_t least = element == GgufType::string ? 8 : 12;
        if (count > in.remaining() / least)
            return fail(ErrorCode::corrupt, fmt::format("an array of {} values runs past the end of the file", count));
        if (element == GgufType::string) {  // vocabularies: hundreds of thousands
            for (std::uint64_t i = 0; i < count; ++i) TENON_CHECK(read_string(in, "a metadata string"));
        } else {
            for (std::uint64_t i = 0; i < count; ++i) TENON_CHECK(read_value(in, element, depth + 1));
        }
    }
    return GgufValue(GgufType::array, element, count, in.between(begin, in.position()));
}

Result<GgufValue> read_value(ByteReader& in, GgufType type, std::size_t depth) {
    if (type == GgufType::array) return read_array(in, depth);
    if (type == GgufType::string) {
        TENON_TRY(const std::string_view text, read_string(in, "a metadata string"));
        return GgufValue(type, type, 1, std::as_bytes(std::span(text)));
    }
    TENON_TRY(const auto raw, in.take(size_of(type), "a metadata value"));
    return GgufValue(type, type, 1, raw);
}

template <class T>
T load(const std::byte* from) noexcept {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

std::optional<std::int64_t> integer_at(GgufType type, const std::byte* p) noexcept {
    switch (type) {
        case GgufType::u8:
            return load<std::uint8_t>(p);
        case GgufType::i8:
            return load<std::int8_t>(p);
        case GgufType::u16:
            return load<std::uint16_t>(p);
        case GgufType::i16:
            return load<std::int16_t>(p);
        case GgufType::u32:
            return load<std::uint32_t>(p);
        case GgufType::i32:
            return load<std::int32_t>(p);
        case GgufType::i64:
            return load<std::int64_t>(p);
        case GgufType::boolean:
            return load<std::uint8_t>(p) != 0 ? 1 : 0;
        case GgufType::u64: {
            const auto value = load<std::uint64_t>(p);
            if (value > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
            return static_cast<std::int64_t>(value);
        }
        default:
            return std::nullopt;
    }
}

std::optional<double> number_at(GgufType type, const std::byte* p) noexcept {
    if (type == GgufType::f32) return load<float>(p);
    if (type == GgufType::f64) return load<double>(p);
    if (type == GgufType::u64) return static_cast<double>(load<std::uint64_t>(p));
    if (const auto value = integer_at(type, p)) return static_cast<double>(*value);
    return std::nullopt;
}

std::optional<std::uint64_t> split_number(const GgufFile& file, std::string_view key) {
    const GgufValue* value = file.find(key);
    if (value == nullptr) return std::nullopt;
    const auto number = value->integer();
    if (!number || *number < 0 || *number > 99999) return std::nullopt;
    return static_cast<std::uint64_t>(*number);
}

}  // namespace

std::string_view to_string(GgufType type) noexcept {
    constexpr std::array<std::string_view, 13> names{"uint8",  "int8",    "uint16",  "int16",  "uint32",
                                                     "int32",  "float32", "boolean", "string", "array",
                                                     "uint64", "int64",   "float64"};
    return names[static_cast<std::size_t>(type)];
}

std::optional<std::int64_t> GgufValue::integer() const noexcept {
    if (size_of(type_) == 0) return std::nullopt;
    return integer_at(type_, raw_.data());
}

std::optional<double> GgufValue::number() const noexcept {
    if (size_of(type_) == 0 || type_ == GgufType::boolean) return std::nullopt;
    return number_at(type_, raw_.data());
}

std::optional<bool> GgufValue::boolean() const noexcept {
    if (type_ != GgufType::boolean) return std::nullopt;
    return load<std::uint8_t>(raw_.data()) != 0;
}

std::optional<std::string_view> GgufValue::string() const noexcept {
    if (type_ != GgufType::string) return std::nullopt;
    return std::string_view(reinterpret_cast<const char*>(raw_.data()), raw_.size());
}

std::optional<std::vector<std::string_view>> GgufValue::strings() const {
    if (type_ != GgufType::array || element_ != GgufType::string) return std::nullopt;
    std::vector<std::string_view> out;
    out.reserve(count_);
    ByteReader in(raw_);
    for (std::uint64_t i = 0; i < count_; ++i) {
        const auto text = read_string(in, "a string");
        if (!text) return std::nullopt;
        out.push_back(*text);
    }
    return out;
}

std::optional<std::vector<double>> GgufValue::numbers() const {
    if (type_ != GgufType::array || size_of(element_) == 0) return std::nullopt;
    std::vector<double> out;
    out.reserve(count_);
    for (std::uint64_t i = 0; i < count_; ++i)
        out.push_back(number_at(element_, raw_.data() + i * size_of(element_)).value_or(0));
    return out;
}

std::optional<std::vector<GgufValue>> GgufValue::values() const {
    if (type_ != GgufType::array) return std::nullopt;
    std::vector<GgufValue> out;
    out.reserve(count_);
    ByteReader in(raw_);
    for (std::uint64_t i = 0; i < count_; ++i) {
        auto value = read_value(in, element_, 0);
        if (!value) return std::nullopt;
        out.push_back(*value);
    }
    return out;
}

const GgufValue* GgufFile::find(std::string_view key) const noexcept {
    const auto it = keys_.find(key);
    return it == keys_.end() ? nullptr : &metadata_[it->second].second;
}

const TensorRecord* GgufFile::find_tensor(std::string_view name) const noexcept {
    const auto it = names_.find(std::string(name));
    return it == names_.end() ? nullptr : &tensors_[it->second];
}

void GgufFile::prefetch() const noexcept {
    for (const MappedFile& file : files_) file.prefetch();
}

void GgufFile::release_pages() const noexcept {
    for (const MappedFile& file : files_) {
        const auto bytes = file.bytes();
        if (!bytes.empty()) ::madvise(const_cast<std::byte*>(bytes.data()), bytes.size(), MADV_DONTNEED);
    }
}

Result<GgufFile> GgufFile::parse(std::span<const std::byte> bytes) {
    GgufFile file;
    TENON_CHECK(file.append(bytes, true));
    return file;
}

Result<GgufFile> GgufFile::open(const std::filesystem::path& path) {
    TENON_TRY(MappedFile mapped, MappedFile::open(path));
    GgufFile file;
    file.files_.push_back(std::move(mapped));
    if (auto read = file.append(file.files_.front().bytes(), true); !read) {
        const ErrorCode code = read.error().code();
        return fail(code, fmt::format("cannot read {} as GGUF", path.string()), std::move(read).error());
    }
    TENON_CHECK(file.open_companions(path));
    return file;
}

Result<void> GgufFile::open_companions(const std::filesystem::path& path) {
    const std::uint64_t count = split_number(*this, "split.count").value_or(1);
    if (count <= 1) return {};
    const std::uint64_t number = split_number(*this, "split.no").value_or(0);
    const std::string name = path.filename().string();
    const std::string suffix = fmt::format("-{:05}-of-{:05}.gguf", number + 1, count);
    if (!name.ends_with(suffix))
        return fail(ErrorCode::corrupt, fmt::format("{} is part {} of a model in {} files, so its name must end in {}",
                                                    path.string(), number + 1, count, suffix));
    const std::string stem = name.substr(0, name.size() - suffix.size());
    const auto part = [&](std::uint64_t i) {
        return path.parent_path() / fmt::format("{}-{:05}-of-{:05}.gguf", stem, i + 1, count);
    };
    if (number != 0)
        return fail(ErrorCode::invalid_argument, fmt::format("{} is part {} of {}; open the first, {}", path.string(),
                                                             number + 1, count, part(0).string()));
    for (std::uint64_t i = 1; i < count; ++i) {
        auto mapped = MappedFile::open(part(i));
        if (!mapped)
            return fail(mapped.error().code(), fmt::format("a model in {} files lacks one", count),
                        std::move(mapped).error());
        files_.push_back(std::move(*mapped));
        if (auto read = append(files_.back().bytes(), false); !read)
            return fail(read.error().code(), fmt::format("cannot read {} as GGUF", part(i).string()),
                        std::move(read).error());
    }
    const GgufValue* total = find("split.tensors.count");
    if (total != nullptr && total->integer() && static_cast<std::uint64_t>(*total->integer()) != tensors_.size())
        return fail(ErrorCode::corrupt, fmt::format("the files of {} hold {} tensors, but promise {}", stem,
                                                    tensors_.size(), *total->integer()));
    return {};
}

Result<void> GgufFile::append(std::span<const std::byte> bytes, bool first) {
    ByteReader in(bytes);
    TENON_TRY(const auto magic, in.take(4, "the magic number"));
    if (std::memcmp(magic.data(), "GGUF", 4) != 0)
        return fail(ErrorCode::corrupt, "not a GGUF file: it does not begin with 'GGUF'");
    TENON_TRY(const auto version, in.read<std::uint32_t>("the version"));
    if (version != 2 && version != 3) {
        if ((version & 0xFFFFU) == 0)
            return fail(ErrorCode::unsupported, "a big-endian GGUF file; convert it to little-endian");
        return fail(ErrorCode::unsupported, fmt::format("GGUF version {}; versions 2 and 3 are supported", version));
    }
    TENON_TRY(const auto tensor_count, in.read<std::uint64_t>("the tensor count"));
    TENON_TRY(const auto value_count, in.read<std::uint64_t>("the metadata count"));
    // The smallest entry: an empty key (8), a type (4) and one byte; an empty name, a dimension count, a type and an
    // offset.
    if (value_count > in.remaining() / 13)
        return fail(ErrorCode::corrupt, fmt::format("{} metadata values do not fit into the file", value_count));
    if (tensor_count > in.remaining() / 24)
        return fail(ErrorCode::corrupt, fmt::format("{} tensors do not fit into the file", tensor_count));

    std::uint64_t alignment = 32;
    std::unordered_map<std::string_view, std::size_t> own_keys;
    for (std::uint64_t i = 0; i < value_count; ++i) {
        TENON_TRY(const std::string_view key, read_string(in, "a metadata key"));
        if (key.size() > max_key_bytes) return fail(ErrorCode::corrupt, "a metadata key is longer than 65535 bytes");
        TENON_TRY(const GgufType type, read_type(in));
        auto value = read_value(in, type, 0);
        if (!value)
            return fail(value.error().code(), fmt::format("metadata key '{}'", key.substr(0, 200)),
                        std::move(value).error());
        if (!own_keys.emplace(key, metadata_.size()).second)
            return fail(ErrorCode::corrupt, fmt::format("metadata key '{}' appears twice", key.substr(0, 200)));
        if (key == "general.alignment") {
            const auto number = value->integer();
            if (!number || *number < 1 || *number > (1 << 24) ||
                !std::has_single_bit(static_cast<std::uint64_t>(*number)))
                return fail(ErrorCode::corrupt, "general.alignment is not a power of two");
            alignment = static_cast<std::uint64_t>(*number);
        }
        if (first) {
            keys_.emplace(key, metadata_.size());
            metadata_.emplace_back(key, *value);
        }
    }

    struct Place {
        std::uint64_t offset;
        std::uint64_t size;
        std::size_t tensor;
    };
    std::vector<Place> places;
    places.reserve(tensor_count);
    for (std::uint64_t i = 0; i < tensor_count; ++i) {
        TensorRecord record;
        TENON_TRY(const std::string_view name, read_string(in, "a tensor name"));
        if (name.size() > max_key_bytes) return fail(ErrorCode::corrupt, "a tensor name is longer than 65535 bytes");
        record.name = std::string(name);
        TENON_TRY(const auto dimensions, in.read<std::uint32_t>("a tensor's dimensions"));
        if (dimensions > max_dimensions)
            return fail(ErrorCode::corrupt,
                        fmt::format("tensor {} has {} dimensions; at most 4 are allowed", name, dimensions));
        std::uint64_t elements = 1;
        for (std::uint32_t d = 0; d < dimensions; ++d) {
            TENON_TRY(const auto size, in.read<std::uint64_t>("a tensor's dimensions"));
            if (size == 0 || __builtin_mul_overflow(elements, size, &elements) || elements > (std::uint64_t{1} << 60))
                return fail(ErrorCode::corrupt, fmt::format("tensor {} has an impossible shape", name));
            record.shape.push_back(size);
        }
        TENON_TRY(const auto type, in.read<std::uint32_t>("a tensor's type"));
        TENON_TRY(const auto offset, in.read<std::uint64_t>("a tensor's offset"));
        if (offset % alignment != 0)
            return fail(ErrorCode::corrupt, fmt::format("tensor {} is not aligned to {} bytes", name, alignment));
        record.type = tensor::from_ggml(type);
        record.type_name = std::string(tensor::ggml_type_name(type));
        if (record.type_name.starts_with("an unknown"))
            return fail(ErrorCode::unsupported,
                        fmt::format("tensor {} has type number {}, which Tenon does not know", name, type));
        std::uint64_t size = 0;
        if (record.type) {
            const tensor::DTypeInfo& about = tensor::info(*record.type);
            const std::uint64_t columns = record.shape.empty() ? 1 : record.shape.front();
            if (columns % about.block_elements != 0)
                return fail(ErrorCode::corrupt,
                            fmt::format("tensor {} has rows of {} elements, not a multiple of {}'s block", name,
                                        columns, record.type_name));
            size = tensor::bytes_of(about, elements);
        }
        std::ranges::reverse(record.shape);
        if (!names_.emplace(record.name, tensors_.size()).second)
            return fail(ErrorCode::corrupt, fmt::format("tensor {} appears twice", name));
        places.push_back({offset, size, tensors_.size()});
        tensors_.push_back(std::move(record));
    }

    const std::uint64_t data_begin = (in.position() + alignment - 1) / alignment * alignment;
    const std::uint64_t data_bytes = bytes.size() > data_begin ? bytes.size() - data_begin : 0;
    std::ranges::sort(places, {}, &Place::offset);
    std::uint64_t end = 0;
    for (const Place& place : places) {
        TensorRecord& record = tensors_[place.tensor];
        if (place.offset > data_bytes || place.size > data_bytes - place.offset)
            return fail(ErrorCode::corrupt,
                        fmt::format("tensor {} lies outside the file; the file is truncated or damaged", record.name));
        if (place.offset < end) return fail(ErrorCode::corrupt, fmt::format("tensor {} overlaps another", record.name));
        end = place.offset + std::max<std::uint64_t>(place.size, 1);
        if (record.type) record.data = bytes.subspan(data_begin + place.offset, place.size);
    }
    if (first) version_ = version;
    file_bytes_ += bytes.size();
    return {};
}

}  // namespace tenon::model
