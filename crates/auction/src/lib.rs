//! The rules of an auction, pure: `(state, command, now) -> events | refusal`.
//!
//! An [`auction::Auction`] is one thing sold. A [`command::Command`] asks something of it;
//! [`auction::Auction::decide`] answers with [`event::Event`]s or a [`refusal::Refusal`] and
//! changes nothing; [`auction::Auction::apply`] takes an event as fact. What kind of auction it
//! is, is no code: it is [`terms::Terms`], a composition of rule slots, of which [`presets`] names
//! ten. Time comes in as an argument, and its passing is a command.
//!
//! This crate is the only place of the house that judges. It knows no clock, no chance, no thread,
//! no file, no socket, no float, and nothing of how events are written down.
//!
//! In reading order: [`auction`], [`command`], [`event`], [`refusal`], [`terms`], [`presets`],
//! `rules`, [`book`], [`view`], [`outcome`], [`explain`], [`snapshot`], [`mutant`], and the small
//! ones: [`money`], [`time`], [`ids`], [`strict`].

pub mod auction;
pub mod book;
pub mod command;
pub mod event;
pub mod explain;
pub mod ids;
pub mod money;
pub mod mutant;
pub mod outcome;
pub mod presets;
pub mod refusal;
mod rules;
pub mod slot;
pub mod snapshot;
pub mod strict;
pub mod terms;
pub mod time;
pub mod view;
