//! Close: whether a late bid moves the end, and how far.

use crate::mutant;
use crate::terms::Close;
use crate::time::Time;

impl Close {
    /// The end after a bid at `at` that changed leader or price. Never earlier than `end`, never
    /// later than `base_end` plus the most that soft close may add.
    pub(crate) fn end_after(self, at: Time, end: Time, base_end: Time) -> Time {
        match self {
            Self::Hard {} => end,
            Self::Soft { window_seconds, extend_to_seconds, max_total_seconds } => {
                let edge = at.plus_seconds(i64::from(window_seconds));
                let outside = edge < end || (edge == end && mutant::on("window_edge_excluded"));
                if outside || mutant::on("extension_lost") {
                    return end;
                }
                let wanted = at.plus_seconds(i64::from(extend_to_seconds));
                let latest = base_end.plus_seconds(i64::from(max_total_seconds));
                if mutant::on("extension_uncapped") {
                    return end.max(wanted);
                }
                end.max(wanted.min(latest))
            }
        }
    }
}
