//! The rule slots, one a file. Each is a few functions of plain values; who asks when, and what
//! follows, is `auction.rs`.

pub(crate) mod clock;
pub(crate) mod close;
pub(crate) mod confirm;
pub(crate) mod fees;
pub(crate) mod increment;
pub(crate) mod pricing;
pub(crate) mod promotion;
pub(crate) mod reserve;
pub(crate) mod retraction;
pub(crate) mod score;
