//! `Histogram`: counts by upper bound, for the page of metrics. Plain atomics: counting costs a few
//! nanoseconds and waits for nobody.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of values by upper bound; `BOUNDS` of them, and one for what lies above all.
#[derive(Debug)]
pub struct Histogram<const BOUNDS: usize> {
    bounds: [u64; BOUNDS],
    counts: [AtomicU64; BOUNDS],
    above: AtomicU64,
    sum: AtomicU64,
}

impl<const BOUNDS: usize> Histogram<BOUNDS> {
    /// Nothing counted yet. The bounds rise.
    #[must_use]
    pub const fn new(bounds: [u64; BOUNDS]) -> Self {
        let counts = [const { AtomicU64::new(0) }; BOUNDS];
        Self { bounds, counts, above: AtomicU64::new(0), sum: AtomicU64::new(0) }
    }

    /// Counts a value.
    pub fn count(&self, value: u64) {
        self.sum.fetch_add(value, Ordering::Relaxed);
        let fits = self.bounds.iter().position(|bound| value <= *bound);
        let count = fits.and_then(|bound| self.counts.get(bound)).unwrap_or(&self.above);
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// For each bound, how many values were at most that.
    pub fn up_to(&self) -> impl Iterator<Item = (u64, u64)> {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        self.bounds.iter().copied().zip(counts.scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        }))
    }

    /// How many values there were, and their sum.
    #[must_use]
    pub fn total(&self) -> (u64, u64) {
        let below = self.up_to().last().map_or(0, |(_, count)| count);
        (below + self.above.load(Ordering::Relaxed), self.sum.load(Ordering::Relaxed))
    }
}

/// How the log is being written, since the start.
#[derive(Debug)]
pub struct Commits {
    /// Records of each commit.
    pub records: Histogram<10>,
    /// Microseconds that each took.
    pub micros: Histogram<10>,
}

impl Default for Commits {
    fn default() -> Self {
        Self {
            records: Histogram::new([1, 2, 4, 8, 16, 32, 64, 128, 256, 512]),
            micros: Histogram::new([
                100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 1_000_000,
            ]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_under_the_first_bound_that_holds_them() {
        let histogram = Histogram::new([1, 10]);
        for value in [0, 1, 2, 10, 11, 500] {
            histogram.count(value);
        }
        assert_eq!(histogram.up_to().collect::<Vec<_>>(), [(1, 2), (10, 4)]);
        assert_eq!(histogram.total(), (6, 524));
    }
}
