// Shared by the model tests: where files are, and reading goldens.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "tenon/json/json.hpp"
#include "tenon/model/model.hpp"

namespace tenon::model::test {

inline std::filesystem::path golden(const std::string& name) {
    return std::filesystem::path(TENON_TEST_DATA) / "golden/model" / name;
}

/// A real model, when the machine has it.
inline std::optional<std::filesystem::path> real_model(const std::string& name) {
    const char* folder = std::getenv("TENON_TEST_MODELS");
    if (folder == nullptr) return std::nullopt;
    std::filesystem::path path = std::filesystem::path(folder) / name;
    if (!std::filesystem::exists(path)) return std::nullopt;
    return path;
}

#define TENON_NEED_MODEL(variable, name)                                                             \
    const auto variable##_found = ::tenon::model::test::real_model(name);                            \
    if (!variable##_found) GTEST_SKIP() << "needs " << (name) << " in the folder TENON_TEST_MODELS"; \
    const std::filesystem::path variable = *variable##_found

inline std::string slurp(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

inline json::Value read_json(const std::filesystem::path& path) {
    auto value = json::parse(slurp(path));
    if (!value) throw std::runtime_error(path.string() + ": " + value.error().describe());
    return std::move(*value);
}

inline std::string base64(std::string_view text) {
    std::string out;
    std::uint32_t bits = 0;
    int have = 0;
    for (const char c : text) {
        int value = -1;
        if (c >= 'A' && c <= 'Z') value = c - 'A';
        if (c >= 'a' && c <= 'z') value = c - 'a' + 26;
        if (c >= '0' && c <= '9') value = c - '0' + 52;
        if (c == '+') value = 62;
        if (c == '/') value = 63;
        if (value < 0) continue;
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out.push_back(static_cast<char>(bits >> have & 0xFF));
        }
    }
    return out;
}

inline std::vector<float> floats(std::string_view text) {
    const std::string bytes = base64(text);
    std::vector<float> out(bytes.size() / sizeof(float));
    std::memcpy(out.data(), bytes.data(), out.size() * sizeof(float));
    return out;
}

inline std::vector<text::TokenId> ids(const json::Value& array) {
    std::vector<text::TokenId> out;
    for (const json::Value& id : array.as_array()) out.push_back(static_cast<text::TokenId>(id.as_int64()));
    return out;
}

/// Largest difference relative to the largest value, and the relative length of the difference.
struct Difference {
    double peak = 0;
    double rms = 0;
};
inline Difference difference(std::span<const float> got, std::span<const float> wanted) {
    double peak = 0, top = 0, error = 0, length = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        const double d = std::abs(static_cast<double>(got[i]) - wanted[i]);
        peak = std::isnan(d) ? 1e30 : std::max(peak, d);
        top = std::max(top, std::abs(static_cast<double>(wanted[i])));
        error += d * d;
        length += static_cast<double>(wanted[i]) * wanted[i];
    }
    return {peak / top, std::sqrt(error / length)};
}

/// Appends tokens in one pass and returns a copy of the logits.
inline std::vector<float> run(CausalModel& model, tensor::ThreadTeam& team, KvCache& cache,
                              std::span<const text::TokenId> tokens, Logits which) {
    const SequenceStep step{&cache, tokens, which};
    auto logits = model.forward(team, {&step, 1});
    if (!logits) throw std::runtime_error(logits.error().describe());
    return {logits->begin(), logits->end()};
}

}  // namespace tenon::model::test
