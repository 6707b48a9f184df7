//! Increment: the smallest step from a price to the next legal bid.

use crate::mutant;
use crate::terms::Increment;

impl Increment {
    /// The step at `price`, in minor units; at least 1.
    pub(crate) fn step(&self, price: i64) -> i64 {
        match self {
            Self::None {} | Self::AnyHigher {} => 1,
            Self::Fixed { step } => step.minor(),
            Self::Percent { basis_points } => {
                let share = i128::from(price) * i128::from(*basis_points);
                let up = if mutant::on("percent_rounds_down") { 0 } else { 9_999 };
                let step = (share + up) / 10_000;
                i64::try_from(step).unwrap_or(i64::MAX).max(1)
            }
            Self::Table { steps } => {
                let above = steps.partition_point(|band| band.from <= price);
                above.checked_sub(1).and_then(|band| steps.get(band)).map_or(1, |band| band.step)
            }
        }
    }
}
