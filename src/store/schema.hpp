// The file of a knowledge base: its tables, versions and settings. docs/formats/knowledge_base.md says what they hold.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "store/sqlite.hpp"
#include "tenon/base/error.hpp"

namespace tenon::store {

inline constexpr std::string_view file_extension = ".kb";
/// Chunk ids are document id * this + ordinal.
inline constexpr std::int64_t chunks_per_document = std::int64_t{1} << 20;

struct Settings {
    std::string name;
    std::string embedding_model;
    std::size_t dimension = 0;
};

/// Makes the tables in a file that has none; does nothing when another process was faster.
[[nodiscard]] Result<void> create_schema(Connection& connection, const Settings& settings);

/// Errors: not_found (an empty file: a base that was never finished), corrupt (not a knowledge base), unsupported
/// (newer).
[[nodiscard]] Result<Settings> read_settings(Connection& connection, std::string_view file);

/// The file name of a base. Errors: invalid_argument. Names are made NFC, so that what looks equal is equal.
[[nodiscard]] Result<std::string> normalized_name(std::string_view name);

}  // namespace tenon::store
