// Any bytes as a template: parsing and rendering end with a text or an error, within the limits.
#include <boost/json.hpp>
#include <cstdint>
#include <string_view>

#include "tenon/json/json.hpp"
#include "tenon/text/chat_template.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto context = tenon::json::parse(
        R"({"messages":[{"role":"user","content":"hi 你好"},{"role":"assistant","content":null,)"
        R"("tool_calls":[{"function":{"name":"f","arguments":{"a":1.5}}}]}],"tools":null,"bos_token":"<s>","x":[1,2,3]})");
    const tenon::text::TemplateLimits limits{.max_output_bytes = 1 << 20, .max_steps = 100'000};
    const auto compiled =
        tenon::text::Template::parse(std::string_view(reinterpret_cast<const char*>(data), size), limits);
    if (compiled) (void)compiled->render(*context, std::chrono::system_clock::time_point{});
    return 0;
}
