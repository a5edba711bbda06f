// Every provider's decoder over the recorded streams of tests/data/streams: what the provider's own client makes of
// them (tests/golden/streams) must come out whatever way the bytes are cut, and no damage may pass for a whole answer.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <functional>

#include "provider/anthropic/decode.hpp"
#include "provider/gemini/decode.hpp"
#include "provider/ollama/decode.hpp"
#include "provider/openai/decode.hpp"
#include "provider/responses/decode.hpp"
#include "tenon/base/file.hpp"
#include "unit/effort.hpp"

namespace tenon::provider {
namespace {

using namespace llm;

struct Provider {
    std::string name;
    std::function<std::unique_ptr<wire::StreamDecoder>()> make;
    std::string error;  ///< an error event that says "overloaded"
    ErrorCode code = ErrorCode::unavailable;
};

std::vector<Provider> providers() {
    return {
        {"openai_chat", [] { return std::make_unique<openai::ChatDecoder>(); },
         R"(data: {"error":{"message":"Overloaded","type":"server_error","param":null,"code":null}})"},
        {"ollama", [] { return std::make_unique<ollama::ChatDecoder>(); },
         R"({"error":"server overloaded, please retry"})"},
        {"openai_responses", [] { return std::make_unique<responses::ResponsesDecoder>(); },
         "event: error\ndata: "
         "{\"type\":\"error\",\"code\":\"server_error\",\"message\":\"Overloaded\",\"param\":null,\"sequence_number\":"
         "9}"},
        {"gemini", [] { return std::make_unique<gemini::ContentDecoder>(); },
         R"(data: {"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}})"},
        {"anthropic", [] { return std::make_unique<anthropic::MessageDecoder>(); },
         "event: error\ndata: "
         "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}"},
    };
}

struct Outcome {
    std::optional<Error> error;
    ChatResponse response;
    std::vector<ChatEvent> events;
    int lasts = 0;
};

Outcome decode(const Provider& provider, const std::vector<std::string_view>& pieces) {
    Outcome out;
    const auto decoder = provider.make();
    Result<void> result;
    for (const auto piece : pieces)
        if (result) result = decoder->feed(piece, out.events);
    if (result) result = decoder->finish(out.events);
    if (!result) out.error = result.error();
    ResponseBuilder builder;
    for (const auto& event : out.events) {
        out.lasts += event.finish ? 1 : 0;
        builder.add(event);
    }
    out.response = builder.take();
    return out;
}

json::Value parsed(std::string_view text) { return json::parse(text).value_or(json::Value(std::string(text))); }

json::Object show(const ChatResponse& r) {
    json::Array signatures, calls, citations, parts;
    for (const auto& part : r.message.content) {
        if (const auto* p = std::get_if<ReasoningPart>(&part); p && !(p->signature + p->redacted).empty())
            signatures.push_back(json::Value(p->signature + p->redacted));
        if (const auto* p = std::get_if<ToolCallPart>(&part))
            calls.push_back(json::Object{{"id", p->id}, {"name", p->name}, {"arguments", parsed(p->arguments_json)}});
        if (const auto* p = std::get_if<CitationPart>(&part))
            citations.push_back(json::Value(p->cited_text.empty() ? p->source : p->cited_text));
        if (const auto* p = std::get_if<ProviderPart>(&part)) parts.push_back(parsed(p->json));
    }
    return {{"id", r.id},
            {"model", r.model},
            {"text", r.message.text()},
            {"reasoning", r.message.reasoning()},
            {"signatures", std::move(signatures)},
            {"calls", std::move(calls)},
            {"citations", std::move(citations)},
            {"parts", std::move(parts)},
            {"finish", std::string(to_string(r.finish))},
            {"usage", json::Object{{"input", r.usage.input_tokens},
                                   {"cached", r.usage.cached_input_tokens},
                                   {"cache_write", r.usage.cache_write_tokens},
                                   {"output", r.usage.output_tokens},
                                   {"reasoning", r.usage.reasoning_tokens}}}};
}

/// Numbers of one kind, arguments as values: what the client gives and what we give become comparable.
json::Value golden_of(const std::filesystem::path& file) {
    auto value = json::parse(read_file(file, std::size_t{1} << 20).value()).value();
    for (auto& call : value.at("calls").as_array()) {
        auto& arguments = call.as_object()["arguments"];
        if (arguments.is_string()) arguments = parsed(std::string_view(arguments.get_string()));
    }
    return value;
}

