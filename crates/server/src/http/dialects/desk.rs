//! What the handlers of a dialect hold: the house, and who its callers are there. Whom a caller
//! names by merely saying so is a *shadow*: a user of that dialect and of nothing else, without a
//! password, under a name that no account can have. Judges no bid.

use super::Dialect;
use crate::house::House;
use crate::http::actor::Caller;
use crate::http::error::{Code, Problem};
use crate::http::limits::network;
use crate::http::v1::ask::{Done, Manner, Wish, known};
use crate::http::v1::history::{BidItem, newest};
use crate::http::v1::render::username;
use crate::http::v1::users::words::line;
use crate::permissions::{Actor, Object, Verb, may};
use gavel_auction::command::{Action, Offer, Person, PlaceBid, Roles};
use gavel_auction::ids::{AuctionId, BidId, Paddle, UserId, Version};
use gavel_auction::money::{Amount, Currency};
use gavel_auction::terms::Visibility;
use gavel_auction::time::Time;
use gavel_auction::view::{Head, View, Viewer};
use gavel_engine::people::{NewUser, Outside, People, PeopleError, User};
use gavel_store::folded;
use http::header::LINK;
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use std::net::IpAddr;
use std::sync::Arc;

/// The most letters of a name that a caller gives.
const NAME: usize = 80;

/// Who sells what callers put up without saying who sells. No caller can be called so.
const SELLER: &str = "*";

/// What the handlers of a dialect hold. Cheap to clone; the state of its router.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) house: House,
    pub(crate) dialect: &'static Dialect,
    /// What stands before its paths.
    pub(crate) at: Arc<str>,
    /// What callers without a token may do.
    allowed: Arc<[Verb]>,
}

/// A bid, as a caller makes it.
pub(crate) struct Bidding<'a> {
    pub(crate) auction: AuctionId,
    pub(crate) amount: Amount,
    /// Only if the auction is still at this version.
    pub(crate) version: Option<Version>,
    pub(crate) from: IpAddr,
    pub(crate) manner: &'a Manner,
}

/// The most bids of an auction in one reply.
const BIDS: usize = 10_000;

/// Which bids of an auction: so many of the newest, before one of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Newest {
    limit: Option<usize>,
    before: Option<BidId>,
}

/// Bids of an auction, each with who is behind it, the oldest first; and where older ones are.
pub(crate) struct Bids {
    pub(crate) all: Vec<(BidItem, Behind)>,
    pub(crate) link: HeaderMap,
}

/// Who is behind a paddle, as far as a dialect may tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    /// One of this dialect's own, by the name that he gave.
    Own(String),
    /// Somebody else, by his public name.
    Other(String),
    /// Nobody is told.
    Hidden,
}

impl Behind {
    /// A name, if there is one to tell.
    pub(crate) fn name(self) -> Option<String> {
        match self {
            Self::Own(name) | Self::Other(name) => Some(name),
            Self::Hidden => None,
        }
    }
}

impl Desk {
    pub(super) fn new(house: House, dialect: &'static Dialect, at: String) -> Self {
        let public = house.config.dialects.public;
        let word = if public { dialect.on_their_word } else { &[] };
        let allowed = [house.public_verbs(), word].concat();
        Self { house, dialect, at: at.into(), allowed: allowed.into() }
    }

