//! The vocabulary of histories: what clients asked and were told, what the log holds, what
//! subscribers saw, which faults were injected. The simulator and the arena write it, the checker
//! reads it, one JSON line a record. Plain numbers, so that a history can be written by hand; knows
//! nothing of how it came about.

pub mod wish;

use gavel_auction::event::{Digest, Event, Fact, HouseId};
use gavel_auction::ids::{AuctionId, UserId, Version};
use gavel_auction::time::Time;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Write};
use std::sync::Arc;
use wish::Asked;

/// Nanoseconds on the one monotonic clock of whoever records.
pub type Nanos = u64;

/// One try of a client: several tries of one command bear the same actor, auction and key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rec {
    /// Its number in the history.
    pub id: u64,
    /// Who recorded it: a client.
    pub process: u32,
    /// What was asked.
    pub op: Op,
    /// When it was sent.
    pub inv_ns: Nanos,
    /// When the answer came; none if none did.
    pub ret_ns: Option<Nanos>,
    /// The answer.
    pub res: Res,
}

/// What a client asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// A command under a key.
    Command(Arc<Asked>),
    /// A read of the committed head, by a viewer (none: somebody not signed in).
    Read {
        /// The auction.
        auction: AuctionId,
        /// Who looks.
        viewer: Option<UserId>,
        /// Whether it may be no older than what anybody was told before.
        strong: bool,
    },
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Res {
    /// Accepted.
    Ok(Box<Told>),
    /// Refused.
    Refused(Box<No>),
    /// What a read showed.
    Value(Box<Told>),
    /// The outcome is unknown: the house said so.
    Unknown,
    /// Definitely not done, and why: overloaded, storage_full, stopping.
    NotApplied(String),
    /// The key was used for another command.
    KeyReused,
    /// The auction is closed off.
    Quarantined,
    /// There is no such auction, or none that the viewer may know of.
    NotFound,
    /// No answer came: timed out, given up, cut off.
    NoReply,
}

/// What an acceptance or a read says. What a client did not get to see is `None`, and not checked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    /// The version it was decided or read at.
    pub version: Version,
    /// The decision's time; none for a read, which has its own.
    pub at: Option<Time>,
    /// A digest of all of the reply that must be the same at every repeat.
    pub body: Option<u64>,
    /// The event's kind.
    pub kind: Option<String>,
    /// The word for the state.
    pub state: Option<String>,
    /// The end in force.
    pub end: Option<Option<Time>>,
    /// The price.
    pub price: Option<Option<i64>>,
    /// The paddle that leads.
    pub leader: Option<Option<i64>>,
    /// The next legal bid.
    pub next: Option<Option<i64>>,
    /// Whether the reserve is met, where there is one and it is shown.
    pub reserve_met: Option<Option<bool>>,
    /// How many bids stand.
    pub bids: Option<u64>,
    /// The viewer's own paddle and his latest standing amount.
    pub mine: Option<Option<(i64, Option<i64>)>>,
    /// The best bids, as the live room shows them: paddle, amount, bid.
    pub top: Option<Vec<(i64, i64, Version)>>,
    /// Whether the viewer is told that he leads, or has won.
    pub winning: Option<bool>,
    /// The hammer price, once sold.
    pub hammer: Option<Option<i64>>,
    /// The event itself, where whoever records has it at hand.
    #[serde(skip)]
    pub event: Option<Arc<Event>>,
}

/// What a refusal says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct No {
    /// Its code.
    pub code: String,
    /// The version it was judged at.
    pub version: Version,
    /// When.
    pub at: Time,
    /// The end in force.
    pub end: Option<Option<Time>>,
    /// The number in it: what would be accepted, or the limit.
    pub hint: Option<Option<i64>>,
}

/// A record of the log, as it was written; a barrier has no event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Logged {
    /// The partition.
    pub partition: u16,
    /// Where in the partition.
    pub position: u64,
    /// The event.
    pub event: Option<LoggedEvent>,
}

/// An event as it was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoggedEvent {
    /// The auction it stands for.
    pub auction: AuctionId,
    /// Its version.
    pub version: Version,
    /// The position of the auction's event before.
    pub previous: u64,
    /// The chain's hash.
    pub hash: Digest,
    /// The public part.
    #[serde(with = "text")]
    pub public: Vec<u8>,
    /// The sealed part.
    #[serde(with = "text")]
    pub sealed: Vec<u8>,
}

/// What a subscriber saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The subscription's owner.
    pub subscriber: u32,
    /// The auction.
    pub auction: AuctionId,
    /// The version: the event's, or the one it goes on after.
    pub version: Version,
    /// When.
    pub at_ns: Nanos,
    /// [`digest`] of the public part of an event; of a state, the first version it covers; else 0.
    pub digest: u64,
    /// What it was.
    pub kind: SeenKind,
}

/// What a subscriber can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeenKind {
    /// He begins, or goes on, after this version.
    Begin,
    /// An event.
    Event,
    /// How the auction stands at this version, which covers all from the one in `digest` on.
    State,
    /// Something was said to all who watch: the so manieth thing (in `version`) since he came.
    Word,
    /// He was told that there is a hole after this version (lagged); he will come again.
    Gap,
    /// He was told to start anew from this version.
    Reset,
    /// He closed it, or was cut off.
    Closed,
    /// All is quiet and he still listens: he must have everything by now.
    Quiet,
}

/// A receipt that came with an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The record it came with.
    pub rec: u64,
    /// Its bytes.
    #[serde(with = "text")]
    pub bytes: Vec<u8>,
}

