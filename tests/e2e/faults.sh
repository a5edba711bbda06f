# What goes wrong: processes killed, disks full, clients rude, uploads large.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_models smollm2-135m.gguf minilm
export TENON_MODEL=$MODELS/smollm2-135m.gguf TENON_EMBEDDING_MODEL=$MODELS/minilm TENON_CONTEXT=4096
faults=$ROOT/tests/e2e/faults
export TMPDIR=$WORK/tmp
mkdir -p "$TMPDIR"
cd "$WORK" || exit 1
# memory_of PID FIELD : MiB of VmHWM or VmRSS.
memory_of() { awk -v field="$2:" '$1 == field { print int($2 / 1024) }' "/proc/$1/status"; }

# ---- kill -9 ----
start_server --max-body 1
check "kill -9 of tenon index, ten times" timeout 200 python3 "$faults/kill_index.py" "$TENON" "$URL" crashing

# ---- rude clients ----
check "200 slow connections hold nobody up" timeout 60 python3 "$faults/connections.py" "$URL" slow
check "clients that hang up" timeout 60 python3 "$faults/connections.py" "$URL" hangs_up
check "bytes that are not HTTP" timeout 60 python3 "$faults/connections.py" "$URL" broken
check "a body over the limit gets 413" timeout 60 python3 "$faults/connections.py" "$URL" body
check "half an upload leaves nothing behind" timeout 60 python3 "$faults/connections.py" "$URL" half_upload
check "… on the disk either" test -z "$(ls -A "$TMPDIR")"

# ---- 100 MB ----
python3 - <<'PYTHON'
import random
chance = random.Random(5)
words = [f"{a}{b}" for a in ("stone", "water", "light", "cold", "green", "north", "iron", "salt") for b in ("bridge", "field", "works", "house", "gate", "mill", "ford", "wood")]
paragraph = lambda: " ".join(chance.choice(words) for _ in range(60)) + ".\n\n"
block = "".join(paragraph() for _ in range(2000))
with open("large.txt", "w") as f:
    size = 0
    while size < 100_000_000:
        f.write(f"The keeper of section {size} is number {size // 7}.\n\n" + block)
        size += len(block)
PYTHON
large_upload() {
  local base before after
  answers 201 post /v1/knowledge_bases '{"name": "large", "embedding_model": "none"}' r.json
  before=$(memory_of "$SERVER" VmHWM)
  (for _ in $(seq 400); do curl -sS -o /dev/null --max-time 20 -w '%{time_total}\n' "$URL/health"; sleep 0.25; [ -e uploaded ] && break; done) >health.txt & local watcher=$!
  curl -sS --max-time 280 -F file=@large.txt -o r.json -w '%{http_code} %{time_total}\n' "$URL/v1/knowledge_bases/large/documents" >code.txt
  touch uploaded; wait $watcher
  after=$(memory_of "$SERVER" VmHWM)
  echo "100 MB: $(cat code.txt) s, memory from $before to $after MiB, slowest /health $(sort -g health.txt | tail -n 1) s"
  says code.txt '^200 '
  holds r.json 'd["added"] == 1' 'd["chunks"] > 10000'
  [ $((after - before)) -lt 1000 ] || { echo "memory grew from $before to $after MiB"; return 1; }
  python3 -c 'assert max(map(float, open("health.txt"))) < 2, "somebody waited: " + open("health.txt").read()'
  answers 200 post /v1/search '{"query": "keeper of section", "from": "large", "mode": "text"}' r.json
  holds r.json '"keeper of section" in d["results"][0]["text"]'
}
check "a 100 MB upload: indexed, memory bounded, others served" large_upload
rm -f large.txt
stop_server
check "the server ends well after all that" test "$STOPPED" = 0
start_server --max-upload 2
check "an upload over the limit gets 413" timeout 60 python3 "$faults/connections.py" "$URL" upload

