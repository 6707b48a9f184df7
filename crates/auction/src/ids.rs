//! Identifiers. All are positive integers below 2^53, so that every JSON reader keeps them exactly.
//! Knows nothing of who hands them out.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroI64;

/// The largest integer that every JSON reader keeps exactly: 2^53 - 1.
pub const MAX_EXACT: i64 = (1 << 53) - 1;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "i64", into = "i64")]
        pub struct $name(NonZeroI64);

        impl $name {
            /// The identifier, if `value` lies in 1 ..= 2^53 - 1.
            #[must_use]
            pub const fn new(value: i64) -> Option<Self> {
                match NonZeroI64::new(value) {
                    Some(id) if value >= 1 && value <= MAX_EXACT => Some(Self(id)),
                    Some(_) | None => None,
                }
            }

            /// The bare integer.
            #[must_use]
            pub const fn get(self) -> i64 {
                self.0.get()
            }
        }

        impl TryFrom<i64> for $name {
            type Error = &'static str;
            fn try_from(value: i64) -> Result<Self, Self::Error> {
                Self::new(value).ok_or("an id is an integer from 1 to 2^53 - 1")
            }
        }

        impl From<$name> for i64 {
            fn from(id: $name) -> i64 {
                id.get()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// One auction: one thing sold, the aggregate of the house.
    AuctionId
}
id! {
    /// A person known to the house. Never shown in public beside a bid.
    UserId
}
id! {
    /// A bidder's public number inside one auction: 1, 2, 3 by registration or first accepted bid.
    Paddle
}

/// Position of an event within its auction: 1, 2, 3 without holes. 0 is "before the first event".
/// A bid is named by the version of the event that placed it.
pub type Version = u64;

/// A bid's id: the version of its event within its auction.
pub type BidId = Version;
