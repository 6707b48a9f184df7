// The reference client of a house's live room, over the official client of Socket.IO, which is
// given to it. It comes back by itself and goes on where it was, notices what it missed and asks
// for it, keeps the house's time, says how old it is what it shows, and sends a bid without an
// answer again under its key.

import { Bids } from "./bids.js";
import { Clock } from "./clock.js";
import { Room } from "./room.js";

export { OutcomeUnknown } from "./bids.js";
export { Clock, Room };

/** How often it looks after itself, in milliseconds. */
const BEAT = 250;

/** A house that has said nothing for so long is asked for the time; sooner in a last minute. */
const CALM = 10_000;
const CLOSE = 2_000;

/** The time is asked for at least so often. */
const SYNC = 30_000;

/** How many round trips a connection begins with. */
const FIRST_SYNCS = 4;

/** An answer that takes so long means that what is shown may be old; so long, that nobody is there. */
const LATE = 2_500;
const LOST = 10_000;

/** How long a version that was named may be on its way. */
const ON_ITS_WAY = 2_000;

/** Milliseconds to wait for the answer to anything but a bid, and before it is asked again. */
const ANSWER = 10_000;
const AGAIN = 1_000;

/**
 * @typedef {import("./room.js").Message} Message
 * @typedef {{ status: number, body: Message }} Answer
 * @typedef {"connecting" | "connected" | "stale" | "lagging" | "refused" | "closed"} Status
 *   `stale`: what is shown may be old; `lagging`: the house let us go because we were too slow
 * @typedef {{ token?: string, ticket?: string }} Auth
 * @typedef {{ auth?: () => Auth | Promise<Auth>, socket?: Record<string, unknown> }} Options
 *   `auth` is asked at each connection, so that a ticket, which is good once, is always a new one
 * @typedef {{ room: Room, joining: boolean, tries: number, named: number, timer?: any }} Seat
 * @typedef {"status" | "change" | "gap" | "chat" | "presence" | "refused"} Name
 */

const ours = () => performance.now();

/** A connection to a house. */
export class Live {
  #clock = new Clock();
  #bids = new Bids();
  /** @type {Map<number, Seat>} */
  #seats = new Map();
  /** @type {Map<Name, Set<Function>>} */
  #listeners = new Map();
  /** @type {any} */
  #socket;
  /** @type {Status} */
  #status = "connecting";
  /** @type {number | null} When the house last said something. */
  #heard = null;
  /** @type {number | null} When the question left that waits for an answer. */
  #asked = null;
  #synced = -Infinity;
  #syncs = 0;
  #in = false;
  /** @type {any} */
  #beat;
  /** @type {any} */
  #comeback;

  /** @type {{ id: number, username: string } | null} Who we are to the house. */
  user = null;
  /** @type {Message | null} Why the house does not let us in. */
  refusal = null;

  /**
   * @param {(url: string, options: Record<string, unknown>) => any} io `socket.io-client`'s
   * @param {string} url
   * @param {Options} [options]
   */
  constructor(io, url, { auth, socket } = {}) {
    let shows = 0;
    // Whoever cannot say who he is does not come in as nobody: it is tried again.
    const show = async (/** @type {(auth: Auth) => void} */ shown) => {
      for (const mine = ++shows; mine === shows && this.#status !== "closed";) {
        try {
          const about = await (auth?.() ?? {});
          return void (mine === shows && shown(about));
        } catch {
          await new Promise((after) => setTimeout(after, AGAIN));
        }
      }
    };
    this.#socket = io(url, { reconnectionDelay: 250, reconnectionDelayMax: 5_000, ...socket, auth: show });
    this.#listen(this.#socket);
    this.#beat = setInterval(() => this.#lookAfter(), BEAT);
  }

  get status() {
    return this.#status;
  }

  /** Milliseconds since the house last said something; null if it never did. */
  get age() {
    return this.#heard === null ? null : ours() - this.#heard;
  }

  /** The house's time in milliseconds, never less than it is; null while it is not known. */
  now() {
    return this.#clock.now(ours());
  }

  /** By how many milliseconds `now` may be ahead at most; null while it is not known. */
  error() {
    return this.#clock.error();
  }

