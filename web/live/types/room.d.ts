/**
 * @typedef {Record<string, any>} Message
 * @typedef {{ id: number, user: { id: number, username: string | null }, message: string, at: string }} Line
 * @typedef {{ paddle: number, amount: number, bid: number }} TopBid
 * @typedef {"unknown" | "draft" | "scheduled" | "open" | "on_hold" | "closing" | "ended"} Phase
 */
/** One auction that is followed. */
export class Room {
    /** @param {number} id */
    constructor(id: number);
    /** The auction's number. */
    id: number;
    /** Up to which version it is known. */
    version: number;
    /** Whether it is as new as the house says: false until it was shown, and after a gap. */
    fresh: boolean;
    /** @type {Message | null} The auction as the API shows it. */
    auction: Message | null;
    /** @type {TopBid[]} */
    topBids: TopBid[];
    winning: boolean;
    /** @type {number | null} How many watch. */
    participants: number | null;
    /** @type {Line[]} What was said, the oldest first. */
    chat: Line[];
    /** @type {Message | null} Why the house does not show it. */
    refused: Message | null;
    /** The newest version that was named without having been shown. */
    named: number;
    /**
     * The house shows it whole.
     * @param {Message} message `joined_auction`
     * @returns {"new" | "old" | "reset"}
     */
    join(message: Message): "new" | "old" | "reset";
    /**
     * The house tells how it stands now.
     * @param {Message} message `bid_update`, `auction_updated`, `auction_ended`
     * @returns {"new" | "old" | { from: number, to: number }} a gap, where versions are missing
     */
    take(message: Message): "new" | "old" | {
        from: number;
        to: number;
    };
    /**
     * A price has fallen by itself.
     * @param {Message} message `clock`
     * @returns {boolean} whether that is news
     */
    drop({ version, price, next_drop_at }: Message): boolean;
    /**
     * Somebody has said something.
     * @param {Line} line
     * @returns {boolean} whether that is news
     */
    hear(line: Line): boolean;
    /** @param {number} id a message that is gone */
    forget(id: number): void;
    /**
     * Milliseconds until its end: 0 once that is past; null where there is none to come.
     * @param {number | null} now the house's time
     * @returns {number | null}
     */
    remaining(now: number | null): number | null;
    /**
     * Where it stands. That it has ended, only the house says: until then, its time is over.
     * @param {number | null} now the house's time
     * @returns {Phase}
     */
    phase(now: number | null): Phase;
}
export type Message = Record<string, any>;
export type Line = {
    id: number;
    user: {
        id: number;
        username: string | null;
    };
    message: string;
    at: string;
};
export type TopBid = {
    paddle: number;
    amount: number;
    bid: number;
};
export type Phase = "unknown" | "draft" | "scheduled" | "open" | "on_hold" | "closing" | "ended";
