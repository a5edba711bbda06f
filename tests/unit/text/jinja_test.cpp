#include <gtest/gtest.h>

#include <atomic>
#include <boost/json.hpp>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <thread>
#include <vector>

#include "tenon/base/file.hpp"
#include "tenon/json/json.hpp"
#include "tenon/text/chat_template.hpp"

namespace tenon::text {
namespace {

namespace fs = std::filesystem;

/// The instant the goldens were made at: 2026-03-14 15:09:26.535897, local time.
std::chrono::system_clock::time_point golden_now() {
    std::tm when{};
    when.tm_year = 126;
    when.tm_mon = 2;
    when.tm_mday = 14;
    when.tm_hour = 15;
    when.tm_min = 9;
    when.tm_sec = 26;
    when.tm_isdst = -1;
    return std::chrono::system_clock::from_time_t(std::mktime(&when)) + std::chrono::microseconds(535897);
}

json::Value load(const fs::path& path) {
    const auto text = read_file(path);
    EXPECT_TRUE(text) << path;
    auto value = json::parse(text.value_or("null"));
    EXPECT_TRUE(value) << path;
    return value.value_or(json::Value());
}

Result<std::string> render(std::string_view source, const json::Value& context, const TemplateLimits& limits = {}) {
    TENON_TRY(const Template compiled, Template::parse(source, limits));
    return compiled.render(context, golden_now());
}

void expect_golden(const Result<std::string>& got, const json::Value& golden) {
    if (const json::Value* output = json::find(golden, "output")) {
        ASSERT_TRUE(got) << got.error().describe();
        EXPECT_EQ(*got, std::string_view(output->as_string()));
        return;
    }
    ASSERT_FALSE(got) << "expected an error, got: " << *got;
    const json::Value& error = golden.at("error");
    if (!error.is_string()) return;
    EXPECT_EQ(got.error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(got.error().message(), std::string_view(error.as_string()));
}

class Goldens : public testing::TestWithParam<const char*> {};

TEST_P(Goldens, RenderAsJinja2Does) {
    const fs::path tests = TENON_TEST_DATA;
    const json::Value data = load(tests / "data/jinja" / GetParam());
    const json::Value golden = load(tests / "golden/jinja" / GetParam());
    const json::Array& templates = data.at("templates").as_array();
    const json::Array& contexts = data.at("contexts").as_array();
    ASSERT_FALSE(templates.empty());
    ASSERT_EQ(templates.size(), golden.as_array().size());
    for (std::size_t i = 0; i < templates.size(); ++i) {
        const std::string_view source = templates[i].at("source").as_string();
        for (std::size_t j = 0; j < contexts.size(); ++j) {
            SCOPED_TRACE(std::string(json::string_or(templates[i], "name", source)) + " #" + std::to_string(j));
            expect_golden(render(source, contexts[j]), golden.at(i).at(j));
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Jinja, Goldens,
                         testing::Values("whitespace.json", "expressions.json", "filters.json",
                                         "tests_and_methods.json", "statements.json", "errors.json", "printing.json",
                                         "chat.json"),
                         [](const auto& tested) { return fs::path(tested.param).stem().string(); });

/// The chat template of a GGUF file: a string value after its key, found without reading the format.
std::string chat_template_of(const fs::path& path) {
    const auto file = MappedFile::open(path);
    EXPECT_TRUE(file) << path;
    if (!file) return {};
    const std::string_view bytes(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
    const std::string_view key = "tokenizer.chat_template";
    const std::size_t at = bytes.find(key);
    EXPECT_NE(at, std::string_view::npos);
    if (at == std::string_view::npos) return {};
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data() + at + key.size() + 4, sizeof length);
    return std::string(bytes.substr(at + key.size() + 12, length));
}

TEST(Jinja, ModelTemplatesRenderAsJinja2Does) {
    const char* directory = std::getenv("TENON_TEST_MODELS");
    if (!directory) GTEST_SKIP() << "TENON_TEST_MODELS is not set: it names the directory of model files";
    const fs::path tests = TENON_TEST_DATA;
    const json::Value contexts = load(tests / "data/jinja/chat.json").at("contexts");
    const json::Value golden = load(tests / "golden/jinja/models/models.json");
    std::size_t rendered = 0;
    for (const auto& [name, results] : golden.as_object()) {
        const fs::path path = fs::path(directory) / std::string_view(name);
        if (!fs::exists(path)) continue;
        const std::string source = chat_template_of(path);
        for (std::size_t i = 0; i < results.as_array().size(); ++i) {
            SCOPED_TRACE(std::string(name) + " #" + std::to_string(i));
            expect_golden(render(source, contexts.at(i)), results.at(i));
            ++rendered;
        }
    }
    if (rendered == 0) GTEST_SKIP() << "none of the model files of the goldens is in TENON_TEST_MODELS";
}

struct Hostile {
    const char* name;
    std::string source;
};

class HostileTemplates : public testing::TestWithParam<Hostile> {};

TEST_P(HostileTemplates, EndWithAnError) {
    const TemplateLimits limits{.max_output_bytes = std::size_t{8} << 20, .max_steps = 500'000};
    const auto result = render(GetParam().source, json::Object{}, limits);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), ErrorCode::resource_exhausted) << result.error().describe();
}

std::string repeated(std::string_view part, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += part;
    return out;
}

const std::string loops = "{% for a in range(100000) %}{% for b in range(100000) %}";
const std::string doubling =
    "{% set ns = namespace(x='a') %}{% for i in range(100) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}";

INSTANTIATE_TEST_SUITE_P(
    Jinja, HostileTemplates,
    testing::Values(
        Hostile{"huge_range", "{% for i in range(10**9) %}x{% endfor %}"},
        Hostile{"nested_loops", loops + "{% endfor %}{% endfor %}"},
        Hostile{"endless_output", loops + "0123456789012345678901234567890123456789{% endfor %}{% endfor %}"},
        Hostile{"repeated_text", "{{ 'a' * 10**9 }}"}, Hostile{"repeated_list", "{{ [1] * 10**12 }}"},
        Hostile{"doubled_text", doubling},
        Hostile{"doubled_list",
                "{% set ns = namespace(x=[1]) %}{% for i in range(100) %}{% set ns.x = ns.x + ns.x %}{% endfor %}"},
        Hostile{"shared_list_repr",
                "{% set ns = namespace(x=[1]) %}{% for i in range(100) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ "
                "ns.x }}"},
        Hostile{"shared_list_equal",
                "{% set n = namespace(x=[1], y=[1]) %}{% for i in range(100) %}{% set n.x = [n.x, n.x] %}"
                "{% set n.y = [n.y, n.y] %}{% endfor %}{{ n.x == n.y }}"},
        Hostile{"nested_list",
                "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}"},
        Hostile{"nested_dict",
                "{% set ns = namespace(x={}) %}{% for i in range(100000) %}{% set ns.x = {'a': ns.x} %}{% endfor %}"},
        Hostile{"namespace_repr", "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}"},
        Hostile{"recursive_macro", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"},
        Hostile{"recursive_loop", "{% set ns = namespace() %}{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}"},
        Hostile{"deep_parentheses", "{{ " + repeated("(", 100000) + "1" + repeated(")", 100000) + " }}"},
        Hostile{"deep_lists", "{{ " + repeated("[", 100000) + repeated("]", 100000) + " }}"},
        Hostile{"deep_not", "{{ " + repeated("not ", 100000) + "1 }}"},
        Hostile{"deep_minus", "{{ " + repeated("-", 100000) + "1 }}"},
        Hostile{"long_attributes", "{{ a" + repeated(".b", 100000) + " }}"},
        Hostile{"long_filters", "{{ a" + repeated("|list", 100000) + " }}"},
        Hostile{"deep_if", repeated("{% if 1 %}", 100000) + repeated("{% endif %}", 100000)},
        Hostile{"wide_format", "{{ '%999999999d' % 1 }}"},
        Hostile{"wide_brace_format", "{{ '{:999999999}'.format(1) }}"},
        Hostile{"wide_center", "{{ 'x'.center(10**10) }}"}, Hostile{"wide_indent", "{{ 'x'|indent(10**10) }}"},
        Hostile{"batch_fill", "{{ [1]|batch(10**10, 'x')|list }}"},
        Hostile{"many_slices", "{{ [1]|slice(10**10)|list }}"},
        Hostile{"replaced_text", "{{ ('a' * 1000000)|replace('a', 'b' * 1000000) }}"},
        Hostile{"joined_text", "{{ (['a' * 1000000] * 1000)|join('x') }}"}),
    [](const auto& tested) { return tested.param.name; });

TEST(Jinja, NamespacesThatReferToThemselvesAreFreed) {
    // Under the leak sanitizer this fails when a cycle is left behind.
    const auto result = render(
        "{% set ns = namespace() %}{% set ns.self = ns %}{% macro m() %}{% endmacro %}{% set ns.m = m %}"
        "{% for i in range(1000) %}{% set ns.chain = namespace(next=ns.chain) %}{% endfor %}ok",
        json::Object{});
    ASSERT_TRUE(result) << result.error().describe();
    EXPECT_EQ(*result, "ok");
}

TEST(Jinja, ParseErrorsNameTheLineAndWhatWasExpected) {
    const auto missing = Template::parse("a\nb\n{% if x %}\nc");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code(), ErrorCode::corrupt);
    EXPECT_NE(missing.error().message().find("endif"), std::string::npos) << missing.error().message();
    const auto operand = Template::parse("\n\n{{ 1 + }}");
    ASSERT_FALSE(operand);
    EXPECT_NE(operand.error().message().find("line 3"), std::string::npos) << operand.error().message();
    const auto include = Template::parse("{% include 'x' %}");
    ASSERT_FALSE(include);
    EXPECT_EQ(include.error().code(), ErrorCode::unsupported);
}

TEST(Jinja, RenderErrorsNameTheLine) {
    const auto result = render("one\n{{ missing.part }}", json::Object{});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), ErrorCode::invalid_argument);
    EXPECT_NE(result.error().message().find("line 2"), std::string::npos);
    EXPECT_NE(result.error().message().find("missing"), std::string::npos);
}

TEST(Jinja, OneTemplateRendersManyContexts) {
    const auto compiled = Template::parse("{{ a }}{% set a = 1 %}{{ a }}");
    ASSERT_TRUE(compiled);
    EXPECT_EQ(compiled->render(json::Object{{"a", "x"}}).value(), "x1");
    EXPECT_EQ(compiled->render(json::Object{{"a", "y"}}).value(), "y1");
    EXPECT_FALSE(compiled->render(json::Value("not an object")));
}

TEST(Jinja, OneTemplateRendersOnManyThreads) {
    const auto compiled = Template::parse(
        "{% for m in messages %}{{ '<' + m.role + '>' + m['content'] | trim + '\\n' }}{{ m.name is defined }}{% endfor "
        "%}"
        "{% set x = 'a' + b %}{{ x + x }}");
    ASSERT_TRUE(compiled);
    const json::Value context = json::parse(R"({"b": "c", "messages": [{"role": "user", "content": " hi "}]})").value();
    std::vector<std::jthread> threads;
    std::atomic<int> same{0};
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 50; ++i)
                same += compiled->render(context).value_or("") == "<user>hi\nFalseacac" ? 1 : 0;
        });
    threads.clear();
    EXPECT_EQ(same, 200);
}

TEST(Jinja, AContextNestedTooDeepIsAnError) {
    json::Value deep = "x";
    for (int i = 0; i < 300; ++i) deep = json::Value(json::Array{std::move(deep)});
    EXPECT_EQ(render("{{ a }}", json::Object{{"a", deep}}).error().code(), ErrorCode::resource_exhausted);
    // A list of the context counts with its own depth where it is put.
    json::Value list = "x";
    for (int i = 0; i < 150; ++i) list = json::Value(json::Array{std::move(list)});
    EXPECT_TRUE(render("{{ a }}{{ [a] }}", json::Object{{"a", list}}));
    EXPECT_FALSE(render("{% set ns = namespace(x=a) %}{% for i in range(60) %}{% set ns.x = [ns.x] %}{% endfor %}",
                        json::Object{{"a", list}}));
}

TEST(Jinja, InvalidUtf8PassesThrough) {
    const auto result = render("{{ a }}{{ a | trim | length }}{{ a[0] == a[0] }}", json::Object{{"a", "x\xff\xc3"}});
    ASSERT_TRUE(result) << result.error().describe();
    EXPECT_EQ(*result,
              "x\xff\xc3"
              "3True");
}

}  // namespace
}  // namespace tenon::text
