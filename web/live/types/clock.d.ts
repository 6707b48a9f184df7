/**
 * The house's clock as it can be known from here: between two bounds, and told by the later one, so
 * that nobody is ever shown more time than there is.
 */
export class Clock {
    /**
     * A word of the house's, said at `stamp`, is here at `at`.
     * @param {string | number} stamp RFC 3339, or milliseconds
     * @param {number} at by this machine's monotonic clock, in milliseconds
     */
    heard(stamp: string | number, at: number): void;
    /**
     * The answer to a question that left at `sent` is here at `at`.
     * @param {string | number} stamp
     * @param {number} sent
     * @param {number} at
     */
    answered(stamp: string | number, sent: number, at: number): void;
    /** Everything may be otherwise: another process answers. */
    forget(): void;
    /**
     * The house's time in milliseconds: never less than it is. Null before the first round trip.
     * @param {number} at
     * @returns {number | null}
     */
    now(at: number): number | null;
    /**
     * By how many milliseconds `now` may be ahead at most.
     * @returns {number | null}
     */
    error(): number | null;
    #private;
}
