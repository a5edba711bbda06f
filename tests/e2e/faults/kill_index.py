"""Kills `tenon index` at random moments while a server reads the same knowledge base.

After every kill: the base opens at once, every document listed is one whole version of its file (its text, its first and
its last passage are found, and none of another version), and the next run completes.
kill_index.py TENON URL FOLDER
"""
import hashlib, json, os, random, subprocess, sys, time, urllib.parse, urllib.request

tenon, url, folder = sys.argv[1:4]
seed = int(os.environ.get("TENON_TEST_SEED", random.randrange(1 << 30)))
print("seed", seed)
chance = random.Random(seed)
FILES, ROUNDS = 40, 10
words = "anchor barley cedar dune ember fjord grove heron inlet jetty kelp larch meadow north orchard pebble quarry river sand tide".split()
versions = {}  # source -> {sha256: (version, text)}


def write(number, version):
    name = f"note{number:02}.md"
    body = [f"# Note {number}\n\nFirst passage firstv{version}n{number} of this note.\n"]
    for section in range(8):
        body.append(f"\n## Part {section}\n\n" + " ".join(chance.choice(words) for _ in range(130)) + ".\n")
    body.append(f"\nThe end is lastv{version}n{number} here.\n")
    text = "".join(body)
    with open(os.path.join(folder, name), "w") as f:
        f.write(text)
    versions.setdefault(f"{folder}/{name}", {})[hashlib.sha256(text.encode()).hexdigest()] = (version, text)


def call(path, body=None):
    request = urllib.request.Request(url + path, json.dumps(body).encode() if body else None, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.load(response)


def found(marker):
    return {r["source"] for r in call("/v1/search", {"query": marker, "from": "crash", "mode": "text", "top_k": 5})["results"] if marker in r["text"]}


def look(finished):
    begin = time.time()
    shown = json.loads(subprocess.run([tenon, "kb", "show", "crash", "--json"], capture_output=True, check=True, timeout=20).stdout)
    opened = time.time() - begin
    assert opened < 1.5, f"opened after {opened:.1f} s"
    assert len(shown["sources"]) == shown["documents"]
    assert sum(s["chunks"] for s in shown["sources"]) == shown["chunks"], "passages without a document, or documents without passages"
    for s in shown["sources"]:
        known = versions[s["source"]]
        assert s["content_hash"] in known, f"{s['source']} is no version that was written"
        version, text = known[s["content_hash"]]
        document = call("/v1/knowledge_bases/crash/document?source=" + urllib.parse.quote(s["source"]))
        assert document["text"].split() == text.split(), f"the text of {s['source']} is not that of its version"
        number = int(s["source"][-5:-3])
        for end in ("first", "last"):
            assert s["source"] in found(f"{end}v{version}n{number}"), f"{s['source']}: its {end} passage is not found"
            for other in {v for v, _ in known.values()} - {version}:
                assert not found(f"{end}v{other}n{number}"), f"{s['source']}: a passage of version {other} beside version {version}"
    return shown["documents"]


os.makedirs(folder, exist_ok=True)
index = [tenon, "index", folder, "--into", "crash", "--json"]
for number in range(FILES):
    write(number, 0)
killed = held = 0
length = 2.0
for round in range(1, ROUNDS + 1):
    begin = time.time()
    child = subprocess.Popen(index, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        child.wait(timeout=chance.uniform(0.05, length))
        assert child.returncode == 0, child.stderr.read()
        length = max(0.3, time.time() - begin)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        killed += 1
    try:
        documents = look(False)
    except subprocess.CalledProcessError as error:  # killed before the base was made
        assert held == 0 and b"crash" in error.stderr, error.stderr
        documents = 0
    assert documents >= held, f"{held} documents before, {documents} after"
    held = documents
    print(f"round {round}: killed after {time.time() - begin:.2f} s, {documents} documents, all whole", flush=True)
    for number in chance.sample(range(FILES), 10):
        write(number, round)
assert killed >= ROUNDS // 2, f"only {killed} of {ROUNDS} runs were killed: this shows little"
summary = json.loads(subprocess.run(index, capture_output=True, check=True, timeout=120).stdout)
assert summary["added"] + summary["replaced"] + summary["unchanged"] == FILES and not summary["failed"], summary
assert look(True) == FILES
summary = json.loads(subprocess.run(index, capture_output=True, check=True, timeout=120).stdout)
assert summary["unchanged"] == FILES, summary
print(f"{killed} of {ROUNDS} killed")
