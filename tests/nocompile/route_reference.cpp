// EXPECT: a_coroutine_handler_takes_its_parameters_by_value
#include "tenon/serve/app.hpp"

void add(tenon::serve::App& app) {
    using namespace tenon::serve;
#ifdef FIXED
    app.get("/users/{id}", [](Path<int> id) -> tenon::task<int> { co_return *id; });
#else
    app.get("/users/{id}", [](const Path<int>& id) -> tenon::task<int> { co_return *id; });
#endif
}
