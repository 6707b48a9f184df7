//! Planted bugs, each of them something that somebody will write one day. They measure the checker:
//! every one must be found, within a bounded number of seeds. Where each is planted, the code says
//! `mutant::on` with its name.

/// A planted bug.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub what: &'static str,
}

const fn mutant(name: &'static str, what: &'static str) -> Mutant {
    Mutant { name, what }
}

/// All of them: those of the promises' table first.
pub const ALL: [Mutant; 71] = [
    mutant("ack_before_commit", "answers go out when the batch is handed over"),
    mutant("commit_error_is_refusal", "an unknown outcome is told as `nothing was done`"),
    mutant("close_at_scheduled_end", "the closer uses the end as it was announced"),
    mutant("keys_not_rebuilt", "keys are not rebuilt from the log"),
    mutant("publish_before_durable", "subscribers see a batch when it is handed over"),
    mutant("refusals_not_held", "refusals go out before the batch they were judged on is durable"),
    mutant("certified_from_durable", "the outcome leaves out bids that are not durable yet"),
    mutant("extension_lost_in_flight", "a late bid moves no end while a commit is under way"),
    mutant("extension_lost", "a late bid does not move the end"),
    mutant("closes_late", "what time brings comes twenty seconds late"),
    mutant("end_inclusive", "a bid at the end itself is in time"),
    mutant("time_runs_back", "no guard against a clock that runs back"),
    // The rules.
    mutant("extension_uncapped", "extensions have no bound"),
    mutant("window_edge_excluded", "a bid just at the window's edge does not extend"),
    mutant("own_raise_extends", "a leader's own raise moves the end"),
    mutant("tie_goes_to_the_later", "of two equal bids the later one leads"),
    mutant("proxy_without_step", "a proxy pays the other's maximum and no step more"),
    mutant("reserve_not_lifted", "a maximum above the reserve does not meet it"),
    mutant("reserve_met_strictly", "a price at the reserve does not meet it"),
    mutant("second_price_without_reserve", "the second price may lie below the reserve"),
    mutant("buy_now_stays", "buy now can be taken after it should be gone"),
    mutant("retraction_by_anybody", "anybody can take back a bid"),
    mutant("seller_may_bid", "a seller may bid on his own"),
    mutant("banned_may_act", "who is shut out may go on"),
    mutant("approval_not_asked", "a pending paddle may bid"),
    mutant("headroom_ignored", "a bidder may exceed his limit"),
    mutant("hold_keeps_the_end", "a resumed auction ends when it would have without the hold"),
    mutant("hold_counts_as_open", "the clock falls on while the auction is held"),
    mutant("clock_drops_late", "the clock's first drop comes one interval late"),
    mutant("fees_round_down", "fees lose the half"),
    mutant("percent_rounds_down", "a percentage step is rounded down"),
    mutant("draw_among_all", "struck bids can be drawn"),
    mutant("draw_ignores_weights", "all bids are drawn alike"),
    mutant("reopening_keeps_the_certificate", "a reopened auction counts as certified"),
    mutant("expected_version_ignored", "a command for another version is decided"),
    mutant("confirm_never_asked", "the fat finger is not asked"),
    mutant("sealed_shows_leader", "a sealed auction shows who leads"),
    // Recovery.
    mutant("landed_batch_ignored", "what a failed commit has written is not re-read"),
    mutant("no_barrier", "after an unknown outcome nothing settles it"),
    mutant("deadline_lost", "an auction that was re-read has no deadline"),
    mutant("keys_not_in_snapshots", "keys are not read from snapshots"),
    mutant("snapshots_mixed", "snapshots of different times are believed together"),
    mutant("torn_snapshots", "a snapshot's seal is not looked at"),
    mutant("outage_forgotten", "an outage is forgotten before it was given back"),
    mutant("outage_lost_with_its_commit", "a failed commit takes what an outage gives back along"),
    mutant("outage_while_open_ignored", "ends pass while nothing can be written"),
    mutant("older_snapshot_believed", "an auction comes back from an older snapshot"),
    mutant("keeper_blames_the_log", "a bad snapshot closes its auction off"),
    mutant("chain_not_checked", "a broken link is not noticed at start, reading, or scrubbing"),
    mutant("first_back_link_unchecked", "the scrub does not look at a first event's back-link"),
    mutant("damaged_lists_stay_empty", "lists are thrown away, and filled by what changes later"),
    mutant("sealed_part_not_checked", "the scrub looks at public parts only"),
    // Once per key.
    mutant("failed_refusals_remembered", "refusals survive the failed batch they were judged on"),
    mutant("refusals_by_key_only", "a remembered refusal answers another body"),
    mutant("body_ignored", "another body under a used key gets the first one's answer"),
    mutant("first_event_recalled", "a repeat is told the first event of the decision"),
    // Subscribers.
    mutant("feed_not_told", "a failed commit leaves rings as they were"),
    mutant("cold_subscriber_waits", "who subscribes to what has left memory gets nothing"),
    mutant("lag_unsaid", "who falls behind goes on without being told"),
    // The live room.
    mutant("state_covers_itself_only", "a state of several versions names only its own"),
    mutant("who_is_behind_stays_behind", "who was left out of a state gets no newer one"),
    mutant("shown_before_let_in", "a state goes out before the one that lets somebody in"),
    mutant("full_queue_drops", "a full queue drops what must not be lost, and nobody lags"),
    mutant("future_position_believed", "who names a version that is not there is not told so"),
    mutant(
        "missed_bids_stay_missed",
        "the best bids are not read again after something was missed",
    ),
    mutant("state_ahead_of_its_bids", "a state is shown before its bids were taken in"),
    mutant("last_state_forgotten", "what has left memory is not shown to those who watch it"),
    mutant("direction_never_amended", "the best bids go by the direction before an amendment"),
    mutant("undone_stays_on_top", "a bid that was taken back stays among the best"),
    // Receipts.
    mutant("receipt_of_the_neighbour", "receipts go to the wrong one of a batch"),
    mutant("receipt_without_hash", "a receipt does not get its batch's hash"),
];

/// The planted bug of this name.
#[must_use]
pub fn named(name: &str) -> Option<Mutant> {
    ALL.iter().copied().find(|mutant| mutant.name == name)
}
