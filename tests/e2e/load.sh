# Random mixed load on a server with little memory for keys and values; TENON_LOAD_SECONDS says how long (10).
# The sanitizer runs do the same with their programs.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
MODEL=$ROOT/tests/golden/model/tiny/llama-llama3.gguf
ADAPTER=$ROOT/tests/golden/model/lora/llama
SECONDS_OF_LOAD=${TENON_LOAD_SECONDS:-10}
cd "$WORK" || exit 1

load() {
  timeout $((SECONDS_OF_LOAD + 600)) python3 "$ROOT/tests/e2e/faults/mixed_load.py" "$URL" "$MODEL" "$ADAPTER" "$SECONDS_OF_LOAD" "$1" >load.txt 2>&1 || { cat load.txt; tail -n 40 "$SERVER_LOG.err"; return 1; }
  cat load.txt
}
# A pool of keys and values for few of the requests: most wait, and some are put back.
TENON_KV_TOKENS=256 start_server --model "$MODEL" --lora "poet=$ADAPTER" --allow-lora-loading --max-body 1
check "mixed load: every answer as when alone, nothing left over" load 1
sed 's/^/        /' load.txt
stop_server
check "the server ends well after all that" test "$STOPPED" = 0
[ "$STOPPED" = 0 ] || tail -n 60 "$SERVER_LOG.err"
finish
