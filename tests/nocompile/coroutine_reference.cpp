// EXPECT: a coroutine step takes its input by value: a reference would dangle
#include <string>

#include "tenon/chain/sequence.hpp"

#ifdef FIXED
using Taken = std::string;
#else
using Taken = const std::string&;
#endif

auto chain() {
    return tenon::chain::step([](int n) { return std::to_string(n); }) |
               [](Taken s) -> tenon::task<std::size_t> { co_return s.size(); };
}
