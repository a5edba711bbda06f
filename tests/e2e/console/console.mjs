// The console in a real browser: what a person does with it, and what they see.
// Environment: TENON_URL, TENON_FILES (a folder of documents), TENON_SHOTS (where screenshots go), TENON_BROWSER.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const url = process.env.TENON_URL, folder = process.env.TENON_FILES;
let passed = 0, failed = 0;
const browser = await chromium.launch({
  executablePath: process.env.TENON_BROWSER, headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
});
const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB", colorScheme: "light" });
const page = await context.newPage();
page.setDefaultTimeout(20_000);
const problems = [], strangers = [];
page.on("pageerror", (e) => problems.push(`exception: ${e.message}`));
page.on("console", (m) => { if (m.type() === "error") problems.push(`console: ${m.text()}`); });
page.on("request", (r) => { if (!r.url().startsWith(url) && !r.url().startsWith("data:") && !r.url().startsWith("blob:")) strangers.push(r.url()); });
page.on("dialog", (d) => d.accept());

const shot = (name) => page.screenshot({ path: join(process.env.TENON_SHOTS, `console-${name}.png`) });
async function check(name, work) {
  const begin = performance.now();
  try {
    await work();
    passed++;
    console.log(`ok      ${name} (${Math.round(performance.now() - begin)} ms)`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}\n${String(error?.stack ?? error).split("\n").slice(0, 14).map((l) => `        ${l}`).join("\n")}`);
    await shot(`failed-${failed}`).catch(() => {});
  }
}
/** Nothing is wider than the window. */
async function fits() {
  const wide = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width) return [`the page: ${document.documentElement.scrollWidth} > ${width}`];
    return [...document.querySelectorAll("main *, header *")].filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > width + 1 && !e.closest("pre"))
      .map((e) => `${e.tagName}.${e.className}: ${Math.round(e.getBoundingClientRect().right)} > ${width}`);
  });
  assert.deepEqual(wide, []);
}
/** The share of black and white text's contrast that the eye gets: WCAG ratio of an element's colours. */
const contrast = (selector) => page.locator(selector).first().evaluate((element) => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parse = (c) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  let ground = [255, 255, 255, 255];
  for (let e = element; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] > 250) { ground = c; break; } }
  const light = (c) => c.slice(0, 3).map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
  const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
});
const visible = (selector) => page.locator(`.page:not(.away) ${selector}`);
/** Goes to a page: 0 ask, 1 chat, 2 documents. Returns once it is the page that is shown: the click is rendered later. */
async function tab(n) {
  await page.locator("nav [role=tab]").nth(n).click();
  await page.waitForFunction((n) => [...document.querySelectorAll(".page")].every((p, i) => p.checkVisibility() === (i === n)), n);
}
/** Asks on the page that is shown; returns the lengths the answer had while it came. */
async function say(text) {
  const before = await visible(".answer").count();
  await visible("textarea").fill(text);
  await visible("textarea").press("Enter");
  const answer = visible(".answer").nth(before);
  const lengths = new Set();
  await answer.waitFor();
  const end = Date.now() + 60_000;
  for (;;) {
    const prose = await answer.locator(".prose").count() ? await answer.locator(".prose").first().innerText() : "";
    if (prose) lengths.add(prose.length);
    if (await visible(".composer .stop").count() === 0) break;
    assert.ok(Date.now() < end, "no end of the answer");
    await page.waitForTimeout(15);
  }
  return { answer, lengths };
}

await check("the console opens, and says what to do first", async () => {
  await page.goto(url);
  await visible(".intro h1").waitFor();
  assert.equal(await page.title(), "Tenon");
  await visible(".intro button").waitFor();
  await shot("empty");
});
await check("a new knowledge base", async () => {
  await visible(".intro button").click();
  await visible(".bar button").first().click();
  await visible(".inline input").fill("Harrow notes");
  await visible(".inline button.primary").click();
  await page.waitForFunction(() => [...document.querySelectorAll(".page:not(.away) select option")].some((o) => o.value === "Harrow notes") || document.querySelector(".page:not(.away) .banner.bad"));
  if (await visible(".banner.bad").count()) {  // names with spaces may be refused, but then clearly
    assert.match(await visible(".banner.bad").innerText(), /name/i);
    await visible(".inline input").fill("harrow");
    await visible(".inline button.primary").click();
    await page.waitForFunction(() => [...document.querySelectorAll(".page:not(.away) select option")].some((o) => o.value === "harrow"));
  }
});
await check("files are uploaded, with progress, and listed", async () => {
  const files = readdirSync(folder).map((name) => join(folder, name));
  const seen = page.evaluate(() => new Promise((done) => {
    const said = new Set();
    const look = () => {
      const bar = document.querySelector("[role=progressbar] span");
      if (bar) said.add(bar.textContent);
      if (document.querySelector(".banner.good")) { observer.disconnect(); done([...said]); }
    };
    const observer = new MutationObserver(look);
    observer.observe(document.body, { subtree: true, childList: true, characterData: true });
  }));
  await visible("input[type=file]").setInputFiles(files);
  await page.waitForSelector("[role=progressbar]");
  await page.waitForFunction(() => /Indexing [2-9]/.test(document.querySelector("[role=progressbar] span")?.textContent ?? ""), null, { polling: 20 });
  await shot("uploading");
  const said = await seen;
  assert.ok(said.filter((s) => /Indexing \d+\/15/.test(s)).length >= 4, `progress said: ${said.join(" | ")}`);
  await visible(".banner.good").waitFor();
  assert.match(await visible(".banner.good").innerText(), /15 documents indexed, \d+ passages/);
  await page.waitForFunction(() => document.querySelectorAll(".page:not(.away) .list li").length === 15, null, { timeout: 5000 });
  await shot("documents");
  await fits();
});
let citation;
await check("a question: the answer streams, with its sources", async () => {
  await tab(0);
  const { answer } = await say("Who built the lighthouse at Harrow Point, and in which year?");
  await shot("answer");
  assert.match(await answer.innerText(), /1883|Malone/);
  const sources = answer.locator(".source");
  assert.ok(await sources.count() >= 1);
  citation = sources.first();
  assert.match(await citation.innerText(), /lighthouse\.md/);
  assert.match(await citation.innerText(), /lines? \d+/);
  assert.ok(await answer.locator("button.cite").count() >= 1, "no mark in the answer leads to a source");
  await fits();
});
await check("a click on the citation shows the passage highlighted in its document", async () => {
  await citation.click();
  const mark = page.locator(".viewer mark");
  await mark.waitFor();
  await page.waitForTimeout(200);
  const text = await mark.innerText();
  assert.match(text, /1883/);
  assert.ok(readFileSync(join(folder, "lighthouse.md"), "utf8").includes(text.trim()), "the highlighted text is not in the file");
  assert.match(await page.locator(".viewer .document").innerText(), /The ferry leaves Orrin/);
  const box = await mark.boundingBox();
  assert.ok(box && box.y > 0 && box.y + 20 < 800, "the highlight is not in view");
  const ground = await mark.evaluate((m) => getComputedStyle(m).backgroundColor);
  assert.notEqual(ground, "rgba(0, 0, 0, 0)");
  assert.ok(await contrast(".viewer mark") > 4.5);
  await shot("citation");
  await fits();
});
await check("the mark in the answer does too; Escape closes the viewer", async () => {
  await page.keyboard.press("Escape");
  await page.locator(".viewer").waitFor({ state: "detached" });
  await visible("button.cite").first().click();
  await page.locator(".viewer mark").waitFor();
  await page.locator(".viewer button").first().click();
  await page.locator(".viewer").waitFor({ state: "detached" });
});
await check("what the documents do not say is not answered", async () => {
  const { answer } = await say("Who won the chess championship in Reykjavik in 1972?");
  await answer.locator(".badge").waitFor();
  assert.equal(await answer.locator(".source").count(), 0);
  await shot("refusal");
});
await check("markup in documents stays text", async () => {
  const { answer } = await say("What is the password of the attic?");
  if (await answer.locator(".source").count()) {
    await answer.locator(".source").first().click();
    await page.locator(".viewer mark").waitFor();
    assert.match(await page.locator(".viewer .document").innerText(), /marmalade/);
    await page.keyboard.press("Escape");
  }
  assert.equal(await page.evaluate(() => window.broken), undefined);
});
await check("Chinese: the words of the console, a question, its citation", async () => {
  await page.locator(".tools button").first().click();
  assert.equal(await page.locator("nav [role=tab]").first().innerText(), "提问");
  assert.equal(await page.evaluate(() => document.documentElement.lang), "zh");
  const { answer } = await say("青禾图书馆星期几闭馆？");
  assert.match(await answer.locator(".prose").innerText(), /三/);
  await answer.locator(".source").first().click();
  await page.locator(".viewer mark").waitFor();
  await page.waitForTimeout(200);
  assert.match(await page.locator(".viewer mark").innerText(), /星期三闭馆/);
  assert.match(await answer.locator(".source").first().innerText(), /第 \d/);
  await shot("chinese");
  const english = await page.evaluate(() => [...document.querySelectorAll("header, .bar, .composer")].filter((e) => e.checkVisibility()).map((e) => e.innerText).join(" "));
  assert.doesNotMatch(english, /\b(Send|Stop|Ask|Chat|Documents|Model|Sources)\b/);
  await page.keyboard.press("Escape");
  await page.locator(".tools button").first().click();
  assert.equal(await page.locator("nav [role=tab]").first().innerText(), "Ask");
});
await check("plain chat streams; a second turn remembers the first", async () => {
  await tab(1);
  const { height } = await visible("textarea").boundingBox();
  assert.ok(height >= 36, `the field to write in is ${height} px high`);
  const first = await say("My name is Ada. Greet me by my name, then tell me about the sea in two sentences.");
  assert.ok(first.lengths.size >= 3);
  const second = await say("What is my name? Answer in one short sentence.");
  assert.match(await second.answer.innerText(), /Ada/);
  await shot("chat");
  await fits();
});
await check("Stop stops the answer, and the page goes on", async () => {
  await visible("textarea").fill("Write a very long story about the sea.");
  await visible("textarea").press("Enter");
  const stop = visible(".composer .stop");
  await stop.waitFor();
  await page.waitForFunction(() => [...document.querySelectorAll(".page:not(.away) .answer")].at(-1).innerText.length > 20);
  await stop.click();
  await stop.waitFor({ state: "detached" });
  const length = (await visible(".answer").last().innerText()).length;
  await page.waitForTimeout(500);
  assert.equal((await visible(".answer").last().innerText()).length, length);
});
await check("dark: readable, and remembered", async () => {
  await tab(0);
  await page.locator(".tools button").nth(1).click();
  await page.waitForFunction(() => document.documentElement.dataset.theme === "dark", null, { timeout: 5000 });
  await visible(".source").first().click();
  await page.locator(".viewer mark").waitFor();
  await page.waitForTimeout(200);
  for (const selector of [".viewer mark", ".viewer .document", ".page:not(.away) .question", ".page:not(.away) .answer", ".tab.on", ".tab:not(.on)", ".source .quote", ".primary"])
    assert.ok(await contrast(selector) > 4.4, `${selector}: ${(await contrast(selector)).toFixed(2)}`);
  await shot("dark");
  await page.reload();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  await page.locator(".tools button").nth(1).click();
  for (const selector of [".tab:not(.on)", ".intro p", ".pick span"]) assert.ok(await contrast(`${selector}`) > 4.4, `light ${selector}: ${(await contrast(selector)).toFixed(2)}`);
});
await check("a phone: nothing is wider than the screen, everything can be reached", async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  await tab(0);
  const { answer } = await say("When does the tea room open?");
  await fits();
  await shot("phone-answer");
  await answer.locator(".source").first().click();
  await page.locator(".viewer mark").waitFor();
  await page.waitForTimeout(200);
  await fits();
  await shot("phone-citation");
  const box = await page.locator(".viewer").boundingBox();
  assert.ok(box.width >= 385, "the document does not fill the phone");
  await page.locator(".viewer button").first().click();
  await tab(2);
  await visible(".list li").first().waitFor();
  await fits();
  await shot("phone-documents");
  await tab(1);
  await fits();
  await page.locator(".tools button").first().click();
  await fits();
  for (const button of await page.locator("header button").all()) {
    const b = await button.boundingBox();
    assert.ok(b.height >= 30 && b.width >= 30, `a button of ${Math.round(b.width)}×${Math.round(b.height)} is too small for a finger`);
  }
  await shot("phone-chat-chinese");
  await page.locator(".tools button").first().click();
});
await check("a document and a knowledge base can be removed", async () => {
  await page.setViewportSize({ width: 1280, height: 800 });
  await tab(2);
  await visible(".list li").first().waitFor();
  const before = await visible(".list li").count();
  await visible(".list li button").first().click();
  await page.waitForFunction((n) => document.querySelectorAll(".page:not(.away) .list li").length === n, before - 1);
  await visible(".bar button.danger").click();
  await page.waitForFunction(() => document.querySelectorAll(".page:not(.away) .list li").length === 0);
});
await check("no errors in the browser's console, no requests to anybody else", () => {
  assert.deepEqual(problems, []);
  assert.deepEqual(strangers, []);
});
await browser.close();
console.log(`# ${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
