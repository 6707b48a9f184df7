//! What every store does, whatever it is made of. Another store is put under these tests by one
//! more line in `STORES`.
#![expect(clippy::unwrap_used, reason = "tests, with what they share")]

use gavel_auction::command::Roles;
use gavel_auction::event::{Digest, HouseId};
use gavel_auction::ids::{AuctionId, UserId};
use gavel_auction::time::Time;
use gavel_engine::lists::{Lists, Query, Row, Sort};
use gavel_engine::log::{
    AppendError, Entry, EventRecord, Log, LogReader, Partition, Position, Record,
};
use gavel_engine::people::{
    Addendum, Code, CommandText, Listing, NewUser, Outside, People, PeopleError, Purpose, Reserved,
    Session, User, UserChange, UserQuery,
};
use gavel_engine::traces::{Came, KEPT_DAYS, Link, Trace};
use gavel_engine::waiting::{Asked, Second};
use std::any::Any;
use std::collections::HashSet;
use std::sync::Arc;

/// A house under test. What is `kept` holds whatever it lives in.
struct House {
    log: Box<dyn Log>,
    reader: Arc<dyn LogReader>,
    people: Arc<dyn People>,
    lists: Arc<dyn Lists>,
    kept: Box<dyn Any>,
}

/// How to make a store.
struct Store {
    name: &'static str,
    /// A new house of 8 partitions with nothing in it.
    fresh: fn() -> House,
    /// The same house, closed and opened again.
    again: fn(House) -> House,
}

const STORES: &[Store] = &[Store { name: "sqlite", fresh: sqlite::fresh, again: sqlite::again }];

mod sqlite {
    use super::{House, HouseId, Time};
    use gavel_store::sqlite::{self, Options, Stores};
    use gavel_store::vault::Keyring;
    use std::sync::atomic::{AtomicU64, Ordering};
    use tempfile::TempDir;

    fn with_vault() -> Options {
        Options { vault: Some(Keyring::new([7; 32], chance)), ..Options::default() }
    }

    /// Never twice the same, as far as a test needs.
    fn chance() -> [u8; 32] {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let mut bytes = [5; 32];
        bytes[..8].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        bytes
    }

    pub fn fresh() -> House {
        let dir = tempfile::tempdir().unwrap();
        sqlite::init(dir.path(), HouseId([7; 16]), 8, Time(1)).unwrap();
        open(dir)
    }

    pub fn again(house: House) -> House {
        let House { kept, log, .. } = house;
        let (dir, rest) = *kept.downcast::<(TempDir, Box<dyn std::any::Any>)>().unwrap();
        drop((log, rest));
        open(dir)
    }

    fn open(dir: TempDir) -> House {
        let Stores { log, reader, people, lists, checkpointer, lock, .. } =
            sqlite::open(dir.path(), &with_vault()).unwrap();
        let rest: Box<dyn std::any::Any> = Box::new((checkpointer, lock));
        House { log, reader, people, lists, kept: Box::new((dir, rest)) }
    }
}

fn each(test: impl Fn(&Store, House)) {
    for store in STORES {
        println!("store: {}", store.name);
        test(store, (store.fresh)());
    }
}

fn auction(id: i64) -> AuctionId {
    AuctionId::new(id).unwrap()
}

fn event(partition: Partition, position: Position, id: i64, version: u64) -> Record {
    let entry = Entry::Event(EventRecord {
        auction: auction(id),
        version,
        previous: position - 1,
        hash: Digest([position as u8; 32]),
        public: format!("public {partition} {position}").into_bytes(),
        sealed: vec![0, 255, position as u8],
    });
    Record { partition, position, entry }
}

fn barrier(partition: Partition, position: Position) -> Record {
    Record { partition, position, entry: Entry::Barrier }
}

// The log

#[test]
fn what_is_appended_is_read_back_as_it_was() {
    each(|_, mut house| {
        assert_eq!(house.reader.last_position(3).unwrap(), 0);
        assert_eq!(house.reader.scan(3, 0, 10).unwrap(), []);
        let batch = [event(3, 1, 3, 1), event(0, 1, 8, 1), event(3, 2, 11, 1), event(7, 1, 7, 1)];
        house.log.append(&batch).unwrap();
        house.log.append(&[]).unwrap();
        house.log.append(&[event(3, 3, 3, 2)]).unwrap();

        assert_eq!(house.reader.last_position(3).unwrap(), 3);
        assert_eq!(house.reader.last_position(0).unwrap(), 1);
        assert_eq!(house.reader.last_position(1).unwrap(), 0);
        let all = [batch[0].clone(), batch[2].clone(), event(3, 3, 3, 2)];
        assert_eq!(house.reader.scan(3, 0, 10).unwrap(), all);
        assert_eq!(house.reader.scan(3, 1, 1).unwrap(), all[1..2]);
        assert_eq!(house.reader.scan(3, 3, 10).unwrap(), []);
        assert_eq!(house.reader.get(7, 1).unwrap(), Some(batch[3].clone()));
        assert_eq!(house.reader.get(7, 0).unwrap(), None);
        assert_eq!(house.reader.get(7, 2).unwrap(), None);
        assert_eq!(house.reader.get(6, u64::MAX).unwrap(), None);
    });
}

