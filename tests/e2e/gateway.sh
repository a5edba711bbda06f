# The gateway: settings, keys, spending, the published openai npm client against `tenon serve`, a kill and a restart.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$WORK" || exit 1
if ! install_node_modules; then
  skip gateway "Node.js with npm, or the packages of tests/e2e/node/package.json"
  finish
fi
cp "$ROOT/tests/e2e/node/"*.mjs "$NODE_HOME/"
node "$NODE_HOME/upstream.mjs" >upstream.url 2>upstream.err &
children+=("$!")
for _ in $(seq 300); do UPSTREAM=$(cat upstream.url); [ -n "$UPSTREAM" ] && break; sleep 0.05; done
g() { "$TENON" gateway "$@"; }

cat >"$TENON_HOME/tenon.toml" <<TOML
[providers.openai]
base_url = "$UPSTREAM/v1"
[gateway.deployments.good]
model = "openai:good"
price = { input = 10, output = 20 }
[gateway.deployments.broken]
model = "openai:broken"
price = { input = 10, output = 20 }
[gateway.deployments.busy]
model = "openai:busy"
free = true
[gateway.deployments.cut]
model = "openai:cut"
free = true
[gateway.deployments.vec]
model = "openai:vec"
embedding = true
free = true
[gateway.models.smart]
deployments = ["broken", "busy"]
fallbacks = ["good"]
[gateway.models.plain]
deployments = ["good"]
[gateway.models.cutting]
deployments = ["cut"]
[gateway.models.vectors]
deployments = ["vec"]
[gateway.teams.crowd]
budget = { month = 0.05 }
[gateway.cache]
ttl = "5m"
[gateway.retry]
base = "10ms"
[gateway.breaker]
cooldown = "10m"
max_cooldown = "1h"
TOML
sound() { run_code 0 g check --json; holds "$WORK/stdout" 'd["ok"]' 'd["models"] == 4' 'd["problems"] == []'; }
check "the settings are in order" sound
shows() { run_code 0 g routes --json; holds "$WORK/stdout" '[m["alias"] for m in d["models"]] == ["smart", "plain", "cutting", "vectors"]' 'd["models"][1]["deployments"][0]["price"]["output"] == 20' 'd["models"][3]["role"] == "embedding"'; run_code 0 g routes; says "$WORK/stdout" '^smart  \(weighted\)'; }
check "routes" shows
faulty() {
  cp "$TENON_HOME/tenon.toml" good.toml
  printf '[gateway.models.x]\ndeployments = ["nowhere"]\n' >>"$TENON_HOME/tenon.toml"
  run_code 2 g check; says "$WORK/stderr" "tenon.toml:? line $(($(wc -l <good.toml) + 1)): the model 'x' names the deployment 'nowhere'"
  { cat good.toml; printf '[gateway.deployments.far]\nmodel = "anthropic:claude"\n'; } >"$TENON_HOME/tenon.toml"
  run_code 1 g check --json; holds "$WORK/stdout" 'not d["ok"]' '"ANTHROPIC_API_KEY" in d["problems"][0]["problem"]' "d['problems'][0]['line'] == $(($(wc -l <good.toml) + 1))"
  cp good.toml "$TENON_HOME/tenon.toml"
}
check "faults name their line" faulty
priced() {
  run_code 0 g prices gpt-5 --json; holds "$WORK/stdout" 'd["prices"][0]["source"].startswith("https://")' 'd["prices"][0]["as_of"]'
  printf '{"prices": [{"provider": "openai", "model": "gpt-5", "input": 7, "output": 8, "as_of": "2026-11-25", "source": "a contract"}]}' >"$TENON_HOME/prices.json"
  run_code 0 g prices openai:gpt-5 --json; holds "$WORK/stdout" 'd["prices"][0]["input"] == 7' 'd["prices"][0]["source"] == "a contract"'
  run_code 0 g prices; says "$WORK/stdout" 'a contract'
  printf '{"prices": [{"model": "x", "input": "much"}]}' >"$TENON_HOME/prices.json"
  run_code 1 g prices; says "$WORK/stderr" 'prices.json'
  rm "$TENON_HOME/prices.json"
  run_code 1 g prices no-such-model
}
check "prices have a date and a source, and users' own go before" priced

