//! Reads recorded auctions out of CSV, one at a time, with exact integers only. Names what is
//! wrong by its line. Knows no rules.

use crate::cli::output::Failure;
use csv::ByteRecord;
use gavel_auction::ids::UserId;
use gavel_auction::money::Amount;
use gavel_auction::time::{SECOND, Time};
use std::collections::{HashMap, HashSet};
use std::io::Read;

/// One recorded auction.
pub(super) struct Recorded {
    /// Its name in the file.
    pub(super) name: String,
    /// What was sold, if the file says so.
    pub(super) item: String,
    /// The line of its first bid.
    pub(super) line: u64,
    /// How long it ran.
    pub(super) seconds: u32,
    /// Its starting price.
    pub(super) open: Amount,
    /// Its recorded closing price.
    pub(super) price: Amount,
    /// Its bids by their times, bids of one time as the file has them.
    pub(super) bids: Vec<RecordedBid>,
    /// The names of its bidders: user n is at n - 1.
    pub(super) bidders: Vec<String>,
}

/// One recorded bid.
#[derive(Clone, Copy)]
pub(super) struct RecordedBid {
    pub(super) at: Time,
    pub(super) bidder: UserId,
    pub(super) amount: Amount,
}

impl Recorded {
    /// The bidder's name in the file.
    pub(super) fn bidder(&self, user: UserId) -> &str {
        let place = usize::try_from(user.get() - 1).ok();
        place.and_then(|place| self.bidders.get(place)).map_or("?", String::as_str)
    }
}

/// The columns that must be there, and the one that may.
const COLUMNS: [&str; 8] =
    ["auction", "item", "days", "open_cents", "price_cents", "seconds", "bidder", "amount_cents"];
const ITEM: usize = 1;
const OPTIONAL: [usize; 1] = [ITEM];

/// The recorded auctions of a file.
pub(super) struct Records<R> {
    reader: csv::Reader<R>,
    /// Where each of [`COLUMNS`] stands in a row.
    places: [Option<usize>; COLUMNS.len()],
    row: ByteRecord,
    /// Whether `row` is the first of an auction that has not been handed out.
    ahead: bool,
    seen: HashSet<String>,
    slips: Slips,
}

/// Rows that say of their auction what its first row does not.
#[derive(Default)]
pub(super) struct Slips {
    /// How many there are.
    pub(super) count: u64,
    /// The first of them, by line.
    pub(super) told: Vec<String>,
}

impl Slips {
    const TOLD: usize = 5;
}

