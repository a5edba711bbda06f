#include "tenon/serve/app.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/describe/enum.hpp>
#include <boost/json.hpp>

#include "tenon/serve/test_client.hpp"

namespace tenon::serve {
namespace {

enum class Sort { name, age };
BOOST_DESCRIBE_ENUM(Sort, name, age)

struct Skill {
    std::string name;
    int level = 0;
};
BOOST_DESCRIBE_STRUCT(Skill, (), (name, level))
constexpr auto describe_fields(const Skill*) {
    return json::fields(json::about(&Skill::level, {.minimum = 1, .maximum = 5}));
}
struct NewUser {
    std::string name;
    int age = 0;
    std::vector<Skill> skills;
    std::optional<std::string> email;
};
BOOST_DESCRIBE_STRUCT(NewUser, (), (name, age, skills, email))
constexpr auto describe_fields(const NewUser*) {
    return json::fields("Somebody to be known",
                        json::about(&NewUser::name, {.description = "as written", .min_length = 1, .max_length = 40}),
                        json::about(&NewUser::age, {.minimum = 0, .maximum = 150}),
                        json::about(&NewUser::skills, {.required = false}));
}
struct User {
    int id = 0;
    std::string name;
    int age = 0;
};
BOOST_DESCRIBE_STRUCT(User, (), (id, name, age))
struct Paging {
    int page = 1;
    int size = 20;
    std::optional<Sort> sort;
    std::vector<std::string> tags;
    bool deep = false;
};
BOOST_DESCRIBE_STRUCT(Paging, (), (page, size, sort, tags, deep))
constexpr auto describe_fields(const Paging*) {
    return json::fields(
        json::about(&Paging::page, {.minimum = 1, .required = false}),
        json::about(&Paging::size, {.description = "users a page", .minimum = 1, .maximum = 100, .required = false}),
        json::about(&Paging::tags, {.max_items = 3, .required = false}),
        json::about(&Paging::deep, {.required = false}));
}
struct UserId {
    int value = 0;
};
BOOST_DESCRIBE_STRUCT(UserId, (), (value))
struct Place2 {
    std::string city;
    int street = 0;
};
BOOST_DESCRIBE_STRUCT(Place2, (), (city, street))
struct Trace {
    std::string user_agent;
    std::optional<int> x_depth;
};
BOOST_DESCRIBE_STRUCT(Trace, (), (user_agent, x_depth))

User user_of(const NewUser& from) { return {7, from.name, from.age}; }

/// "in field: message" of each fault.
std::vector<std::string> faults(const TestReply& reply) {
    std::vector<std::string> out;
    const auto problem = reply.problem();
    if (!problem) return {problem.error().describe() + ": " + reply.body};
    for (const auto& e : problem->errors) out.push_back(e.in + " " + e.field + ": " + e.message);
    return out;
}
using Faults = std::vector<std::string>;

TEST(App, AnswersFromSignatures) {
    App app;
    app.get("/users/{id}", [](Path<int> id, Query<Paging> page) { return User{*id, "u", page->size}; });
    app.post("/users", [](Body<NewUser> user) -> Result<Created<User>> {
        return Created<User>{user_of(*user), "/users/7"};
    });
    app.put("/users/{id}", [](Path<UserId> id, Body<NewUser> user) -> task<Result<User>> {
        auto out = user_of(*user);
        out.id = id->value;
        co_return out;
    });
    app.del("/users/{id}", [](Path<int, "id">) -> task<Result<void>> { co_return Result<void>{}; });
    app.get("/at/{city}/{street}", [](Path<Place2> at) { return Text{at->city + "/" + std::to_string(at->street)}; });
    TestClient client(app);

    auto reply = client.get("/users/3?size=50");
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.body, R"({"id":3,"name":"u","age":50})");
    EXPECT_EQ(reply.header("content-type"), "application/json");
    reply = client.post("/users", NewUser{"Ada", 36, {{"C++", 5}}, {}});
    EXPECT_EQ(reply.status, 201) << reply.body;
    EXPECT_EQ(reply.header("location"), "/users/7");
    EXPECT_EQ(reply.as<User>()->name, "Ada");
    reply = client.put("/users/12", NewUser{"Bob", 1, {}, {}});
    EXPECT_EQ(reply.as<User>()->id, 12) << reply.body;
    reply = client.del("/users/3");
    EXPECT_EQ(reply.status, 204);
    EXPECT_EQ(reply.body, "");
    EXPECT_EQ(client.get("/at/Z%C3%BCrich/4").body, "Z\xC3\xBCrich/4");
    EXPECT_EQ(client.get("/nowhere").status, 404);
    EXPECT_EQ(client.send("PATCH", "/users", "").status, 405);
}

TEST(App, NamesEveryFault) {
    App app;
    app.get("/users/{id}", [](Path<int> id, Query<Paging>, Header<Trace>, Cookie<int, "seen">) {
        return User{*id, {}, 0};
    });
    app.post("/users", [](Body<NewUser> user) { return user_of(*user); });
    TestClient client(app);
    auto reply = client.get("/users/x?page=0&size=many&sort=size&tags=a&tags=b&tags=c&tags=d&deep=perhaps",
                            {{"X-Depth", "1.5"}});
    EXPECT_EQ(reply.status, 422);
    EXPECT_EQ(reply.header("content-type"), "application/problem+json");
    EXPECT_EQ(faults(reply), (Faults{
                                 "path id: expected an integer, got \"x\"",
                                 "query page: must be at least 1, is 0",
                                 "query size: expected an integer, got \"many\"",
                                 "query sort: \"size\" is none of: name, age",
                                 "query tags: must have at most 3 items, has 4",
                                 "query deep: expected true or false, got \"perhaps\"",
                                 "header user-agent: missing",
                                 "header x-depth: expected an integer, got \"1.5\"",
                                 "cookie seen: missing",
                             }));
    reply = client.get("/users/1", {{"User-Agent", "t"}, {"Cookie", "a=b; seen=4"}});
    EXPECT_EQ(reply.status, 200) << reply.body;
    const auto post = [&](std::string body, std::string type = "application/json") {
        return client.send("POST", "/users", std::move(body), {{"Content-Type", std::move(type)}});
    };
    EXPECT_EQ(faults(post(R"({"name":"","age":151,"skills":[{"name":"C++","level":3},{"name":7,"level":9}]})")),
              (Faults{"body name: must have at least 1 characters, has 0", "body age: must be at most 150, is 151",
                      "body skills[1].name: expected a string, got an integer",
                      "body skills[1].level: must be at most 5, is 9"}));
    EXPECT_EQ(faults(post("{}")), (Faults{"body name: missing", "body age: missing"}));
    EXPECT_EQ(faults(post("")), (Faults{"body : missing: a JSON body is required"}));
    EXPECT_EQ(faults(post("[1")).size(), 1U);
    EXPECT_EQ(post("{}", "text/plain").status, 415);
    EXPECT_EQ(post(R"({"name":"A","age":1})", "application/json; charset=utf-8").status, 200);
    EXPECT_EQ(post(R"({"name":"A","age":1})", "application/vnd.x+json").status, 200);
}

TEST(App, HostileTextsAreFaultsNotCrashes) {
    App app;
    app.post("/users/{id}", [](Path<std::int64_t> id, Query<double, "x">, Body<NewUser>) { return *id; });
    TestClient client(app);
    const auto post = [&](std::string target, std::string body) {
        return client.send("POST", std::move(target), std::move(body), {{"Content-Type", "application/json"}}).status;
    };
    const std::string good = R"({"name":"A","age":1})";
    EXPECT_EQ(post("/users/9223372036854775807?x=1e3", good), 200);
    EXPECT_EQ(post("/users/9223372036854775808?x=1", good), 422);
    EXPECT_EQ(post("/users/1?x=nan", good), 422);
    EXPECT_EQ(post("/users/1?x=%FF", good), 422);
    EXPECT_EQ(post("/users/1?x=1", std::string(200'000, '[')), 422);
    EXPECT_EQ(post("/users/1?x=1", R"({"name":")" + std::string("\xFF\xFE") + R"(","age":1})"), 422);
    EXPECT_EQ(post("/users/1?x=1", R"({"name":"\ud800","age":1})"), 422);
    EXPECT_EQ(post("/users/1?x=1", std::string("{\"name\":\"A\",\"age\":1}\0", 21)), 422);
}

TEST(App, TheDocumentSaysWhatTheTypesSay) {
    App app({.title = "Users", .version = "2.0"});
    app.get("/users/{id}",
            [](Path<UserId> id, Query<Paging>) {
                return User{id->value, {}, 0};
            })
        .summary("One user")
        .tag("users");
    app.post("/users", [](Body<NewUser> user) -> Result<Created<User>> { return Created<User>{user_of(*user)}; })
        .example(NewUser{"Ada", 36, {}, {}});
    const auto text = app.document();
    ASSERT_TRUE(text) << text.error().describe();
    const auto document = json::parse(*text);
    ASSERT_TRUE(document);
    const auto at = [&](const char* pointer) { return document->at_pointer(pointer); };
    EXPECT_EQ(at("/openapi"), "3.1.0");
    EXPECT_EQ(at("/info/title"), "Users");
    EXPECT_EQ(at("/paths/~1users~1{id}/get/operationId"), "get_users_id");
    EXPECT_EQ(json::dump(at("/paths/~1users~1{id}/get/parameters/0")),
              R"({"name":"id","in":"path","required":true,"schema":{"type":"integer","format":"int32"}})");
    EXPECT_EQ(
        json::dump(at("/paths/~1users~1{id}/get/parameters/2")),
        R"({"name":"size","in":"query","description":"users a page","schema":{"type":"integer","minimum":1,"maximum":100,"default":20}})");
    EXPECT_EQ(json::dump(at("/paths/~1users~1{id}/get/parameters/3/schema")),
              R"({"$ref":"#/components/schemas/Sort"})");
    EXPECT_EQ(json::dump(at("/paths/~1users/post/requestBody/content/application~1json/schema")),
              R"({"$ref":"#/components/schemas/NewUser"})");
    EXPECT_EQ(at("/paths/~1users/post/requestBody/content/application~1json/example/name"), "Ada");
    EXPECT_EQ(json::dump(at("/paths/~1users/post/responses/201/content/application~1json/schema")),
              R"({"$ref":"#/components/schemas/User"})");
    EXPECT_EQ(json::dump(at("/components/schemas/NewUser/properties/skills")),
              R"({"type":"array","items":{"$ref":"#/components/schemas/Skill"},"default":[]})");
    EXPECT_EQ(json::dump(at("/components/schemas/NewUser/required")), R"(["name","age"])");
    TestClient client(app);
    EXPECT_EQ(client.get("/openapi.json").body, *text);
    const auto page = client.get("/docs");
    EXPECT_EQ(page.header("content-type"), "text/html; charset=utf-8");
    EXPECT_EQ(page.body.find("http://"), std::string::npos);
    EXPECT_EQ(page.body.find("https://"), std::string::npos);
}

TEST(App, RefusesWhatDoesNotHoldTogether) {
    struct Missing {};
    App lacking;
    lacking.get("/x", [](Inject<Missing>) { return 1; });
    auto text = lacking.document();
    ASSERT_FALSE(text);
    EXPECT_NE(text.error().message().find("GET /x"), std::string::npos) << text.error().message();
    App twice;
    twice.get("/x/{a}", [](Path<int> a) { return *a; });
    twice.get("/x/{b}", [](Path<int> b) { return *b; });
    EXPECT_FALSE(twice.document());
    App runtime_path;
    const std::string path = "/x/{a}/{b}";
    runtime_path.get(RuntimePath{path}, [](Path<int> a) { return *a; });
    EXPECT_FALSE(runtime_path.document());
}

}  // namespace
}  // namespace tenon::serve
