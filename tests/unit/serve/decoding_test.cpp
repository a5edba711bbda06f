// Decoding options in the bodies of requests.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "serve/openai_request.hpp"

namespace tenon::serve {
namespace {

TEST(OpenAiRequests, DecodingOptionsOfOpenServers) {
    const auto with = [](std::string_view more) {
        return parse_chat(
            json::parse(R"({"model":"m","messages":[{"role":"user","content":"hi"}],)" + std::string(more) + "}")
                .value(),
            4096);
    };
    const auto read = with(
        R"("top_k":-1,"repeat_penalty":1.2,"typical_p":0.9,"top_n_sigma":-1,"xtc_probability":0.5,"dry_multiplier":0.8,
        "dry_sequence_breakers":["\n"],"mirostat":1,"samplers":["top_k","temperature"],"ignore_eos":true,"min_tokens":3,
        "stop_token_ids":[7],"bad_words":["x"],"include_stop_str_in_output":true,"skip_special_tokens":false)");
    ASSERT_TRUE(read) << read.error().message;
    const auto& s = read->request.settings;
    EXPECT_EQ(s.top_k, 0);
    EXPECT_EQ(s.repetition_penalty, 1.2);
    const auto& d = s.decoding;
    EXPECT_EQ(d.typical_p, 0.9);
    EXPECT_EQ(d.top_n_sigma, 0);
    EXPECT_EQ(d.samplers, (std::vector<std::string>{"top_k", "temperature"}));
    EXPECT_EQ(d.stop_token_ids, std::vector<std::int32_t>{7});
    EXPECT_EQ(d.ignore_eos, true);
    EXPECT_EQ(d.skip_special_tokens, false);
    EXPECT_FALSE(d.mirostat_tau);
    for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{{"typical_p", "2"},
                                                                                      {"mirostat", "3"},
                                                                                      {"dry_base", "0.5"},
                                                                                      {"xtc_threshold", "\"x\""},
                                                                                      {"stop_token_ids", "[-1]"},
                                                                                      {"samplers", "7"},
                                                                                      {"bad_words", "[1]"},
                                                                                      {"ignore_eos", "1"},
                                                                                      {"min_tokens", "1.5"}}) {
        const auto refused = with("\"" + name + "\":" + value);
        ASSERT_FALSE(refused) << name;
        EXPECT_EQ(refused.error().param, name);
    }
}

}  // namespace
}  // namespace tenon::serve
