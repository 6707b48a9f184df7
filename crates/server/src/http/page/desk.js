// Where a visitor bids, buys and speaks. What he asks for bears a key made before it was first sent,
// and is asked for again under that key until the house has said what became of it: it counts once
// or not at all. Knows no rule: what is legal, the house says.
import { Bids } from "/live/bids.js";
import { find, minor, money, put, typed } from "/page/show.js";
import { enter, send, user } from "/page/visitor.js";

/** So long without an answer, somebody wants to know why. */
const PATIENT = 2000;

const kept = "gavel-bids"; // what has no answer yet outlives a reload of this tab
const buys = new Bids();
const said = new Map(); // the last word on what was asked for, by auction
const under = new Map(); // how many askings are under way, by auction
let house = null;
let shown = null; // the auction that is looked at
let meant = null; // what has to be asked for twice, and was once
let speaking = null; // the auction beside which one may speak
let unheard = null; // what was said last, under which key, as long as nobody has answered

/** How somebody stands in an auction: how to show it, and the words. */
export const STANDING = {
  leading: ["good", "You are winning"], outbid: ["bad", "You have been outbid"],
  standing: ["good", "Your bid stands"], sealed: ["good", "Your sealed bid is in"],
  won: ["good", "You have won"], lost: ["", "It did not go to you"],
};

/** What is said of a message itself: nobody will hear it. Anything else may be said of its repeat. */
const NO_WORDS = new Set([400, 403, 404, 422]);

const WHY_NOT = {
  own_auction: "You sell this.", not_registered: "Whoever bids here has to be registered first.",
  not_approved: "You are registered; the seller has yet to let you in.",
  banned: "The house has shut you out.", not_open_yet: "It has not opened yet.",
  on_hold: "It is on hold.", already_bid: "One bid each, and yours is in.",
};

function store() {
  try {
    return JSON.parse(sessionStorage.getItem(kept) ?? "[]");
  } catch {
    return [];
  }
}

function keep(change) {
  try {
    sessionStorage.setItem(kept, JSON.stringify(change(store())));
  } catch {
    // Then a reload forgets it.
  }
}

const isClock = (auction) => auction.terms?.admission?.kind === "accept_clock" || auction.terms?.admission === "accept_clock";
const isProxy = (auction) => (auction.terms?.proxy?.kind ?? auction.terms?.proxy) === "maximum";
const isSealed = (auction) => (auction.terms?.visibility?.kind ?? auction.terms?.visibility) === "sealed";

/** What is asked for, perhaps not for the first time: a bid by the live room, a purchase by the API. */
async function putForward(id, offer, key, by, again = false) {
  keep((all) => [...all.filter((one) => one.key !== key), { id, offer, key, user: by }]);
  under.set(id, (under.get(id) ?? 0) + 1);
  say(id, "", "Sending…");
  const late = setTimeout(() => say(id, "", "There is no answer yet. It is asked for again until there is one, "
    + "and counts once at most."), PATIENT);
  try {
    const { status, body } = await (offer.buys ? buys : house.by).place(id, offer, key, again);
    keep((all) => all.filter((one) => one.key !== key));
    answered(id, offer, status, body);
  } catch {
    say(id, "bad", "Nobody has said what became of it. Sign in again: it is asked for once more.");
  } finally {
    clearTimeout(late);
    under.set(id, under.get(id) - 1);
    draw();
  }
}

