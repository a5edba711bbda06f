// Adapters as PEFT saves them and as llama.cpp's converter writes them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <cstring>
#include <map>

#include "model/lora.hpp"
#include "tenon/model/gguf.hpp"
#include "tenon/model/safetensors.hpp"

namespace tenon::model {
namespace {

/// Rows of a block's product that one matrix of the model gives.
struct Piece {
    LoraTarget target;
    std::size_t rows;
};

/// "7" of "7.self_attn.q_proj"; what follows the dot stays in `name`.
std::optional<std::size_t> take_index(std::string_view& name) {
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
    if (error != std::errc() || end == name.data() + name.size() || *end != '.') return std::nullopt;
    name.remove_prefix(static_cast<std::size_t>(end - name.data()) + 1);
    return index;
}

bool take_prefix(std::string_view& name, std::string_view prefix) {
    if (!name.starts_with(prefix)) return false;
    name.remove_prefix(prefix.size());
    return true;
}

bool take_suffix(std::string_view& name, std::string_view suffix) {
    if (!name.ends_with(suffix)) return false;
    name.remove_suffix(suffix.size());
    return true;
}

/// The two matrices of one adapted module, under the module's name in the adapter.
struct Halves {
    const TensorRecord* down = nullptr;
    const TensorRecord* up = nullptr;
};
using Modules = std::map<std::string, Halves, std::less<>>;

}  // namespace

class LoraReader {
  public:
    LoraReader(std::filesystem::path path, const ModelSource& source, const DecoderSpec& spec)
        : path_(std::move(path)), source_(source), spec_(spec), out_(new DecoderLora) {
        out_->layers_.resize(spec.layers);
    }

    [[nodiscard]] Result<std::shared_ptr<const DecoderLora>> read(const CausalModel* model);

  private:
    [[nodiscard]] Result<void> read_peft();
    [[nodiscard]] Result<void> read_gguf();
    [[nodiscard]] Result<void> read_settings(const json::Value& config);
    [[nodiscard]] Result<double> scale_of(std::string_view module, std::size_t rank) const;
    [[nodiscard]] Result<void> add_peft(std::string_view module, const Halves& halves);
    [[nodiscard]] Result<void> add_gguf(std::string_view module, const Halves& halves);
    [[nodiscard]] Result<void> add(std::string_view module, const Halves& halves, double scale, std::size_t layer,
                                   std::span<const Piece> pieces);
    [[nodiscard]] Result<LoraPair> make(std::string_view module, const Halves& halves, double scale, std::size_t first,
                                        std::size_t rows, std::size_t all_rows, std::size_t columns,
                                        std::size_t permuted_heads);
    [[nodiscard]] Result<void> finish(const Modules& modules, bool peft);
    [[nodiscard]] Error corrupt(std::string_view what) const {
        return {ErrorCode::corrupt, fmt::format("the adapter {} is broken: {}", path_.string(), what)};
    }
    [[nodiscard]] Error unsupported(std::string_view what) const {
        return {ErrorCode::unsupported, fmt::format("the adapter {} {}", path_.string(), what)};
    }
    [[nodiscard]] std::vector<Piece> pieces_of(std::string_view kind) const;
    [[nodiscard]] std::size_t columns_of(LoraTarget target) const noexcept {
        if (target == LoraTarget::o) return spec_.heads * spec_.head_dim;
        return target == LoraTarget::down ? spec_.hidden : spec_.width;
    }
    /// Whether the rows of q and k stand in another order in the model than in the adapter.
    [[nodiscard]] bool reorders() const noexcept {
        return out_->info_.format == "peft" && source_.is_gguf() && !spec_.ropes.empty() &&
               spec_.ropes.front().style() == tensor::RopeStyle::interleaved;
    }

