#include "chain/journal.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "tenon/base/file.hpp"
#include "tenon/json/json.hpp"

namespace tenon::chain {

Result<std::unique_ptr<Journal>> Journal::open(const std::filesystem::path& path) {
    auto journal = std::make_unique<Journal>();
    if (path.empty()) return journal;
    journal->path_ = path.string();
    std::size_t good = 0;
    if (std::filesystem::exists(path)) {
        TENON_TRY(const auto text, read_file(path, std::size_t{1} << 30));
        for (std::size_t line = 1; good < text.size(); ++line) {
            const auto end = text.find('\n', good);
            if (end == std::string::npos) break;
            const auto row = json::parse(std::string_view(text).substr(good, end - good));
            if (!row || json::string_or(*row, "key", "").empty())
                return fail(ErrorCode::corrupt,
                            fmt::format("{}, line {}: no line of a journal; give another file", journal->path_, line));
            journal->answers_[std::string(json::string_or(*row, "key", ""))] = json::string_or(*row, "text", "");
            good = end + 1;
        }
    }
    journal->file_.reset(std::fopen(path.c_str(), "ab"));
    if (!journal->file_) return fail(ErrorCode::io, fmt::format("cannot write {}", journal->path_));
    if (::ftruncate(::fileno(journal->file_.get()), static_cast<off_t>(good)) != 0)
        return fail(ErrorCode::io, fmt::format("cannot write {}", journal->path_));
    return journal;
}

std::optional<std::string> Journal::find(const std::string& key) const {
    const std::scoped_lock lock(mutex_);
    const auto at = answers_.find(key);
    return at == answers_.end() ? std::nullopt : std::optional(at->second);
}

Result<void> Journal::put(const std::string& key, const std::string& text) {
    const std::scoped_lock lock(mutex_);
    answers_[key] = text;
    if (!file_) return {};
    const std::string line = json::dump(json::Object{{"key", key}, {"text", text}}) + "\n";
    if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size() || std::fflush(file_.get()) != 0)
        return fail(ErrorCode::io, fmt::format("cannot write {}; is the disk full?", path_));
    return {};
}

}  // namespace tenon::chain
