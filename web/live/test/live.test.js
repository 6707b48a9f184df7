// The reference client against a real house, by the official client of Socket.IO: what it shows is
// what the log says, whatever happens to the house and to the wire.
import assert from "node:assert/strict";
import { test } from "node:test";
import { io } from "socket.io-client";
import { live, OutcomeUnknown } from "../live.js";
import { House, until, Wire } from "./house.js";

const open = (t, url, token, options = {}, by = io) => {
  const client = live(by, url, { auth: () => (token ? { token } : {}), ...options });
  client.seen = [];
  for (const name of ["status", "gap", "refused", "chat"]) {
    client.on(name, (...about) => client.seen.push([name, ...about]));
  }
  t.after(() => client.close());
  return client;
};

const statuses = (client) => client.seen.filter(([name]) => name === "status").map(([, status]) => status);
const ready = (client) => until(() => client.rooms().every((room) => room.fresh), "fresh rooms");

test("everybody sees the same, and each his own", async (t) => {
  const house = await House.open(t);
  const [seller, anna, bert] = [await house.user("seller"), await house.user("anna"), await house.user("bert")];
  const lot = await house.auction(seller);
  const ways = [["websocket"], ["polling"], ["polling", "websocket"]];
  const clients = ways.map((transports, i) => open(t, house.url, [anna, bert, null][i], { socket: { transports } }));
  const rooms = clients.map((client) => client.watch(lot));
  assert.equal(clients[0].watch(lot), rooms[0], "an auction is followed once");
  await Promise.all(clients.map(ready));
  assert.equal(clients[0].user.username, "anna");
  const first = await clients[0].bid(lot, { amount: 1_000 });
  assert.equal(first.status, 201, JSON.stringify(first));
  const second = await clients[1].bid(lot, { amount: 1_500 });
  for (const room of rooms) await until(() => room.version === second.body.version);
  assert.deepEqual(rooms.map((room) => room.winning), [false, true, false]);
  assert.deepEqual(rooms.map((room) => room.auction.price), [1_500, 1_500, 1_500]);
  assert.deepEqual(rooms[2].topBids.map(({ amount }) => amount), [1_500, 1_000]);
  assert.equal((await clients[0].bid(lot, { amount: 1_000 })).body.code, "not_above_own");
  assert.equal((await clients[2].bid(lot, { amount: 9_000 })).body.code, "unauthenticated");
  assert.equal((await clients[0].say(lot, "good evening")).status, 200);
  for (const room of rooms) await until(() => room.chat.length === 1);
  assert.equal(rooms[2].chat[0].user.username, "anna");
  for (const room of rooms) await until(() => room.participants === 3);
  // The house's time, as this machine's clock has it too, never earlier than it is.
  for (const client of clients) {
    const { server_time: time } = await house.must("GET", "/v1/time");
    assert.ok(client.now() >= Date.parse(time), "never optimistic");
    assert.ok(client.now() - Date.now() <= client.error() + 50, "and not off by more than it says");
  }
  for (const client of clients) assert.deepEqual(statuses(client), ["connected"]);
  const nowhere = clients[0].watch(9_999);
  await until(() => nowhere.refused);
  assert.equal(nowhere.refused.code, "not_found");
});

test("after kill -9 it goes on where it was, and a bid without an answer counts once", async (t) => {
  const house = await House.open(t);
  const [seller, anna] = [await house.user("seller"), await house.user("anna")];
  const lot = await house.auction(seller);
  const client = open(t, house.url, anna);
  const room = client.watch(lot);
  await ready(client);
  const outcomes = [];
  for (let round = 0; round < 4; round++) {
    const base = 1_000 * (round + 1);
    // Killed while bids are under way: some are in the log and unanswered, some are not.
    for (let i = 0; i < 10; i++) outcomes.push(client.bid(lot, { amount: base + i * 100 }));
    await new Promise((after) => setTimeout(after, round * 4));
    await house.end("SIGKILL");
    outcomes.push(client.bid(lot, { amount: base + 950 }, `while-away-${round}`));
    await until(() => client.status === "stale");
    assert.equal(room.fresh, false);
    assert.ok(client.unsettled().includes(`while-away-${round}`));
    await house.start();
    await Promise.all(outcomes);
    assert.deepEqual(client.unsettled(), []);
    await ready(client);
  }
  const log = await house.log(lot);
  const placed = log.filter(({ kind }) => kind === "bid_placed").map(({ data }) => data.amount);
  const settled = await Promise.all(outcomes);
  const taken = settled.filter(({ status }) => status === 201);
  assert.deepEqual(placed, [...new Set(placed)], "each once");
  assert.equal(placed.length, taken.length, "what was said is what is in the log");
  assert.equal(placed.at(-1), 4_950);
  assert.deepEqual(taken.map(({ body }) => body.version), log.filter(({ kind }) => kind === "bid_placed").map(({ version }) => version));
  assert.ok(settled.some(({ tries }) => tries > 1), "some had to be asked again");
  await until(() => room.version === log.at(-1).version);
  assert.deepEqual([room.auction.price, room.winning, client.status], [4_950, true, "connected"]);
});

