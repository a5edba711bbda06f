// EXPECT: ignoring return value
#include "tenon/chain/context.hpp"

void f(const tenon::chain::Context& context) {
#ifdef FIXED
    (void)context.check();
#else
    context.check();
#endif
}
