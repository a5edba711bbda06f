// Metrics in the Prometheus text format 0.0.4.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tenon::observe {

using Labels = std::vector<std::pair<std::string, std::string>>;

/// A set of metrics. Thread-safe. A metric is made by its first use; using one name as two kinds keeps the first.
class Metrics {
  public:
    Metrics();
    ~Metrics();
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;

    void add(const std::string& name, const std::string& help, const Labels& labels, double amount = 1);
    void set(const std::string& name, const std::string& help, const Labels& labels, double value);
    /// Moves a gauge up or down.
    void change(const std::string& name, const std::string& help, const Labels& labels, double by);
    /// Seconds, tokens or any other amount; `buckets` are upper bounds in rising order and count at the first use.
    void observe(const std::string& name, const std::string& help, const Labels& labels, double value,
                 const std::vector<double>& buckets);
    /// Called at every rendering, to bring gauges up to date.
    void on_render(std::function<void(Metrics&)> refresh);
    [[nodiscard]] std::string render() const;

    [[nodiscard]] static const std::vector<double>& latency_buckets();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::observe