test("an answer that is lost on the way does not make two bids of one", async (t) => {
  const house = await House.open(t);
  const [seller, anna] = [await house.user("seller"), await house.user("anna")];
  const lot = await house.auction(seller);
  const wire = await Wire.to(t, house);
  const client = open(t, wire.url, anna, { socket: { transports: ["websocket"] } });
  const room = client.watch(lot);
  await ready(client);
  wire.loses = (text) => text.includes('"operation"');
  const outcome = client.bid(lot, { amount: 1_000 });
  await until(() => wire.lost === 1);
  await until(() => room.version === 4, "the bid is there for all to see");
  wire.loses = () => false;
  wire.cut();
  const { status, tries, body } = await outcome;
  assert.deepEqual([status, tries, body.version], [201, 2, 4]);
  assert.equal((await house.log(lot)).filter(({ kind }) => kind === "bid_placed").length, 1);
  // Whoever closes with a bid under way is told which one.
  wire.hold();
  const last = client.bid(lot, { amount: 2_000 }, "the-last");
  client.close();
  await assert.rejects(last, (error) => error instanceof OutcomeUnknown && error.key === "the-last");
});

test("f19: when all wires are cut at once, all come back, and nothing is missing or twice", async (t) => {
  const house = await House.open(t, ["limits.sockets_per_user=0", "limits.sockets_per_ip=0"]);
  const seller = await house.user("seller");
  const people = [];
  for (const name of ["anna", "bert", "carl", "dora"]) people.push(await house.user(name));
  const lot = await house.auction(seller);
  const wire = await Wire.to(t, house);
  // Each has several tabs, and some are nobody.
  const tokens = [...people, ...people, ...people, null, null, null, null];
  const clients = tokens.map((token, i) => open(t, wire.url, token, { socket: { transports: i % 2 ? ["websocket"] : ["polling", "websocket"] } }));
  const rooms = clients.map((client) => client.watch(lot));
  await Promise.all(clients.map(ready));
  const heard = rooms.map(() => []);
  clients.forEach((client, i) => client.on("chat", (_, line) => line && heard[i].push(line.id)));
  /** Said until it was heard, under one key. */
  const say = async (client, text) => {
    for (const key = crypto.randomUUID(); ;) {
      const answer = await client.say(lot, text, key).catch(() => null);
      if (answer?.status === 200) return answer.body.id;
      await new Promise((after) => setTimeout(after, 200));
    }
  };
  const [outcomes, said] = [[], []];
  for (let round = 0; round < 4; round++) {
    const own = clients.slice(0, people.length);
    for (const [i, client] of own.entries()) {
      for (let n = 0; n < 4; n++) outcomes.push(client.bid(lot, { amount: 1_000 * (round + 1) + 100 * n + i }));
      said.push(say(client, `${round} ${i}`));
    }
    // Some of it is on its way, there or back.
    await new Promise((after) => setTimeout(after, round * 7));
    wire.cut();
    await until(() => clients.every((client) => client.status === "connected"));
    await Promise.all(clients.map(ready));
  }
  const settled = await Promise.all(outcomes);
  const ids = await Promise.all(said);
  const log = await house.log(lot);
  const placed = log.filter(({ kind }) => kind === "bid_placed");
  const taken = settled.filter(({ status }) => status === 201).map(({ body }) => body.version);
  assert.deepEqual(taken.sort((a, b) => a - b), placed.map(({ version }) => version), "each once");
  const lines = (await house.must("GET", `/v1/auctions/${lot}/chat`)).items.map(({ id }) => id).sort((a, b) => a - b);
  assert.deepEqual(ids.sort((a, b) => a - b), lines, "each once");
  for (const [i, room] of rooms.entries()) {
    await until(() => room.version === log.at(-1).version && room.fresh && room.chat.length === lines.length);
    assert.deepEqual(room.chat.map(({ id }) => id), lines);
    assert.equal(new Set(heard[i]).size, heard[i].length, "told once");
    await until(() => room.participants === people.length + 4, "nobody is counted twice, or not at all");
  }
});

