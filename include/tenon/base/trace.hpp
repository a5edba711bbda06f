// Spans: what ran, inside what, for how long, and how it ended.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon {

/// 0 is no span: the root's parent.
using SpanId = std::uint64_t;
using SpanValue = std::variant<std::string, std::int64_t, double, bool>;

/// Receives spans as they begin and end. Attribute names follow OpenTelemetry where it has one
/// (`gen_ai.usage.input_tokens` …). Implementations are thread-safe and do not block: they are called in the middle of
/// the work they watch.
class Tracer {
  public:
    virtual ~Tracer() = default;
    /// An id that is not 0 and not in use.
    [[nodiscard]] virtual SpanId begin(std::string_view name, SpanId parent) = 0;
    virtual void set(SpanId span, std::string_view key, SpanValue value) = 0;
    /// Once for each `begin`. `error` is null when all went well.
    virtual void end(SpanId span, const Error* error) = 0;
};
using TracerPtr = std::shared_ptr<Tracer>;

/// One span from construction to `end` or destruction. Without a tracer it does nothing. Movable; one thread at a time.
class Span {
  public:
    Span() = default;
    Span(TracerPtr tracer, std::string_view name, SpanId parent) : tracer_(std::move(tracer)) {
        if (tracer_) id_ = tracer_->begin(name, parent);
    }
    Span(Span&& other) noexcept : tracer_(std::exchange(other.tracer_, nullptr)), id_(other.id_) {}
    Span& operator=(Span&& other) noexcept {
        if (this != &other) {
            end();
            tracer_ = std::exchange(other.tracer_, nullptr);
            id_ = other.id_;
        }
        return *this;
    }
    ~Span() { end(); }

    [[nodiscard]] explicit operator bool() const noexcept { return tracer_ != nullptr; }
    [[nodiscard]] SpanId id() const noexcept { return id_; }
    void set(std::string_view key, SpanValue value) {
        if (tracer_) tracer_->set(id_, key, std::move(value));
    }
    void end(const Error* error = nullptr) {
        if (const auto tracer = std::exchange(tracer_, nullptr)) tracer->end(id_, error);
    }

  private:
    TracerPtr tracer_;
    SpanId id_ = 0;
};

/// A span that has ended, or is still open when `open`.
struct SpanRecord {
    SpanId id = 0, parent = 0;
    std::string name;
    std::chrono::system_clock::time_point started;
    std::chrono::nanoseconds duration{};
    std::vector<std::pair<std::string, SpanValue>> attributes;
    std::optional<Error> error;
    bool open = true;

    /// Null when it was not set; of several the last.
    [[nodiscard]] const SpanValue* attribute(std::string_view key) const noexcept;
};

/// Keeps the newest `capacity` spans in memory, in the order in which they began. Thread-safe.
class MemoryTracer final : public Tracer {
  public:
    explicit MemoryTracer(std::size_t capacity = 10'000) : capacity_(capacity) {}
    [[nodiscard]] SpanId begin(std::string_view name, SpanId parent) override;
    void set(SpanId span, std::string_view key, SpanValue value) override;
    void end(SpanId span, const Error* error) override;
    [[nodiscard]] std::vector<SpanRecord> spans() const;
    void clear();

  private:
    SpanRecord* find(SpanId span);

    mutable std::mutex mutex_;
    std::size_t capacity_;
    SpanId next_ = 1;
    std::vector<SpanRecord> spans_;
    std::vector<std::chrono::steady_clock::time_point> begun_;
};

}  // namespace tenon
