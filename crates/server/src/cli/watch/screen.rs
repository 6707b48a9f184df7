//! What `gavel watch` shows: a block that is drawn again and again in a terminal, a line an event
//! where there is none, the events themselves for machines. Judges nothing: it shows what the
//! house says, and how old that is.

use crate::cli::bid::currency_of;
use crate::cli::client::messages::Message;
use crate::cli::client::room::Said;
use crate::cli::output::{Output, bad, good, money, strong};
use console::{Style, Term};
use gavel_auction::money::Currency;
use serde_json::Value;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::time::Duration;
use tokio::time::Instant;

/// Events that stay on the screen.
const PAST: usize = 10;

/// How often what has not changed is asked for again at least.
const OLD: Duration = Duration::from_secs(30);

/// A house that has not said anything for so long may be gone: it is asked every five seconds.
const SILENT: Duration = Duration::from_secs(8);

/// What people say that stays on the screen.
const TALK: usize = 5;

/// What an update of the live room leaves out where there is none.
const SOMETIMES: [&str; 9] = [
    "buy_now",
    "maximum_next",
    "minimum_next",
    "next_drop_at",
    "outcome",
    "paddles",
    "reserve_met",
    "total_to_pay",
    "you",
];

/// Where it is shown.
enum Surface {
    Json,
    Lines,
    Terminal(Term),
}

/// What is shown.
pub(super) struct Screen {
    surface: Surface,
    view: Value,
    /// When that came.
    seen: Instant,
    /// Whether something has happened since.
    dirty: bool,
    past: VecDeque<String>,
    /// Since when the house is away.
    away: Option<Instant>,
    /// When the house last said something in the live room, while we are there.
    heard: Option<Instant>,
    /// How many watch.
    watching: Option<i64>,
    talk: VecDeque<String>,
    clock: Clock,
    drawn: usize,
}

impl Screen {
    pub(super) fn new(out: Output) -> Self {
        let terminal = Term::stdout();
        let surface = if out.is_json() {
            Surface::Json
        } else if terminal.is_term() {
            Surface::Terminal(terminal)
        } else {
            Surface::Lines
        };
        let (view, past) = (Value::Null, VecDeque::new());
        let seen = Instant::now();
        let (heard, watching, talk, clock) = (None, None, VecDeque::new(), Clock::default());
        let (dirty, away, drawn) = (false, None, 0);
        Self { surface, view, seen, dirty, past, away, heard, watching, talk, clock, drawn }
    }

    /// Whether people look at it, not a program.
    pub(super) const fn is_for_people(&self) -> bool {
        !matches!(self.surface, Surface::Json)
    }

    /// Something is said in the live room.
    pub(super) fn attend(&mut self, said: &Said) -> io::Result<()> {
        let about = &said.about;
        self.heard = Some(Instant::now());
        if let Some(count) = about.get("participant_count").or(about.get("participants")) {
            self.watching = count.as_i64().or(self.watching);
        }
        match said.event.as_str() {
            "sync" => self.clock.answered(about, said.asked),
            "joined_auction" => {
                let known = self.talk.is_empty();
                let lines = about.get("chat").and_then(Value::as_array);
                for line in lines.filter(|_| known).into_iter().flatten() {
                    self.say(line)?;
                }
                if version(about) >= version(&self.view)
                    && let Some(state) = about.get("state")
                {
                    self.show(state.clone())?;
                }
            }
            "bid_update" => self.take(about),
            // Words, and whether it is certified, are in no update.
            "auction_updated" | "auction_ended" => {
                self.take(about);
                self.dirty = true;
            }
            "clock" if version(about) == version(&self.view) => {
                for name in ["price", "next_drop_at"] {
                    self.view[name] = about[name].clone();
                }
            }
            "chat_message" => self.say(about)?,
            _ => {} // not ours: a word of the house
        }
        Ok(())
    }

    /// The live room is closed to us for now.
    pub(super) fn leave_room(&mut self) {
        (self.heard, self.watching) = (None, None);
        self.clock = Clock::default();
    }

    /// How it stands now; lines tell events instead.
    fn take(&mut self, about: &Value) {
        if !matches!(self.surface, Surface::Terminal(_)) {
            return;
        }
        let (Some(view), Some(about)) = (self.view.as_object_mut(), about.as_object()) else {
            return;
        };
        if version_of(about.get("version")) <= version_of(view.get("version")) {
            return;
        }
        view.retain(|name, _| !SOMETIMES.contains(&name.as_str()));
        view.extend(about.iter().map(|(name, value)| (name.clone(), value.clone())));
        view.insert("price".to_owned(), about.get("high_bid").cloned().unwrap_or_default());
        self.seen = Instant::now();
        self.dirty = false;
    }

