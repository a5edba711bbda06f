# Reranking by a tiny cross-encoder: the command, and the server's endpoint as Jina, Cohere and vLLM have it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
CROSS=$ROOT/tests/golden/model/encoder_kinds
cat >"$TENON_HOME/models.toml" <<TOML
[models.cross]
role = "reranker"
file = "model.gguf"
licence = "Apache-2.0"
sources = ["file:$CROSS/xlm-roberta-rerank.gguf"]
TOML
documents='["a", "the cat sat on the mat", {"text": "你好世界"}]'

command_line() {
  run_code 0 "$TENON" rerank "hello cat" "a" "the cat sat on the mat" "world" --model "$CROSS/bert-rerank" --json
  holds "$WORK/stdout" 'set(d) >= {"model", "results", "usage"}' 'sorted(r["index"] for r in d["results"]) == [0, 1, 2]' \
    '[r["relevance_score"] for r in d["results"]] == sorted((r["relevance_score"] for r in d["results"]), reverse=True)' \
    'all(r["document"] == ["a", "the cat sat on the mat", "world"][r["index"]] for r in d["results"])'
  printf 'a\nthe cat\n' | "$TENON" rerank hello --model "$CROSS/bert-rerank" --top-n 1 >r.txt; [ "$(wc -l <r.txt)" = 1 ]
}
wrong_kind() { run_code 1 "$TENON" rerank q d --model "$CROSS/nomic-bert"; says "$WORK/stderr" '^tenon: .*not a reranker'; }
no_documents() { run_code 2 "$TENON" rerank q --model "$CROSS/bert-rerank" </dev/null; says "$WORK/stderr" '^tenon: .*no documents'; }
installed() {
  run_code 0 "$TENON" pull cross
  run_code 0 "$TENON" models show cross --json; holds "$WORK/stdout" 'd["supported"]' 'd["architecture"] == "bert"'
  run_code 0 "$TENON" rerank hello a b --model cross; says "$WORK/stdout" '^0\.[0-9]+  [ab]$'
}
all_ranked() {
  answers 200 post /v1/rerank '{"model": "cross", "query": "hello cat", "documents": '"$documents"'}' r.json
  holds r.json 'd["model"] == "cross"' 'sorted(r["index"] for r in d["results"]) == [0, 1, 2]' 'd["usage"]["total_tokens"] > 10' \
    '[r["relevance_score"] for r in d["results"]] == sorted((r["relevance_score"] for r in d["results"]), reverse=True)' \
    'all(0 < r["relevance_score"] < 1 for r in d["results"])' 'next(r for r in d["results"] if r["index"] == 2)["document"] == {"text": "你好世界"}'
}
best_only() {
  answers 200 post /v1/rerank '{"model": "cross", "query": "hello", "documents": '"$documents"', "top_n": 1, "return_documents": false}' r.json
  holds r.json 'len(d["results"]) == 1' '"document" not in d["results"][0]'
  answers 200 post /v2/rerank '{"model": "cross", "query": "hello", "documents": ["a"], "top_n": 9}' r.json; holds r.json 'len(d["results"]) == 1'
}
faults() {
  local body
  for body in '{' '[]' '{"model": "cross", "query": "q"}' '{"model": "cross", "documents": ["a"]}' '{"query": "q", "documents": ["a"]}' \
    '{"model": "cross", "query": "q", "documents": []}' '{"model": "cross", "query": "q", "documents": [1]}' \
    '{"model": "cross", "query": "q", "documents": [{}]}' '{"model": "cross", "query": "q", "documents": "a"}' \
    '{"model": "cross", "query": "q", "documents": ["a"], "top_n": 0}' '{"model": "cross", "query": 1, "documents": ["a"]}'; do
    answers 400 post /v1/rerank "$body" r.json; holds r.json 'd["error"]["message"]'
  done
  answers 404 post /v1/rerank '{"model": "nowhere", "query": "q", "documents": ["a"]}' r.json
}
listed() { answers 200 get /v1/models r.json; holds r.json '"cross" in [m["id"] for m in d["data"]]'; }
documented() { answers 200 get /openapi.json r.json; holds r.json '"/v1/rerank" in d["paths"]'; }

cd "$WORK" || exit 1
check "rerank: from the command line" command_line
check "rerank: an embedding model is none" wrong_kind
check "rerank: no documents" no_documents
check "rerank: an installed model" installed
start_server
check "server: all documents, best first" all_ranked
check "server: the best only" best_only
check "server: faults are named" faults
check "server: the model is listed" listed
check "server: the endpoint is documented" documented
stop_server
finish
