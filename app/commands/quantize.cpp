// tenon quantize, tenon convert: model files of other weight types and formats.
#include "tenon/model/quantize.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <algorithm>
#include <map>

#include "options.hpp"
#include "tenon/tensor/dtype.hpp"

namespace tenon::app {
namespace {

struct Options {
    std::string in, out, type, imatrix, output_type, embedding_type;
    std::vector<std::string> tensor_types;
    std::size_t threads = 0;
    bool pure = false, requantize = false, dry_run = false, json = false;
};

std::string known_types() {
    std::string out;
    for (const std::string_view name : model::quantisation_names())
        out += (out.empty() ? "" : ", ") + std::string(name);
    return out;
}

void declare_shared(CommandLine& sub, Options& o) {
    sub.add_option("--threads,-t", o.threads, "threads; default: one a processor")->check(in_range(1, 1024));
    sub.add_flag("--dry-run", o.dry_run, "print what each tensor would become, and write nothing");
    sub.add_flag("--json", o.json, "print a report as JSON");
}

void declare_quantize(CommandLine& sub, Options& o) {
    sub.add_option("IN", o.in, "a GGUF file, a folder with safetensors, or an installed model")->required();
    sub.add_option("OUT", o.out, "the GGUF file to write")->required();
    sub.add_option("TYPE", o.type, known_types())->required();
    sub.add_option("--imatrix", o.imatrix, "importance matrix (see `tenon imatrix`), GGUF or llama.cpp's older .dat");
    sub.add_option(
        "--tensor-type", o.tensor_types,
        "REGEX=TYPE: the type of tensors whose name the expression finds; repeatable, the first match counts");
    sub.add_option("--output-tensor-type", o.output_type, "the type of output.weight");
    sub.add_option("--token-embedding-type", o.embedding_type, "the type of the token embedding");
    sub.add_flag("--pure", o.pure, "no mixture: every matrix in the type itself");
    sub.add_flag("--requantize", o.requantize, "allow input that is quantised already, at a loss");
    declare_shared(sub, o);
}

void declare_convert(CommandLine& sub, Options& o) {
    sub.add_option("IN", o.in, "a folder with safetensors, config.json and tokenizer.json")->required();
    sub.add_option("OUT", o.out, "the GGUF file to write")->required();
    o.type = "f16";
    sub.add_option("--type", o.type, "f16 (default), bf16, f32, q8_0 or any type of `tenon quantize`");
    declare_shared(sub, o);
}

Result<tensor::DType> tensor_type(std::string name) {
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    for (std::size_t i = 0; i < tensor::dtype_count; ++i) {
        const auto type = static_cast<tensor::DType>(i);
        if (tensor::info(type).name == name && tensor::can_quantize(type)) return type;
    }
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no type of a tensor; name one such as Q8_0, Q6_K, IQ4_XS or F16", name));
}

Result<model::QuantizeOptions> parse(const Options& o) {
    model::QuantizeOptions out;
    out.type = o.type;
    out.pure = o.pure;
    out.requantize = o.requantize;
    out.threads = o.threads;
    for (const std::string& entry : o.tensor_types) {
        const std::size_t equals = entry.rfind('=');
        if (equals == std::string::npos || equals == 0)
            return fail(ErrorCode::invalid_argument, fmt::format("--tensor-type takes REGEX=TYPE, not '{}'", entry));
        TENON_TRY(const tensor::DType type, tensor_type(entry.substr(equals + 1)));
        out.tensor_types.emplace_back(entry.substr(0, equals), type);
    }
    if (!o.output_type.empty()) {
        TENON_TRY(out.output_type, tensor_type(o.output_type));
    }
    if (!o.embedding_type.empty()) {
        TENON_TRY(out.embedding_type, tensor_type(o.embedding_type));
    }
    return out;
}

std::string shape_text(const std::vector<std::uint64_t>& shape) {
    std::string out;
    for (const std::uint64_t n : shape) out += (out.empty() ? "" : " x ") + std::to_string(n);
    return out.empty() ? "1" : out;
}

void print_report(const model::ExportReport& report, const Options& o) {
    std::map<std::string, std::uint64_t> types;
    for (const auto& tensor : report.tensors) types[tensor.to] += tensor.bytes_after;
    if (o.json) {
        json::Array tensors;
        for (const auto& t : report.tensors)
            tensors.push_back(json::Object{{"name", t.name},
                                           {"shape", json::Array(t.shape.begin(), t.shape.end())},
                                           {"from", t.from},
                                           {"to", t.to},
                                           {"bytes_before", t.bytes_before},
                                           {"bytes", t.bytes_after},
                                           {"weighted", t.weighted}});
        json::Object by_type;
        for (const auto& [type, bytes] : types) by_type[type] = bytes;
        print_json(json::Object{{"output", o.dry_run ? json::Value(nullptr) : json::Value(o.out)},
                                {"bytes_before", report.bytes_before},
                                {"bytes", report.bytes_after},
                                {"bits_per_weight", report.bits_per_weight()},
                                {"types", std::move(by_type)},
                                {"tensors", std::move(tensors)}});
        return;
    }
    if (o.dry_run)
        for (const auto& t : report.tensors)
            print_line(fmt::format("{:<40} {:>18}  {:>6} -> {:<7} {:>10}{}", t.name, shape_text(t.shape), t.from, t.to,
                                   human_bytes(t.bytes_after), t.weighted ? "  weighted" : ""));
    std::string mix;
    for (const auto& [type, bytes] : types)
        mix += fmt::format("{}{} {}", mix.empty() ? "" : ", ", type, human_bytes(bytes));
    print_line(fmt::format("{}{}: {} -> {}, {:.2f} bits a weight ({})", o.dry_run ? "would write " : "", o.out,
                           human_bytes(report.bytes_before), human_bytes(report.bytes_after), report.bits_per_weight(),
                           mix));
}

Result<void> write(Context& context, const Options& o, const std::filesystem::path& in) {
    TENON_TRY(model::QuantizeOptions options, parse(o));
    model::ImportanceMatrix importance;
    if (!o.imatrix.empty()) {
        TENON_TRY(importance, model::ImportanceMatrix::read(o.imatrix));
        options.importance = &importance;
    }
    if (options.threads == 0) options.threads = context.settings().threads;
    const InterruptGuard interrupt;
    options.stop = interrupt.token();
    ProgressBar bar("writing");
    options.progress = [&](const model::ExportProgress& p) { bar.update(p.bytes_done, p.bytes_total, p.tensor); };
    auto report =
        model::quantize_model(in, o.dry_run ? std::filesystem::path() : std::filesystem::path(o.out), options);
    bar.finish();
    if (!report) return std::unexpected(std::move(report).error());
    print_report(*report, o);
    return {};
}

Result<void> run_quantize(Context& context, const Options& o) {
    TENON_TRY(const auto in, context.model_path(o.in));
    return write(context, o, in);
}

Result<void> run_convert(Context& context, const Options& o) {
    TENON_TRY(const auto in, context.model_path(o.in));
    if (!std::filesystem::is_directory(in))
        return fail(ErrorCode::invalid_argument,
                    fmt::format("{} is no folder with safetensors; to change a GGUF file's types use `tenon quantize`",
                                in.string()));
    return write(context, o, in);
}

}  // namespace

void add_quantize(CommandLine& cli, Command& chosen) {
    add_command<Options>(cli, chosen, "quantize", "write a model with smaller weights, as GGUF", declare_quantize,
                         run_quantize);
}

void add_convert(CommandLine& cli, Command& chosen) {
    add_command<Options>(cli, chosen, "convert", "write a folder with safetensors as one GGUF file", declare_convert,
                         run_convert);
}

}  // namespace tenon::app
