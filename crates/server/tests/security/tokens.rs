//! Tokens from outside, good and forged, against a real key server that the test starts.

use super::served::{Reply, Served};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gavel_auction::time::{SECOND, Time};
use gavel_server::config::Config;
use gavel_server::outside::{Algorithm, Outside};
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair as RsaKeyPair, PublicKeyComponents};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256,
};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

const ISSUER: &str = "https://issuer.example.com/pool";
const AUDIENCE: &str = "gavel-web";

/// An issuer: its keys, and a server that tells them.
struct Issuer {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
    address: SocketAddr,
    told: Arc<Mutex<String>>,
    asked: Arc<AtomicU32>,
    down: Arc<AtomicBool>,
}

fn url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Issuer {
    fn start() -> Self {
        let text: String = include_str!("rsa_test_key.txt").split_whitespace().collect();
        let rsa = RsaKeyPair::from_pkcs8(&STANDARD.decode(text).unwrap()).unwrap();
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let ec = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let ec = EcdsaKeyPair::from_pkcs8(algorithm, ec.as_ref(), &random).unwrap();
        let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let ed = Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = Self {
            address: listener.local_addr().unwrap(),
            told: Arc::default(),
            asked: Arc::default(),
            down: Arc::default(),
            rsa,
            ec,
            ed,
        };
        *issuer.told.lock().unwrap() = issuer.keys().to_string();
        let (told, asked, down) =
            (Arc::clone(&issuer.told), Arc::clone(&issuer.asked), Arc::clone(&issuer.down));
        let serving = move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                asked.fetch_add(1, Ordering::SeqCst);
                let mut head = [0; 2048];
                let read = stream.read(&mut head).unwrap_or(0);
                assert!(head[..read].starts_with(b"GET /keys HTTP/1.1"));
                let body = told.lock().unwrap().clone();
                let status = if down.load(Ordering::SeqCst) { "503 Down" } else { "200 OK" };
                let reply = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                drop(stream.write_all(reply.as_bytes()));
            }
        };
        std::thread::Builder::new().spawn(serving).unwrap();
        issuer
    }

    fn keys(&self) -> Value {
        let PublicKeyComponents::<Vec<u8>> { n, e } = self.rsa.public().into();
        let point = self.ec.public_key().as_ref();
        json!({"keys": [
            {"kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256",
             "n": url(&n),
             "e": url(&e)},
            {"kty": "RSA", "kid": "rsa-any",
             "n": url(&n),
             "e": url(&e)},
            {"kty": "EC", "kid": "ec", "crv": "P-256", "x": url(&point[1..33]),
             "y": url(&point[33..])},
            {"kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": url(self.ed.public_key().as_ref())},
            {"kty": "oct", "kid": "shared", "k": url(b"a secret that both know")},
            {"kty": "RSA", "kid": "enc", "use": "enc",
             "n": url(&n),
             "e": url(&e)}
        ]})
    }

    fn sign(&self, alg: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let mut signature = vec![0; self.rsa.public().modulus_len()];
        match alg {
            "RS256" => self.rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap(),
            "PS256" => self.rsa.sign(&RSA_PSS_SHA256, &random, message, &mut signature).unwrap(),
            "ES256" => signature = self.ec.sign(&random, message).unwrap().as_ref().to_vec(),
            "EdDSA" => signature = self.ed.sign(message).as_ref().to_vec(),
            _ => signature.clear(), // not ours: a text
        }
        signature
    }

    /// A token with this head and these claims, signed in the way that the head says.
    fn token(&self, head: &Value, claims: &Value) -> String {
        self.written(&head.to_string(), &claims.to_string())
    }

    fn written(&self, head: &str, claims: &str) -> String {
        let alg = serde_json::from_str::<Value>(head)
            .ok()
            .and_then(|head| head["alg"].as_str().map(str::to_owned))
            .unwrap_or_default();
        let signed = format!("{}.{}", url(head.as_bytes()), url(claims.as_bytes()));
        format!("{signed}.{}", url(&self.sign(&alg, signed.as_bytes())))
    }

    fn house(&self, algorithms: &str) -> Served {
        self.house_with(algorithms, "dialects.currency=EUR")
    }

    /// The same, with one more setting.
    fn house_with(&self, algorithms: &str, set: &str) -> Served {
        let issuers = format!("tokens.issuers={ISSUER}");
        let audiences = format!("tokens.audiences={AUDIENCE}");
        let jwks = format!("tokens.jwks=http://{}/keys", self.address);
        let algorithms = format!("tokens.algorithms={algorithms}");
        Served::with(&[&issuers, &audiences, &jwks, &algorithms, set])
    }
}

