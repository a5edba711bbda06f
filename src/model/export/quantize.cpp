#include "tenon/model/quantize.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>

#include "model/export/export.hpp"

namespace tenon::model {
namespace {

using tensor::DType;

constexpr std::size_t piece_bytes = std::size_t{16} << 20;  // of float32 values that are worked on together

/// The columns of a tensor's importance, a set for each of its matrices; empty when there is none.
Result<std::span<const float>> importance_of(const ExportTensor& tensor, const ImportanceMatrix* matrix) {
    if (matrix == nullptr) return std::span<const float>{};
    const auto found = matrix->columns.find(tensor.name);
    if (found == matrix->columns.end()) return std::span<const float>{};
    const std::size_t matrices = tensor.record->shape.size() > 2 ? tensor.record->shape.front() : 1;
    if (found->second.size() != tensor.columns() * matrices && found->second.size() != tensor.columns())
        return fail(ErrorCode::invalid_argument,
                    fmt::format("the importance matrix is another model's: it has {} columns for {}, which has {}",
                                found->second.size(), tensor.name, tensor.columns() * matrices));
    return std::span<const float>(found->second);
}

class TensorWriter {
  public:
    TensorWriter(const ExportTensor& tensor, DType to, std::span<const float> importance) noexcept
        : tensor_(tensor),
          to_(to),
          from_(*tensor.record->type),
          row_bytes_(tensor::bytes_of(tensor::info(to), tensor.columns())),
          importance_(importance) {}

