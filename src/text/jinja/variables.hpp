// Which variables a template expects from outside.
#pragma once

#include <string>
#include <vector>

#include "text/jinja/ast.hpp"

namespace tenon::text::jinja {

/// Names that are read somewhere they are not bound: by set, for, macro, with, or as functions every template has.
/// Each once, in order of appearance. As jinja2.meta.find_undeclared_variables.
std::vector<std::string> undeclared_variables(const Program& program);

}  // namespace tenon::text::jinja
