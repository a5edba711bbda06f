#include "tenon/chain/registry.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "tenon/base/file.hpp"
#include "tenon/base/hash.hpp"
#include "tenon/base/utf8.hpp"

// One mode in the whole program: toml++'s two modes share symbols.
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_UNRELEASED_FEATURES 0
#include <toml++/toml.h>

namespace tenon::chain {
namespace {

namespace fs = std::filesystem;

bool is_word(std::string_view name) {
    if (name.empty() || name.size() > 100 || name.front() == '.' || name.front() == '-' || !utf8::is_valid(name))
        return false;
    return std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == '.' || static_cast<unsigned char>(c) >= 0x80;
    });
}
bool all_digits(std::string_view s) {
    return !s.empty() && std::ranges::all_of(s, [](char c) { return c >= '0' && c <= '9'; });
}
/// A tag must not read as a version.
bool is_tag(std::string_view tag) {
    return is_word(tag) && tag != "latest" && !all_digits(tag) && !(tag.front() == 'v' && all_digits(tag.substr(1)));
}

std::string toml_string(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
            out += fmt::format("\\u{:04X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        } else {
            out += c;
        }
    }
    return out + "\"";
}

std::string write_history(const PromptHistory& h) {
    std::string out = "# Kept by `tenon prompt`; the texts stand beside this file, named by their hash.\n";
    for (const auto& v : h.versions)
        out += fmt::format("\n[[version]]\nnumber = {}\nhash = \"{}\"\ncreated = {}\nnote = {}\n", v.number, v.hash,
                           v.created, toml_string(v.note));
    if (!h.tags.empty())
        out += "\n# For each tag the versions it has pointed at; the last is where it points.\n[tags]\n";
    for (const auto& [tag, numbers] : h.tags)
        out += fmt::format("{} = [{}]\n", toml_string(tag), fmt::join(numbers, ", "));
    for (const auto& [name, ways] : h.experiments) {
        out += fmt::format("\n[experiments.{}]\n", toml_string(name));
        for (const auto& [way, weight] : ways) out += fmt::format("{} = {}\n", toml_string(way), weight);
    }
    return out;
}

Result<PromptHistory> read_history(std::string_view text, const std::string& name, const std::string& origin) {
    const auto corrupt = [&](std::string_view why) {
        return fail(ErrorCode::corrupt, fmt::format("{}: {}; mend it by hand or take it from a backup", origin, why));
    };
    if (!utf8::is_valid(text)) return corrupt("not valid UTF-8");
    const auto parsed = toml::parse(text);
    if (!parsed) return corrupt(parsed.error().description());
    const auto& table = parsed.table();
    PromptHistory out;
    out.name = name;
    if (const auto* versions = table["version"].as_array()) {
        for (const auto& node : *versions) {
            const auto* row = node.as_table();
            if (row == nullptr) return corrupt("a version is no table");
            PromptVersion v;
            const auto number = (*row)["number"].value<std::int64_t>();
            v.hash = (*row)["hash"].value_or(std::string());
            v.note = (*row)["note"].value_or(std::string());
            v.created = (*row)["created"].value_or(std::int64_t{0});
            if (!number || *number != static_cast<std::int64_t>(out.versions.size()) + 1)
                return corrupt("versions are not 1, 2, …");
            if (v.hash.size() != 64 || v.hash.find_first_not_of("0123456789abcdef") != std::string::npos)
                return corrupt("a hash is not 64 hexadecimal digits");
            v.number = static_cast<std::uint32_t>(*number);
            out.versions.push_back(std::move(v));
        }
    }
    if (out.versions.empty()) return corrupt("no version");
    if (const auto* tags = table["tags"].as_table()) {
        for (const auto& [tag, node] : *tags) {
            const auto* numbers = node.as_array();
            if (numbers == nullptr || numbers->empty()) return corrupt("a tag is no list of versions");
            for (const auto& n : *numbers) {
                const auto number = n.value<std::int64_t>();
                if (!number || *number < 1 || *number > static_cast<std::int64_t>(out.versions.size()))
                    return corrupt("a tag points at no version");
                out.tags[std::string(tag.str())].push_back(static_cast<std::uint32_t>(*number));
            }
        }
    }
    if (const auto* experiments = table["experiments"].as_table()) {
        for (const auto& [experiment, node] : *experiments) {
            const auto* ways = node.as_table();
            if (ways == nullptr) return corrupt("an experiment is no table of weights");
            for (const auto& [way, weight] : *ways) {
                const auto number = weight.value<double>();
                if (!number || !(*number > 0)) return corrupt("a weight is no number above 0");
                out.experiments[std::string(experiment.str())].emplace_back(std::string(way.str()), *number);
            }
        }
    }
    return out;
}

