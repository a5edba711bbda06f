#include "engine/session_file.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "tenon/base/file.hpp"
#include "tenon/base/hash.hpp"

namespace tenon::engine {
namespace {

static_assert(std::endian::native == std::endian::little, "files are little-endian");

constexpr std::string_view magic = "TENONKV\n";
constexpr std::uint32_t newest_version = 1;
constexpr std::size_t digest_bytes = 64;

struct Header {
    char magic[8];
    std::uint32_t version, type;
    char model[digest_bytes];
    std::uint64_t page_bytes, tokens;
};
static_assert(sizeof(Header) == 96);

std::size_t pages_of(std::size_t tokens) {
    return tokens / model::kv_page_tokens + (tokens % model::kv_page_tokens != 0 ? 1 : 0);
}

std::span<const std::byte> bytes_of(const Header& header) { return std::as_bytes(std::span(&header, 1)); }

}  // namespace

std::string identity_of(const model::ModelInfo& info) {
    std::string said =
        fmt::format("{}\n{}\n{}\n{} {} {} {} {} {} {} {} {}\n", info.architecture, info.name, info.quantisation,
                    info.layers, info.heads, info.kv_heads, info.head_dim, info.embedding_length, info.feed_forward,
                    info.vocabulary, info.parameters, info.file_bytes);
    for (const auto& [type, bytes] : info.tensor_types) said += fmt::format("{} {}\n", type, bytes);
    return sha256_hex(said);
}

Result<void> write_session(const std::filesystem::path& path, const SessionOwner& owner,
                           std::span<const text::TokenId> tokens, std::span<const std::byte> pages) {
    Header header{};
    std::memcpy(header.magic, magic.data(), magic.size());
    header.version = newest_version;
    header.type = static_cast<std::uint32_t>(owner.type);
    std::memcpy(header.model, owner.model.data(), std::min(owner.model.size(), digest_bytes));
    header.page_bytes = owner.page_bytes;
    header.tokens = tokens.size();
    TENON_TRY(auto file, AtomicFile::create(path));
    Sha256 hash;
    for (const auto part : {bytes_of(header), std::as_bytes(tokens), pages}) {
        hash.update(part);
        TENON_CHECK(file.write(part));
    }
    TENON_CHECK(file.write(hash.hex_digest()));
    return file.commit();
}

Result<Session> parse_session(std::span<const std::byte> bytes, const SessionOwner& owner) {
    const auto wrong = [](ErrorCode code, std::string_view what) {
        return fail(code, fmt::format("the session file {}", what));
    };
    Header header{};
    if (bytes.size() < sizeof header || std::memcmp(bytes.data(), magic.data(), magic.size()) != 0)
        return wrong(ErrorCode::corrupt, "does not hold keys and values; delete it, or name another");
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.version != newest_version)
        return wrong(ErrorCode::unsupported,
                     fmt::format("has version {}, and this program reads version {}", header.version, newest_version));
    if (std::string_view(header.model, digest_bytes) != owner.model)
        return wrong(ErrorCode::invalid_argument, "was written by another model; name another file for this one");
    if (header.type != static_cast<std::uint32_t>(owner.type) || header.page_bytes != owner.page_bytes)
        return wrong(ErrorCode::invalid_argument,
                     "keeps keys and values in another type; set kv_cache as it was, or name another file");
    // The size must be what the header says, to the byte, before anything is believed.
    std::size_t size = 0;
    if (header.tokens == 0 || header.tokens > bytes.size() / sizeof(text::TokenId) ||
        __builtin_mul_overflow(pages_of(header.tokens), owner.page_bytes, &size) ||
        __builtin_add_overflow(size, sizeof header + header.tokens * sizeof(text::TokenId) + digest_bytes, &size) ||
        size != bytes.size())
        return wrong(ErrorCode::corrupt, "is cut short, or longer than it says; delete it");
    Sha256 hash;
    hash.update(bytes.first(size - digest_bytes));
    if (std::memcmp(hash.hex_digest().data(), bytes.data() + size - digest_bytes, digest_bytes) != 0)
        return wrong(ErrorCode::corrupt, "is damaged: its checksum does not hold; delete it");
    Session out{std::vector<text::TokenId>(header.tokens), {}};
    std::memcpy(out.tokens.data(), bytes.data() + sizeof header, header.tokens * sizeof(text::TokenId));
    for (const auto token : out.tokens)
        if (token < 0 || static_cast<std::size_t>(token) >= owner.vocabulary)
            return wrong(ErrorCode::corrupt, fmt::format("has token {}, which the model does not have", token));
    out.pages = bytes.subspan(sizeof header + header.tokens * sizeof(text::TokenId),
                              pages_of(header.tokens) * owner.page_bytes);
    return out;
}

}  // namespace tenon::engine
