#include "hub/hf_listing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

namespace tenon::hub {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return out;
}

bool safe_path(std::string_view path) noexcept {
    return !path.empty() && path.front() != '/' && path.find('\\') == std::string_view::npos &&
           ("/" + std::string(path) + "/").find("/../") == std::string::npos;
}

/// "model-00002-of-00005.gguf" → "model"; anything else → empty.
std::string_view split_stem(std::string_view path) noexcept {
    constexpr std::string_view tail = "-00001-of-00005.gguf";
    if (path.size() <= tail.size()) return {};
    const std::string_view end = path.substr(path.size() - tail.size());
    for (std::size_t i = 0; i < tail.size(); ++i) {
        const bool digit = tail[i] >= '0' && tail[i] <= '9';
        if (digit ? end[i] < '0' || end[i] > '9' : end[i] != tail[i]) return {};
    }
    return path.substr(0, path.size() - tail.size());
}

/// One GGUF with the other pieces of its split.
Selection with_pieces(const std::vector<ListedFile>& listing, const ListedFile& chosen) {
    Selection selection;
    const std::string_view stem = split_stem(chosen.path);
    for (const ListedFile& file : listing)
        if (stem.empty() ? file.path == chosen.path : split_stem(file.path) == stem) selection.files.push_back(file);
    return selection;
}

/// Weights in other frameworks' formats and everything else a safetensors model does not need.
bool belongs_to_folder(std::string_view path) noexcept {
    const bool inside = path.find('/') != std::string_view::npos;
    if (inside) {
        // Modules of sentence-transformers: "1_Pooling/config.json", "2_Dense/model.safetensors".
        if (path[0] < '0' || path[0] > '9' || path.find('_') == std::string_view::npos) return false;
    }
    for (const std::string_view end : {".safetensors", ".json", ".txt", ".model", ".jinja"})
        if (path.ends_with(end)) return true;
    return false;
}

}  // namespace

Result<std::vector<ListedFile>> parse_listing(const json::Value& tree) {
    if (!tree.is_array()) return fail(ErrorCode::protocol, "the hub's list of files is not an array");
    std::vector<ListedFile> files;
    for (const json::Value& item : tree.get_array()) {
        if (json::string_or(item, "type", "") != "file") continue;
        ListedFile file;
        file.path = json::string_or(item, "path", "");
        file.bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(json::integer_or(item, "size", 0), 0));
        if (const json::Value* lfs = json::find(item, "lfs")) {
            file.sha256 = lower(json::string_or(*lfs, "oid", ""));
            if (file.sha256.starts_with("sha256:")) file.sha256.erase(0, 7);
            if (file.sha256.size() != 64) file.sha256.clear();
        }
        if (safe_path(file.path)) files.push_back(std::move(file));
    }
    return files;
}

Result<Selection> select_files(const std::vector<ListedFile>& listing, std::string_view member,
                               std::string_view repository) {
    std::vector<const ListedFile*> ggufs;  // of a split, the first piece
    for (const ListedFile& file : listing) {
        if (!member.empty() && file.path == member) {
            if (file.path.ends_with(".gguf")) return with_pieces(listing, file);
            return Selection{{file}, false};
        }
        const bool later_piece = !split_stem(file.path).empty() && file.path.find("-00001-of-") == std::string::npos;
        const bool helper = lower(file.path).find("mmproj") != std::string::npos;
        if (file.path.ends_with(".gguf") && !later_piece && !helper) ggufs.push_back(&file);
    }
    const auto choices = [&ggufs] {
        std::string text;
        for (const ListedFile* file : ggufs) text += (text.empty() ? "" : ", ") + file->path;
        return text;
    };
    const auto matching = [&ggufs](std::string_view part) {
        std::vector<const ListedFile*> found;
        for (const ListedFile* file : ggufs)
            if (lower(file->path).find(lower(part)) != std::string::npos) found.push_back(file);
        return found;
    };
    if (!member.empty()) {
        const auto found = matching(member);
        if (found.size() == 1) return with_pieces(listing, *found[0]);
        if (found.size() > 1)
            return fail(ErrorCode::invalid_argument, fmt::format("'{}' stands for several files of {}: name one of {}",
                                                                 member, repository, choices()));
        return fail(ErrorCode::not_found,
                    ggufs.empty() ? fmt::format("{} has no file '{}'", repository, member)
                                  : fmt::format("{} has no file '{}'; it has {}", repository, member, choices()));
    }
    const bool has_weights = std::ranges::any_of(listing, [](const ListedFile& f) {
        return f.path.ends_with(".safetensors") && f.path.find('/') == std::string::npos;
    });
    if (has_weights) {
        Selection selection;
        selection.folder = true;
        for (const ListedFile& file : listing)
            if (belongs_to_folder(file.path)) selection.files.push_back(file);
        return selection;
    }
    if (ggufs.size() == 1) return with_pieces(listing, *ggufs[0]);
    if (const auto usual = matching("q4_k_m"); usual.size() == 1) return with_pieces(listing, *usual[0]);
    if (!ggufs.empty())
        return fail(
            ErrorCode::invalid_argument,
            fmt::format("{0} holds several GGUF files; name one, as hf:{0}:FILE, of {1}", repository, choices()));
    return fail(ErrorCode::not_found, fmt::format("{} holds neither safetensors nor GGUF weights", repository));
}

}  // namespace tenon::hub
