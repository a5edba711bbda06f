// What searching keeps in memory: which chunk has which number, their lengths, their vectors. Immutable once made.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "store/sqlite.hpp"
#include "tenon/base/error.hpp"

namespace tenon::store {

/// Chunks of all documents numbered 0 … n-1 ("slots"), by document id, then ordinal.
struct Layout {
    struct Entry {
        std::int64_t document_id = 0;
        std::uint32_t first_slot = 0;
        std::uint32_t chunks = 0;
    };
    std::vector<Entry> documents;        ///< by id
    std::vector<std::uint32_t> lengths;  ///< by slot

    [[nodiscard]] std::size_t chunks() const noexcept { return lengths.size(); }
    /// The document and ordinal of a slot below chunks().
    [[nodiscard]] std::pair<std::int64_t, std::uint32_t> locate(std::uint32_t slot) const;
};

/// Must run inside a read transaction.
[[nodiscard]] Result<std::shared_ptr<const Layout>> load_layout(Connection& connection);

/// The vectors of each document of a layout, in its order; rows are unit vectors.
using VectorBlock = std::shared_ptr<const std::vector<float>>;
struct Vectors {
    std::vector<std::pair<std::int64_t, VectorBlock>> blocks;
};

/// Documents never change under one id, so blocks of `previous` (may be null) are kept and only new ones are read.
[[nodiscard]] Result<std::shared_ptr<const Vectors>> load_vectors(Connection& connection, const Layout& layout,
                                                                  std::size_t dimension, const Vectors* previous);

}  // namespace tenon::store
