// Answers of models by request, kept in a file of JSON lines so that a search can go on where it stopped.
#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "tenon/base/error.hpp"

namespace tenon::chain {

/// Thread-safe. A last line that was cut by a crash is dropped.
class Journal {
  public:
    /// An empty path: in memory only. Errors: io, corrupt (a line in the middle is not ours).
    static Result<std::unique_ptr<Journal>> open(const std::filesystem::path& path);
    std::optional<std::string> find(const std::string& key) const;
    Result<void> put(const std::string& key, const std::string& text);

  private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    mutable std::mutex mutex_;
    std::unordered_map<std::string, std::string> answers_;
    std::unique_ptr<std::FILE, Close> file_;
    std::string path_;
};

}  // namespace tenon::chain
