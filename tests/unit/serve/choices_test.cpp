// Several answers to one prompt, the best of them, and what is known of the prompt, over HTTP.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <numeric>

#include "local_server.hpp"
#include "tenon/engine/beam_search.hpp"

namespace tenon::serve {
namespace {

struct Fixture : test::LocalServer {
    std::shared_ptr<fake::FakeModel> fake = std::make_shared<fake::FakeModel>();

    Fixture() {
        fake->chat_template =
            "{% for m in messages %}<|turn|>{{ m.content }}{% endfor %}<|turn|>"
            "{% if enable_thinking is defined and not enable_thinking %}quiet:{% endif %}{{ mood }}";
        fake->shape = [](std::span<const text::TokenId> tokens, std::span<float> row) {
            for (std::size_t i = 0; i < row.size(); ++i) row[i] -= i >= 'a' && i <= 'z' ? 0 : 30;
            row['a'] += static_cast<float>(tokens.size() % 3);
        };
        start(fake, {.threads = 1});
    }
    /// The same model, for an engine of its own.
    [[nodiscard]] std::shared_ptr<fake::FakeModel> fake_again() const {
        auto again = std::make_shared<fake::FakeModel>();
        again->shape = fake->shape;
        return again;
    }
    json::Value ask(const std::string& path, const std::string& body) {
        const auto reply = send("POST", path, body);
        EXPECT_EQ(reply.status, 200) << reply.body;
        return json::parse(reply.body).value();
    }
    /// The parameter that is named as wrong.
    std::string wrong(const std::string& path, const std::string& body) {
        const auto reply = send("POST", path, body);
        EXPECT_EQ(reply.status, 400) << reply.body;
        return std::string(json::string_or(json::parse(reply.body).value().at("error"), "param", ""));
    }
    /// The objects of a stream.
    std::vector<json::Value> events(const std::string& path, const std::string& body) {
        const auto reply = send("POST", path, body);
        EXPECT_EQ(reply.status, 200) << reply.body;
        EXPECT_TRUE(reply.body.ends_with("data: [DONE]\n\n")) << reply.body;
        std::vector<json::Value> out;
        for (std::size_t at = 0; (at = reply.body.find("data: {", at)) != std::string::npos;) {
            const auto end = reply.body.find('\n', at);
            out.push_back(json::parse(std::string_view(reply.body).substr(at + 6, end - at - 6)).value());
            at = end;
        }
        return out;
    }
    std::size_t computed() const {
        std::size_t sum = 0;
        for (const auto& pass : fake->passes()) sum = std::accumulate(pass.begin(), pass.end(), sum);
        return sum;
    }
};

std::string text_of(const json::Value& v) { return std::string(v.as_string().c_str(), v.as_string().size()); }
std::size_t count_of(const json::Value& v) { return v.to_number<std::size_t>(); }

TEST(Choices, OfOnePromptAreMadeTogether) {
    Fixture f;
    const std::string prompt(200, 'p');
    const auto out = f.ask("/v1/completions",
                           R"({"prompt": ")" + prompt + R"(", "n": 4, "seed": 5, "max_tokens": 10, "temperature": 1})");
    const auto& choices = out.at("choices").as_array();
    ASSERT_EQ(choices.size(), 4U);
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(count_of(choices[i].at("index")), i);
        EXPECT_EQ(choices[i].at("finish_reason"), "length");
        texts.push_back(text_of(choices[i].at("text")));
        EXPECT_EQ(texts.back().size(), 10U);
    }
    EXPECT_NE(texts[0], texts[1]);
    EXPECT_EQ(f.computed(), 200U + 4 * 9);  // the prompt once
    EXPECT_EQ(count_of(out.at("usage").at("prompt_tokens")), 200U);
    EXPECT_EQ(count_of(out.at("usage").at("completion_tokens")), 40U);
    // Each is what a request with its own seed gets.
    for (std::size_t i = 0; i < 4; ++i) {
        const auto one =
            f.ask("/v1/completions", R"({"prompt": ")" + prompt + R"(", "max_tokens": 10, "temperature": 1, "seed": )" +
                                         std::to_string(5 + i) + "}");
        EXPECT_EQ(text_of(one.at("choices").at(0).at("text")), texts[i]) << i;
    }
    // And a stream says the same.
    std::vector<std::string> streamed(4), ends(4);
    for (const auto& event : f.events(
             "/v1/completions", R"({"prompt": ")" + prompt +
                                    R"(", "n": 4, "seed": 5, "max_tokens": 10, "temperature": 1, "stream": true})")) {
        const auto& choice = event.at("choices").at(0);
        const auto i = count_of(choice.at("index"));
        streamed[i] += text_of(choice.at("text"));
        if (choice.at("finish_reason").is_string()) ends[i] = text_of(choice.at("finish_reason"));
    }
    EXPECT_EQ(streamed, texts);
    EXPECT_EQ(ends, std::vector<std::string>(4, "length"));
}