    /// Somebody says something.
    fn say(&mut self, line: &Value) -> io::Result<()> {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("?").to_owned();
        let name = text(line.get("user").and_then(|user| user.get("username")));
        let said = text(line.get("message")).replace(char::is_control, " ");
        let line = format!("{}: {said}", strong(&name));
        if matches!(self.surface, Surface::Lines) {
            writeln!(io::stdout(), "{line}")?;
        }
        self.talk.push_front(line);
        self.talk.truncate(TALK);
        Ok(())
    }

    /// The auction as the house shows it now.
    pub(super) fn show(&mut self, view: Value) -> io::Result<()> {
        let first = self.view.is_null();
        let ended = view.get("outcome").is_some() && self.view.get("outcome").is_none();
        self.view = view;
        self.seen = Instant::now();
        self.dirty = false;
        if matches!(self.surface, Surface::Lines) && (first || ended) {
            let block = self.head();
            block.iter().try_for_each(|line| writeln!(io::stdout(), "{line}"))?;
        }
        self.draw()
    }

    /// An event.
    pub(super) fn hear(&mut self, message: &Message) -> io::Result<()> {
        if message.data.is_empty() {
            return Ok(());
        }
        // In the live room it was said how it stands.
        self.dirty |= self.heard.is_none();
        let data: Value = serde_json::from_str(&message.data).unwrap_or_default();
        let Some(event) = data.get("event") else { return Ok(()) };
        match self.surface {
            Surface::Json => writeln!(io::stdout(), "{}", message.data),
            Surface::Lines => writeln!(io::stdout(), "{}", sentence(event, self.currency())),
            Surface::Terminal(_) => {
                self.past.push_front(sentence(event, self.currency()));
                self.past.truncate(PAST);
                Ok(())
            }
        }
    }

    /// The house is there again.
    pub(super) fn back(&mut self) {
        if self.away.take().is_some() {
            self.dirty = true;
            self.remark("the house is there again");
        }
    }

    /// The house is away.
    pub(super) fn gone(&mut self) {
        if self.away.is_none() {
            self.away = Some(Instant::now());
            self.remark("the house is away; trying again");
        }
    }

    /// Says something that is no news of the auction.
    fn remark(&self, what: &str) {
        if matches!(self.surface, Surface::Lines) {
            // Whoever reads the lines need not read this.
            let _unread = writeln!(io::stderr(), "{what}");
        }
    }

    /// Whether what is shown may be out of date.
    pub(super) fn wants_view(&self) -> bool {
        let shown = matches!(self.surface, Surface::Terminal(_));
        let drops = self.left("next_drop_at").is_some_and(|micros| micros < 0);
        let due = self.left("effective_end").is_some_and(|micros| micros < 0);
        let rested = self.seen.elapsed() > Duration::from_secs(1);
        let moved = rested && (drops || due);
        shown && self.away.is_none() && (self.dirty || moved || self.seen.elapsed() > OLD)
    }

    /// Draws it, in a terminal.
    pub(super) fn draw(&mut self) -> io::Result<()> {
        let Surface::Terminal(terminal) = &self.surface else { return io::stdout().flush() };
        let mut lines = self.head();
        lines.push(self.pulse());
        lines.extend(self.past.iter().map(|line| format!("  {line}")));
        if !self.talk.is_empty() {
            lines.push(dim("said"));
            lines.extend(self.talk.iter().map(|line| format!("  {line}")));
        }
        let width = usize::from(terminal.size().1);
        let cut = |line: String| console::truncate_str(&line, width, "…").into_owned();
        let lines: Vec<String> = lines.into_iter().map(cut).collect();
        let mut text = String::new();
        if self.drawn == 0 {
            terminal.hide_cursor()?;
        } else {
            terminal.move_cursor_up(self.drawn)?;
        }
        // Each line is written over and cleared behind, so that nothing flickers.
        lines.iter().for_each(|line| text += &format!("{line}\x1b[K\n"));
        text += "\x1b[J";
        self.drawn = lines.len();
        terminal.write_str(&text)?;
        terminal.flush()
    }

    /// Gives the terminal back.
    pub(super) fn leave(&mut self) -> io::Result<()> {
        match &self.surface {
            Surface::Terminal(terminal) => terminal.show_cursor(),
            Surface::Json | Surface::Lines => Ok(()),
        }
    }

    fn currency(&self) -> Option<Currency> {
        currency_of(&self.view).ok()
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.view.get(name).and_then(Value::as_str)
    }

    fn amount(&self, name: &str) -> Option<String> {
        Some(money(self.view.get(name)?.as_i64()?, self.currency()?))
    }

