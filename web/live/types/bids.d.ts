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
    constructor(why: string, key: string);
    key: string;
}
/** The bids that are under way. */
export class Bids {
    /**
     * Bids, now or as soon as the house is there.
     * @param {number} auction
     * @param {Offer} offer
     * @param {string} key
     * @param {boolean} [again] whether it was asked for before, by somebody who was not told
     * @returns {Promise<Outcome>}
     */
    place(auction: number, offer: Offer, key: string, again?: boolean): Promise<Outcome>;
    /** The keys of bids without an outcome, the oldest first. */
    keys(): string[];
    /**
     * The house is there, and knows us as this user: what is not answered is sent again.
     * @param {number | null} user
     * @param {Say} say
     */
    resume(user: number | null, say: Say): void;
    /** The house is away. */
    pause(): void;
    /** @param {string} why nothing is asked any more */
    end(why: string): void;
    #private;
}
export type Offer = {
    amount?: number;
    maximum?: number;
    confirm?: boolean;
    expected_version?: number;
    on_behalf_of?: number;
};
export type Outcome = {
    status: number;
    body: Record<string, any>;
    key: string;
    tries: number;
};
export type Pending = {
    key: string;
    auction: number;
    offer: Offer;
    user: number | null | undefined;
    tries: number;
    again: boolean;
    asked: boolean;
    outcome: Promise<Outcome>;
    settle: (outcome: Outcome) => void;
    fail: (error: Error) => void;
};
export type Say = (message: Record<string, any>, timeout: number) => Promise<{
    status: number;
    body: Record<string, any>;
}>;
