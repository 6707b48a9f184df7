// What one auction looks like, from what the house says of it. Knows no socket, reads no clock.

/** Messages of the chat that stay. */
const LINES = 200;

/** What an update leaves out where there is none. */
const SOMETIMES = ["minimum_next", "maximum_next", "reserve_met", "buy_now", "next_drop_at",
  "outcome", "paddles", "you", "total_to_pay"];

/** What an update says of the room rather than of the auction. */
const BESIDE = ["auction_id", "from_version", "high_bid", "top_bids", "participant_count",
  "you_are_winning", "extended"];

/**
 * @typedef {Record<string, any>} Message
 * @typedef {{ id: number, user: { id: number, username: string | null }, message: string, at: string }} Line
 * @typedef {{ paddle: number, amount: number, bid: number }} TopBid
 * @typedef {"unknown" | "draft" | "scheduled" | "open" | "on_hold" | "closing" | "ended"} Phase
 */

/** One auction that is followed. */
export class Room {
  /** @param {number} id */
  constructor(id) {
    /** The auction's number. */
    this.id = id;
    /** Up to which version it is known. */
    this.version = 0;
    /** Whether it is as new as the house says: false until it was shown, and after a gap. */
    this.fresh = false;
    /** @type {Message | null} The auction as the API shows it. */
    this.auction = null;
    /** @type {TopBid[]} */
    this.topBids = [];
    this.winning = false;
    /** @type {number | null} How many watch. */
    this.participants = null;
    /** @type {Line[]} What was said, the oldest first. */
    this.chat = [];
    /** @type {Message | null} Why the house does not show it. */
    this.refused = null;
    /** The newest version that was named without having been shown. */
    this.named = 0;
  }

  /**
   * The house shows it whole.
   * @param {Message} message `joined_auction`
   * @returns {"new" | "old" | "reset"}
   */
  join(message) {
    const { state, version, reset } = message;
    this.participants = message.participants;
    /** @type {Line[]} */
    const said = message.chat ?? [];
    // It forgets what was deleted meanwhile, and keeps what is older than what was shown.
    const first = said[0]?.id ?? Infinity;
    this.chat = [...this.chat.filter((line) => line.id < first), ...said];
    this.fresh = true;
    this.refused = null;
    if (this.version > version && !reset) return "old";
    const other = reset !== undefined && this.version !== version;
    const same = this.version === version && this.auction !== null;
    this.version = version;
    this.named = other ? version : Math.max(this.named, version);
    this.auction = state;
    this.topBids = message.top_bids;
    this.winning = message.you_are_winning;
    return other ? "reset" : same ? "old" : "new";
  }

  /**
   * The house tells how it stands now.
   * @param {Message} message `bid_update`, `auction_updated`, `auction_ended`
   * @returns {"new" | "old" | { from: number, to: number }} a gap, where versions are missing
   */
  take(message) {
    const { from_version: from, version } = message;
    if (version <= this.version || this.auction === null) return "old";
    const gap = from > this.version + 1 ? { from: this.version + 1, to: from - 1 } : null;
    for (const name of SOMETIMES) delete this.auction[name];
    for (const [name, value] of Object.entries(message)) {
      if (!BESIDE.includes(name)) this.auction[name] = value;
    }
    this.auction.price = message.high_bid;
    this.version = version;
    this.topBids = message.top_bids;
    this.winning = message.you_are_winning;
    this.participants = message.participant_count;
    this.fresh = gap === null;
    return gap ?? "new";
  }

  /**
   * A price has fallen by itself.
   * @param {Message} message `clock`
   * @returns {boolean} whether that is news
   */
  drop({ version, price, next_drop_at }) {
    this.named = Math.max(this.named, version);
    if (version !== this.version || this.auction === null) return false;
    Object.assign(this.auction, { price, next_drop_at });
    return true;
  }

  /**
   * Somebody has said something.
   * @param {Line} line
   * @returns {boolean} whether that is news
   */
  hear(line) {
    if (this.chat.some(({ id }) => id === line.id)) return false;
    this.chat.push(line);
    this.chat.sort((a, b) => a.id - b.id);
    this.chat.splice(0, this.chat.length - LINES);
    return true;
  }

  /** @param {number} id a message that is gone */
  forget(id) {
    this.chat = this.chat.filter((line) => line.id !== id);
  }

  /**
   * Milliseconds until its end: 0 once that is past; null where there is none to come.
   * @param {number | null} now the house's time
   * @returns {number | null}
   */
  remaining(now) {
    const end = this.auction?.effective_end;
    if (now === null || !end || this.auction?.outcome || this.auction?.state !== "open") return null;
    return Math.max(0, Date.parse(end) - now);
  }

  /**
   * Where it stands. That it has ended, only the house says: until then, its time is over.
   * @param {number | null} now the house's time
   * @returns {Phase}
   */
  phase(now) {
    if (this.auction === null) return "unknown";
    if (this.auction.outcome) return "ended";
    return this.remaining(now) === 0 ? "closing" : this.auction.state;
  }
}
