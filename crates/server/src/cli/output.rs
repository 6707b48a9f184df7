//! What commands say and how they end: tables and sentences for people, JSON for machines, one
//! exit code for each kind of end. Refuses to know what any command does.

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, TableComponent};
use console::{Style, Term};
use gavel_auction::money::Currency;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use std::io::{self, Write};

/// How a command ended that did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It was refused, or could not be done; nothing has changed.
    Refused = 1,
    /// The command line, or a file, makes no sense.
    Usage = 2,
    /// Nobody knows whether it was done.
    Unknown = 3,
}

/// The code of the end of a command that nobody listens to any more.
pub const CLOSED: &str = "closed_pipe";

/// Why a command did not do what was asked: a code for machines, what was wrong, what would be
/// accepted.
#[derive(Clone, Debug)]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// A stable word.
    pub code: String,
    /// What was wrong.
    pub detail: String,
    /// What would be accepted, line by line.
    pub accepted: Vec<String>,
    /// Facts for machines, beside the three above.
    pub facts: Option<Value>,
}

impl Failure {
    fn new(exit: Exit, code: &str, detail: impl Into<String>) -> Self {
        let (code, detail) = (code.to_owned(), detail.into());
        Self { exit, code, detail, accepted: Vec::new(), facts: None }
    }

    /// It was refused.
    pub fn refused(code: &str, detail: impl Into<String>) -> Self {
        Self::new(Exit::Refused, code, detail)
    }

    /// What was given makes no sense.
    pub fn usage(code: &str, detail: impl Into<String>) -> Self {
        Self::new(Exit::Usage, code, detail)
    }

    /// Nobody knows.
    pub fn unknown(detail: impl Into<String>) -> Self {
        Self::new(Exit::Unknown, "outcome_unknown", detail)
    }

    /// Says what would be accepted.
    #[must_use]
    pub fn accept(mut self, what: impl Into<String>) -> Self {
        self.accepted.push(what.into());
        self
    }

    /// A file that cannot be read or written.
    pub fn file(path: &std::path::Path, error: &io::Error) -> Self {
        Self::refused("file", format!("{}: {error}", path.display()))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::refused(CLOSED, "nobody reads"),
            _ => Self::refused("output", format!("the output could not be written: {error}")),
        }
    }
}

/// Where a command speaks, and in which of the two languages.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
}

impl Output {
    /// Speaks JSON, or to people.
    #[must_use]
    pub const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether a machine listens.
    #[must_use]
    pub const fn is_json(self) -> bool {
        self.json
    }

    /// One result: `value` for machines, `tell` for people.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn result(
        self,
        value: &Value,
        tell: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        if self.json {
            serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from)?;
            writeln!(out)?;
        } else {
            tell(&mut out)?;
        }
        Ok(out.flush()?)
    }

    /// Tells of a failure, and gives the code to end with.
    #[must_use]
    pub fn failure(self, failure: &Failure) -> u8 {
        // Nothing is left to do when standard error is gone too: the exit code still tells.
        drop(self.tell(failure));
        failure.exit as u8
    }

    fn tell(self, failure: &Failure) -> io::Result<()> {
        let mut err = io::stderr().lock();
        if self.json {
            let Failure { exit, code, detail, accepted, facts } = failure;
            let mut value = facts.clone().unwrap_or_else(|| json!({}));
            if let Some(members) = value.as_object_mut() {
                members.insert("code".to_owned(), json!(code));
                members.insert("detail".to_owned(), json!(detail));
                members.insert("accepted".to_owned(), json!(accepted));
                members.insert("exit".to_owned(), json!(*exit as u8));
            }
            return writeln!(err, "{value}");
        }
        let code = Style::new().for_stderr().red().bold().apply_to(&failure.code);
        writeln!(err, "{code}: {}", failure.detail)?;
        for line in &failure.accepted {
            writeln!(err, "  {} {line}", Style::new().for_stderr().green().apply_to("→"))?;
        }
        Ok(())
    }

    /// A progress bar over `length` bytes, seen only by people at a terminal.
    #[must_use]
    pub fn progress(self, length: u64) -> ProgressBar {
        let shown = !self.json && Term::stderr().is_term();
        let target =
            if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        let template = "{bar:40.cyan/dim} {percent:>3}%  {msg}  {eta} left";
        match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }
}

