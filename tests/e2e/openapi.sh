# The OpenAPI documents of the example service and of `tenon serve`, held to the specification's own schema, and the
# example under schemathesis: generated requests get no 5xx and nothing the document does not say.
# TENON_OPENAPI_PYTHON names a Python that has openapi-spec-validator and schemathesis; without them both are skipped.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
PYTHON=${TENON_OPENAPI_PYTHON:-python3}
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
  skip "openapi: the specification's schema" "Python's openapi-spec-validator (name a Python that has it in TENON_OPENAPI_PYTHON)"
fi
cd "$WORK" || exit 1  # schemathesis keeps what it found where it runs
if "$PYTHON" -c 'import schemathesis' 2>/dev/null; then
  check "schemathesis finds no 5xx and no breach of the document" \
    "$PYTHON" -m schemathesis.cli run "$URL/openapi.json" --max-examples 25 --seed 7 --checks all \
    --header "Authorization: Bearer sesame" --exclude-checks missing_required_header,unsupported_method
else
  skip "openapi: schemathesis" "Python's schemathesis (name a Python that has it in TENON_OPENAPI_PYTHON)"
fi
finish
