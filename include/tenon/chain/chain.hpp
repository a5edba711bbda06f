// The whole of chain/ but prompt registries and optimisation, and the names that are used all the time in `tenon`.
#pragma once

#include "tenon/chain/any_step.hpp"
#include "tenon/chain/branch.hpp"
#include "tenon/chain/cached.hpp"
#include "tenon/chain/few_shot.hpp"
#include "tenon/chain/map.hpp"
#include "tenon/chain/model.hpp"
#include "tenon/chain/parallel.hpp"
#include "tenon/chain/prompt.hpp"
#include "tenon/chain/retry.hpp"
#include "tenon/chain/run.hpp"
#include "tenon/chain/thought.hpp"

namespace tenon {

using chain::assistant_text;
using chain::history;
using chain::prompt;
using chain::run;
using chain::step;
using chain::system_text;
using chain::Text;
using chain::to_text;
using chain::user_text;

}  // namespace tenon
