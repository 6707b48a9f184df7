// The page's own script: asks the API, follows auctions in the live room, and shows what they say.
// Texts are set as text, never as HTML. Time is the house's: its last word, and this machine's
// monotonic clock since; the machine's time of day plays no part.
import { Clock, live } from "/live/live.js";
import { io } from "/live/socket.io-4.8.4.js";
import { attend, greet, open, STANDING } from "/page/desk.js";
import { find, make, money, put } from "/page/show.js";
import { auth, meet, user } from "/page/visitor.js";

const auctions = new Map(); // what the house last said of each, by id
const cards = new Map();
const looked = new Map(); // when a clock was asked for last
const ROOMS = 19; // besides the one that is looked at: the house lets a socket into 20
const asked = new Clock(); // the time by the API, where the live room is not open
const house = live(io, location.origin, { auth });
let called = "Gavel"; // the house
let place = 0; // how far the list was scrolled when one was chosen from it
const lines = new Map(); // of those that somebody bids in
let yours = []; // in which somebody bids
let follows = []; // what is in the list

const houseTime = () => house.now() ?? asked.now(performance.now());

async function ask(path) {
  const sent = performance.now();
  // What was kept would tell the time of then.
  const reply = await fetch(path, { cache: "no-store" });
  if (!reply.ok) throw new Error(String(reply.status));
  const said = await reply.json();
  const stamp = said.server_time ?? said.items?.[0]?.server_time;
  if (stamp) asked.answered(stamp, sent, performance.now());
  return said;
}

/** A countdown, rounded up: it is at zero only when the time is over. */
function clock(milliseconds) {
  const seconds = Math.ceil(milliseconds / 1000);
  const two = (n) => String(n).padStart(2, "0");
  const days = Math.floor(seconds / 86400);
  const rest = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  if (days > 0) return `${days} d ${rest[0]} h`;
  return (rest[0] > 0 ? rest : rest.slice(1)).map(two).join(":");
}

/** What is said about the end. That it has ended, only the house says. */
function ending(auction) {
  const left = (stamp) => (stamp ? Date.parse(stamp) - houseTime() : null);
  if (auction.outcome) return [outcome(auction.outcome, auction), false];
  if (auction.state !== "open") {
    const opens = auction.state === "scheduled" ? left(auction.starts_at) : null;
    return [opens > 0 ? "opens in " + clock(opens) : auction.state.replace("_", " "), false];
  }
  const drop = left(auction.next_drop_at);
  if (drop !== null) return [drop > 0 ? "drops in " + clock(drop) : "dropping", false];
  const end = left(auction.effective_end);
  if (end === null) return ["open", false];
  return end > 0 ? [clock(end), end < 60000] : ["the hammer is falling", true];
}

function outcome(result, auction) {
  if (result.winner) return `sold to paddle ${result.winner} for ${money(result.hammer_price, auction)}`;
  return result.result + (result.reason ? ", " + result.reason.replaceAll("_", " ") : "");
}

function price(auction) {
  const shown = money(auction.outcome?.hammer_price ?? auction.price, auction);
  if (shown !== null) return shown;
  if (auction.terms?.visibility === "sealed") return "sealed";
  const [least, most] = [money(auction.minimum_next, auction), money(auction.maximum_next, auction)];
  return least !== null ? "from " + least : most !== null ? "up to " + most : "–";
}

const bids = (auction) => auction.bid_count + (auction.bid_count === 1 ? " bid" : " bids");
const picture = (auction) => auction.pictures?.[0]?.href ?? `/pictures/${encodeURIComponent(auction.category ?? "other")}.svg`;

function card(auction) {
  const known = cards.get(auction.id);
  if (known) return known;
  const item = make("li");
  const link = make("a", "card", item);
  link.href = "#auction-" + auction.id;
  const image = make("img", "", link);
  image.src = picture(auction);
  image.alt = "";
  image.width = 320;
  image.height = 240;
  const words = make("div", "words", link);
  const made = { item, kind: make("span", "kind", words), title: make("strong", "", words) };
  const row = make("div", "row", words);
  made.sum = make("span", "sum", row);
  made.left = make("span", "left", row);
  cards.set(auction.id, made);
  return made;
}

