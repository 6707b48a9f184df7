//! The judge, never shipped: a simulator that drives the house's own engine through every fault it
//! can think of on virtual time, a checker of histories with a naive house of its own, planted bugs
//! that measure the checker. Knows the engine's seams; shares no rule with it.
//!
//! In reading order: [`history`], [`checks`], [`arena`].

pub mod arena;
pub mod chance;
pub mod checks;
pub mod found;
pub mod history;
pub mod model;
pub mod mutants;
pub mod run;
pub mod sometimes;
pub mod workload;
pub mod world;
