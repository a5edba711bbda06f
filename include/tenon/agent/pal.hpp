// Program-aided answers (PAL; Gao et al. 2022, arXiv:2211.10435): the model writes a program, the sandbox runs it, and
// what it computes is the answer.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tenon/agent/sandbox.hpp"
#include "tenon/async/task.hpp"
#include "tenon/chain/context.hpp"
#include "tenon/llm/model.hpp"

namespace tenon::agent {

struct PalOptions {
    std::size_t repairs = 1;  ///< times a program that fails is sent back with its error
    std::size_t samples = 1;  ///< programs written; the value most of them agree on wins
    double temperature = 0;   ///< of the first sample; further ones use at least 0.6
    std::uint64_t max_tokens = 400;
    bool examples = true;  ///< show two worked problems first
};

struct PalAnswer {
    std::string value;                ///< as Python prints it
    std::string program;              ///< that computed it
    std::size_t agreed = 0, ran = 0;  ///< samples with this value, and samples whose programs ran
    llm::Usage usage;
};

/// Errors: invalid_argument (no question), the model's, the sandbox's; unavailable when no program of the model ran to
/// a value (the last error is its cause). Instructions are in the language of the question.
[[nodiscard]] task<Result<PalAnswer>> solve_with_program(llm::ChatModelPtr model, Sandbox sandbox, Executor blocking,
                                                         std::string question, PalOptions options = PalOptions(),
                                                         chain::Context context = chain::Context());

/// The program in what a model wrote: the last fenced block, else the text itself. Pure.
[[nodiscard]] std::string program_in(std::string_view text);

}  // namespace tenon::agent
