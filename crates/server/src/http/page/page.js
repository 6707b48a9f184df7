// The page's own script: asks the API, watches by its event streams, and shows what they say.
// Texts are set as text, never as HTML. Time is the house's: its last word, and this machine's
// monotonic clock since; the machine's time of day plays no part.
"use strict";

const exponents = { JPY: 0, KRW: 0, VND: 0, CLP: 0, ISK: 0, KWD: 3, BHD: 3, OMR: 3, TND: 3, JOD: 3 };
const find = (id) => document.getElementById(id);
const auctions = new Map(); // what the house last said of each, by id
const cards = new Map();
const streams = new Map();
const looked = new Map(); // when a clock was asked for last
const STREAMS = 3; // besides the one that is looked at: a browser has few connections
let ahead = null; // the house's time minus ours
let heard = null; // when the house last said something

const houseTime = () => performance.now() + (ahead ?? 0);

/** Learns the house's time from a reply that left after `sent` and is here now. */
function learn(stamp, sent) {
  const now = performance.now();
  heard = now;
  // It was the house's time at some moment between the two; the middle is off by half at most.
  if (stamp) ahead = Date.parse(stamp) - (sent + now) / 2;
}

async function ask(path) {
  const sent = performance.now();
  const reply = await fetch(path);
  if (!reply.ok) throw new Error(String(reply.status));
  return [await reply.json(), sent];
}