#[test]
fn a_batch_is_written_whole_or_not_at_all() {
    each(|_, mut house| {
        house.log.append(&[event(0, 1, 8, 1)]).unwrap();
        let twice = [event(1, 1, 1, 1), event(0, 2, 8, 2), event(0, 2, 8, 3)];
        assert!(matches!(house.log.append(&twice), Err(AppendError::Rejected(_))));
        assert_eq!(house.reader.last_position(0).unwrap(), 1);
        assert_eq!(house.reader.last_position(1).unwrap(), 0);
        house.log.append(&[event(0, 2, 8, 2)]).unwrap();
    });
}

#[test]
fn a_position_used_before_and_a_hole_are_rejected() {
    each(|_, mut house| {
        house.log.append(&[event(2, 1, 2, 1), event(2, 2, 2, 2)]).unwrap();
        for position in [1, 2, 4, u64::MAX] {
            let appended = house.log.append(&[event(2, position, 2, 9)]);
            assert!(matches!(appended, Err(AppendError::Rejected(_))), "{position}");
        }
        let elsewhere = house.log.append(&[event(8, 1, 8, 1)]);
        assert!(matches!(elsewhere, Err(AppendError::Rejected(_))));
        assert_eq!(house.reader.last_position(2).unwrap(), 2);
    });
}

#[test]
fn a_barrier_takes_a_position_and_is_nobodys_event() {
    each(|_, mut house| {
        let batch = [event(5, 1, 5, 1), barrier(5, 2), event(5, 3, 5, 2)];
        house.log.append(&batch).unwrap();
        assert_eq!(house.reader.scan(5, 0, 10).unwrap(), batch);
        assert_eq!(house.reader.get(5, 2).unwrap(), Some(barrier(5, 2)));
    });
}

#[test]
fn the_log_goes_on_after_it_was_opened_again() {
    each(|store, mut house| {
        house.log.append(&[event(0, 1, 8, 1)]).unwrap();
        house.log.reopen().unwrap();
        house.log.append(&[barrier(0, 2)]).unwrap();
        let mut house = (store.again)(house);
        assert_eq!(house.reader.last_position(0).unwrap(), 2);
        house.log.append(&[event(0, 3, 8, 2)]).unwrap();
        let all = [event(0, 1, 8, 1), barrier(0, 2), event(0, 3, 8, 2)];
        assert_eq!(house.reader.scan(0, 0, 10).unwrap(), all);
    });
}

// People

fn new_user(username: &str, email: &str) -> NewUser {
    NewUser {
        username: username.to_owned(),
        email: Some(email.to_owned()),
        phone: Some("+41 44 000 00 00".to_owned()),
        roles: Roles::MEMBER,
        password_hash: Some("$argon2id$".to_owned()),
        ..NewUser::default()
    }
}

fn session(user: UserId, expires_at: i64) -> Session {
    Session { user, created_at: Time(1), expires_at: Time(expires_at), from: None }
}

fn add(house: &House, username: &str, email: &str) -> Result<User, PeopleError> {
    house.people.add_user(&new_user(username, email), Time(5))
}

#[test]
fn a_user_is_found_by_id_and_by_login() {
    each(|store, house| {
        let anna = add(&house, "Anna", "anna@example.org").unwrap();
        assert_eq!(anna.created_at, Time(5));
        assert_eq!(anna.roles, Roles::MEMBER);
        let house = (store.again)(house);
        let found = |login| house.people.user_by_login(login).unwrap();
        assert_eq!(house.people.user(anna.id).unwrap(), Some(anna.clone()));
        assert_eq!(found("ANNA"), Some(anna.clone()));
        assert_eq!(found(" Anna@Example.ORG "), Some(anna.clone()));
        assert_eq!(found("ann"), None);
        assert_eq!(found("' OR 1=1 --"), None);
    });
}

#[test]
fn names_are_unique_without_regard_to_case() {
    each(|_, house| {
        add(&house, "Ödön", "a@example.org").unwrap();
        add(&house, "Straße", "b@example.org").unwrap();
        add(&house, "ΟΔΥΣΣΕΥΣ", "c@example.org").unwrap();
        for (name, number) in [("öDÖN", 1), (" ödön ", 2), ("STRASSE", 3), ("οδυσσευς", 4)]
        {
            let added = add(&house, name, &format!("{number}@example.org"));
            assert!(matches!(added, Err(PeopleError::UsernameTaken)), "{name}");
        }
        for name in ["0dOn", "PauI", "rnary"] {
            let (name, email) = (name.to_owned(), "l@example.org");
            let first = name.replace("0dOn", "Odon").replace('I', "l").replace("rn", "m");
            add(&house, &first, email).unwrap();
            let added = add(&house, &name, email);
            assert!(matches!(added, Err(PeopleError::UsernameTaken)), "{name} after {first}");
        }
    });
}