std::string text_of(const json::Value& value) {
    // Key order does not matter.
    const std::function<json::Value(const json::Value&)> sorted = [&](const json::Value& v) -> json::Value {
        if (v.is_array()) {
            json::Array out;
            for (const auto& one : v.get_array()) out.push_back(sorted(one));
            return out;
        }
        if (!v.is_object()) return v;
        std::map<std::string, json::Value> in;
        for (const auto& [key, inner] : v.get_object()) in.emplace(key, sorted(inner));
        json::Object out;
        for (auto& [key, inner] : in) out[key] = std::move(inner);
        return out;
    };
    return json::dump(sorted(value));
}

struct Recording {
    Provider provider;
    std::string name, stream, golden;
    [[nodiscard]] std::vector<std::string> messages() const {
        const std::string_view end = lines ? "\n" : "\n\n";
        std::vector<std::string> out;
        for (std::size_t at = 0; at < stream.size();) {
            const auto next = stream.find(end, at);
            out.push_back(stream.substr(at, next + end.size() - at));
            at = next + end.size();
        }
        return out;
    }
    bool lines = false;
};

std::vector<Recording> recordings() {
    std::vector<Recording> out;
    const std::filesystem::path tests = TENON_TEST_DATA;
    for (const auto& provider : providers()) {
        const auto before = out.size();
        for (const auto& file : std::filesystem::directory_iterator(tests / "data/streams" / provider.name)) {
            const auto stem = file.path().stem().string();
            out.push_back({provider, provider.name + "/" + stem, read_file(file.path(), std::size_t{1} << 20).value(),
                           text_of(golden_of(tests / "golden/streams" / provider.name / (stem + ".json"))),
                           file.path().extension() == ".ndjson"});
        }
        EXPECT_GE(out.size(), before + 3) << provider.name;
    }
    return out;
}

std::string result_of(const Recording& r, const std::vector<std::string_view>& pieces) {
    const auto outcome = decode(r.provider, pieces);
    if (outcome.error) return "error: " + outcome.error->describe();
    if (outcome.lasts != 1) return std::to_string(outcome.lasts) + " last events";
    return text_of(show(outcome.response));
}

TEST(StreamFiles, AreReadAsTheProvidersOwnClientsReadThem) {
    for (const auto& r : recordings()) EXPECT_EQ(result_of(r, {r.stream}), r.golden) << r.name;
}

TEST(StreamFiles, AreReadTheSameHoweverTheyAreCut) {
    for (const auto& r : recordings()) {
        const std::string_view s = r.stream;
        for (std::size_t i = 0; i <= s.size(); i += test::stride)
            ASSERT_EQ(result_of(r, {s.substr(0, i), s.substr(i)}), r.golden) << r.name << " cut at " << i;
        for (const std::size_t step : {1U, 2U, 7U, 64U}) {
            std::vector<std::string_view> pieces;
            for (std::size_t at = 0; at < s.size(); at += step) pieces.push_back(s.substr(at, step));
            ASSERT_EQ(result_of(r, pieces), r.golden) << r.name << " in steps of " << step;
        }
    }
}

TEST(StreamFiles, PiecesOfToolCallsAddUpToTheCalls) {
    for (const auto& r : recordings()) {
        const auto outcome = decode(r.provider, {r.stream});
        std::map<std::size_t, ToolCallPart> made;
        std::vector<ToolCallPart> whole;
        for (const auto& event : outcome.events) {
            for (const auto& piece : event.tool_call_deltas) {
                auto& call = made[piece.index];
                call.id += piece.id;
                call.name += piece.name;
                call.arguments_json += piece.arguments;
            }
            whole.insert(whole.end(), event.tool_calls.begin(), event.tool_calls.end());
        }
        ASSERT_EQ(made.size(), whole.size()) << r.name;
        for (std::size_t i = 0; i < whole.size(); ++i) {
            EXPECT_EQ(made[i].id, whole[i].id) << r.name;
            EXPECT_EQ(made[i].name, whole[i].name) << r.name;
            EXPECT_EQ(made[i].arguments_json.empty() ? "{}" : made[i].arguments_json, whole[i].arguments_json)
                << r.name;
        }
    }
}

