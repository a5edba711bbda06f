// EXPECT: this_path_has_a_placeholder_the_handler_does_not_take
#include "tenon/serve/app.hpp"

void add(tenon::serve::App& app) {
    using namespace tenon::serve;
#ifdef FIXED
    app.get("/users/{id}", [](Path<int> id) { return *id; });
#else
    app.get("/users/{id}", [](Query<int, "id"> id) { return *id; });
#endif
}