TEST(Choices, OfAChatAreMadeTogetherToo) {
    Fixture f;
    const std::string body =
        R"("messages": [{"role": "user", "content": "say"}], "n": 3, "seed": 1, "max_tokens": 6, "temperature": 1)";
    const auto out = f.ask("/v1/chat/completions", "{" + body + "}");
    ASSERT_EQ(out.at("choices").as_array().size(), 3U);
    EXPECT_EQ(count_of(out.at("usage").at("completion_tokens")), 18U);
    EXPECT_EQ(count_of(out.at("usage").at("prompt_tokens")), 5U);
    std::vector<std::string> streamed(3);
    std::size_t roles = 0;
    for (const auto& event : f.events("/v1/chat/completions",
                                      "{" + body + R"(, "stream": true, "stream_options": {"include_usage": true}})")) {
        if (event.at("choices").as_array().empty()) {
            EXPECT_EQ(count_of(event.at("usage").at("completion_tokens")), 18U);
            continue;
        }
        const auto& choice = event.at("choices").at(0);
        roles += json::find(choice.at("delta"), "role") != nullptr ? 1 : 0;
        streamed[count_of(choice.at("index"))] += json::string_or(choice.at("delta"), "content", "");
    }
    EXPECT_EQ(roles, 3U);
    for (std::size_t i = 0; i < 3; ++i)
        EXPECT_EQ(streamed[i], text_of(out.at("choices").at(i).at("message").at("content")));
}

TEST(Choices, TheBestAreTheLikeliest) {
    Fixture f;
    const std::string same = R"({"prompt": ["once", "twice"], "seed": 3, "max_tokens": 5, "temperature": 1)";
    const auto all = f.ask("/v1/completions", same + R"(, "n": 6, "logprobs": 0})");
    const auto best = f.ask("/v1/completions", same + R"(, "n": 2, "best_of": 6})");
    ASSERT_EQ(best.at("choices").as_array().size(), 4U);
    for (std::size_t prompt = 0; prompt < 2; ++prompt) {
        std::vector<std::pair<double, std::string>> ranked;
        for (std::size_t i = 0; i < 6; ++i) {
            const auto& choice = all.at("choices").at(prompt * 6 + i);
            double sum = 0;
            for (const auto& l : choice.at("logprobs").at("token_logprobs").as_array()) sum += l.to_number<double>();
            ranked.emplace_back(-sum, text_of(choice.at("text")));
        }
        std::ranges::sort(ranked);
        for (std::size_t i = 0; i < 2; ++i) {
            const auto& choice = best.at("choices").at(prompt * 2 + i);
            EXPECT_EQ(text_of(choice.at("text")), ranked[i].second);
            EXPECT_EQ(count_of(choice.at("index")), prompt * 2 + i);
            EXPECT_TRUE(choice.at("logprobs").is_null());
        }
    }
    EXPECT_EQ(count_of(best.at("usage").at("completion_tokens")), 60U);
    EXPECT_EQ(f.wrong("/v1/completions", R"({"prompt": "a", "n": 3, "best_of": 2})"), "best_of");
    EXPECT_EQ(f.wrong("/v1/completions", R"({"prompt": "a", "best_of": 2, "stream": true})"), "best_of");
    EXPECT_EQ(f.wrong("/v1/completions", R"({"prompt": ["a","b","c","d","e"], "best_of": 16})"), "n");
}

