# Low-rank adapters of a tiny model: from the command line, and by name from a server that loads and removes them.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
MODEL=$ROOT/tests/golden/model/tiny/llama-llama3.gguf
ADAPTERS=$ROOT/tests/golden/model/lora
say=(hello --model "$MODEL" -n 12 --temperature 0 --json)

command_line() {
  run_code 0 "$TENON" complete "${say[@]}"; cp stdout alone.json
  run_code 0 "$TENON" complete "${say[@]}" --lora "$ADAPTERS/llama"; cp stdout peft.json
  run_code 0 "$TENON" complete "${say[@]}" --lora "$ADAPTERS/llama.gguf"; cp stdout gguf.json
  run_code 0 "$TENON" complete "${say[@]}" --lora "$ADAPTERS/llama/" --lora-scale 0; cp stdout none.json
  python3 - <<'PYTHON'
import json
alone, peft, gguf, none = (json.load(open(f"{n}.json"))["text"] for n in ("alone", "peft", "gguf", "none"))
assert peft == gguf and alone == none and peft != alone, (alone, peft, gguf, none)
PYTHON
}
faults_named() {
  run_code 1 "$TENON" complete "${say[@]}" --lora "$WORK/nothing"; says stderr '^tenon: .*there is no adapter'
  run_code 2 "$TENON" complete "${say[@]}" --lora "$ADAPTERS/qwen2.gguf"; says stderr '^tenon: .*architecture .qwen2.'
  run_code 2 "$TENON" complete hello --model openai:x --lora "$ADAPTERS/llama"; says stderr 'does not'
  mkdir -p broken; cp "$ADAPTERS/llama/adapter_config.json" broken/; head -c 500 "$ADAPTERS/llama/adapter_model.safetensors" >broken/adapter_model.safetensors
  run_code 1 "$TENON" complete "${say[@]}" --lora broken
  run_code 2 "$TENON" serve --port 0 --model "$MODEL" --lora nameless; says stderr 'NAME=PATH'
  run_code 1 "$TENON" serve --port 0 --model "$MODEL" --lora "poet=$WORK/nothing"; says stderr 'nothing at'
}
ask() { answers 200 post /v1/completions '{"model": "'"$1"'", "prompt": "hello", "max_tokens": 12, "temperature": 0}' "$2"; }
by_name() {
  ask poet r.json; holds r.json 'd["choices"][0]["text"] == __import__("json").load(open("peft.json"))["text"]' 'd["model"] == "poet"'
  ask "$MODEL" r.json; holds r.json 'd["choices"][0]["text"] == __import__("json").load(open("alone.json"))["text"]'
}
listed() {
  answers 200 get /v1/models r.json
  holds r.json '[m["parent"] for m in d["data"] if m["id"] == "poet"] == ["'"$MODEL"'"]'
}
at_once() {
  local i pids=()
  for i in 1 2 3 4; do ask poet "p$i.json" & pids+=($!); ask "$MODEL" "b$i.json" & pids+=($!); done
  for i in "${pids[@]}"; do wait "$i"; done
  for i in 1 2 3 4; do
    holds "p$i.json" 'd["choices"][0]["text"] == __import__("json").load(open("peft.json"))["text"]'
    holds "b$i.json" 'd["choices"][0]["text"] == __import__("json").load(open("alone.json"))["text"]'
  done
}
come_and_go() {
  answers 200 post /v1/load_lora_adapter '{"lora_name": "second", "lora_path": "'"$ADAPTERS"'/llama-patterns"}' r.json; holds r.json 'd["status"] == "success"'
  ask second r.json
  answers 409 post /v1/load_lora_adapter '{"lora_name": "second", "lora_path": "'"$ADAPTERS"'/llama"}' r.json
  answers 200 post /v1/unload_lora_adapter '{"lora_name": "second"}' r.json
  answers 404 post /v1/unload_lora_adapter '{"lora_name": "second"}' r.json
  answers 404 post /v1/completions '{"model": "second", "prompt": "hello"}' r.json; holds r.json 'd["error"]["code"] == "model_not_found"'
  local body
  for body in '{' '{}' '{"lora_name": "x"}' '{"lora_name": 1, "lora_path": "x"}' '{"lora_name": "", "lora_path": "x"}' '{"lora_name": "x", "lora_path": "'"$ADAPTERS"'/qwen2.gguf"}'; do
    answers 400 post /v1/load_lora_adapter "$body" r.json; holds r.json 'd["error"]["message"]'
  done
  answers 404 post /v1/load_lora_adapter '{"lora_name": "x", "lora_path": "/nowhere"}' r.json
  answers 200 get /v1/models r.json; holds r.json '"x" not in [m["id"] for m in d["data"]]'
}
not_allowed() {
  answers 403 post /v1/load_lora_adapter '{"lora_name": "x", "lora_path": "'"$ADAPTERS"'/llama"}' r.json
  answers 403 post /v1/unload_lora_adapter '{"lora_name": "x"}' r.json
}

cd "$WORK" || exit 1
check "lora: from the command line, in both formats" command_line
check "lora: faults are named" faults_named
start_server --model "$MODEL" --lora "poet=$ADAPTERS/llama" --allow-lora-loading
check "lora: asked for by name" by_name
check "lora: listed with its model" listed
check "lora: requests with and without at once" at_once
check "lora: loaded and removed while the server runs" come_and_go
stop_server
start_server --model "$MODEL"
check "lora: clients load none unless allowed" not_allowed
stop_server
finish