    std::filesystem::path path_;
    const ModelSource& source_;
    const DecoderSpec& spec_;
    std::shared_ptr<DecoderLora> out_;
    // Of PEFT's settings, and alpha of GGUF's.
    double alpha_ = 0;
    bool root_rank_ = false;
    std::vector<std::pair<std::string, double>> alphas_;
};

std::vector<Piece> LoraReader::pieces_of(std::string_view kind) const {
    const std::size_t q = spec_.heads * spec_.head_dim;
    const std::size_t kv = spec_.kv_heads * spec_.head_dim;
    if (kind == "q") return {{LoraTarget::q, q}};
    if (kind == "k") return {{LoraTarget::k, kv}};
    if (kind == "v") return {{LoraTarget::v, kv}};
    if (kind == "qkv") return {{LoraTarget::q, q}, {LoraTarget::k, kv}, {LoraTarget::v, kv}};
    if (kind == "o") return {{LoraTarget::o, spec_.width}};
    if (kind == "gate") return {{LoraTarget::gate, spec_.hidden}};
    if (kind == "up") return {{LoraTarget::up, spec_.hidden}};
    if (kind == "gate_up") return {{LoraTarget::gate, spec_.hidden}, {LoraTarget::up, spec_.hidden}};
    return {{LoraTarget::down, spec_.width}};
}

Result<LoraPair> LoraReader::make(std::string_view module, const Halves& halves, double scale, std::size_t first,
                                  std::size_t rows, std::size_t all_rows, std::size_t columns,
                                  std::size_t permuted_heads) {
    TENON_TRY(const tensor::MatrixView down, halves.down->matrix());
    TENON_TRY(tensor::MatrixView up, halves.up->matrix());
    if (halves.down->shape.size() != 2 || halves.up->shape.size() != 2)
        return std::unexpected(corrupt(fmt::format("the tensors of {} are no matrices", module)));
    if (down.rows != up.columns)
        return std::unexpected(
            corrupt(fmt::format("the matrices of {} have ranks {} and {}", module, down.rows, up.columns)));
    if (down.columns != columns || up.rows != all_rows)
        return fail(
            ErrorCode::invalid_argument,
            fmt::format("the adapter {} was made for another model: its {} takes {} numbers to {}, this model's "
                        "{} to {}",
                        path_.string(), module, down.columns, up.rows, columns, all_rows));
    if (down.rows == 0 || down.rows > spec_.width)
        return std::unexpected(corrupt(fmt::format("{} has rank {}", module, down.rows)));
    const std::size_t row_bytes = up.row_bytes();
    Buffer part;
    TENON_CHECK(part.reserve(rows * row_bytes));
    const std::size_t half = permuted_heads == 0 ? 0 : rows / permuted_heads / 2;
    for (std::size_t r = 0; r < rows; ++r) {
        std::size_t from = r;
        // Rotated pairs are neighbours in the model, half a head apart in the adapter.
        if (half > 0) from = r / (2 * half) * 2 * half + r % 2 * half + r % (2 * half) / 2;
        std::memcpy(part.data() + r * row_bytes, up.data + (first + from) * row_bytes, row_bytes);
    }
    up.data = part.data();
    up.rows = rows;
    LoraPair pair;
    pair.scale = static_cast<float>(scale);
    TENON_TRY(pair.down, tensor::Weight::prepare(down));
    TENON_TRY(pair.up, tensor::Weight::prepare(up));
    out_->info_.rank = std::max(out_->info_.rank, down.rows);
    out_->info_.bytes += down.rows * down.row_bytes() + rows * row_bytes;
    ++out_->info_.matrices;
    return pair;
}

Result<void> LoraReader::add(std::string_view module, const Halves& halves, double scale, std::size_t layer,
                             std::span<const Piece> pieces) {
    if (layer >= spec_.layers)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("the adapter {} was made for another model: it changes layer {}, this model has {}",
                                path_.string(), layer, spec_.layers));
    std::size_t all = 0;
    for (const Piece& piece : pieces) all += piece.rows;
    std::size_t at = 0;
    for (const Piece& piece : pieces) {
        std::size_t heads = 0;
        if (reorders() && piece.target == LoraTarget::q) heads = spec_.heads;
        if (reorders() && piece.target == LoraTarget::k) heads = spec_.kv_heads;
        auto& into = out_->layers_[layer][static_cast<std::size_t>(piece.target)];
        if (into) return std::unexpected(corrupt(fmt::format("it changes {} twice", module)));
        TENON_TRY(into, make(module, halves, scale, at, piece.rows, all, columns_of(piece.target), heads));
        at += piece.rows;
    }
    return {};
}

Result<double> LoraReader::scale_of(std::string_view module, std::size_t rank) const {
    double alpha = alpha_;
    const auto named = std::ranges::find_if(alphas_, [&](const auto& entry) {
        const std::string& key = entry.first;
        return module == key ||
               (module.size() > key.size() && module.ends_with(key) && module[module.size() - key.size() - 1] == '.');
    });
    if (named != alphas_.end()) alpha = named->second;
    const double scale = alpha / (root_rank_ ? std::sqrt(static_cast<double>(rank)) : static_cast<double>(rank));
    if (!std::isfinite(scale)) return std::unexpected(corrupt(fmt::format("{} has the scale {}", module, scale)));
    return scale;
}

