# The OpenAPI documents of the example service and of `tenon serve`, held to the specification's own schema; both under
# schemathesis: generated requests get no 5xx and nothing the document does not say. With models, answers of `tenon serve`
# in every protocol are held to the schemas it gives for them.
# Without the packages of tests/e2e/python/requirements.txt these are skipped.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
install_python_packages || true
EXAMPLE=$(dirname "$TENON")/../examples/example_rest_service
[ -x "$EXAMPLE" ] || EXAMPLE=$ROOT/build/release/examples/example_rest_service
if [ ! -x "$EXAMPLE" ]; then
  skip openapi "examples/example_rest_service is not built"
  finish
fi
mkfifo "$WORK/said"
"$EXAMPLE" 0 >"$WORK/said" 2>"$WORK/example.err" &
children+=($!)
read -r -t 60 _ URL <"$WORK/said"
URL=${URL%/docs}
check "the example serves" test -n "$URL"
fetch() { curl -sS --max-time 30 "$@"; }
check "its document is there" sh -c "curl -sS --max-time 30 $URL/openapi.json | grep -q '\"openapi\":\"3.1.0\"'"
check "its page needs no network" sh -c "curl -sS --max-time 30 $URL/docs >'$WORK/docs.html' && ! grep -qE 'https?://' '$WORK/docs.html'"
fetch "$URL/openapi.json" >"$WORK/openapi.json"
if "$PYTHON" -c 'import openapi_spec_validator' 2>/dev/null; then
  check "the document is valid OpenAPI 3.1" "$PYTHON" -m openapi_spec_validator "$WORK/openapi.json"
else
  skip "openapi: the specification's schema" "Python's openapi-spec-validator"
fi
cd "$WORK" || exit 1  # schemathesis keeps what it found where it runs
if "$PYTHON" -c 'import schemathesis' 2>/dev/null; then
  check "schemathesis finds no 5xx and no breach of the document" \
    "$PYTHON" -m schemathesis.cli run "$URL/openapi.json" --max-examples 25 --seed 7 --checks all \
    --header "Authorization: Bearer sesame" --exclude-checks missing_required_header,unsupported_method
else
  skip "openapi: schemathesis" "Python's schemathesis"
fi

# What `tenon serve` says of itself. Without models every generated request ends at its validation; managing models over
# Ollama's API is refused with 501, which is no fault of the server.
start_server
fetch "$URL/openapi.json" >"$WORK/serve.json"
if "$PYTHON" -c 'import openapi_spec_validator' 2>/dev/null; then
  check "the document of tenon serve is valid OpenAPI 3.1" "$PYTHON" -m openapi_spec_validator "$WORK/serve.json"
fi
if "$PYTHON" -c 'import schemathesis' 2>/dev/null; then
  check "schemathesis finds no 5xx and no answer tenon serve does not document" \
    "$PYTHON" -m schemathesis.cli run "$URL/openapi.json" --max-examples 8 --seed 7 \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
    --exclude-path-regex '^/api/(pull|push|create|copy|delete)$'
fi
stop_server
if ! "$PYTHON" -c 'import jsonschema' 2>/dev/null; then
  skip "openapi: answers of tenon serve" "Python's jsonschema"
  finish
fi
need_models qwen2.5-coder-0.5b.gguf minilm
aliases qwen2.5-coder-0.5b minilm
check "models come from local sources" run_code 0 "$TENON" pull qwen2.5-coder-0.5b minilm
TENON_CONTEXT=2048 start_server
timeout 600 "$PYTHON" "$ROOT/tests/e2e/openapi_answers.py" "$URL" qwen2.5-coder-0.5b minilm >"$WORK/answers" 2>"$WORK/answers.err" || {
  failed=$((failed + 1)); printf 'FAILED  the answers were not all asked for\n'; tail -n 5 "$WORK/answers.err"; }
counts "$WORK/answers"
stop_server
finish