#[test]
fn many_may_claim_an_address_and_one_has_it() {
    each(|_, house| {
        let anna = add(&house, "anna", "a@example.org").unwrap();
        let bert = add(&house, "bert", "A@example.ORG").unwrap();
        let holder = || house.people.user_by_login("a@EXAMPLE.org").unwrap().unwrap().id;
        assert_eq!(holder(), anna.id);
        let email = Some(("A@example.ORG".to_owned(), true));
        let confirm = UserChange { email, ..UserChange::default() };
        assert!(house.people.change_user(bert.id, &confirm).unwrap());
        assert_eq!(holder(), bert.id);
        let taken = house.people.change_user(anna.id, &confirm);
        assert!(matches!(taken, Err(PeopleError::EmailTaken)));
        let third = NewUser { email_confirmed: true, ..new_user("cleo", "a@example.org") };
        let taken = house.people.add_user(&third, Time(6));
        assert!(matches!(taken, Err(PeopleError::EmailTaken)));
        assert!(house.people.user_by_login("cleo").unwrap().is_none());
    });
}

#[test]
fn whoever_signs_in_elsewhere_is_found_by_issuer_and_subject() {
    each(|store, house| {
        let outside = |issuer: &str, subject: &str| Outside {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
        };
        let new = |name, of: Outside| NewUser { outside: Some(of), ..new_user(name, "o@x.org") };
        let one = outside("https://a", "1");
        let anna = house.people.add_user(&new("anna", one.clone()), Time(1)).unwrap();
        let twice = house.people.add_user(&new("bert", one.clone()), Time(1));
        assert!(matches!(twice, Err(PeopleError::EmailTaken)));
        house.people.add_user(&new("bert", outside("https://b", "1")), Time(1)).unwrap();
        let house = (store.again)(house);
        assert_eq!(house.people.user_from(&one).unwrap(), Some(anna.clone()));
        assert!(house.people.user_from(&outside("https://a", "2")).unwrap().is_none());
        assert!(house.people.outside_of(anna.id).unwrap() == Some(one.clone()));
        assert!(house.people.erase_user(anna.id, "gone").unwrap());
        assert_eq!(house.people.user_from(&one).unwrap(), None);
        assert_eq!(house.people.tombstone(anna.id).unwrap().as_deref(), Some("gone"));
    });
}

#[test]
fn mere_names_that_look_alike_are_two() {
    each(|_, house| {
        let mere = |name: &str| {
            let new = NewUser { mere_name: true, email: None, ..new_user(name, "") };
            house.people.add_user(&new, Time(1))
        };
        let bob = mere("x:bob").unwrap();
        assert_ne!(mere("x:b0b").unwrap().id, bob.id);
        assert!(matches!(mere("X:Bob"), Err(PeopleError::UsernameTaken)));
        assert!(house.people.name_is_free("bob").unwrap());
        add(&house, "bob", "b@example.org").unwrap();
        for taken in ["bob", "BOB", "b0b", "x:bob"] {
            assert!(!house.people.name_is_free(taken).unwrap(), "{taken}");
        }
        assert!(matches!(add(&house, "b0b", "c@example.org"), Err(PeopleError::UsernameTaken)));
    });
}

#[test]
fn codes_are_good_once_in_time_and_only_the_newest() {
    each(|_, house| {
        let anna = add(&house, "anna", "a@example.org").unwrap().id;
        let digest = |number| Digest([number; 32]);
        let code = |purpose| Code {
            user: anna,
            purpose,
            email: "a@example.org".to_owned(),
            expires_at: Time(100),
        };
        let add = |number, purpose| {
            house.people.add_code(&digest(number), &code(purpose)).unwrap();
        };
        let take = |number, now| house.people.take_code(&digest(number), Time(now)).unwrap();
        add(1, Purpose::ResetPassword);
        add(2, Purpose::ConfirmEmail);
        add(3, Purpose::ResetPassword);
        assert!(take(1, 50).is_none(), "a newer one was asked for");
        assert!(take(2, 50) == Some(code(Purpose::ConfirmEmail)));
        assert!(take(2, 50).is_none(), "it was used");
        assert!(take(3, 100).is_none(), "it is too late");
        assert!(take(3, 50).is_none(), "and that used it up");
        assert!(house.people.spend(anna, &digest(9), Time(100)).unwrap());
        assert!(!house.people.spend(anna, &digest(9), Time(100)).unwrap());
        assert!(house.people.is_spent(anna, &digest(9)).unwrap());
        assert!(!house.people.is_spent(anna, &digest(8)).unwrap());
        house.people.end_sessions(None, Time(101)).unwrap();
        assert!(!house.people.is_spent(anna, &digest(9)).unwrap());
    });
}

#[test]
fn a_user_is_changed_where_the_change_says_so() {
    each(|_, house| {
        let mut anna = add(&house, "anna", "anna@example.org").unwrap();
        add(&house, "bert", "bert@example.org").unwrap();
        let change = UserChange {
            name: Some(Some("Anna Müller".to_owned())),
            phone: Some(None),
            address: Some(Some("1 High Street".to_owned())),
            email: Some(("ANNA@example.org".to_owned(), true)),
            roles: Some(Roles::ADMIN),
            banned: Some(Some("shill bids".to_owned())),
            second_factor: Some(Some(vec![0, 255])),
            signed_out_at: Some(Time(9)),
            ..UserChange::default()
        };
        assert!(house.people.change_user(anna.id, &change).unwrap());
        anna.name = Some("Anna Müller".to_owned());
        anna.phone = None;
        anna.address = Some("1 High Street".to_owned());
        anna.second_factor = Some(vec![0, 255]);
        anna.signed_out_at = Time(9);
        (anna.email, anna.email_confirmed) = (Some("ANNA@example.org".to_owned()), true);
        anna.roles = Roles::ADMIN;
        anna.banned = Some("shill bids".to_owned());
        assert_eq!(house.people.user(anna.id).unwrap(), Some(anna.clone()));
        let nobody = UserId::new(99).unwrap();
        assert!(!house.people.change_user(nobody, &UserChange::default()).unwrap());
    });
}

