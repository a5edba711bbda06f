# tenon prompt: versions, tags, experiments, cases; what --json prints; how it fails.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$WORK" || exit 1

printf 'Say hello to {name}.\n' >one.prompt
cat >two.prompt <<'PROMPT'
+++
description = "一个海盗"
[settings]
max_tokens = 8
[[case]]
name = "ada"
variables = { name = "Ada" }
contains = ["ada"]
+++
@system
You are a pirate.
@user
Greet {name}.
PROMPT
p() { "$TENON" prompt "$@"; }

empty() { run_code 0 p list --json; holds "$WORK/stdout" 'd == {"prompts": []}'; }
check "a new home has no prompts" empty
versions() {
  run_code 0 p put greet one.prompt --note first --json; holds "$WORK/stdout" 'd["version"] == 1' 'len(d["hash"]) == 64'
  run_code 0 p put greet two.prompt
  run_code 0 p put greet two.prompt --json; holds "$WORK/stdout" 'd["version"] == 2'
  run_code 0 p show greet@v1; says "$WORK/stdout" '^Say hello to \{name\}\.$'
  run_code 0 p show greet --json; holds "$WORK/stdout" 'd["description"] == "一个海盗"' 'd["variables"] == ["name"]' 'd["version"] == 2'
  run_code 0 p show greet --versions --json; holds "$WORK/stdout" '[v["note"] for v in d["versions"]] == ["first", ""]'
}
check "versions" versions
differs() { run_code 0 p diff greet v1 v2; says "$WORK/stdout" '^--- greet v1$'; says "$WORK/stdout" '^\+Greet \{name\}\.$'; says "$WORK/stdout" '^-Say hello'; }
check "diff" differs
tags() {
  run_code 0 p tag greet production v1
  run_code 0 p tag greet production
  run_code 0 p show greet@production --json; holds "$WORK/stdout" 'd["version"] == 2'
  run_code 0 p rollback greet production --json; holds "$WORK/stdout" 'd["version"] == 1'
  run_code 0 p list --json; holds "$WORK/stdout" 'd["prompts"][0]["tags"] == {"production": 1}'
}
check "tags and rolling back" tags
experiments() { run_code 0 p experiment greet tone production=90 v2=10 --json; holds "$WORK/stdout" 'd["experiments"] == {"tone": {"production": 90, "v2": 10}}'; }
check "experiments" experiments
cases() {
  run_code 0 p test greet --json; holds "$WORK/stdout" 'd["passed"] == 1' 'd["model"] is None' '"Greet Ada." in d["cases"][0]["text"]'
  run_code 2 p test greet@v1; says "$WORK/stderr" 'no \[\[case\]\]'
  run_code 0 p test greet@v1 --set name=小明; says "$WORK/stdout" 'Say hello to 小明'
  run_code 1 p test greet@v1 --set nobody=x; says "$WORK/stdout" "'name' has no value"
}
check "cases without a model" cases
fails() {
  run_code 1 p show nobody; says "$WORK/stderr" "no prompt 'nobody'"
  run_code 1 p show greet@v9; says "$WORK/stderr" "no version or tag 'v9'"
  run_code 2 p put ../x one.prompt; says "$WORK/stderr" 'no name of a prompt'
  printf 'a {' >bad.prompt; run_code 2 p put bad bad.prompt; says "$WORK/stderr" "'\{'"
  run_code 2 p
}
check "one sentence when it fails" fails
need_models smollm2-135m.gguf
asks() { run_code 0 p test greet@v1 --set name=Ada --model "$MODELS/smollm2-135m.gguf" --json; holds "$WORK/stdout" 'd["cases"][0]["text"]' 'd["model"]'; }
check "a case with a model" asks
finish
