//! A figure: one number measured in several rounds, with what it should be.

use serde::Serialize;

/// What should be reached, and what must be.
#[derive(Clone, Copy)]
pub(crate) enum Aim {
    /// Told beside the others.
    Told,
    /// More is better.
    AtLeast { goal: f64, floor: f64 },
    /// Less is better.
    AtMost { goal: f64, floor: f64 },
    /// Less is better, and no floor is set but that all promises hold.
    AtMostGoal(f64),
    /// More is better, and no floor is set but that all promises hold.
    AtLeastGoal(f64),
}

/// One number, measured in several rounds.
#[derive(Clone, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) rounds: Vec<f64>,
    pub(crate) floor: Option<f64>,
    pub(crate) goal: Option<f64>,
    /// `goal`, `floor` (between the two), `short` (of a goal that has no floor) or `BELOW`.
    pub(crate) verdict: &'static str,
}

impl Figure {
    pub(crate) fn new(name: &str, unit: &'static str, aim: Aim, rounds: Vec<f64>) -> Self {
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        let median = at(sorted.len() / 2);
        let (goal, floor) = match aim {
            Aim::Told => (None, None),
            Aim::AtLeast { goal, floor } | Aim::AtMost { goal, floor } => (Some(goal), Some(floor)),
            Aim::AtLeastGoal(goal) | Aim::AtMostGoal(goal) => (Some(goal), None),
        };
        Self {
            name: name.into(),
            unit,
            median,
            min: at(0),
            max: at(sorted.len().saturating_sub(1)),
            rounds,
            floor,
            goal,
            verdict: aim.verdict(median),
        }
    }
}

impl Aim {
    fn verdict(self, median: f64) -> &'static str {
        let between = |reached: bool| if reached { "floor" } else { "BELOW" };
        match self {
            Self::Told => "",
            Self::AtLeast { goal, .. } | Self::AtLeastGoal(goal) if median >= goal => "goal",
            Self::AtMost { goal, .. } | Self::AtMostGoal(goal) if median <= goal => "goal",
            Self::AtLeast { floor, .. } => between(median >= floor),
            Self::AtMost { floor, .. } => between(median <= floor),
            Self::AtLeastGoal(_) | Self::AtMostGoal(_) => "short",
        }
    }
}

/// Figures in the making, in the order in which they were first told of.
#[derive(Default)]
pub(crate) struct Figures(Vec<(String, &'static str, Aim, Vec<f64>)>);

impl Figures {
    /// Adds a round.
    pub(crate) fn push(&mut self, name: &str, unit: &'static str, aim: Aim, value: f64) {
        match self.0.iter_mut().find(|(known, ..)| known == name) {
            Some((.., rounds)) => rounds.push(value),
            None => self.0.push((name.to_owned(), unit, aim, vec![value])),
        }
    }

    /// All of them; those that should reach something come first.
    pub(crate) fn finish(self) -> Vec<Figure> {
        let figure =
            |(name, unit, aim, rounds): (String, _, _, _)| Figure::new(&name, unit, aim, rounds);
        let mut all: Vec<Figure> = self.0.into_iter().map(figure).collect();
        all.sort_by_key(|figure| figure.goal.is_none());
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_or_less_is_better() {
        let verdicts = |aim, medians: [f64; 3]| {
            medians.map(|median| Figure::new("a", "", aim, vec![median]).verdict)
        };
        let more = Aim::AtLeast { goal: 0.75, floor: 0.45 };
        assert_eq!(verdicts(more, [0.8, 0.5, 0.4]), ["goal", "floor", "BELOW"]);
        let less = Aim::AtMost { goal: 1.6, floor: 2.5 };
        assert_eq!(verdicts(less, [1.5, 2.0, 3.0]), ["goal", "floor", "BELOW"]);
        assert_eq!(verdicts(Aim::AtMostGoal(5.0), [4.0, 5.0, 6.0]), ["goal", "goal", "short"]);
        assert_eq!(verdicts(Aim::AtLeastGoal(0.8), [0.9, 0.8, 0.7]), ["goal", "goal", "short"]);
        assert_eq!(verdicts(more, [f64::NAN; 3]), ["BELOW"; 3], "nothing measured reaches nothing");
    }

    #[test]
    fn rounds_of_one_name_are_one_figure() {
        let mut figures = Figures::default();
        figures.push("rate", "1/s", Aim::Told, 5.0);
        figures.push("share", "x", Aim::AtLeastGoal(0.5), 0.6);
        figures.push("rate", "1/s", Aim::Told, 3.0);
        let all = figures.finish();
        assert_eq!((all[0].name.as_str(), all[1].name.as_str()), ("share", "rate"));
        assert_eq!((all[1].min, all[1].max, all[1].rounds.len()), (3.0, 5.0, 2));
    }
}
