// What only one provider has, carried beside the common vocabulary without losing its type.
#pragma once

#include <algorithm>
#include <memory>
#include <typeindex>
#include <utility>
#include <vector>

namespace tenon::llm {

/// At most one value of each type: `request.extensions.set(anthropic::RequestExtras{...})`. A provider looks for its
/// own types and leaves the others alone. Values are immutable once set; copies share them. Reading is thread-safe.
class Extensions {
  public:
    /// Replaces a value of the same type.
    template <class T>
    Extensions& set(T value) {
        const std::type_index key(typeid(T));
        std::erase_if(values_, [&](const auto& v) { return v.first == key; });
        values_.emplace_back(key, std::make_shared<const T>(std::move(value)));
        return *this;
    }
    /// Null when none of this type was set. Valid while this object or a copy of it lives.
    template <class T>
    [[nodiscard]] const T* get() const noexcept {
        const std::type_index key(typeid(T));
        const auto at = std::ranges::find(values_, key, [](const auto& v) { return v.first; });
        return at == values_.end() ? nullptr : static_cast<const T*>(at->second.get());
    }
    [[nodiscard]] bool empty() const noexcept { return values_.empty(); }

  private:
    std::vector<std::pair<std::type_index, std::shared_ptr<const void>>> values_;
};

}  // namespace tenon::llm