#[test]
fn users_are_listed_by_id_text_and_role() {
    each(|_, house| {
        let anna = add(&house, "Anna", "x@example.org").unwrap();
        let bert = add(&house, "Bert", "y@example.com").unwrap();
        let clerk = NewUser { roles: Roles::CLERK, ..new_user("Zoë%_", "z@example.com") };
        let clerk = house.people.add_user(&clerk, Time(6)).unwrap();
        let list = |text: Option<&str>, role: Option<&str>, after, limit| {
            let (text, role) = (text.map(str::to_owned), role.map(str::to_owned));
            let users = house.people.users(&UserQuery { text, role, after, limit }).unwrap();
            users.into_iter().map(|user| user.id).collect::<Vec<_>>()
        };
        assert_eq!(list(None, None, 0, 2), [anna.id, bert.id]);
        assert_eq!(list(None, None, bert.id.get(), 2), [clerk.id]);
        assert_eq!(list(Some("Y@EXAMPLE.COM"), None, 0, 9), [bert.id]);
        assert_eq!(list(Some("EXAMPLE.COM"), None, 0, 9), []);
        let named = UserChange { name: Some(Some("Anna Bell".into())), ..Default::default() };
        house.people.change_user(anna.id, &named).unwrap();
        assert_eq!(list(Some("bell"), None, 0, 9), [anna.id]);
        assert_eq!(list(Some("ANNA BELL"), None, 0, 9), [anna.id]);
        assert_eq!(list(Some("bel"), None, 0, 9), []);
        assert_eq!(list(Some("nn"), None, 0, 9), [anna.id]);
        assert_eq!(list(Some("%_"), None, 0, 9), [clerk.id]);
        assert_eq!(list(Some("ZOË"), Some("clerk"), 0, 9), [clerk.id]);
        assert_eq!(list(None, Some("bidder"), 0, 9), [anna.id, bert.id]);
        assert_eq!(list(None, Some("bidder' OR 1=1"), 0, 9), []);
    });
}

#[test]
fn an_erased_user_is_gone_and_his_id_stays_used() {
    each(|store, house| {
        let anna = add(&house, "anna", "anna@example.org").unwrap();
        let token = Digest([9; 32]);
        let session = session(anna.id, 100);
        house.people.add_session(&token, &session).unwrap();
        assert!(house.people.erase_user(anna.id, "gone").unwrap());
        assert!(!house.people.erase_user(anna.id, "gone").unwrap());
        assert_eq!(house.people.user(anna.id).unwrap(), None);
        assert_eq!(house.people.session(&token).unwrap(), None);
        let house = (store.again)(house);
        assert_ne!(add(&house, "anna", "anna@example.org").unwrap().id, anna.id);
    });
}

#[test]
fn sessions_end_one_by_one_together_and_by_time() {
    each(|_, house| {
        let anna = add(&house, "anna", "anna@example.org").unwrap().id;
        let bert = add(&house, "bert", "bert@example.org").unwrap().id;
        let token = |number| Digest([number; 32]);
        for (number, user, expires_at) in
            [(1, anna, 100), (2, anna, 100), (3, bert, 100), (4, bert, 10), (5, bert, 100)]
        {
            let session = session(user, expires_at);
            house.people.add_session(&token(number), &session).unwrap();
            assert_eq!(house.people.session(&token(number)).unwrap(), Some(session));
        }
        let alive = || {
            let lives = |number: &u8| house.people.session(&token(*number)).unwrap().is_some();
            (1..=5).filter(lives).collect::<Vec<_>>()
        };
        let from = Some("a browser, 192.0.2.1".to_owned());
        let seen = Session { from, ..session(bert, 100) };
        house.people.add_session(&token(6), &seen).unwrap();
        let listed = house.people.sessions(bert, Time(10)).unwrap();
        assert_eq!(listed.len(), 3);
        assert!(listed.contains(&(token(6), seen)));
        house.people.end_session(&token(5)).unwrap();
        house.people.end_session(&token(77)).unwrap();
        assert_eq!(alive(), [1, 2, 3, 4]);
        house.people.end_sessions(Some(anna), Time(10)).unwrap();
        assert_eq!(alive(), [3, 4]);
        house.people.end_sessions(None, Time(50)).unwrap();
        assert_eq!(alive(), [3]);
    });
}

