// Event streams: any cut of the bytes gives the same events, within the limit, and what they encode to parses back.
#include <cstdint>
#include <cstdlib>

#include "tenon/net/sse.hpp"

using namespace tenon::net;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t step = data[0] % 16U + 1;
    constexpr std::size_t limit = 1 << 20;
    SseParser whole(limit);
    SseParser cut(limit);
    std::vector<SseEvent> a;
    std::vector<SseEvent> b;
    const bool ok = whole.feed(bytes, a).has_value();
    bool ok_cut = true;
    for (std::size_t at = 0; at < bytes.size() && ok_cut; at += step)
        ok_cut = cut.feed(bytes.substr(at, step), b).has_value();
    if (ok != ok_cut || (ok && a.size() != b.size())) std::abort();
    for (std::size_t i = 0; ok && i < a.size(); ++i) {
        if (a[i].data != b[i].data || a[i].event != b[i].event || a[i].id != b[i].id) std::abort();
        SseParser again;
        std::vector<SseEvent> back;
        if (!again.feed(sse_encode(a[i]), back) || back.size() != 1 || back[0].data != a[i].data) std::abort();
    }
    (void)whole.finish();
    return 0;
}
