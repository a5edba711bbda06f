// A stream of values pulled by one consumer.
#pragma once

#include <memory>
#include <optional>

#include "tenon/async/task.hpp"

namespace tenon {

/// `next()` gives the following value, nullopt at the end, or an error (after which the stream is over).
/// One consumer at a time. Destroying the stream cancels its producer.
template <class T>
class Stream {
  public:
    virtual ~Stream() = default;
    [[nodiscard]] virtual task<Result<std::optional<T>>> next() = 0;
};

template <class T>
using StreamPtr = std::unique_ptr<Stream<T>>;

}  // namespace tenon
