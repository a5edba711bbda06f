#include "gateway/classify.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>

namespace tenon::gateway {
namespace {

bool says(const std::string& message, std::initializer_list<std::string_view> phrases) {
    return std::ranges::any_of(phrases, [&](std::string_view p) { return message.find(p) != std::string::npos; });
}

}  // namespace

// Providers give most refusals one code and say the reason in words: OpenAI "maximum context length", Anthropic "prompt
// is too long", Gemini "exceeds the maximum number of tokens", vLLM "maximum model length"; Azure "content management
// policy", OpenAI "safety system".
Failure classify(const Error& error) {
    std::string text = error.describe();
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    switch (error.code()) {
        case ErrorCode::cancelled:
            return Failure::gone;
        case ErrorCode::unsupported:
            return Failure::incapable;
        case ErrorCode::invalid_argument:
        case ErrorCode::already_exists:
        case ErrorCode::resource_exhausted:
        case ErrorCode::permission_denied:
            if (says(text, {"content_filter", "content filter", "content_policy", "content management policy",
                            "content policy", "safety system"}))
                return Failure::content;
            if (says(text, {"context length", "context_length", "context window", "context size", "the context",
                            "prompt is too long", "input is too long", "maximum number of tokens", "model length",
                            "too many tokens"}))
                return Failure::context;
            if (error.code() == ErrorCode::resource_exhausted || error.code() == ErrorCode::permission_denied)
                return Failure::deployment;
            return Failure::caller;
        default:
            return Failure::deployment;
    }
}

}  // namespace tenon::gateway
