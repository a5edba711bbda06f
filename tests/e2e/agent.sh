# tenon agent: a TOML file, tools, approvals, resuming; the model is scripted, behind an OpenAI-compatible URL.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$WORK" || exit 1

cat >upstream.py <<'PY'
"""Answers chat completions from the conversation: calls the tool that the question names as JSON, then says what came of it."""
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        last = body["messages"][-1]
        form = body.get("response_format", {}).get("json_schema", {}).get("name")
        if form == "plan":
            delta, finish = {"content": json.dumps({"tasks": ["Look.", "Tell."]})}, "stop"
        elif form == "next":
            over = last["content"].count("[done]")
            delta, finish = {"content": json.dumps({"answer": "Planned." if over == 2 else "", "tasks": []})}, "stop"
        elif last["role"] == "tool":
            delta, finish = {"content": f"It came to: {last['content']}"}, "stop"
        elif last["content"].startswith("{"):
            call = json.loads(last["content"])
            delta = {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": call["tool"], "arguments": json.dumps(call["arguments"])}}]}
            finish = "tool_calls"
        else:
            delta, finish = {"content": f"{len(body['messages'])} messages, {len(body.get('tools', []))} tools"}, "stop"
        chunk = lambda choice: b"data: " + json.dumps({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}).encode() + b"\n\n"
        out = chunk({"index": 0, "delta": delta, "finish_reason": None}) + chunk({"index": 0, "delta": {}, "finish_reason": finish}) + b"data: [DONE]\n\n"
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
open("port.new", "w").write(str(server.server_port))
import os; os.rename("port.new", "port")
server.serve_forever()
PY
python3 upstream.py & children+=($!)
for _ in $(seq 300); do [ -s port ] && break; sleep 0.1; done
export OPENAI_API_KEY=none
agent() { "$TENON" agent "$1" --model openai:m --base-url "http://127.0.0.1:$(cat port)/v1" "${@:2}"; }

# lines FILE EXPRESSION... : as holds, over the list of the file's JSON lines.
lines() { python3 -c 'import json, sys; json.dump([json.loads(l) for l in open(sys.argv[1])], open(sys.argv[2], "w"))' "$1" "$WORK/lines"; holds "$WORK/lines" "${@:2}"; }

mkdir notes; echo 'The ferry leaves at nine.' >notes/ferry.txt
cat >clerk.toml <<'TOML'
name = "clerk"
instructions = "You keep notes."
[tools]
calculator = true
files = { folder = "notes", write = true }
[limits]
steps = 4
TOML
checked() { run_code 0 agent clerk.toml --check --json; holds "$WORK/stdout" 'd["name"] == "clerk"' '{"calculator", "read_file", "write_file"} <= set(d["tools"])'; }
check "--check opens what the file names" checked
planned() {
  printf 'kind = "plan"\n[tools]\ncalculator = true\n[plan]\nrounds = 5\n' >planner.toml
  run_code 0 agent planner.toml "What is to be done?" --json
  lines "$WORK/stdout" '[[t["status"] for t in l["tasks"]] for l in d if l["type"] == "plan"] == [["open", "open"], ["done", "open"], ["done", "done"]]' \
    'd[-1]["text"] == "Planned."' 'd[-1]["outcome"] == "answered"' '[l["text"] for l in d if l["type"] == "text"] == ["Planned."]' 'd[-1]["steps"] == 5'
  run_code 0 agent planner.toml "What is to be done?"; says "$WORK/stdout" '^Planned\.$'; says "$WORK/stderr" '☑ Look\.: '
}
check "an agent that plans and executes" planned
outside() {
  printf '[tools]\nweb_search = { provider = "searxng", url = "http://127.0.0.1:9", results = 3 }\n' >web.toml; run_code 0 agent web.toml --check; says "$WORK/stdout" 'web_search'
  printf '[tools]\nweb_search = "brave"\n' >web.toml; run_code 2 agent web.toml x; says "$WORK/stderr" 'web search by brave needs an API key: set BRAVE_API_KEY, or api_key under \[providers.brave\]'
  BRAVE_API_KEY=k run_code 0 agent web.toml --check
  printf '[tools]\nweb_search = "altavista"\n' >web.toml; run_code 2 agent web.toml x; says "$WORK/stderr" "'altavista' is no web search"
  printf '[tools]\nsql = "postgresql://u@127.0.0.1:1/x"\n' >web.toml; run_code 1 agent web.toml x; says "$WORK/stderr" 'cannot connect to the database'
}
check "web search and PostgreSQL" outside
wrong() {
  run_code 1 agent nowhere.toml; says "$WORK/stderr" 'nowhere.toml'
  printf '[tools]\ncalculater = true\n' >bad.toml; run_code 2 agent bad.toml x; says "$WORK/stderr" 'bad.toml:2: tools.calculater is no setting here; there are calculator'
  printf 'name = 3\n' >bad.toml; run_code 2 agent bad.toml x; says "$WORK/stderr" 'bad.toml:1: name must be a string'
  printf 'kind = "magic"\n' >bad.toml; run_code 2 agent bad.toml x; says "$WORK/stderr" 'bad.toml:1: kind must be plan, or tools'
  printf '[plan]\nrounds = 0\n' >bad.toml; run_code 2 agent bad.toml x; says "$WORK/stderr" 'plan.rounds must be a whole number from 1'
  printf '[limits]\nsteps = 0\n' >bad.toml; run_code 2 agent bad.toml x; says "$WORK/stderr" 'limits.steps must be a whole number from 1'
  printf '[[mcp]]\nname = "x"\n' >bad.toml; run_code 2 agent bad.toml x; says "$WORK/stderr" 'either a command or a url'
  printf '[[mcp]]\nurl = "x"\nauth = 3\n' >bad.toml; run_code 2 agent bad.toml x; says "$WORK/stderr" 'bad.toml:3: mcp.auth must be true, or'
  printf '[[mcp]]\nurl = "x"\nauth = { secret = "y" }\n' >bad.toml; run_code 2 agent bad.toml x; says "$WORK/stderr" 'mcp.auth.secret is no setting here; there are as_client, client_id'
  printf 'approve = ["nothing"]\n' >bad.toml; run_code 2 agent bad.toml x; says "$WORK/stderr" "approve names 'nothing'"
  printf 'workers = ["bad.toml"]\n' >bad.toml; run_code 2 agent bad.toml x; says "$WORK/stderr" 'refers to itself'
  printf 'a = [' >bad.toml; run_code 2 agent bad.toml x; says "$WORK/stderr" 'bad.toml:1:'
}
check "one sentence says what is wrong in the file, and where" wrong
steps() {
  run_code 0 agent clerk.toml '{"tool": "calculator", "arguments": {"expression": "17*23"}}' --json
  lines "$WORK/stdout" '[s["type"] for s in d][:2] == ["call", "result"]' 'd[0]["arguments"] == {"expression": "17*23"}' 'd[1]["content"] == "391"' \
    'd[-1]["type"] == "answer"' 'd[-1]["outcome"] == "answered"' '"391" in d[-1]["text"]'
  run_code 0 agent clerk.toml '{"tool": "calculator", "arguments": {"expression": "17*23"}}'; says "$WORK/stdout" '^It came to: 391$'; says "$WORK/stderr" 'calculator'
  run_code 0 agent clerk.toml --quiet '{"tool": "read_file", "arguments": {"path": "ferry.txt"}}'; says "$WORK/stdout" 'ferry leaves at nine'
}
check "steps as text and as JSON lines" steps
writing='{"tool": "write_file", "arguments": {"path": "new.txt", "text": "hello"}}'
approvals() {
  run_code 1 agent clerk.toml "$writing" --run r1; says "$WORK/stderr" 'waits for a person.s approval; go on with --resume --run r1'; [ ! -e notes/new.txt ]
  run_code 0 agent clerk.toml --resume --run r1 --no; [ ! -e notes/new.txt ]
  run_code 1 agent clerk.toml "$writing" --run r2
  run_code 0 agent clerk.toml --resume --run r2 --yes; [ "$(cat notes/new.txt)" = hello ]; rm notes/new.txt
  run_code 0 agent clerk.toml "$writing" --no; [ ! -e notes/new.txt ]
  run_code 0 agent clerk.toml "$writing" --yes; [ "$(cat notes/new.txt)" = hello ]
  run_code 1 agent clerk.toml --resume --run nobody; says "$WORK/stderr" 'nobody'
  run_code 2 agent clerk.toml --resume; says "$WORK/stderr" '--run NAME'
}
check "calls that change something wait; runs are resumed" approvals
talk() {
  printf 'one\ntwo\n' | run_code 0 agent clerk.toml; says "$WORK/stdout" '^2 messages'; says "$WORK/stdout" '^4 messages'
}
check "a conversation from standard input keeps its turns" talk
team() {
  printf 'name = "worker"\ndescription = "Adds"\n[tools]\ncalculator = true\n' >worker.toml
  printf 'workers = ["worker.toml"]\n[memory]\nconversation = true\n' >boss.toml
  run_code 0 agent boss.toml '{"tool": "worker", "arguments": {"task": "{\"tool\": \"calculator\", \"arguments\": {\"expression\": \"6*7\"}}"}}'
  says "$WORK/stdout" 'It came to: It came to: 42'
  run_code 0 agent boss.toml 'again' --user ada; run_code 0 agent boss.toml 'and again' --user ada; says "$WORK/stdout" '^[34] messages'
}
check "workers, and memory from one run to the next" team
served() {
  printf '[[mcp]]\nname = "own"\ncommand = ["%s", "mcp", "serve", "--tool", "calculator"]\n' "$TENON" >mcp.toml
  run_code 0 agent mcp.toml --check --json; holds "$WORK/stdout" 'd["tools"] == ["calculator"]'
  run_code 0 agent mcp.toml '{"tool": "calculator", "arguments": {"expression": "2^10"}}'; says "$WORK/stdout" 'It came to: 1024'
  printf 'approve = true\n' >>mcp.toml; run_code 1 agent mcp.toml '{"tool": "calculator", "arguments": {"expression": "1+1"}}'; says "$WORK/stderr" 'approval'
  printf 'tools = ["nothing"]\n' >>mcp.toml; run_code 1 agent mcp.toml --check; says "$WORK/stderr" "own has no tool 'nothing'"
  printf '[[mcp]]\ncommand = ["no-such-program"]\n' >mcp.toml; run_code 1 agent mcp.toml --check; says "$WORK/stderr" 'no-such-program'
}
check "tools of an MCP server" served
finish
