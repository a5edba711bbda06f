#include "options.hpp"

#include <poll.h>
#include <unistd.h>
#include <algorithm>
#include <charconv>
#include <cmath>

#include <csignal>
#include <thread>

#include <fmt/format.h>

#include "tenon/base/file.hpp"
#include "tenon/json/json.hpp"
#include "tenon/provider/model_pool.hpp"
#include "tenon/provider/open.hpp"

namespace tenon::app {
namespace {

/// "15043+1", "15043-inf": how llama-cli writes a bias.
std::optional<std::pair<std::int32_t, double>> bias_of(const std::string& text) {
    const auto sign = text.find_first_of("+-");
    std::int32_t id = 0;
    double amount = 0;
    if (sign == 0 || sign == std::string::npos) return std::nullopt;
    const char* middle = text.data() + sign;
    const char* end = text.data() + text.size();
    if (std::from_chars(text.data(), middle, id).ptr != middle || id < 0) return std::nullopt;
    if (std::from_chars(middle + 1, end, amount).ptr != end || middle + 1 == end || std::isnan(amount))
        return std::nullopt;
    return std::pair(id, *middle == '-' ? -amount : amount);
}

// A signal handler may only write to a pipe; a thread of the guard turns that into the stop.
volatile int interrupt_pipe = -1;

void on_interrupt(int) {
    const char byte = 1;
    if (interrupt_pipe >= 0) {
        const auto ignored = ::write(interrupt_pipe, &byte, 1);
        (void)ignored;
    }
}

}  // namespace

struct InterruptGuard::Impl {
    int pipe[2] = {-1, -1};
    std::stop_source source;
    struct sigaction before {};
    std::jthread thread;
};

InterruptGuard::InterruptGuard() : impl_(std::make_unique<Impl>()) {
    if (::pipe(impl_->pipe) != 0) return;
    interrupt_pipe = impl_->pipe[1];
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    ::sigaction(SIGINT, &action, &impl_->before);
    impl_->thread = std::jthread([impl = impl_.get()] {
        char byte = 0;
        while (::read(impl->pipe[0], &byte, 1) == 1 && byte == 1) impl->source.request_stop();
    });
}

InterruptGuard::~InterruptGuard() {
    if (impl_->pipe[0] < 0) return;
    ::sigaction(SIGINT, &impl_->before, nullptr);
    interrupt_pipe = -1;
    const char end = 0;
    const auto ignored = ::write(impl_->pipe[1], &end, 1);
    (void)ignored;
    impl_->thread.join();
    ::close(impl_->pipe[0]);
    ::close(impl_->pipe[1]);
}

std::stop_token InterruptGuard::token() const { return impl_->source.get_token(); }

void SamplingFlags::declare(CommandLine& sub) {
    sub.add_option("--temperature", temperature, "0 takes the likeliest token each time")->check(in_range(0.0, 5.0));
    sub.add_option("--top-k", top_k, "sample among the k likeliest tokens; 0: all")->check(in_range(0, 1'000'000));
    sub.add_option("--top-p", top_p, "sample among the likeliest tokens of this total probability")
        ->check(in_range(0.0, 1.0));
    sub.add_option("--min-p", min_p, "leave out tokens below this share of the likeliest one's probability")
        ->check(in_range(0.0, 1.0));
    sub.add_option("--repetition-penalty,--repeat-penalty", repetition_penalty, "1: none")->check(in_range(0.01, 10.0));
    sub.add_option("--seed", seed, "make sampling repeatable")->check(not_negative());
    sub.add_option("--max-tokens,-n", max_tokens, "stop after this many tokens")->check(positive());
    sub.add_option("--stop", stop, "stop before this text (repeatable)");
    declare_decoding(sub);
}

// Under llama-cli's names, where it has one.
void SamplingFlags::declare_decoding(CommandLine& sub) {
    const auto add = [&](const char* names, auto& value, const char* about) {
        return sub.add_option(names, value, about)->group("Sampling");
    };
    add("--presence-penalty", presence_penalty, "taken from tokens that were said already; 0: none")
        ->check(in_range(-2.0, 2.0));
    add("--frequency-penalty", frequency_penalty, "the same for each time; 0: none")->check(in_range(-2.0, 2.0));
    add("--repeat-last-n", decoding.repeat_last_n, "last tokens that penalties look at (64); 0: none, -1: all");
    add("--typical,--typical-p", decoding.typical_p, "sample among tokens about as surprising as expected; 1: off");
    add("--top-nsigma,--top-n-sigma", decoding.top_n_sigma,
        "keep logits within so many standard deviations of the largest; 0: off");
    add("--xtc-probability", decoding.xtc_probability,
        "how often all but the last likely token are left out; 0: never");
    add("--xtc-threshold", decoding.xtc_threshold, "probability from which a token counts as likely (0.1)");
    add("--dynatemp-range", decoding.dynatemp_range, "temperature plus or minus so much, by entropy; 0: off");
    add("--dynatemp-exp", decoding.dynatemp_exponent, "exponent of the entropy's share (1)");
    add("--dry-multiplier", decoding.dry_multiplier, "penalty for going on with a repetition; 0: none");
    add("--dry-base", decoding.dry_base, "how fast it grows with the repetition's length (1.75)");
    add("--dry-allowed-length", decoding.dry_allowed_length, "longest repetition without it (2)");
    add("--dry-penalty-last-n", decoding.dry_penalty_last_n, "last tokens it looks at; 0: none, -1: all");
    add("--dry-sequence-breaker", dry_breakers,
        "text that ends repetitions (repeatable; newline, colon, quote and asterisk); none: no such text");
    add("--mirostat", decoding.mirostat, "1 or 2: aim at a constant surprise instead; 0: off")->check(in_range(0, 2));
    add("--mirostat-lr", decoding.mirostat_eta, "its learning rate (0.1)");
    add("--mirostat-ent", decoding.mirostat_tau, "the surprise it aims at, in bits (5)");
    add("--min-keep", decoding.min_keep, "tokens that top-p, min-p, typical and XTC leave at least");
    add("--samplers", samplers,
        "which steps, in which order: penalties;dry;top_n_sigma;top_k;typ_p;top_p;min_p;xtc;temperature");
    add("--min-tokens", decoding.min_tokens, "the answer does not end before so many");
    add("--bad-word", bad_words, "text the answer never holds (repeatable)");
    add("--logit-bias", logit_bias, "ID+BIAS or ID-BIAS: a token likelier or less likely (repeatable)")
        ->check([](const std::string& text) {
            return bias_of(text) ? std::string() : "'" + text + "' is not a token id with a bias, such as 15043+1";
        });
    sub.add_flag("--ignore-eos", ignore_eos, "go on where the model would end")->group("Sampling");
}

void FormFlags::declare(CommandLine& sub) {
    const auto add = [&](const char* names, std::string& value, const char* about) {
        sub.add_option(names, value, about)->group("Form of the answer");
    };
    add("--grammar", grammar, "hold the answer to a grammar, GBNF or Lark");
    add("--grammar-file", grammar_file, "the same, from a file");
    add("--json-schema,-j", json_schema, "hold it to a JSON Schema; {} for any JSON object");
    add("--json-schema-file", json_schema_file, "the same, from a file");
    add("--regex", regex, "hold it to a regular expression");
}

Result<llm::ResponseFormat> FormFlags::format() const {
    const std::string* const given[] = {&grammar, &grammar_file, &json_schema, &json_schema_file, &regex};
    if (std::ranges::count_if(given, [](const std::string* text) { return !text->empty(); }) > 1)
        return fail(ErrorCode::invalid_argument,
                    "give one of --grammar, --grammar-file, --json-schema, --json-schema-file and --regex");
    constexpr std::size_t most = std::size_t{4} << 20;
    std::string rules = grammar, schema = json_schema;
    if (!grammar_file.empty()) {
        TENON_TRY(rules, read_file(grammar_file, most));
    }
    if (!json_schema_file.empty()) {
        TENON_TRY(schema, read_file(json_schema_file, most));
    }
    if (!rules.empty()) return llm::ResponseFormat(llm::GrammarFormat::of(std::move(rules)));
    if (!regex.empty()) return llm::ResponseFormat(llm::RegexFormat{regex});
    if (schema.empty()) return llm::ResponseFormat();
    const auto parsed = json::parse(schema);
    if (!parsed)
        return fail(ErrorCode::invalid_argument, fmt::format("the JSON Schema is {}", parsed.error().message()));
    const auto* object = parsed->if_object();
    llm::JsonSchemaFormat out;
    out.schema = object != nullptr && object->empty() ? R"({"type": "object"})" : std::move(schema);
    return llm::ResponseFormat(std::move(out));
}

llm::GenerationSettings SamplingFlags::settings() const {
    llm::GenerationSettings s;
    if (temperature >= 0) s.temperature = temperature;
    if (top_p >= 0) s.top_p = top_p;
    if (min_p >= 0) s.min_p = min_p;
    if (repetition_penalty >= 0) s.repetition_penalty = repetition_penalty;
    if (top_k >= 0) s.top_k = top_k;
    if (seed >= 0) s.seed = static_cast<std::uint64_t>(seed);
    if (max_tokens >= 0) s.max_tokens = static_cast<std::uint64_t>(max_tokens);
    s.stop = stop;
    s.presence_penalty = presence_penalty;
    s.frequency_penalty = frequency_penalty;
    s.decoding = decoding;
    if (ignore_eos) s.decoding.ignore_eos = true;
    if (!bad_words.empty()) s.decoding.bad_words = bad_words;
    if (!dry_breakers.empty()) {
        s.decoding.dry_sequence_breakers = dry_breakers;
        std::erase(*s.decoding.dry_sequence_breakers, "none");
    }
    if (!samplers.empty()) {
        auto& names = s.decoding.samplers.emplace();
        for (std::size_t at = 0; at <= samplers.size();) {
            const auto end = std::min(samplers.find(';', at), samplers.size());
            if (end > at) names.push_back(samplers.substr(at, end - at));
            at = end + 1;
        }
    }
    for (const auto& text : logit_bias)
        if (const auto bias = bias_of(text)) s.logit_bias.push_back(*bias);
    return s;
}

// Under llama.cpp's names, where it has one.
void SpeculationFlags::declare(CommandLine& sub) {
    sub.add_option("--draft,--model-draft", draft,
                   "a smaller model of the same vocabulary that guesses ahead: the same answers, sooner")
        ->group("Speculation");
    sub.add_option("--draft-max", draft_max, "guesses checked in one pass (8); 0: none")
        ->check(in_range(0, 64))
        ->group("Speculation");
    sub.add_flag("--lookup", lookup, "guess what followed the same words before; pays where answers quote")
        ->group("Speculation");
}

void EngineFlags::declare(CommandLine& sub) {
    speculation.declare(sub);
    sub.add_flag("--context-shift", context_shift,
                 "when the context is full, forget its older half and go on, instead of ending");
    sub.add_option("--keep", keep, "tokens at the beginning that --context-shift never forgets (0); -1: the prompt")
        ->check(in_range(-1, 1 << 24));
}

void EngineFlags::apply(Settings& settings) const {
    if (!speculation.draft.empty()) settings.draft_model = speculation.draft;
    if (speculation.draft_max >= 0) settings.draft_max = static_cast<std::size_t>(speculation.draft_max);
    if (speculation.lookup) settings.lookup = true;
    if (context_shift) settings.context_shift = true;
    if (keep) settings.context_keep = *keep;
}

void AdapterFlags::declare(CommandLine& sub) {
    sub.add_option("--lora", path, "a low-rank adapter of the model: a PEFT folder, or a GGUF file");
    sub.add_option("--lora-scale", scale, "how strongly it is applied (1)");
}

Result<void> AdapterFlags::apply(Context& context) const {
    if (path.empty()) return {};
    Settings& settings = context.settings();
    if (provider::parse_model_name(settings.chat_model).preset)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("--lora is for a model that runs here, and {} does not", settings.chat_model));
    TENON_TRY(const auto pool, context.pool());
    std::filesystem::path file(path);
    if (file.filename().empty()) file = file.parent_path();
    std::string name = fmt::format("{}+{}", settings.chat_model, file.string());
    TENON_CHECK(pool->add_adapter(name, {settings.chat_model, file, static_cast<float>(scale)}));
    settings.chat_model = std::move(name);
    return {};
}

void RemoteFlags::declare(CommandLine& sub) {
    sub.add_option("--model,-m", model,
                   "an alias, an installed model, a path, or PROVIDER:NAME: openai:gpt-5, anthropic:..., gemini:..., "
                   "ollama:..., vllm:... with --base-url");
    sub.add_option("--base-url", base_url, "where the provider's server is, for PROVIDER:NAME");
    sub.add_option("--api-key", api_key,
                   "for it; better in OPENAI_API_KEY, ANTHROPIC_API_KEY ..., where others cannot see it");
}

void RemoteFlags::apply(Settings& settings) const {
    if (!model.empty()) settings.chat_model = model;
    if (!base_url.empty()) settings.base_url = base_url;
    if (!api_key.empty()) settings.api_key = api_key;
    // Flags win over what the file says of a provider.
    for (auto& [name, provider] : settings.providers) {
        if (!base_url.empty()) provider.base_url.clear();
        if (!api_key.empty()) provider.api_key.clear();
    }
}

}  // namespace tenon::app
