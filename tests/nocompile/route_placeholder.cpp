// EXPECT: this_path_has_fewer_placeholders_than_the_handler_takes
#include "tenon/serve/app.hpp"

void add(tenon::serve::App& app) {
    using namespace tenon::serve;
#ifdef FIXED
    app.get("/users/{id}/posts/{post}", [](Path<int> user, Path<int> post) { return *user + *post; });
#else
    app.get("/users/{id}/posts", [](Path<int> user, Path<int> post) { return *user + *post; });
#endif
}
