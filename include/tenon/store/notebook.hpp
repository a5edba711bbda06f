// Short texts kept for somebody: turns of a conversation, facts, memories with vectors. What agents remember is made
// of.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon::store {

struct Note {
    std::int64_t id = 0;  ///< grows; given by `add`
    std::string owner;    ///< whose it is
    std::string kind;     ///< "turn", "fact", "memory", "summary" …
    std::string key{};    ///< of facts: what it is about
    std::string text{};
    std::vector<float> vector{};  ///< empty: none
    std::int64_t created_at = 0;  ///< milliseconds since 1970, given by `add`
};

/// One SQLite file; several processes may use it. Thread-safe. What `add` and `put` returned for is there after kill
/// -9.
class Notebook {
  public:
    virtual ~Notebook() = default;
    /// Errors: corrupt, permission_denied, io; unsupported (written by a newer Tenon).
    [[nodiscard]] static Result<std::shared_ptr<Notebook>> open(const std::filesystem::path& file);
    /// Gone with the object.
    [[nodiscard]] static Result<std::shared_ptr<Notebook>> temporary();

    /// Errors: resource_exhausted (disk full), io.
    [[nodiscard]] virtual Result<std::int64_t> add(Note note) = 0;
    /// All of them or none.
    [[nodiscard]] virtual Result<void> add_all(std::span<const Note> notes) = 0;
    /// Replaces the owner's note of this kind and key.
    [[nodiscard]] virtual Result<std::int64_t> put(Note note) = 0;
    /// The owner's notes of a kind, oldest first; at most the newest `last` when it is not 0.
    [[nodiscard]] virtual Result<std::vector<Note>> list(std::string_view owner, std::string_view kind,
                                                         std::size_t last = 0) = 0;
    [[nodiscard]] virtual Result<bool> remove(std::int64_t id) = 0;
    /// Everything of an owner; how many notes went. The pages are overwritten (secure_delete).
    [[nodiscard]] virtual Result<std::int64_t> erase(std::string_view owner) = 0;
    /// Everything of an owner, oldest first.
    [[nodiscard]] virtual Result<std::vector<Note>> everything(std::string_view owner) = 0;
    [[nodiscard]] virtual Result<std::vector<std::string>> owners() = 0;
};

}  // namespace tenon::store
