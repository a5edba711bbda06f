// Tool calls that a model makes where it likes, held to the schemas of the tools.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "provider/local/call_opening.hpp"
#include "tenon/engine/constraint.hpp"

namespace tenon::provider::local {

struct CallGrammars {
    std::vector<std::string> tools;
    /// What stands between the marks, up to the closing one, which they include: with a line break first, and without.
    engine::Grammars broken, joined;
    /// A whole answer that begins so.
    std::function<Result<engine::Grammars>(const CallOpening&)> bare;
    bool several = true;    ///< more calls may follow the first; else it ends the answer
    bool thinking = false;  ///< the answer begins inside <think>
};

/// The answer is free text (and reasoning first) until a call begins in it: after `<tool_call>` anywhere, or with the
/// name of a tool where the answer begins as AnswerParser knows calls without marks. What is written from there on is
/// what the grammars allow, until the call is complete. The mark may end inside a token: the rest of it is counted in.
[[nodiscard]] std::shared_ptr<engine::Constraint> hold_calls(CallGrammars grammars, text::TokenizerPtr tokenizer);

}  // namespace tenon::provider::local