#[expect(clippy::disallowed_methods, reason = "an issuer beside the house has a clock of its own")]
fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

fn claims(subject: &str) -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": now() - 1, "exp": now() + 600})
}

fn with(mut value: Value, name: &str, field: Value) -> Value {
    value[name] = field;
    value
}

fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().unwrap().remove(name);
    value
}

fn me(house: &Served, token: &str) -> Reply {
    house.get("/v1/users/me", Some(token))
}

const ALL: &str = "RS256,PS256,ES256,EdDSA";

#[test]
fn tokens_of_cognito_keycloak_and_auth0_make_a_user_at_first_sight() {
    let issuer = Issuer::start();
    let house = issuer.house(ALL);
    let rs = json!({"alg": "RS256", "kid": "rsa", "typ": "JWT"});
    let cognito = json!({"iss": ISSUER, "client_id": AUDIENCE, "token_use": "access",
        "sub": "0c-1", "username": "carla", "iat": now(), "exp": now() + 600, "scope": "openid"});
    let keycloak = with(claims("kc-1"), "preferred_username", json!("kurt"));
    let keycloak = with(keycloak, "aud", json!(["account", AUDIENCE]));
    let keycloak = with(keycloak, "typ", json!("Bearer"));
    let keycloak = with(keycloak, "email", json!("kurt@example.com"));
    let keycloak = with(keycloak, "email_verified", json!(true));
    let es = json!({"alg": "ES256", "kid": "ec", "typ": "at+jwt"});
    let auth0 = json!({"alg": "EdDSA", "kid": "ed"});
    let arrivals = [
        (issuer.token(&rs, &cognito), "carla"),
        (issuer.token(&es, &keycloak), "kurt"),
        (issuer.token(&auth0, &claims("auth0|1")), "user-"),
        (issuer.token(&json!({"alg": "PS256", "kid": "rsa-any"}), &claims("ps")), "user-"),
    ];
    for (token, name) in &arrivals {
        let reply = me(&house, token);
        assert_eq!(reply.status, 200, "{reply:?}");
        let user = reply.json();
        assert!(user["username"].as_str().unwrap().starts_with(name), "{user}");
        assert_eq!(user["roles"], json!(["bidder", "seller"]));
        assert_eq!(me(&house, token).json()["id"], user["id"], "the same at every sight");
    }
    let kurt = me(&house, &arrivals[1].0).json();
    assert_eq!(
        (&kurt["email"], &kurt["email_confirmed"]),
        (&json!("kurt@example.com"), &json!(true))
    );
    // A later token of the same subject is the same user; another subject with the same name and
    // address is another one, who gets neither.
    let later = issuer.token(&rs, &with(claims("kc-1"), "iat", json!(now())));
    assert_eq!(me(&house, &later).json()["id"], kurt["id"]);
    let twin = with(keycloak.clone(), "sub", json!("kc-2"));
    let twin = me(&house, &issuer.token(&es, &twin)).json();
    assert_ne!(twin["id"], kurt["id"]);
    assert!(twin["username"].as_str().unwrap().starts_with("kurt-") && twin["email"].is_null());
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 1, "the keys were fetched once");
    let export = house.get("/v1/users/me/export", Some(&later)).json();
    assert_eq!(export["signs_in_at"], json!({"issuer": ISSUER, "subject": "kc-1"}));
    // He bids and sells with it as with a session.
    let body = json!({"title": "A kettle", "currency": "EUR", "preset": "ladder",
        "duration_seconds": 600});
    let made = house.ask("POST", "/v1/auctions", Some(&later), &body);
    assert_eq!(made.status, 201, "{made:?}");
    let bids = format!("/v1/auctions/{}/bids", made.json()["id"]);
    let bid = house.ask("POST", &bids, Some(&arrivals[0].0), &json!({"amount": 1000}));
    assert_eq!(bid.status, 201, "{bid:?}");
}

