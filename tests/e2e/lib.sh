# Shared by the end-to-end tests: sourced by tests/e2e/NAME.sh, which is run as `bash tests/e2e/NAME.sh PATH_TO_TENON`.
# Every test has a home of its own, prints a line for each check, and ends with `finish`: 'N passed, N failed, N skipped'.
set -u
TENON=$(realpath "${1:?give the path of tenon}")
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
MODELS=${TENON_TEST_MODELS:-}
OUT=$ROOT/build/test
NODE_HOME=$ROOT/build/e2e/node
mkdir -p "$OUT"
WORK=$(mktemp -d "${TMPDIR:-/tmp}/tenon-e2e.XXXXXX")
unset TENON_MODEL TENON_EMBEDDING_MODEL TENON_BASE_URL TENON_API_KEY OPENAI_BASE_URL OPENAI_API_KEY TENON_SERVER_KEYS TENON_CORS_ORIGINS TENON_HOST TENON_PORT TENON_MEMORY_BUDGET HF_ENDPOINT HF_TOKEN
export TENON_HOME=$WORK/home NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost
mkdir -p "$TENON_HOME"
passed=0 failed=0 skipped=0
children=() mounts=()

clean_up() {
  local child mount
  for child in ${children[@]+"${children[@]}"}; do kill -KILL "$child" 2>/dev/null; done
  wait 2>/dev/null
  for mount in ${mounts[@]+"${mounts[@]}"}; do umount "$mount" 2>/dev/null; done
  rm -rf "$WORK"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# check NAME COMMAND... : runs it in a subshell in which the first failing command ends it; its output is shown when it fails.
check() {
  local name=$1 log=$WORK/check.log code; shift
  (set -e; "$@") >"$log" 2>&1
  code=$?
  if [ "$code" = 0 ]; then passed=$((passed + 1)); printf 'ok      %s\n' "$name"
  else failed=$((failed + 1)); printf 'FAILED  %s (exit %s)\n' "$name" "$code"; tail -n 25 "$log" | sed 's/^/        /'; fi
  return 0
}
skip() { skipped=$((skipped + 1)); printf 'SKIPPED %s: %s\n' "$1" "$2"; }

# counts FILE : adds the lines 'ok …', 'FAILED …' and 'SKIPPED …' of another program's output to the counts and shows them.
counts() {
  cat "$1"
  passed=$((passed + $(grep -c '^ok ' "$1"))) failed=$((failed + $(grep -c '^FAILED ' "$1"))) skipped=$((skipped + $(grep -c '^SKIPPED ' "$1")))
}
finish() {
  printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  if [ "$failed" = 0 ]; then exit 0; else exit 1; fi
}

# have_models NAME... : whether these files or folders are under TENON_TEST_MODELS; skips the whole script when one is not.
need_models() {
  local name
  for name in "$@"; do
    if [ -z "$MODELS" ] || [ ! -e "$MODELS/$name" ]; then
      skip "$(basename "$0" .sh)" "$name is not in TENON_TEST_MODELS (${MODELS:-unset})"
      finish
    fi
  done
}

# run_code CODE COMMAND... : runs it and holds its exit status to CODE; stdout and stderr stay in $WORK/stdout and $WORK/stderr.
run_code() {
  local want=$1 got=0; shift
  "$@" >"$WORK/stdout" 2>"$WORK/stderr" || got=$?
  [ "$got" = "$want" ] && return 0
  printf 'exit %s, expected %s, of: %s\n' "$got" "$want" "$*"
  head -c 2000 "$WORK/stdout" "$WORK/stderr"
  return 1
}

# says FILE REGEX : a line of the file matches; shows the file when none does.
says() {
  grep -qE -- "$2" "$1" && return 0
  printf '%s does not say /%s/:\n' "$1" "$2"
  head -c 2000 "$1"
  return 1
}

# holds FILE EXPRESSION... : each Python expression over `d`, the JSON of the file, is true.
holds() {
  python3 - "$@" <<'PYTHON'
import json, math, sys
text = open(sys.argv[1], encoding="utf-8").read()
d = json.loads(text)
bad = [e for e in sys.argv[2:] if not eval(e)]
if bad: sys.exit("\n".join(f"not true: {e}" for e in bad) + "\nof: " + text[:2000])
PYTHON
}

# start_server ARGS... : `tenon serve` on a free port. Sets URL and SERVER; its log is $SERVER_LOG.
start_server() {
  SERVER_LOG=$WORK/serve.$RANDOM URL=
  : >"$SERVER_LOG"  # there before anyone looks into it
  "$TENON" serve --port 0 "$@" >"$SERVER_LOG" 2>"$SERVER_LOG.err" &
  SERVER=$!
  children+=("$SERVER")
  local i
  for i in $(seq 300); do
    URL=$(sed -n 's/^serving on \([^ ]*\).*/\1/p' "$SERVER_LOG")
    [ -n "$URL" ] && return 0
    kill -0 "$SERVER" 2>/dev/null || break
    sleep 0.05
  done
  printf 'FAILED  the server did not start\n'
  cat "$SERVER_LOG" "$SERVER_LOG.err"
  failed=$((failed + 1))
  finish
}

# stop_server : asks it to end; its exit status is in STOPPED.
stop_server() {
  kill -TERM "$SERVER" 2>/dev/null
  wait "$SERVER" && STOPPED=0 || STOPPED=$?
}

# post PATH BODY FILE : the status on stdout, the answer's body in FILE.
post() { curl -sS --max-time 120 -o "$3" -w '%{http_code}' -H 'Content-Type: application/json' -d "$2" "$URL$1"; }
get() { curl -sS --max-time 30 -o "$2" -w '%{http_code}' "$URL$1"; }

# answers STATUS get|post PATH … FILE : the same, held to a status.
answers() {
  local want=$1 got file=${*: -1}; shift
  got=$("$@")
  [ "$got" = "$want" ] && return 0
  printf 'status %s, expected %s, of: %s\n' "$got" "$want" "$*"
  head -c 1000 "$file"
  return 1
}

# install_node_modules : the published npm clients, once, beside the build.
install_node_modules() {
  local from=$ROOT/tests/e2e/node
  command -v node >/dev/null && command -v npm >/dev/null || return 1
  mkdir -p "$NODE_HOME"
  if [ ! -d "$NODE_HOME/node_modules" ] || ! cmp -s "$from/package-lock.json" "$NODE_HOME/package-lock.json"; then
    cp "$from/package.json" "$from/package-lock.json" "$from/.npmrc" "$NODE_HOME/" || return 1
    (cd "$NODE_HOME" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >"$OUT/npm-e2e.log" 2>&1) || { tail -n 20 "$OUT/npm-e2e.log"; return 1; }
  fi
}

# install_python_packages : what tests/e2e/python/requirements.txt names, once, beside the build; sets PYTHON.
# TENON_E2E_PYTHON names a Python that has it all already.
install_python_packages() {
  local wanted=$ROOT/tests/e2e/python/requirements.txt to=$ROOT/build/e2e/python
  PYTHON=${TENON_E2E_PYTHON:-python3}
  [ -z "${TENON_E2E_PYTHON:-}" ] || return 0
  command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1 || return 1
  if ! cmp -s "$wanted" "$to/requirements.txt"; then
    rm -rf "$to"
    python3 -m pip install --quiet --disable-pip-version-check --target "$to" --requirement "$wanted" >"$OUT/pip-e2e.log" 2>&1 || { tail -n 5 "$OUT/pip-e2e.log"; return 1; }
    cp "$wanted" "$to/"
  fi
  export PYTHONPATH=$to
}

# aliases NAME... : models.toml, in which these small models come from the files of TENON_TEST_MODELS.
aliases() {
  local name
  for name in "$@"; do
    if [ -d "$MODELS/$name" ]; then printf '[models."%s"]\nrole = "embedding"\nsources = ["file:%s"]\n' "$name" "$MODELS/$name"
    else printf '[models."%s"]\nfile = "model.gguf"\nsources = ["file:%s.gguf"]\n' "$name" "$MODELS/$name"; fi
  done >"$TENON_HOME/models.toml"
}

# client_test NAME : tests/e2e/node/NAME.mjs, published clients, against a server with the small models and another that asks for a key; then ends.
client_test() {
  local script=$1 keyed code
  need_models qwen2.5-coder-0.5b.gguf smollm2-135m.gguf minilm
  if ! install_node_modules; then
    skip "$script" "Node.js with npm, or the packages of tests/e2e/node/package.json"
    finish
  fi
  aliases smollm2-135m qwen2.5-coder-0.5b minilm
  check "models come from local sources under their aliases" run_code 0 "$TENON" pull smollm2-135m qwen2.5-coder-0.5b minilm
  export TENON_MODEL=qwen2.5-coder-0.5b TENON_EMBEDDING_MODEL=minilm TENON_CONTEXT=4096
  TENON_SERVER_KEYS=sesame start_server
  keyed=$URL
  start_server
  cp "$ROOT/tests/e2e/node/"*.mjs "$NODE_HOME/"
  TENON=$TENON TENON_URL=$URL TENON_KEYED_URL=$keyed timeout 600 node "$NODE_HOME/$script.mjs" >"$WORK/client" 2>&1
  code=$?
  counts "$WORK/client"
  grep -q '^# [0-9]* passed' "$WORK/client" || check "the client ran to its end" test "$code" = 0
  stop_server
  check "the server ends well after all that" test "$STOPPED" = 0
  finish
}