TEST(Choices, AnEchoedPromptHasItsLogprobs) {
    Fixture f;
    const std::string same = R"({"prompt": "hé!", "echo": true, "logprobs": 2, "seed": 1)";
    for (const std::size_t tokens : {0U, 3U}) {
        const auto out = f.ask("/v1/completions", same + R"(, "max_tokens": )" + std::to_string(tokens) + "}");
        const auto& choice = out.at("choices").at(0);
        EXPECT_TRUE(text_of(choice.at("text")).starts_with("hé!"));
        EXPECT_EQ(text_of(choice.at("text")).size(), 4U + tokens);
        EXPECT_EQ(count_of(out.at("usage").at("completion_tokens")), tokens);
        const auto& logprobs = choice.at("logprobs");
        const auto& values = logprobs.at("token_logprobs").as_array();
        ASSERT_EQ(values.size(), 4U + tokens);  // é is two tokens here
        EXPECT_TRUE(values[0].is_null());
        EXPECT_TRUE(logprobs.at("top_logprobs").at(0).is_null());
        std::vector<float> row(fake::ByteTokenizer::vocabulary);
        const auto ids = fake::ByteTokenizer().encode("hé!");
        for (std::size_t i = 1; i < 4; ++i) {
            f.fake->fill(std::span(ids).first(i), row);
            double sum = 0;
            for (const float x : row) sum += std::exp(static_cast<double>(x));
            EXPECT_NEAR(values[i].to_number<double>(),
                        static_cast<double>(row[static_cast<std::size_t>(ids[i])]) - std::log(sum), 1e-4);
            EXPECT_EQ(logprobs.at("top_logprobs").at(i).as_object().size(), 2U);
        }
        EXPECT_EQ(count_of(logprobs.at("text_offset").at(0)), 0U);
        EXPECT_EQ(count_of(logprobs.at("text_offset").at(3)), 2U);
        if (tokens > 0) {
            EXPECT_EQ(count_of(logprobs.at("text_offset").at(4)), 3U);
        }
    }
    std::size_t told = 0;
    std::string text;
    for (const auto& event : f.events("/v1/completions", same + R"(, "max_tokens": 3, "stream": true})")) {
        const auto& choice = event.at("choices").at(0);
        text += text_of(choice.at("text"));
        told += choice.at("logprobs").at("tokens").as_array().size();
    }
    EXPECT_EQ(told, 7U);
    EXPECT_EQ(text.size(), 7U);
}

TEST(Choices, PromptLogprobsAreVllms) {
    Fixture f;
    const auto out = f.ask("/v1/completions", R"({"prompt": "ab", "prompt_logprobs": 3, "max_tokens": 1, "n": 2})");
    for (std::size_t i = 0; i < 2; ++i) {
        const auto& scores = out.at("choices").at(i).at("prompt_logprobs").as_array();
        ASSERT_EQ(scores.size(), 2U);
        EXPECT_TRUE(scores[0].is_null());
        const auto& second = scores[1].as_object();
        EXPECT_GE(second.size(), 3U);
        EXPECT_LE(second.size(), 4U);
        ASSERT_TRUE(second.contains("98"));
        EXPECT_EQ(second.at("98").at("decoded_token"), "b");
        std::set<std::size_t> ranks;
        for (const auto& [id, entry] : second) ranks.insert(count_of(entry.at("rank")));
        EXPECT_TRUE(ranks.contains(1) && ranks.contains(2) && ranks.contains(3));
    }
    const auto chat =
        f.ask("/v1/chat/completions",
              R"({"messages": [{"role": "user", "content": "x"}], "prompt_logprobs": 0, "max_tokens": 1})");
    EXPECT_EQ(chat.at("prompt_logprobs").as_array().size(), 3U);
    EXPECT_EQ(f.wrong("/v1/completions", R"({"prompt": "a", "prompt_logprobs": 1, "stream": true})"),
              "prompt_logprobs");
    EXPECT_EQ(f.wrong("/v1/completions", R"({"prompt": "a", "prompt_logprobs": 21})"), "prompt_logprobs");
}