function tell(auction) {
  const known = auctions.get(auction.id);
  if (known && known.version > auction.version) return;
  auctions.set(auction.id, auction);
  const shown = card(auction);
  put(shown.kind, `${auction.preset} · ${bids(auction)}`);
  put(shown.title, auction.title);
  put(shown.sum, price(auction), true);
  if (chosen() === auction.id) tellOne(auction);
}

/** The list: who is there, in which order. Prices come by the live room, where it is open. */
async function refresh() {
  const note = find("note");
  try {
    const { items } = await ask("/v1/auctions?status=open&sort=ending&limit=48");
    items.forEach(tell);
    const list = find("list");
    const order = items.map((auction) => cards.get(auction.id).item);
    if (order.some((item, place) => list.children[place] !== item)
      || list.children.length !== order.length) list.replaceChildren(...order);
    note.hidden = items.length > 0;
    note.textContent = "Nothing is on sale at the moment.";
    follows = items.map((auction) => auction.id);
    watch();
  } catch ({ message }) {
    const closed = ["401", "403"].includes(message);
    if (auctions.size > 0) return;
    note.textContent = closed ? "Sign in to see what is on sale." : "The house does not answer at the moment.";
  }
}

/** Those that whoever is here bids in, also where it is over. */
async function refreshYours() {
  const whose = user;
  try {
    const { items } = whose ? await ask("/v1/me/bids?limit=12") : { items: [] };
    if (user !== whose) return;
    items.forEach(tell);
    yours = items.map((auction) => auction.id);
  } catch {
    return; // They stay as they are.
  }
  find("mine").replaceChildren(...yours.map((id) => line(id).item));
  find("yours").hidden = yours.length === 0;
  watch();
}

function line(id) {
  const known = lines.get(id);
  if (known) return known;
  const item = make("li");
  const link = make("a", "", item);
  link.href = "#auction-" + id;
  const made = { item, title: make("strong", "", link), you: make("span", "", link), sum: make("span", "sum", link), left: make("span", "left", link) };
  lines.set(id, made);
  return made;
}

function drawYours() {
  for (const id of yours) {
    const [auction, made] = [auctions.get(id), line(id)];
    const [kind, words] = STANDING[auction.you?.standing] ?? ["", ""];
    const [text, soon] = ending(auction);
    put(made.title, auction.title);
    made.you.className = kind;
    put(made.you, words);
    put(made.sum, auction.outcome ? "" : price(auction), true);
    put(made.left, text);
    made.left.classList.toggle("soon", soon);
  }
}

async function look(id) {
  try {
    tell(await ask("/v1/auctions/" + id));
  } catch ({ message }) {
    // What is known already is old, and the pulse says so.
    if (chosen() !== id || auctions.has(id)) return;
    const why = { 404: "There is no such auction.", 401: "Sign in to see this.", 403: "This is not for everybody to see." };
    put(find("one-title"), why[message] ?? "The house does not answer at the moment.");
  }
}

/** A clock has dropped where nobody tells us: asks where it stands, once a second at most. */
function lookOnce(id) {
  const now = performance.now();
  if (now - (looked.get(id) ?? -1000) < 1000) return;
  looked.set(id, now);
  look(id);
}

/** Follows what is in the list, and the one that is looked at. */
function watch() {
  const runs = yours.filter((id) => !auctions.get(id).outcome);
  const wanted = new Set([...new Set([...runs, ...follows])].slice(0, ROOMS));
  if (chosen() !== null) wanted.add(chosen());
  for (const room of house.rooms()) if (!wanted.has(room.id)) house.leave(room.id);
  for (const id of wanted) house.watch(id);
}

