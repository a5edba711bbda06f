// HTTP header fields: names compare without case, order and repetition are kept.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tenon::net {

struct HeaderField {
    std::string name;
    std::string value;
};

/// Linear in the number of fields, which HTTP limits keep small. Not synchronised.
class Headers {
  public:
    Headers() = default;
    Headers(std::initializer_list<HeaderField> fields) : fields_(fields) {}

    /// The first field of that name.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
    [[nodiscard]] bool contains(std::string_view name) const noexcept { return find(name).has_value(); }
    void add(std::string name, std::string value) { fields_.push_back({std::move(name), std::move(value)}); }
    /// Replaces every field of that name by one.
    void set(std::string name, std::string value);
    void remove(std::string_view name);
    [[nodiscard]] bool empty() const noexcept { return fields_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }
    [[nodiscard]] auto begin() const noexcept { return fields_.begin(); }
    [[nodiscard]] auto end() const noexcept { return fields_.end(); }
    void clear() noexcept { fields_.clear(); }

  private:
    std::vector<HeaderField> fields_;
};

/// ASCII case ignored, as RFC 9110 §5.1 asks for field names.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;
/// A token (RFC 9110 §5.6.2): what a method or a field name may be.
[[nodiscard]] bool is_token(std::string_view text) noexcept;
/// A field value without CR, LF, NUL: nothing that could begin another header.
[[nodiscard]] bool is_field_value(std::string_view text) noexcept;

}  // namespace tenon::net
