// Jinja templates, as Hugging Face chat templates use them.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"
#include "tenon/json/json.hpp"

namespace tenon::text {

struct TemplateLimits {
    std::size_t max_output_bytes = std::size_t{64} << 20;
    std::size_t max_steps =
        20'000'000;  ///< evaluated nodes: a hostile template ends with an error, not with the process
    std::size_t max_depth = 200;
};

/// One compiled template. Immutable: `render` may be called from many threads at once.
/// Follows Jinja 3.1 with the settings of transformers' `apply_chat_template`: trim_blocks and lstrip_blocks on,
/// the loop-control extension, `raise_exception`, `strftime_now`, and `tojson` without HTML escaping.
class Template {
  public:
    /// Errors: corrupt, with the line and what was expected.
    [[nodiscard]] static Result<Template> parse(std::string_view source, const TemplateLimits& limits = {});
    Template(Template&&) noexcept;
    Template& operator=(Template&&) noexcept;
    ~Template();

    /// `context` is an object of variables. `now` is what strftime_now formats (local time).
    /// Errors: invalid_argument (raise_exception, undefined attribute of undefined, wrong type), resource_exhausted
    /// (limits).
    [[nodiscard]] Result<std::string> render(
        const json::Value& context, std::chrono::system_clock::time_point now = std::chrono::system_clock::now()) const;

    /// The names the template reads and does not set itself, each once, in order of appearance: what `context` should
    /// hold.
    [[nodiscard]] std::vector<std::string> variables() const;

  private:
    struct Impl;
    explicit Template(std::shared_ptr<const Impl> impl);
    std::shared_ptr<const Impl> impl_;
};

}  // namespace tenon::text
