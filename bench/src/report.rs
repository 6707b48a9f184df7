//! What was measured, for people and for programs: a table, a file, plots.

use crate::figures::Figure;
use crate::machine::Machine;
use crate::plot;
use serde::Serialize;
use std::fs;
use std::io;
use std::path::Path;

/// Everything of one run.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) form: &'static str,
    pub(crate) version: &'static str,
    pub(crate) machine: Machine,
    /// Accepted bids that were found in the log with version and amount; all of them.
    pub(crate) bids_compared: usize,
    pub(crate) figures: Vec<Figure>,
}

impl Report {
    pub(crate) fn print(&self) {
        table(&self.figures, self.bids_compared);
    }

    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let text = serde_json::to_string_pretty(self)?;
        fs::write(folder.join(format!("{}.json", self.form)), text + "\n")?;
        let ending_in = |ending: &str| -> Vec<&Figure> {
            self.figures.iter().filter(|figure| figure.name.ends_with(ending)).collect()
        };
        let plots = [
            ("throughput", "Answers per second", ": rate"),
            ("latency", "p99 in microseconds, closed loop", ": p99"),
            ("processor", "Server processor microseconds per answer", ": cpu"),
        ];
        for (name, title, ending) in plots {
            let plot = plot::bars(title, &ending_in(ending), ending);
            fs::write(folder.join(format!("{}-{name}.svg", self.form)), plot)?;
        }
        println!("written to {}", folder.display());
        Ok(())
    }
}

/// The figures for people, and how many bids were compared.
pub(crate) fn table(figures: &[Figure], compared: usize) {
    println!();
    println!("{:<54} {:>10} {:>22}  {:>7} {:>7}", "", "median", "min .. max", "floor", "goal");
    for figure in figures {
        let range = format!("{} .. {}", short(figure.min), short(figure.max));
        let bound = |bound: Option<f64>| bound.map(short).unwrap_or_default();
        println!(
            "{:<54} {:>10} {range:>22}  {:>7} {:>7} {} {}",
            figure.name,
            short(figure.median),
            bound(figure.floor),
            bound(figure.goal),
            figure.unit,
            figure.verdict,
        );
    }
    println!("\nchecked: {compared} accepted bids, each in its auction's log");
}

/// A number as long as it needs to be.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1e6 => format!("{:.2} M", value / 1e6),
        size if size >= 1e4 => format!("{:.1} k", value / 1e3),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
