# The Model Context Protocol: the published client against our server, our client against the published server, and the
# published conformance suite against both sides, in revisions 2025-11-25 and 2026-07-28. No model is needed.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
BUILD=$(dirname "$(dirname "$TENON")")

mkdir -p "$WORK/notes"
printf 'Brew green tea at seventy degrees for two minutes.\n' >"$WORK/notes/tea.txt"
printf 'Coffee is ground just before it is brewed.\n' >"$WORK/notes/coffee.txt"
check "documents are indexed without a model" run_code 0 "$TENON" index "$WORK/notes" --into notes --embedding none

# Without Node.js: our client against our server.
ours=("$TENON" mcp serve --tool calculator --from notes)
listed() { run_code 0 "$TENON" mcp list --json -- "${ours[@]}" && holds "$WORK/stdout" 'd["revision"] == "2026-07-28"' '{"calculator", "search_notes"} == {t["name"] for t in d["tools"]}' 'len(d["resources"]) == 2'; }
check "our client lists what our server offers" listed
called() { run_code 0 "$TENON" mcp call calculator -a '{"expression": "6*7"}' -- "${ours[@]}" && says "$WORK/stdout" '^42$'; }
check "and calls its tools" called
older() { run_code 0 "$TENON" mcp list --revision 2025-06-18 --json -- "${ours[@]}" && holds "$WORK/stdout" 'd["revision"] == "2025-06-18"'; }
check "in an older revision too" older
wrong() {
  run_code 1 "$TENON" mcp list -- no-such-program-anywhere && says "$WORK/stderr" "cannot start the MCP server 'no-such-program-anywhere'" &&
  run_code 1 "$TENON" mcp call calculator -a '{"expression": "6*"}' -- "${ours[@]}" && says "$WORK/stderr" 'the tool calculator failed' &&
  run_code 2 "$TENON" mcp call calculator -a '[1]' -- "${ours[@]}" &&
  run_code 2 "$TENON" mcp serve --tool teleport && says "$WORK/stderr" "'teleport' is no tool"
}
check "what goes wrong is said in a sentence" wrong
hostile() {
  { printf 'not json\n[]\n{"jsonrpc":"2.0"}\n{"jsonrpc":"2.0","id":7,"method":"ping"}\n'; head -c 200000 /dev/zero | tr '\0' '['; printf '\n{"jsonrpc":"2.0","id":8,"method":"ping"}'; } >"$WORK/hostile"
  run_code 0 "${ours[@]}" <"$WORK/hostile" && says "$WORK/stdout" '"id":7,"result"' && [ "$(grep -c '"code":-32700' "$WORK/stdout")" = 2 ] && [ "$(wc -l <"$WORK/stdout")" = 5 ]
}
check "lines that are no messages are answered, and the rest still served" hostile

# /mcp of tenon serve: what `mcp serve` offers, behind the server's keys.
names() { run_code 0 "$TENON" mcp list --json "$URL/mcp" "$@" && holds "$WORK/stdout" "$WANT"; }
start_server
WANT='{"calculator", "search_notes"} == {t["name"] for t in d["tools"]}' check "tenon serve offers its knowledge bases and a calculator at /mcp" names
searched() { run_code 0 "$TENON" mcp call search_notes -a '{"query": "green tea"}' "$URL/mcp" && says "$WORK/stdout" 'seventy degrees'; }
check "which can be searched" searched
shelf() {
  answers 201 post /v1/knowledge_bases '{"name": "shelf", "embedding_model": "none"}' "$WORK/made"
  WANT='"search_shelf" in {t["name"] for t in d["tools"]}' names
  curl -sS -X DELETE "$URL/v1/knowledge_bases/shelf" >/dev/null
  WANT='{"calculator", "search_notes"} == {t["name"] for t in d["tools"]}' names
}
check "a base made or removed over the API comes and goes there too" shelf
rebound() { [ "$(curl -sS -o /dev/null -w '%{http_code}' -H 'Host: evil.example' -H 'Content-Type: application/json' -d '{}' "$URL/mcp")" = 403 ]; }
check "without keys, other hosts are turned away" rebound
stop_server
TENON_SERVER_KEYS=sesame start_server --mcp-tool calculator --mcp-tool "files=$WORK/notes" --mcp-from notes
locked() {
  run_code 1 "$TENON" mcp list "$URL/mcp" && run_code 1 "$TENON" mcp list "$URL/mcp" --token wrong
  WANT='{"calculator", "search_notes", "list_files", "read_file", "search_files"} == {t["name"] for t in d["tools"]}' names --token sesame
}
check "with keys, only those who show one come in, and find the tools that were chosen" locked
MCP_URL=$URL/mcp
closed() (
  start_server --no-mcp
  [ "$(curl -sS -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' -d '{}' "$URL/mcp")" = 404 ]
  stop_server
  printf '[mcp]\nenabled = false\n' >"$TENON_HOME/tenon.toml"
  start_server
  [ "$(curl -sS -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' -d '{}' "$URL/mcp")" = 404 ]
  stop_server
  printf '[mcp]\ntools = "x"\n' >"$TENON_HOME/tenon.toml"
  run_code 2 "$TENON" serve --port 0 && says "$WORK/stderr" 'mcp.tools is none of'
  rm "$TENON_HOME/tenon.toml"
)
check "and it can be switched off" closed

