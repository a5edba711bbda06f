# The published openai npm client, unmodified, against `tenon serve`.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_models smollm2-135m.gguf minilm
if ! install_node_modules; then
  skip openai_client "Node.js with npm, or the packages of tests/e2e/node/package.json"
  finish
fi
cat >"$TENON_HOME/models.toml" <<TOML
[models.smollm2-135m]
file = "model.gguf"
sources = ["file:$MODELS/smollm2-135m.gguf"]
[models.minilm]
role = "embedding"
sources = ["file:$MODELS/minilm"]
TOML
check "models come from local sources under their aliases" run_code 0 "$TENON" pull smollm2-135m minilm
export TENON_MODEL=smollm2-135m TENON_CONTEXT=4096

TENON_SERVER_KEYS=sesame start_server --cors-origin https://app.example --time-limit 2
KEYED=$URL
start_server
cp "$ROOT/tests/e2e/node/"*.mjs "$NODE_HOME/"
TENON_URL=$URL TENON_KEYED_URL=$KEYED TENON_PID=$SERVER timeout 300 node "$NODE_HOME/openai_client.mjs" >"$WORK/client" 2>&1
code=$?
counts "$WORK/client"
grep -q '^# [0-9]* passed' "$WORK/client" || check "the client ran to its end" test "$code" = 0
stop_server
check "the server ends well after all that" test "$STOPPED" = 0
finish