test("a message that is lost is noticed, and asked for", async (t) => {
  const house = await House.open(t);
  const [seller, anna] = [await house.user("seller"), await house.user("anna")];
  const lot = await house.auction(seller);
  const wire = await Wire.to(t, house);
  const client = open(t, wire.url, null, { socket: { transports: ["websocket"] } });
  const room = client.watch(lot);
  await ready(client);
  const versions = [];
  client.on("change", () => versions.push(room.version));
  wire.loses = (text) => text.includes("bid_update") && text.includes('"version":5,');
  // One after the other, so that each is told by itself.
  await house.bid(lot, anna, 100);
  await until(() => room.version === 4);
  await house.bid(lot, anna, 200);
  await until(() => wire.lost === 1);
  await house.bid(lot, anna, 300);
  await until(() => room.version === 6 && room.fresh);
  const gaps = client.seen.filter(([name]) => name === "gap").map(([, , gap]) => gap);
  assert.deepEqual([gaps, wire.lost], [[{ from: 5, to: 5 }], 1]);
  assert.deepEqual(versions, [...versions].sort(), "in order");
  // The last of all is missed by what is named beside it.
  const short = await house.auction(seller, { duration_seconds: 50 });
  const other = client.watch(short);
  await ready(client);
  wire.loses = (text) => text.includes("bid_update") && text.includes('"version":4,');
  await house.bid(short, anna, 100);
  await until(() => other.version === 4 && other.fresh);
  assert.equal(wire.lost, 2);
});

test("a gap that the house names is asked for, and over with what is at least as new", async (t) => {
  const house = await House.open(t);
  const [seller, anna] = [await house.user("seller"), await house.user("anna")];
  const lot = await house.auction(seller);
  const wire = await Wire.to(t, house);
  let socket;
  const options = { socket: { transports: ["websocket"] } };
  const client = open(t, wire.url, null, options, (...about) => (socket = io(...about)));
  const room = client.watch(lot);
  await ready(client);
  const before = room.version;
  wire.loses = (text) => text.includes("bid_update");
  const { version } = await house.bid(lot, anna, 100);
  await until(() => wire.lost === 1);
  socket.onevent({ data: ["gap", { auction_id: lot, from: before + 1, to: version }] });
  assert.deepEqual([room.fresh, room.version], [false, before], "what is shown is known to be old");
  await until(() => room.fresh);
  assert.deepEqual([room.version >= version, room.auction.price], [true, 100]);
});

test("a house that stands still, or a wire that is held, makes what is shown old", async (t) => {
  const house = await House.open(t);
  const [seller, anna] = [await house.user("seller"), await house.user("anna")];
  const lot = await house.auction(seller, { duration_seconds: 55 });
  const wire = await Wire.to(t, house);
  const client = open(t, wire.url, null, { socket: { transports: ["websocket"] } });
  const room = client.watch(lot);
  await ready(client);
  house.signal("SIGSTOP");
  await until(() => client.status === "stale");
  assert.ok(client.age > 2_000);
  assert.ok(room.remaining(client.now()) < 55_000, "its clock goes on");
  house.signal("SIGCONT");
  await until(() => client.status === "connected");
  // Half open: nothing comes, nothing ends. It lets go, and comes back.
  wire.hold();
  await until(() => client.status === "stale");
  const { version } = await house.bid(lot, anna, 100);
  wire.held = false; // for those who come now
  await until(() => room.version === version && room.fresh && client.status === "connected", "back", 40_000);
});