    /// Whether a caller may do that.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn may(&self, caller: &Caller, verb: Verb) -> Result<(), Problem> {
        match &caller.0 {
            Some(by) => by.may(verb, Object::Anything),
            None => may(Actor::Public(&self.allowed), verb, Object::Anything)
                .map_err(|_| Problem::unauthenticated("Sign in first.")),
        }
    }

    /// The currency of what is put up here.
    pub(crate) fn currency(&self) -> Currency {
        self.house.config.dialects.currency
    }

    /// Puts somebody's bid on an auction that everybody may know of. He bids no faster than others
    /// may; who he is is asked only of an address that may bid, since asking may make him.
    ///
    /// # Errors
    /// `not_found`; `rate_limited`; why nobody bids; the refusal, or why no answer could be given.
    pub(crate) async fn bid(
        &self,
        Bidding { auction, amount, version, from, manner }: Bidding<'_>,
        by: impl Future<Output = Result<Person, Problem>> + Send,
    ) -> Result<Done, Problem> {
        self.head(auction).await?;
        let (limits, now) = (&self.house.limits, self.house.now());
        limits.bids_per_ip.take(network(from), now).map_err(Problem::rate_limited)?;
        let by = by.await?;
        limits.bids_per_actor.take(by.user.get(), now).map_err(Problem::rate_limited)?;
        let action = Action::Bid(PlaceBid::of(Offer::Amount(amount)));
        Wish::by(by, manner, auction, version).put(&self.house, action).await
    }

    /// Who asks: whom his token says, or a user of this dialect whom he names by his number.
    ///
    /// # Errors
    /// `malformed` if nobody is named; `forbidden` if somebody beside the token; `not_found`.
    pub(crate) async fn speaker(
        &self,
        caller: &Caller,
        user_id: Option<i64>,
    ) -> Result<Person, Problem> {
        let nobody = || Problem::of(Code::NotFound, "No user of this dialect has this number.");
        self.speaker_in("user_id", caller, user_id).await?.ok_or_else(nobody)
    }

    /// The same, where another field names him; none if no user of this dialect has that number.
    ///
    /// # Errors
    /// `malformed` if nobody is named; `forbidden` if somebody beside the token.
    pub(crate) async fn speaker_in(
        &self,
        field: &'static str,
        caller: &Caller,
        number: Option<i64>,
    ) -> Result<Option<Person>, Problem> {
        if let Some(by) = &caller.0 {
            let himself = number.is_none_or(|number| number == by.user.get());
            let wrong =
                || Problem::forbidden("That is somebody else: your token says who you are.");
            return himself.then(|| Some(by.person())).ok_or_else(wrong);
        }
        let detail = "Which user of this dialect it is, or send a token.";
        let number = number.ok_or_else(|| Problem::malformed(field, detail))?;
        let desk = self.clone();
        let found = self.house.aside(move |_| desk.by_number(number)).await??;
        Ok(found.map(|user| user.person()))
    }

    /// Whom a caller names; made at first sight, if not too many are from there.
    ///
    /// # Errors
    /// `malformed` if that is no name; `rate_limited`.
    pub(crate) async fn person(&self, name: &str, from: IpAddr) -> Result<Person, Problem> {
        Ok(self.person_or_new(name, from).await?.0)
    }

    /// The same, and whether he was made now.
    ///
    /// # Errors
    /// `malformed` if that is no name; `rate_limited`.
    pub(crate) async fn person_or_new(
        &self,
        name: &str,
        from: IpAddr,
    ) -> Result<(Person, bool), Problem> {
        let name = line("name", Some(name.to_owned()), NAME)?.unwrap_or_default();
        if name == SELLER {
            return Err(Problem::malformed("name", "Nobody is called so."));
        }
        self.shadow(name, Some(from)).await
    }

    /// Who sells what callers put up without saying who sells.
    ///
    /// # Errors
    /// If he cannot be kept.
    pub(crate) async fn seller(&self) -> Result<Person, Problem> {
        Ok(self.shadow(SELLER.to_owned(), None).await?.0)
    }

    /// Whom a caller names by number; nobody with an account. May block on the store.
    ///
    /// # Errors
    /// If people cannot be read.
    pub(crate) fn by_number(&self, id: i64) -> Result<Option<User>, Problem> {
        let Some(id) = UserId::new(id) else { return Ok(None) };
        let user = self.house.people.user(id)?;
        Ok(user.filter(|user| self.is_own(user)))
    }

    /// Whether that is a user of this dialect only.
    pub(crate) fn is_own(&self, user: &User) -> bool {
        own(self.dialect.name, &user.username).is_some()
    }

    /// The name that a user of this dialect gave himself.
    pub(crate) fn own_name<'a>(&self, user: &'a User) -> &'a str {
        own(self.dialect.name, &user.username).unwrap_or(&user.username)
    }

    async fn shadow(&self, name: String, from: Option<IpAddr>) -> Result<(Person, bool), Problem> {
        let dialect = self.dialect;
        let called = dialect.name;
        let may = |verb| dialect.on_their_word.contains(&verb);
        let (bidder, seller) = (may(Verb::Bid) && name != SELLER, may(Verb::Sell));
        let roles = Roles { bidder, seller, ..Roles::default() };
        let outside = Outside { issuer: format!("dialect:{called}"), subject: folded(&name) };
        // An account has no colon in its name.
        let username = format!("{called}:{name}");
        let of = outside.clone();
        let known = self.house.blocking(move |people| people.user_from(&of)).await?;
        let (user, made) = match known {
            Some(user) => (user, false),
            None => {
                let outside = Some(outside);
                let new = NewUser { username, roles, outside, ..NewUser::default() };
                self.add(NewUser { mere_name: true, ..new }, from).await?
            }
        };
        Ok((user.person(), made))
    }

    /// Who was named for the first time, and whether he still was then.
    async fn add(&self, new: NewUser, from: Option<IpAddr>) -> Result<(User, bool), Problem> {
        let now = self.house.now();
        if let Some(from) = from {
            let limit = &self.house.limits.dialect_users_per_ip;
            limit.take(network(from), now).map_err(Problem::rate_limited)?;
        }
        self.house.blocking(move |people| added(people, &new, now)).await
    }

    /// What a user is called here; none if nobody said, or he was erased. May block on the store.
    ///
    /// # Errors
    /// If names cannot be read.
    pub(crate) fn called(&self, user: UserId) -> Result<Option<String>, Problem> {
        let Some(name) = username(&self.house, user)? else { return Ok(None) };
        let own = own(self.dialect.name, &name).map(str::to_owned);
        Ok(own.or(Some(name)).filter(|name| !is_seller(name)))
    }

    /// Who is behind a paddle, where bidders are named. May block on the store.
    ///
    /// # Errors
    /// If names cannot be read.
    pub(crate) fn behind(&self, head: &Head, paddle: Paddle) -> Result<Behind, Problem> {
        if head.terms.visibility != Visibility::Named {
            return Ok(Behind::Hidden);
        }
        let user = self.house.engine.bidder(head.auction, paddle);
        let name = user.map(|user| username(&self.house, user)).transpose()?.flatten();
        Ok(match name {
            None => Behind::Hidden,
            Some(name) => match own(self.dialect.name, &name) {
                Some(own) => Behind::Own(own.to_owned()),
                None => Behind::Other(name),
            },
        })
    }

    /// An auction that everybody may know of, as it stands.
    ///
    /// # Errors
    /// `not_found`; `quarantined`.
    pub(crate) async fn head(&self, auction: AuctionId) -> Result<Arc<Head>, Problem> {
        known(&self.house, auction, &Viewer::default()).await
    }

    /// What everybody may see of an auction now.
    pub(crate) fn view(&self, head: &Head) -> View {
        head.view(&Viewer::default(), None, self.house.now())
    }

    /// The newest bids of an auction that stand, as everybody may see them. What they are asked for
    /// at, below this dialect, says where older ones are.
    ///
    /// # Errors
    /// `malformed` if that is no number of bids; if the log cannot be read.
    pub(crate) async fn bids(
        &self,
        head: Arc<Head>,
        path: String,
        Newest { limit, before }: Newest,
    ) -> Result<Bids, Problem> {
        let most = limit.unwrap_or(BIDS);
        if !(1..=BIDS).contains(&most) {
            return Err(Problem::malformed("limit", "A reply has 1 to 10,000 bids."));
        }
        let desk = self.clone();
        let read = move |house: &House| {
            let named = |bid: BidItem| {
                let behind = bid.paddle.map(|paddle| desk.behind(&head, paddle));
                Ok((bid, behind.transpose()?.unwrap_or(Behind::Hidden)))
            };
            let (bids, more) = newest(house, &head, before.unwrap_or(BidId::MAX), most)?;
            let first = bids.first().filter(|_| more).map(|bid| bid.bid);
            let all: Result<_, Problem> = bids.into_iter().map(named).collect();
            Ok::<_, Problem>((all?, first))
        };
        let (all, first) = self.house.aside(read).await??;
        let older =
            |first| format!("<{}{path}?limit={most}&before={first}>; rel=\"prev\"", self.at);
        let link = first.map(older).and_then(|link| HeaderValue::try_from(link).ok());
        Ok(Bids { all, link: link.map(|link| (LINK, link)).into_iter().collect() })
    }
}

/// Whether that is who sells in some dialect when nobody said who does.
fn is_seller(username: &str) -> bool {
    username.split_once(':').is_some_and(|(_, name)| name == SELLER)
}

/// The name that a user of a dialect gave himself there.
fn own<'a>(dialect: &str, username: &'a str) -> Option<&'a str> {
    username.strip_prefix(dialect)?.strip_prefix(':').filter(|name| *name != SELLER)
}

fn added(people: &dyn People, new: &NewUser, now: Time) -> Result<(User, bool), PeopleError> {
    let of = new.outside.as_ref().expect("a shadow comes from its dialect");
    match people.add_user(new, now) {
        // Somebody else has named him a moment ago.
        Err(PeopleError::EmailTaken | PeopleError::UsernameTaken) => {
            let user = people.user_from(of)?.ok_or(PeopleError::UsernameTaken)?;
            Ok((user, false))
        }
        other => other.map(|user| (user, true)),
    }
}
