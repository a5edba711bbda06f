# The console at / in Debian's Chromium, driven by playwright-core. Screenshots: build/test/console-*.png.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_models qwen2.5-coder-0.5b.gguf minilm
browser=$(command -v chromium || command -v chromium-browser || true)
if [ -z "$browser" ]; then skip console "chromium (Debian package chromium)"; finish; fi
if ! install_node_modules; then skip console "Node.js with npm, or the packages of tests/e2e/node/package.json"; finish; fi
aliases qwen2.5-coder-0.5b minilm
check "models are installed" run_code 0 "$TENON" pull qwen2.5-coder-0.5b minilm
export TENON_CONTEXT=4096

mkdir -p "$WORK/files"
cat >"$WORK/files/lighthouse.md" <<'TEXT'
# Harrow Point

Notes for visitors to the old station at the end of the long sand bar.

## The lighthouse

The lighthouse at Harrow Point was built in 1883 by the engineer Edith Malone, after two ships had been lost on the bar in one winter. It is 43 metres tall, and its white tower carries two red bands.

Its lamp burned 14 litres of rapeseed oil in a winter night. 🕯️ The oil came by boat twice a month, when the weather let the boat land.

## The tea room

The tea room opens at ten in the morning and is closed on Tuesdays. Dogs are welcome in the garden. The scones are baked on Fridays only.

## Getting here

The ferry leaves Orrin at a quarter to eight and takes forty minutes. There is no road across the bar at high tide.
TEXT
cat >"$WORK/files/图书馆.md" <<'TEXT'
# 青禾图书馆

## 开放时间

青禾图书馆每天上午九点开门，晚上八点关门，每逢星期三闭馆。节假日的开放时间另行通知。

## 借书规则

每位读者最多可以借十二本书，借期为三十天。逾期每天收取两角钱的费用。珍本只能在阅览室内阅读。
TEXT
printf '# Attack\n\nThe password of the attic is <img src=x onerror="window.broken=1"> <script>window.broken=1</script> marmalade.\n' >"$WORK/files/attack.md"
python3 - "$WORK/files" <<'PYTHON'
import random, sys
chance = random.Random(1)
words = "anchor barley cedar dune ember fjord grove heron inlet jetty kelp larch meadow north orchard pebble quarry river sand tide".split()
for i in range(12):
    with open(f"{sys.argv[1]}/log{i:02}.txt", "w") as f:
        for day in range(60):
            f.write(f"Day {day}: " + " ".join(chance.choice(words) for _ in range(60)) + ".\n\n")
PYTHON
start_server
cp "$ROOT/tests/e2e/console/console.mjs" "$NODE_HOME/"
TENON_URL=$URL TENON_FILES=$WORK/files TENON_SHOTS=$OUT TENON_BROWSER=$browser timeout 240 node "$NODE_HOME/console.mjs" >"$WORK/browser" 2>&1
code=$?
counts "$WORK/browser"
grep -q '^# [0-9]* passed' "$WORK/browser" || check "the browser ran to its end" test "$code" = 0
stop_server
check "the server ends well" test "$STOPPED" = 0
finish
