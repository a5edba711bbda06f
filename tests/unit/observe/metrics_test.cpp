#include "tenon/observe/metrics.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace tenon::observe {
namespace {

// The exposition format's own rules: prometheus.io/docs/instrumenting/exposition_formats
TEST(Metrics, RendersThePrometheusTextFormat) {
    Metrics m;
    m.add("requests_total", "Requests.\nAll.", {{"route", "/v1/\"x\"\\"}}, 2);
    m.set("models", "Loaded.", {}, 1.5);
    m.observe("seconds", "Time.", {}, 0.3, {0.1, 0.5});
    m.observe("seconds", "Time.", {}, 7, {0.1, 0.5});
    EXPECT_EQ(
        m.render(),
        "# HELP models Loaded.\n# TYPE models gauge\nmodels 1.5\n"
        "# HELP requests_total Requests.\\nAll.\n# TYPE requests_total "
        "counter\nrequests_total{route=\"/v1/\\\"x\\\"\\\\\"} 2\n"
        "# HELP seconds Time.\n# TYPE seconds histogram\nseconds_bucket{le=\"0.1\"} 0\nseconds_bucket{le=\"0.5\"} 1\n"
        "seconds_bucket{le=\"+Inf\"} 2\nseconds_sum 7.3\nseconds_count 2\n");
}

TEST(Metrics, CountsExactlyUnderConcurrency) {
    Metrics m;
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 1000; ++i) m.add("n", "", {});
        });
    threads.clear();
    EXPECT_NE(m.render().find("n 4000\n"), std::string::npos);
}

TEST(Metrics, GaugesMoveBothWays) {
    Metrics m;
    m.change("running", "Running.", {{"model", "a"}}, 1);
    m.change("running", "Running.", {{"model", "a"}}, 1);
    m.change("running", "Running.", {{"model", "a"}}, -1);
    EXPECT_EQ(m.render(), "# HELP running Running.\n# TYPE running gauge\nrunning{model=\"a\"} 1\n");
}

TEST(Metrics, RefreshesGaugesWhenRendered) {
    Metrics m;
    int calls = 0;
    m.on_render([&](Metrics& all) { all.set("calls", "", {}, ++calls); });
    EXPECT_NE(m.render().find("calls 1\n"), std::string::npos);
    EXPECT_NE(m.render().find("calls 2\n"), std::string::npos);
}

}  // namespace
}  // namespace tenon::observe
