#include "tenon/observe/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>

namespace tenon::observe {
namespace {

enum class Kind : std::uint8_t { counter, gauge, histogram };

struct Series {
    double value = 0;  // histograms: the sum
    std::uint64_t count = 0;
    std::vector<std::uint64_t> buckets;
};

struct Family {
    Kind kind = Kind::counter;
    std::string help;
    std::vector<double> bounds;
    std::map<std::string, Series> series;  // by rendered labels
};

void escape_into(std::string& out, std::string_view text, bool quotes) {
    for (const char c : text) {
        if (c == '\\')
            out += "\\\\";
        else if (c == '\n')
            out += "\\n";
        else if (c == '"' && quotes)
            out += "\\\"";
        else
            out += c;
    }
}

std::string render_labels(const Labels& labels) {
    std::string out;
    for (const auto& [name, value] : labels) {
        if (!out.empty()) out += ',';
        out += name + "=\"";
        escape_into(out, value, true);
        out += '"';
    }
    return out;
}

std::string number(double v) {
    if (std::isnan(v)) return "NaN";
    if (std::isinf(v)) return v > 0 ? "+Inf" : "-Inf";
    return fmt::format("{}", v);
}

}  // namespace

struct Metrics::Impl {
    mutable std::mutex mutex;
    std::map<std::string, Family> families;
    std::vector<std::function<void(Metrics&)>> refreshers;

    Series* find(const std::string& name, const std::string& help, const Labels& labels, Kind kind) {
        auto [at, fresh] = families.try_emplace(name);
        if (fresh) {
            at->second.kind = kind;
            at->second.help = help;
        }
        return at->second.kind == kind ? &at->second.series[render_labels(labels)] : nullptr;
    }
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::add(const std::string& name, const std::string& help, const Labels& labels, double amount) {
    const std::lock_guard lock(impl_->mutex);
    if (auto* s = impl_->find(name, help, labels, Kind::counter)) s->value += amount;
}

void Metrics::set(const std::string& name, const std::string& help, const Labels& labels, double value) {
    const std::lock_guard lock(impl_->mutex);
    if (auto* s = impl_->find(name, help, labels, Kind::gauge)) s->value = value;
}

void Metrics::change(const std::string& name, const std::string& help, const Labels& labels, double by) {
    const std::lock_guard lock(impl_->mutex);
    if (auto* s = impl_->find(name, help, labels, Kind::gauge)) s->value += by;
}

void Metrics::observe(const std::string& name, const std::string& help, const Labels& labels, double value,
                      const std::vector<double>& buckets) {
    const std::lock_guard lock(impl_->mutex);
    auto* s = impl_->find(name, help, labels, Kind::histogram);
    if (s == nullptr) return;
    auto& bounds = impl_->families[name].bounds;
    if (bounds.empty()) bounds = buckets;
    s->buckets.resize(bounds.size());
    for (std::size_t i = 0; i < bounds.size(); ++i)
        if (value <= bounds[i]) ++s->buckets[i];
    s->value += value;
    ++s->count;
}

void Metrics::on_render(std::function<void(Metrics&)> refresh) {
    const std::lock_guard lock(impl_->mutex);
    impl_->refreshers.push_back(std::move(refresh));
}

std::string Metrics::render() const {
    std::vector<std::function<void(Metrics&)>> refreshers;
    {
        const std::lock_guard lock(impl_->mutex);
        refreshers = impl_->refreshers;
    }
    for (const auto& refresh : refreshers) refresh(const_cast<Metrics&>(*this));
    const std::lock_guard lock(impl_->mutex);
    std::string out;
    for (const auto& [name, family] : impl_->families) {
        out += "# HELP " + name + " ";
        escape_into(out, family.help, false);
        out += "\n# TYPE " + name +
               (family.kind == Kind::counter ? " counter\n"
                : family.kind == Kind::gauge ? " gauge\n"
                                             : " histogram\n");
        for (const auto& [labels, s] : family.series) {
            const auto line = [&](std::string_view suffix, const std::string& extra, const std::string& value) {
                std::string all = labels;
                if (!extra.empty()) all += (all.empty() ? "" : ",") + extra;
                out += fmt::format("{}{}{} {}\n", name, suffix, all.empty() ? "" : "{" + all + "}", value);
            };
            if (family.kind != Kind::histogram) {
                line("", "", number(s.value));
                continue;
            }
            for (std::size_t i = 0; i < family.bounds.size(); ++i)
                line("_bucket", fmt::format("le=\"{}\"", family.bounds[i]),
                     fmt::format("{}", i < s.buckets.size() ? s.buckets[i] : 0));
            line("_bucket", "le=\"+Inf\"", fmt::format("{}", s.count));
            line("_sum", "", number(s.value));
            line("_count", "", fmt::format("{}", s.count));
        }
    }
    return out;
}

const std::vector<double>& Metrics::latency_buckets() {
    static const std::vector<double> bounds{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120};
    return bounds;
}

}  // namespace tenon::observe