#[test]
fn s4_12_s4_18_a_token_of_cognito_sells_and_bids_in_flash_and_a_bad_one_does_not() {
    let issuer = Issuer::start();
    let house = issuer.house_with(ALL, "dialects.on=flash");
    let rs = json!({"alg": "RS256", "kid": "rsa", "typ": "JWT"});
    let cognito = |subject: &str, until: i64, audience: &str| {
        let sub = format!("sub-{subject}");
        let claims = json!({"iss": ISSUER, "client_id": audience, "token_use": "access",
            "sub": sub, "username": subject, "iat": now() - 700, "exp": until});
        issuer.token(&rs, &claims)
    };
    let [host, jane] = ["host", "jane"].map(|name| cognito(name, now() + 600, AUDIENCE));
    let sale = json!({"title": "A watch", "duration": 600, "starting_bid": 10.50});
    let made = house.ask("POST", "/auctions", Some(&host), &sale);
    assert_eq!((made.status, &made.json()["host_username"]), (201, &json!("host")), "{made:?}");
    let bid = json!({"auction_id": made.json()["auction_id"], "amount": 11.50});
    let placed = house.ask("POST", "/internal/bids", Some(&jane), &bid);
    assert_eq!(
        (placed.status, &placed.json()["you_are_winning"]),
        (201, &json!(true)),
        "{placed:?}"
    );
    let mut forged = jane.clone();
    let last = forged.pop().filter(|last| *last != 'A').map_or('B', |_| 'A');
    forged.insert(forged.rfind('.').unwrap() + 1, last);
    let bad = [
        ("run out", cognito("mary", now() - 600, AUDIENCE)),
        ("for somebody else", cognito("mary", now() + 600, "another")),
        ("forged", forged),
    ];
    for (why, token) in bad {
        let bid = json!({"auction_id": made.json()["auction_id"], "amount": 20.50});
        let placed = house.ask("POST", "/internal/bids", Some(&token), &bid);
        assert_eq!((placed.status, &*placed.code()), (401, "unauthenticated"), "{why}");
    }
}

