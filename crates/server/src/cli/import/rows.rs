//! Rows out of CSV or JSON lines, each as the JSON object that the API would take. Knows which
//! columns hold numbers; refuses to know what any of them means.

use super::plan::Fault;
use crate::cli::output::Failure;
use crate::cli::usage;
use serde_json::{Map, Value};
use std::fs;
use std::path::Path;

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    User,
    Auction,
}

/// A row and where it stands.
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) what: Result<(Kind, Map<String, Value>), Fault>,
}

const USER: [&str; 6] = ["username", "email", "password", "name", "phone", "roles"];
const AUCTION: [&str; 15] = [
    "key",
    "seller",
    "title",
    "description",
    "category",
    "currency",
    "preset",
    "terms",
    "starting_price",
    "reserve",
    "buy_now",
    "starts_at",
    "ends_at",
    "duration_seconds",
    "publish",
];

/// All rows of a file: CSV if its name ends so, else JSON lines.
pub(super) fn read(file: &Path) -> Result<Vec<Row>, Failure> {
    let bytes = fs::read(file).map_err(|error| {
        Failure::usage("file", format!("{}: {error}", file.display()))
            .accept("a file of CSV (.csv) or of JSON lines")
    })?;
    match file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv")) {
        true => csv(file, &bytes),
        false => Ok(json_lines(&bytes)),
    }
}

fn json_lines(bytes: &[u8]) -> Vec<Row> {
    let lines = (1..).zip(bytes.split(|byte| *byte == b'\n'));
    let filled = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    filled.map(|(line, text)| Row { line, what: object(text) }).collect()
}

fn object(text: &[u8]) -> Result<(Kind, Map<String, Value>), Fault> {
    let mut fields: Map<String, Value> =
        crate::http::body::parse(text).map_err(|problem| Fault::of(&problem))?;
    let kind = fields.remove("kind");
    match kind.as_ref().and_then(Value::as_str) {
        Some("user") => Ok((Kind::User, fields)),
        Some("auction") => Ok((Kind::Auction, fields)),
        Some(_) | None => Err(Fault::new("kind", "\"user\" or \"auction\"")),
    }
}

fn csv(file: &Path, bytes: &[u8]) -> Result<Vec<Row>, Failure> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let wrong = |what: String| {
        usage(format!("{}, line 1: {what}", file.display()))
            .accept(format!("for users: {}", USER.join(",")))
            .accept(format!("for auctions: {}", AUCTION.join(",")))
    };
    let headings = reader.headers().map_err(|error| wrong(error.to_string()))?.clone();
    let has = |name: &str| headings.iter().any(|heading| heading == name);
    let (kind, known) = match (has("username"), has("key")) {
        (true, false) => (Kind::User, &USER[..]),
        (false, true) => (Kind::Auction, &AUCTION[..]),
        (true, true) | (false, false) => {
            return Err(wrong("the heading has either `username` or `key`".to_owned()));
        }
    };
    if let Some(odd) = headings.iter().find(|heading| !known.contains(heading)) {
        return Err(wrong(format!("unknown column `{odd}`")));
    }
    let mut rows = Vec::new();
    let mut open = !bytes.ends_with(b"\n");
    for record in reader.records() {
        let (line, what) = match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                open |= record.iter().next_back().is_some_and(|cell| within(cell, bytes));
                (line, cells(&headings, &record).map(|fields| (kind, fields)))
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                (line, Err(Fault::new("row", "text in UTF-8, quoted as CSV is")))
            }
        };
        rows.push(Row { line, what });
    }
    match rows.last_mut().filter(|_| open) {
        Some(Row { what, .. }) if what.is_ok() => *what = Err(Fault::new("row", UNENDED)),
        Some(_) => {}
        None if open => return Err(wrong(UNENDED.to_owned())),
        None => {}
    }
    Ok(rows)
}

/// Of a cell that was cut short nobody can tell.
const UNENDED: &str = "the file does not end with the end of a line: its last row may be cut short";

/// Whether a file ends within this cell: after a line of it, and before its closing quote.
fn within(cell: &str, file: &[u8]) -> bool {
    let closed = [&b"\"\n"[..], b"\"\r\n"].iter().any(|end| file.ends_with(end));
    cell.ends_with('\n') && !closed && file.ends_with(cell.as_bytes())
}

/// The cells that are not empty.
fn cells(
    headings: &csv::StringRecord,
    record: &csv::StringRecord,
) -> Result<Map<String, Value>, Fault> {
    if record.len() != headings.len() {
        let what =
            format!("{} cells, as the heading has; here are {}", headings.len(), record.len());
        return Err(Fault::new("row", &what));
    }
    let mut fields = Map::new();
    for (name, cell) in headings.iter().zip(record).filter(|(_, cell)| !cell.is_empty()) {
        let value = match name {
            "starting_price" | "reserve" | "buy_now" | "duration_seconds" => {
                let plain = cell.parse::<u64>().ok().map(Value::from);
                plain
                    .ok_or_else(|| Fault::new(name, "a whole number, in minor units or seconds"))?
            }
            "publish" => {
                let word = cell.parse::<bool>().ok().map(Value::from);
                word.ok_or_else(|| Fault::new(name, "true or false"))?
            }
            "roles" => cell.split_whitespace().map(Value::from).collect(),
            "terms" => serde_json::from_str(cell).map_err(|_| {
                Fault::new(name, "an object in JSON, as `POST /v1/auctions` has it")
            })?,
            _ => Value::from(cell), // not ours: a name of a column
        };
        fields.insert(name.to_owned(), value);
    }
    Ok(fields)
}