house.on("change", (room, name) => {
  if (room.auction === null) return;
  // Whoever has not bid is told nothing of his own: what was known of him still holds.
  tell({ you: auctions.get(room.id)?.you, ...room.auction });
  if (chosen() !== room.id) return;
  tellRoom(room);
  past();
  // Words, and whether it is certified, are in no update.
  if (name === "auction_updated" || name === "auction_ended") look(room.id);
});
house.on("status", (status) => {
  const again = () => { if (house.status === "refused") house.reconnect(); };
  if (status === "refused") setTimeout(again, 5000);
});
house.on("presence", (room) => { if (chosen() === room.id) tellRoom(room); });
house.on("chat", (room) => { if (chosen() === room.id) tellRoom(room); });

const chosen = () => {
  const id = Number(/^#auction-(\d+)$/.exec(location.hash)?.[1]);
  return id > 0 ? id : null;
};

function choose() {
  const id = chosen();
  const leaves = find("one").hidden === (id !== null);
  if (leaves && id !== null) place = scrollY;
  find("all").hidden = id !== null;
  find("one").hidden = id === null;
  if (id !== null) scrollTo(0, 0);
  else if (leaves) scrollTo(0, place);
  find("one").classList.toggle("unknown", !auctions.has(id));
  find("one-past").replaceChildren();
  seen = 0;
  watch();
  attend(null);
  entitle();
  if (id === null) {
    refreshYours();
    return refresh();
  }
  for (const part of ["title", "about", "price", "state", "end", "next", "kind", "watching", "you", "why-not"]) {
    find("one-" + part).textContent = "";
  }
  find("one-chat").replaceChildren();
  const known = auctions.get(id);
  if (known) tellOne(known);
  const room = house.rooms().find((room) => room.id === id);
  if (room?.auction) tellRoom(room);
  look(id).then(past);
}

/** What the window is called. */
function entitle() {
  const one = auctions.get(chosen());
  document.title = one ? `${one.title} · ${called}` : called;
}

function tellOne(auction) {
  find("one").classList.remove("unknown");
  entitle();
  find("one-picture").src = picture(auction);
  put(find("one-kind"), `Auction ${auction.id} · ${auction.preset} · by ${auction.seller.username ?? "a former seller"}`);
  put(find("one-title"), auction.title);
  put(find("one-about"), auction.description ?? "");
  put(find("one-price"), price(auction), true);
  const leads = auction.leader ? `, paddle ${auction.leader} leads` : "";
  put(find("one-state"), bids(auction) + (auction.outcome ? "" : leads));
  const least = money(auction.minimum_next, auction);
  const most = money(auction.maximum_next, auction);
  const next = least ? `Next bid: ${least} or more` : most ? `Next bid: ${most} or less` : "";
  put(find("one-next"), auction.outcome ? "" : next);
  attend(auction);
  put(find("one-command"), `gavel watch ${auction.id} --url ${location.origin}`);
  find("one-json").href = `/v1/auctions/${auction.id}`;
  find("one-events").href = `/v1/auctions/${auction.id}/events`;
  find("one-certificate").href = `/v1/auctions/${auction.id}/certificate`;
  find("one-certified").hidden = !auction.certified;
}

/** Who watches, and what they say. */
function tellRoom(room) {
  const count = room.participants;
  put(find("one-watching"), count === null ? "" : count === 1 ? "1 is watching" : `${count} are watching`);
  const list = find("one-chat");
  list.replaceChildren(...room.chat.map((line) => {
    const item = make("li");
    make("time", "", item).textContent = line.at.slice(11, 19);
    make("strong", "", item).textContent = line.user.username ?? "somebody who has left";
    item.append(" " + line.message);
    return item;
  }));
  find("one-said").hidden = room.chat.length === 0 && find("say").hidden;
  list.scrollTop = list.scrollHeight;
}

let seen = 0; // up to which version the past of the chosen one is shown
let reading = false;
const PAST = 100;

/** Shows what has happened since, from the public log. */
async function past() {
  const id = chosen();
  if (reading || id === null) return;
  reading = true;
  try {
    for (let version; chosen() === id && (version = auctions.get(id)?.version ?? 0) > seen;) {
      const after = Math.max(seen, version - PAST);
      const { items } = await ask(`/v1/auctions/${id}/events?after=${after}&limit=${PAST}`);
      if (chosen() !== id || items.length === 0) break;
      items.forEach(({ event }) => happened(event));
      seen = items.at(-1).event.version;
    }
  } catch {
    // With the next change, or the next look.
  } finally {
    reading = false;
  }
  if (chosen() !== id) past();
}

function happened(event) {
  const list = find("one-past");
  const line = document.createElement("li");
  line.value = event.version;
  const time = make("time", "", line);
  time.textContent = new Date(event.at / 1000).toISOString().slice(11, 19);
  line.append(sentence(event));
  list.prepend(line);
  while (list.children.length > PAST) list.lastChild.remove();
}

function sentence({ kind, data }) {
  const auction = auctions.get(chosen());
  const paddle = data.paddle ? `paddle ${data.paddle}` : null;
  switch (kind) {
    case "bid_placed": {
      if (!paddle) return "a sealed bid";
      const said = data.amount ? ` bids ${money(data.amount, auction)}` : ` bids, the price is ${money(data.price, auction)}`;
      return paddle + said + (data.extended ? "; the end moves" : "");
    }
    case "closed": return "closed: " + outcome(data.outcome, auction);
    case "buy_now_taken":
    case "clock_accepted": return `${paddle} buys at ${money(data.amount, auction)}`;
    default: return kind.replaceAll("_", " ") + (paddle ? `: ${paddle}` : "");
  }
}

/** Whether what is shown is live, or how old it is. */
function tellPulse() {
  const connected = house.status === "connected";
  const age = house.age === null ? null : Math.floor(house.age / 1000);
  const old = !connected && age !== null;
  const pulse = find("pulse");
  pulse.className = "pulse" + (connected ? " live" : old ? " away" : "");
  put(pulse, connected ? "live" : old ? "not live" : "connecting");
  document.body.classList.toggle("old", old);
  find("old").hidden = !old;
  const why = { lagging: "Your connection was too slow", refused: "The house let you go" };
  put(find("old-why"), (why[house.status] ?? "Disconnected") + ", trying again.");
  put(find("old-age"), old ? `What you see is ${age} s old.` : "");
}

function tick() {
  tellPulse();
  const now = houseTime();
  if (now === null) return;
  put(find("clock"), new Date(now).toISOString().slice(11, 19) + " UTC");
  for (const [id, shown] of cards) {
    const auction = auctions.get(id);
    const [text, soon] = ending(auction);
    const shows = shown.item.isConnected || yours.includes(id) || chosen() === id;
    const late = Date.parse(auction.next_drop_at) + 1000 < now;
    if (shows && !auction.outcome && late) lookOnce(id);
    put(shown.left, text);
    shown.left.classList.toggle("soon", soon);
  }
  drawYours();
  const one = chosen() === null ? null : auctions.get(chosen());
  if (!one) return;
  const [text, soon] = ending(one);
  const counts = one.state === "open" && !one.outcome && !one.next_drop_at && one.effective_end;
  put(find("one-end"), counts && /^\d/.test(text) ? "ends in " + text : text);
  find("one-end").classList.toggle("soon", soon);
}

async function introduce() {
  try {
    const meta = await ask("/v1/meta");
    called = meta.name;
    entitle();
    find("name").textContent = meta.name;
    find("fingerprint").textContent = meta.fingerprint;
  } catch {
    setTimeout(introduce, 3000);
  }
}

history.scrollRestoration = "manual"; // the list is as it was left
open(house, look);
meet((someone) => {
  for (const auction of auctions.values()) delete auction.you;
  if (house.status !== "connecting") house.reconnect();
  greet(someone);
  refreshYours();
  if (chosen() !== null) look(chosen());
  else refresh();
});
addEventListener("hashchange", choose);
setInterval(tick, 200);
setInterval(() => {
  if (document.hidden) return;
  if (chosen() !== null) return look(chosen()).then(past);
  refreshYours();
  refresh();
}, 5000);
introduce();
choose();
if (chosen() !== null) refresh();
