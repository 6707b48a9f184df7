//! The demonstration: a house of its own in a scratch directory, in which a dozen auctions run and
//! house bidders bid, over the same public API as everybody, and under names that say what they
//! are. When an auction has ended another one begins. Decides nothing about any auction.

mod bidders;
mod lots;

use crate::cli::client::Visitor;
use crate::house::House;
use crate::{chance, tasks};
use anyhow::Context as _;
use gavel_auction::command::Roles;
use gavel_engine::people::NewUser;
use http::Method;
use lots::LOTS;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// The file that says that a directory holds a demonstration.
const MARK: &str = "demo";

/// Who sells, and who bids.
const SELLER: &str = "demo_house";
const BIDDERS: [&str; 6] =
    ["demo_ada", "demo_bruno", "demo_chen", "demo_dalia", "demo_emil", "demo_farah"];
const VISITOR: &str = "visitor";

/// How often the seller looks whether an auction has ended.
const ROUND: Duration = Duration::from_secs(2);

/// Where a demonstration lives; a scratch directory is gone when this is.
pub struct Place {
    /// The directory.
    pub data: PathBuf,
    scratch: bool,
}

impl Place {
    /// The chosen directory if it is empty or a demonstration's already, else a scratch one.
    ///
    /// # Errors
    /// If there is a house in it that is no demonstration.
    pub fn of(chosen: Option<&Path>) -> anyhow::Result<Self> {
        let Some(data) = chosen else {
            let name = format!("gavel-demo-{}", hex::encode(chance::bytes::<8>()));
            let place = Self { data: std::env::temp_dir().join(name), scratch: true };
            place.mark()?;
            return Ok(place);
        };
        let place = Self { data: data.to_owned(), scratch: false };
        let empty = fs::read_dir(data).map_or(true, |mut files| files.next().is_none());
        anyhow::ensure!(
            empty || data.join(MARK).exists(),
            "{} is not empty and holds no demonstration: leave --data out, or name a directory \
             that does not exist",
            data.display()
        );
        place.mark()?;
        Ok(place)
    }

    fn mark(&self) -> anyhow::Result<()> {
        let make = || {
            fs::create_dir_all(&self.data)?;
            fs::write(self.data.join(MARK), "This house is a demonstration: all is made up.\n")
        };
        make().with_context(|| format!("making {}", self.data.display()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.scratch {
            // What cannot be removed is in the system's scratch directory anyway.
            drop(fs::remove_dir_all(&self.data));
        }
    }
}

/// The auctions that run now, as the bidders find them.
type Running = Arc<Mutex<Vec<i64>>>;

/// Begins the demonstration of a house that answers at this address; the password of a visitor who
/// may bid along.
///
/// # Errors
/// If its people cannot be made.
pub async fn begin(house: &House, url: &str) -> anyhow::Result<Option<String>> {
    let seller = visitor(house, url, SELLER).await?;
    let running: Running = Arc::default();
    for (number, name) in BIDDERS.iter().enumerate() {
        let bidder = visitor(house, url, name).await?;
        let bidding = bidders::bid_on(bidder, number, Arc::clone(&running));
        drop(tasks::spawn("a bidder of the demonstration, as long as the house", bidding));
    }
    let selling = sell_on(seller, running);
    drop(tasks::spawn("the seller of the demonstration, as long as the house", selling));
    let password = chance::token().chars().take(12).collect::<String>();
    let hash = house.passwords.hash(password.clone()).await.context("hashing a password")?;
    Ok(add(house, VISITOR, Some(hash)).await?.map(|_| password))
}

/// Somebody of the demonstration, signed in; he has no password.
async fn visitor(house: &House, url: &str, name: &'static str) -> anyhow::Result<Visitor> {
    let user = match add(house, name, None).await? {
        Some(user) => user,
        None => {
            let known = house.people.user_by_login(name).context("finding a user")?;
            known.context("a user of the demonstration is gone")?.id
        }
    };
    let begun = house.begin_session(user, None).await;
    let (token, _) = begun.map_err(|problem| anyhow::anyhow!(problem.code()))?;
    Visitor::new(url, Some(token)).map_err(|failure| anyhow::anyhow!(failure.detail))
}

/// Adds a user; none if there is one of that name.
async fn add(
    house: &House,
    name: &'static str,
    password_hash: Option<String>,
) -> anyhow::Result<Option<gavel_auction::ids::UserId>> {
    let email = Some(format!("{name}@demo.invalid"));
    let (username, now) = (name.to_owned(), house.now());
    let roles = Roles::MEMBER;
    let user = NewUser { username, email, roles, password_hash, ..NewUser::default() };
    match house.blocking(move |people| people.add_user(&user, now)).await {
        Ok(user) => Ok(Some(user.id)),
        Err(problem) if problem.code() == "taken" => Ok(None),
        Err(problem) => Err(anyhow::anyhow!(problem.code())),
    }
}

/// Keeps as many auctions running as there are lots.
async fn sell_on(seller: Visitor, running: Running) {
    let mut places: Vec<Option<i64>> = vec![None; LOTS.len()];
    let mut round = 0;
    loop {
        for (lot, place) in LOTS.iter().zip(&mut places) {
            let over = match place {
                None => true,
                Some(id) => has_ended(&seller, *id).await,
            };
            if over {
                let body = lot.body(round);
                let made = seller.put(&Method::POST, "/v1/auctions", &body).await.ok();
                *place = made.and_then(|made| made.json().get("id").and_then(Value::as_i64));
            }
        }
        round += 1;
        let now = places.iter().flatten().copied().collect();
        *running.lock().unwrap_or_else(PoisonError::into_inner) = now;
        sleep(ROUND).await;
    }
}

async fn has_ended(seller: &Visitor, id: i64) -> bool {
    let Ok(view) = seller.read(&format!("/v1/auctions/{id}")).await else { return false };
    view.json().get("outcome").is_some()
}
