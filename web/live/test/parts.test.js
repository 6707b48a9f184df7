// The clock and the room by themselves.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Bids } from "../bids.js";
import { Clock, Room } from "../live.js";

const at = (ms) => new Date(ms).toISOString();

test("the house's time lies between two bounds, and the later one is told", () => {
  const clock = new Clock();
  assert.equal(clock.now(0), null);
  clock.heard(10_000, 50);
  assert.equal(clock.now(50), null, "one word tells nothing of how old it is");
  clock.answered(at(10_000), 0, 100);
  assert.deepEqual([clock.now(100), clock.error()], [10_101, 51], "it may have been said at once");
  clock.answered(at(10_200), 180, 230);
  assert.deepEqual([clock.now(230), clock.error()], [10_231, 31], "both are true");
  clock.answered(at(10_300), 285, 300);
  assert.deepEqual([clock.now(300), clock.error()], [10_301, 1], "the shorter the better");
  for (let i = 1; i <= 20; i++) clock.answered(at(10_400 + i * 100), 300 + i * 100, 500 + i * 100);
  assert.equal(clock.now(2_500), 12_601, "what is long ago counts no more");
});

test("a clock that was stopped, or another house, begins anew", () => {
  const clock = new Clock();
  clock.answered(10_000, 0, 20);
  clock.heard(500_000, 30);
  assert.equal(clock.now(30), null);
  clock.answered(500_010, 40, 60);
  assert.equal(clock.now(60), 500_030);
  clock.forget();
  clock.answered(5_000, 100, 110);
  assert.equal(clock.now(110), 5_010);
  clock.heard("nonsense", 120);
  assert.equal(clock.now(120), 5_020);
});

const shown = (version, rest = {}) => ({
  auction_id: 1, version, from_version: null, top_bids: [], participants: 1, you_are_winning: false, chat: [],
  state: { id: 1, title: "Lot", state: "open", price: null, effective_end: at(60_000), reserve_met: false },
  ...rest,
});
const update = (from, version, rest = {}) => ({
  auction_id: 1, from_version: from, version, state: "open", high_bid: version * 100, top_bids: [], bid_count: 1,
  participant_count: 2, you_are_winning: true, effective_end: at(60_000), extended: false, server_time: at(0), ...rest,
});

test("versions are taken once and in order, and a gap is a gap", () => {
  const room = new Room(1);
  assert.equal(room.take(update(1, 1)), "old", "nothing was shown yet");
  assert.equal(room.join(shown(3)), "new");
  assert.equal(room.take(update(4, 4)), "new");
  assert.equal(room.take(update(4, 4)), "old");
  assert.equal(room.take(update(2, 3)), "old");
  assert.equal(room.take(update(3, 7)), "new", "a conflated one covers what it names");
  assert.deepEqual([room.version, room.auction.price, room.auction.title], [7, 700, "Lot"]);
  assert.ok(!("reserve_met" in room.auction), "what is left out is not so");
  assert.deepEqual(room.take(update(9, 9)), { from: 8, to: 8 });
  assert.deepEqual([room.version, room.fresh, room.winning, room.participants], [9, false, true, 2]);
  assert.equal(room.join(shown(8)), "old", "older than what was told meanwhile");
  assert.equal(room.version, 9);
  assert.equal(room.join(shown(2, { reset: { reason: "not_yet", named: 9 } })), "reset");
  assert.deepEqual([room.version, room.fresh], [2, true]);
});

test("nothing has ended before the house says so", () => {
  const room = new Room(1);
  assert.equal(room.phase(0), "unknown");
  room.join(shown(1));
  assert.deepEqual([room.phase(59_999), room.remaining(59_999)], ["open", 1]);
  assert.deepEqual([room.phase(60_000), room.remaining(90_000)], ["closing", 0]);
  assert.deepEqual([room.phase(null), room.remaining(null)], ["open", null], "no time, no countdown");
  room.take(update(2, 2, { state: "sold", outcome: { result: "sold" } }));
  assert.deepEqual([room.phase(0), room.remaining(0)], ["ended", null]);
  room.take(update(3, 3));
  assert.equal(room.phase(0), "open", "opened again");
});

