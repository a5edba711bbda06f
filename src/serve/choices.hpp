// Several answers that are made at the same time, read one event after another.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "tenon/llm/model.hpp"

namespace tenon::serve {

/// One consumer. Destroying it cancels what is not complete.
class Choices {
  public:
    /// At least one stream.
    explicit Choices(std::vector<StreamPtr<llm::ChatEvent>> streams);
    ~Choices();
    Choices(const Choices&) = delete;
    Choices& operator=(const Choices&) = delete;

    struct Piece {
        std::size_t index = 0;
        llm::ChatEvent event;
    };
    /// The next event of any of them; nullopt when all have ended. Errors: of the first that fails.
    [[nodiscard]] task<Result<std::optional<Piece>>> next();

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace tenon::serve
