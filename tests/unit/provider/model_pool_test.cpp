#include "tenon/provider/model_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include "fake/causal_model.hpp"
#include "tenon/async/runtime.hpp"

namespace tenon::provider {
namespace {

using namespace std::chrono_literals;

/// A pool of fake models; a model "x100" needs 100 bytes.
struct Fixture {
    std::atomic<int> loads = 0;
    std::atomic<int> resolved = 0;
    std::chrono::milliseconds load_time{0};
    Runtime runtime{2};
    std::unique_ptr<ModelPool> pool;

    explicit Fixture(std::uint64_t budget) {
        ModelPoolOptions options;
        options.memory_budget = budget;
        options.loaders.memory_needed = [](const std::filesystem::path& path,
                                           model::ModelRole) -> Result<std::uint64_t> {
            return std::stoull(path.string().substr(path.string().find_first_of("0123456789")));
        };
        options.loaders.chat = [this](const std::filesystem::path& path,
                                      const std::string& name) -> Result<llm::ChatModelPtr> {
            ++loads;
            std::this_thread::sleep_for(load_time);
            if (path.string().starts_with("/broken")) return fail(ErrorCode::corrupt, path.string() + " is cut short");
            return LocalChatModel::create(std::make_shared<fake::FakeModel>(), {.name = name, .engine = {.threads = 1}})
                .value();
        };
        pool = std::make_unique<ModelPool>(
            [this](const std::string& name) -> Result<std::filesystem::path> {
                ++resolved;
                if (name == "nothing") return fail(ErrorCode::not_found, "no such model");
                return "/" + (name.starts_with("alias-") ? name.substr(6) : name);
            },
            options);
    }
    Result<llm::ChatModelPtr> get(const std::string& name) { return sync_wait(runtime, pool->chat(name, {})); }
    std::vector<std::string> names() const {
        std::vector<std::string> out;
        for (const auto& m : pool->loaded()) out.push_back(m.name);
        return out;
    }
};

TEST(ModelPool, LoadsOnceHoweverManyAsk) {
    Fixture f(0);
    f.load_time = 30ms;
    std::vector<std::future<Result<llm::ChatModelPtr>>> asks;
    for (int i = 0; i < 8; ++i) asks.push_back(std::async(std::launch::async, [&] { return f.get("a100"); }));
    llm::ChatModelPtr first;
    for (auto& ask : asks) {
        const auto got = ask.get();
        ASSERT_TRUE(got);
        if (!first) first = *got;
        EXPECT_EQ(*got, first);
    }
    EXPECT_EQ(f.loads, 1);
    EXPECT_EQ(f.get("alias-a100").value(), first);
    EXPECT_EQ(f.loads, 1);
    EXPECT_EQ(f.pool->bytes(), 100U);
}

TEST(ModelPool, DropsTheLeastRecentlyUsed) {
    Fixture f(300);
    ASSERT_TRUE(f.get("a100"));
    ASSERT_TRUE(f.get("b100"));
    ASSERT_TRUE(f.get("c100"));
    ASSERT_TRUE(f.get("a100"));
    EXPECT_EQ(f.loads, 3);
    ASSERT_TRUE(f.get("d100"));
    EXPECT_EQ(f.names(), (std::vector<std::string>{"d100", "a100", "c100"}));
    ASSERT_TRUE(f.get("e250"));
    EXPECT_EQ(f.names(), (std::vector<std::string>{"e250"}));
    EXPECT_EQ(f.pool->bytes(), 250U);
}

TEST(ModelPool, NeverDropsOneInUse) {
    Fixture f(200);
    auto a = f.get("a100").value();
    auto b = f.get("b100").value();
    const auto refused = f.get("c100");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::resource_exhausted);
    a.reset();
    EXPECT_TRUE(f.get("c100"));
    EXPECT_EQ(f.names(), (std::vector<std::string>{"c100", "b100"}));
    // A stream keeps its model in use after the pointer is gone.
    llm::CompletionRequest request;
    request.prompt = "x";
    auto stream = sync_wait(f.runtime, b->complete(request, {})).value();
    b.reset();
    EXPECT_FALSE(f.get("d200"));
    stream.reset();
    for (int i = 0; i < 20'000 && !f.get("d200"); ++i) std::this_thread::sleep_for(5ms);
    EXPECT_EQ(f.names(), (std::vector<std::string>{"d200"}));
}

TEST(ModelPool, HandsOutErrors) {
    Fixture f(300);
    EXPECT_EQ(f.get("nothing").error().code(), ErrorCode::not_found);
    const auto broken = f.get("broken1");  // told by the name that was asked for, not by where it lies
    EXPECT_EQ(broken.error().code(), ErrorCode::corrupt);
    EXPECT_EQ(broken.error().message(), "broken1 is cut short");
    const auto big = f.get("big1048576000");
    EXPECT_EQ(big.error().code(), ErrorCode::unsupported);
    EXPECT_NE(big.error().message().find("1000 MiB"), std::string::npos) << big.error().message();
    EXPECT_TRUE(f.names().empty());
    EXPECT_TRUE(f.get("a100"));
}

TEST(ModelPool, AnImpatientCallerDoesNotStopTheLoad) {
    Fixture f(0);
    f.load_time = 100ms;
    EXPECT_EQ(sync_wait(f.runtime, f.pool->chat("a100", CallOptions::within(20ms))).error().code(),
              ErrorCode::deadline_exceeded);
    EXPECT_TRUE(f.get("a100"));
    EXPECT_EQ(f.loads, 1);
}

TEST(ModelPool, AdaptersShareTheirModel) {
    Fixture f(1000);
    ASSERT_TRUE(f.pool->add_adapter("poet", {"a100", "/adapters/poet", 1}));
    EXPECT_EQ(f.pool->add_adapter("poet", {"a100", "/other", 1}).error().code(), ErrorCode::already_exists);
    EXPECT_EQ(f.pool->add_adapter("", {"a100", "/other", 1}).error().code(), ErrorCode::invalid_argument);
    const auto base = std::dynamic_pointer_cast<LocalChatModel>(f.get("a100").value());
    auto poet = std::dynamic_pointer_cast<LocalChatModel>(f.get("poet").value());
    EXPECT_EQ(f.loads, 1);
    EXPECT_EQ(&poet->engine(), &base->engine());
    EXPECT_EQ(poet->name(), "poet");
    EXPECT_EQ(poet->adapter()->info().name, "/adapters/poet");
    EXPECT_EQ(base->adapter(), nullptr);
    EXPECT_EQ(f.pool->local_chat_models().size(), 1U);  // one engine
    EXPECT_EQ(f.get("poet").value(), poet);

    const auto answer = [&](const std::shared_ptr<LocalChatModel>& model) {
        llm::CompletionRequest request;
        request.prompt = "once upon a time";
        request.settings.max_tokens = 12;
        request.settings.temperature = 0;
        return sync_wait(f.runtime,
                         [](auto m, auto r) -> task<Result<std::string>> {
                             TENON_CO_TRY(const auto events, co_await m->complete(std::move(r), CallOptions{}));
                             std::string text;
                             for (;;) {
                                 TENON_CO_TRY(const auto event, co_await events->next());
                                 if (!event) co_return text;
                                 text += event->text;
                             }
                         }(model, std::move(request)))
            .value();
    };
    EXPECT_NE(answer(poet), answer(base));
    EXPECT_EQ(answer(poet), answer(poet));

    EXPECT_TRUE(f.pool->remove_adapter("poet"));
    EXPECT_FALSE(f.pool->remove_adapter("poet"));
    EXPECT_EQ(answer(poet), answer(poet));  // who has it keeps it
    ASSERT_TRUE(f.pool->add_adapter("poet", {"a100", "/adapters/second", 0.5F}));
    EXPECT_EQ(std::dynamic_pointer_cast<LocalChatModel>(f.get("poet").value())->adapter()->info().name,
              "/adapters/second");
    EXPECT_EQ(f.loads, 1);
}

TEST(ModelPool, AModelWhoseAdapterIsInUseStays) {
    Fixture f(250);
    ASSERT_TRUE(f.pool->add_adapter("poet", {"a100", "/adapters/poet", 1}));
    const auto poet = f.get("poet").value();
    (void)f.get("b100");
    (void)f.get("c100");
    const auto names = f.names();
    EXPECT_NE(std::ranges::find(names, "a100"), names.end());
    EXPECT_NE(std::ranges::find(names, "poet"), names.end());
    EXPECT_EQ(std::ranges::find(names, "b100"), names.end());
}

}  // namespace
}  // namespace tenon::provider