impl<R: Read> Records<R> {
    /// Reads the heading.
    pub(super) fn new(source: R) -> Result<Self, Failure> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(source);
        let heading = reader.byte_headers().map_err(|error| unreadable(&error))?.clone();
        let mut places = [None; COLUMNS.len()];
        for (at, name) in heading.iter().enumerate() {
            // A byte order mark before the first name is nobody's fault.
            let name = name.strip_prefix(b"\xef\xbb\xbf").unwrap_or(name);
            let known = COLUMNS.iter().position(|column| column.as_bytes() == name);
            let told = || String::from_utf8_lossy(name).into_owned();
            let Some(place) = known.and_then(|known| places.get_mut(known)) else {
                return Err(wrong_heading(&format!("there is an unknown column `{}`", told())));
            };
            if place.replace(at).is_some() {
                return Err(wrong_heading(&format!("there are two columns `{}`", told())));
            }
        }
        for (known, (place, column)) in places.iter().zip(COLUMNS).enumerate() {
            if place.is_none() && !OPTIONAL.contains(&known) {
                return Err(wrong_heading(&format!("there is no column `{column}`")));
            }
        }
        let (row, seen) = (ByteRecord::new(), HashSet::new());
        Ok(Self { reader, places, row, ahead: false, seen, slips: Slips::default() })
    }

    /// Where the file contradicts itself, so far.
    pub(super) const fn slips(&self) -> &Slips {
        &self.slips
    }

    /// How far it has read, in bytes.
    pub(super) fn bytes_read(&self) -> u64 {
        self.reader.position().byte()
    }

    /// The next auction of the file, whole.
    pub(super) fn next_auction(&mut self) -> Result<Option<Recorded>, Failure> {
        if !self.ahead && !self.read()? {
            return Ok(None);
        }
        let mut recorded = self.begin()?;
        let mut users = HashMap::new();
        loop {
            self.add_bid(&mut recorded, &mut users)?;
            self.ahead = self.read()?;
            if !self.ahead || self.field(0) != recorded.name.as_bytes() {
                break;
            }
            self.compare(&recorded)?;
        }
        recorded.bids.sort_by_key(|bid| bid.at);
        Ok(Some(recorded))
    }

    fn read(&mut self) -> Result<bool, Failure> {
        self.reader.read_byte_record(&mut self.row).map_err(|error| unreadable(&error))
    }

    fn begin(&mut self) -> Result<Recorded, Failure> {
        let name = self.text(0)?;
        if name.is_empty() {
            return Err(self.wrong(0, "the name or number of an auction"));
        }
        if !self.seen.insert(name.clone()) {
            let line = self.line();
            let detail = format!("line {line}: auction {name} has rows further up already");
            return Err(Failure::usage("bad_file", detail)
                .accept("the rows of an auction one after another, such as `sort -t, -k1,1n -s`"));
        }
        Ok(Recorded {
            item: self.text(ITEM)?,
            line: self.line(),
            seconds: self.seconds()?,
            open: self.amount(3)?,
            price: self.amount(4)?,
            bids: Vec::new(),
            bidders: Vec::new(),
            name,
        })
    }

    /// What a row says of its auction should be what the first one said. Real records slip here;
    /// the first row counts, and the report tells of the others.
    fn compare(&mut self, recorded: &Recorded) -> Result<(), Failure> {
        let differs = if self.field(ITEM) != recorded.item.as_bytes() {
            Some(ITEM)
        } else if self.seconds()? != recorded.seconds {
            Some(2)
        } else if self.amount(3)? != recorded.open {
            Some(3)
        } else if self.amount(4)? != recorded.price {
            Some(4)
        } else {
            None
        };
        if let Some(column) = differs {
            let name = COLUMNS.get(column).copied().unwrap_or_default();
            let found = String::from_utf8_lossy(self.field(column)).into_owned();
            let (line, first) = (self.line(), recorded.line);
            let told = format!("line {line}: {name} is {found}, unlike in line {first}");
            self.slips.count += 1;
            if self.slips.told.len() < Slips::TOLD {
                self.slips.told.push(told);
            }
        }
        Ok(())
    }

    fn seconds(&self) -> Result<u32, Failure> {
        let days = "days above 0 and up to 366, such as 7 or 0.5, in whole seconds";
        let micros = decimal(self.field(2)).and_then(|micros| micros.checked_mul(86_400));
        let seconds = micros.filter(|micros| micros % SECOND == 0).map(|micros| micros / SECOND);
        let seconds = seconds.and_then(|seconds| u32::try_from(seconds).ok());
        let seconds = seconds.filter(|seconds| (1..=366 * 86_400).contains(seconds));
        seconds.ok_or_else(|| self.wrong(2, days))
    }

    fn add_bid(
        &self,
        recorded: &mut Recorded,
        users: &mut HashMap<Vec<u8>, UserId>,
    ) -> Result<(), Failure> {
        let form = "seconds since the auction's start, 0 or more, with at most six decimals";
        let micros = decimal(self.field(5)).ok_or_else(|| self.wrong(5, form))?;
        let name = self.field(6);
        let bidder = match users.get(name) {
            Some(user) => *user,
            None if name.is_empty() => {
                return Err(self.wrong(6, "the name or number of a bidder"));
            }
            None => {
                recorded.bidders.push(self.text(6)?);
                let user = i64::try_from(recorded.bidders.len()).ok().and_then(UserId::new);
                let user = user.ok_or_else(|| self.wrong(6, "fewer bidders"))?;
                users.insert(name.to_owned(), user);
                user
            }
        };
        let amount = self.amount(7)?;
        recorded.bids.push(RecordedBid { at: Time(micros), bidder, amount });
        Ok(())
    }

    fn field(&self, column: usize) -> &[u8] {
        let place = self.places.get(column).copied().flatten();
        place.and_then(|place| self.row.get(place)).unwrap_or_default()
    }

    fn text(&self, column: usize) -> Result<String, Failure> {
        let text = std::str::from_utf8(self.field(column));
        text.map(str::to_owned).map_err(|_| self.wrong(column, "UTF-8"))
    }

    fn amount(&self, column: usize) -> Result<Amount, Failure> {
        let digits = self.field(column);
        let minor = integer(digits).and_then(Amount::new);
        minor.ok_or_else(|| self.wrong(column, "a whole number of minor units, 1 to 2^53 - 1"))
    }

    fn line(&self) -> u64 {
        self.row.position().map_or(0, csv::Position::line)
    }

    fn wrong(&self, column: usize, accepted: &str) -> Failure {
        let name = COLUMNS.get(column).copied().unwrap_or_default();
        let found = String::from_utf8_lossy(self.field(column)).into_owned();
        let detail = format!("line {}: {name} is `{found}`", self.line());
        Failure::usage("bad_file", detail).accept(accepted)
    }
}

fn wrong_heading(what: &str) -> Failure {
    Failure::usage("bad_file", format!("line 1: {what}"))
        .accept("auction,item,days,open_cents,price_cents,seconds,bidder,amount_cents")
}

fn unreadable(error: &csv::Error) -> Failure {
    let line = error.position().map(|position| format!("line {}: ", position.line()));
    let what = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} fields, and the heading has {expected_len}")
        }
        _ => error.to_string(),
    };
    Failure::usage("bad_file", format!("{}{what}", line.unwrap_or_default()))
        .accept("CSV with as many fields in each row as in the heading")
}

/// Digits only, as an integer.
fn integer(digits: &[u8]) -> Option<i64> {
    let all = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    all.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}

/// A decimal number in millionths, exactly; none if it is signed, finer than that, or too large.
fn decimal(text: &[u8]) -> Option<i64> {
    let mut parts = text.splitn(2, |byte| *byte == b'.');
    let whole = integer(parts.next()?)?;
    let fraction = match parts.next() {
        None => 0,
        Some(digits) => {
            let kept = digits.get(..digits.len().min(6))?;
            let finer = digits.get(kept.len()..)?.iter().any(|digit| *digit != b'0');
            let scale = 10_i64.pow(u32::try_from(6 - kept.len()).ok()?);
            let fraction = integer(kept)? * scale;
            (!finer).then_some(fraction)?
        }
    };
    // Days are multiplied by 86,400 afterwards; what is too large then is refused there.
    whole.checked_mul(SECOND)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        let read = |text: &str| decimal(text.as_bytes());
        assert_eq!(read("192754.0"), Some(192_754_000_000));
        assert_eq!(read("0.1"), Some(100_000));
        assert_eq!(read("0.000001"), Some(1));
        assert_eq!(read("1.5000000"), Some(1_500_000));
        let refused =
            ["", ".", "1.", ".5", "-1", "+1", "1e3", "0.0000001", "1,5", "9999999999999", "1.5x"];
        for text in refused {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
