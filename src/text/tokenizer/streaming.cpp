// Streaming detokenisation, and what every tokenizer shares.
#include "tenon/base/utf8.hpp"
#include "tenon/text/tokenizer.hpp"

namespace tenon::text {

bool Tokenizer::is_control(TokenId id) const noexcept {
    const auto& types = spec().types;
    return id >= 0 && static_cast<std::size_t>(id) < types.size() &&
           types[static_cast<std::size_t>(id)] == TokenType::control;
}

void Tokenizer::append_text(std::string& out, TokenId id, bool& first, bool skip_special) const {
    if (id < 0 || static_cast<std::size_t>(id) >= vocabulary_size() || (skip_special && is_control(id))) return;
    out += token_bytes(id);
    first = false;
}

StreamingDecoder::StreamingDecoder(TokenizerPtr tokenizer, bool skip_special)
    : tokenizer_(std::move(tokenizer)), skip_special_(skip_special) {}

std::string StreamingDecoder::push(TokenId id) {
    tokenizer_->append_text(pending_, id, first_, skip_special_);
    const std::size_t ready = pending_.size() - utf8::incomplete_suffix(pending_);
    std::string out = utf8::sanitize(std::string_view(pending_).substr(0, ready));
    pending_.erase(0, ready);
    return out;
}

std::string StreamingDecoder::finish() {
    std::string out = utf8::sanitize(pending_);
    pending_.clear();
    first_ = true;
    return out;
}

}  // namespace tenon::text