function answered(id, offer, status, body) {
  const unit = offer.unit;
  if (status < 300) {
    find("bid-amount").value = "";
    if (offer.buys) return say(id, "good", "It is yours.");
    const amount = money(offer.maximum ?? offer.amount, unit);
    const leads = { leading: " and leads", outbid: ", but somebody's maximum is above it", sealed: " and sealed" };
    return say(id, body.standing === "outbid" ? "bad" : "good", `Your ${offer.maximum ? "maximum" : "bid"} of ${amount} is in${leads[body.standing] ?? ""}.`, body.version);
  }
  const least = money(body.minimum_next ?? body.above, unit);
  const most = money(body.maximum_next, unit);
  if (body.code === "confirm_needed") {
    meant = offer.maximum ?? offer.amount;
    return say(id, "bad", `That is far above what would do. Press again if you mean ${money(meant, unit)}.`);
  }
  if (body.code === "clock_moved") return say(id, "bad", `The price is ${money(body.price, unit)} by now.`);
  if (least) return say(id, "bad", `Not enough: ${body.above ? "more than " + least : least + " or more"}.`);
  if (most) return say(id, "bad", `Too much: ${most} or less.`);
  say(id, "bad", body.detail ?? `The house says no (${status}).`);
}

/** The last word; good news is over once something else has happened. */
function say(id, kind, text, until = Infinity) {
  said.set(id, [kind, text, until]);
  draw();
}

function offered(auction, buy) {
  const { id, currency, currency_digits } = auction;
  const unit = { currency, currency_digits };
  if (buy || isClock(auction)) {
    const price = isClock(auction) ? auction.price : auction.buy_now;
    // What falls by itself was seen by whoever presses; what is bought for good is pressed twice.
    if (!isClock(auction) && meant !== "buy") {
      meant = "buy";
      return say(id, "", `Press again to buy at once for ${money(price, unit)}.`);
    }
    meant = null;
    return { buys: true, price: isClock(auction) ? price : undefined, unit };
  }
  const amount = minor(find("bid-amount").value, unit);
  if (amount === null) return say(id, "bad", `An amount in ${currency}, such as ${typed(auction.minimum_next ?? 1000, unit)}.`);
  const confirm = meant === amount;
  meant = null;
  return { [isProxy(auction) ? "maximum" : "amount"]: amount, ...(confirm && { confirm }), unit };
}

function act(event, buy = false) {
  event.preventDefault();
  const auction = shown;
  if (!auction) return;
  if (user === null) return enter(() => find("bid-amount").focus());
  const offer = offered(auction, buy);
  if (offer) putForward(auction.id, offer, crypto.randomUUID(), user.id);
}

/** Asks to be let in where one has to be registered. */
async function register() {
  const { id } = shown;
  try {
    const { status, body } = await send("POST", `/v1/auctions/${id}/register`, {}, crypto.randomUUID());
    say(id, status < 300 ? "good" : "bad", status < 300 ? "You are registered." : body.detail);
  } catch {
    say(id, "bad", "The house does not answer. Try again.");
  }
  house.look(id);
}

async function speak(event) {
  event.preventDefault();
  if (user === null) return enter(() => find("say-text").focus());
  const text = find("say-text").value.trim();
  if (!text || !shown) return;
  find("say-go").disabled = true;
  if (unheard?.text !== text || unheard.id !== shown.id) unheard = { id: shown.id, text, key: crypto.randomUUID() };
  const { status, body } = await house.live.say(shown.id, text, unheard.key).catch(() => ({ body: {} }));
  if (status < 300 || NO_WORDS.has(status)) unheard = null;
  find("say-go").disabled = false;
  if (status === 200) find("say-text").value = "";
  put(find("say-said"), status === 200 ? "" : body.detail ?? "There is no answer. Say it again: it is heard once.");
  find("say-text").focus();
}

/** Whether anybody may speak beside an auction. */
async function hearing(id) {
  speaking = null;
  find("say-text").value = "";
  put(find("say-said"), "");
  const { status, body } = await send("GET", `/v1/auctions/${id}/chat?limit=1`).catch(() => ({}));
  if (shown?.id === id && status === 200 && body.open) speaking = id;
  draw();
}

/** Shows the desk of an auction, or none. */
export function attend(auction) {
  const other = auction?.id !== shown?.id;
  shown = auction;
  if (other) {
    meant = null;
    find("bid-amount").value = "";
    if (auction) hearing(auction.id);
  }
  draw();
}