/// Forgeries whose head is to blame.
fn forged_heads(issuer: &Issuer) -> Vec<(&'static str, String)> {
    let good = claims("victim");
    let head = |head: Value| issuer.token(&head, &good);
    let hmac = |key: &[u8]| {
        let signed = format!(
            "{}.{}",
            url(json!({"alg": "HS256", "kid": "rsa"}).to_string().as_bytes()),
            url(good.to_string().as_bytes())
        );
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
        let tag = ring::hmac::sign(&key, signed.as_bytes());
        format!("{signed}.{}", url(tag.as_ref()))
    };
    let PublicKeyComponents::<Vec<u8>> { n: modulus, .. } = issuer.rsa.public().into();
    let own = json!({"kty": "OKP", "crv": "Ed25519", "x": url(issuer.ed.public_key().as_ref())});
    let none = head(json!({"alg": "none", "kid": "rsa"}));
    let unsigned = none.rsplit_once('.').unwrap().0.to_owned();
    let trick = r#"{"alg":"RS256","alg":"none","kid":"rsa"}"#;
    vec![
        ("alg none", none),
        ("alg NoNe", head(json!({"alg": "NoNe", "kid": "rsa"}))),
        ("no signature part", unsigned),
        ("HS256 with the public key", hmac(&modulus)),
        ("HS256 with the key set", hmac(issuer.keys().to_string().as_bytes())),
        ("HS256 with the set's shared key", hmac(b"a secret that both know")),
        ("no kid", head(json!({"alg": "RS256"}))),
        ("kid is a path", head(json!({"alg": "RS256", "kid": "../../../../dev/null"}))),
        ("kid is SQL", head(json!({"alg": "RS256", "kid": "rsa' OR '1'='1"}))),
        ("kid is a number", head(json!({"alg": "RS256", "kid": 1}))),
        ("kid is another type's key", head(json!({"alg": "RS256", "kid": "ed"}))),
        ("a key for PS256 in RS256's place", head(json!({"alg": "PS256", "kid": "rsa"}))),
        ("a key for encryption", head(json!({"alg": "RS256", "kid": "enc"}))),
        ("jku", head(json!({"alg": "EdDSA", "kid": "ed", "jku": "http://127.0.0.1:1/keys"}))),
        ("x5u", head(json!({"alg": "EdDSA", "kid": "ed", "x5u": "http://127.0.0.1:1/cert"}))),
        ("jwk", head(json!({"alg": "EdDSA", "kid": "ed", "jwk": own}))),
        ("crit", head(json!({"alg": "EdDSA", "kid": "ed", "crit": ["exp"]}))),
        (
            "typ of something else",
            head(json!({"alg": "EdDSA", "kid": "ed", "typ": "secevent+jwt"})),
        ),
        ("alg twice", issuer.written(trick, &good.to_string())),
    ]
}

/// Forgeries whose claims are to blame: all are signed well.
fn forged_claims(issuer: &Issuer) -> Vec<(&'static str, String)> {
    let head = json!({"alg": "EdDSA", "kid": "ed"});
    let say = |claims: Value| issuer.token(&head, &claims);
    let good = || claims("victim");
    let twice = format!(
        r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"victim","sub":"admin","iat":1,"exp":{}}}"#,
        now() + 600
    );
    let id_token = json!({"iss": ISSUER, "client_id": AUDIENCE, "token_use": "id",
        "sub": "victim", "iat": now(), "exp": now() + 600});
    vec![
        ("no aud", say(without(good(), "aud"))),
        ("another aud", say(with(good(), "aud", json!("other")))),
        (
            "another aud beside our client_id",
            say(with(with(good(), "aud", json!("other")), "client_id", json!(AUDIENCE))),
        ),
        ("aud is a number", say(with(good(), "aud", json!(1)))),
        ("no iss", say(without(good(), "iss"))),
        ("another iss", say(with(good(), "iss", json!("https://evil.example.com")))),
        ("iss with a slash", say(with(good(), "iss", json!(format!("{ISSUER}/"))))),
        ("no sub", say(without(good(), "sub"))),
        ("sub is empty", say(with(good(), "sub", json!("")))),
        ("no exp", say(without(good(), "exp"))),
        ("exp is a text", say(with(good(), "exp", json!("99999999999")))),
        ("exp is over", say(with(good(), "exp", json!(now() - 6)))),
        ("exp overflows", say(with(good(), "exp", json!(i64::MAX)))),
        ("exp is a float", say(with(good(), "exp", json!(9_999_999_999.5)))),
        ("nbf is far", say(with(good(), "nbf", json!(now() + 3600)))),
        ("iat is far", say(with(good(), "iat", json!(now() + 3600)))),
        ("no iat", say(without(good(), "iat"))),
        ("an id token of Cognito", say(id_token)),
        ("an id token of Keycloak", say(with(good(), "typ", json!("ID")))),
        ("a refresh token of Keycloak", say(with(good(), "typ", json!("Refresh")))),
        ("sub twice", issuer.written(&head.to_string(), &twice)),
        ("claims are a list", issuer.written(&head.to_string(), "[]")),
        ("too long", say(with(good(), "x", json!("x".repeat(9_000))))),
    ]
}

