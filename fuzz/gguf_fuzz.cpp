// Any bytes at all: the gguf reader answers with a file or an error, and what it lists can be read.
#include <cstddef>
#include <cstdint>
#include <span>

#include "tenon/model/gguf.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto file = tenon::model::GgufFile::parse(std::as_bytes(std::span(data, size)));
    if (!file) return 0;
    unsigned sum = 0;
    for (const auto& tensor : file->tensors()) {
        if (tensor.data.size() <= 4096)
            if (const auto values = tensor.floats()) sum += static_cast<unsigned>(values->size());
        for (const std::byte byte : tensor.data.first(tensor.data.size() < 64 ? tensor.data.size() : 64))
            sum += std::to_integer<unsigned>(byte);
    }
    for (const auto& [key, value] : file->metadata()) {
        sum += static_cast<unsigned>(key.size() + value.integer().has_value() + value.string().has_value());
        if (const auto texts = value.strings()) sum += static_cast<unsigned>(texts->size());
        if (const auto numbers = value.numbers()) sum += static_cast<unsigned>(numbers->size());
        if (const auto values = value.values()) sum += static_cast<unsigned>(values->size());
    }
    volatile unsigned sink = sum;
    (void)sink;
    return 0;
}
