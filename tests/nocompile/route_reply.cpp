// EXPECT: a_handler_cannot_give_this_type.*Given = User
#include "tenon/serve/app.hpp"

struct User {
    int id = 0;
};
#ifdef FIXED
BOOST_DESCRIBE_STRUCT(User, (), (id))
#endif

void add(tenon::serve::App& app) {
    using namespace tenon::serve;
    app.get("/users/{id}", [](Path<int> id) { return User{*id}; });
}