if ! install_node_modules; then
  skip "the published client, server and conformance suite" "Node.js with npm, or the packages of tests/e2e/node/package.json"
  finish
fi
cp "$ROOT/tests/e2e/node/"*.mjs "$NODE_HOME/"

TENON_SERVER_KEYS=sesame "$TENON" mcp serve --http --port 0 --tool calculator --tool "files=$WORK/notes" --from notes >"$WORK/http" 2>&1 &
children+=("$!")
for _ in $(seq 600); do grep -q '^serving on' "$WORK/http" && break; sleep 0.05; done
for client in mcp_client mcp_stateless; do for address in "$(sed -n 's/^serving on //p' "$WORK/http")" "$MCP_URL"; do
  TENON=$TENON TENON_FOLDER=$WORK/notes TENON_URL=$address timeout 120 node "$NODE_HOME/$client.mjs" >"$WORK/client" 2>&1 || echo "FAILED  $client.mjs ran to its end" >>"$WORK/client"
  counts "$WORK/client"
done; done

theirs=(node "$NODE_HOME/mcp_server.mjs")
check_server() { # NAME SERVER...
  local name=$1; shift
  list_theirs() {
    run_code 0 "$TENON" mcp list --json "$@" && holds "$WORK/stdout" 'd["server"] == {"name": "published", "version": "3.1"}' 'd["revision"] == "2025-11-25"' \
      'd["instructions"] == "Add things."' '[t["name"] for t in d["tools"]] == ["add", "fail", "picture"]' 'd["resources"][0]["uri"] == "memo://motto"' 'd["prompts"][0]["name"] == "greet"'
  }
  check "our client lists what the published server offers ($name)" list_theirs "$@"
  call_theirs() {
    run_code 0 "$TENON" mcp call add -a '{"a": 2, "b": 40}' --json --verbose "$@" && holds "$WORK/stdout" 'd["structured"] == {"sum": 42}' && says "$WORK/stderr" '1/2 adding' &&
    run_code 0 "$TENON" mcp call picture --json "$@" && holds "$WORK/stdout" 'd["content"][0]["data"] == "AQID"' &&
    run_code 1 "$TENON" mcp call fail "$@" && says "$WORK/stdout" '^as told$'
  }
  check "and calls its tools ($name)" call_theirs "$@"
}
check_server stdio -- "${theirs[@]}"
"${theirs[@]}" http >"$WORK/theirs" 2>&1 &
children+=("$!")
for _ in $(seq 600); do grep -q '^http' "$WORK/theirs" && break; sleep 0.05; done
check_server http "$(sed -n 's/^\(http[^ ]*\).*/\1/p' "$WORK/theirs")"

stateless() {
  local server=(node "$NODE_HOME/mcp_stateless.mjs" serve)
  run_code 0 "$TENON" mcp list --json -- "${server[@]}" && holds "$WORK/stdout" 'd["revision"] == "2026-07-28"' 'd["tools"][0]["name"] == "add"' &&
  run_code 0 "$TENON" mcp call add -a '{"a": 2, "b": 40}' -- "${server[@]}" && says "$WORK/stdout" '^42$'
}
check "our client and the published server without handshake or session" stateless

