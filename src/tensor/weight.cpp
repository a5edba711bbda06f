#include "tenon/tensor/weight.hpp"

#include <sys/mman.h>

#include <cstdlib>
#include <mutex>
#include <new>
#include <string>

#include "tensor/pack.hpp"
#include "tensor/weight_impl.hpp"

namespace tenon::tensor {

// Matrices of a small model are smaller than a huge page: on pages of their own, the processor would look up addresses
// and start reading ahead anew every 4 KiB. So they share large blocks.
struct PackedBuffer::Block {
    explicit Block(std::size_t size) noexcept : bytes((size + huge - 1) / huge * huge) {
        data = static_cast<std::uint8_t*>(std::aligned_alloc(huge, bytes));
        if (data != nullptr) (void)madvise(data, bytes, MADV_HUGEPAGE);  // a hint
    }
    ~Block() { std::free(data); }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;

    static constexpr std::size_t huge = std::size_t{2} << 20;
    std::size_t bytes = 0, used = 0;
    std::uint8_t* data = nullptr;
};

bool PackedBuffer::allocate(std::size_t bytes) noexcept try {
#if defined(__SANITIZE_ADDRESS__)
    constexpr std::size_t shared = 0;  // so that the end of each can be watched
#else
    constexpr std::size_t shared = std::size_t{32} << 20;
#endif
    static std::mutex mutex;
    static std::weak_ptr<Block> open;  // alive as long as a buffer in it
    if (bytes > SIZE_MAX / 2) return false;
    const std::size_t size = (bytes + 63) / 64 * 64;
    if (size > shared / 4) {
        block_ = std::make_shared<Block>(size);
        data_ = block_->data;
        return data_ != nullptr;
    }
    const std::scoped_lock lock(mutex);
    block_ = open.lock();
    if (block_ == nullptr || block_->bytes - block_->used < size) {
        block_ = std::make_shared<Block>(shared);
        if (block_->data == nullptr) return false;
        open = block_;
    }
    data_ = block_->data + block_->used;
    block_->used += size;
    return true;
} catch (const std::bad_alloc&) {
    return false;
}

Weight::Weight() : impl_(std::make_unique<Impl>()) {}
Weight::Weight(Weight&&) noexcept = default;
Weight& Weight::operator=(Weight&&) noexcept = default;
Weight::~Weight() = default;

Result<Weight> Weight::prepare(MatrixView view, const Options& options) {
    const DTypeInfo& i = info(view.type);
    if (!i.quantised && view.type != DType::f32 && view.type != DType::f16 && view.type != DType::bf16)
        return fail(ErrorCode::unsupported, "no kernel multiplies weights of type " + std::string(i.name));
    if (view.columns % i.block_elements != 0)
        return fail(ErrorCode::invalid_argument, std::string(i.name) + " needs rows of a multiple of " +
                                                     std::to_string(i.block_elements) + " elements, not " +
                                                     std::to_string(view.columns));
    Weight weight;
    Impl& impl = *weight.impl_;
    impl.view = view;
    impl.name = options.name;
    impl.packed = packed_shape(view);
    if (!options.repack || view.rows == 0 || view.columns == 0) return weight;
    const std::size_t groups = impl.packed.groups();
    if (!impl.buffer.allocate(groups * impl.packed.group_bytes))
        return fail(ErrorCode::resource_exhausted, "no memory to repack a matrix of " +
                                                       std::to_string(groups * impl.packed.group_bytes) +
                                                       " bytes; load without repacking or free some memory");
    const auto pack = [&](std::size_t first, std::size_t last) {
        for (std::size_t g = first; g < last; ++g)
            pack_group(view, impl.packed, g, impl.buffer.data() + g * impl.packed.group_bytes);
    };
    if (options.team != nullptr)
        options.team->run([&](Worker& worker) {
            const auto [first, last] = worker.share(groups);
            pack(first, last);
        });
    else
        pack(0, groups);
    impl.packed.data = impl.buffer.data();
    return weight;
}

std::size_t Weight::rows() const noexcept { return impl_->view.rows; }
std::size_t Weight::columns() const noexcept { return impl_->view.columns; }
DType Weight::type() const noexcept { return impl_->view.type; }
const std::string& Weight::name() const noexcept { return impl_->name; }
bool Weight::owns_copy() const noexcept { return impl_->packed.data != nullptr; }

void Weight::row(std::size_t r, std::span<float> out) const noexcept {
    if (impl_->packed.data != nullptr) return unpack_row(impl_->packed, r, out.data());
    dequantize(impl_->view.type, impl_->view.data + r * impl_->view.row_bytes(), out);
}

}  // namespace tenon::tensor
