// Responses that are kept, so that a later request can go on from them.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tenon/json/json.hpp"
#include "tenon/llm/message.hpp"
#include "tenon/store/records.hpp"

namespace tenon::serve::responses {

struct Kept {
    json::Object response;               ///< as it was answered
    json::Array input;                   ///< the items of its request
    std::vector<llm::Message> messages;  ///< the whole conversation, answer included, instructions not
};

/// Under the response's id, and each item of its input and output under the item's, so that later requests can refer
/// to it. `owner` tells keys apart: what one stored, others do not see. Blocks.
[[nodiscard]] Result<void> keep(store::Records& records, const std::string& owner, const Kept& kept);
/// Nothing when there is none. Errors: corrupt, io.
[[nodiscard]] Result<std::optional<Kept>> find(store::Records& records, const std::string& owner,
                                               const std::string& id);
[[nodiscard]] std::optional<json::Value> find_item(store::Records& records, const std::string& owner,
                                                   const std::string& id);
/// With its items. Whether it was there.
[[nodiscard]] Result<bool> remove(store::Records& records, const std::string& owner, const std::string& id);

}  // namespace tenon::serve::responses
