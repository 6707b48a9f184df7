//! Many auctions, one writer each, one durable log, time, live feed.
//!
//! # The life of a bid
//!
//! [`engine::Engine::submit`] queues it in the inbox of its auction's partition, where it gets its
//! stamp. The drive loop takes what waits and hands it to the partition's [`shard::Shard`], which
//! first looks whether the command is known already, then lets time do what is due in that
//! auction, then has the pure rules decide. What they decide is encoded, chained and put into the
//! open batch; the answer is held with it. The committer makes the batch durable in one
//! transaction. Only then are the effects let out: heads first, then answers. Nobody ever hears of
//! anything that is not durable, and a refusal is held like an acceptance, because it was judged on
//! a state that might not have become durable.
//!
//! In reading order: [`engine`], `inbox`, `drive`, [`shard`], `dedup`, [`effect`], `committer`,
//! `recover`, `panics`, [`exposure`], `views`, [`feed`], [`hub`], [`history`], [`words`],
//! `projection`, `keeper`, `residents`, `scrub`, [`by_hand`]; the traits of stores: [`log`],
//! [`people`], [`traces`], [`waiting`], [`things`], [`chat`], [`notices`], [`lists`], [`snapshot`].

pub mod answer;
pub mod audit;
mod bell;
pub mod by_hand;
pub mod chat;
mod clock;
mod committer;
mod dedup;
mod drive;
pub mod effect;
pub mod engine;
pub mod exposure;
pub mod feed;
mod heads;
pub mod histogram;
pub mod history;
pub mod hub;
mod inbox;
mod keeper;
pub mod limits;
pub mod lists;
pub mod log;
mod memory;
pub mod notices;
mod panics;
pub mod people;
mod projection;
mod recover;
mod residents;
mod scrub;
pub mod shard;
pub mod snapshot;
mod start;
pub mod things;
pub mod traces;
pub mod views;
pub mod waiting;
pub mod words;

pub use clock::Clock;
pub use inbox::Ask;
pub use memory::MemoryLog;
pub use recover::Recovery;
pub use start::{Parts, StartError, Started, start};
