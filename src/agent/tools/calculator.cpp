// Arithmetic, by recursive descent.
#include <fmt/format.h>

#include <array>
#include <boost/describe/class.hpp>
#include <cmath>
#include <cstdlib>
#include <numbers>

#include "tenon/agent/tools.hpp"

namespace tenon::agent::tools {
namespace {

struct Expression {
    std::string expression;
};
BOOST_DESCRIBE_STRUCT(Expression, (), (expression))
constexpr auto describe_fields(const Expression*) {
    return json::fields(
        json::about(&Expression::expression,
                    {.description = "such as (3 + 4) * 2 ^ 10 or sqrt(2) * pi", .min_length = 1, .max_length = 4000}));
}

using Unary = double (*)(double);
struct Named {
    std::string_view name;
    Unary function;
};
constexpr std::array functions{
    Named{"sqrt", [](double x) { return std::sqrt(x); }},
    Named{"abs", [](double x) { return std::fabs(x); }},
    Named{"exp", [](double x) { return std::exp(x); }},
    Named{"ln", [](double x) { return std::log(x); }},
    Named{"log", [](double x) { return std::log10(x); }},
    Named{"log10", [](double x) { return std::log10(x); }},
    Named{"log2", [](double x) { return std::log2(x); }},
    Named{"sin", [](double x) { return std::sin(x); }},
    Named{"cos", [](double x) { return std::cos(x); }},
    Named{"tan", [](double x) { return std::tan(x); }},
    Named{"asin", [](double x) { return std::asin(x); }},
    Named{"acos", [](double x) { return std::acos(x); }},
    Named{"atan", [](double x) { return std::atan(x); }},
    Named{"floor", [](double x) { return std::floor(x); }},
    Named{"ceil", [](double x) { return std::ceil(x); }},
    Named{"round", [](double x) { return std::round(x); }},
    Named{"factorial",
          [](double x) { return x >= 0 && x == std::floor(x) ? std::round(std::tgamma(x + 1)) : std::nan(""); }},
};

class Parser {
  public:
    explicit Parser(std::string_view text) : text_(text) {}
    Result<double> whole() {
        TENON_TRY(const double value, sum());
        if (!rest().empty()) return fault(fmt::format("'{}' is not expected", rest().substr(0, 8)));
        if (!std::isfinite(value)) return fail(ErrorCode::invalid_argument, "the result is not a finite number");
        return value;
    }

  private:
    std::unexpected<Error> fault(std::string what) const {
        return fail(ErrorCode::invalid_argument, fmt::format("at character {}: {}", at_ + 1, what));
    }
    std::string_view rest() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) ++at_;
        return text_.substr(at_);
    }
    bool take(std::string_view word) {
        if (!rest().starts_with(word)) return false;
        at_ += word.size();
        return true;
    }
    Result<double> sum() {
        TENON_TRY(double value, product());
        for (;;) {
            if (take("+")) {
                TENON_TRY(const double other, product());
                value += other;
            } else if (take("-") || take("−")) {
                TENON_TRY(const double other, product());
                value -= other;
            } else {
                return value;
            }
        }
    }
    Result<double> product() {
        TENON_TRY(double value, sign());
        for (;;) {
            if (rest().starts_with("**")) return value;
            if (take("*") || take("×")) {
                TENON_TRY(const double other, sign());
                value *= other;
            } else if (take("//")) {
                TENON_TRY(const double other, sign());
                if (other == 0) return fault("division by zero");
                value = std::floor(value / other);
            } else if (take("/") || take("÷")) {
                TENON_TRY(const double other, sign());
                if (other == 0) return fault("division by zero");
                value /= other;
            } else if (take("%")) {
                TENON_TRY(const double other, sign());
                if (other == 0) return fault("division by zero");
                value = std::fmod(value, other);
            } else {
                return value;
            }
        }
    }
    Result<double> sign() {
        if (++depth_ > 200) return fault("it is nested too deeply");
        struct Leave {
            int& depth;
            ~Leave() { --depth; }
        } leave{depth_};
        if (take("-") || take("−")) {
            TENON_TRY(const double value, sign());
            return -value;
        }
        if (take("+")) return sign();
        return power();
    }
    Result<double> power() {
        TENON_TRY(const double base, atom());
        if (take("**") || take("^")) {
            TENON_TRY(const double exponent, sign());
            return std::pow(base, exponent);
        }
        return base;
    }
    Result<double> bracket() {
        TENON_TRY(const double value, sum());
        if (!take(")") && !take("）")) return fault("a bracket is not closed");
        return value;
    }
    Result<double> atom() {
        if (take("(") || take("（")) return bracket();
        const auto text = rest();
        if (text.empty()) return fault("something is missing at the end");
        const char c = text[0];
        if ((c >= '0' && c <= '9') || c == '.') return number();
        std::size_t length = 0;
        while (length < text.size() &&
               ((text[length] >= 'a' && text[length] <= 'z') || (text[length] >= '0' && text[length] <= '9')))
            ++length;
        const auto name = text.substr(0, length);
        if (name.empty()) return fault(fmt::format("'{}' is not expected", text.substr(0, 8)));
        at_ += length;
        if (name == "pi") return std::numbers::pi;
        if (name == "e") return std::numbers::e;
        if (name == "min" || name == "max") return extreme(name == "max");
        for (const auto& f : functions) {
            if (f.name != name) continue;
            if (!take("(")) return fault(fmt::format("{} wants a bracket", name));
            TENON_TRY(const double value, bracket());
            return f.function(value);
        }
        return fault(fmt::format("there is no function or constant named {}", name));
    }
    Result<double> number() {
        // Digits may be grouped by underscores, as in 1_000_000.
        std::string digits;
        std::size_t i = at_;
        for (; i < text_.size(); ++i) {
            const char c = text_[i];
            const bool exponent =
                (c == 'e' || c == 'E') && i + 1 < text_.size() &&
                ((text_[i + 1] >= '0' && text_[i + 1] <= '9') || text_[i + 1] == '-' || text_[i + 1] == '+');
            const bool after_exponent =
                (c == '-' || c == '+') && !digits.empty() && (digits.back() == 'e' || digits.back() == 'E');
            if ((c >= '0' && c <= '9') || c == '.' || exponent || after_exponent)
                digits += c;
            else if (c != '_')
                break;
        }
        char* stop = nullptr;
        const double value = std::strtod(digits.c_str(), &stop);
        if (stop != digits.c_str() + digits.size()) return fault(fmt::format("{} is not a number", digits));
        at_ = i;
        return value;
    }
    Result<double> extreme(bool largest) {
        if (!take("(")) return fault("a bracket is wanted");
        TENON_TRY(double value, sum());
        while (take(",") || take("，")) {
            TENON_TRY(const double other, sum());
            value = largest ? std::fmax(value, other) : std::fmin(value, other);
        }
        if (!take(")") && !take("）")) return fault("a bracket is not closed");
        return value;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    int depth_ = 0;
};

}  // namespace

Result<double> calculate(std::string_view expression) { return Parser(expression).whole(); }

Tool calculator() {
    return tool<Expression>("calculator", "Computes an arithmetic expression exactly as written",
                            [](Expression given) -> Result<std::string> {
                                TENON_TRY(const double value, calculate(given.expression));
                                if (value == std::floor(value) && std::fabs(value) < 1e15)
                                    return fmt::format("{:.0f}", value == 0 ? 0.0 : value);
                                return fmt::format("{:.12g}", value);
                            });
}

}  // namespace tenon::agent::tools
