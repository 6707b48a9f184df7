//! Transcripts: requests and the literal replies, in files that people read (`docs/dialects.md`
//! says how they are written), put to a running house.

use super::served::{Reply, Served};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// How often, and how long in all, something is asked that is said to come about.
const PAUSE: Duration = Duration::from_millis(50);
const ASKED: u32 = 400;

/// One request and its reply.
struct Exchange {
    about: String,
    request: Vec<String>,
    reply: Vec<String>,
}

/// What a transcript knows while it runs.
struct Run<'a> {
    house: &'a Served,
    /// What stands before each path.
    at: &'a str,
    now: i64,
    names: BTreeMap<String, String>,
}

/// Runs all transcripts of a directory, in the order of their names; how many exchanges those were.
pub fn run_all(house: &Served, directory: &Path, at: &str) -> usize {
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .expect("transcripts")
        .map(|file| file.expect("a file").path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "http"));
    files.sort();
    assert!(!files.is_empty(), "{}", directory.display());
    files.iter().map(|file| run(house, file, at)).sum()
}

fn run(house: &Served, file: &Path, at: &str) -> usize {
    let now = house.get("/v1/time", None).json()["server_time"].as_str().map(str::parse);
    let now = now.and_then(Result::ok).map(|now: jiff::Timestamp| now.as_second()).expect("a time");
    let mut run = Run { house, at, now, names: BTreeMap::new() };
    let text = std::fs::read_to_string(file).expect("a transcript");
    let exchanges = read(&text);
    for exchange in &exchanges {
        let place = format!("{}: {}", file.display(), exchange.about);
        run.exchange(exchange).unwrap_or_else(|wrong| panic!("{place}\n{wrong}"));
    }
    exchanges.len()
}

/// A transcript is parts that begin with `### words`; in each a request, and from `HTTP/1.1` on, or
/// `=>` after a command, what comes back.
fn read(text: &str) -> Vec<Exchange> {
    let mut all: Vec<Exchange> = Vec::new();
    for part in text.split("\n### ").skip(1) {
        let (about, rest) = part.split_once('\n').expect("a request");
        let lines: Vec<String> = rest.lines().map(str::to_owned).collect();
        let begins = |line: &String| line.starts_with("HTTP/1.1 ") || line == "=>";
        let place = lines.iter().position(begins).unwrap_or_else(|| panic!("no reply: {about}"));
        let (request, reply) = lines.split_at(place);
        let request = request.iter().skip_while(|line| line.is_empty()).cloned().collect();
        all.push(Exchange { about: about.to_owned(), request, reply: reply.to_vec() });
    }
    all
}