    /// All rows, in pieces, each shared by the threads.
    Result<void> run(GgufWriter& out, std::size_t threads, const std::stop_token& stop,
                     const std::function<void(std::size_t)>& wrote) {
        const std::size_t step =
            std::max<std::size_t>(1, piece_bytes / (4 * std::max<std::size_t>(1, tensor_.columns())));
        std::vector<std::byte> piece;
        for (std::size_t first = 0; first < tensor_.rows(); first += step) {
            if (stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped; nothing was written");
            const std::size_t last = std::min(tensor_.rows(), first + step);
            piece.resize((last - first) * row_bytes_);
            TENON_CHECK(convert(first, last, piece.data(), threads));
            TENON_CHECK(out.write(piece));
            wrote(piece.size());
        }
        return {};
    }

  private:
    Result<void> convert(std::size_t first, std::size_t last, std::byte* out, std::size_t threads) {
        std::atomic<std::size_t> next = first;
        std::mutex mutex;
        std::optional<Error> error;
        const auto work = [&] {
            std::vector<float> values(tensor_.columns());
            for (std::size_t r = next++; r < last; r = next++)
                if (auto done = convert_row(r, values, out + (r - first) * row_bytes_); !done) {
                    const std::scoped_lock lock(mutex);
                    if (!error) error = std::move(done).error();
                    next = last;
                }
        };
        {
            std::vector<std::jthread> helpers;
            for (std::size_t i = 1; i < std::min(threads, last - first); ++i) helpers.emplace_back(work);
            work();
        }
        if (error) return fail(error->code(), fmt::format("cannot write tensor {}", tensor_.name), *error);
        return {};
    }

    Result<void> convert_row(std::size_t r, std::vector<float>& values, std::byte* out) const {
        if (from_ == to_) {
            std::memcpy(out, tensor_.row(r), row_bytes_);
            return {};
        }
        tensor::dequantize(from_, tensor_.row(r), values);
        std::span<const float> columns = importance_;
        if (columns.size() > values.size()) {
            const std::size_t matrices = columns.size() / values.size();
            columns = columns.subspan(r / (tensor_.rows() / matrices) * values.size(), values.size());
        }
        return tensor::quantize(to_, values, out, columns);
    }

    const ExportTensor& tensor_;
    DType to_, from_;
    std::size_t row_bytes_;
    std::span<const float> importance_;
};

Result<void> check_input(const ExportModel& model, std::span<const DType> types, bool requantize) {
    for (std::size_t i = 0; i < types.size(); ++i) {
        const DType from = *model.tensors[i].record->type;
        if (tensor::info(from).quantised && types[i] != from && !requantize)
            return fail(ErrorCode::invalid_argument,
                        fmt::format("tensor {} is quantised already ({}); start from an F16 or F32 file, or accept the "
                                    "loss with --requantize",
                                    model.tensors[i].name, tensor::info(from).name));
    }
    return {};
}

}  // namespace

std::size_t ExportTensor::source_row(std::size_t r) const noexcept {
    if (paired_heads == 0) return r;
    const std::size_t head = rows() / paired_heads;
    const std::size_t i = r % head;
    return r - i + i % 2 * (head / 2) + i / 2;
}

const std::byte* ExportTensor::row(std::size_t r) const noexcept {
    return record->data.data() + source_row(r) * tensor::bytes_of(tensor::info(*record->type), columns());
}

Result<ExportReport> quantize_model(const std::filesystem::path& in, const std::filesystem::path& out,
                                    const QuantizeOptions& options) {
    TENON_TRY(const Mixture* mixture, find_mixture(options.type));
    TENON_TRY(ExportModel model, ExportModel::open(in));
    TENON_TRY(const std::vector<DType> types, choose_types(model, *mixture, options));
    TENON_CHECK(check_input(model, types, options.requantize));

    ExportReport report;
    std::vector<GgufTensor> written;
    std::vector<std::span<const float>> importance;
    std::size_t weighted = 0;
    for (std::size_t i = 0; i < types.size(); ++i) {
        const ExportTensor& tensor = model.tensors[i];
        const std::vector<std::uint64_t>& shape = tensor.record->shape;
        written.push_back({tensor.name, types[i], shape});
        TENON_TRY(const auto columns, importance_of(tensor, options.importance));
        importance.push_back(tensor::info(types[i]).quantised ? columns : std::span<const float>{});
        weighted += importance.back().empty() ? 0 : 1;
        report.tensors.push_back({tensor.name, shape, std::string(tensor::info(*tensor.record->type).name),
                                  std::string(tensor::info(types[i]).name), tensor.record->data.size(),
                                  written.back().bytes(), !importance.back().empty()});
        report.bytes_before += report.tensors.back().bytes_before;
        report.bytes_after += report.tensors.back().bytes_after;
        report.elements += tensor.record->elements();
    }
    if (options.importance != nullptr && weighted == 0 && tensor::info(base_type(*mixture)).quantised)
        return fail(ErrorCode::invalid_argument, "the importance matrix knows none of this model's tensors");
    if (out.empty()) return report;
    std::error_code ignored;
    if (std::filesystem::equivalent(in, out, ignored))
        return fail(ErrorCode::invalid_argument, "the output would replace the input; name another file");

    model.metadata.set("general.quantization_version", std::uint32_t{2});
    model.metadata.set("general.file_type", file_type(*mixture));
    if (options.importance != nullptr) {
        model.metadata.set("quantize.imatrix.entries_count", static_cast<std::uint32_t>(weighted));
        model.metadata.set("quantize.imatrix.chunks_count", options.importance->chunks);
        if (!options.importance->datasets.empty())
            model.metadata.set("quantize.imatrix.dataset", options.importance->datasets.front());
    }
    TENON_TRY(GgufWriter writer, GgufWriter::create(out, model.metadata, written));
    const std::size_t threads =
        options.threads > 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
    ExportProgress progress{0, report.bytes_after, {}};
    for (std::size_t i = 0; i < types.size(); ++i) {
        progress.tensor = model.tensors[i].name;
        TENON_CHECK(TensorWriter(model.tensors[i], types[i], importance[i])
                        .run(writer, threads, options.stop, [&](std::size_t bytes) {
                            progress.bytes_done += bytes;
                            if (options.progress) options.progress(progress);
                        }));
    }
    TENON_CHECK(writer.finish());
    return report;
}

void ExportModel::make(std::string name, std::vector<float> values) {
    auto made = std::make_unique<Made>();
    made->values = std::move(values);
    made->record = {name, DType::f32, "F32", {made->values.size()}, std::as_bytes(std::span(made->values))};
    tensors.push_back({std::move(name), &made->record, 0});
    made_.push_back(std::move(made));
}

Result<ExportModel> ExportModel::open(const std::filesystem::path& path) {
    ExportModel model;
    TENON_TRY(model.source, ModelSource::open(path));
    const ModelInfo info = model.source->basic_info();
    model.architecture = info.architecture;
    model.layers = info.layers;
    model.heads = info.heads;
    model.kv_heads = info.kv_heads;
    model.experts =
        static_cast<std::size_t>(std::max<std::int64_t>(0, model.source->integer("expert_count", "").value_or(0)));
    if (!model.source->is_gguf()) {
        TENON_CHECK(export_folder(model));
        return model;
    }
    for (const auto& [key, value] : model.source->gguf().metadata()) model.metadata.copy(key, value);
    for (const TensorRecord& record : model.source->tensors()) model.tensors.push_back({record.name, &record, 0});
    return model;
}

}  // namespace tenon::model
