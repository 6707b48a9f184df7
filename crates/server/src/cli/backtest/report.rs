//! What a backtest found: counts, sums, and the auctions that came out otherwise. Judges nothing.

use super::Question;
use super::record::{Recorded, Slips};
use super::trial::Verdict;
use crate::cli::output::{Failure, Output, count, facts, good, major, strong, table};
use gavel_auction::money::Currency;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Everything counted so far.
pub(super) struct Tally {
    limit: usize,
    auctions: u64,
    bids: u64,
    leaders: u64,
    prices: u64,
    sold: u64,
    extended: u64,
    refused: BTreeMap<&'static str, u64>,
    recorded_total: i128,
    total: i128,
    different: u64,
    differences: Vec<Difference>,
}

/// An auction that came out otherwise than the record says.
struct Difference {
    auction: String,
    item: String,
    line: u64,
    bids: usize,
    refused: usize,
    recorded_leader: Option<String>,
    leader: Option<String>,
    recorded_price: i64,
    price: Option<i64>,
    sold: bool,
}

impl Tally {
    /// Keeps at most `limit` differences to show.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            auctions: 0,
            bids: 0,
            leaders: 0,
            prices: 0,
            sold: 0,
            extended: 0,
            refused: BTreeMap::new(),
            recorded_total: 0,
            total: 0,
            different: 0,
            differences: Vec::new(),
        }
    }

    /// How far it is, in words.
    pub(super) fn progress(&self) -> String {
        format!("{} auctions", count(self.auctions))
    }

    /// Counts one auction.
    pub(super) fn count(&mut self, recorded: &Recorded, verdict: Verdict) {
        self.auctions += 1;
        self.bids += recorded.bids.len() as u64;
        self.sold += u64::from(verdict.sold);
        self.extended += u64::from(verdict.extended);
        for code in &verdict.refused {
            *self.refused.entry(code).or_default() += 1;
        }
        let recorded_price = recorded.price.minor();
        self.recorded_total += i128::from(recorded_price);
        let hammer = verdict.price.filter(|_| verdict.sold);
        self.total += i128::from(hammer.unwrap_or(0));
        let same_leader = verdict.leader == verdict.recorded_leader;
        let same_price = verdict.price == Some(recorded_price);
        self.leaders += u64::from(same_leader);
        self.prices += u64::from(same_price);
        if same_leader && same_price {
            return;
        }
        self.different += 1;
        if self.differences.len() < self.limit {
            let named = |user| recorded.bidder(user).to_owned();
            self.differences.push(Difference {
                auction: recorded.name.clone(),
                item: recorded.item.clone(),
                line: recorded.line,
                bids: recorded.bids.len(),
                refused: verdict.refused.len(),
                recorded_leader: verdict.recorded_leader.map(named),
                leader: verdict.leader.map(named),
                recorded_price,
                price: verdict.price,
                sold: verdict.sold,
            });
        }
    }

    /// Says all of it.
    pub(super) fn report(
        &self,
        question: &Question<'_>,
        slips: &Slips,
        out: Output,
    ) -> Result<(), Failure> {
        if self.auctions == 0 {
            return Err(Failure::usage("bad_file", "line 2: there are no bids")
                .accept("at least one row below the heading"));
        }
        out.result(&self.json(question, slips), |out| {
            self.tell(question, out)?;
            tell_slips(slips, out)
        })
    }

    fn json(&self, question: &Question<'_>, slips: &Slips) -> Value {
        let refused: u64 = self.refused.values().sum();
        json!({
            "file": question.file,
            "preset": question.preset.name(),
            "terms": question.terms,
            "currency": question.currency.code(),
            "auctions": self.auctions,
            "sold": self.sold,
            "bids": self.bids,
            "accepted": self.bids - refused,
            "refused": self.refused,
            "extended": self.extended,
            "leaders": {"same": self.leaders, "of": self.auctions},
            "prices": {"same": self.prices, "of": self.auctions},
            "recorded_total": self.recorded_total.to_string(),
            "total": self.total.to_string(),
            "contradictions": slips.count,
            "different": self.different,
            "differences": self.differences.iter().map(Difference::json).collect::<Vec<_>>(),
        })
    }

    fn tell(&self, question: &Question<'_>, out: &mut dyn Write) -> io::Result<()> {
        let Question { file, preset, terms, currency } = question;
        let changes: Vec<_> = terms.iter().map(|(slot, value)| format!("{slot}={value}")).collect();
        let with = if changes.is_empty() { "" } else { " with " };
        let heading = strong(&format!("{file} under {}", preset.name()));
        writeln!(out, "{heading}{with}{}", changes.join(" "))?;
        let refused: u64 = self.refused.values().sum();
        let codes: Vec<_> =
            self.refused.iter().map(|(code, times)| format!("{} {code}", count(*times))).collect();
        let of = |same: u64, what: &str| {
            let told = format!("{} of {} {what}", count(same), count(self.auctions));
            if same == self.auctions { good(&told) } else { told }
        };
        let refusals = match codes.is_empty() {
            true => "none refused".to_owned(),
            false => format!("{} refused: {}", count(refused), codes.join(", ")),
        };
        let change = self.total - self.recorded_total;
        let total = format!(
            "{} {currency} (recorded {}, {}{}, {})",
            major(self.total, *currency),
            major(self.recorded_total, *currency),
            if change < 0 { "" } else { "+" },
            major(change, *currency),
            percent(change, self.recorded_total),
        );
        let sold = format!("{} ({} sold)", count(self.auctions), count(self.sold));
        let pairs = [
            ("auctions", sold),
            ("bids", format!("{} ({refusals})", count(self.bids))),
            ("leaders", of(self.leaders, "as recorded")),
            ("prices", of(self.prices, "as recorded, to the minor unit")),
            ("extended", count(self.extended)),
            ("hammer prices", total),
        ];
        facts(out, &pairs)?;
        self.tell_differences(*currency, out)
    }

    fn tell_differences(&self, currency: Currency, out: &mut dyn Write) -> io::Result<()> {
        if self.different == 0 {
            return writeln!(out, "\nNothing came out otherwise than the record says.");
        }
        let heading = format!("{} came out otherwise", count(self.different));
        writeln!(out, "\n{}", strong(&heading))?;
        if !self.differences.is_empty() {
            let headings = [
                "auction",
                "item",
                "bids",
                "refused",
                "leader then",
                "leader now",
                "price then",
                "price now",
                "change",
            ];
            let texts = ["auction", "item", "leader then", "leader now"];
            let numbers: Vec<_> =
                headings.into_iter().filter(|heading| !texts.contains(heading)).collect();
            let mut table = table(&headings, &numbers);
            for difference in &self.differences {
                table.add_row(difference.row(currency));
            }
            writeln!(out, "{table}")?;
        }
        let hidden = self.different - self.differences.len() as u64;
        if hidden > 0 {
            let (hidden, all) = (count(hidden), self.different);
            writeln!(out, "and {hidden} more: --differences {all} shows them all")?;
        }
        Ok(())
    }
}

