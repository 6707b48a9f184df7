//! A figure: one number measured in several rounds, with what it should be.

use serde::Serialize;

/// One number, measured in several rounds.
#[derive(Clone, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) rounds: Vec<f64>,
    /// What must be reached, and what should be; at most these where less is better.
    pub(crate) floor: Option<f64>,
    pub(crate) goal: Option<f64>,
    pub(crate) verdict: &'static str,
}

impl Figure {
    /// A figure without a goal.
    pub(crate) fn new(name: &str, unit: &'static str, rounds: Vec<f64>) -> Self {
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        Self {
            name: name.into(),
            unit,
            median: at(sorted.len() / 2),
            min: at(0),
            max: at(sorted.len().saturating_sub(1)),
            rounds,
            floor: None,
            goal: None,
            verdict: "",
        }
    }

    /// What must be reached, and what should be. A goal below the floor means: less is better.
    pub(crate) fn bounds(mut self, floor: f64, goal: f64) -> Self {
        let reaches = |bound: f64| {
            if goal >= floor { self.median >= bound } else { self.median <= bound }
        };
        self.verdict = match (reaches(goal), reaches(floor)) {
            (true, _) => "goal",
            (false, true) => "floor",
            (false, false) => "BELOW",
        };
        (self.floor, self.goal) = (Some(floor), Some(goal));
        self
    }
}

/// Round by round, one number over another.
pub(crate) fn ratios(over: &[f64], under: &[f64]) -> Vec<f64> {
    over.iter().zip(under).map(|(over, under)| over / under).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_or_less_is_better() {
        let figure = |median| Figure::new("a", "", vec![median]);
        let verdicts = [0.8, 0.5, 0.4].map(|median| figure(median).bounds(0.45, 0.75).verdict);
        assert_eq!(verdicts, ["goal", "floor", "BELOW"]);
        let verdicts = [1.5, 2.0, 3.0].map(|median| figure(median).bounds(2.5, 1.6).verdict);
        assert_eq!(verdicts, ["goal", "floor", "BELOW"]);
    }
}
