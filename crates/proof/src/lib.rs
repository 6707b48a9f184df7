//! Evidence: what an outsider needs to check the house. Anybody can recompute a result with
//! `gavel-auction` and this crate and nothing else. Knows no clock, file, socket or database.
//!
//! In reading order: [`canonical`] JSON is what is hashed; [`hash`] says how; [`codec`] writes an
//! event as a public part and a sealed part bound by commitments; [`chain`] links the public
//! parts; [`keys`] are what the house keeps secret or signs with; [`command`] names commands;
//! [`certificate`] puts an auction into one signed file; [`verify`] believes none of it.
//! [`receipt`]s hold the house to its answers, many under one root of a [`merkle`] tree; signed
//! [`head`]s hold it to the length of its log. [`what_if`] asks a certificate what would have been.

pub mod canonical;
pub mod certificate;
pub mod chain;
pub mod codec;
pub mod command;
mod disclosure;
pub mod hash;
pub mod head;
pub mod keys;
pub mod merkle;
pub mod receipt;
mod replay;
mod stand_in;
pub mod verify;
pub mod what_if;

pub use receipt::check::{Agreement, Form, ReceiptFault, Signed, verify_receipt, verify_together};
pub use replay::WrongEvent;