/// Holds other processes off while a history is read, changed and written.
class FolderLock {
  public:
    static Result<FolderLock> take(const fs::path& folder) {
        const int fd = ::open((folder / ".lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
        if (fd < 0 || ::flock(fd, LOCK_EX) != 0) {
            if (fd >= 0) ::close(fd);
            return fail(ErrorCode::io, fmt::format("cannot lock {}; is it writable?", folder.string()));
        }
        return FolderLock(fd);
    }
    FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    FolderLock& operator=(FolderLock&&) = delete;
    ~FolderLock() {
        if (fd_ >= 0) ::close(fd_);
    }

  private:
    explicit FolderLock(int fd) : fd_(fd) {}
    int fd_;
};

Result<const PromptVersion*> resolve(const PromptHistory& h, std::string_view reference) {
    if (reference.empty() || reference == "latest") return &h.versions.back();
    if (const auto at = h.tags.find(std::string(reference)); at != h.tags.end())
        return &h.versions[at->second.back() - 1];
    const auto digits = reference.front() == 'v' ? reference.substr(1) : reference;
    if (all_digits(digits) && digits.size() < 7) {
        const auto number = static_cast<std::size_t>(std::stoul(std::string(digits)));
        if (number >= 1 && number <= h.versions.size()) return &h.versions[number - 1];
    }
    if (reference.size() >= 4) {
        const PromptVersion* found = nullptr;
        for (const auto& v : h.versions) {
            if (!v.hash.starts_with(reference)) continue;
            if (found != nullptr && found->hash != v.hash)
                return fail(ErrorCode::invalid_argument,
                            fmt::format("several versions of {} begin with {}; give more digits", h.name, reference));
            found = &v;
        }
        if (found != nullptr) return found;
    }
    return fail(ErrorCode::not_found,
                fmt::format("{} has no version or tag '{}'; `tenon prompt show {} --versions` lists them", h.name,
                            reference, h.name));
}

class Folder final : public PromptStore {
  public:
    Folder(fs::path root, std::function<std::chrono::system_clock::time_point()> now)
        : root_(std::move(root)), now_(std::move(now)) {}

    Result<std::vector<std::string>> list() const override {
        std::vector<std::string> names;
        std::error_code error;
        for (fs::directory_iterator it(root_, error), end; !error && it != end; it.increment(error))
            if (fs::exists(it->path() / "prompt.toml")) names.push_back(it->path().filename().string());
        if (error) return fail(ErrorCode::io, fmt::format("cannot read {}: {}", root_.string(), error.message()));
        std::ranges::sort(names);
        return names;
    }
    Result<PromptHistory> history(const std::string& name) const override {
        if (!is_word(name))
            return fail(ErrorCode::invalid_argument,
                        fmt::format("'{}' is no name of a prompt: letters, digits, - _ and . make one", name));
        const auto path = root_ / name / "prompt.toml";
        auto text = read_file(path, std::size_t{16} << 20);
        if (!text && text.error().code() == ErrorCode::not_found)
            return fail(ErrorCode::not_found,
                        fmt::format("there is no prompt '{}'; `tenon prompt list` shows what there is", name));
        if (!text) return std::unexpected(std::move(text).error());
        return read_history(*text, name, path.string());
    }
    Result<StoredPrompt> get(const std::string& name, const std::string& reference) const override {
        TENON_TRY(const auto known, history(name));
        TENON_TRY(const auto* version, resolve(known, reference));
        const auto path = text_path(name, version->hash);
        TENON_TRY(auto text, read_file(path, std::size_t{8} << 20));
        if (sha256_hex(text) != version->hash)
            return fail(ErrorCode::corrupt,
                        fmt::format("{} was changed by hand: put the text as a new version instead", path.string()));
        TENON_TRY(auto document, PromptDocument::parse(text, fmt::format("{} v{}", name, version->number)));
        return StoredPrompt{*version, std::move(text), std::move(document)};
    }
    Result<PromptVersion> put(const std::string& name, std::string text, std::string note) override {
        if (!is_word(name))
            return fail(ErrorCode::invalid_argument,
                        fmt::format("'{}' is no name of a prompt: letters, digits, - _ and . make one", name));
        TENON_CHECK(PromptDocument::parse(text, name));
        const std::scoped_lock guard(mutex_);
        std::error_code error;
        fs::create_directories(root_ / name, error);
        if (error)
            return fail(ErrorCode::io, fmt::format("cannot make {}: {}", (root_ / name).string(), error.message()));
        TENON_TRY(const auto lock, FolderLock::take(root_ / name));
        PromptHistory known;
        if (auto there = history(name))
            known = std::move(*there);
        else if (there.error().code() != ErrorCode::not_found)
            return std::unexpected(std::move(there).error());
        known.name = name;
        PromptVersion version{static_cast<std::uint32_t>(known.versions.size() + 1), sha256_hex(text), std::move(note),
                              std::chrono::duration_cast<std::chrono::seconds>(now_().time_since_epoch()).count()};
        if (!known.versions.empty() && known.versions.back().hash == version.hash) return known.versions.back();
        TENON_CHECK(write_file_atomic(text_path(name, version.hash), text));
        known.versions.push_back(version);
        TENON_CHECK(write(known));
        return version;
    }
    Result<PromptVersion> tag(const std::string& name, const std::string& tag, const std::string& reference) override {
        if (!is_tag(tag))
            return fail(ErrorCode::invalid_argument,
                        fmt::format("'{}' is no tag: a word that is no version makes one", tag));
        return change(name, [&](PromptHistory& known) -> Result<PromptVersion> {
            TENON_TRY(const auto* version, resolve(known, reference));
            auto& numbers = known.tags[tag];
            if (numbers.empty() || numbers.back() != version->number) numbers.push_back(version->number);
            return *version;
        });
    }
    Result<PromptVersion> roll_back(const std::string& name, const std::string& tag) override {
        return change(name, [&](PromptHistory& known) -> Result<PromptVersion> {
            const auto at = known.tags.find(tag);
            if (at == known.tags.end()) return fail(ErrorCode::not_found, fmt::format("{} has no tag '{}'", name, tag));
            if (at->second.size() < 2)
                return fail(ErrorCode::not_found, fmt::format("the tag '{}' of {} has pointed at nothing before v{}",
                                                              tag, name, at->second.back()));
            at->second.pop_back();
            return known.versions[at->second.back() - 1];
        });
    }
    Result<void> experiment(const std::string& name, const std::string& experiment,
                            std::vector<std::pair<std::string, double>> ways) override {
        if (!is_word(experiment))
            return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no name of an experiment", experiment));
        const auto done = change(name, [&](PromptHistory& known) -> Result<PromptVersion> {
            for (const auto& [way, weight] : ways) {
                TENON_CHECK(resolve(known, way));
                if (!(weight > 0) || !std::isfinite(weight))
                    return fail(ErrorCode::invalid_argument, fmt::format("the weight of '{}' must be above 0", way));
            }
            if (ways.empty())
                known.experiments.erase(experiment);
            else
                known.experiments[experiment] = std::move(ways);
            return known.versions.back();
        });
        if (!done) return std::unexpected(done.error());
        return {};
    }

  private:
    [[nodiscard]] fs::path text_path(const std::string& name, const std::string& hash) const {
        return root_ / name / (hash.substr(0, 12) + ".prompt");
    }
    Result<void> write(const PromptHistory& known) {
        return write_file_atomic(root_ / known.name / "prompt.toml", write_history(known));
    }
    template <class Change>
    Result<PromptVersion> change(const std::string& name, Change work) {
        const std::scoped_lock guard(mutex_);
        TENON_CHECK(history(name));  // before a lock makes a file in a folder that is none of ours
        TENON_TRY(const auto lock, FolderLock::take(root_ / name));
        TENON_TRY(auto known, history(name));
        TENON_TRY(auto version, work(known));
        TENON_CHECK(write(known));
        return version;
    }

    fs::path root_;
    std::function<std::chrono::system_clock::time_point()> now_;
    std::mutex mutex_;
};

}  // namespace

double draw_for(std::string_view name, std::string_view experiment, std::string_view key) {
    const std::string digest = sha256_hex(fmt::format("{}\n{}\n{}", name, experiment, key));
    const std::uint64_t bits = std::stoull(digest.substr(0, 16), nullptr, 16);
    return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

Result<StoredPrompt> PromptStore::choose(const std::string& name, const std::string& experiment,
                                         std::string_view key) const {
    TENON_TRY(const auto known, history(name));
    const auto at = known.experiments.find(experiment);
    if (at == known.experiments.end())
        return fail(ErrorCode::not_found, fmt::format("{} has no experiment '{}'", name, experiment));
    double total = 0;
    for (const auto& [way, weight] : at->second) total += weight;
    double left = draw_for(name, experiment, key) * total;
    for (const auto& [way, weight] : at->second) {
        left -= weight;
        if (left < 0) return get(name, way);
    }
    return get(name, at->second.back().first);
}

Result<std::shared_ptr<PromptStore>> open_prompt_folder(std::filesystem::path folder,
                                                        std::function<std::chrono::system_clock::time_point()> now) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error || !fs::is_directory(folder))
        return fail(ErrorCode::io, fmt::format("cannot make the folder {}: {}", folder.string(),
                                               error ? error.message() : "a file is in the way"));
    return std::make_shared<Folder>(std::move(folder), std::move(now));
}

}  // namespace tenon::chain
