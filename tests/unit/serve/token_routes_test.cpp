// /tokenize, /detokenize, /slots and vLLM's metrics of a running server.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <future>

#include "local_server.hpp"

namespace tenon::serve {
namespace {

struct Fixture : test::LocalServer {
    explicit Fixture(std::chrono::microseconds delay = {}) {
        auto fake = std::make_shared<fake::FakeModel>();
        fake->chat_template = "{% for m in messages %}<|turn|>{{ m.content }}{% endfor %}<|turn|>";
        fake->delay = delay;
        start(std::move(fake), {.threads = 1, .max_sequences = 1});
    }
};

json::Value parsed(std::string_view text) { return json::parse(text).value(); }

TEST(TokenRoutes, take_the_shapes_of_llama_cpp_and_of_vllm) {
    Fixture f;
    auto reply = f.post("/tokenize", R"({"content": "ab"})");
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.value(), parsed(R"({"tokens": [97, 98], "count": 2, "max_model_len": 512, "token_strs": null})"));
    reply = f.post("/v1/tokenize", R"({"model": "fake", "prompt": "a<|turn|>", "return_token_strs": true})");
    EXPECT_EQ(reply.value(),
              parsed(R"({"tokens": [97, 257], "count": 2, "max_model_len": 512, "token_strs": ["a", "<|turn|>"]})"));
    reply = f.post("/tokenize", R"({"text": "<|turn|>", "parse_special": false})");
    EXPECT_EQ(reply.value().at("count"), 8);
    reply = f.post("/tokenize", R"({"content": "é", "with_pieces": true})");
    EXPECT_EQ(reply.value().at("tokens"), parsed(R"([{"id": 195, "piece": [195]}, {"id": 169, "piece": [169]}])"));
    reply = f.post("/tokenize", R"({"messages": [{"role": "user", "content": "hi"}]})");
    EXPECT_EQ(reply.value().at("tokens"), parsed("[257, 104, 105, 257]"));
    reply = f.post("/detokenize", R"({"tokens": [104, 105, 257]})");
    EXPECT_EQ(reply.value(), parsed(R"({"content": "hi<|turn|>", "prompt": "hi<|turn|>"})"));
    EXPECT_EQ(f.post("/v1/detokenize", R"({"tokens": []})").value().at("content"), "");
}

TEST(TokenRoutes, say_what_is_wrong) {
    Fixture f;
    const auto param = [&](const std::string& path, std::string body) {
        const auto reply = f.post(path, std::move(body));
        EXPECT_EQ(reply.status, 400) << reply.body;
        const auto error = reply.value().at("error");
        return error.at("param").is_string() ? std::string(error.at("param").as_string().c_str()) : std::string();
    };
    EXPECT_EQ(param("/tokenize", "{}"), "content");
    EXPECT_EQ(param("/tokenize", R"({"content": "a", "prompt": "b"})"), "content");
    EXPECT_EQ(param("/tokenize", R"({"content": 7})"), "content");
    EXPECT_EQ(param("/tokenize", R"({"messages": []})"), "messages");
    EXPECT_EQ(param("/tokenize", R"({"messages": [{"role": "user", "content": "a"}], "add_generation_prompt": false})"),
              "add_generation_prompt");
    EXPECT_EQ(param("/tokenize", "["), "");
    EXPECT_EQ(param("/detokenize", "{}"), "tokens");
    EXPECT_EQ(param("/detokenize", R"({"tokens": [1, "a"]})"), "tokens[1]");
    EXPECT_EQ(param("/detokenize", R"({"tokens": [-1]})"), "tokens[0]");
    EXPECT_EQ(param("/detokenize", R"({"tokens": [1, 320]})"), "tokens[1]");
    EXPECT_EQ(param("/detokenize", R"({"tokens": [99999999999]})"), "tokens[0]");
    EXPECT_EQ(f.post("/tokenize", R"({"content": "a", "model": "other"})").status, 404);
}

TEST(TokenRoutes, slots_show_what_runs_and_what_waits) {
    Fixture f(std::chrono::milliseconds(20));
    std::stop_source stop;
    std::vector<std::future<void>> ended;
    for (int i = 0; i < 2; ++i) {
        engine::GenerationRequest request;
        request.prompt.assign(20, 'a' + i);
        request.max_tokens = 400;
        request.ignore_eos = true;
        request.cancel = stop.get_token();
        auto done = std::make_shared<std::promise<void>>();
        ended.push_back(done->get_future());
        ASSERT_TRUE(f.model->engine().submit(std::move(request), [done](engine::GenerationEvent event) {
            if (event.last()) done->set_value();
        }));
    }
    json::Value slots;
    for (bool generating = false; !generating;) {  // until the first has said something
        slots = f.send("GET", "/slots").value();
        ASSERT_EQ(slots.as_array().size(), 2U);
        generating = slots.at(0).at("n_decoded").as_int64() > 0;
    }
    EXPECT_EQ(slots.at(0).at("state"), "running");
    EXPECT_EQ(slots.at(0).at("id_task"), 1);
    EXPECT_EQ(slots.at(0).at("n_prompt_tokens"), 20);
    EXPECT_EQ(slots.at(0).at("n_predict"), 400);
    EXPECT_GE(slots.at(0).at("n_past").as_int64(), 20);
    EXPECT_EQ(slots.at(1).at("state"), "waiting");
    EXPECT_EQ(slots.at(1).at("id_task"), 2);
    EXPECT_EQ(slots.at(1).at("n_decoded"), 0);
    const std::string metrics = f.send("GET", "/metrics").body;
    EXPECT_NE(metrics.find("vllm:num_requests_running{model_name=\"fake\"} 1"), std::string::npos) << metrics;
    EXPECT_NE(metrics.find("vllm:num_requests_waiting{model_name=\"fake\"} 1"), std::string::npos);
    EXPECT_NE(metrics.find("vllm:kv_cache_usage_perc{model_name=\"fake\"} 0."), std::string::npos);
    stop.request_stop();
    for (auto& one : ended) one.wait();
}

TEST(TokenRoutes, answers_are_counted_under_the_names_of_vllm) {
    Fixture f;
    for (const bool stream : {false, true}) {
        json::Object body{{"messages", parsed(R"([{"role": "user", "content": "hi"}])")},
                          {"max_tokens", 5},
                          {"temperature", 0},
                          {"stream", stream}};
        EXPECT_EQ(f.post("/v1/chat/completions", json::dump(body)).status, 200);
    }
    const std::string metrics = f.send("GET", "/metrics").body;
    for (const char* line :
         {"vllm:request_success_total{model_name=\"fake\",finished_reason=\"length\"} 2",
          "vllm:prompt_tokens_total{model_name=\"fake\"} 8", "vllm:generation_tokens_total{model_name=\"fake\"} 10",
          "vllm:time_to_first_token_seconds_count{model_name=\"fake\"} 2",
          "vllm:e2e_request_latency_seconds_count{model_name=\"fake\"} 2",
          "# TYPE vllm:time_per_output_token_seconds histogram"})
        EXPECT_NE(metrics.find(line), std::string::npos) << line << "\n" << metrics;
}

}  // namespace
}  // namespace tenon::serve
