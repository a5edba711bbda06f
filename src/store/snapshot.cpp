#include "store/snapshot.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "store/postings.hpp"

namespace tenon::store {

static_assert(std::endian::native == std::endian::little, "vectors are stored little-endian");

std::pair<std::int64_t, std::uint32_t> Layout::locate(std::uint32_t slot) const {
    const auto after = std::ranges::upper_bound(documents, slot, {}, &Entry::first_slot);
    // Documents without chunks share their first slot with the next: the last one at or before the slot holds it.
    const Entry& entry = *std::prev(after);
    return {entry.document_id, slot - entry.first_slot};
}

Result<std::shared_ptr<const Layout>> load_layout(Connection& connection) {
    auto layout = std::make_shared<Layout>();
    TENON_TRY(auto statement, connection.prepare("SELECT id, chunks, lengths FROM document ORDER BY id"));
    while (true) {
        TENON_TRY(const bool row, statement.step());
        if (!row) break;
        const std::size_t first = layout->lengths.size();
        TENON_CHECK(decode_lengths(statement.blob(2), layout->lengths));
        const std::size_t chunks = layout->lengths.size() - first;
        if (chunks != static_cast<std::size_t>(statement.integer(1)) || layout->lengths.size() > UINT32_MAX)
            return fail(ErrorCode::corrupt,
                        "the knowledge base is damaged: chunk counts differ; remove it and index again");
        layout->documents.push_back(
            {statement.integer(0), static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(chunks)});
    }
    return layout;
}

Result<std::shared_ptr<const Vectors>> load_vectors(Connection& connection, const Layout& layout, std::size_t dimension,
                                                    const Vectors* previous) {
    auto vectors = std::make_shared<Vectors>();
    vectors->blocks.reserve(layout.documents.size());
    TENON_TRY(auto statement, connection.prepare("SELECT data FROM vector WHERE document_id = ?"));
    std::size_t old = 0;
    for (const auto& entry : layout.documents) {
        if (previous != nullptr) {
            while (old < previous->blocks.size() && previous->blocks[old].first < entry.document_id) ++old;
            if (old < previous->blocks.size() && previous->blocks[old].first == entry.document_id) {
                vectors->blocks.push_back(previous->blocks[old]);
                continue;
            }
        }
        auto block = std::make_shared<std::vector<float>>(entry.chunks * dimension);
        if (entry.chunks != 0) {
            statement.bind(1, entry.document_id);
            TENON_TRY(const bool row, statement.step());
            const auto bytes = row ? statement.blob(0) : std::span<const std::byte>{};
            if (bytes.size() != block->size() * sizeof(float))
                return fail(ErrorCode::corrupt,
                            "the knowledge base is damaged: vectors are missing; remove it and index again");
            std::memcpy(block->data(), bytes.data(), bytes.size());
            statement.reset();
        }
        vectors->blocks.emplace_back(entry.document_id, std::move(block));
    }
    return vectors;
}

}  // namespace tenon::store