Result<void> LoraReader::read_settings(const json::Value& config) {
    if (const auto type = json::string_or(config, "peft_type", "LORA"); type != "LORA")
        return std::unexpected(unsupported(fmt::format("is of PEFT's type {}, not LORA", type)));
    for (const auto& [key, what] : {std::pair{"use_dora", "DoRA, which scales the model's own matrices"},
                                    {"lora_bias", "biases of its own"},
                                    {"use_qalora", "QA-LoRA, which pools its input"}})
        if (json::bool_or(config, key, false))
            return std::unexpected(unsupported(fmt::format("uses {}; Tenon reads plain LoRA", what)));
    if (const json::Value* replication = json::find(config, "layer_replication");
        replication != nullptr && !replication->is_null())
        return std::unexpected(unsupported("repeats layers of its model (layer_replication); Tenon reads plain LoRA"));
    alpha_ = json::number_or(config, "lora_alpha", 8);
    root_rank_ = json::bool_or(config, "use_rslora", false);
    out_->info_.base = json::string_or(config, "base_model_name_or_path", "");
    if (const json::Value* pattern = json::find(config, "alpha_pattern"); pattern != nullptr && pattern->is_object())
        for (const auto& [key, value] : pattern->get_object()) {
            if (!value.is_number()) return std::unexpected(corrupt("alpha_pattern holds something else than numbers"));
            const std::string name(key.data(), key.size());
            if (name.find_first_of("*+?[](){}|\\^$") != std::string::npos)
                return std::unexpected(unsupported(
                    fmt::format("has the regular expression '{}' in alpha_pattern; Tenon takes names", name)));
            alphas_.emplace_back(name, value.to_number<double>());
        }
    return {};
}

Result<void> LoraReader::add_peft(std::string_view module, const Halves& halves) {
    std::string_view name = module;
    TENON_TRY(const double scale, scale_of(module, halves.up->shape.empty() ? 1 : halves.up->shape.back()));
    if (name == "lm_head") {
        TENON_TRY(out_->output_, make(module, halves, scale, 0, spec_.vocabulary, spec_.vocabulary, spec_.width, 0));
        return {};
    }
    while (take_prefix(name, "model.") || take_prefix(name, "transformer.") || take_prefix(name, "language_model.")) {
    }
    const FolderNames& names = spec_.names;
    if (take_prefix(name, fmt::format("{}.", names.block)))
        if (const auto layer = take_index(name))
            for (const auto& [known, kind] : {std::pair{names.q, "q"},
                                              {names.k, "k"},
                                              {names.v, "v"},
                                              {names.qkv, "qkv"},
                                              {names.o, "o"},
                                              {names.gate, "gate"},
                                              {names.up, "up"},
                                              {names.gate_up, "gate_up"},
                                              {names.down, "down"}})
                if (name == known &&
                    (spec_.experts.count == 0 || kind[0] == 'q' || kind[0] == 'k' || kind[0] == 'v' || kind[0] == 'o'))
                    return add(module, halves, scale, *layer, pieces_of(kind));
    return std::unexpected(unsupported(
        fmt::format("changes {}, which Tenon does not adapt; it does {}, {}, {}, {}, {}, {}, {} and lm_head", module,
                    names.q, names.k, names.v, names.o, names.gate, names.up, names.down)));
}

Result<void> LoraReader::add_gguf(std::string_view module, const Halves& halves) {
    std::string_view name = module;
    const auto rank = static_cast<double>(halves.up->shape.empty() ? 1 : halves.up->shape.back());
    const double scale = alpha_ == 0 ? 1 : alpha_ / rank;
    if (name == "output") {
        TENON_TRY(out_->output_, make(module, halves, scale, 0, spec_.vocabulary, spec_.vocabulary, spec_.width, 0));
        return {};
    }
    if (take_prefix(name, "blk."))
        if (const auto layer = take_index(name))
            for (const auto& [known, kind] : {std::pair{"attn_q", "q"},
                                              {"attn_k", "k"},
                                              {"attn_v", "v"},
                                              {"attn_qkv", "qkv"},
                                              {"attn_output", "o"},
                                              {"ffn_gate", "gate"},
                                              {"ffn_up", "up"},
                                              {"ffn_down", "down"}})
                if (name == known) {
                    // Where gate and up are one matrix, GGUF calls it ffn_up.
                    const bool both = std::string_view(kind) == "up" && halves.up->shape.size() == 2 && spec_.gated &&
                                      halves.up->shape.front() == 2 * spec_.hidden;
                    return add(module, halves, scale, *layer, pieces_of(both ? "gate_up" : kind));
                }
    return std::unexpected(unsupported(fmt::format("changes {}, which Tenon does not adapt", module)));
}

Result<void> LoraReader::finish(const Modules& modules, bool peft) {
    if (modules.empty()) return std::unexpected(corrupt("it holds no low-rank matrices"));
    for (const auto& [module, halves] : modules) {
        if (halves.down == nullptr || halves.up == nullptr)
            return std::unexpected(corrupt(fmt::format("{} has one of its two matrices only", module)));
        TENON_CHECK(peft ? add_peft(module, halves) : add_gguf(module, halves));
    }
    return {};
}