TEST(Choices, APredictionIsCounted) {
    Fixture f;
    f.fake->next = [](std::span<const text::TokenId> tokens) {
        return static_cast<text::TokenId>('a' + tokens.size() % 20);
    };
    f.fake->shape = nullptr;
    const std::string messages = R"({"messages": [{"role": "user", "content": "x"}], "max_tokens": 40)";
    const auto plain = f.ask("/v1/chat/completions", messages + "}");
    const auto said = text_of(plain.at("choices").at(0).at("message").at("content"));
    const auto quick =
        f.ask("/v1/chat/completions", messages + R"(, "prediction": {"type": "content", "content": ")" + said + "\"}}");
    EXPECT_EQ(text_of(quick.at("choices").at(0).at("message").at("content")), said);
    EXPECT_GT(count_of(quick.at("usage").at("completion_tokens_details").at("accepted_prediction_tokens")), 20U);
    EXPECT_NE(f.send("GET", "/metrics").body.find("vllm:spec_decode_num_accepted_tokens_total{model_name=\"fake\"} "),
              std::string::npos);
    const auto off = f.ask(
        "/v1/chat/completions",
        messages +
            R"(, "speculative.n_max": 0, "prediction": {"type": "content", "content": [{"type": "text", "text": "zz"}]}})");
    EXPECT_EQ(json::find(off.at("usage").at("completion_tokens_details"), "accepted_prediction_tokens"), nullptr);
    EXPECT_EQ(f.wrong("/v1/chat/completions", messages + R"(, "prediction": "text"})"), "prediction");
    EXPECT_EQ(f.wrong("/v1/chat/completions", messages + R"(, "prediction": {"type": "content", "content": 7}})"),
              "prediction.content");
    EXPECT_EQ(f.wrong("/v1/chat/completions", messages + R"(, "speculative.n_max": 65})"), "speculative.n_max");
}

TEST(Choices, ABeamSearchFindsWhatTheEngineFinds) {
    Fixture f;
    const auto out = f.ask(
        "/v1/completions",
        R"({"prompt": "ab", "use_beam_search": true, "n": 2, "best_of": 3, "max_tokens": 4, "length_penalty": 0.5})");
    engine::Engine engine(f.fake_again(), {.threads = 1});
    engine::BeamOptions options{.width = 3, .max_tokens = 4, .length_penalty = 0.5};
    const auto beams = engine::beam_search(engine, fake::ByteTokenizer().encode("ab"), options).value();
    ASSERT_EQ(out.at("choices").as_array().size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(text_of(out.at("choices").at(i).at("text")), fake::ByteTokenizer().decode(beams[i].tokens));
        EXPECT_NEAR(out.at("choices").at(i).at("cumulative_logprob").to_number<double>(), beams[i].logprob, 1e-5);
    }
    EXPECT_EQ(f.wrong("/v1/completions", R"({"prompt": "a", "use_beam_search": true, "stream": true})"),
              "use_beam_search");
    EXPECT_EQ(f.wrong("/v1/completions", R"({"prompt": "a", "use_beam_search": true, "n": 11})"), "use_beam_search");
    EXPECT_EQ(f.wrong("/v1/completions", R"({"prompt": "a", "use_beam_search": true, "length_penalty": 101})"),
              "length_penalty");
}

TEST(Choices, TemplatesAreToldWhetherToReason) {
    Fixture f;
    const auto prompt_tokens = [&](const std::string& more) {
        return count_of(f.ask("/v1/chat/completions",
                              R"({"messages": [{"role": "user", "content": "x"}], "max_tokens": 1)" + more + "}")
                            .at("usage")
                            .at("prompt_tokens"));
    };
    EXPECT_EQ(prompt_tokens(""), 3U);
    EXPECT_EQ(prompt_tokens(R"(, "chat_template_kwargs": {"enable_thinking": true})"), 3U);
    EXPECT_EQ(prompt_tokens(R"(, "chat_template_kwargs": {"enable_thinking": false})"), 9U);
    EXPECT_EQ(prompt_tokens(R"(, "reasoning_effort": "none")"), 9U);
    EXPECT_EQ(prompt_tokens(R"(, "reasoning_effort": "high")"), 3U);
    EXPECT_EQ(prompt_tokens(R"(, "chat_template_kwargs": {"mood": "abc", "messages": []})"), 6U);
    EXPECT_EQ(prompt_tokens(R"(, "chat_template_kwargs": {"mood": "<|turn|>"})"), 11U);  // plain text, no control token
    EXPECT_EQ(f.wrong("/v1/chat/completions",
                      R"({"messages": [{"role": "user", "content": "x"}], "chat_template_kwargs": 1})"),
              "chat_template_kwargs");
    EXPECT_EQ(
        f.wrong("/v1/chat/completions",
                R"({"messages": [{"role": "user", "content": "x"}], "chat_template_kwargs": {"enable_thinking": 1}})"),
        "chat_template_kwargs.enable_thinking");
}

}  // namespace
}  // namespace tenon::serve
