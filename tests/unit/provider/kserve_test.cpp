// The Open Inference Protocol: tensors both ways, text streams of KServe and Triton.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "fake/provider_server.hpp"
#include "fake/rich_requests.hpp"
#include "fake/strict_provider.hpp"
#include "provider/kserve/protocol.hpp"

namespace tenon::provider {
namespace {

using namespace llm;
using kserve::Tensor;

json::Value parsed(std::string_view text) { return json::parse(text).value_or("test is wrong"); }

struct Answer {
    std::string text;
    std::optional<ErrorCode> error;
    int lasts = 0;
};
Answer decode(std::initializer_list<std::string_view> pieces) {
    kserve::GenerateDecoder decoder;
    std::vector<ChatEvent> events;
    Result<void> result;
    for (const auto piece : pieces)
        if (result) result = decoder.feed(piece, events);
    if (result) result = decoder.finish(events);
    Answer out;
    if (!result) out.error = result.error().code();
    for (const auto& event : events) {
        out.text += event.text;
        out.lasts += event.finish ? 1 : 0;
    }
    return out;
}

const std::string triton =
    "data: {\"model_name\":\"m\",\"model_version\":\"1\",\"text_output\":\"Hel\"}\n\n"
    "data: {\"model_name\":\"m\",\"model_version\":\"1\",\"text_output\":\"lo\"}\n\n";
const std::string kserve_stream =
    "data: {\"model_name\":\"m\",\"text_output\":\"Hel\",\"done\":false}\n\n"
    "data: {\"model_name\":\"m\",\"text_output\":\"lo\",\"done\":true}\n\n";

TEST(KserveStream, IsReadHoweverItIsCut) {
    for (const auto& stream : {triton, kserve_stream})
        for (std::size_t i = 0; i <= stream.size(); ++i) {
            const auto answer = decode({std::string_view(stream).substr(0, i), std::string_view(stream).substr(i)});
            ASSERT_EQ(answer.text, "Hello") << i;
            ASSERT_EQ(answer.lasts, 1);
            ASSERT_FALSE(answer.error);
        }
}

TEST(KserveStream, FaultsAreErrors) {
    EXPECT_EQ(decode({""}).error, ErrorCode::unavailable);
    EXPECT_EQ(decode({"data: {\"error\":\"out of memory\"}\n\n"}).error, ErrorCode::unavailable);
    EXPECT_EQ(decode({kserve_stream.substr(0, 70)}).error, ErrorCode::unavailable)
        << "the protocol says when it is done";
    EXPECT_EQ(decode({"data: {\"text\":1}\n\n"}).error, ErrorCode::protocol);
}

TEST(KserveInfer, WritesAndReadsTensors) {
    kserve::InferRequest request;
    request.id = "1";
    request.inputs = {Tensor{"a", "FP32", {2, 2}, std::vector<double>{1, 2, 3, 4.5}},
                      Tensor{"b", "BYTES", {1}, std::vector<std::string>{"x"}},
                      Tensor{"c", "BOOL", {2}, std::vector<std::int64_t>{0, 1}}};
    request.outputs = {"y"};
    const auto body = kserve::infer_body(request);
    ASSERT_TRUE(body) << body.error().describe();
    EXPECT_EQ(fake::kserve_infer(parsed(*body)), "") << *body;
    EXPECT_EQ(parsed(*body).at("inputs").at(2).at("data"), parsed("[false,true]"));
    const auto answer = kserve::decode_infer(
        R"({"model_name":"m","model_version":"1","id":"1","outputs":[{"name":"y","shape":[2,2],"datatype":"FP32","data":[[1,2],[3,4]]},
            {"name":"z","shape":[1],"datatype":"BYTES","data":["t"]}]})");
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(std::get<std::vector<double>>(answer->outputs[0].data), (std::vector<double>{1, 2, 3, 4}));
    EXPECT_EQ(std::get<std::vector<std::string>>(answer->outputs[1].data), std::vector<std::string>{"t"});
}

TEST(KserveInfer, RefusesWhatDoesNotFit) {
    kserve::InferRequest request;
    request.inputs = {Tensor{"a", "FP32", {3}, std::vector<double>{1}}};
    EXPECT_EQ(kserve::infer_body(request).error().code(), ErrorCode::invalid_argument);
    request.inputs = {Tensor{"a", "INT8", {1}, std::vector<double>{1}}};
    EXPECT_EQ(kserve::infer_body(request).error().code(), ErrorCode::invalid_argument);
    request.inputs = {Tensor{"a", "FLOAT", {1}, std::vector<double>{1}}};
    EXPECT_EQ(kserve::infer_body(request).error().code(), ErrorCode::invalid_argument);
    for (const auto* body :
         {"", "{}", R"({"outputs":[{}]})", R"({"outputs":[{"name":"a","datatype":"FP32","shape":[2],"data":[1]}]})",
          R"({"outputs":[{"name":"a","datatype":"FP32","shape":[-1],"data":[1]}]})",
          R"({"outputs":[{"name":"a","datatype":"FP32","shape":[9000000000,9000000000,9000000000],"data":[1]}]})",
          R"({"outputs":[{"name":"a","datatype":"INT64","shape":[1],"data":[18446744073709551615]}]})",
          R"({"outputs":[{"name":"a","datatype":"FP32","shape":[1],"data":["x"]}]})"})
        EXPECT_FALSE(kserve::decode_infer(body)) << body;
}

TEST(KserveProvider, CompletesChatsEmbedsAndInfersOverHttp) {
    fake::ProviderServer server(
        {{"/v2/models/llm/generate_stream", {fake::kserve_generate, kserve_stream}},
         {"/v2/models/emb/versions/2/infer",
          {fake::kserve_infer,
           R"({"model_name":"emb","outputs":[{"name":"EMBEDDING","datatype":"FP32","shape":[2,2],"data":[1,2,3,4]}]})",
           "application/json"}}});
    KserveOptions options;
    options.base_url = server.url();
    const auto plain = make_kserve_chat_model(server.client, "llm", options);
    EXPECT_EQ(sync_wait(server.runtime, plain->generate(fake::schema_question(), {})).error().code(),
              ErrorCode::unsupported);
    options.prompt = [](const ChatRequest& request) -> Result<std::string> { return request.messages.back().text(); };
    const auto model = make_kserve_chat_model(server.client, "llm", options);
    ChatRequest request;
    request.messages = {Message::user("hi")};
    request.settings.max_tokens = 5;
    const auto answer = sync_wait(server.runtime, model->generate(request, {}));
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->message.text(), "Hello");
    EXPECT_EQ(server.body(), parsed(R"({"text_input":"hi","parameters":{"max_tokens":5}})"));
    options.version = "2";
    const auto embedder = make_kserve_embedder(server.client, "emb", options);
    const auto rows = sync_wait(server.runtime, embedder->embed({"a", "b"}, EmbedKind::passage, {}));
    ASSERT_TRUE(rows) << rows.error().describe();
    EXPECT_EQ(rows->values, (std::vector<float>{1, 2, 3, 4}));
    kserve::InferRequest raw;
    raw.inputs = {Tensor{"TEXT", "BYTES", {1}, std::vector<std::string>{"x"}}};
    const auto inferred = sync_wait(server.runtime, kserve_infer(server.client, "emb", options, raw, {}));
    ASSERT_TRUE(inferred) << inferred.error().describe();
    EXPECT_EQ(inferred->outputs.at(0).shape, (std::vector<std::int64_t>{2, 2}));
}

}  // namespace
}  // namespace tenon::provider