key() { g keys create "$@" --json 2>/dev/null | python3 -c 'import json,sys; print(json.load(sys.stdin)["key"])'; }
ALICE=$(key alice) BOB=$(key bob --requests-per-minute 2) POOR=$(key poor --budget-total 0.006) NARROW=$(key narrow --model plain) MANY=$(key many --team crowd)
keys() {
  case "$ALICE" in sk-tenon-*) ;; *) return 1 ;; esac
  run_code 1 g keys create alice; says "$WORK/stderr" "named 'alice' already"
  run_code 2 g keys create eve --team nowhere
  run_code 0 g keys list --json; holds "$WORK/stdout" 'len(d["keys"]) == 5' 'd["keys"][1]["limits"] == {"requests_per_minute": 2}'
  ! grep -q "$ALICE" "$TENON_HOME"/gateway.db*
}
check "keys are shown once and kept as hashes" keys

export TENON_SERVER_KEYS=owner
start_server
UPSTREAM=$UPSTREAM TENON_URL=$URL TENON_ALICE=$ALICE TENON_BOB=$BOB TENON_POOR=$POOR TENON_NARROW=$NARROW TENON_MANY=$MANY \
  timeout 200 node "$NODE_HOME/gateway_client.mjs" >"$WORK/client" 2>&1
code=$?
counts "$WORK/client"
check "the client ran to its end" test "$code" = 0

spent() {
  run_code 0 g spend --json; cp "$WORK/stdout" before.json
  holds before.json '{r["key"]: round(r["dollars"], 9) for r in d["spending"]}["poor"] == 0.004' 'all(r["dollars"] <= 0.05 for r in d["spending"] if r["key"] == "many")' \
    '{r["key"]: r["requests"] for r in d["spending"]}["bob"] == 2' '{r["key"]: r["output_tokens"] for r in d["spending"]}["narrow"] == 50'
  run_code 0 g spend --by team --json; holds "$WORK/stdout" '0 < [r for r in d["spending"] if r["team"] == "crowd"][0]["dollars"] <= 0.05'
  run_code 0 g spend --by model --key poor; says "$WORK/stdout" '^good +2 +200 +100 +\$0\.004000'
}
check "spending adds up to the last token" spent
metrics() { curl -sS -H 'Authorization: Bearer owner' "$URL/metrics" >m.txt; says m.txt '^tenon_gateway_calls_total\{alias="plain",deployment="good",outcome="answered"\} [1-9]'; says m.txt '^tenon_gateway_over_budget_total [1-9]'; says m.txt '^tenon_gateway_cache_hits_total [1-9]'; }
check "metrics" metrics
ask_as() { curl -sS --max-time 60 -o answer.json -w '%{http_code}' -H "Authorization: Bearer $1" -H 'Content-Type: application/json' -d '{"model":"plain","max_tokens":100,"messages":[{"role":"user","content":"After?"}]}' "$URL/v1/chat/completions"; }
revoked() {
  g keys revoke bob
  local i
  for i in $(seq 100); do [ "$(ask_as "$BOB")" = 401 ] && return 0; sleep 0.1; done
  return 1
}
check "a revoked key is let in no more" revoked

g spend --json >before.json
kill -KILL "$SERVER"; wait "$SERVER" 2>/dev/null
start_server
remembers() {
  run_code 0 g spend --json; cmp before.json "$WORK/stdout"
  [ "$(ask_as "$POOR")" = 429 ]; holds answer.json 'd["error"]["code"] == "insufficient_quota"'
  [ "$(ask_as "$ALICE")" = 200 ]
}
check "a killed server remembers what was spent" remembers
stop_server
check "the server ends well" test "$STOPPED" = 0
finish
