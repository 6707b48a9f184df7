// The page at `/` in a real browser, against a real house.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { House, until } from "./house.js";

const BROWSER = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
  .find((path) => path && existsSync(path));
const skip = BROWSER ? false : "there is no Chromium: `scripts/setup.sh test` installs it, or CHROMIUM names one";

async function browse(t, options = {}) {
  const browser = await chromium.launch({ executablePath: BROWSER });
  t.after(() => browser.close());
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, locale: "en-GB", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.wrong = [];
  page.on("pageerror", (error) => page.wrong.push(String(error)));
  page.on("console", (message) => { if (message.type() === "error") page.wrong.push(message.text()); });
  page.sees = (selector, text) => page.locator(selector).filter({ hasText: text }).first().waitFor();
  return page;
}

const SHOTS = process.env.GAVEL_SHOTS; // a folder for what it looks like
const shot = (page, name) => SHOTS && page.screenshot({ path: `${SHOTS}/${name}.png` });

test("what the page stands on is what was published", () => {
  const here = readFileSync("../../crates/server/src/http/page/socket.io-4.8.4.js");
  assert.ok(here.equals(readFileSync("node_modules/socket.io-client/dist/socket.io.esm.min.js")));
  assert.equal(JSON.parse(readFileSync("node_modules/socket.io-client/package.json")).version, "4.8.4");
});

test("prices are live, and the countdown is the house's", { skip }, async (t) => {
  const house = await House.open(t);
  const [seller, anna] = [await house.user("seller"), await house.user("anna")];
  const lot = await house.auction(seller, { title: "A lamp <b>", duration_seconds: 1800 });
  const other = await house.auction(seller, { title: "A clock" });
  const page = await browse(t);
  // A machine whose time of day is an hour off.
  await page.addInitScript(() => {
    const now = Date.now;
    Date.now = () => now() + 3_600_000;
  });
  await page.goto(house.url);
  await page.sees("#pulse", "live");
  await page.sees(".card strong", "A lamp <b>");
  await page.sees(".card .left", /^(29|30):\d\d$/);
  await shot(page, "list");
  // From here on only the live room tells.
  await page.route(/\/v1\/auctions(\?|\/\d+$)/, (route) => route.abort());
  await house.bid(lot, anna, 1_234);
  await page.sees(".card .sum", "€12.34");
  await page.sees(".card .kind", "1 bid");
  await page.unroute(/\/v1\/auctions(\?|\/\d+$)/);
  await page.click(`a[href="#auction-${lot}"]`);
  await page.sees("#one-price", "€12.34");
  await page.sees("#one-end", /^ends in (29|30):\d\d$/);
  await page.sees("#one-watching", "1 is watching");
  await page.sees("#one-past li", "paddle 1 bids €12.34");
  await page.route(/\/v1\/auctions\/\d+$/, (route) => route.abort());
  await house.bid(lot, anna, 1_500);
  await page.sees("#one-price", "€15.00");
  await page.sees("#one-past li", "paddle 1 bids €15.00");
  assert.equal(await page.locator("#one-past li").count(), 5, "each once");
  const chat = `/v1/auctions/${lot}/chat`;
  await house.must("POST", chat, anna, { message: "<img src=x onerror=alert(1)> mine" });
  await page.sees("#one-chat li", "anna <img src=x onerror=alert(1)> mine");
  await shot(page, "one");
  const second = await page.context().newPage();
  await second.goto(`${house.url}/#auction-${lot}`);
  await second.locator("#one-chat li").waitFor();
  await page.sees("#one-watching", "2 are watching");
  await second.close();
  await page.unroute(/\/v1\/auctions\/\d+$/);
  await page.goto(`${house.url}/#auction-${other}`);
  await page.sees("#one-title", "A clock");
  assert.equal(await page.locator("#one-said").isVisible(), false);
  const wrong = page.wrong.filter((text) => !text.includes("net::ERR_FAILED"));
  assert.deepEqual(wrong, [], "no script failed, and its policy held nothing back");
});

test("a page without its house says how old it is, and is as new as ever afterwards", { skip }, async (t) => {
  const house = await House.open(t);
  const [seller, anna] = [await house.user("seller"), await house.user("anna")];
  const lot = await house.auction(seller, { title: "A lamp" });
  await house.bid(lot, anna, 1_000);
  const page = await browse(t);
  await page.goto(`${house.url}/#auction-${lot}`);
  await page.sees("#one-price", "€10.00");
  await page.sees("#pulse", "live");
  assert.equal(await page.locator("#old").isVisible(), false);
  const left = await page.textContent("#one-end");
  await house.end("SIGKILL");
  await page.sees("#old", /Disconnected, trying again\.\s+What you see is \d+ s old/);
  await until(async () => (await page.textContent("#one-end")) !== left, "the countdown goes on");
  await shot(page, "away");
  await house.start();
  await house.bid(lot, anna, 2_000);
  await page.sees("#one-price", "€20.00");
  await page.locator("#old").waitFor({ state: "hidden" });
  await page.sees("#one-past li", "paddle 1 bids €20.00");
  assert.equal(await page.locator("#one-past li").count(), 5, "nothing twice, nothing missed");
});

test("nothing has ended on the page before the house says so", { skip }, async (t) => {
  const house = await House.open(t);
  const [seller, anna] = [await house.user("seller"), await house.user("anna")];
  const lot = await house.auction(seller, { title: "A lamp", preset: "english", starting_price: 1_000,
    duration_seconds: 6, terms: { close: "hard" } });
  await house.bid(lot, anna, 1_000);
  const page = await browse(t, { viewport: { width: 400, height: 800 } });
  await page.goto(`${house.url}/#auction-${lot}`);
  await page.sees("#one-end.soon", /^ends in 00:0\d$/);
  // The house stands still over its end: the page may not guess.
  house.signal("SIGSTOP");
  await page.sees("#one-end", "the hammer is falling");
  await page.sees("#old", "Disconnected");
  await shot(page, "falling");
  assert.equal(await page.getByText("sold").count(), 0);
  house.signal("SIGCONT");
  await page.sees("#one-end", "sold to paddle 1 for €10.00");
  await page.sees("#one-past li", "closed: sold to paddle 1 for €10.00");
  await page.locator("#old").waitFor({ state: "hidden" });
  await shot(page, "sold");
});
