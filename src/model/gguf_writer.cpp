#include "tenon/model/gguf_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

namespace tenon::model {
namespace {

template <class T>
void put(std::string& out, T value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_text(std::string& out, std::string_view text) {
    put<std::uint64_t>(out, text.size());
    out.append(text);
}

std::uint64_t padded(std::uint64_t bytes) noexcept {
    return (bytes + GgufWriter::alignment - 1) / GgufWriter::alignment * GgufWriter::alignment;
}

bool is_layout(std::string_view key) noexcept { return key == "general.alignment" || key.starts_with("split."); }

Result<void> check(const GgufTensor& tensor) {
    if (tensor.name.empty()) return fail(ErrorCode::invalid_argument, "a tensor has no name");
    if (tensor.shape.size() > 4)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("tensor {} has {} dimensions; GGUF allows 4", tensor.name, tensor.shape.size()));
    const std::size_t block = tensor::info(tensor.type).block_elements;
    if ((tensor.shape.empty() ? 1 : tensor.shape.back()) % block != 0)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("tensor {} has rows of {} elements, not whole blocks of {}", tensor.name,
                                tensor.shape.back(), block));
    return {};
}

}  // namespace

void GgufMetadata::set_raw(std::string_view key, GgufType type, std::string_view payload) {
    std::string bytes;
    put(bytes, static_cast<std::uint32_t>(type));
    bytes.append(payload);
    const auto at = std::ranges::find(entries_, key, &Entry::key);
    if (at != entries_.end())
        at->bytes = std::move(bytes);
    else
        entries_.push_back({std::string(key), std::move(bytes)});
}

void GgufMetadata::set_array_raw(std::string_view key, GgufType element, std::uint64_t count,
                                 std::string_view payload) {
    std::string bytes;
    put(bytes, static_cast<std::uint32_t>(element));
    put(bytes, count);
    bytes.append(payload);
    set_raw(key, GgufType::array, bytes);
}

void GgufMetadata::set(std::string_view key, std::string_view text) {
    std::string payload;
    put_text(payload, text);
    set_raw(key, GgufType::string, payload);
}

void GgufMetadata::set_array(std::string_view key, std::span<const std::string> texts) {
    std::string payload;
    for (const std::string& text : texts) put_text(payload, text);
    set_array_raw(key, GgufType::string, texts.size(), payload);
}

void GgufMetadata::copy(std::string_view key, const GgufValue& value) {
    const std::string_view raw(reinterpret_cast<const char*>(value.raw().data()), value.raw().size());
    if (value.type() == GgufType::array) return set_array_raw(key, value.element_type(), value.count(), raw);
    if (value.type() == GgufType::string) return set(key, raw);
    set_raw(key, value.type(), raw);
}

void GgufMetadata::erase(std::string_view key) {
    std::erase_if(entries_, [&](const Entry& entry) { return entry.key == key; });
}

std::uint64_t GgufTensor::bytes() const noexcept {
    std::uint64_t elements = 1;
    for (const std::uint64_t n : shape) elements *= n;
    return tensor::bytes_of(tensor::info(type), elements);
}

Result<GgufWriter> GgufWriter::create(const std::filesystem::path& path, const GgufMetadata& metadata,
                                      std::span<const GgufTensor> tensors) {
    std::string header = "GGUF";
    put<std::uint32_t>(header, 3);
    put<std::uint64_t>(header, tensors.size());
    put<std::uint64_t>(header, static_cast<std::uint64_t>(std::ranges::count_if(
                                   metadata.entries(), [](const auto& entry) { return !is_layout(entry.key); })));
    for (const GgufMetadata::Entry& entry : metadata.entries()) {
        if (is_layout(entry.key)) continue;
        put_text(header, entry.key);
        header.append(entry.bytes);
    }
    std::uint64_t offset = 0;
    std::vector<std::uint64_t> sizes;
    std::unordered_set<std::string_view> names;
    for (const GgufTensor& tensor : tensors) {
        TENON_CHECK(check(tensor));
        if (!names.insert(tensor.name).second)
            return fail(ErrorCode::invalid_argument, fmt::format("there are two tensors {}", tensor.name));
        put_text(header, tensor.name);
        put(header, static_cast<std::uint32_t>(tensor.shape.size()));
        for (std::size_t d = tensor.shape.size(); d > 0; --d) put<std::uint64_t>(header, tensor.shape[d - 1]);
        put(header, tensor::info(tensor.type).ggml_type);
        put(header, offset);
        sizes.push_back(tensor.bytes());
        offset += padded(sizes.back());
    }
    header.resize(padded(header.size()), '\0');
    TENON_TRY(AtomicFile file, AtomicFile::create(path));
    TENON_CHECK(file.write(header));
    GgufWriter writer(std::move(file));
    writer.sizes_ = std::move(sizes);
    writer.skip_to_next();
    return writer;
}

void GgufWriter::skip_to_next() noexcept {
    written_ = 0;
    while (tensor_ < sizes_.size() && sizes_[tensor_] == 0) ++tensor_;
}

Result<void> GgufWriter::write(std::span<const std::byte> data) {
    if (data.empty()) return {};
    if (tensor_ == sizes_.size() || data.size() > sizes_[tensor_] - written_)
        return fail(ErrorCode::invalid_argument, "more bytes than the tensors hold");
    TENON_CHECK(file_.write(data));
    written_ += data.size();
    if (written_ < sizes_[tensor_]) return {};
    TENON_CHECK(file_.write(std::string(padded(written_) - written_, '\0')));
    ++tensor_;
    skip_to_next();
    return {};
}

Result<void> GgufWriter::finish() {
    if (tensor_ < sizes_.size())
        return fail(ErrorCode::invalid_argument,
                    fmt::format("{} of {} tensors are missing or cut short", sizes_.size() - tensor_, sizes_.size()));
    return file_.commit();
}

}  // namespace tenon::model
