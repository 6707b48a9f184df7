export { OutcomeUnknown } from "./bids.js";
/** A connection to a house. */
export class Live {
    /**
     * @param {(url: string, options: Record<string, unknown>) => any} io `socket.io-client`'s
     * @param {string} url
     * @param {Options} [options]
     */
    constructor(io: (url: string, options: Record<string, unknown>) => any, url: string, { auth, socket }?: Options);
    /** @type {{ id: number, username: string } | null} Who we are to the house. */
    user: {
        id: number;
        username: string;
    } | null;
    /** @type {Message | null} Why the house does not let us in. */
    refusal: Message | null;
    get status(): Status;
    /** Milliseconds since the house last said something; null if it never did. */
    get age(): number | null;
    /** The house's time in milliseconds, never less than it is; null while it is not known. */
    now(): number | null;
    /** By how many milliseconds `now` may be ahead at most; null while it is not known. */
    error(): number | null;
    /**
     * Hears of what happens; gives back what ends that.
     * @param {Name} name
     * @param {Function} listener
     */
    on(name: Name, listener: Function): () => boolean;
    /**
     * Follows an auction.
     * @param {number} id
     * @returns {Room}
     */
    watch(id: number): Room;
    /** @param {number} id an auction that is followed no more */
    leave(id: number): void;
    /** The auctions that are followed. */
    rooms(): Room[];
    /**
     * Bids. What comes back is what became of it, however long the house was away meanwhile; it
     * counts once at most. Fails only if nobody will ever ask again (`OutcomeUnknown`).
     * @param {number} auction
     * @param {import("./bids.js").Offer} offer
     * @param {string} [key] of an earlier try, if this is a repeat
     * @param {boolean} [again] whether it was asked for under this key before
     */
    bid(auction: number, offer: import("./bids.js").Offer, key?: string, again?: boolean): Promise<import("./bids.js").Outcome>;
    /** The keys of bids without an outcome. */
    unsettled(): string[];
    /**
     * Says something beside an auction; not again by itself. A repeat is heard once, under its key.
     * @param {number} auction
     * @param {string} message
     * @param {string} [key] of an earlier try, if this is a repeat
     * @returns {Promise<Answer>}
     */
    say(auction: number, message: string, key?: string): Promise<Answer>;
    /** Tries again to come in, after a refusal or as somebody else. */
    reconnect(): void;
    /** Goes. Bids without an outcome fail. */
    close(): void;
    #private;
}
export function live(io: (url: string, options: Record<string, unknown>) => any, url: string, options?: Options): Live;
export type Message = import("./room.js").Message;
export type Answer = {
    status: number;
    body: Message;
};
/**
 * `stale`: what is shown may be old; `lagging`: the house let us go because we were too slow
 */
export type Status = "connecting" | "connected" | "stale" | "lagging" | "refused" | "closed";
export type Auth = {
    token?: string;
    ticket?: string;
};
/**
 * `auth` is asked at each connection, so that a ticket, which is good once, is always a new one
 */
export type Options = {
    auth?: () => Auth | Promise<Auth>;
    socket?: Record<string, unknown>;
};
export type Seat = {
    room: Room;
    joining: boolean;
    tries: number;
    named: number;
    timer?: any;
};
export type Name = "status" | "change" | "gap" | "chat" | "presence" | "refused";
import { Clock } from "./clock.js";
import { Room } from "./room.js";
export { Clock, Room };
