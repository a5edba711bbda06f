// Which type each tensor takes. The mixtures are llama.cpp's (llama-quant.cpp): files of one name are alike.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <regex>

#include "model/export/export.hpp"

namespace tenon::model {

using tensor::DType;

struct Mixture {
    std::string_view name;
    std::uint32_t file_type;  ///< general.file_type
    DType type;
};

namespace {

constexpr std::array<Mixture, 25> mixtures{{
    {"Q2_K_S", 21, DType::q2_k},   {"Q2_K", 10, DType::q2_k},   {"Q3_K_S", 11, DType::q3_k},
    {"Q3_K_M", 12, DType::q3_k},   {"Q3_K_L", 13, DType::q3_k}, {"IQ4_XS", 30, DType::iq4_xs},
    {"IQ4_NL", 25, DType::iq4_nl}, {"MXFP4", 38, DType::mxfp4}, {"MXFP4_MOE", 38, DType::mxfp4},
    {"Q4_0", 2, DType::q4_0},      {"Q4_K_S", 14, DType::q4_k}, {"Q4_K_M", 15, DType::q4_k},
    {"Q4_1", 3, DType::q4_1},      {"Q5_0", 8, DType::q5_0},    {"Q5_K_S", 16, DType::q5_k},
    {"Q5_K_M", 17, DType::q5_k},   {"Q5_1", 9, DType::q5_1},    {"Q6_K", 18, DType::q6_k},
    {"Q8_0", 7, DType::q8_0},      {"F16", 1, DType::f16},      {"BF16", 32, DType::bf16},
    {"F32", 0, DType::f32},        {"Q3_K", 12, DType::q3_k},   {"Q4_K", 15, DType::q4_k},
    {"Q5_K", 17, DType::q5_k},
}};
constexpr std::size_t aliases = 3;  // the last: what llama.cpp calls the _M of their kind

enum class Part { embedding, output, query, key, value, query_key_value, attention_output, up, gate, down, other };

Part part_of(std::string_view name) {
    if (name == "output.weight") return Part::output;
    if (name == "token_embd.weight" || name == "per_layer_token_embd.weight") return Part::embedding;
    constexpr std::pair<std::string_view, Part> parts[] = {{"attn_qkv.weight", Part::query_key_value},
                                                           {"attn_kv_b.weight", Part::value},
                                                           {"attn_v.weight", Part::value},
                                                           {"attn_k.weight", Part::key},
                                                           {"attn_q.weight", Part::query},
                                                           {"attn_output.weight", Part::attention_output},
                                                           {"ffn_up", Part::up},
                                                           {"ffn_gate", Part::gate},
                                                           {"ffn_down", Part::down}};
    for (const auto& [piece, part] : parts)
        if (name.find(piece) != std::string_view::npos) return part;
    return Part::other;
}

bool may_quantise(const ExportTensor& tensor) {
    if (tensor.record->shape.size() < 2 || !tensor.name.ends_with("weight")) return false;
    constexpr std::string_view kept[] = {"_norm.weight", "ffn_gate_inp",        "position_embd", "token_types",
                                         "ssm_conv1d",   "shortconv.conv",      "attn_rel_b",    "altup",
                                         "laurel",       "per_layer_model_proj"};
    return std::ranges::none_of(kept,
                                [&](std::string_view piece) { return tensor.name.find(piece) != std::string::npos; });
}

std::size_t layer_of(std::string_view name) {
    std::size_t layer = 0;
    if (name.starts_with("blk.")) std::from_chars(name.data() + 4, name.data() + name.size(), layer);
    return layer;
}

/// The first and last eighth of the layers, and each third between them.
bool more_bits(std::size_t layer, std::size_t layers) {
    return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

class Chooser {
  public:
    Chooser(const ExportModel& model, const Mixture& mixture, const QuantizeOptions& options)
        : model_(model),
          name_(std::ranges::find(mixtures, mixture.file_type, &Mixture::file_type)->name),
          type_(mixture.type),
          experts_only_(mixture.name == "MXFP4_MOE"),
          important_(options.importance != nullptr),
          tied_(std::ranges::none_of(model.tensors, [](const auto& t) { return t.name == "output.weight"; })) {}

    [[nodiscard]] DType operator()(const ExportTensor& tensor) const {
        const Part part = part_of(tensor.name);
        if (part == Part::output || (tied_ && part == Part::embedding)) return output(tensor);
        if (experts_only_) return tensor.record->shape.size() > 2 ? DType::mxfp4 : DType::q8_0;
        const std::size_t layer = layer_of(tensor.name);
        switch (part) {
            case Part::value:
            case Part::query_key_value:
                return value(layer);
            case Part::key:
                return model_.experts == 8 ? DType::q8_0 : type_;
            case Part::down:
                return down(layer);
            case Part::attention_output:
                return attention_output();
            default:
                return type_;
        }
    }

  private:
    [[nodiscard]] bool is(std::string_view name) const { return name_ == name; }

    [[nodiscard]] DType output(const ExportTensor& tensor) const {
        if (experts_only_ || type_ == DType::q8_0 || tensor.columns() % tensor::info(type_).block_elements != 0)
            return DType::q8_0;
        return DType::q6_k;
    }

    /// Values are the most sensitive, and small where heads share them.
    [[nodiscard]] DType value(std::size_t layer) const {
        const bool shared = model_.kv_heads > 0 && model_.heads / model_.kv_heads >= 4;
        DType type = type_;
        if (is("Q2_K")) type = shared ? DType::q4_k : DType::q3_k;
        if (is("Q2_K_S") && shared) type = DType::q4_k;
        if (is("Q3_K_M")) type = layer < 2 ? DType::q5_k : DType::q4_k;
        if (is("Q3_K_L")) type = DType::q5_k;
        if ((is("IQ4_NL") || is("IQ4_XS")) && shared) type = DType::q5_k;
        if ((is("Q4_K_M") || is("Q5_K_M")) && more_bits(layer, model_.layers)) type = DType::q6_k;
        if (is("Q4_K_S") && layer < 4) type = DType::q5_k;
        const bool llama_70b = model_.architecture == "llama" && model_.layers == 80 && model_.heads != model_.kv_heads;
        if (llama_70b && (type == DType::q3_k || type == DType::q4_k)) type = DType::q5_k;
        if (model_.experts == 8) type = DType::q8_0;
        return type;
    }

    [[nodiscard]] DType down(std::size_t layer) const {
        const bool early = layer < model_.layers / 8;
        if (is("Q2_K")) return DType::q3_k;
        if (is("Q2_K_S") && early) return DType::q4_k;
        if (is("Q3_K_M")) return layer < model_.layers / 16 ? DType::q5_k : DType::q4_k;
        if (is("Q3_K_L")) return DType::q5_k;
        if ((is("Q4_K_M") || is("Q5_K_M")) && more_bits(layer, model_.layers)) return DType::q6_k;
        if ((is("IQ4_NL") || is("IQ4_XS")) && early && !important_) return DType::q5_k;
        if (is("Q4_K_S") && early) return DType::q5_k;
        if (is("Q4_0") && important_ && early) return DType::q4_1;
        if (is("Q5_0") && important_ && early) return DType::q5_1;
        return type_;
    }

    [[nodiscard]] DType attention_output() const {
        if (model_.experts == 8) {
            constexpr std::string_view raised[] = {"Q2_K", "Q3_K_S", "Q3_K_M", "IQ4_NL", "Q4_K_S", "Q4_K_M", "IQ4_XS"};
            return std::ranges::find(raised, name_) != std::end(raised) ? DType::q5_k : type_;
        }
        if (is("Q2_K")) return DType::q3_k;
        if (is("Q3_K_M")) return DType::q4_k;
        if (is("Q3_K_L")) return DType::q5_k;
        return type_;
    }

    const ExportModel& model_;
    std::string_view name_;
    DType type_;
    bool experts_only_, important_, tied_;
};

/// A type for rows that are not whole blocks of the one wanted.
DType that_fits(DType type, std::size_t columns) {
    if (columns % tensor::info(type).block_elements == 0) return type;
    switch (type) {
        case DType::iq4_xs:
            type = DType::iq4_nl;
            break;
        case DType::q2_k:
        case DType::q3_k:
            type = DType::q4_0;
            break;
        case DType::q4_k:
            type = DType::q5_0;
            break;
        case DType::q5_k:
            type = DType::q5_1;
            break;
        case DType::q6_k:
            type = DType::q8_0;
            break;
        default:
            break;
    }
    return columns % tensor::info(type).block_elements == 0 ? type : DType::f16;
}

}  // namespace

std::span<const std::string_view> quantisation_names() noexcept {
    static const auto names = [] {
        std::array<std::string_view, mixtures.size() - aliases> out;
        std::ranges::transform(mixtures.begin(), mixtures.end() - aliases, out.begin(), &Mixture::name);
        return out;
    }();
    return names;
}

Result<const Mixture*> find_mixture(std::string_view name) {
    std::string upper(name);
    std::ranges::transform(upper, upper.begin(), [](char c) { return c >= 'a' && c <= 'z' ? c - 32 : c; });
    const auto at = std::ranges::find(mixtures, upper, &Mixture::name);
    if (at == mixtures.end())
        return fail(ErrorCode::invalid_argument, fmt::format("there is no quantisation '{}'; choose one of {}", name,
                                                             fmt::join(quantisation_names(), ", ")));
    return &*at;
}

DType base_type(const Mixture& mixture) noexcept { return mixture.type; }
std::uint32_t file_type(const Mixture& mixture) noexcept { return mixture.file_type; }

Result<std::vector<DType>> choose_types(const ExportModel& model, const Mixture& mixture,
                                        const QuantizeOptions& options) {
    std::vector<std::pair<std::regex, DType>> wanted;
    for (const auto& [expression, type] : options.tensor_types) {
        if (expression.size() > 1000)
            return fail(ErrorCode::invalid_argument, "a tensor name's expression is longer than 1000 characters");
        try {
            wanted.emplace_back(std::regex(expression), type);
        } catch (const std::regex_error& error) {
            return fail(ErrorCode::invalid_argument,
                        fmt::format("'{}' is no regular expression ({})", expression, error.what()));
        }
    }
    const Chooser chooser(model, mixture, options);
    std::vector<DType> types;
    for (const ExportTensor& tensor : model.tensors) {
        if (!tensor.record->type)
            return fail(ErrorCode::unsupported, fmt::format("tensor {} has type {}, which Tenon does not read",
                                                            tensor.name, tensor.record->type_name));
        if (!may_quantise(tensor)) {
            // What stays is small: F32 keeps it exact, whatever half the folder was saved in.
            const bool plain = *tensor.record->type == DType::f16 || *tensor.record->type == DType::bf16;
            types.push_back(plain && !model.source->is_gguf() ? DType::f32 : *tensor.record->type);
            continue;
        }
        const Part part = part_of(tensor.name);
        const auto found = std::ranges::find_if(
            wanted, [&](const auto& entry) { return std::regex_search(tensor.name, entry.first); });
        DType type = mixture.type;
        if (options.embedding_type && part == Part::embedding)
            type = *options.embedding_type;
        else if (options.output_type && part == Part::output)
            type = *options.output_type;
        else if (found != wanted.end())
            type = found->second;
        else if (tensor::info(type).quantised && !options.pure)
            type = chooser(tensor);
        if (!tensor::can_quantize(type))
            return fail(ErrorCode::unsupported,
                        fmt::format("quantising to {} is not supported", tensor::info(type).name));
        types.push_back(that_fits(type, tensor.columns()));
    }
    return types;
}

}  // namespace tenon::model
