//! Where a panic of the rules ends: at the one auction whose state it may have spoiled. Whoever has
//! the rules do something goes through here, and closes that auction off. Knows no rule.

use gavel_auction::ids::AuctionId;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The rules of an auction panicked: nothing more is decided about it.
pub(crate) struct Panicked;

/// Does something with an auction. If that panics, what it touched must not be used again: the
/// caller drops it.
pub(crate) fn guarded<T>(auction: AuctionId, act: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(act)).map_err(|_| {
        tracing::error!(auction = auction.get(), "quarantined: its rules panicked");
        Panicked
    })
}