function draw() {
  const auction = shown;
  if (!auction) {
    for (const part of ["bid", "one-register", "say", "one-said"]) find(part).hidden = true;
    return put(find("bid-said"), "");
  }
  const you = user ? auction.you : null;
  const over = Boolean(auction.outcome);
  const open = auction.state === "open" && !over;
  const [kind, words] = STANDING[you?.standing] ?? ["", ""];
  const what = you?.standing === "sealed" || you?.standing === "standing" ? you.amount : you?.standing === "leading" ? you.maximum : null;
  find("one-you").className = "standing " + kind;
  put(find("one-you"), words && words + (what ? `, ${you.maximum ? "your maximum is" : "with"} ${money(what, auction)}` : ""), true);
  const barred = you && !you.can_bid && you.standing !== "leading" ? WHY_NOT[you.why_not] : null;
  put(find("one-why-not"), open || you?.why_not === "not_registered" ? barred ?? "" : "");
  find("one-register").hidden = over || you?.why_not !== "not_registered";
  const may = open && !barred;
  find("bid").hidden = !may;
  const buys = isClock(auction);
  const busy = under.get(auction.id) > 0;
  find("bid-field").hidden = buys;
  put(find("bid-label"), isProxy(auction) ? "Your maximum" : isSealed(auction) ? "Your sealed bid" : "Your bid");
  put(find("bid-hint"), isProxy(auction) ? "The house bids for you, no more than it takes." : isSealed(auction) ? "Nobody sees it before the end." : "");
  put(find("bid-currency"), auction.currency);
  const next = you?.paddle ? you : auction;
  const least = next.minimum_next ?? next.maximum_next;
  find("bid-least").hidden = buys || !least;
  if (least) {
    put(find("bid-least"), money(least, auction) + (next.minimum_next ? " or more" : " or less"));
    find("bid-least").value = typed(least, auction);
  }
  const guest = user === null ? "Sign in to " : "";
  const price = money(buys ? auction.price : null, auction);
  put(find("bid-go"), buys ? (guest ? guest + "buy" : `Buy at ${price ?? "the price"}`) : guest + (guest ? "bid" : "Bid"));
  find("bid-go").disabled = busy;
  find("bid-buy").hidden = buys || !auction.buy_now;
  find("bid-buy").disabled = busy;
  put(find("bid-buy"), `Buy now for ${money(auction.buy_now, auction) ?? ""}`);
  find("one-next").hidden = may && !buys;
  const [how, last, until] = said.get(auction.id) ?? ["", "", 0];
  find("bid-said").className = "said " + how;
  put(find("bid-said"), auction.version > until ? "" : last);
  find("say").hidden = speaking !== auction.id;
  find("one-said").hidden = find("say").hidden && !find("one-chat").hasChildNodes();
  put(find("say-go"), user === null ? "Sign in to speak" : "Say");
  find("say-text").hidden = user === null;
}

/** Opens the desk. `look` reads an auction again. */
export function open(live, look) {
  house = { live, look, by: { place: (id, { unit, ...offer }, key, again) => live.bid(id, offer, key, again) } };
  find("bid").addEventListener("submit", act);
  find("bid-buy").addEventListener("click", (event) => act(event, true));
  find("bid-least").addEventListener("click", () => {
    find("bid-amount").value = find("bid-least").value;
    find("bid-amount").focus();
  });
  find("bid-amount").addEventListener("input", () => { meant = null; });
  find("one-register").addEventListener("click", register);
  find("say").addEventListener("submit", speak);
}

/** Somebody else is here. What had no answer when he was last is asked for again. */
export function greet(someone) {
  said.clear();
  meant = null;
  buys.resume(someone?.id ?? null, ({ auction_id: id, key, price }) => send("POST",
    `/v1/auctions/${id}/${price ? "accept" : "buy-now"}`, price ? { price } : {}, key));
  if (someone) {
    for (const { id, offer, key, user: by } of store()) if (by === someone.id) putForward(id, offer, key, by, true);
  }
  draw();
}