# ---- the end of the server ----
in_stream() {  # TOKENS : opens a stream, waits for its first text, asks the server to end
  : >stream.txt
  curl -sSN --max-time 60 -H 'Content-Type: application/json' -d "{\"messages\": [{\"role\": \"user\", \"content\": \"Write a long story about the sea.\"}], \"max_tokens\": $1, \"temperature\": 1, \"seed\": 1, \"stream\": true, \"logit_bias\": {\"2\": -100, \"0\": -100}}" "$URL/v1/chat/completions" >stream.txt 2>curl.err &
  reader=$!
  for _ in $(seq 200); do grep -q '"content":"[^"]' stream.txt && break; sleep 0.05; done
}
in_stream 120
began=$(date +%s%N)
stop_server
took=$((($(date +%s%N) - began) / 1000000))
wait "$reader"
code=$?
check "SIGTERM in a stream: exit status 0" test "$STOPPED" = 0
check "SIGTERM in a stream: the stream ends as it should" says stream.txt '^data: \[DONE\]'
check "SIGTERM in a stream: the client sees a clean end" test "$code" = 0
check "SIGTERM in a stream: within the grace time ($took ms)" test "$took" -lt 11000
start_server
in_stream 4000
kill -TERM "$SERVER"; sleep 0.4
refused() { ! curl -sS --max-time 2 -o /dev/null "$URL/health" 2>/dev/null; }
check "SIGTERM: nobody new is let in" refused
began=$(date +%s%N)
kill -TERM "$SERVER"; wait "$SERVER" 2>/dev/null
took=$((($(date +%s%N) - began) / 1000000))
wait "$reader" 2>/dev/null
check "a second SIGTERM ends it at once ($took ms)" test "$took" -lt 1500
start_server
in_stream 4000
kill -KILL "$SERVER"; wait "$SERVER" 2>/dev/null
wait "$reader" 2>/dev/null
check "kill -9 of the server: the knowledge bases open" run_code 0 "$TENON" kb show crash --json
port_taken() {
  start_server
  run_code 1 timeout 10 "$TENON" serve --port "${URL##*:}"
  says "$WORK/stderr" '^tenon: .*(in use|address|port)'
  stop_server; [ "$STOPPED" = 0 ]
}
check "a port that is taken is a clear error" port_taken

# ---- a full disk ----
full=$WORK/full
mkdir -p "$full"
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=6m tmpfs "$full" 2>/dev/null; then
  mounts+=("$full")
  mkdir few many
  echo 'The first document says that the well is 19 metres deep.' >few/first.txt
  python3 -c '
import random
chance = random.Random(2)
for i in range(200):
    open(f"many/{i:03}.txt", "w").write(f"Document number {i}.\n\n" + "\n\n".join(" ".join(f"word{chance.randrange(30000)}" for _ in range(150)) for _ in range(20)))'
  full_disk() {
    export TENON_HOME=$full
    run_code 0 "$TENON" index few --into kb --text-only
    run_code 1 "$TENON" index many --into kb --json
    says "$WORK/stderr" '^tenon: .*([Dd]isk|[Ss]pace|full)'
    run_code 0 "$TENON" kb show kb --json; holds "$WORK/stdout" 'any(s["source"] == "few/first.txt" for s in d["sources"])' 'sum(s["chunks"] for s in d["sources"]) == d["chunks"]'
    run_code 0 "$TENON" search "How deep is the well?" --from kb --json; holds "$WORK/stdout" 'd["results"][0]["source"] == "few/first.txt"'
    run_code 1 "$TENON" pull "file:$MODELS/smollm2-135m.gguf"
    says "$WORK/stderr" '^tenon: .*([Dd]isk|[Ss]pace|full|room)'
    run_code 0 "$TENON" models --json; holds "$WORK/stdout" 'd["models"] == []'
    mount -o remount,size=200m "$full"
    run_code 0 "$TENON" index many --into kb --json; holds "$WORK/stdout" 'd["added"] + d["replaced"] + d["unchanged"] == 200' 'd["failed"] == []'
    run_code 0 "$TENON" search "How deep is the well?" --from kb --json; holds "$WORK/stdout" 'd["results"][0]["source"] == "few/first.txt"'
  }
  check "a full disk: a clear error, nothing lost, and on when there is room" full_disk
else
  skip "a full disk" "a small tmpfs can be mounted only by root"
fi
read_only() {
  mkdir -p locked; chmod 500 locked
  run_code 1 setpriv --reuid=65534 --regid=65534 --clear-groups env TENON_HOME="$WORK/locked/home" "$TENON" index few --into kb --text-only
  says "$WORK/stderr" '^tenon: '
}
if [ "$(id -u)" = 0 ] && chmod 755 "$WORK" && setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$TENON" 2>/dev/null; then check "a home that cannot be written to" read_only
else skip "a home that cannot be written to" "another user who can run tenon (root and setpriv)"; fi
finish
