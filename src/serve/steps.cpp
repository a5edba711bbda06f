#include "serve/steps.hpp"

#include <algorithm>

#include "serve/state.hpp"

namespace tenon::serve {

std::vector<Step> Steps::of(const llm::ChatEvent& event) {
    std::vector<Step> out;
    if (!event.reasoning.empty()) out.emplace_back(ReasoningStep{event.reasoning});
    if (!event.reasoning_signature.empty()) out.emplace_back(SignatureStep{event.reasoning_signature});
    if (!event.text.empty()) out.emplace_back(TextStep{event.text});
    for (const auto& part : event.parts) out.emplace_back(PartStep{part});
    for (const auto& delta : event.tool_call_deltas) piece(delta);
    for (const auto& call : event.tool_calls) complete(call);
    if (event.finish)
        for (auto& call : calls_) call.complete = true;
    speak(out);
    return out;
}

void Steps::piece(const llm::ToolCallDelta& delta) {
    auto known = places_.find(delta.index);
    if (known == places_.end()) {
        known = places_.emplace(delta.index, calls_.size()).first;
        calls_.emplace_back();
    }
    auto& call = calls_[known->second];
    if (call.complete) return;
    if (!delta.id.empty()) call.whole.id = delta.id;
    if (!delta.name.empty()) call.whole.name = delta.name;
    call.whole.arguments_json += delta.arguments;
}

void Steps::complete(const llm::ToolCallPart& call) {
    // Its pieces, when it came in pieces: the open call of that id, else (no id) of that name.
    const auto same = [&](const Call& known) {
        return !known.complete && (call.id.empty() ? known.whole.name == call.name : known.whole.id == call.id);
    };
    auto known = std::ranges::find_if(calls_, same);
    if (known == calls_.end()) {
        calls_.emplace_back();
        known = std::prev(calls_.end());
    }
    auto& whole = known->whole;
    if (!known->begun) {
        whole.id = call.id;
        whole.name = call.name;
    }
    whole.signature = call.signature;
    if (known->said == 0) whole.arguments_json = call.arguments_json;
    known->complete = true;
}

void Steps::speak(std::vector<Step>& out) {
    for (; open_ < calls_.size(); ++open_) {
        auto& call = calls_[open_];
        if (!call.begun) {
            if (call.whole.name.empty() && !call.complete) return;  // its name is still to come
            if (call.whole.id.empty()) call.whole.id = make_id("call_");
            out.emplace_back(CallStep{open_, call.whole.id, call.whole.name});
            call.begun = true;
        }
        if (call.complete && call.whole.arguments_json.empty()) call.whole.arguments_json = "{}";
        if (call.said < call.whole.arguments_json.size()) {
            out.emplace_back(ArgumentsStep{open_, call.whole.arguments_json.substr(call.said)});
            call.said = call.whole.arguments_json.size();
        }
        if (!call.complete) return;
        if (!call.ended) out.emplace_back(CallEndStep{open_, call.whole});
        call.ended = true;
    }
}

}  // namespace tenon::serve
