//! What an import comes to: each row judged as the API would judge it, against what is there and
//! what the rows before it bring. Writes nothing.

use super::rows::Kind;
use crate::cli::positions::Positions;
use crate::http::body;
use crate::http::error::Problem;
use crate::http::v1::listing::{CreateBody, Creation};
use crate::http::v1::users::words::{check_email, check_username, line, roles_of};
use crate::keys::HouseKeys;
use crate::passwords;
use gavel_auction::auction::Auction;
use gavel_auction::command::{Actor, Command, Person, Roles};
use gavel_auction::ids::{AuctionId, UserId};
use gavel_auction::time::Time;
use gavel_engine::log::LogReader;
use gavel_engine::people::{NewUser, People, PeopleError};
use gavel_store::sqlite::Stores;
use gavel_store::{composed, folded, looks_like};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use zeroize::Zeroizing;

/// What is wrong with a row.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) field: String,
    /// What is accepted there.
    pub(super) what: String,
}

impl Fault {
    pub(super) fn new(field: &str, what: &str) -> Self {
        Self { field: field.to_owned(), what: what.to_owned() }
    }

    /// What the API would have said.
    pub(super) fn of(problem: &Problem) -> Self {
        let document = problem.document();
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let one = |one: &Value| {
            let [field, what] = ["field", "detail"].map(|name| text(one.get(name)));
            (field.unwrap_or_default(), what.unwrap_or_default())
        };
        let all = document.get("problems").and_then(Value::as_array);
        if let Some(all) = all.filter(|all| !all.is_empty()) {
            let (fields, what): (Vec<_>, Vec<_>) = all.iter().map(one).unzip();
            return Self { field: fields.join(", "), what: what.join("; ") };
        }
        let (field, what) = one(&document);
        let field = if field.is_empty() { "row".to_owned() } else { field };
        Self { field, what }
    }
}

/// What a row brings.
pub(super) enum What {
    User { user: NewUser, password: Option<Zeroizing<String>> },
    Auction(NewAuction),
}

/// An auction that a row brings.
pub(super) struct NewAuction {
    pub(super) key: String,
    pub(super) seller: String,
    pub(super) body: Vec<u8>,
}

impl NewAuction {
    /// What is asked for; it was judged when it was read.
    pub(super) fn creation(&self) -> anyhow::Result<Creation> {
        let body: Result<CreateBody, _> = body::parse(&self.body);
        let creation = body.and_then(CreateBody::creation);
        creation.map_err(|problem| anyhow::anyhow!("{}", Fault::of(&problem).what))
    }
}

/// A row that is good.
pub(super) struct Step {
    pub(super) line: u64,
    pub(super) what: What,
    /// Whether it is there already.
    pub(super) exists: bool,
}

impl Step {
    pub(super) const fn kind(&self) -> &'static str {
        match self.what {
            What::User { .. } => "user",
            What::Auction(_) => "auction",
        }
    }

    pub(super) fn name(&self) -> &str {
        match &self.what {
            What::User { user, .. } => &user.username,
            What::Auction(new) => &new.key,
        }
    }
}

/// What a house holds already.
pub(super) struct There {
    pub(super) people: Arc<dyn People>,
    pub(super) reader: Arc<dyn LogReader>,
    pub(super) partitions: u16,
    /// Its auctions; read when they are first asked for.
    auctions: Option<BTreeSet<AuctionId>>,
}

impl There {
    pub(super) fn of(stores: &Stores) -> Self {
        let (people, reader) = (Arc::clone(&stores.people), Arc::clone(&stores.reader));
        Self { people, reader, partitions: stores.partitions, auctions: None }
    }

    /// Whether an auction was ever created: an id may be reserved for one that never was.
    fn has(&mut self, auction: AuctionId) -> Result<bool, Fault> {
        if self.auctions.is_none() {
            let mut all = BTreeSet::new();
            for partition in 0..self.partitions {
                let positions = Positions::of(&*self.reader, partition);
                all.extend(positions.map_err(|error| house(&error))?.0.into_keys());
            }
            self.auctions = Some(all);
        }
        Ok(self.auctions.as_ref().is_some_and(|all| all.contains(&auction)))
    }
}

/// The rows judged so far.
pub(super) struct Plan<'a> {
    there: There,
    keys: &'a HouseKeys,
    now: Time,
    /// Users that rows bring, by name and address without regard to case, and what the names of
    /// new ones look like.
    users: BTreeMap<String, Roles>,
    looks: BTreeSet<String>,
    addresses: BTreeSet<String>,
    auctions: BTreeSet<(String, String)>,
    pub(super) steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserRow {
    username: String,
    email: String,
    password: Option<String>,
    name: Option<String>,
    phone: Option<String>,
    roles: Option<Vec<String>>,
}

/// The key under which an imported auction is known.
pub(super) fn key_of(key: &str) -> String {
    format!("import:{key}")
}

impl<'a> Plan<'a> {
    pub(super) fn new(there: There, keys: &'a HouseKeys, now: Time) -> Self {
        Self {
            there,
            keys,
            now,
            users: BTreeMap::new(),
            looks: BTreeSet::new(),
            addresses: BTreeSet::new(),
            auctions: BTreeSet::new(),
            steps: Vec::new(),
        }
    }