# Logging in: the browser is a program of ours that follows the page to where it leads.
node "$NODE_HOME/mcp_guarded.mjs" >"$WORK/guarded" 2>&1 &
children+=("$!")
for _ in $(seq 600); do grep -q '^http' "$WORK/guarded" && break; sleep 0.05; done
guarded=$(sed -n 's/^\(http[^ ]*\).*/\1/p' "$WORK/guarded")
mkdir -p "$WORK/bin"
printf '#!/bin/sh\ncurl -sS -L "$1" >"%s/page" 2>&1\n' "$WORK" >"$WORK/bin/xdg-open"
chmod +x "$WORK/bin/xdg-open"
whoami() { run_code 0 "$TENON" mcp call whoami --verbose "$@" "$guarded" && says "$WORK/stdout" '^Tenon$' && ! grep -rqE '(tok|ref)-[0-9a-f]{8}' "$WORK/stdout" "$WORK/stderr"; }
seen() { curl -sS "${guarded%/mcp}/seen" >"$WORK/seen" && holds "$WORK/seen" "d == $1"; }
outside() { run_code 1 "$TENON" mcp list "$guarded" && says "$WORK/stderr" 'log in with --auth' && seen '{"register": 0, "authorize": 0, "token": 0}'; }
check "a server that wants a login says so" outside
logged_in() (
  export PATH=$WORK/bin:$PATH BROWSER=ours
  whoami --auth && says "$WORK/stderr" "log in at 127.0.0.1" || exit 1
  for _ in $(seq 100); do grep -qs '可以关闭' "$WORK/page" && break; sleep 0.05; done
  says "$WORK/page" '可以关闭' && seen '{"register": 1, "authorize": 1, "token": 1}'
)
check "one logs in with a browser" logged_in
remembered() { whoami && seen '{"register": 1, "authorize": 1, "token": 1}' && [ "$(stat -c %a "$TENON_HOME/mcp")" = 700 ] && [ "$(stat -c %a "$TENON_HOME"/mcp/* | sort -u)" = 600 ]; }
check "and need not do so again: the token is kept, for its owner alone" remembered
refreshed() { curl -sS -X POST "${guarded%/mcp}/expire" && whoami && seen '{"register": 1, "authorize": 1, "token": 2}' && whoami; }
check "a token that has expired is refreshed" refreshed
again() (
  curl -sS -X POST "${guarded%/mcp}/forget"
  run_code 1 "$TENON" mcp list "$guarded"
  export PATH=$WORK/bin:$PATH BROWSER=ours
  whoami --auth && seen '{"register": 1, "authorize": 2, "token": 5}'
)
check "where that is refused, one logs in again, as the same client" again
out() {
  run_code 0 "$TENON" mcp logout "$guarded" && run_code 1 "$TENON" mcp list "$guarded" && run_code 1 "$TENON" mcp logout "$guarded" && says "$WORK/stderr" 'no token' &&
  run_code 2 "$TENON" mcp list --as-client "$guarded" && says "$WORK/stderr" 'client-id'
}
check "and out" out

if [ ! -x "$BUILD/mcp_conformance_server" ] || [ ! -x "$BUILD/mcp_conformance_client" ]; then
  skip "the conformance suite" "mcp_conformance_server and mcp_conformance_client are not built"
  finish
fi
# The suite takes a command apart at spaces, of which the path of the build may have some; it runs in $WORK.
ln -s "$BUILD/mcp_conformance_client" "$WORK/mcp_conformance_client"
"$BUILD/mcp_conformance_server" >"$WORK/conformance" 2>&1 &
CONFORMANCE=$!
children+=("$CONFORMANCE")
for _ in $(seq 600); do grep -q '^serving on' "$WORK/conformance" && break; sleep 0.05; done
url=$(sed -n 's/^serving on //p' "$WORK/conformance")
conforms() { # ARGUMENTS... : what the suite requires of a revision
  (cd "$WORK" && timeout 300 node "$NODE_HOME/conformance.mjs" "$@") >"$WORK/suite" 2>&1 && return 0
  grep -E '^✗|SUMMARY|Total|rror' "$WORK/suite" | head -n 40
  return 1
}
for revision in 2025-11-25 2026-07-28; do
  check "our server does all that $revision requires" conforms server --url "$url" --requirements "$revision"
done
check "the server is still there" kill -0 "$CONFORMANCE"
play() { local revision=$1 scenario; shift
  for scenario in "$@"; do
    conforms client --command ./mcp_conformance_client --spec-version "$revision" --scenario "$scenario" || return 1
    ! grep '^SKIPPED' "$WORK/suite" || return 1
  done; }
# sse-retry holds the client to tenths of a second, so it is not for busy machines: the unit tests show that streams are taken up again.
check "our client does what 2025-11-25 requires" play 2025-11-25 initialize tools_call elicitation-sep1034-client-defaults json-schema-2020-12-preservation
check "our client does what 2026-07-28 requires" play 2026-07-28 tools_call request-metadata sep-2322-client-request-state http-standard-headers http-custom-headers http-invalid-tool-headers json-schema-ref-no-deref json-schema-2020-12-preservation
gets_in() { # SUITE COUNT REVISION : all of the suite's scenarios of getting tokens
  conforms client --command ./mcp_conformance_client --suite "$1" --spec-version "$3" && [ "$(grep -c '^✓ auth/' "$WORK/suite")" = "$2" ]
}
check "it gets tokens as 2025-11-25 requires" gets_in auth 14 2025-11-25
check "as 2026-07-28 requires of the same" gets_in auth 14 2026-07-28
check "and besides" gets_in draft 11 2026-07-28
check "from servers of 2025-03-26" gets_in backcompat 2 2025-03-26
by_itself() { for scenario in auth/client-credentials-basic auth/client-credentials-jwt; do conforms client --command ./mcp_conformance_client --scenario "$scenario" || return 1; done; }
check "and for itself, with a secret or a key" by_itself
finish