fn tell_slips(slips: &Slips, out: &mut dyn Write) -> io::Result<()> {
    if slips.count == 0 {
        return Ok(());
    }
    writeln!(out, "\nThe file contradicts itself (an auction's first row counts):")?;
    for told in &slips.told {
        writeln!(out, "  {told}")?;
    }
    let more = slips.count - slips.told.len() as u64;
    if more > 0 { writeln!(out, "  and {} more", count(more)) } else { Ok(()) }
}

impl Difference {
    fn json(&self) -> Value {
        json!({
            "auction": self.auction,
            "item": self.item,
            "line": self.line,
            "bids": self.bids,
            "refused": self.refused,
            "recorded_leader": self.recorded_leader,
            "leader": self.leader,
            "recorded_price": self.recorded_price,
            "price": self.price,
            "sold": self.sold,
        })
    }

    fn row(&self, currency: Currency) -> Vec<String> {
        let told = |name: &Option<String>| name.clone().unwrap_or_else(|| "nobody".to_owned());
        let price = self.price.map(|price| major(price.into(), currency));
        let change =
            self.price.map(i128::from).map(|price| price - i128::from(self.recorded_price));
        let same = self.recorded_leader == self.leader;
        let leader = if same { "same".to_owned() } else { told(&self.leader) };
        let leader = if self.sold { leader } else { format!("{leader} (passed)") };
        let change = change.map(|change| match change {
            0 => "same".to_owned(),
            1.. => format!("+{}", major(change, currency)),
            ..0 => major(change, currency),
        });
        vec![
            self.auction.clone(),
            self.item.clone(),
            self.bids.to_string(),
            self.refused.to_string(),
            told(&self.recorded_leader),
            leader,
            major(self.recorded_price.into(), currency),
            price.unwrap_or_default(),
            change.unwrap_or_default(),
        ]
    }
}

/// A share in hundredths of a percent, rounded towards zero.
fn percent(part: i128, whole: i128) -> String {
    let share = part * 10_000 / whole.max(1);
    let sign = if part < 0 { "-" } else { "+" };
    let share = share.unsigned_abs();
    format!("{sign}{}.{:02} %", share / 100, share % 100)
}
