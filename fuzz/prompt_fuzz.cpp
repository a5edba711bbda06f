// Prompt files and templates in braces: whatever they hold, they are read or refused, and what is read can be rendered.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tenon/chain/document.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto document = tenon::chain::PromptDocument::parse(text, "fuzz");
    if (!document) return 0;
    const auto names = document->variables();
    if (!names) return 0;
    tenon::chain::Variables values;
    for (const auto& name : *names) values[name] = "值";
    (void)document->render(values);
    return 0;
}