TEST(StreamFiles, ACutStreamIsAnErrorOrAllThere) {
    for (const auto& r : recordings()) {
        const auto whole = decode(r.provider, {r.stream});
        for (std::size_t length = 0; length < r.stream.size(); length += test::stride) {
            const auto outcome = decode(r.provider, {std::string_view(r.stream).substr(0, length)});
            if (outcome.error) {
                ASSERT_EQ(outcome.error->code(), ErrorCode::unavailable) << r.name << " " << length;
                ASSERT_EQ(outcome.lasts, 0) << r.name << " " << length;
            } else {
                // Only what comes after the content may be lacking.
                ASSERT_EQ(outcome.lasts, 1) << r.name << " " << length;
                ASSERT_EQ(outcome.response.message.text(), whole.response.message.text()) << r.name << " " << length;
                ASSERT_EQ(outcome.response.message.tool_calls().size(), whole.response.message.tool_calls().size())
                    << r.name << " " << length;
                ASSERT_EQ(outcome.response.finish, whole.response.finish) << r.name << " " << length;
            }
        }
    }
}

TEST(StreamFiles, AnErrorInTheMiddleIsThatError) {
    for (const auto& r : recordings()) {
        const auto messages = r.messages();
        for (std::size_t at = 0; at + 2 < messages.size(); ++at) {
            std::string stream;
            for (std::size_t i = 0; i < at; ++i) stream += messages[i];
            const auto before = decode(r.provider, {stream}).events.size();
            const auto outcome = decode(r.provider, {stream + r.provider.error + (r.lines ? "\n" : "\n\n")});
            ASSERT_TRUE(outcome.error) << r.name << " " << at;
            EXPECT_EQ(outcome.error->code(), r.provider.code) << r.name << " " << outcome.error->describe();
            EXPECT_NE(outcome.error->message().find("verloaded"), std::string::npos) << outcome.error->describe();
            EXPECT_EQ(outcome.events.size(), before) << r.name << " " << at;
        }
    }
}

TEST(StreamFiles, MissingRepeatedAndReorderedEventsNeverGiveTwoEnds) {
    for (const auto& r : recordings()) {
        const auto messages = r.messages();
        for (std::size_t at = 0; at < messages.size(); ++at) {
            std::string missing, repeated, swapped;
            for (std::size_t i = 0; i < messages.size(); ++i) {
                if (i != at) missing += messages[i];
                repeated += messages[i];
                if (i == at) repeated += messages[i];
                const auto other = i == at && at + 1 < messages.size() ? at + 1 : i == at + 1 ? at : i;
                swapped += messages[other];
            }
            for (const auto& stream : {missing, repeated, swapped}) {
                const auto outcome = decode(r.provider, {stream});
                EXPECT_EQ(outcome.lasts, outcome.error ? 0 : 1) << r.name << " " << at;
            }
        }
    }
}

TEST(StreamFiles, DamagedBytesNeverCrash) {
    for (const auto& r : recordings())
        for (std::size_t at = 0; at < r.stream.size(); at += 3 * test::stride)
            for (const char with : {'\0', '"', '}', '9', '\n', '\xFF'}) {
                auto stream = r.stream;
                stream[at] = with;
                const auto outcome = decode(r.provider, {stream});
                ASSERT_EQ(outcome.lasts, outcome.error ? 0 : 1) << r.name << " " << at;
            }
}

TEST(StreamFiles, HostileInputIsAnError) {
    for (const auto& provider : providers()) {
        for (const auto* data : {"", "[]", "3", "null", "\"x\"", "{", "{\"a\":}", "<html>"}) {
            const auto decoder = provider.make();
            std::vector<ChatEvent> events;
            EXPECT_FALSE(decoder->whole(data, events)) << provider.name << data;
            const auto lines = (provider.name == "ollama" ? "" : "data: ") + std::string(data) + "\n\n";
            EXPECT_TRUE(decode(provider, {lines}).error) << provider.name << data;
        }
        std::string deep = provider.name == "ollama" ? "" : "data: ";
        for (int i = 0; i < 100'000; ++i) deep += "[";
        EXPECT_TRUE(decode(provider, {deep + "\n\n"}).error) << provider.name;
    }
}

}  // namespace
}  // namespace tenon::provider