impl Run<'_> {
    fn exchange(&mut self, exchange: &Exchange) -> Result<(), String> {
        let first = exchange.request.first().ok_or("no request")?;
        let (eventually, line) = match first.strip_prefix("EVENTUALLY ") {
            Some(line) => (true, line),
            None => (false, first.as_str()),
        };
        let mut tries = if eventually { ASKED } else { 1 };
        loop {
            tries -= 1;
            let names = self.names.clone();
            let outcome = match line.strip_prefix("$ ") {
                Some(command) => self.command(command, &body(&exchange.reply[1..])),
                None => {
                    let reply = self.ask(line, &exchange.request[1..])?;
                    self.fits(&exchange.reply, &reply)
                }
            };
            match outcome {
                Err(_) if tries > 0 => self.names = names,
                result => return result,
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn command(&mut self, command: &str, expected: &str) -> Result<(), String> {
        let gavel = Path::new(env!("CARGO_BIN_EXE_gavel")).parent().expect("its directory");
        let output = Command::new("sh")
            .args(["-e", "-u", "-c", &self.said(command)?])
            .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", gavel.display()))
            .env("GAVEL_URL", format!("http://{}", self.house.address))
            .env("GAVEL_TOKEN", self.house.admin())
            .output()
            .map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            return Err(format!("{said}{}", String::from_utf8_lossy(&output.stderr)));
        }
        self.same(expected, &body(&[said.into_owned()]))
    }

    fn ask(&self, line: &str, rest: &[String]) -> Result<Reply, String> {
        let line = self.said(line)?;
        let (method, path) = line.split_once(' ').ok_or("a method and a path")?;
        let mut headers = String::new();
        let mut lines = rest.iter();
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            write!(headers, "{}\r\n", self.said(line)?).expect("memory");
        }
        let body = self.said(&body(&lines.cloned().collect::<Vec<_>>()))?;
        let path = format!("{}{path}", self.at);
        Ok(self.house.send(method, &path, &headers, body.as_bytes()))
    }

    fn fits(&mut self, expected: &[String], reply: &Reply) -> Result<(), String> {
        let status = expected[0].split(' ').nth(1).expect("a status");
        if reply.status.to_string() != status {
            return Err(format!("{} instead of {status}: {}", reply.status, reply.body));
        }
        let mut lines = expected[1..].iter();
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            let (name, value) = line.split_once(": ").ok_or("a header")?;
            let found = reply.header(name).unwrap_or_default().to_owned();
            self.same(value, &found).map_err(|wrong| format!("{name}: {wrong}"))?;
        }
        self.same(&body(&lines.cloned().collect::<Vec<_>>()), &reply.body)
    }

    /// A text with what is known in place of `{{...}}`.
    fn said(&self, text: &str) -> Result<String, String> {
        let mut said = String::new();
        for (literal, name) in pieces(text) {
            said.push_str(literal);
            if let Some(name) = name {
                said.push_str(&self.value(name).ok_or_else(|| format!("{{{{{name}}}}}"))?);
            }
        }
        Ok(said)
    }

    /// `now+60` are seconds since 1970, `now+60ms` milliseconds; all else has been seen before.
    fn value(&self, name: &str) -> Option<String> {
        let Some(offset) = name.strip_prefix("now") else { return self.names.get(name).cloned() };
        let (offset, unit) = match offset.strip_suffix("ms") {
            Some(offset) => (offset, 1000),
            None => (offset, 1),
        };
        let offset = if offset.is_empty() { 0 } else { offset.parse::<i64>().ok()? };
        Some(((self.now + offset) * unit).to_string())
    }

    /// Whether this is, byte for byte, what was expected; learns what stands for `{{name}}`.
    fn same(&mut self, expected: &str, found: &str) -> Result<(), String> {
        let wrong = || format!("expected {expected}\nfound    {found}");
        let all: Vec<_> = pieces(expected).collect();
        let mut rest = found;
        for (index, (literal, name)) in all.iter().enumerate() {
            rest = rest.strip_prefix(literal).ok_or_else(wrong)?;
            let Some(name) = name else { continue };
            if let Some(known) = self.value(name) {
                rest = rest.strip_prefix(&*known).ok_or_else(wrong)?;
                continue;
            }
            let next = all.get(index + 1).map_or("", |(literal, _)| *literal);
            // What stands at the end stands at the very end.
            let end = match index + 2 < all.len() {
                true => rest.find(next),
                false => rest.strip_suffix(next).map(str::len),
            };
            let (value, after) = rest.split_at(end.ok_or_else(wrong)?);
            if *name != "*" {
                self.names.insert((*name).to_owned(), value.to_owned());
            }
            rest = after;
        }
        if rest.is_empty() { Ok(()) } else { Err(wrong()) }
    }
}

/// The literal pieces of a text, each with the name in the `{{...}}` that follows it.
fn pieces(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some((literal, after)) = text.split_once("{{") else {
            rest = None;
            return Some((text, None));
        };
        let (name, after) = after.split_once("}}").expect("{{name}}");
        rest = Some(after);
        Some((literal, Some(name)))
    })
}

/// A body. JSON may be laid out for people: the space between its tokens is not meant.
fn body(lines: &[String]) -> String {
    let text = lines.join("\n");
    let text = text.trim();
    if !text.starts_with(['{', '[']) || text.starts_with("{{") {
        return text.to_owned();
    }
    let (mut inside, mut escaped) = (false, false);
    let kept = text.chars().filter(|letter| {
        let keeps = inside || !letter.is_whitespace();
        match letter {
            '"' if !escaped => inside = !inside,
            _ => {}
        }
        escaped = inside && *letter == '\\' && !escaped;
        keeps
    });
    kept.collect()
}
