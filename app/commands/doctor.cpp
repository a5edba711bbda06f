// tenon doctor: what this machine has, and what is missing.
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <boost/json.hpp>

#include <cstdlib>
#include <fstream>

#include "options.hpp"
#include "tenon/base/process.hpp"
#include "tenon/hub/registry.hpp"
#include "tenon/provider/open.hpp"
#include "tenon/tensor/ops.hpp"
#include "tenon/tensor/thread_team.hpp"

namespace tenon::app {
namespace {

struct Options {
    bool json = false;
};

void declare(CommandLine& sub, Options& o) { sub.add_flag("--json", o.json, "print JSON"); }

std::string cpu_name() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);)
        if (line.starts_with("model name") && line.find(": ") != std::string::npos)
            return line.substr(line.find(": ") + 2);
    return "unknown";
}

std::uint64_t memory_of(std::string_view key) {
    std::ifstream info("/proc/meminfo");
    for (std::string line; std::getline(info, line);)
        if (line.starts_with(key)) return std::strtoull(line.c_str() + key.size(), nullptr, 10) * 1024;
    return 0;
}

#if defined(__clang__)
constexpr const char* compiler = "clang " __clang_version__;
#else
constexpr const char* compiler = "gcc " __VERSION__;
#endif

std::string system_name() {
    utsname names{};
    return ::uname(&names) == 0 ? fmt::format("{} {} {}", names.sysname, names.release, names.machine) : "unknown";
}

/// What a program says of its version; empty when it is not there.
std::string first_line_of(const std::vector<std::string>& command) {
    ProcessOptions options;
    options.inherit_environment = true;
    options.merge_error = true;
    const auto said = run_process(command, options);
    return said ? said->out.substr(0, said->out.find('\n')) : "";
}

Result<void> run(Context& context, const Options& o) {
    const auto& s = context.settings();
    std::vector<std::string> problems;
    std::string isas;
    for (const auto isa : tensor::available_isas())
        isas += (isas.empty() ? "" : ", ") + std::string(tensor::isa_name(isa));
    json::Array models, bases;
    TENON_TRY(const hub::Registry* registry, context.registry());
    TENON_TRY(const auto installed, registry->list());
    for (const auto& m : installed) models.push_back(json::Object{{"name", m.name}, {"bytes", m.bytes}});
    const auto have = [&](std::string_view name) { return registry->resolve(name).has_value(); };
    if (!provider::parse_model_name(s.chat_model).preset && !have(s.chat_model))
        problems.push_back(
            fmt::format("the chat model {} is not installed: tenon pull {}", s.chat_model, s.chat_model));
    if (!provider::parse_model_name(s.embedding_model).preset && !have(s.embedding_model))
        problems.push_back(fmt::format("the embedding model {} is not installed: tenon pull {}", s.embedding_model,
                                       s.embedding_model));
    TENON_TRY(const auto store, context.store());
    TENON_TRY(const auto listed, store->list());
    for (const auto& b : listed) {
        bases.push_back(json::Object{{"name", b.name}, {"documents", b.documents}, {"chunks", b.chunks}});
        if (!b.problem.empty()) problems.push_back(fmt::format("knowledge base {}: {}", b.name, b.problem));
    }
    const std::string pdf_version = first_line_of({"pdftotext", "-v"}),
                      python_version = first_line_of({"python3", "--version"});
    const bool pdf = !pdf_version.empty(), pip = !python_version.empty();
    if (!pdf) problems.emplace_back("pdftotext is missing, so PDF files cannot be indexed: install poppler-utils");
    if (!pip) problems.emplace_back("python3 is missing, so pip: sources cannot be pulled (nothing else needs it)");
    if (tensor::active_isa() == tensor::Isa::scalar)
        problems.emplace_back("this processor has none of AVX2, AVX-512 and NEON: models will be slow");
    std::error_code ignored;
    std::filesystem::create_directories(s.home, ignored);
    const auto space = std::filesystem::space(s.home, ignored);
    if (!ignored && space.available < (std::uint64_t{1} << 30))
        problems.push_back(fmt::format("only {} are free in {}", human_bytes(space.available), s.home.string()));
    if (::access(s.home.c_str(), W_OK) != 0)
        problems.push_back(fmt::format("{} cannot be written to; set TENON_HOME to another folder", s.home.string()));

    if (o.json) {
        json::Array list;
        for (const auto& p : problems) list.emplace_back(p);
        print_json(json::Object{{"version", TENON_VERSION},
                                {"cpu", cpu_name()},
                                {"features", std::string(tensor::cpu_features())},
                                {"kernels", std::string(tensor::isa_name(tensor::active_isa()))},
                                {"threads", s.threads > 0 ? s.threads : tensor::ThreadTeam::default_threads()},
                                {"memory_available", memory_of("MemAvailable:")},
                                {"disk_available", space.available},
                                {"home", s.home.string()},
                                {"settings_file", s.file.string()},
                                {"chat_model", s.chat_model},
                                {"embedding_model", s.embedding_model},
                                {"models", std::move(models)},
                                {"knowledge_bases", std::move(bases)},
                                {"pdftotext", pdf},
                                {"python3", pip},
                                {"memory_total", memory_of("MemTotal:")},
                                {"versions", json::Object{{"pdftotext", pdf_version},
                                                          {"python3", python_version},
                                                          {"compiler", compiler},
                                                          {"system", system_name()}}},
                                {"problems", std::move(list)}});
        return {};
    }
    const auto line = [](std::string_view key, std::string_view value) {
        print_line(fmt::format("{:<16} {}", key, value));
    };
    line("tenon", TENON_VERSION);
    line("processor", cpu_name());
    line("features", tensor::cpu_features());
    line("kernels", fmt::format("{} (of {})", tensor::isa_name(tensor::active_isa()), isas));
    line("threads", fmt::format("{}", s.threads > 0 ? s.threads : tensor::ThreadTeam::default_threads()));
    line("memory", fmt::format("{} available of {}; loaded models may take {}", human_bytes(memory_of("MemAvailable:")),
                               human_bytes(memory_of("MemTotal:")), human_bytes(context.memory_budget())));
    line("home", fmt::format("{} ({} free)", s.home.string(), human_bytes(space.available)));
    line("settings", s.file.empty() ? "defaults and environment (no tenon.toml)" : s.file.string());
    line("chat model", s.chat_model);
    line("embedding", s.embedding_model);
    for (const auto& m : installed) line("installed", fmt::format("{} ({})", m.name, human_bytes(m.bytes)));
    for (const auto& b : listed)
        line("knowledge base", fmt::format("{}: {} documents, {} chunks", b.name, b.documents, b.chunks));
    line("PDF", pdf ? pdf_version : "no pdftotext");
    line("pip: sources", pip ? python_version : "no python3");
    line("built with", compiler);
    line("system", system_name());
    if (problems.empty())
        print_line("\nnothing is missing");
    else
        print_line("");
    for (const auto& p : problems) print_line("! " + p);
    return {};
}

}  // namespace

void add_doctor(CommandLine& cli, Command& chosen) {
    add_command<Options>(cli, chosen, "doctor", "processor, memory, models, and what is missing", declare, run);
}

}  // namespace tenon::app
