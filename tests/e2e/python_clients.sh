# The published Python clients of OpenAI and Anthropic, against a server with the small models.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_models qwen2.5-coder-0.5b.gguf minilm
if ! install_python_packages; then
  skip "the Python clients" "python3 with pip, or the packages of tests/e2e/python/requirements.txt"
  finish
fi
aliases qwen2.5-coder-0.5b minilm
check "models come from local sources" run_code 0 "$TENON" pull qwen2.5-coder-0.5b minilm
export TENON_CONTEXT=2048
TENON_SERVER_KEYS=sesame start_server
keyed=$URL
start_server
TENON_URL=$URL TENON_KEYED_URL=$keyed timeout 600 "$PYTHON" "$ROOT/tests/e2e/python/clients.py" >"$WORK/client" 2>&1
counts "$WORK/client"
check "the clients ran to their end" grep -q '^# [0-9]* checks' "$WORK/client"
stop_server
check "the server ends well after all that" test "$STOPPED" = 0
finish
