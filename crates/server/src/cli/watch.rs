//! `gavel watch`: an auction as it happens, in the terminal or as lines: its log by the stream, how
//! it stands, who watches and what they say by the live room. Comes back by itself when the house
//! was away, and says so meanwhile; counts down by the house's clock, and never says that it has
//! ended before the house does.

mod screen;

use super::client::messages::{Message, Messages};
use super::client::room::{Room, Said};
use super::client::{Client, HouseArgs, Reply};
use super::output::{Failure, Output};
use screen::Screen;
use serde_json::Value;
use std::future::{Future, pending};
use std::pin::Pin;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, interval, sleep_until};

/// Watch an auction live, until it has ended.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The auction's number
    auction: i64,
    /// Begin after this version, 0 for the whole history [default: with what happens from now on]
    #[arg(long, value_name = "VERSION")]
    after: Option<u64>,
    #[command(flatten)]
    house: HouseArgs,
}

/// How often the screen is drawn.
const DRAW: Duration = Duration::from_millis(200);

/// How long after a close its certificate is waited for.
const LAST_WORD: Duration = Duration::from_secs(5);

/// The waits before each try to come back; the last one again and again.
const TRIES: [u64; 4] = [500, 1_000, 2_000, 5_000];

/// Runs the command.
///
/// # Errors
/// If there is no such auction or no house, or nothing can be written.
pub fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let client = args.house.client()?;
    let mut screen = Screen::new(out);
    let watched = client.run(watch(&client, args, &mut screen));
    screen.leave()?;
    watched
}

/// A connection to the house.
enum Link<T> {
    Open(T),
    /// To be opened then, after so many tries.
    Shut(Instant, usize),
}

impl<T> Link<T> {
    /// To be opened again, after so many tries in a row.
    fn again(tries: usize) -> Self {
        let wait = TRIES.get(tries).or(TRIES.last()).copied().unwrap_or(0);
        Self::Shut(Instant::now() + Duration::from_millis(wait), tries + 1)
    }
}

/// What became of it.
enum News {
    Said(Message),
    Back,
    Gone,
    /// The house does not want to show it.
    Refused(Failure),
}

type Reading<'a> = Pin<Box<dyn Future<Output = Result<Reply, Failure>> + 'a>>;

async fn watch(client: &Client, args: &Args, screen: &mut Screen) -> Result<(), Failure> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let about = format!("/v1/auctions/{}", args.auction);
    let view = client.read(&about).await?.json();
    let version = view.get("version").and_then(Value::as_u64).unwrap_or(0);
    let mut after = args.after.unwrap_or(version);
    let over = has_ended(&view) && after >= version;
    screen.show(view)?;
    if over {
        return Ok(());
    }
    let mut ticks = interval(DRAW);
    let mut last_word: Option<Instant> = None;
    let mut reading: Option<Reading<'_>> = None;
    let mut step = Box::pin(advance(client, stream(&about, after), Link::Shut(Instant::now(), 0)));
    let (auction, attends) = (args.auction, screen.is_for_people());
    let mut talk = Box::pin(attend(client, auction, Link::Shut(Instant::now(), 0)));
    loop {
        let read = async {
            match &mut reading {
                Some(read) => read.await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = interrupted.recv() => return Ok(()),
            (link, news) = &mut step => {
                match news {
                    News::Said(message) => {
                        after = message.id.unwrap_or(after);
                        match message.event.as_str() {
                            "certified" | "cancelled" => last_word = Some(Instant::now()),
                            "closed" => last_word = Some(Instant::now() + LAST_WORD),
                            "reopened" => last_word = None,
                            _ => {} // not ours: a word of the house
                        }
                        screen.hear(&message)?;
                    }
                    News::Back => screen.back(),
                    News::Gone => screen.gone(),
                    News::Refused(failure) => return Err(failure),
                }
                step = Box::pin(advance(client, stream(&about, after), link));
            }
            (link, said) = &mut talk, if attends => {
                match said {
                    Some(said) => screen.attend(&said)?,
                    None => screen.leave_room(),
                }
                talk = Box::pin(attend(client, auction, link));
            }
            view = read => {
                reading = None;
                if let Ok(view) = view {
                    screen.show(view.json())?;
                }
            }
            _ = ticks.tick() => {
                if last_word.is_some_and(|at| at <= Instant::now()) {
                    let view = client.read(&about).await.map(|reply| reply.json());
                    return view.map_or(Ok(()), |view| Ok(screen.show(view)?));
                }
                if reading.is_none() && screen.wants_view() {
                    reading = Some(Box::pin(client.read(&about)));
                }
                screen.draw()?;
            }
        }
    }
}

fn stream(about: &str, after: u64) -> String {
    format!("{about}/stream?after={after}")
}

fn has_ended(view: &Value) -> bool {
    let state = view.get("state").and_then(Value::as_str);
    matches!(state, Some("sold" | "passed" | "cancelled"))
}

/// Waits for the next thing that the connection brings.
async fn advance(client: &Client, path: String, link: Link<Messages>) -> (Link<Messages>, News) {
    match link {
        Link::Open(mut messages) => match messages.next().await {
            Some(message) if message.event == "end" => (Link::again(0), News::Gone),
            Some(message) => (Link::Open(messages), News::Said(message)),
            None => (Link::again(0), News::Gone),
        },
        Link::Shut(at, tries) => {
            sleep_until(at).await;
            match client.open(&path).await {
                Ok(messages) => (Link::Open(messages), News::Back),
                Err(failure) if may_pass(&failure) => (Link::again(tries), News::Gone),
                Err(failure) => (Link::again(tries), News::Refused(failure)),
            }
        }
    }
}

/// Waits for the next thing that is said in the live room. Whatever keeps us out of it, the stream
/// tells what happens.
async fn attend(client: &Client, auction: i64, link: Link<Room>) -> (Link<Room>, Option<Said>) {
    match link {
        Link::Open(mut room) => match room.next().await {
            Some(said) => (Link::Open(room), Some(said)),
            None => (Link::again(0), None),
        },
        Link::Shut(at, tries) => {
            sleep_until(at).await;
            match client.attend(auction).await {
                Ok(room) => Box::pin(attend(client, auction, Link::Open(room))).await,
                Err(_) => (Link::again(tries), None),
            }
        }
    }
}

/// Whether it is worth coming back.
fn may_pass(failure: &Failure) -> bool {
    ["unreachable", "rate_limited", "overloaded", "internal"].contains(&failure.code.as_str())
}
