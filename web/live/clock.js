// The house's time, from round trips. Between two of its words this machine's monotonic clock
// counts; its time of day plays no part.

/** How many round trips count. */
const KEPT = 8;

/**
 * The house's clock as it can be known from here: between two bounds, and told by the later one, so
 * that nobody is ever shown more time than there is.
 */
export class Clock {
  /** @type {number[]} The house's time minus ours at most, by the latest round trips. */
  #most = [];
  /** The house's time minus ours at least: no word arrives before it was said. */
  #least = -Infinity;

  /**
   * A word of the house's, said at `stamp`, is here at `at`.
   * @param {string | number} stamp RFC 3339, or milliseconds
   * @param {number} at by this machine's monotonic clock, in milliseconds
   */
  heard(stamp, at) {
    const said = typeof stamp === "string" ? Date.parse(stamp) : stamp;
    if (!Number.isFinite(said)) return;
    this.#least = Math.max(this.#least, said - at);
    // One of both clocks was stopped or set: what was known is of no use.
    if (this.#least > this.#highest()) {
      this.#most = [];
      this.#least = said - at;
    }
  }

  /**
   * The answer to a question that left at `sent` is here at `at`.
   * @param {string | number} stamp
   * @param {number} sent
   * @param {number} at
   */
  answered(stamp, sent, at) {
    const said = typeof stamp === "string" ? Date.parse(stamp) : stamp;
    if (!Number.isFinite(said)) return;
    // A stamp has microseconds, which are cut off when it is read.
    const most = said + (typeof stamp === "string" ? 1 : 0) - sent;
    this.#most.push(most);
    if (this.#most.length > KEPT) this.#most.shift();
    this.heard(said, at);
    if (this.#most.length === 0) this.#most.push(most);
  }

  /** Everything may be otherwise: another process answers. */
  forget() {
    this.#most = [];
    this.#least = -Infinity;
  }

  #highest() {
    return this.#most.length > 0 ? Math.min(...this.#most) : Infinity;
  }

  /**
   * The house's time in milliseconds: never less than it is. Null before the first round trip.
   * @param {number} at
   * @returns {number | null}
   */
  now(at) {
    return this.#most.length > 0 ? at + this.#highest() : null;
  }

  /**
   * By how many milliseconds `now` may be ahead at most.
   * @returns {number | null}
   */
  error() {
    return this.#most.length > 0 ? this.#highest() - this.#least : null;
  }
}
