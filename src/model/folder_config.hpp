// config.json of a Hugging Face folder, under the names and with the values most models write out.
#pragma once

#include "tenon/json/json.hpp"

namespace tenon::model {

/// The text model's part of a model with more senses than one takes the place of the whole; names that one family alone
/// uses (GPT-2's n_embd) become the common ones; what Gemma 3's files leave out is filled in. `config` is an object.
[[nodiscard]] json::Value common_config(json::Value config);

}  // namespace tenon::model
