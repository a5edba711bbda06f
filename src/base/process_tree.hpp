// What a process and its descendants hold, from /proc (proc(5)).
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace tenon::base {

/// Bytes in memory of `root` and all its descendants; 0 when they are gone.
[[nodiscard]] std::size_t resident_bytes_of_tree(pid_t root);

}  // namespace tenon::base