test("what is said comes once, in order, and may be unsaid", () => {
  const room = new Room(1);
  const line = (id) => ({ id, user: { id: 1, username: "anna" }, message: `${id}`, at: at(id) });
  room.join(shown(1, { chat: [line(1), line(2)] }));
  assert.ok(room.hear(line(4)));
  assert.ok(room.hear(line(3)));
  assert.ok(!room.hear(line(4)));
  room.join(shown(1, { chat: [line(2), line(4), line(5)] }));
  assert.deepEqual(room.chat.map(({ id }) => id), [1, 2, 4, 5], "3 was deleted while we were away");
  room.forget(2);
  assert.deepEqual(room.chat.map(({ id }) => id), [1, 4, 5]);
});

test("amounts on the page are taken as they were typed, or not at all", async () => {
  const page = new URL("../../../crates/server/src/http/page/show.js", import.meta.url);
  const { minor, money, typed } = await import(`data:text/javascript,${encodeURIComponent(readFileSync(page, "utf8"))}`);
  const units = Object.fromEntries([["EUR", 2], ["JPY", 0], ["UGX", 0], ["PYG", 0], ["KWD", 3], ["IQD", 3], ["CLF", 4], ["UYW", 4]]
    .map(([currency, currency_digits]) => [currency, { currency, currency_digits }]));
  for (const [text, currency, amount] of [
    ["12", "EUR", 1200], ["12.5", "EUR", 1250], ["12,50", "EUR", 1250], [" € 12.05 ", "EUR", 1205],
    ["1 000", "EUR", 100_000], ["1\u202f000,50 €", "EUR", 100_050], ["500", "JPY", 500], ["1.234", "KWD", 1234],
    ["50000", "UGX", 50_000], ["5.5", "PYG", null], ["2.5", "IQD", 2_500], ["1.2345", "CLF", 12_345], ["0.0001", "UYW", 1],
    ["1,000", "EUR", null], ["1.000.000", "EUR", null], ["12.345", "EUR", null], ["5.5", "JPY", null],
    ["", "EUR", null], ["0", "EUR", null], ["-5", "EUR", null], ["1e3", "EUR", null], ["0x10", "EUR", null],
    [".5", "EUR", null], ["5.", "EUR", null], ["١٢", "EUR", null], ["99999999999999", "EUR", null],
    ["9999999999999", "KWD", null], ["9999999999999.99", "EUR", 999_999_999_999_999],
  ]) assert.equal(minor(text, units[currency]), amount, `${text} ${currency}`);
  for (const amount of [1, 99, 100, 1205, 123_456_789]) {
    for (const unit of Object.values(units)) assert.equal(minor(typed(amount, unit), unit), amount);
  }
  for (const [amount, currency, shown] of [
    [123_456, "EUR", "1234.56"], [5, "EUR", "0.05"], [123_456, "UGX", "123456"], [123_456, "IQD", "123.456"],
    [123_456, "CLF", "12.3456"], [123_456, "UYW", "12.3456"], [Number.MAX_SAFE_INTEGER, "EUR", "90071992547409.91"],
  ]) assert.equal(money(amount, units[currency]).replace(/[^\d.]/g, ""), shown, `${amount} ${currency}`);
  assert.equal(money(null, units.EUR), null);
});

test("a bid that was asked for before is a repeat: only a word about the bid itself settles it", async () => {
  for (const [first, again, settled] of [
    [{ status: 429, body: { code: "rate_limited" } }, true, 201], [{ status: 429, body: { code: "rate_limited" } }, false, 429],
    [{ status: 401, body: { code: "unauthenticated" } }, true, 201], [{ status: 403, body: { code: "own_auction", operation: "1" } }, true, 403],
    [{ status: 422, body: { code: "below_start" } }, true, 422],
  ]) {
    const bids = new Bids();
    const answers = [first, { status: 201, body: {} }];
    bids.resume(1, async () => answers.shift());
    const { status } = await bids.place(1, { amount: 1 }, "key", again);
    assert.equal(status, settled, `${first.status}, ${again ? "again" : "for the first time"}`);
  }
});