    /// Judges a row, and remembers it if it is good.
    pub(super) fn judge(
        &mut self,
        at: u64,
        kind: Kind,
        fields: Map<String, Value>,
    ) -> Result<(), Fault> {
        let (what, exists) = match kind {
            Kind::User => self.user(fields)?,
            Kind::Auction => self.auction(fields)?,
        };
        self.steps.push(Step { line: at, what, exists });
        Ok(())
    }

    fn user(&mut self, fields: Map<String, Value>) -> Result<(What, bool), Fault> {
        let row: UserRow = parsed(&Value::Object(fields))?;
        let UserRow { username, email, password, name, phone, roles } = row;
        let username = composed(&username);
        check_username(&username).map_err(|what| Fault::new("username", what))?;
        check_email(&email).map_err(|what| Fault::new("email", what))?;
        let weak =
            password.as_deref().and_then(|text| passwords::complaint(text, &username, &email));
        weak.map_or(Ok(()), |what| Err(Fault::new("password", what)))?;
        let problem = |problem: Problem| Fault::of(&problem);
        let name = line("name", name, 200).map_err(problem)?;
        let phone = line("phone", phone, 40).map_err(problem)?;
        let roles = match roles {
            Some(words) => roles_of(&words).map_err(problem)?,
            None => Roles::MEMBER,
        };
        let twice = "a name and an address that no other row has";
        if self.users.insert(folded(&username), roles).is_some() {
            return Err(Fault::new("username", twice));
        }
        if !self.addresses.insert(folded(&email)) {
            return Err(Fault::new("email", twice));
        }
        let named = self.there.people.user_by_login(&username).map_err(store)?;
        let addressed = self.there.people.user_by_login(&email).map_err(store)?;
        let exists = match (named, addressed) {
            (None, None) => false,
            (Some(named), Some(addressed)) if named.id == addressed.id => true,
            (Some(_), _) => {
                return Err(Fault::new("username", "one that is not another person's"));
            }
            (None, Some(_)) => {
                return Err(Fault::new("email", "an address that is not another person's"));
            }
        };
        if !exists {
            let alone = self.looks.insert(looks_like(&username));
            if !(alone && self.there.people.name_is_free(&username).map_err(store)?) {
                return Err(Fault::new("username", "one that does not look like another"));
            }
        }
        let password = password.map(Zeroizing::new);
        let email = Some(email);
        let user = NewUser { username, email, name, phone, roles, ..NewUser::default() };
        Ok((What::User { user, password }, exists))
    }

    fn auction(&mut self, mut fields: Map<String, Value>) -> Result<(What, bool), Fault> {
        let mut word = |name: &'static str| match fields.remove(name) {
            Some(Value::String(text)) => Ok(text),
            Some(_) | None => Err(Fault::new(name, "a text that is not empty")),
        };
        let (key, seller) = (word("key")?, word("seller")?);
        let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
        if !visible || !(1..=200).contains(&key.len()) {
            return Err(Fault::new("key", "1 to 200 visible ASCII characters, the same for ever"));
        }
        let body = serde_json::to_vec(&Value::Object(fields)).expect("an object is JSON");
        let read: CreateBody = body::parse(&body).map_err(|problem| Fault::of(&problem))?;
        let creation = read.creation().map_err(|problem| Fault::of(&problem))?;
        let there = self.there.people.user_by_login(&seller).map_err(store)?;
        // He may be named by his address, too.
        let named = there.as_ref().map_or(&seller, |user| &user.username);
        if !self.auctions.insert((folded(named), key.clone())) {
            return Err(Fault::new("key", "a key that no other row of this seller has"));
        }
        let person = match (&there, self.users.get(&folded(&seller))) {
            (Some(user), _) => user.person(),
            (None, Some(roles)) => Person::new(UserId::new(1).expect("one is an id"), *roles),
            (None, None) => {
                return Err(Fault::new(
                    "seller",
                    "the username of a user of the house or of a row",
                ));
            }
        };
        let known = there.map(|user| self.there.people.reserved(user.id, &key_of(&key)));
        let mut known = known.transpose().map_err(store)?.flatten();
        if let Some((auction, _)) = known
            && !self.there.has(auction)?
        {
            known = None;
        }
        if known.is_some_and(|(_, digest)| digest != creation.digest()) {
            let what = "what it was when this key was imported; change the auction itself, \
                        or take another key";
            return Err(Fault::new("key", what));
        }
        if known.is_none() {
            self.would_be_created(person, creation)?;
        }
        Ok((What::Auction(NewAuction { key, seller, body }), known.is_some()))
    }

    /// Whether the rules would let him create that, now.
    fn would_be_created(&self, person: Person, creation: Creation) -> Result<(), Fault> {
        let id = AuctionId::new(1).expect("one is an id");
        let action = creation.action(self.keys.house, &self.keys.log, id);
        let command = Command { actor: Actor::Person(person), expected_version: None, action };
        let judged = Auction::new(id).decide(&command, self.now);
        judged.map(drop).map_err(|refusal| Fault::new(refusal.code(), &refusal.to_string()))
    }
}

fn parsed<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, Fault> {
    let text = serde_json::to_vec(value).expect("an object is JSON");
    body::parse(&text).map_err(|problem| Fault::of(&problem))
}

fn store(error: PeopleError) -> Fault {
    house(&error)
}

fn house(error: &dyn std::error::Error) -> Fault {
    Fault { field: "house".to_owned(), what: error.to_string() }
}
