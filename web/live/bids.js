// Bids of which the outcome is not known yet. Each has a key, made before it was first sent; it is
// sent under that key until the house has said what became of it, so it counts once or not at all.

/** Milliseconds to wait for an answer before asking again. */
const ANSWER = 10_000;

/** Milliseconds before the first repeat, and between repeats at most. */
const FIRST = 500;
const LAST = 30_000;

/**
 * @typedef {{ amount?: number, maximum?: number, confirm?: boolean, expected_version?: number,
 *   on_behalf_of?: number }} Offer
 * @typedef {{ status: number, body: Record<string, any>, key: string, tries: number }} Outcome
 * @typedef {{ key: string, auction: number, offer: Offer, user: number | null | undefined,
 *   tries: number, again: boolean, asked: boolean, outcome: Promise<Outcome>,
 *   settle: (outcome: Outcome) => void, fail: (error: Error) => void }} Pending
 * @typedef {(message: Record<string, any>, timeout: number) =>
 *   Promise<{ status: number, body: Record<string, any> }>} Say
 */

/** Nobody knows what became of a bid. It may be asked for again, under its key. */
export class OutcomeUnknown extends Error {
  /** @param {string} why @param {string} key */
  constructor(why, key) {
    super(`${why}; the bid's key is ${key}`);
    this.name = "OutcomeUnknown";
    this.key = key;
  }
}

/** The bids that are under way. */
export class Bids {
  /** @type {Map<string, Pending>} */
  #pending = new Map();
  /** @type {Say | null} */
  #say = null;
  /** @type {number | null | undefined} */
  #user;

  /**
   * Bids, now or as soon as the house is there.
   * @param {number} auction
   * @param {Offer} offer
   * @param {string} key
   * @param {boolean} [again] whether it was asked for before, by somebody who was not told
   * @returns {Promise<Outcome>}
   */
  place(auction, offer, key, again = false) {
    const known = this.#pending.get(key);
    if (known) return known.outcome;
    /** @type {Pending} */
    const bid = Object.assign(Object.create(null), { key, auction, offer, again, tries: 0, asked: false });
    bid.user = this.#user;
    bid.outcome = new Promise((settle, fail) => Object.assign(bid, { settle, fail }));
    this.#pending.set(key, bid);
    this.#send(bid);
    return bid.outcome;
  }

  /** The keys of bids without an outcome, the oldest first. */
  keys() {
    return [...this.#pending.keys()];
  }

  /**
   * The house is there, and knows us as this user: what is not answered is sent again.
   * @param {number | null} user
   * @param {Say} say
   */
  resume(user, say) {
    this.#say = say;
    this.#user = user;
    for (const bid of this.#pending.values()) {
      bid.user ??= user;
      if (bid.user === user) this.#send(bid);
      // It would be another's bid.
      else this.#fail(bid, "somebody else is signed in");
    }
  }

  /** The house is away. */
  pause() {
    this.#say = null;
  }

  /** @param {string} why nothing is asked any more */
  end(why) {
    this.#say = null;
    for (const bid of this.#pending.values()) this.#fail(bid, why);
  }

  /** @param {Pending} bid @param {string} why */
  #fail(bid, why) {
    this.#pending.delete(bid.key);
    bid.fail(new OutcomeUnknown(why, bid.key));
  }

  /** @param {Pending} bid */
  async #send(bid) {
    const say = this.#say;
    if (!say || bid.asked || !this.#pending.has(bid.key)) return;
    bid.asked = true;
    bid.tries += 1;
    let answer = null;
    try {
      answer = await say({ ...bid.offer, auction_id: bid.auction, key: bid.key }, ANSWER);
    } catch {
      // It may have arrived, or not.
    }
    bid.asked = false;
    if (!this.#pending.has(bid.key)) return;
    if (answer && isFinal(answer, bid.again || bid.tries > 1)) {
      this.#pending.delete(bid.key);
      return bid.settle({ ...answer, key: bid.key, tries: bid.tries });
    }
    const named = answer?.body.retry_after_seconds;
    const wait = named ? named * 1000 : Math.min(LAST, FIRST * 2 ** (bid.tries - 1));
    // After a break it is sent at once; this is for a house that is there.
    if (this.#say === say) setTimeout(() => this.#send(bid), wait);
    else this.#send(bid);
  }
}

/**
 * Whether an answer tells what became of the bid. A repeat may be turned away at the door though
 * the first try was taken: only a word about the command itself counts then.
 * @param {{ status: number, body: Record<string, any> }} answer
 * @param {boolean} again whether this is a repeat
 */
function isFinal({ status, body }, again) {
  if (body.code === "outcome_unknown") return false;
  const atTheDoor = [401, 403, 429].includes(status) || status >= 500;
  return !again || body.operation !== undefined || !atTheDoor;
}