#[test]
fn accounts_are_linked_by_what_they_share() {
    each(|_, house| {
        let anna = add(&house, "anna", "anna+1@example.org").unwrap().id;
        let bert = add(&house, "bert", "Anna@example.org").unwrap().id;
        let cleo = add(&house, "cleo", "cleo@example.org").unwrap().id;
        let hour = 3_600_000_000;
        let came = |user, device: Option<&str>, at: i64| {
            let from = Came { device: device.map(str::to_owned), network: "n".to_owned() };
            house.people.came(user, &from, Time(at * hour)).unwrap();
        };
        came(anna, Some("d"), 100);
        came(cleo, Some("d"), 200);
        let links = |among: Option<&[UserId]>, limit| {
            let mut links = house.people.links(anna, among, limit).unwrap();
            // All have one number here.
            links.retain(|link| link.by != Trace::Phone);
            links
        };
        let by_mail = Link { user: bert, by: Trace::Email, at: None };
        let by_device = Link { user: cleo, by: Trace::Device, at: Some(Time(200 * hour)) };
        assert_eq!(links(None, 9), [by_mail, by_device]);
        assert_eq!(links(Some(&[cleo]), 9), [by_device]);
        assert_eq!(links(None, 1), [by_mail]);
        let of_cleo = house.people.seen(cleo).unwrap();
        let kept: Vec<_> = of_cleo.iter().map(|seen| (seen.trace, seen.value.as_str())).collect();
        assert_eq!(kept, [(Trace::Device, "d"), (Trace::Network, "n")]);
        assert!(house.people.erase_user(bert, "gone").unwrap());
        assert_eq!(links(None, 9), [by_device]);
        let later = Time((100 + KEPT_DAYS * 24 + 1) * hour);
        house.people.end_sessions(None, later).unwrap();
        assert_eq!(links(None, 9), [], "what is old is forgotten");
    });
}

#[test]
fn a_network_links_those_who_came_within_a_day_by_the_latest_of_it() {
    each(|_, house| {
        let hour = 3_600_000_000;
        let [anna, bert] = ["anna", "bert"].map(|name| {
            let id = add(&house, name, &format!("{name}@example.org")).unwrap().id;
            let change = UserChange { phone: Some(None), ..UserChange::default() };
            assert!(house.people.change_user(id, &change).unwrap());
            id
        });
        let came = |user, network: &str, hours: &[i64]| {
            let from = Came { device: None, network: network.to_owned() };
            hours.iter().for_each(|at| {
                house.people.came(user, &from, Time(at * hour)).unwrap();
            });
        };
        let at = |of, with| {
            let links = house.people.links(of, Some(&[with]), 9).unwrap();
            assert!(links.iter().all(|link| (link.user, link.by) == (with, Trace::Network)));
            links.iter().map(|link| link.at.unwrap().0 / hour).collect::<Vec<_>>()
        };
        came(anna, "home", &[100, 200, 300, 900]);
        came(bert, "home", &[125, 150, 250, 330]);
        assert_eq!((at(anna, bert), at(bert, anna)), (vec![], vec![]), "always a day apart");
        came(bert, "home", &[76]);
        assert_eq!((at(anna, bert), at(bert, anna)), (vec![100], vec![100]));
        came(bert, "office", &[210]);
        came(anna, "office", &[220, 240]);
        assert_eq!((at(anna, bert), at(bert, anna)), (vec![220], vec![220]), "the later network");
    });
}

#[test]
fn what_one_asks_for_waits_until_another_does() {
    each(|_, house| {
        let anna = add(&house, "anna", "anna@example.org").unwrap().id;
        let bert = add(&house, "bert", "bert@example.org").unwrap().id;
        let asked = |by, act, at| Asked {
            act: Digest([act; 32]),
            by,
            at: Time(at),
            method: "POST".to_owned(),
            path: "/x".to_owned(),
            body: b"{}".to_vec(),
        };
        let ask = |by, act, at| house.people.ask(&asked(by, act, at), Time(at - 10), 2).unwrap();
        let page = |after, limit| house.people.waiting(after, limit).unwrap();
        let waiting = || page((Time(0), Digest([0; 32])), 9);
        assert_eq!(ask(anna, 1, 20), Second::Waits);
        assert_eq!(ask(anna, 1, 21), Second::Waits, "the same one again");
        assert_eq!(ask(bert, 2, 22), Second::Waits);
        assert_eq!(waiting(), [asked(anna, 1, 20), asked(bert, 2, 22)]);
        assert_eq!(ask(bert, 3, 22), Second::Waits);
        assert_eq!(ask(bert, 4, 23), Second::Full, "two of one wait at most");
        assert_eq!(ask(anna, 5, 23), Second::Waits, "which is nothing to another");
        let first = asked(anna, 1, 20);
        assert_eq!(page((Time(0), first.act), 1), [first]);
        assert_eq!(page((Time(22), Digest([2; 32])), 1), [asked(bert, 3, 22)]);
        let prefix = |act: u8| [act; 8];
        assert!(!house.people.withdraw(anna, prefix(3)).unwrap(), "that is not hers");
        assert!(house.people.withdraw(bert, prefix(3)).unwrap());
        assert!(house.people.withdraw(anna, prefix(5)).unwrap());
        assert_eq!(ask(bert, 1, 24), Second::Both);
        assert_eq!(waiting(), [asked(bert, 2, 22)]);
        assert_eq!(ask(anna, 2, 32), Second::Waits, "the first one asked too long ago");
        assert_eq!(waiting(), [asked(anna, 2, 32)]);
        assert!(house.people.erase_user(anna, "gone").unwrap());
        assert_eq!(waiting(), []);
        // Whoever could not do it any more has not asked for it.
        let change = |change: &UserChange| house.people.change_user(bert, change).unwrap();
        let with = |roles| UserChange { roles: Some(roles), ..UserChange::default() };
        assert_eq!(ask(bert, 2, 33), Second::Waits);
        assert!(change(&with(Roles { admin: true, ..Roles::MEMBER })));
        assert_eq!(waiting().len(), 1);
        assert!(change(&with(Roles::MEMBER)));
        assert_eq!(waiting(), []);
        assert_eq!(ask(bert, 2, 34), Second::Waits);
        let banned = Some(Some("shill".to_owned()));
        assert!(change(&UserChange { banned, ..UserChange::default() }));
        assert_eq!(waiting(), []);
    });
}