    /// Title, price, end.
    fn head(&self) -> Vec<String> {
        let id = self.view.get("id").and_then(Value::as_i64).unwrap_or_default();
        let title = strong(&format!("{id} {}", self.text("title").unwrap_or_default()));
        let state = self.text("state").unwrap_or_default().replace('_', " ");
        let rules = self.text("preset").unwrap_or_default();
        let mut lines = vec![format!("{title}  {}", dim(&format!("{rules}, {state}")))];
        let number = |name: &str| self.view.get(name).and_then(Value::as_i64);
        let price = self.amount("price").unwrap_or_else(|| "no price yet".to_owned());
        let bids = number("bid_count").map(|bids| match bids {
            1 => "1 bid".to_owned(),
            bids => format!("{bids} bids"),
        });
        let leader = number("leader").map(|paddle| format!("paddle {paddle} leads"));
        let own = self.view.get("you").and_then(|you| you.get("standing")).and_then(Value::as_str);
        let own = own.map(|standing| format!("you: {standing}"));
        let facts: Vec<String> = [bids, leader, own].into_iter().flatten().collect();
        lines.push(format!("  {}  {}", strong(&price), dim(&facts.join(", "))));
        let next = self.amount("minimum_next").map(|next| format!("  next bid {next} or more"));
        let next =
            next.or(self.amount("maximum_next").map(|next| format!("  next bid {next} or less")));
        lines.extend(next);
        lines.push(format!("  {}", self.end()));
        lines
    }

    /// When it ends, or how it ended. Ended it has when the house says so.
    fn end(&self) -> String {
        if let Some(outcome) = self.view.get("outcome") {
            return good(&outcome_of(outcome, self.currency()));
        }
        match (self.text("state"), self.left("effective_end")) {
            (Some("open"), Some(left)) if left > 0 => format!("ends in {}", clock(left)),
            (Some("open"), Some(_)) => "the hammer is falling".to_owned(),
            (Some("open"), None) => match self.left("next_drop_at") {
                Some(left) => format!("drops in {}", clock(left.max(0))),
                None => "open".to_owned(),
            },
            (Some("scheduled"), _) => match self.left("starts_at") {
                Some(left) if left > 0 => format!("opens in {}", clock(left)),
                Some(_) | None => "about to open".to_owned(),
            },
            (state, _) => state.unwrap_or_default().replace('_', " "),
        }
    }

    /// Whether what is shown is live, or how old it is.
    fn pulse(&self) -> String {
        let silent = self.heard.map(|heard| heard.elapsed()).filter(|silent| *silent > SILENT);
        match (self.away, silent, self.watching) {
            (Some(since), _, _) => {
                let seconds = since.elapsed().as_secs();
                bad(&format!("the house is away: this is {seconds} s old; trying again"))
            }
            (None, Some(silent), _) => {
                bad(&format!("the house is silent: this may be {} s old", silent.as_secs()))
            }
            (None, None, Some(1)) => dim("live, nobody else watches"),
            (None, None, Some(watching)) => dim(&format!("live, {watching} watch")),
            (None, None, None) => dim("live"),
        }
    }

    /// Microseconds until an instant of the view, by the house's clock.
    fn left(&self, name: &str) -> Option<i64> {
        let at = self.text(name)?.parse::<jiff::Timestamp>().ok()?;
        if let Some(now) = self.clock.now() {
            return Some(at.as_microsecond() - now);
        }
        let then = self.text("server_time")?.parse::<jiff::Timestamp>().ok()?;
        let passed = i64::try_from(self.seen.elapsed().as_micros()).ok()?;
        Some(at.as_microsecond() - then.as_microsecond() - passed)
    }
}

/// The house's clock, by the shortest round trip of the last ones: never less than it shows there.
#[derive(Default)]
struct Clock {
    /// When each question left, how long its answer took, and what that said.
    trips: VecDeque<(Instant, Duration, i64)>,
}

impl Clock {
    /// Round trips that count.
    const KEPT: usize = 8;

    fn answered(&mut self, about: &Value, asked: Option<Instant>) {
        let stamp = about.get("server_time").and_then(Value::as_str);
        let stamp = stamp.and_then(|stamp| stamp.parse::<jiff::Timestamp>().ok());
        let (Some(stamp), Some(asked)) = (stamp, asked) else { return };
        self.trips.push_front((asked, asked.elapsed(), stamp.as_microsecond()));
        self.trips.truncate(Self::KEPT);
    }

    /// Microseconds by that clock, now.
    fn now(&self) -> Option<i64> {
        let (asked, _, stamp) = self.trips.iter().min_by_key(|(_, took, _)| *took)?;
        Some(stamp + i64::try_from(asked.elapsed().as_micros()).ok()?)
    }
}

