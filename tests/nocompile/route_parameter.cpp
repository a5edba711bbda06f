// EXPECT: a_handler_cannot_take_this_parameter.*Parameter = int
#include "tenon/serve/app.hpp"

void add(tenon::serve::App& app) {
    using namespace tenon::serve;
#ifdef FIXED
    app.get("/users/{id}", [](Path<int> id) { return *id; });
#else
    app.get("/users/{id}", [](int id) { return id; });
#endif
}