function money(amount, currency) {
  if (amount === null || amount === undefined) return null;
  const digits = exponents[currency] ?? 2;
  const major = amount / 10 ** digits;
  try {
    const style = { style: "currency", currency, minimumFractionDigits: digits };
    return new Intl.NumberFormat(undefined, style).format(major);
  } catch {
    return major.toFixed(digits) + " " + currency;
  }
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
  if (auction.outcome) return [outcome(auction.outcome, auction.currency), false];
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

function outcome(result, currency) {
  if (result.winner) return `sold to paddle ${result.winner} for ${money(result.hammer_price, currency)}`;
  return result.result + (result.reason ? ", " + result.reason.replaceAll("_", " ") : "");
}

function price(auction) {
  const shown = money(auction.outcome?.hammer_price ?? auction.price, auction.currency);
  if (shown !== null) return shown;
  const from = money(auction.minimum_next ?? auction.maximum_next, auction.currency);
  if (auction.terms?.visibility === "sealed") return "sealed";
  return from === null ? "–" : "from " + from;
}

const bids = (auction) => auction.bid_count + (auction.bid_count === 1 ? " bid" : " bids");
const picture = (auction) => auction.pictures?.[0]?.href ?? `/pictures/${encodeURIComponent(auction.category ?? "other")}.svg`;

function put(element, text, flash) {
  if (element.textContent === text) return;
  const first = element.textContent === "";
  element.textContent = text;
  if (!flash || first) return;
  element.classList.remove("moved");
  void element.offsetWidth; // so that the same animation begins again
  element.classList.add("moved");
}

function make(name, className, parent) {
  const element = document.createElement(name);
  if (className) element.className = className;
  parent?.append(element);
  return element;
}

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

/** The list: who is there, in which order. Prices come by streams too, where they are open. */
async function refresh() {
  const note = find("note");
  try {
    const [{ items }, sent] = await ask("/v1/auctions?status=open&sort=ending&limit=48");
    learn(items[0]?.server_time, sent);
    items.forEach(tell);
    const list = find("list");
    const order = items.map((auction) => cards.get(auction.id).item);
    if (order.some((item, place) => list.children[place] !== item)
      || list.children.length !== order.length) list.replaceChildren(...order);
    note.hidden = items.length > 0;
    note.textContent = "Nothing is on sale at the moment.";
    watch(items.slice(0, STREAMS).map((auction) => auction.id));
  } catch {
    if (auctions.size === 0) note.textContent = "The house does not answer at the moment.";
  }
}

async function look(id) {
  try {
    const [auction, sent] = await ask("/v1/auctions/" + id);
    learn(auction.server_time, sent);
    tell(auction);
  } catch {
    // The pulse says that the house is away.
  }
}

/** A clock has dropped: asks where it stands, once a second at most. */
function lookOnce(id) {
  const now = performance.now();
  if (now - (looked.get(id) ?? -1000) < 1000) return;
  looked.set(id, now);
  look(id);
}

/** Watches these auctions, and the one that is looked at. */
function watch(ids) {
  const wanted = new Set(ids);
  if (chosen() !== null) wanted.add(chosen());
  for (const [id, stream] of streams) {
    if (wanted.has(id)) continue;
    stream.close();
    streams.delete(id);
  }
  for (const id of wanted) if (!streams.has(id)) streams.set(id, open(id));
}

const KINDS = ["created", "amended", "addendum", "published", "opened", "bidder_registered",
  "bidder_approved", "bidder_declined", "bid_placed", "buy_now_taken", "clock_accepted",
  "bid_retracted", "bid_voided", "bid_promoted", "held", "resumed", "extended", "closed",
  "reopened", "cancelled", "certified"];

function open(id) {
  const whole = chosen() === id;
  const stream = new EventSource(`/v1/auctions/${id}/stream` + (whole ? "?after=0" : ""));
  stream.whole = whole;
  const came = (message) => {
    heard = performance.now();
    if (whole && chosen() === id) past(JSON.parse(message.data).event);
    clearTimeout(stream.soon);
    stream.soon = setTimeout(() => look(id), 30); // several at once are one look
  };
  for (const kind of KINDS) stream.addEventListener(kind, came);
  stream.addEventListener("reset", () => {
    find("one-past").replaceChildren();
    look(id);
  });
  stream.onopen = () => { heard = performance.now(); };
  return stream;
}

const chosen = () => {
  const id = Number(/^#auction-(\d+)$/.exec(location.hash)?.[1]);
  return id > 0 ? id : null;
};

function choose() {
  const id = chosen();
  find("all").hidden = id !== null;
  find("one").hidden = id === null;
  find("one-past").replaceChildren();
  // The chosen one is watched from its beginning, the others from now on.
  for (const [other, stream] of streams) {
    if (other !== id && !stream.whole) continue;
    stream.close();
    streams.delete(other);
  }
  if (id === null) return refresh();
  const known = auctions.get(id);
  for (const part of ["title", "about", "price", "state", "end", "next", "kind"]) {
    find("one-" + part).textContent = "";
  }
  if (known) tellOne(known);
  watch([...streams.keys()].slice(0, STREAMS));
  look(id);
}

function tellOne(auction) {
  find("one-picture").src = picture(auction);
  put(find("one-kind"), `Auction ${auction.id} · ${auction.preset} · by ${auction.seller.username ?? "a former seller"}`);
  put(find("one-title"), auction.title);
  put(find("one-about"), auction.description ?? "");
  put(find("one-price"), price(auction), true);
  const leads = auction.leader ? `, paddle ${auction.leader} leads` : "";
  put(find("one-state"), bids(auction) + (auction.outcome ? "" : leads));
  const least = money(auction.minimum_next, auction.currency);
  const most = money(auction.maximum_next, auction.currency);
  const next = least ? `Next bid: ${least} or more` : most ? `Next bid: ${most} or less` : "";
  put(find("one-next"), auction.outcome ? "" : next);
  put(find("one-command"), `gavel watch ${auction.id} --url ${location.origin}`);
  find("one-json").href = `/v1/auctions/${auction.id}`;
  find("one-events").href = `/v1/auctions/${auction.id}/events`;
  find("one-certificate").href = `/v1/auctions/${auction.id}/certificate`;
  find("one-certificate").hidden = !auction.certified;
}

function past(event) {
  const list = find("one-past");
  const line = document.createElement("li");
  line.value = event.version;
  const time = make("time", "", line);
  time.textContent = new Date(event.at / 1000).toISOString().slice(11, 19);
  line.append(sentence(event));
  list.prepend(line);
  while (list.children.length > 100) list.lastChild.remove();
}

function sentence({ kind, data }) {
  const currency = auctions.get(chosen())?.currency ?? "EUR";
  const paddle = data.paddle ? `paddle ${data.paddle}` : null;
  switch (kind) {
    case "bid_placed": {
      if (!paddle) return "a sealed bid";
      const said = data.amount ? ` bids ${money(data.amount, currency)}` : ` bids, the price is ${money(data.price, currency)}`;
      return paddle + said + (data.extended ? "; the end moves" : "");
    }
    case "closed": return "closed: " + outcome(data.outcome, currency);
    case "buy_now_taken":
    case "clock_accepted": return `${paddle} buys at ${money(data.amount, currency)}`;
    default: return kind.replaceAll("_", " ") + (paddle ? `: ${paddle}` : "");
  }
}

function tick() {
  const pulse = find("pulse");
  const silent = heard === null ? null : (performance.now() - heard) / 1000;
  const away = silent !== null && silent > 8;
  pulse.className = "pulse" + (silent === null ? "" : away ? " away" : " live");
  pulse.textContent = silent === null ? "connecting" : away ? `the house is away: ${Math.floor(silent)} s old` : "live";
  if (ahead === null) return;
  find("clock").textContent = new Date(houseTime()).toISOString().slice(11, 19) + " UTC";
  for (const [id, shown] of cards) {
    const auction = auctions.get(id);
    const [text, soon] = ending(auction);
    const shows = shown.item.isConnected || chosen() === id;
    if (shows && !auction.outcome && Date.parse(auction.next_drop_at) < houseTime()) lookOnce(id);
    put(shown.left, text);
    shown.left.classList.toggle("soon", soon);
  }
  const one = chosen() === null ? null : auctions.get(chosen());
  if (!one) return;
  const [text, soon] = ending(one);
  put(find("one-end"), one.outcome || one.next_drop_at || one.state !== "open" ? text : "ends in " + text);
  find("one-end").classList.toggle("soon", soon);
}

async function introduce() {
  try {
    const [meta, sent] = await ask("/v1/meta");
    learn(meta.server_time, sent);
    document.title = meta.name;
    find("name").textContent = meta.name;
    find("fingerprint").textContent = meta.fingerprint;
  } catch {
    setTimeout(introduce, 3000);
  }
}

addEventListener("hashchange", choose);
setInterval(tick, 200);
setInterval(() => { if (!document.hidden) chosen() === null ? refresh() : look(chosen()); }, 3000);
introduce();
choose();
if (chosen() !== null) refresh();
