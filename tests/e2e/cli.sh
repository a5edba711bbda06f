# The command line: usage, exit codes, what --json prints, models on disk, damaged files, the time to start.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$WORK" || exit 1

# fails CODE REGEX COMMAND... : exits with CODE, prints nothing on stdout, and one sentence on stderr that matches.
fails() {
  local code=$1 regex=$2; shift 2
  run_code "$code" "$@" </dev/null
  says "$WORK/stderr" "^tenon: .*($regex)"
  [ "$(wc -l <"$WORK/stderr")" = 1 ] || { echo "not one line on stderr:"; head -c 1500 "$WORK/stderr"; return 1; }
  [ ! -s "$WORK/stdout" ] || { echo "stdout is not empty:"; head -c 1500 "$WORK/stdout"; return 1; }
  if grep -qE 'terminate called|what\(\)|\.cpp|\.hpp|std::|0x[0-9a-f]{6}' "$WORK/stderr"; then cat "$WORK/stderr"; return 1; fi
}

# ---- usage ----
version() { run_code 0 "$TENON" --version; says "$WORK/stdout" '^tenon [0-9]+\.[0-9]+'; [ ! -s "$WORK/stderr" ]; }
check "--version" version
commands="pull models index kb search ask chat complete embed rerank tokenize serve bench doctor prompt"
help() { local c; run_code 0 "$TENON" --help; for c in $commands; do says "$WORK/stdout" "^ +$c "; done; for c in $commands; do run_code 0 "$TENON" "$c" --help; [ -s "$WORK/stdout" ]; done; }
check "--help, of every command too" help
check "usage: no command" fails 2 . "$TENON"
check "usage: a misspelt command" fails 2 "did you mean 'index'" "$TENON" indx .
check "usage: another tool's word" fails 2 "did you mean 'remove'" "$TENON" kb rm x
check "usage: an unknown command" fails 2 frobnicate "$TENON" frobnicate
check "usage: an unknown flag" fails 2 frobnicate "$TENON" doctor --frobnicate
check "usage: a missing flag of ask" fails 2 'from' "$TENON" ask x
help_words() { run_code 0 "$TENON" help; says "$WORK/stdout" '^ +serve '; run_code 0 "$TENON" help models show; says "$WORK/stdout" '--context'; run_code 0 "$TENON" version; says "$WORK/stdout" '^tenon [0-9]'; }
check "help and version as words" help_words
# completed WORDS... : what bash offers where these words end, in one line.
completed() {
  "$TENON" completion bash >completion.bash
  bash -c 'source completion.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tenon; printf "%s " "${COMPREPLY[@]}"' - "$TENON" "$@" >stdout
}
completion() {
  completed mod; says stdout '^models $'
  completed models ''; says stdout '(^| )show '; says stdout '(^| )remove '
  completed ask --fr; says stdout '^--from $'
  completed search x --mode ''; says stdout 'text'
  completed pull qwen3; says stdout 'qwen3-0.6b .*qwen3-4b'
  completed index "a b" --into ''; [ ! -s stdout ] || says stdout '^ *$'
  completed nonsense --from --from -- '' $'\n'
  run_code 2 "$TENON" completion tcsh; says stderr 'tcsh'
  run_code 0 "$TENON" __complete; says stdout $'^ask\t'
  local shell
  for shell in bash zsh fish; do run_code 0 "$TENON" completion "$shell"; says stdout '__complete'; done
}
check "completion: commands, options, words, models" completion
check "usage: an empty query" fails 2 'query is empty' "$TENON" search ' ' --from x
check "usage: a missing flag" fails 2 'from' "$TENON" search x
check "usage: a number out of range" fails 2 'top-k' "$TENON" search x --from y --top-k 0
check "usage: not a number" fails 2 'port' "$TENON" serve --port eighty
check "usage: not among the choices" fails 2 'mode' "$TENON" search x --from y --mode psychic
check "settings: a variable that is no number" fails 2 TENON_PORT env TENON_PORT=many "$TENON" doctor
check "settings: a size that is none" fails 2 TENON_MEMORY_BUDGET env TENON_MEMORY_BUDGET=lots "$TENON" doctor
mkdir bad1 bad2 bad3
echo 'chat_modle = "x"' >bad1/tenon.toml
echo 'chat_model = ' >bad2/tenon.toml
echo 'models = 5' >bad3/models.toml
check "settings: a misspelt one" fails 2 'chat_modle' env TENON_HOME="$WORK/bad1" "$TENON" doctor
check "settings: a file that is not TOML names its line" fails 2 'tenon.toml:1' env TENON_HOME="$WORK/bad2" "$TENON" doctor
check "settings: a bad models.toml" fails '1' 'models.toml' env TENON_HOME="$WORK/bad3" "$TENON" models
check "settings: no home at all" fails 2 TENON_HOME env -u TENON_HOME -u HOME -u XDG_DATA_HOME "$TENON" doctor
check "failure: a model that is not installed" fails 1 'tenon pull|not installed' "$TENON" complete hi --model qwen2.5-coder-0.5b
check "failure: a part of names asks which" fails 1 "did you mean 'qwen3-0.6b', 'qwen3-1.7b', 'qwen3-4b'" "$TENON" pull Qwen3
check "failure: a repository without hf:" fails 1 'tenon pull hf:Some/Repo' "$TENON" pull Some/Repo
check "failure: a model nobody knows" fails 1 'no-such-model' "$TENON" complete hi --model no-such-model
check "failure: a knowledge base that is not there" fails 1 nowhere "$TENON" kb show nowhere
check "failure: a source that is none" fails 2 'ftp' "$TENON" pull ftp://x/y
check "failure: a file that is not there" fails 1 'nothing.gguf' "$TENON" pull file:/nowhere/nothing.gguf
check "failure: nothing listens at the base URL" fails 1 . "$TENON" complete hi --model openai:x --base-url http://127.0.0.1:9/v1
check "failure: a home that is a file" fails 1 . env TENON_HOME=/dev/null "$TENON" kb list
check "failure: a remote model without a name" fails 2 'openai:NAME' "$TENON" complete hi --model openai: --base-url http://127.0.0.1:9/v1
check "failure: a remote model without openai:" fails 1 'write openai:zzz' "$TENON" complete hi --model zzz --base-url http://127.0.0.1:9/v1
remote_chat() { printf 'hi\n' >q.txt; run_code 1 "$TENON" chat --model openai:x --base-url http://127.0.0.1:9/v1 <q.txt; says "$WORK/stderr" '^tenon: '; }
check "failure: chat from a pipe fails when an answer does" remote_chat
lists_nothing() { run_code 0 "$TENON" models --json; holds "$WORK/stdout" 'd["models"] == []'; run_code 0 "$TENON" kb list --json; holds "$WORK/stdout" 'd["knowledge_bases"] == []'; }
check "a new home is empty" lists_nothing
available() { run_code 0 "$TENON" models --available --json; holds "$WORK/stdout" '{"qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b", "smollm2-135m", "gemma3-270m", "minilm", "bge-m3", "multilingual-e5-small", "bge-small-zh", "qwen3-0.6b", "qwen3-4b", "llama3.2-1b", "gemma3-1b"} <= {m["name"] for m in d["models"]}' 'not any(m["installed"] for m in d["models"])'; }
check "models --available knows the aliases" available
pipe() { "$TENON" models --available | head -n 1 >/dev/null; [ "${PIPESTATUS[0]}" -lt 128 ]; }
check "a reader that leaves early does no harm" pipe

start_time() {
  python3 - "$TENON" <<'PYTHON'
import subprocess, sys, time
times = []
for _ in range(10):
    begin = time.perf_counter()
    subprocess.run([sys.argv[1], "--version"], stdout=subprocess.DEVNULL, check=True)
    times.append((time.perf_counter() - begin) * 1000)
median = sorted(times)[5]
assert median < 50, f"median {median:.1f} ms of {[round(t, 1) for t in times]}"
PYTHON
}
check "tenon --version takes under 50 ms" start_time

doctor() {
  run_code 0 "$TENON" doctor --json
  holds "$WORK/stdout" 'd["version"]' 'd["cpu"]' 'd["kernels"]' 'd["threads"] >= 1' 'd["memory_available"] > 1e8' 'd["models"] == []' 'any("tenon pull" in p for p in d["problems"])' 'd["home"] == "'"$TENON_HOME"'"'
  run_code 0 "$TENON" doctor
  says "$WORK/stdout" '^processor +.'; says "$WORK/stdout" '^built with +(gcc|clang) [0-9]'; says "$WORK/stdout" '^memory .*available of' says "$WORK/stdout" '^! .*tenon pull'
}
check "doctor: what is there and what is missing" doctor

# ---- what needs a model ----
need_models smollm2-135m.gguf minilm
small=$MODELS/smollm2-135m.gguf
export TENON_MODEL=$small TENON_EMBEDDING_MODEL=$MODELS/minilm

tokenize() {
  printf 'Hello, 世界! 🚀\n\tdef f(x): return x' >t.txt
  "$TENON" tokenize --json <t.txt >ids.json
  holds ids.json 'd["count"] == len(d["ids"]) > 10' 'all(isinstance(i, int) for i in d["ids"])' 'set(d) == {"ids", "count"}'
  python3 -c 'import json; print(json.load(open("ids.json"))["ids"])' >ids.only
  "$TENON" tokenize --decode --json <ids.only >back.json
  python3 -c 'import json; assert json.load(open("back.json"))["text"] == open("t.txt", encoding="utf-8").read()'
}
check "tokenize: standard input to ids, and back" tokenize
tokenize_odd() {
  printf '' | "$TENON" tokenize --json >r.json; holds r.json 'd == {"ids": [], "count": 0}'
  printf '\xff\xfe\x00\x80abc\xc3' | "$TENON" tokenize --json >r.json; holds r.json 'd["count"] > 0'
  head -c 300000 /dev/zero | tr '\0' 'a' | timeout 20 "$TENON" tokenize --json >r.json; holds r.json 'd["count"] > 1000'
  fails 2 'token id' "$TENON" tokenize --decode 'one two'
}
check "tokenize: nothing, broken UTF-8, a very long word" tokenize_odd
dash() {
  printf 'One, two, three,' | "$TENON" complete - --temperature 0 -n 3 >r.txt; says r.txt four
  [ "$(printf 'a cat' | "$TENON" embed - | md5sum)" = "$("$TENON" embed 'a cat' | md5sum)" ]
  [ "$(printf 'a cat' | "$TENON" tokenize - --json)" = "$("$TENON" tokenize 'a cat' --json)" ]
  fails 2 'empty text' "$TENON" embed ''; fails 2 'empty text' "$TENON" embed a ''
}
check "- is standard input" dash
if [ -e "$MODELS/qwen2.5-coder-0.5b.gguf" ]; then
  tokenize_qwen() { printf 'Hello, world!' | "$TENON" tokenize --json --model "$MODELS/qwen2.5-coder-0.5b.gguf" >r.json; holds r.json 'd["ids"] == [9707, 11, 1879, 0]'; }
  check "tokenize: Qwen's ids" tokenize_qwen
else skip "tokenize: Qwen's ids" "qwen2.5-coder-0.5b.gguf is not in TENON_TEST_MODELS"; fi

embed() {
  run_code 0 "$TENON" embed --json "a cat" "a kitten" "diesel engine"
  holds "$WORK/stdout" 'set(d) >= {"model", "embeddings"}' '[len(v) for v in d["embeddings"]] == [384] * 3' 'all(abs(sum(x * x for x in v) - 1) < 1e-4 for v in d["embeddings"])' \
    'sum(a * b for a, b in zip(d["embeddings"][0], d["embeddings"][1])) > 0.6 > 0.4 > sum(a * b for a, b in zip(d["embeddings"][0], d["embeddings"][2]))'
  printf 'a cat\na kitten\n' | "$TENON" embed --lines --json >r.json; holds r.json 'len(d["embeddings"]) == 2'
  printf 'a cat' | "$TENON" embed >r.txt; [ "$(wc -w <r.txt)" = 384 ]
}
check "embed: texts to vectors" embed
complete() {
  run_code 0 "$TENON" complete "The capital of France is" --temperature 0 -n 6 --json
  holds "$WORK/stdout" '"Paris" in d["text"]' 'd["usage"]["output_tokens"] <= 6' 'd["finish_reason"] in ("length", "stop")' 'd["timings"]["decode_ms"] > 0'
  run_code 0 "$TENON" complete "The capital of France is" --temperature 0 -n 6; says "$WORK/stdout" Paris; [ ! -s "$WORK/stderr" ]
  printf 'One, two, three,' | "$TENON" complete --temperature 0 -n 20 --stop six --json >r.json; holds r.json '"four" in d["text"]' '"six" not in d["text"]' 'd["finish_reason"] == "stop"'
}
check "complete: greedy, stop strings, JSON" complete
forms() {
  run_code 0 "$TENON" complete "The answer is" --model "$small" -n 20 --regex '(yes|no), [0-9]{3}\.'; says stdout '^(yes|no), [0-9]{3}\.$'
  run_code 0 "$TENON" complete "A person as JSON:" --model "$small" -n 60 --temperature 0 --json-schema '{"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"], "additionalProperties": false}'
  holds stdout 'isinstance(d["age"], int)'
  printf 'root ::= "a" "b"+ "."\n' >rules.gbnf
  run_code 0 "$TENON" complete x --model "$small" -n 30 --grammar-file rules.gbnf; says stdout '^ab+\.?$'
  fails 2 'one of --grammar' "$TENON" complete x --model "$small" --regex a --grammar b
  fails 2 . "$TENON" complete x --model "$small" --json-schema '{'
  fails 2 . "$TENON" complete x --model "$small" --regex '('
  fails 1 'nothing.gbnf' "$TENON" complete x --model "$small" --grammar-file nothing.gbnf
}
check "complete: held to an expression, a schema, a grammar" forms
seeds() {
  local a b c
  a=$("$TENON" complete "A name for a ship:" --temperature 1.2 --seed 4 -n 12); b=$("$TENON" complete "A name for a ship:" --temperature 1.2 --seed 4 -n 12); c=$("$TENON" complete "A name for a ship:" --temperature 1.2 --seed 5 -n 12)
  [ "$a" = "$b" ]; [ "$a" != "$c" ]
}
check "complete: a seed repeats" seeds
# From Python: a background job of a script ignores SIGINT.
interrupt() {
  python3 - "$TENON" <<'PYTHON'
import signal, subprocess, sys, time
p = subprocess.Popen([sys.argv[1], "complete", "Once upon a time", "--temperature", "1", "--seed", "1", "-n", "3000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
first = p.stdout.read(1)
assert first, p.stderr.read()
time.sleep(0.2)
p.send_signal(signal.SIGINT)
begin = time.time()
out, err = p.communicate(timeout=5)
assert time.time() - begin < 2, "slow to stop"
assert p.returncode in (0, 1, 130), p.returncode
assert b"terminate" not in err, err
PYTHON
}
check "complete: Ctrl-C ends it" interrupt
chat() {
  printf '/help\n/system Answer with one word.\nName a fruit.\n/save talk.json\n/save talk.md\n/nonsense\n/exit\n' | "$TENON" chat --temperature 0 -n 30 >r.txt 2>r.err
  says r.txt '/system TEXT'; says r.err '/nonsense'
  holds talk.json '[m["role"] for m in d["messages"]] == ["system", "user", "assistant"]' 'd["messages"][2]["content"]'
  says talk.md '^\*\*You:\*\* Name a fruit'
}
check "chat: commands, an answer, the saved conversation" chat
chat_interrupt() {  # on a terminal of its own: Ctrl-C ends the answer, clears a line, and the program goes on
  python3 - "$TENON" <<'PYTHON'
import os, pty, select, sys, time
pid, fd = pty.fork()
if pid == 0: os.execv(sys.argv[1], [sys.argv[1], "chat", "--temperature", "0"])
seen = ""
def wait_for(there, what, seconds):
    global seen
    end = time.time() + seconds
    while not there():
        assert time.time() < end, f"no {what!r} in {seen[-500:]!r}"
        if select.select([fd], [], [], 0.1)[0]: seen += os.read(fd, 65536).decode("utf-8", "replace")
def until(what, seconds):
    global seen
    wait_for(lambda: what in seen, what, seconds)
    seen = seen.split(what, 1)[1]
until("> ", 30)
os.write(fd, b"Write a very long story about a ship.\n")
until("ship.", 10)
wait_for(lambda: len(seen.strip()) >= 4, "answer", 30)
os.write(fd, b"\x03")
until("> ", 10)  # the prompt again, long before the answer's end
os.write(fd, b"half a li")
time.sleep(0.3)
os.write(fd, b"\x03")
until("> ", 10)
os.write(fd, b"/system Be brief.\n")
until("anew", 10)
os.write(fd, b"\x04")
end = time.time() + 10
while True:
    done, status = os.waitpid(pid, os.WNOHANG)
    if done: break
    assert time.time() < end, "it does not end"
    time.sleep(0.05)
assert os.waitstatus_to_exitcode(status) == 0, status
PYTHON
}
check "chat: Ctrl-C stops the answer and clears a line, not the program" chat_interrupt

# ---- models on disk ----
cat >"$TENON_HOME/models.toml" <<TOML
[models.tiny]
file = "model.gguf"
licence = "Apache-2.0"
sources = ["file:/nowhere/model.gguf", "file:$small"]
[models.wrong]
file = "model.gguf"
sha256 = "$(printf '0%.0s' $(seq 64))"
sources = ["file:$small"]
TOML
pull() {
  run_code 0 "$TENON" pull tiny; says "$WORK/stderr" 'nowhere.*trying the next source'; says "$WORK/stdout" '^installed tiny'
  run_code 0 "$TENON" pull tiny; says "$WORK/stdout" 'installed already'
}
check "pull: the next source when the first does not deliver; once only" pull
list() {
  run_code 0 "$TENON" models --json; holds "$WORK/stdout" '[m["name"] for m in d["models"]] == ["tiny"]' 'd["models"][0]["architecture"] == "llama"' "d['models'][0]['bytes'] == $(stat -L -c %s "$small")"
  run_code 0 "$TENON" models show tiny --json; holds "$WORK/stdout" 'd["architecture"] == "llama"' 'd["supported"]' 'd["licence"] == "Apache-2.0"' 'd["context_length"] >= 2048' 'd["memory_needed"] > 5e7' 'd["chat_template"]' 'd["quantisation"]'
  run_code 0 "$TENON" models verify tiny --json; holds "$WORK/stdout" 'd["ok"]'
  run_code 0 "$TENON" complete "One, two, three," --model tiny --temperature 0 -n 3; says "$WORK/stdout" four
}
check "models: list, show, verify, use" list
hash() { run_code 1 "$TENON" pull wrong; says "$WORK/stderr" '^tenon: .*(SHA-256|hash)'; run_code 0 "$TENON" models --json; holds "$WORK/stdout" 'all(m["name"] != "wrong" for m in d["models"])'; }
check "pull: a file with another SHA-256 is never installed" hash
damage() {
  local file; file=$("$TENON" models path tiny)
  chmod u+w "$file"; printf 'X' | dd of="$file" bs=1 seek=50000000 conv=notrunc status=none
  run_code 1 "$TENON" models verify tiny; says "$WORK/stdout" '^BAD'; says "$WORK/stderr" 'tenon pull --force tiny'
  run_code 0 "$TENON" pull --force tiny; run_code 0 "$TENON" models verify tiny
}
check "models verify: finds one changed byte; pull --force mends it" damage
remove() { run_code 0 "$TENON" models path tiny --json; holds "$WORK/stdout" 'd["path"].endswith("model.gguf")'; run_code 0 "$TENON" models remove tiny --json; holds "$WORK/stdout" 'd == {"name": "tiny", "removed": True}'; run_code 1 "$TENON" models remove tiny; run_code 0 "$TENON" models --json; holds "$WORK/stdout" 'd["models"] == []'; }
check "models remove" remove

large=$MODELS/qwen2.5-coder-0.5b.gguf
[ -e "$large" ] || large=$small
atomic() {
  local round pid cut=0
  for round in 1 2 3 4 5 6 7 8; do
    "$TENON" pull "file:$large" >/dev/null 2>&1 & pid=$!
    sleep "0.$(printf '%02d' $((round * 5 + RANDOM % 5)))"
    if kill -KILL $pid 2>/dev/null; then cut=$((cut + 1)); fi
    wait $pid 2>/dev/null || true
    "$TENON" models --json >r.json
    if ! holds r.json 'd["models"] == []' >/dev/null; then  # it was quicker than we: then it must be whole
      local name; name=$(python3 -c 'import json; print(json.load(open("r.json"))["models"][0]["name"])')
      "$TENON" models verify "$name"
      "$TENON" models remove "$name"
    fi
  done
  [ $cut -ge 2 ] || { echo "no pull was cut off: this shows nothing"; return 1; }
  run_code 0 "$TENON" pull "file:$large" --json
  local name; name=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["name"])' "$WORK/stdout")
  run_code 0 "$TENON" models verify "$name"
  run_code 0 "$TENON" models remove "$name"
  [ -z "$(find "$TENON_HOME/models" -size +1M -print -quit)" ] || { echo "left behind:"; find "$TENON_HOME/models" -size +1M; return 1; }
}
check "pull: killed at any moment it is never listed, and the next one succeeds" atomic
together() {
  local a b; "$TENON" pull "file:$small" >a.txt 2>&1 & a=$!; "$TENON" pull "file:$small" >b.txt 2>&1 & b=$!
  wait $a; wait $b; "$TENON" models --json >r.json; holds r.json 'len(d["models"]) == 1'
}
check "pull: two at once end with one model" together

# ---- damaged files ----
damaged() {  # FILE REGEX
  fails 1 "$2" timeout 20 "$TENON" complete hi --model "$1"
  fails 1 "$2" timeout 20 "$TENON" models show "$1"
}
size=$(stat -L -c %s "$small")
head -c $((size / 2)) "$small" >half.gguf
head -c 100000 "$small" >start.gguf
head -c 20 "$small" >head.gguf
: >empty.gguf
echo 'This is not a model at all, whatever it is called.' >text.gguf
python3 - "$small" <<'PYTHON'
import sys
start = open(sys.argv[1], "rb").read(4_000_000)
def variant(name, at, value): open(name, "wb").write(start[:at] + value + start[at + len(value):])
variant("tensors.gguf", 8, (2**62).to_bytes(8, "little"))
variant("metadata.gguf", 16, (2**63 - 1).to_bytes(8, "little"))
variant("version.gguf", 4, (99).to_bytes(4, "little"))
variant("string.gguf", 24, (2**60).to_bytes(8, "little"))
PYTHON
for name in half start head empty text tensors metadata version string; do check "damaged GGUF: $name" damaged "$WORK/$name.gguf" "$name.gguf"; done
mkdir folder cut
check "damaged folder: an empty one" damaged "$WORK/folder" folder
cp -r "$MODELS/minilm/." cut/; rm -f cut/model.safetensors; head -c 1000000 "$MODELS/minilm/model.safetensors" >cut/model.safetensors
check "damaged safetensors: cut off" fails 1 'safetensors' "$TENON" embed x --model "$WORK/cut"
echo '{"model": {"type": "WordPiece", "vocab": ' >cut/tokenizer.json; cp -f "$(realpath "$MODELS/minilm/model.safetensors")" cut/model.safetensors 2>/dev/null
check "damaged tokenizer.json" fails 1 'tokenizer' "$TENON" embed x --model "$WORK/cut"
check "an embedding model cannot chat, and says so" fails 1 . "$TENON" complete hi --model "$MODELS/minilm"
check "a chat model cannot embed, or does it well" bash -c "timeout 30 '$TENON' embed x --json --model '$small' >/dev/null 2>'$WORK/e' || grep -q '^tenon: ' '$WORK/e'"
finish
