#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>

#include "rag/load/formats.hpp"

namespace tenon::rag::load_detail {

Result<std::string> gunzip(std::string_view bytes, const LoadLimits& limits) {
    constexpr std::size_t free_size = std::size_t{16} << 20;
    z_stream stream{};
    if (inflateInit2(&stream, 15 + 16) != Z_OK)
        return fail(ErrorCode::resource_exhausted, "cannot start zlib: out of memory");
    struct End {
        z_stream* stream;
        ~End() { inflateEnd(stream); }
    } const end{&stream};
    std::string out;
    std::string buffer(std::size_t{1} << 16, '\0');
    std::size_t at = 0;
    bool finished = false;
    while (true) {
        if (stream.avail_in == 0) {
            const std::size_t n = std::min(bytes.size() - at, std::size_t{1} << 20);
            stream.next_in =
                reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data() + at));  // zlib does not write to it
            stream.avail_in = static_cast<uInt>(n);
            at += n;
        }
        if (stream.avail_in == 0) {
            if (finished) return out;
            return fail(ErrorCode::corrupt, "the gzip file is cut short");
        }
        if (finished) {
            // Another member may follow; anything else after the end is padding.
            const bool another = stream.avail_in >= 2 && stream.next_in[0] == 0x1F && stream.next_in[1] == 0x8B;
            if (!another || inflateReset(&stream) != Z_OK) return out;
            finished = false;
        }
        stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
        stream.avail_out = static_cast<uInt>(buffer.size());
        const int code = inflate(&stream, Z_NO_FLUSH);
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
            return fail(ErrorCode::corrupt,
                        fmt::format("the gzip file is damaged: {}", stream.msg != nullptr ? stream.msg : "bad data"));
        const std::size_t produced = buffer.size() - stream.avail_out;
        if (code == Z_BUF_ERROR && produced == 0 && stream.avail_in != 0)
            return fail(ErrorCode::corrupt, "the gzip file is damaged");
        out.append(buffer, 0, produced);
        if (out.size() > limits.max_bytes ||
            (out.size() > free_size && out.size() / limits.max_expansion > bytes.size()))
            return fail(ErrorCode::resource_exhausted,
                        fmt::format("the gzip file unpacks to more than the limit ({} bytes so far from {})",
                                    out.size(), bytes.size()));
        finished = code == Z_STREAM_END;
    }
}

}  // namespace tenon::rag::load_detail