#[test]
fn sec_s13_no_forged_token_is_good_and_none_makes_the_house_ask_around() {
    let issuer = Issuer::start();
    let house = issuer.house("RS256,ES256,EdDSA,PS256");
    let good = issuer.token(&json!({"alg": "EdDSA", "kid": "ed"}), &claims("victim"));
    assert_eq!(me(&house, &good).status, 200);
    let mut forged = forged_heads(&issuer);
    forged.extend(forged_claims(&issuer));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let mut other = URL_SAFE_NO_PAD.decode(signature).unwrap();
    other[0] ^= 1;
    forged.push(("a changed signature", format!("{signed}.{}", url(&other))));
    forged.push(("another's signature", {
        let other = issuer.token(&json!({"alg": "EdDSA", "kid": "ed"}), &claims("other"));
        format!("{signed}.{}", other.rsplit_once('.').unwrap().1)
    }));
    forged.push(("a padded signature", format!("{good}==")));
    forged.push(("four parts", format!("{good}.{signature}")));
    forged.push(("dots", "..".to_owned()));
    forged.push(("no token", "a.b.c".to_owned()));
    assert!(forged.len() >= 40);
    for (what, token) in &forged {
        let reply = me(&house, token);
        assert_eq!((reply.status, reply.code().as_str()), (401, "unauthenticated"), "{what}");
        let bid = json!({"amount": 1000});
        let reply = house.ask("POST", "/v1/auctions/1/bids", Some(token), &bid);
        assert_eq!(reply.status, 401, "{what}");
    }
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 1, "what was unknown a moment ago still is");
    assert_eq!(me(&house, &good).status, 200);
    assert_eq!(house.get("/v1/users?q=victim", Some(&house.admin())).json()["items"], json!([]));
}

#[test]
fn sec_s13_an_algorithm_that_is_not_allowed_is_not_taken() {
    let issuer = Issuer::start();
    let house = issuer.house("RS256");
    let token =
        |alg: &str, kid: &str| issuer.token(&json!({"alg": alg, "kid": kid}), &claims("victim"));
    assert_eq!(me(&house, &token("RS256", "rsa")).status, 200);
    for (alg, kid) in [("ES256", "ec"), ("EdDSA", "ed"), ("PS256", "rsa-any")] {
        assert_eq!(me(&house, &token(alg, kid)).status, 401, "{alg}");
    }
    // A house without issuers takes no token but its own.
    let house = Served::new();
    assert_eq!(me(&house, &token("RS256", "rsa")).status, 401);
}

#[test]
fn sec_s13_known_keys_work_while_the_issuer_is_down_and_unknown_ones_ask_once() {
    let issuer = Issuer::start();
    let house = issuer.house(ALL);
    let token = |kid: &str, subject: &str| {
        issuer.token(&json!({"alg": "EdDSA", "kid": kid}), &claims(subject))
    };
    assert_eq!(me(&house, &token("ed", "one")).status, 200);
    issuer.down.store(true, Ordering::SeqCst);
    *issuer.told.lock().unwrap() = "not keys".to_owned();
    for number in 0..1_000 {
        assert_eq!(me(&house, &token(&format!("unknown-{number}"), "one")).status, 401);
    }
    assert!(issuer.asked.load(Ordering::SeqCst) <= 2);
    assert_eq!(me(&house, &token("ed", "two")).status, 200, "what is known stays known");
}

