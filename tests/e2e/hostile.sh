# Files made to hurt: documents, models and tokenizers that lie. Needs no model, so the sanitizer lane runs it too, with its own build.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$WORK" || exit 1
memory=2500
case $TENON in */asan/*) memory=8000 ;; esac  # the sanitizer keeps what was freed for a while
# sane CODE : how a program may end, whatever it read: well, or with one sentence. A signal or a sanitizer's report is neither.
sane() {
  local code=$1
  if [ "$code" -gt 2 ] || grep -qE 'Sanitizer|runtime error' "$WORK/stderr"; then
    printf 'exit %s\n' "$code"; head -c 3000 "$WORK/stderr"; return 1
  fi
  [ "$code" = 0 ] || says "$WORK/stderr" '^tenon: '
}

# ---- documents ----
mkdir hostile
python3 "$ROOT/tests/e2e/faults/hostile_documents.py" hostile
ln -s hostile hostile/loop 2>/dev/null
ln -s ../hostile hostile/loop2 2>/dev/null
hostile() {
  python3 - "$TENON" "$memory" <<'PYTHON'
import json, resource, subprocess, sys, time
limit = int(sys.argv[2])
begin = time.time()
p = subprocess.run([sys.argv[1], "index", "hostile", "--into", "hostile", "--text-only", "--json"], capture_output=True, timeout=280)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
print(f"{time.time() - begin:.1f} s, at most {peak} MiB")
assert p.returncode == 0, (p.returncode, p.stderr[-2000:])
d = json.loads(p.stdout)
print(json.dumps(d["failed"], indent=1)[:3000])
assert all(len(f["error"]) > 8 for f in d["failed"])
assert peak < limit, f"{peak} MiB"
found = json.loads(subprocess.run([sys.argv[1], "search", "good document", "--from", "hostile", "--json"], capture_output=True, check=True).stdout)
assert found["results"][0]["source"] == "hostile/good.txt"
secret = json.loads(subprocess.run([sys.argv[1], "search", "root bash nologin", "--from", "hostile", "--json"], capture_output=True, check=True).stdout)
assert not any("/bin/" in r["text"] for r in secret["results"]), "an entity read a file"
PYTHON
}
check "hostile documents: each refused or read, none fatal" hostile

# ---- models: each tiny one cut at many places, and with bytes changed ----
mkdir models
python3 "$ROOT/tests/e2e/faults/hostile_models.py" "$ROOT/tests/golden/model/tiny" "$ROOT/tests/golden/tokenizer" models
models() {
  local file code count=0
  for file in models/*; do
    code=0; timeout 60 "$TENON" tokenize --model "$file" <<<"Hello 你好" >"$WORK/stdout" 2>"$WORK/stderr" || code=$?
    sane "$code" || { echo "tokenize: $file"; return 1; }
    case $file in *.gguf)
      code=0; timeout 60 "$TENON" complete --model "$file" --max-tokens 2 "Hello" >"$WORK/stdout" 2>"$WORK/stderr" || code=$?
      sane "$code" || { echo "complete: $file"; return 1; } ;;
    esac
    count=$((count + 1))
  done
  echo "$count files"
  [ "$count" -gt 40 ]
}
check "hostile models: each refused or read, none fatal" models
finish
