// The `loop` variable of a for loop.
#pragma once

#include "text/jinja/interp.hpp"

namespace tenon::text::jinja {

class LoopObject final : public CustomObject {
  public:
    LoopObject(const Stmt& stmt, ScopePtr parent, int depth) : stmt_(stmt), parent_(std::move(parent)), depth_(depth) {}

    bool attribute(Interp& interp, std::string_view name, Value& out, bool& found) override;
    /// loop(children): the body again, in a recursive loop.
    bool call(Interp& interp, Args& args, Value& out, bool& callable) override;
    [[nodiscard]] std::string describe() const override;

    bool cycle(Interp& interp, Args& args, Value& out) const;
    bool changed(Interp& interp, Args& args, Value& out);

    Items items;
    std::size_t index = 0;

  private:
    const Stmt& stmt_;
    ScopePtr parent_;
    int depth_;
    std::optional<Value> last_checked_;
};

}  // namespace tenon::text::jinja