  /**
   * Hears of what happens; gives back what ends that.
   * @param {Name} name
   * @param {Function} listener
   */
  on(name, listener) {
    const all = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, all.add(listener));
    return () => all.delete(listener);
  }

  /**
   * Follows an auction.
   * @param {number} id
   * @returns {Room}
   */
  watch(id) {
    const known = this.#seats.get(id);
    if (known) return known.room;
    /** @type {Seat} */
    const seat = { room: new Room(id), joining: false, tries: 0, named: 0 };
    this.#seats.set(id, seat);
    this.#join(seat);
    return seat.room;
  }

  /** @param {number} id an auction that is followed no more */
  leave(id) {
    const seat = this.#seats.get(id);
    if (!seat) return;
    this.#seats.delete(id);
    clearTimeout(seat.timer);
    if (this.#in) this.#socket.emit("leave_auction", { auction_id: id });
  }

  /** The auctions that are followed. */
  rooms() {
    return [...this.#seats.values()].map((seat) => seat.room);
  }

  /**
   * Bids. What comes back is what became of it, however long the house was away meanwhile; it
   * counts once at most. Fails only if nobody will ever ask again (`OutcomeUnknown`).
   * @param {number} auction
   * @param {import("./bids.js").Offer} offer
   * @param {string} [key] of an earlier try, if this is a repeat
   * @param {boolean} [again] whether it was asked for under this key before
   */
  bid(auction, offer, key, again = key !== undefined) {
    return this.#bids.place(auction, offer, key ?? crypto.randomUUID(), again);
  }

  /** The keys of bids without an outcome. */
  unsettled() {
    return this.#bids.keys();
  }

  /**
   * Says something beside an auction; not again by itself. A repeat is heard once, under its key.
   * @param {number} auction
   * @param {string} message
   * @param {string} [key] of an earlier try, if this is a repeat
   * @returns {Promise<Answer>}
   */
  say(auction, message, key = crypto.randomUUID()) {
    return this.#ask("chat_message", { auction_id: auction, message, key });
  }

  /** Tries again to come in, after a refusal or as somebody else. */
  reconnect() {
    if (this.#status === "closed") return;
    this.refusal = null;
    this.#socket.disconnect().connect();
    this.#tell("stale");
  }

  /** Goes. Bids without an outcome fail. */
  close() {
    clearInterval(this.#beat);
    clearTimeout(this.#comeback);
    for (const id of [...this.#seats.keys()]) this.leave(id);
    this.#socket.disconnect();
    this.#bids.end("the connection was closed");
    this.#tell("closed");
  }

  /** @param {Name} name @param {...any} about */
  #say(name, ...about) {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) listener(...about);
  }

  /** @param {Status} status */
  #tell(status) {
    if (this.#status === status || this.#status === "closed") return;
    this.#status = status;
    this.#say("status", status);
  }

  /** @param {any} socket */
  #listen(socket) {
    socket.onAny((/** @type {string} */ _, /** @type {Message} */ message) => {
      this.#heard = ours();
      if (message?.server_time) this.#clock.heard(message.server_time, this.#heard);
    });
    socket.on("connected", (/** @type {Message} */ message) => this.#enter(message));
    socket.on("joined_auction", (/** @type {Message} */ message) => this.#joined(message));
    for (const name of ["bid_update", "auction_updated", "auction_ended"]) {
      socket.on(name, (/** @type {Message} */ message) => this.#take(name, message));
    }
    const room = (/** @type {string} */ name, /** @type {(seat: Seat, message: Message) => void} */ act) =>
      socket.on(name, (/** @type {Message} */ message) => {
        const seat = this.#seats.get(message.auction_id);
        if (seat) act(seat, message);
      });
    room("timer_update", ({ room }, { version }) => { room.named = Math.max(room.named, version); });
    room("clock", ({ room }, message) => { if (room.drop(message)) this.#say("change", room, "clock"); });
    room("presence_update", ({ room }, { participant_count: count }) => {
      room.participants = count;
      this.#say("presence", room);
    });
    room("chat_message", ({ room }, line) => {
      if (room.hear(/** @type {any} */ (line))) this.#say("chat", room, line);
    });
    room("chat_deleted", ({ room }, { id }) => {
      room.forget(id);
      this.#say("chat", room, null);
    });
    room("gap", (seat, { from, to }) => this.#missed(seat, { from, to }));
    socket.on("lagging", () => this.#tell("lagging"));
    socket.on("unauthorized", (/** @type {Message} */ message) => { this.refusal = message; });
    // Everybody is asked to come back at a moment of his own.
    socket.on("stopping", (/** @type {Message} */ { retry_after_ms }) => socket.io.reconnectionDelay(retry_after_ms));
    socket.on("disconnect", (/** @type {string} */ reason) => this.#gone(reason));
    socket.on("connect_error", (/** @type {any} */ error) => this.#turnedAway(error));
  }

  /** @param {Message} message The house has let us in. */
  #enter({ user, server_time }) {
    const at = ours();
    this.#in = true;
    this.user = user;
    this.refusal = null;
    this.#asked = null;
    this.#syncs = 0;
    this.#clock.forget();
    this.#clock.heard(server_time, at);
    this.#socket.io.reconnectionDelay(250);
    this.#tell("connected");
    this.#sync();
    for (const seat of this.#seats.values()) this.#join(seat);
    this.#bids.resume(user?.id ?? null, (message, timeout) =>
      this.#socket.timeout(timeout).emitWithAck("bid", message));
  }

  /** @param {string} reason */
  #gone(reason) {
    this.#in = false;
    this.#asked = null;
    this.#bids.pause();
    for (const seat of this.#seats.values()) {
      seat.room.fresh = false;
      seat.joining = false;
    }
    if (reason === "io server disconnect") {
      this.refusal ??= { reason };
      this.#tell("refused");
      this.#say("refused", null, this.refusal);
    } else if (this.#status !== "lagging") this.#tell("stale");
  }

  /** @param {any} error */
  #turnedAway(error) {
    const why = error.data;
    // Nobody was there, or it was no house: the client goes on trying by itself.
    if (!why?.code) return this.#heard === null ? undefined : this.#tell("stale");
    this.refusal = why;
    if (why.status === 429 || why.status >= 500) {
      clearTimeout(this.#comeback);
      const wait = (why.retry_after_seconds ?? 5) * 1000;
      this.#comeback = setTimeout(() => this.#socket.connect(), wait);
      return;
    }
    this.#tell("refused");
    this.#say("refused", null, why);
  }

  /** @param {string} name @param {Message} message @returns {Promise<Answer>} */
  async #ask(name, message) {
    const answer = await this.#socket.timeout(ANSWER).emitWithAck(name, message);
    this.#heard = ours();
    return answer;
  }

  /** @param {Seat} seat Asks to be shown an auction, from where we are. */
  async #join(seat) {
    if (!this.#in || seat.joining) return;
    seat.joining = true;
    clearTimeout(seat.timer);
    seat.timer = undefined;
    const { room } = seat;
    const after = room.version > 0 ? { after_version: room.version } : {};
    /** @type {Answer | null} */
    const answer = await this.#ask("join_auction", { auction_id: room.id, ...after }).catch(() => null);
    seat.joining = false;
    if (!this.#in || this.#seats.get(room.id) !== seat) return;
    if (answer?.status === 200) {
      seat.tries = 0;
    } else if (answer && [400, 401, 403, 404].includes(answer.status)) {
      room.refused = answer.body;
      this.#say("refused", room, answer.body);
    } else {
      const wait = (answer?.body.retry_after_seconds ?? 0) * 1000;
      seat.timer = setTimeout(() => this.#join(seat), Math.max(wait, AGAIN * Math.min(++seat.tries, 10)));
    }
  }

  /** @param {Message} message */
  #joined(message) {
    const seat = this.#seats.get(message.auction_id);
    if (!seat) return;
    const { room } = seat;
    const before = room.version;
    const what = room.join(message);
    if (what === "reset") this.#say("gap", room, { from: before + 1, to: null });
    this.#say("change", room, "joined_auction");
  }

  /** @param {string} name @param {Message} message */
  #take(name, message) {
    const seat = this.#seats.get(message.auction_id);
    if (!seat) return;
    const what = seat.room.take(message);
    if (what === "old") return;
    if (what !== "new") this.#missed(seat, what);
    this.#say("change", seat.room, name);
  }

  /** @param {Seat} seat @param {{ from: number, to: number | null }} gap */
  #missed(seat, gap) {
    seat.room.fresh = false;
    this.#say("gap", seat.room, gap);
    this.#join(seat);
  }

  async #sync() {
    const sent = ours();
    this.#asked = sent;
    /** @type {Answer | null} */
    const answer = await this.#socket.emitWithAck("sync", {}).catch(() => null);
    // None, or one of an earlier connection's.
    if (!answer || this.#asked !== sent) return;
    this.#asked = null;
    this.#heard = ours();
    this.#synced = ours();
    this.#syncs += 1;
    this.#clock.answered(answer.body.server_time, sent, this.#synced);
  }

  /** Whether somebody should have heard something by now. */
  #patience() {
    const now = this.now();
    const last = this.rooms().some((room) => (room.remaining(now) ?? Infinity) < 60_000);
    return last ? CLOSE : CALM;
  }

  #lookAfter() {
    if (!this.#in) return;
    const now = ours();
    const silent = this.#asked !== null && (this.#heard ?? 0) < this.#asked ? now - this.#asked : 0;
    // What is half open closes here, and opens again.
    if (silent > LOST) return void this.#socket.io.engine?.close();
    if (silent > LATE) this.#tell("stale");
    else if (silent === 0) this.#tell("connected");
    const due = this.#syncs < FIRST_SYNCS || now - this.#synced > SYNC || (this.age ?? 0) > this.#patience();
    if (due && this.#asked === null) this.#sync();
    for (const seat of this.#seats.values()) this.#lookFor(seat, now);
  }

  /** @param {Seat} seat @param {number} now Asks for what was named and has not come. */
  #lookFor(seat, now) {
    const { room } = seat;
    const late = room.named > room.version || !room.fresh;
    if (!late || seat.joining || seat.timer || room.refused) {
      seat.named = 0;
      return;
    }
    if (seat.named === 0) seat.named = now;
    if (now - seat.named < ON_ITS_WAY) return;
    seat.named = 0;
    this.#missed(seat, { from: room.version + 1, to: Math.max(room.named, room.version + 1) });
  }
}

/**
 * Follows a house.
 * @param {(url: string, options: Record<string, unknown>) => any} io
 * @param {string} url
 * @param {Options} [options]
 */
export const live = (io, url, options) => new Live(io, url, options);