Result<void> LoraReader::read_peft() {
    out_->info_.format = "peft";
    std::error_code error;
    if (!std::filesystem::exists(path_ / "adapter_config.json", error))
        return fail(ErrorCode::not_found,
                    fmt::format("{} is not an adapter's folder: it has no adapter_config.json", path_.string()));
    TENON_TRY(const json::Value config, read_json_file(path_ / "adapter_config.json"));
    if (!config.is_object()) return std::unexpected(corrupt("adapter_config.json holds no object"));
    TENON_CHECK(read_settings(config));
    const std::filesystem::path weights = path_ / "adapter_model.safetensors";
    if (!std::filesystem::exists(weights, error))
        return fail(ErrorCode::not_found,
                    fmt::format("{} has no adapter_model.safetensors{}", path_.string(),
                                std::filesystem::exists(path_ / "adapter_model.bin", error)
                                    ? "; adapter_model.bin may hold code and is not read: save it anew with PEFT"
                                    : ""));
    TENON_TRY(const SafetensorsFile file, SafetensorsFile::open(weights));
    Modules modules;
    for (const TensorRecord& record : file.tensors()) {
        std::string_view name = record.name;
        take_prefix(name, "base_model.model.");
        if (take_suffix(name, ".lora_A.weight"))
            modules[std::string(name)].down = &record;
        else if (take_suffix(name, ".lora_B.weight"))
            modules[std::string(name)].up = &record;
        else if (name == "lm_head.base_layer.weight" && record.shape == std::vector{spec_.vocabulary, spec_.width})
            continue;  // PEFT saves the model's own beside an adapter of it
        else
            return std::unexpected(
                unsupported(fmt::format("holds {}, which is no low-rank matrix (lora_A, lora_B)", record.name)));
    }
    return finish(modules, true);
}

Result<void> LoraReader::read_gguf() {
    out_->info_.format = "gguf";
    TENON_TRY(const GgufFile file, GgufFile::open(path_));
    const auto text = [&](std::string_view key) {
        const GgufValue* value = file.find(key);
        return value != nullptr && value->string() ? std::string(*value->string()) : std::string();
    };
    if (text("general.type") != "adapter" || text("adapter.type") != "lora")
        return fail(ErrorCode::invalid_argument, fmt::format("{} is no LoRA adapter: its general.type is '{}'",
                                                             path_.string(), text("general.type")));
    if (!source_.is_gguf())
        return fail(ErrorCode::invalid_argument,
                    fmt::format("{} is laid out for a GGUF model, {} is a folder: use the PEFT folder it was made from",
                                path_.string(), source_.path().string()));
    if (const std::string architecture = text("general.architecture"); architecture != source_.architecture())
        return fail(ErrorCode::invalid_argument,
                    fmt::format("the adapter {} was made for a model of architecture '{}', not '{}'", path_.string(),
                                architecture, source_.architecture()));
    out_->info_.base = text("general.base_model.0.name");
    const GgufValue* alpha = file.find("adapter.lora.alpha");
    if (alpha == nullptr || !alpha->number() || !std::isfinite(*alpha->number()))
        return std::unexpected(corrupt("it does not say adapter.lora.alpha"));
    alpha_ = *alpha->number();
    Modules modules;
    for (const TensorRecord& record : file.tensors()) {
        std::string_view name = record.name;
        if (take_suffix(name, ".weight.lora_a"))
            modules[std::string(name)].down = &record;
        else if (take_suffix(name, ".weight.lora_b"))
            modules[std::string(name)].up = &record;
        else
            return std::unexpected(unsupported(fmt::format("holds {}, which is no low-rank matrix", record.name)));
    }
    return finish(modules, false);
}

Result<std::shared_ptr<const DecoderLora>> LoraReader::read(const CausalModel* model) {
    std::error_code error;
    if (path_.filename() == "adapter_config.json" || path_.filename() == "adapter_model.safetensors")
        path_ = path_.parent_path().empty() ? "." : path_.parent_path();
    if (!std::filesystem::exists(path_, error))
        return fail(ErrorCode::not_found, fmt::format("there is no adapter at {}", path_.string()));
    const bool folder = std::filesystem::is_directory(path_, error);
    const std::filesystem::path named = path_.filename().empty() ? path_.parent_path() : path_;
    out_->info_.name = (folder ? named.filename() : named.stem()).string();
    TENON_CHECK(folder ? read_peft() : read_gguf());
    static std::atomic<std::uint64_t> loaded{0};
    out_->id_ = ++loaded;
    out_->model_ = model;
    return std::shared_ptr<const DecoderLora>(std::move(out_));
}

Result<std::shared_ptr<const DecoderLora>> DecoderLora::load(const std::filesystem::path& path,
                                                             const ModelSource& source, const DecoderSpec& spec,
                                                             const CausalModel* model) {
    return LoraReader(path, source, spec).read(model);
}

}  // namespace tenon::model
