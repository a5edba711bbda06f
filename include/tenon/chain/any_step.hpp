// A step whose type is forgotten but for what goes in and what comes out: for members, containers and interfaces.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "tenon/chain/invoke.hpp"
#include "tenon/chain/sequence.hpp"

namespace tenon::chain {

/// Any step from In to Out that streams pieces of type Chunk (or gives its answer as one piece, when Chunk is Out).
/// Costs one virtual call. Copies share the step; thread-safe as the step is.
template <class In, class Out, class Chunk = Out>
class AnyStep {
  public:
    using input_type = In;
    using output_type = Out;
    using chunk_type = Chunk;

    template <class T>
        requires(!std::same_as<std::remove_cvref_t<T>, AnyStep> && detail::Steplike<std::remove_cvref_t<T>>)
    AnyStep(T value) : AnyStep(detail::adapt<T, In>(std::move(value)), 0) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] std::string_view name() const { return held_->name; }
    [[nodiscard]] task<Result<Out>> operator()(In in, Context context) const {
        return held_->call(std::move(in), std::move(context));
    }
    [[nodiscard]] task<Result<StreamPtr<Chunk>>> stream(In in, Context context) const {
        return held_->stream(std::move(in), std::move(context));
    }

  private:
    struct Base {
        virtual ~Base() = default;
        virtual task<Result<Out>> call(In in, Context context) const = 0;
        virtual task<Result<StreamPtr<Chunk>>> stream(In in, Context context) const = 0;
        std::string name;
    };
    template <IsStep S>
    struct Held final : Base {
        explicit Held(S s) : step(std::move(s)) { this->name = name_of(step); }
        task<Result<Out>> call(In in, Context context) const override {
            using Given = typename S::output_type;
            if constexpr (AsyncStep<S> && std::same_as<Given, Out>) {
                return step(joined<typename S::input_type>(std::move(in)), std::move(context));
            } else {
                return [](const Held* self, In value, Context with) -> task<Result<Out>> {
                    auto out =
                        co_await invoke(self->step, joined<typename S::input_type>(std::move(value)), std::move(with));
                    if (!out) co_return std::unexpected(std::move(out).error());
                    co_return joined<Out>(std::move(*out));
                }(this, std::move(in), std::move(context));
            }
        }
        task<Result<StreamPtr<Chunk>>> stream(In in, Context context) const override {
            if constexpr (streams_chunks()) {
                return step.stream(joined<typename S::input_type>(std::move(in)), std::move(context));
            } else {
                static_assert(FitsInto<typename S::output_type, Chunk>, "the step does not stream pieces of this type");
                return [](const Held* self, In value, Context with) -> task<Result<StreamPtr<Chunk>>> {
                    auto out =
                        co_await invoke(self->step, joined<typename S::input_type>(std::move(value)), std::move(with));
                    if (!out) co_return std::unexpected(std::move(out).error());
                    co_return StreamPtr<Chunk>(std::make_unique<detail::Once<Chunk>>(joined<Chunk>(std::move(*out))));
                }(this, std::move(in), std::move(context));
            }
        }
        static consteval bool streams_chunks() {
            if constexpr (StreamingStep<S>)
                return std::same_as<typename S::chunk_type, Chunk>;
            else
                return false;
        }
        S step;
    };

    template <IsStep S>
    AnyStep(S step, int) {
        static_assert(FitsInto<In, typename S::input_type>, "the step does not take this input");
        static_assert(FitsInto<typename S::output_type, Out>, "the step does not give this output");
        held_ = std::make_shared<const Held<S>>(std::move(step));
    }

    std::shared_ptr<const Base> held_;
};

}  // namespace tenon::chain