/// A fault that was injected, or something an operator would note.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// Something was done to the house.
    Fault {
        /// When.
        at_ns: Nanos,
        /// What.
        what: String,
    },
    /// The house could not be reached, or nothing written, by its own clock: the outage rule's
    /// business.
    Outage {
        /// Since when: as the alive mark says, or the first batch that failed.
        from: Time,
        /// Until when.
        to: Time,
        /// Whether it may have been forgotten: nobody knew it durable when the clock ran back.
        #[serde(default)]
        lapsed: bool,
    },
    /// From here on nothing fails any more.
    Heal {
        /// When.
        at_ns: Nanos,
    },
    /// The house's clock jumped, or the whole process stood still: an event may then bear a much
    /// earlier time than a refusal before it (what waits in two queues is taken in turn).
    Warp {
        /// When.
        at_ns: Nanos,
    },
    /// Stored bytes of this auction were damaged on purpose.
    Planted {
        /// The auction.
        auction: AuctionId,
        /// Whether the house has reported it.
        reported: bool,
    },
}

/// A whole history.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// The house; none: taken from the first `created`.
    pub house: Option<HouseId>,
    /// What clients asked and were told.
    pub history: Vec<Rec>,
    /// The log as it is at the end, in position order within each partition.
    pub log: Vec<Logged>,
    /// What subscribers saw, each in his order.
    pub seen: Vec<Seen>,
    /// Receipts.
    pub receipts: Vec<Receipt>,
    /// Faults.
    pub marks: Vec<Mark>,
    /// Whether everything had time to end: all auctions past their ends are closed and certified,
    /// nobody waits for an answer.
    pub quiesced: bool,
    /// The house's time when the history ends.
    pub now: Time,
    /// States as somebody else had them at the end: a replica, a restart from snapshots, one from
    /// the whole log.
    pub states: Vec<States>,
}

/// The states of auctions as somebody had them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct States {
    /// Who.
    pub of: String,
    /// For each auction its version and a digest of its state.
    pub auctions: Vec<(AuctionId, Version, u64)>,
}

/// One line of a history file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// A try.
    Rec(Rec),
    /// A record of the log.
    Log(Logged),
    /// What a subscriber saw.
    Seen(Seen),
    /// A receipt.
    Receipt(Receipt),
    /// A fault.
    Mark(Mark),
    /// States.
    States(States),
    /// The end.
    End {
        /// See [`Input::quiesced`].
        quiesced: bool,
        /// See [`Input::now`].
        now: Time,
    },
}

impl Input {
    /// Writes it, one JSON line a record.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn write(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let recs = self.history.iter().cloned().map(Line::Rec);
        let lines = recs
            .chain(self.log.iter().cloned().map(Line::Log))
            .chain(self.seen.iter().copied().map(Line::Seen))
            .chain(self.receipts.iter().cloned().map(Line::Receipt))
            .chain(self.marks.iter().cloned().map(Line::Mark))
            .chain(self.states.iter().cloned().map(Line::States))
            .chain([Line::End { quiesced: self.quiesced, now: self.now }]);
        for line in lines {
            serde_json::to_writer(&mut *out, &line)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Reads what [`Input::write`] wrote.
    ///
    /// # Errors
    /// If a line is no record.
    pub fn read(from: impl BufRead) -> anyhow::Result<Self> {
        let mut input = Self::default();
        for line in from.lines() {
            match serde_json::from_str(&line?)? {
                Line::Rec(rec) => input.history.push(rec),
                Line::Log(logged) => input.log.push(logged),
                Line::Seen(seen) => input.seen.push(seen),
                Line::Receipt(receipt) => input.receipts.push(receipt),
                Line::Mark(mark) => input.marks.push(mark),
                Line::States(states) => input.states.push(states),
                Line::End { quiesced, now } => (input.quiesced, input.now) = (quiesced, now),
            }
        }
        Ok(input)
    }
}

impl Op {
    /// The auction it is about.
    #[must_use]
    pub fn auction(&self) -> AuctionId {
        match self {
            Self::Command(asked) => asked.auction,
            Self::Read { auction, .. } => *auction,
        }
    }
}

/// The word for an event's kind.
#[must_use]
pub const fn kind_of(fact: &Fact) -> &'static str {
    match fact {
        Fact::Created(_) => "created",
        Fact::Amended(_) => "amended",
        Fact::Addendum { .. } => "addendum",
        Fact::Published {} => "published",
        Fact::Opened { .. } => "opened",
        Fact::BidderRegistered { .. } => "bidder_registered",
        Fact::BidderApproved { .. } => "bidder_approved",
        Fact::BidderDeclined { .. } => "bidder_declined",
        Fact::BidPlaced(_) => "bid_placed",
        Fact::BuyNowTaken { .. } => "buy_now_taken",
        Fact::ClockAccepted { .. } => "clock_accepted",
        Fact::BidRetracted(_) => "bid_retracted",
        Fact::BidVoided(_) => "bid_voided",
        Fact::BidPromoted { .. } => "bid_promoted",
        Fact::Held { .. } => "held",
        Fact::Resumed { .. } => "resumed",
        Fact::Extended { .. } => "extended",
        Fact::Closed { .. } => "closed",
        Fact::Reopened { .. } => "reopened",
        Fact::Cancelled { .. } => "cancelled",
        Fact::Certified { .. } => "certified",
    }
}

/// What a subscriber keeps of a public part: 64 bits of it (FNV-1a).
#[must_use]
pub fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Bytes as JSON text: those of events are text themselves.
mod text {
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        std::str::from_utf8(bytes).map_err(S::Error::custom)?.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        String::deserialize(from).map(String::into_bytes).map_err(D::Error::custom)
    }
}
