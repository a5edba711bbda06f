// Keys and values of a text in a file: docs/formats/session.md.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "tenon/base/error.hpp"
#include "tenon/model/model.hpp"

namespace tenon::engine {

/// Whose keys and values they are; a file of another model, or of pages of another form, is refused.
struct SessionOwner {
    std::string model;  ///< see `identity_of`
    model::KvType type = model::KvType::f16;
    std::size_t page_bytes = 0;
    std::size_t vocabulary = 0;
};
/// 64 hexadecimal digits over what a model says of itself: name, shape, size, types of its tensors.
[[nodiscard]] std::string identity_of(const model::ModelInfo& info);

/// `pages`: the bytes of all pages that hold the tokens. Errors: those of AtomicFile.
[[nodiscard]] Result<void> write_session(const std::filesystem::path& path, const SessionOwner& owner,
                                         std::span<const text::TokenId> tokens, std::span<const std::byte> pages);

struct Session {
    std::vector<text::TokenId> tokens;
    std::span<const std::byte> pages;  ///< of the bytes that were given
};
/// The content of such a file. Errors: corrupt (not such a file, cut, altered), unsupported (a newer version),
/// invalid_argument (another model, or keys and values kept in another type).
[[nodiscard]] Result<Session> parse_session(std::span<const std::byte> bytes, const SessionOwner& owner);

}  // namespace tenon::engine