test("whoever lags is told so, and comes back to the newest", async (t) => {
  const house = await House.open(t);
  const [seller, anna] = [await house.user("seller"), await house.user("anna")];
  const lot = await house.auction(seller, { description: "𝄞".repeat(10_000) });
  const wire = await Wire.to(t, house);
  let socket;
  const client = open(t, wire.url, null, { socket: { transports: ["websocket"] } }, (...about) => (socket = io(...about)));
  const room = client.watch(lot);
  await ready(client);
  await house.bid(lot, anna, 700);
  // What is asked for and not read fills the wire; the house waits a while for it to be taken.
  for (let tries = 0; tries < 4 && !statuses(client).includes("lagging"); tries++) {
    await ready(client);
    const gone = new Promise((done) => socket.once("disconnect", done));
    wire.stop();
    for (let i = 0; i < 135; i++) {
      socket.emit("join_auction", { auction_id: lot });
      if (i % 45 === 44) await new Promise((after) => setTimeout(after, 1_100));
    }
    await new Promise((after) => setTimeout(after, 5_500));
    wire.release();
    await gone;
  }
  assert.ok(statuses(client).includes("lagging"), statuses(client).join());
  await until(() => client.status === "connected" && room.fresh && room.auction.price === 700);
});

test("nothing ends before the house says so", async (t) => {
  const house = await House.open(t);
  const [seller, anna] = [await house.user("seller"), await house.user("anna")];
  const lot = await house.auction(seller, { preset: "english", starting_price: 100, terms: { close: "hard" }, duration_seconds: 3 });
  const client = open(t, house.url, anna);
  const room = client.watch(lot);
  const phases = [];
  let ended = null;
  client.on("change", (_, name) => { if (name === "auction_ended") ended = client.now(); });
  await ready(client);
  assert.equal((await client.bid(lot, { amount: 100 })).status, 201);
  await until(() => {
    const phase = room.phase(client.now());
    if (phases.at(-1) !== phase) phases.push(phase);
    assert.ok(phase !== "ended" || ended !== null, "not before it was said");
    return phase === "ended";
  });
  assert.deepEqual(phases.filter((phase) => phase !== "closing"), ["open", "ended"]);
  assert.ok(ended >= Date.parse(room.auction.effective_end), "and not before its time");
  assert.deepEqual([room.auction.outcome.result, room.winning], ["sold", true]);
});

test("whoever is not let in is told why, and comes in once he may", async (t) => {
  const house = await House.open(t);
  const seller = await house.user("seller");
  const lot = await house.auction(seller);
  let auth = { token: "x".repeat(43) };
  let broken = false;
  const client = open(t, house.url, null, { auth: () => {
    if (broken) throw new Error("no ticket to be had");
    return auth;
  } });
  const room = client.watch(lot);
  await until(() => client.status === "refused");
  assert.equal(client.refusal.code, "unauthenticated");
  auth = { token: seller };
  client.reconnect();
  await ready(client);
  assert.deepEqual([client.status, client.refusal, client.user.username], ["connected", null, "seller"]);
  await house.must("DELETE", "/v1/session", seller);
  await until(() => client.status === "refused");
  assert.deepEqual([client.refusal.reason, room.fresh], ["signed_out", false]);
  // Whoever has no ticket yet does not come in as nobody, and his bid is nobody else's.
  const [anna, bert] = [await house.user("anna"), await house.user("bert")];
  const ticket = (token) => house.must("POST", "/v1/tickets", token);
  auth = ticket(anna);
  client.reconnect();
  await until(() => client.user?.username === "anna" && client.status === "connected");
  await house.end("SIGKILL");
  await until(() => client.status === "stale");
  const bid = client.bid(lot, { amount: 100 }, "annas");
  bid.catch(() => {});
  broken = true;
  await house.start();
  await new Promise((after) => setTimeout(after, 1_500));
  assert.equal(client.status, "stale");
  [broken, auth] = [false, ticket(bert)];
  await assert.rejects(bid, { name: "OutcomeUnknown", key: "annas" });
  assert.equal(client.user.username, "bert");
  assert.equal((await house.log(lot)).some(({ kind }) => kind === "bid_placed"), false);
});
