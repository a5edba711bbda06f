// Loads a tokenizer.json of any bytes; what loads must encode and decode without fault.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tenon/text/tokenizer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto loaded = tenon::text::load_tokenizer_json(bytes);
    if (!loaded) return 0;
    const auto& tokenizer = **loaded;
    for (const std::string_view text : {"Hello, world's 123", "\xE4\xBD\xA0\xE5\xA5\xBD \xFF\n\n  x", ""}) {
        const auto ids = tokenizer.encode(text);
        (void)tokenizer.decode(ids);
        (void)tokenizer.decode(ids, false);
    }
    return 0;
}
