// Small things every provider's requests and answers need. Private to provider.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "tenon/json/json.hpp"
#include "tenon/llm/message.hpp"

namespace tenon::provider::wire {

/// The string; empty when it is none.
[[nodiscard]] std::string_view text_of(const json::Value* value) noexcept;
/// A count that is missing, negative or no number is 0.
[[nodiscard]] std::uint64_t count_of(const json::Value& value, std::string_view key) noexcept;
/// The value at that key when it is an array, else an empty one.
[[nodiscard]] const json::Array& array_of(const json::Value& value, std::string_view key) noexcept;
/// "data:image/png;base64,…"
[[nodiscard]] std::string data_url(std::string_view media_type, std::string_view bytes);
/// Of "data:TYPE;base64,DATA" the type and the decoded bytes; nullopt for any other url.
struct DataUrl {
    std::string media_type, bytes;
};
[[nodiscard]] std::optional<DataUrl> parse_data_url(std::string_view url);
/// JSON the caller gave as text. Errors: invalid_argument, which names `what`.
[[nodiscard]] Result<json::Value> parse_given(std::string_view text, std::string_view what);
/// The same, and it must be an object; an empty text is {}.
[[nodiscard]] Result<json::Object> parse_given_object(std::string_view text, std::string_view what);
/// Sets each field of `more` (name → JSON text) in `body`, over what is there.
[[nodiscard]] Result<void> add_fields(json::Object& body, const std::map<std::string, std::string>& more);
/// "base/v1?x=1" and "/chat" → "base/v1/chat?x=1"; "{model}" in the base becomes the model's name.
[[nodiscard]] std::string endpoint(const std::string& base_url, std::string_view path, std::string_view model = {});
/// Four letters a token; every Chinese, Japanese or Korean character its own.
[[nodiscard]] std::size_t estimate_tokens(std::string_view text) noexcept;
/// A form that a provider cannot hold its answers to.
[[nodiscard]] std::unexpected<Error> unsupported_format(const llm::ResponseFormat& format);

}  // namespace tenon::provider::wire