/// Time is an argument here, so that an hour passes at once.
#[test]
fn sec_s13_keys_are_fetched_when_they_are_old_or_unknown_and_once_a_minute() {
    let issuer = Issuer::start();
    let mut config = Config::default().tokens;
    (config.issuers, config.audiences) = (vec![ISSUER.to_owned()], vec![AUDIENCE.to_owned()]);
    config.jwks = vec![format!("http://{}/keys", issuer.address)];
    config.algorithms = vec![Algorithm::EdDsa];
    let outside = Outside::new(&config).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let begin = now();
    let long = with(claims("one"), "exp", json!(begin + 100_000));
    let token = |kid: &str| issuer.token(&json!({"alg": "EdDSA", "kid": kid}), &long);
    let good = token("ed");
    let check = |token: &str, after: i64| {
        runtime.block_on(async {
            let at = Time((begin + after) * SECOND);
            let claims = outside.check(token.as_bytes(), at).await;
            // What is fetched beside is given the time it needs.
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
            claims.is_some()
        })
    };
    let asked = || issuer.asked.load(Ordering::SeqCst);
    let until = |count: u32, after: i64| {
        for _ in 0..1_000 {
            if asked() == count {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
            runtime.block_on(async { tokio::task::yield_now().await });
        }
        panic!("{} fetches, not {count}, after {after} seconds", asked());
    };
    assert!(check(&good, 0));
    assert_eq!(asked(), 1);
    for number in 0..10_000 {
        assert!(!check(&token(&format!("k{number}")), 61));
    }
    assert_eq!(asked(), 2, "once a minute");
    assert!(check(&good, 3_600));
    assert_eq!(asked(), 2, "the keys are not old yet");
    issuer.down.store(true, Ordering::SeqCst);
    assert!(check(&good, 3_700), "old keys are taken while new ones are fetched");
    until(3, 3_700);
    for after in (3_701..7_300).step_by(600) {
        assert!(check(&good, after), "the issuer is down, and what is known stays known");
    }
    issuer.down.store(false, Ordering::SeqCst);
    let mut fewer = issuer.keys();
    fewer["keys"].as_array_mut().unwrap().retain(|key| key["kid"] != "ed");
    *issuer.told.lock().unwrap() = fewer.to_string();
    let before = asked();
    assert!(check(&good, 10_000));
    until(before + 1, 10_000);
    for _ in 0..1_000 {
        if !check(&good, 10_001) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("a key that the issuer has taken back is still believed");
}

#[test]
fn sec_s14_tokens_from_outside_end_here_too() {
    let issuer = Issuer::start();
    let house = issuer.house(ALL);
    let token = |issued: i64| {
        let claims = with(claims("one"), "iat", json!(now() - issued));
        issuer.token(&json!({"alg": "EdDSA", "kid": "ed"}), &claims)
    };
    let (first, second) = (token(3), token(2));
    let id = me(&house, &first).json()["id"].clone();
    assert_eq!(me(&house, &second).json()["id"], id);
    assert_eq!(house.ask("DELETE", "/v1/session", Some(&first), &Value::Null).status, 204);
    assert_eq!(me(&house, &first).status, 401, "signed out with this token");
    assert_eq!(me(&house, &second).status, 200, "and not with the other");
    let everywhere = house.ask("DELETE", "/v1/users/me/sessions", Some(&second), &Value::Null);
    assert_eq!(everywhere.status, 204);
    for old in [&first, &second, &token(1)] {
        assert_eq!(me(&house, old).status, 401, "issued before");
    }
    let soon = token(-2);
    assert_eq!(me(&house, &soon).status, 200, "issued afterwards");
    let ban = format!("/v1/users/{id}/ban");
    let shut = house.ask("POST", &ban, Some(&house.admin()), &json!({"reason": "shill"}));
    assert_eq!(shut.status, 200);
    let body = json!({"title": "A kettle", "currency": "EUR", "preset": "ladder",
        "duration_seconds": 600});
    let refused = house.ask("POST", "/v1/auctions", Some(&token(-4)), &body);
    assert_eq!((refused.status, refused.code().as_str()), (403, "banned"));
    // A token that ends while it is in use is good no more; clocks may differ by five seconds.
    let short = with(claims("short"), "exp", json!(now() - 1));
    let short = issuer.token(&json!({"alg": "EdDSA", "kid": "ed"}), &short);
    assert_eq!(me(&house, &short).status, 200, "it ended a second ago");
    let until = now() + 6;
    while now() < until {
        if me(&house, &short).status == 401 {
            return;
        }
    }
    assert_eq!(me(&house, &short).status, 401, "it ended");
}
