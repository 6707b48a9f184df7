//! The vault in real files: what was written in plain text moves in, keys rotate, and what is in
//! the files says nothing about anybody.
#![expect(clippy::unwrap_used, reason = "tests, with what they share")]

use gavel_auction::command::Roles;
use gavel_auction::event::{Digest, HouseId};
use gavel_auction::ids::UserId;
use gavel_auction::time::Time;
use gavel_engine::people::{NewUser, Outside, Session, User, UserChange, UserQuery};
use gavel_store::sqlite::{self, OpenError, Options, Stores};
use gavel_store::vault::{Keyring, VaultError};
use rusqlite::{Connection, params};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

const HOUSE: HouseId = HouseId([7; 16]);
const FIRST: &str = include_str!("../migrations/sqlite/people/0001_people.sql");

fn chance() -> [u8; 32] {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let mut bytes = [5; 32];
    bytes[..8].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    bytes
}

fn ring() -> Keyring {
    Keyring::new([7; 32], chance)
}

fn try_open(dir: &Path, ring: &Keyring) -> Result<Stores, OpenError> {
    sqlite::open(dir, &Options { vault: Some(ring.clone()), ..Options::default() })
}

fn open(dir: &Path, ring: &Keyring) -> Stores {
    try_open(dir, ring).unwrap()
}

fn house() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    sqlite::init(dir.path(), HOUSE, 1, Time(1)).unwrap();
    dir
}

/// Whether any file of people holds these bytes. Nobody may have them open.
fn found(dir: &Path, words: &str) -> bool {
    ["people.db", "people.db-wal"].iter().any(|file| {
        let bytes = fs::read(dir.join(file)).unwrap_or_default();
        bytes.windows(words.len()).any(|window| window == words.as_bytes())
    })
}

/// A house whose people were written by a Gavel that had no vault.
fn old_house() -> TempDir {
    let dir = house();
    for ending in ["", "-wal", "-shm"] {
        drop(fs::remove_file(dir.path().join(format!("people.db{ending}"))));
    }
    let old = Connection::open(dir.path().join("people.db")).unwrap();
    old.execute_batch("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;").unwrap();
    old.execute_batch(FIRST).unwrap();
    old.pragma_update(None, "application_id", 0x4756_4c02).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    old.execute("INSERT INTO meta (one, house) VALUES (1, ?1)", [&HOUSE.0]).unwrap();
    let add = "INSERT INTO user (id, username, username_folded, email, email_folded, name, phone,
            roles, banned, created_at, password_hash)
        VALUES (?1, ?2, lower(?2), ?3, lower(?3), ?4, '+41 44 canary', 3, ?5, 50, '$hash-canary')";
    let rows = [
        (1, "Paul", "paul.canary@example.org", Some("Paul Canary"), None),
        (2, "PauI", "PAUL.canary@example.org#0123456789abcdef", None, Some("shill-canary")),
        (5, "Cleo", "cleo.canary@example.org", None, None),
    ];
    for (id, name, email, full, banned) in rows {
        old.execute(add, params![id, name, email, full, banned]).unwrap();
    }
    old.execute("DELETE FROM user WHERE id = 5", []).unwrap();
    let session = "INSERT INTO session (token, user, expires_at) VALUES (?1, 1, 900)";
    old.execute(session, [&[9_u8; 32][..]]).unwrap();
    dir
}

#[test]
fn whoever_was_there_before_moves_in() {
    let dir = old_house();
    assert!(found(dir.path(), "canary"), "the test sees what it looks for");
    let people = open(dir.path(), &ring()).people;
    let user = |id| people.user(UserId::new(id).unwrap()).unwrap();
    let paul: User = user(1).unwrap();
    assert_eq!(paul.email.as_deref(), Some("paul.canary@example.org"));
    assert_eq!(paul.name.as_deref(), Some("Paul Canary"));
    assert_eq!(paul.phone.as_deref(), Some("+41 44 canary"));
    assert_eq!(paul.password_hash.as_deref(), Some("$hash-canary"));
    assert_eq!((paul.roles, paul.created_at), (Roles::MEMBER, Time(50)));
    assert!(!paul.email_confirmed);
    let claimed = user(2).unwrap();
    assert_eq!(claimed.username, "PauI", "he was here before looks mattered");
    assert_eq!(claimed.email.as_deref(), Some("PAUL.canary@example.org"));
    assert_eq!(claimed.banned.as_deref(), Some("shill-canary"));
    let login = people.user_by_login("paul.canary@EXAMPLE.org").unwrap();
    assert_eq!(login, Some(paul.clone()), "the first who claimed it, as before");
    let session = people.session(&Digest([9; 32])).unwrap().unwrap();
    assert_eq!((session.user, session.expires_at), (paul.id, Time(900)));
    let new = NewUser { username: "dora".to_owned(), ..NewUser::default() };
    let dora = people.add_user(&new, Time(60)).unwrap();
    assert_eq!(dora.id.get(), 6, "the id of an erased user is never given again");
    drop(people);
    assert!(!found(dir.path(), "canary"));
    let again = open(dir.path(), &ring()).people;
    assert_eq!(again.user(paul.id).unwrap(), Some(paul));
}

#[test]
fn a_move_that_was_cut_short_is_finished() {
    let dir = old_house();
    // Without its key the schema is brought to today's, and nobody has moved in yet.
    let without = sqlite::open(dir.path(), &Options::default()).unwrap();
    assert!(without.people.user(UserId::new(1).unwrap()).is_err());
    drop(without);
    let people = open(dir.path(), &ring()).people;
    let paul = people.user(UserId::new(1).unwrap()).unwrap().unwrap();
    assert_eq!(paul.name.as_deref(), Some("Paul Canary"));
    drop(people);
    assert!(!found(dir.path(), "canary"));
}

