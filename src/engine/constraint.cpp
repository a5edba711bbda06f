#include "tenon/engine/constraint.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace tenon::engine {
namespace {

/// One of several grammars: those that fit go on.
class Either {
  public:
    explicit Either(const Grammars& grammars) {
        for (const auto& grammar : grammars) matchers_.emplace_back(grammar);
    }
    Result<text::TokenMask> mask() {
        TENON_TRY(auto all, matchers_.front().mask());
        for (std::size_t i = 1; i < matchers_.size(); ++i) {
            TENON_TRY(const auto more, matchers_[i].mask());
            auto joined = std::make_shared<std::vector<std::uint64_t>>(*all);
            for (std::size_t w = 0; w < joined->size(); ++w) (*joined)[w] |= (*more)[w];
            all = std::move(joined);
        }
        return all;
    }
    template <class Take>
    bool keep(Take take) {
        std::vector<text::GrammarMatcher> fitting;
        for (auto& matcher : matchers_)
            if (take(matcher)) fitting.push_back(std::move(matcher));
        if (fitting.empty()) return false;
        matchers_ = std::move(fitting);
        return true;
    }
    [[nodiscard]] bool must_end() const {
        return std::ranges::all_of(matchers_, [](const auto& m) { return m.must_end(); });
    }

  private:
    std::vector<text::GrammarMatcher> matchers_;
};

Result<void> take(Either& form, text::TokenId token) {
    if (form.keep([token](auto& m) { return m.accept(token); })) return {};
    return fail(ErrorCode::internal, "a token was chosen that the grammar does not allow");
}

class Held final : public Constraint {
  public:
    explicit Held(Either form) : form_(std::move(form)) {}
    Result<text::TokenMask> mask() override { return form_.mask(); }
    Result<void> accept(text::TokenId token) override { return take(form_, token); }
    [[nodiscard]] bool finished() const override { return form_.must_end(); }

  private:
    Either form_;
};

class HeldAfter final : public Constraint {
  public:
    HeldAfter(std::string begin, Grammars grammars) : begin_(std::move(begin)), grammars_(std::move(grammars)) {}

    Result<text::TokenMask> mask() override {
        if (inside_) return inside_->mask();
        return text::TokenMask();
    }
    Result<void> accept(text::TokenId token) override {
        if (inside_) return take(*inside_, token);
        seen_ += text::bytes_of(*grammars_.front(), token);
        const auto at = seen_.find(begin_);
        if (at == std::string::npos) {
            if (seen_.size() > begin_.size()) seen_.erase(0, seen_.size() - begin_.size());
            return {};
        }
        // A token may hold the end of `begin` and more; what does not fit the grammar is left out of account.
        const std::string rest = seen_.substr(at + begin_.size());
        seen_.clear();
        inside_.emplace(grammars_);
        inside_->keep([&](auto& m) { return m.accept_bytes(rest); });
        return {};
    }
    [[nodiscard]] bool finished() const override { return inside_ && inside_->must_end(); }

  private:
    std::string begin_;
    Grammars grammars_;
    std::optional<Either> inside_;
    std::string seen_;
};

}  // namespace

std::shared_ptr<Constraint> hold_to(Grammars grammars, std::string_view written) {
    Either form(grammars);
    if (!form.keep([&](auto& m) { return m.accept_bytes(written); })) return nullptr;
    return std::make_shared<Held>(std::move(form));
}
std::shared_ptr<Constraint> hold_after(std::string begin, Grammars grammars) {
    return std::make_shared<HeldAfter>(std::move(begin), std::move(grammars));
}

}  // namespace tenon::engine