fn listing(title: &str) -> Listing {
    Listing {
        item: Some((7, r#"{"year":1963}"#.to_owned())),
        title: title.to_owned(),
        description: Some("oak, about 1800".to_owned()),
        category: None,
        ..Listing::default()
    }
}

#[test]
fn a_key_reserves_one_auction_and_no_key_a_new_one() {
    each(|store, house| {
        let (anna, bert) = (UserId::new(1).unwrap(), UserId::new(2).unwrap());
        let (body, other) = (Digest([1; 32]), Digest([2; 32]));
        let reserve = |house: &House, actor, key, body| {
            house.people.reserve_auction(actor, key, body, &listing("table")).unwrap()
        };
        let first = Reserved::Id(auction(1));
        assert_eq!(reserve(&house, anna, Some("k"), &body), first);
        assert_eq!(reserve(&house, anna, Some("k"), &body), first);
        assert_eq!(reserve(&house, anna, Some("k"), &other), Reserved::KeyReused);
        assert_eq!(reserve(&house, bert, Some("k"), &other), Reserved::Id(auction(2)));
        assert_eq!(reserve(&house, anna, None, &body), Reserved::Id(auction(3)));
        assert_eq!(reserve(&house, anna, None, &body), Reserved::Id(auction(4)));
        let house = (store.again)(house);
        assert_eq!(reserve(&house, anna, Some("k"), &body), first);
        assert_eq!(reserve(&house, anna, None, &body), Reserved::Id(auction(5)));
        assert_eq!(house.people.listing(auction(5)).unwrap(), Some(listing("table")));
        assert_eq!(house.people.listing(auction(6)).unwrap(), None);
    });
}

#[test]
fn a_released_key_names_another_auction() {
    each(|_, house| {
        let anna = UserId::new(1).unwrap();
        let (body, other) = (Digest([1; 32]), Digest([2; 32]));
        let reserve = |body, title| {
            house.people.reserve_auction(anna, Some("k"), body, &listing(title)).unwrap()
        };
        assert_eq!(reserve(&body, "table"), Reserved::Id(auction(1)));
        house.people.release_auction(auction(1)).unwrap();
        assert_eq!(house.people.listing(auction(1)).unwrap(), None);
        assert_eq!(reserve(&other, "chair"), Reserved::Id(auction(2)));
        assert_eq!(reserve(&body, "table"), Reserved::KeyReused);
        house.people.release_auction(auction(7)).unwrap();
    });
}

#[test]
fn many_reserve_at_once_and_nobody_gets_what_another_got() {
    each(|_, house| {
        let people = &house.people;
        let ids = std::thread::scope(|scope| {
            let threads: Vec<_> = (1..=8)
                .map(|actor| {
                    scope.spawn(move || {
                        let actor = UserId::new(actor).unwrap();
                        let body = Digest([0; 32]);
                        let reserve = |number: usize| {
                            let key = number.is_multiple_of(2).then(|| format!("key {number}"));
                            let listing = listing("x");
                            people.reserve_auction(actor, key.as_deref(), &body, &listing).unwrap()
                        };
                        (0..50).map(reserve).collect::<Vec<_>>()
                    })
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        let distinct: HashSet<i64> = ids
            .iter()
            .map(|reserved| match reserved {
                Reserved::Id(id) => id.get(),
                Reserved::KeyReused => panic!("nobody used a key twice"),
            })
            .collect();
        assert_eq!(distinct.len(), 400);
    });
}

#[test]
fn a_listing_is_changed_and_added_to() {
    each(|_, house| {
        let actor = UserId::new(1).unwrap();
        let body = Digest([1; 32]);
        house.people.reserve_auction(actor, None, &body, &listing("table")).unwrap();
        let note = |at, text: &str| Addendum { at: Time(at), text: text.to_owned() };
        house.people.add_addendum(auction(1), &note(2, "one leg is new")).unwrap();
        house.people.add_addendum(auction(1), &note(1, "it is pine")).unwrap();
        let mut changed = listing("old table");
        changed.category = Some("furniture".to_owned());
        house.people.change_listing(auction(1), &changed).unwrap();
        let waits = |text: &str| {
            let (command, text) = ([7; 16], text.to_owned());
            house.people.keep_text(&CommandText { auction: auction(1), command, text }).unwrap()
        };
        assert!(waits("first") && !waits("again"));
        house.people.drop_text(auction(2), [7; 16]).unwrap();
        assert!(!waits("still there"));
        house.people.drop_text(auction(1), [7; 16]).unwrap();
        assert!(house.people.waiting_texts().unwrap().is_empty());
        assert!(waits("first anew"));
        assert_eq!(house.people.waiting_texts().unwrap()[0].text, "first anew");
        house.people.add_note(auction(1), 7, "held: fire alarm").unwrap();
        house.people.add_note(auction(1), 7, "held: fire alarm").unwrap();
        changed.addenda = vec![note(2, "one leg is new"), note(1, "it is pine")];
        assert_eq!(house.people.listing(auction(1)).unwrap(), Some(changed));
    });
}

// Lists

const NONE: [i64; 0] = [];

fn row(id: i64, state: &'static str, title: &str, price: i64, ends_at: Option<i64>) -> Row {
    Row {
        auction: auction(id),
        state,
        seller: UserId::new(id % 3 + 1).unwrap(),
        title: title.to_owned(),
        category: (id % 2 == 0).then(|| "even".to_owned()),
        price,
        ends_at: ends_at.map(Time),
        bidders: Vec::new(),
    }
}

fn query(sort: Sort) -> Query {
    Query {
        states: Vec::new(),
        drafts: false,
        category: None,
        seller: None,
        text: None,
        sort,
        after: None,
        limit: 100,
    }
}

fn ids(house: &House, query: &Query) -> Vec<i64> {
    let rows = house.lists.page(query).unwrap().rows;
    rows.into_iter().map(|(_, id)| id.get()).collect()
}

fn five(house: &House) {
    let rows = [
        row(1, "open", "Red vase", 500, Some(90)),
        row(2, "sold", "Blue vase", 100, Some(10)),
        row(3, "draft", "Red table", 1, None),
        row(4, "scheduled", "Étagère rouge", 300, None),
        row(5, "open", "Vaseline \"classic\"", 200, Some(50)),
    ];
    house.lists.put(4, 17, &rows).unwrap();
}

#[test]
fn lists_are_sorted_and_filtered() {
    each(|store, house| {
        assert_eq!(house.lists.cursor(4).unwrap(), 0);
        five(&house);
        let house = (store.again)(house);
        assert_eq!(house.lists.cursor(4).unwrap(), 17);
        assert_eq!(house.lists.cursor(5).unwrap(), 0);
        assert_eq!(ids(&house, &query(Sort::Ending)), [2, 5, 1, 4]);
        assert_eq!(ids(&house, &query(Sort::Newest)), [5, 4, 2, 1]);
        assert_eq!(ids(&house, &query(Sort::Price)), [2, 5, 4, 1]);
        let open = Query { states: vec!["open".into(), "nonsense".into()], ..query(Sort::Price) };
        assert_eq!(ids(&house, &open), [5, 1]);
        let even = Query { category: Some("even".into()), ..query(Sort::Price) };
        assert_eq!(ids(&house, &even), [2, 4]);
        let seller = Query { seller: UserId::new(2), ..query(Sort::Newest) };
        assert_eq!(ids(&house, &seller), [4, 1]);
        let page = house.lists.page(&query(Sort::Ending)).unwrap();
        let keys: Vec<i64> = page.rows.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, [10, 50, 90, i64::MAX]);
        let keys: Vec<i64> =
            house.lists.page(&query(Sort::Newest)).unwrap().rows.iter().map(|row| row.0).collect();
        assert_eq!(keys, [-5, -4, -2, -1]);
    });
}

#[test]
fn whoever_has_a_paddle_is_found_by_it() {
    each(|store, house| {
        let user = |id| UserId::new(id).unwrap();
        let with = |id, bidders: &[i64]| {
            let bidders = bidders.iter().map(|id| user(*id)).collect();
            Row { bidders, ..row(id, "open", "A vase", 1, None) }
        };
        let found = |house: &House, id, before, limit| {
            let all = house.lists.bidding(user(id), before, limit).unwrap();
            all.into_iter().map(AuctionId::get).collect::<Vec<_>>()
        };
        house.lists.put(4, 1, &[with(1, &[7]), with(2, &[7, 8]), with(3, &[])]).unwrap();
        house.lists.put(4, 2, &[with(1, &[7, 9, 8]), with(2, &[7, 8])]).unwrap();
        let house = (store.again)(house);
        assert_eq!(found(&house, 7, i64::MAX, 9), [2, 1]);
        assert_eq!(found(&house, 8, i64::MAX, 1), [2]);
        assert_eq!(found(&house, 8, 2, 9), [1]);
        assert_eq!(found(&house, 9, i64::MAX, 9), [1]);
        house.lists.clear().unwrap();
        assert_eq!(found(&house, 7, i64::MAX, 9), NONE);
    });
}

#[test]
fn a_draft_is_found_only_by_its_seller() {
    each(|_, house| {
        five(&house);
        let seller = UserId::new(1);
        let found = |seller, drafts, states: &[&str], text: Option<&str>| {
            let states = states.iter().map(|state| (*state).to_owned()).collect();
            let text = text.map(str::to_owned);
            ids(&house, &Query { seller, drafts, states, text, ..query(Sort::Newest) })
        };
        assert_eq!(found(seller, true, &[], None), [3]);
        assert_eq!(found(seller, true, &["draft"], Some("table")), [3]);
        assert_eq!(found(seller, false, &["draft"], None), NONE);
        assert_eq!(found(None, true, &["draft"], None), NONE);
        assert_eq!(found(None, true, &[], Some("table")), NONE);
        assert_eq!(found(UserId::new(2), true, &["draft"], None), NONE);
    });
}

#[test]
fn rows_are_put_in_place_and_forgotten() {
    each(|_, house| {
        five(&house);
        house.lists.put(4, 18, &[row(2, "open", "Green bowl", 700, Some(60))]).unwrap();
        assert_eq!(house.lists.cursor(4).unwrap(), 18);
        assert_eq!(ids(&house, &query(Sort::Price)), [5, 4, 1, 2]);
        let text =
            |text: &str| ids(&house, &Query { text: Some(text.to_owned()), ..query(Sort::Newest) });
        assert_eq!(text("blue"), NONE);
        assert_eq!(text("green"), [2]);
        house.lists.clear().unwrap();
        assert_eq!(house.lists.cursor(4).unwrap(), 0);
        assert_eq!(ids(&house, &query(Sort::Price)), NONE);
        assert_eq!(text("green"), NONE);
        five(&house);
        assert_eq!(text("blue"), [2]);
    });
}

#[test]
fn pages_neither_repeat_nor_skip_while_rows_are_added() {
    let sorts = [Sort::Ending, Sort::Newest, Sort::Price];
    for (sort, text) in sorts.into_iter().flat_map(|sort| [(sort, None), (sort, Some("thing"))]) {
        each(|_, house| {
            // Many share a key, so that the id has to tell them apart.
            let make = |id: i64| {
                let state = ["open", "sold", "scheduled"][(id % 3) as usize];
                let ends_at = (id % 4 != 0).then_some(id % 5 * 10);
                row(id, state, "thing", id % 7, ends_at)
            };
            let rows: Vec<Row> = (1..=100).map(|id| make(id * 10)).collect();
            house.lists.put(0, 1, &rows).unwrap();
            let (mut seen, mut after, mut next) = (Vec::new(), None, 1);
            let text = text.map(str::to_owned);
            loop {
                let page = house
                    .lists
                    .page(&Query { after, limit: 7, text: text.clone(), ..query(sort) })
                    .unwrap()
                    .rows;
                let Some((key, id)) = page.last() else { break };
                after = Some((*key, id.get()));
                seen.extend(page);
                if next < 60 {
                    let added: Vec<Row> = (0..9).map(|step| make(next * 10 + step + 1)).collect();
                    house.lists.put(0, 1, &added).unwrap();
                    next += 1;
                }
                assert!(seen.len() < 2000, "it does not end");
            }
            assert!(seen.is_sorted_by(|a, b| a < b), "{sort:?}: in order, nothing twice");
            for id in (1..=100).map(|id| id * 10) {
                assert!(seen.iter().any(|(_, seen)| seen.get() == id), "{sort:?}: {id} skipped");
            }
        });
    }
}

#[test]
fn all_words_of_a_search_count_and_their_beginnings_do() {
    each(|_, house| {
        five(&house);
        let text =
            |text: &str| ids(&house, &Query { text: Some(text.to_owned()), ..query(Sort::Newest) });
        assert_eq!(text("vase"), [5, 2, 1]);
        assert_eq!(text("VAS red"), [1]);
        assert_eq!(text("étag"), [4]);
        assert_eq!(text("red blue"), NONE);
        assert_eq!(text("ase"), NONE);
    });
}

#[test]
fn nothing_in_a_search_is_more_than_a_word() {
    each(|_, house| {
        five(&house);
        let text =
            |text: &str| ids(&house, &Query { text: Some(text.to_owned()), ..query(Sort::Newest) });
        for hostile in [
            "",
            " ",
            "\"",
            "\"\"",
            "*",
            "^",
            "-",
            "(",
            ")",
            "\0",
            "'",
            "' OR 1=1 --",
            "title:",
            "vase\" OR \"red",
            "title : vase NOT blue",
            "NEAR(vase red)",
            "AND",
            "vase AND",
            "\u{202e}",
            "{title} : x",
            "; DROP TABLE auction",
            "%",
            "_",
            "!!!",
            "\u{fffd}\u{300}",
        ] {
            let found = text(hostile);
            assert!(found.is_empty(), "{hostile:?} found {found:?}");
        }
        assert_eq!(text("vase*"), [5, 2, 1]);
        assert_eq!(text("-vase + red"), [1]);
        assert_eq!(text("\"classic\""), [5]);
        assert_eq!(text("va\0 red"), [1]);
        text(&"a ".repeat(10_000));
        text(&"\"(".repeat(10_000));
        text(&"x".repeat(1_000_000));
        let everything = Query { category: Some("x' OR '1'='1".into()), ..query(Sort::Ending) };
        assert_eq!(ids(&house, &everything), NONE);
    });
}
