#include "provider/local/held_calls.hpp"

#include <utility>

#include "provider/local/answer_parser.hpp"

namespace tenon::provider::local {
namespace {

constexpr std::string_view space = " \t\r\n";

class HeldCalls final : public engine::Constraint {
  public:
    HeldCalls(CallGrammars grammars, text::TokenizerPtr tokenizer)
        : grammars_(std::move(grammars)),
          tokenizer_(std::move(tokenizer)),
          state_(grammars_.thinking ? State::reasoning : State::beginning) {}

    Result<text::TokenMask> mask() override {
        if (form_) return form_->mask();
        return text::TokenMask();
    }
    Result<void> accept(text::TokenId token) override {
        if (form_) {
            TENON_CHECK(form_->accept(token));
            leave_if_complete();
            return {};
        }
        if (tokenizer_->is_control(token)) return {};  // no text
        seen_ += tokenizer_->token_bytes(token);
        return look();
    }
    [[nodiscard]] bool finished() const override { return over_; }

  private:
    enum class State { beginning, reasoning, after_reasoning, text, tagged, bare };

    Result<void> look() {
        if (state_ == State::beginning) {
            const auto first = seen_.find_first_not_of(space);
            const auto rest = std::string_view(seen_).substr(first == std::string::npos ? seen_.size() : first);
            if (rest.starts_with(begin_think)) {
                seen_.erase(0, first + begin_think.size());
                state_ = State::reasoning;
            } else if (begin_think.starts_with(rest)) {
                return {};
            }
        }
        if (state_ == State::reasoning && forget_until(end_think)) state_ = State::after_reasoning;
        if (state_ == State::beginning || state_ == State::after_reasoning) {
            CallOpening opening;
            std::size_t end = 0;
            const auto found = find_opening(seen_, grammars_.tools, opening, end);
            if (found == Opening::perhaps) return {};
            state_ = State::text;
            if (found == Opening::yes) {
                TENON_TRY(const auto grammars, grammars_.bare(opening));
                if (hold(grammars, opening.canonical() + seen_.substr(end), State::bare)) return {};
            }
        }
        if (state_ == State::text && forget_until(open_call)) {
            const auto first = seen_.find_first_not_of(space);
            if (seen_.empty()) {
                auto either = grammars_.broken;
                either.insert(either.end(), grammars_.joined.begin(), grammars_.joined.end());
                hold(either, "", State::tagged);
            } else if (first == std::string::npos) {
                hold(grammars_.broken, "\n", State::tagged);
            } else {
                hold(grammars_.joined, seen_.substr(first), State::tagged);
            }
        }
        return {};
    }

    /// Leaves what follows `mark`; before it has come, what it may begin with.
    bool forget_until(std::string_view mark) {
        const auto at = seen_.find(mark);
        if (at != std::string::npos) {
            seen_.erase(0, at + mark.size());
            return true;
        }
        if (seen_.size() >= mark.size()) seen_.erase(0, seen_.size() - mark.size() + 1);
        return false;
    }

    /// False: what has been written already does not fit, and the text stays free.
    bool hold(const engine::Grammars& grammars, std::string_view written, State state) {
        auto form = engine::hold_to(grammars, written);
        if (!form) return false;
        form_ = std::move(form);
        state_ = state;
        seen_.clear();
        leave_if_complete();
        return true;
    }

    void leave_if_complete() {
        if (!form_->finished()) return;
        over_ = state_ == State::bare || !grammars_.several;
        form_.reset();
        state_ = State::text;
    }

    CallGrammars grammars_;
    text::TokenizerPtr tokenizer_;
    State state_;
    std::shared_ptr<engine::Constraint> form_;
    std::string seen_;  // text that may begin what is looked for
    bool over_ = false;
};

}  // namespace

std::shared_ptr<engine::Constraint> hold_calls(CallGrammars grammars, text::TokenizerPtr tokenizer) {
    return std::make_shared<HeldCalls>(std::move(grammars), std::move(tokenizer));
}

}  // namespace tenon::provider::local