/// A table with these headings; columns named in `numbers` stand to the right.
#[must_use]
pub fn table(headings: &[&str], numbers: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_style(TableComponent::HeaderLines, '─');
    table.set_style(TableComponent::MiddleHeaderIntersections, '─');
    let heading = |name: &&str| Cell::new(name).add_attribute(comfy_table::Attribute::Bold);
    table.set_header(headings.iter().map(heading));
    for (column, name) in table.column_iter_mut().zip(headings) {
        if numbers.contains(name) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Pairs of a name and a value, the names in one column.
///
/// # Errors
/// If `out` cannot be written.
pub fn facts(out: &mut dyn Write, pairs: &[(&str, String)]) -> io::Result<()> {
    let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, value) in pairs {
        let padded = format!("{name:<width$}");
        writeln!(out, "  {}  {value}", Style::new().dim().apply_to(padded))?;
    }
    Ok(())
}

/// A line that stands out.
#[must_use]
pub fn strong(text: &str) -> String {
    Style::new().bold().apply_to(text).to_string()
}

/// A good end.
#[must_use]
pub fn good(text: &str) -> String {
    Style::new().green().apply_to(text).to_string()
}

/// A bad end.
#[must_use]
pub fn bad(text: &str) -> String {
    Style::new().red().bold().apply_to(text).to_string()
}

/// Minor units as major units with their currency, such as `130.00 EUR`.
#[must_use]
pub fn money(minor: i64, currency: Currency) -> String {
    format!("{} {currency}", major(minor.into(), currency))
}

/// Minor units as major units, whatever their sign.
#[must_use]
pub fn major(minor: i128, currency: Currency) -> String {
    let digits = currency.exponent();
    let sign = if minor < 0 { "-" } else { "" };
    let minor = minor.unsigned_abs();
    if digits == 0 {
        return format!("{sign}{minor}");
    }
    let unit = 10_u128.pow(digits);
    let width = digits as usize;
    format!("{sign}{}.{:0width$}", minor / unit, minor % unit)
}

/// A whole number with its thousands apart, such as `7,870`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// An instant by its distance from `now`, and by itself: `in 2 h 5 min (2026-11-21 10:45:00 UTC)`.
/// Both come from the server, so that this machine's clock does not matter.
#[must_use]
pub fn instant(at: &str, now: Option<&str>) -> String {
    let Ok(at) = at.parse::<jiff::Timestamp>() else { return at.to_owned() };
    let absolute = at.strftime("%Y-%m-%d %H:%M:%S UTC");
    match now.and_then(|now| now.parse::<jiff::Timestamp>().ok()) {
        None => absolute.to_string(),
        Some(now) => {
            let seconds = (at.as_microsecond() - now.as_microsecond()) / 1_000_000;
            format!("{} ({absolute})", distance(seconds))
        }
    }
}

/// An instant of the log by the calendar, to the microsecond where it has any.
#[must_use]
pub fn instant_of(at: gavel_auction::time::Time) -> String {
    match jiff::Timestamp::from_microsecond(at.0) {
        Ok(at) => at.strftime("%Y-%m-%d %H:%M:%S%.f UTC").to_string(),
        Err(_) => format!("{} microseconds after 1970", at.0),
    }
}

fn distance(seconds: i64) -> String {
    match seconds {
        0 => "now".to_owned(),
        1.. => format!("in {}", length(seconds.unsigned_abs())),
        ..0 => format!("{} ago", length(seconds.unsigned_abs())),
    }
}

/// A length of time in its two largest units.
#[must_use]
pub fn length(seconds: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (name, size) in UNITS {
        let whole = rest / size;
        rest %= size;
        if whole > 0 && parts.len() < 2 {
            parts.push(format!("{whole} {name}"));
        }
    }
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_exact_at_both_ends() {
        let currency = |code| Currency::from_code(code).unwrap();
        assert_eq!(money(13_000, currency("EUR")), "130.00 EUR");
        assert_eq!(money(-5, currency("EUR")), "-0.05 EUR");
        assert_eq!(money(i64::MIN, currency("JPY")), "-9223372036854775808 JPY");
        assert_eq!(money(0, currency("KWD")), "0.000 KWD");
    }

    #[test]
    fn times_are_told_in_two_units_and_by_the_calendar() {
        let now = Some("2026-11-21T08:40:00Z");
        let told = |at| instant(at, now);
        assert_eq!(told("2026-11-21T10:45:09.5Z"), "in 2 h 5 min (2026-11-21 10:45:09 UTC)");
        assert_eq!(told("2026-11-20T08:39:59Z"), "1 d 1 s ago (2026-11-20 08:39:59 UTC)");
        assert_eq!(told("2026-11-21T08:40:00Z"), "now (2026-11-21 08:40:00 UTC)");
        assert_eq!(instant("soon", None), "soon");
    }

    #[test]
    fn thousands_stand_apart() {
        let told: Vec<_> = [0, 999, 7_870, 1_000_000].into_iter().map(count).collect();
        assert_eq!(told, ["0", "999", "7,870", "1,000,000"]);
    }
}