#[test]
fn whoever_was_there_before_is_linked() {
    let dir = house();
    let stores = open(dir.path(), &ring());
    let add = |username: &str| {
        let phone = Some("0170 123456".to_owned());
        let new = NewUser { username: username.to_owned(), phone, ..NewUser::default() };
        stores.people.add_user(&new, Time(5)).unwrap().id
    };
    let (anna, bert) = (add("anna"), add("bert"));
    drop(stores);
    let file = Connection::open(dir.path().join("people.db")).unwrap();
    file.execute_batch("DELETE FROM trace; UPDATE user SET traced = 0;").unwrap();
    drop(file);
    let links = open(dir.path(), &ring()).people.links(anna, None, 9).unwrap();
    assert_eq!(links.iter().map(|link| link.user).collect::<Vec<_>>(), [bert]);
}

fn full_user(stores: &Stores) -> User {
    let outside = Outside { issuer: "https://i-canary".into(), subject: "s-canary".into() };
    let new = NewUser {
        username: "anna".to_owned(),
        email: Some("anna-canary@example.org".to_owned()),
        email_confirmed: true,
        name: Some("Anna Canary".to_owned()),
        phone: Some("0-canary".to_owned()),
        password_hash: Some("$argon2id$canary".to_owned()),
        roles: Roles::MEMBER,
        outside: Some(outside),
        mere_name: false,
    };
    let id = stores.people.add_user(&new, Time(5)).unwrap().id;
    let change = UserChange {
        address: Some(Some("1 Canary Wharf".to_owned())),
        banned: Some(Some("a canary".to_owned())),
        second_factor: Some(Some(b"secret canary".to_vec())),
        ..UserChange::default()
    };
    assert!(stores.people.change_user(id, &change).unwrap());
    let from = Some("a canary's browser".to_owned());
    let session = Session { user: id, created_at: Time(1), expires_at: Time(99), from };
    stores.people.add_session(&Digest([3; 32]), &session).unwrap();
    stores.people.user(id).unwrap().unwrap()
}

#[test]
fn the_files_say_nothing_about_anybody() {
    let dir = house();
    let stores = open(dir.path(), &ring());
    let user = full_user(&stores);
    assert_eq!(user.address.as_deref(), Some("1 Canary Wharf"));
    drop(stores);
    assert!(found(dir.path(), "anna"), "the public name is public");
    assert!(!found(dir.path(), "canary") && !found(dir.path(), "Canary"));
}

#[test]
fn another_key_opens_nothing_and_a_value_stays_in_its_place() {
    let dir = house();
    let stores = open(dir.path(), &ring());
    full_user(&stores);
    let other = NewUser { username: "bert".to_owned(), ..NewUser::default() };
    let bert = stores.people.add_user(&other, Time(1)).unwrap().id;
    drop(stores);
    let wrong = try_open(dir.path(), &Keyring::new([8; 32], chance));
    assert!(matches!(wrong, Err(OpenError::Vault { source: VaultError::MissingKey, .. })));
    // Whoever can write the file cannot make Bert out of Anna.
    let file = Connection::open(dir.path().join("people.db")).unwrap();
    let swap = "UPDATE user SET (wrapped_by, data_key, email) =
            (SELECT wrapped_by, data_key, email FROM user WHERE username = 'anna')
        WHERE username = 'bert'";
    file.execute(swap, []).unwrap();
    drop(file);
    let error = open(dir.path(), &ring()).people.user(bert).unwrap_err();
    assert!(error.to_string().contains("was changed, or belongs elsewhere"), "{error}");
}

#[test]
fn keys_rotate_without_anything_being_lost() {
    let dir = house();
    let old = ring();
    let stores = open(dir.path(), &old);
    let anna = full_user(&stores);
    for number in 0..20 {
        let new = NewUser { username: format!("user{number}x"), ..NewUser::default() };
        stores.people.add_user(&new, Time(1)).unwrap();
    }
    drop(stores);
    let both = old.with_new();
    let held = open(dir.path(), &both);
    assert!(matches!(sqlite::rotate_vault(dir.path(), &both), Err(OpenError::Locked { .. })));
    drop(held);
    assert_eq!(sqlite::rotate_vault(dir.path(), &both).unwrap(), 21);
    // A repeat after a crash between the two steps does no harm.
    assert_eq!(sqlite::rotate_vault(dir.path(), &both).unwrap(), 21);
    assert!(matches!(try_open(dir.path(), &old), Err(OpenError::Vault { .. })));
    let people = open(dir.path(), &both.newest()).people;
    assert_eq!(people.user(anna.id).unwrap(), Some(anna.clone()));
    assert_eq!(people.user_by_login("ANNA-canary@example.org").unwrap(), Some(anna.clone()));
    let outside = Outside { issuer: "https://i-canary".into(), subject: "s-canary".into() };
    assert_eq!(people.user_from(&outside).unwrap(), Some(anna.clone()));
    let query = UserQuery { text: Some("canary".into()), limit: 9, ..UserQuery::default() };
    assert_eq!(people.users(&query).unwrap(), vec![anna.clone()]);
    let seen = people.sessions(anna.id, Time(1)).unwrap();
    assert_eq!(seen[0].1.from.as_deref(), Some("a canary's browser"));
}