fn version(about: &Value) -> u64 {
    version_of(about.get("version"))
}

fn version_of(version: Option<&Value>) -> u64 {
    version.and_then(Value::as_u64).unwrap_or(0)
}

fn dim(text: &str) -> String {
    Style::new().dim().apply_to(text).to_string()
}

/// A length of time as a clock shows it, rounded up: it is zero only when it is over.
fn clock(micros: i64) -> String {
    let seconds = (micros + 999_999) / 1_000_000;
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let (minutes, seconds) = (seconds / 60 % 60, seconds % 60);
    match days {
        0 => format!("{hours:02}:{minutes:02}:{seconds:02}"),
        days => format!("{days} d {hours:02}:{minutes:02}:{seconds:02}"),
    }
}

/// An event in words, with its time.
fn sentence(event: &Value, currency: Option<Currency>) -> String {
    let micros = event.get("at").and_then(Value::as_i64).unwrap_or_default();
    let at = jiff::Timestamp::from_microsecond(micros).unwrap_or_default();
    let data = |name: &str| event.get("data").and_then(|data| data.get(name));
    let told = |name: &str| Some(money(data(name)?.as_i64()?, currency?));
    let paddle = data("paddle").and_then(Value::as_i64).map(|paddle| format!("paddle {paddle}"));
    let kind = event.get("kind").and_then(Value::as_str).unwrap_or_default();
    let what = match kind {
        "bid_placed" => {
            let who = paddle.unwrap_or_else(|| "a sealed bid".to_owned());
            let amount = told("amount").map(|amount| format!(" bids {amount}"));
            let price = told("price").map(|price| format!(" bids, the price is {price}"));
            let moved = data("extended").and_then(Value::as_bool) == Some(true);
            let moved = if moved { ", the end moves" } else { "" };
            format!("{who}{}{moved}", amount.or(price).unwrap_or_default())
        }
        "closed" => {
            let outcome = data("outcome").unwrap_or(&Value::Null);
            format!("closed: {}", outcome_of(outcome, currency))
        }
        "buy_now_taken" | "clock_accepted" => {
            let who = paddle.unwrap_or_default();
            format!("{who} buys at {}", told("amount").unwrap_or_default())
        }
        other => {
            let who = paddle.map(|paddle| format!(": {paddle}")).unwrap_or_default();
            format!("{}{who}", other.replace('_', " "))
        }
    };
    format!("{} {what}", dim(&at.strftime("%H:%M:%S").to_string()))
}

fn outcome_of(outcome: &Value, currency: Option<Currency>) -> String {
    let number = |name: &str| outcome.get(name).and_then(Value::as_i64);
    let word = |name: &str| outcome.get(name).and_then(Value::as_str);
    match (number("winner"), number("hammer_price"), currency) {
        (Some(paddle), Some(price), Some(currency)) => {
            format!("sold to paddle {paddle} for {}", money(price, currency))
        }
        _ => {
            let why = word("reason").map(|why| format!(", {}", why.replace('_', " ")));
            format!("{}{}", word("result").unwrap_or("ended"), why.unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_countdown_is_zero_only_when_it_is_over() {
        assert_eq!(clock(1), "00:00:01");
        assert_eq!(clock(59_000_001), "00:01:00");
        assert_eq!(clock(0), "00:00:00");
        assert_eq!(clock(90_061_000_000), "1 d 01:01:01");
    }

    #[test]
    fn events_are_told_in_words() {
        console::set_colors_enabled(false);
        let euro = Currency::from_code("EUR");
        let told = |kind: &str, data: Value| {
            sentence(&json!({"at": 3_661_000_000_i64, "kind": kind, "data": data}), euro)
        };
        let bid = json!({"paddle": 3, "amount": 12_000, "price": 12_000, "extended": true});
        assert_eq!(told("bid_placed", bid), "01:01:01 paddle 3 bids 120.00 EUR, the end moves");
        let proxy = json!({"paddle": 2, "price": 500});
        assert_eq!(told("bid_placed", proxy), "01:01:01 paddle 2 bids, the price is 5.00 EUR");
        assert_eq!(told("bid_placed", json!({})), "01:01:01 a sealed bid");
        let sold = json!({"outcome": {"result": "sold", "winner": 1, "hammer_price": 700}});
        assert_eq!(told("closed", sold), "01:01:01 closed: sold to paddle 1 for 7.00 EUR");
        let passed = json!({"outcome": {"result": "passed", "reason": "no_bids"}});
        assert_eq!(told("closed", passed), "01:01:01 closed: passed, no bids");
        assert_eq!(
            told("bidder_registered", json!({"paddle": 4})),
            "01:01:01 bidder registered: paddle 4"
        );
    }
}
