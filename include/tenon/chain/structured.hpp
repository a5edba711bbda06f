// The model's answer as a C++ struct.
//
//     struct Person { std::string name; int age = 0; std::vector<std::string> skills; };
//     BOOST_DESCRIBE_STRUCT(Person, (), (name, age, skills))
//     auto person = co_await chain::generate<Person>(model, "Ada, 36, writes C++ and plays the flute.");
//
// A model that can be held to a schema is held to it; another one is shown the schema, its answer is read, and when it
// does not fit the model is told what is wrong and asked again.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "tenon/json/partial.hpp"
#include "tenon/json/reflect.hpp"
#include "tenon/json/schema.hpp"
#include "tenon/llm/model.hpp"

namespace tenon::chain {

struct StructuredOptions {
    std::size_t max_attempts = 3;  ///< answers asked for, the first included
    std::string name = "answer";   ///< of the schema, for providers that want one
    std::string instructions{};    ///< put before the request as a system message
    llm::GenerationSettings settings{};
    bool native = true;  ///< false: never use the model's own schema mode
};

namespace detail {

/// Reads the value out of the JSON; its errors are what the model is told.
using ReadAnswer = std::function<Result<void>(const json::Value&)>;

/// Errors: the model's; protocol (no answer fitted; the message has the last fault), resource_exhausted (the answer was
/// cut by the token limit).
[[nodiscard]] task<Result<void>> generate_json(llm::ChatModelPtr model, llm::ChatRequest request, std::string schema,
                                               ReadAnswer read, StructuredOptions options, CallOptions call);

/// An answer read while it is written.
class PartialJson {
  public:
    PartialJson(StreamPtr<llm::ChatEvent> events, bool wrapped) : events_(std::move(events)), wrapped_(wrapped) {}
    /// The value once more of it is there; null at the end.
    [[nodiscard]] task<Result<const json::Value*>> next();

  private:
    StreamPtr<llm::ChatEvent> events_;
    json::PartialParser parser_;
    bool wrapped_, over_ = false, begun_ = false;
};
[[nodiscard]] task<Result<std::unique_ptr<PartialJson>>> open_json(llm::ChatModelPtr model, llm::ChatRequest request,
                                                                   std::string schema, bool wrapped,
                                                                   StructuredOptions options, CallOptions call);

/// Providers want an object at the top: other types travel as the member "value".
template <class T>
[[nodiscard]] bool wrapped() {
    return json::type_of<T>().kind != json::Kind::object;
}
[[nodiscard]] std::string wrap_schema(const json::Type& type, bool wrapped);
[[nodiscard]] const json::Value& unwrap(const json::Value& value, bool wrapped);

template <class T>
class StructStream final : public Stream<T> {
  public:
    explicit StructStream(std::unique_ptr<PartialJson> json) : json_(std::move(json)) {}
    task<Result<std::optional<T>>> next() override {
        auto value = co_await json_->next();
        if (!value) co_return std::unexpected(std::move(value).error());
        if (*value == nullptr) co_return std::optional<T>();
        auto read = json::from_value<T>(**value, {.partial = true});
        if (!read) co_return std::unexpected(std::move(read).error());
        co_return std::optional<T>(std::move(*read));
    }

  private:
    std::unique_ptr<PartialJson> json_;
};

}  // namespace detail

// Defaults are written T() and not {}: GCC 12 destroys a braced temporary of a co_await expression twice.

/// T: anything json::from_value reads. Thread-safe as the model is. Errors: as detail::generate_json.
template <class T>
[[nodiscard]] task<Result<T>> generate(llm::ChatModelPtr model, llm::ChatRequest request,
                                       StructuredOptions options = StructuredOptions(),
                                       CallOptions call = CallOptions()) {
    T out{};
    const bool wrap = detail::wrapped<T>();
    detail::ReadAnswer read = [&out, wrap](const json::Value& value) -> Result<void> {
        TENON_TRY(out, json::from_value<T>(detail::unwrap(value, wrap)));
        return {};
    };
    std::string schema = detail::wrap_schema(json::type_of<T>(), wrap);
    auto done = co_await detail::generate_json(std::move(model), std::move(request), std::move(schema), std::move(read),
                                               std::move(options), std::move(call));
    if (!done) co_return std::unexpected(std::move(done).error());
    co_return out;
}
template <class T>
[[nodiscard]] task<Result<T>> generate(llm::ChatModelPtr model, std::string prompt,
                                       StructuredOptions options = StructuredOptions(),
                                       CallOptions call = CallOptions()) {
    llm::ChatRequest request;
    request.messages.push_back(llm::Message::user(std::move(prompt)));
    return generate<T>(std::move(model), std::move(request), std::move(options), std::move(call));
}

/// The struct as it fills: each value holds all that has been written. The last one is whole, but is not checked
/// against rules and required fields; one try, no repair.
template <class T>
[[nodiscard]] task<Result<StreamPtr<T>>> stream_struct(llm::ChatModelPtr model, llm::ChatRequest request,
                                                       StructuredOptions options = StructuredOptions(),
                                                       CallOptions call = CallOptions()) {
    const bool wrap = detail::wrapped<T>();
    std::string schema = detail::wrap_schema(json::type_of<T>(), wrap);
    auto json = co_await detail::open_json(std::move(model), std::move(request), std::move(schema), wrap,
                                           std::move(options), std::move(call));
    if (!json) co_return std::unexpected(std::move(json).error());
    StreamPtr<T> out = std::make_unique<detail::StructStream<T>>(std::move(*json));
    co_return std::move(out);
}

}  // namespace tenon::chain
