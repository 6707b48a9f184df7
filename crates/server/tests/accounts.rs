//! Accounts as a client sees them: registering, signing in and out, roles, bans, erasure; and what
//! nobody is told.

#[path = "house/served.rs"]
#[expect(dead_code, reason = "each test binary uses a part of it")]
mod served;

use serde_json::{Value, json};
use served::Served;

const PASSWORD: &str = "correct horse battery staple";

fn registration(name: &str, email: &str) -> Value {
    json!({ "username": name, "email": email, "password": PASSWORD })
}

#[test]
fn sign_up_in_and_out() {
    let house = Served::new();
    let (id, token) = house.user("anna");
    let me = house.get("/v1/users/me", Some(&token)).json();
    assert_eq!((me["id"].as_i64(), me["username"].as_str()), (Some(id), Some("anna")));
    assert_eq!(me["roles"], json!(["bidder", "seller"]));
    let public = house.get(&format!("/v1/users/{id}"), None).json();
    let mut names: Vec<&str> = public.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["created_at", "id", "username"]);
    let other = house.sign_in("ANNA@example.com", PASSWORD);
    assert_eq!(house.ask("DELETE", "/v1/session", Some(&token), &Value::Null).status, 204);
    assert_eq!(house.get("/v1/users/me", Some(&token)).code(), "unauthenticated");
    assert_eq!(house.get("/v1/users/me", Some(&other)).status, 200);
}

#[test]
fn nobody_learns_whether_an_address_is_known() {
    let house = Served::new();
    house.user("anna");
    let free = house.ask("POST", "/v1/users", None, &registration("bob", "bob@example.com"));
    let taken = house.ask("POST", "/v1/users", None, &registration("cleo", "anna@example.com"));
    assert_eq!((free.status, taken.status), (201, 201));
    let (free, taken) = (free.json(), taken.json());
    assert_eq!(taken["email"], "anna@example.com");
    let shape = |user: &Value| user.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(shape(&free), shape(&taken));
    let path = format!("/v1/users/{}", taken["id"]);
    assert_eq!(house.get(&path, None).status, 200);
    let token = house.sign_in("cleo", PASSWORD);
    assert_eq!(house.get("/v1/users/me", Some(&token)).json()["email"], "anna@example.com");
    let owner = house.sign_in("anna@example.com", PASSWORD);
    assert_eq!(house.get("/v1/users/me", Some(&owner)).json()["username"], "anna");
    let unknown = json!({ "login": "nobody", "password": PASSWORD });
    let wrong = json!({ "login": "anna", "password": "wrong password" });
    let unknown = house.ask("POST", "/v1/session", None, &unknown);
    let wrong = house.ask("POST", "/v1/session", None, &wrong);
    assert_eq!((unknown.status, wrong.status), (401, 401));
    assert_eq!(unknown.json()["detail"], wrong.json()["detail"]);
    let again = house.ask("POST", "/v1/users", None, &registration("Anna", "x@example.com"));
    assert_eq!((again.status, again.code().as_str()), (409, "taken"));
}

#[test]
fn what_cannot_be_an_account_names_its_field() {
    let house = Served::new();
    let field = |body: Value| {
        let reply = house.ask("POST", "/v1/users", None, &body);
        assert_eq!((reply.status, reply.code().as_str()), (400, "malformed"), "{reply:?}");
        reply.json()["field"].as_str().unwrap().to_owned()
    };
    let with = |name: &str, value: Value| {
        let mut body = registration("anna", "anna@example.com");
        body[name] = value;
        body
    };
    assert_eq!(field(with("username", json!("ab"))), "username");
    assert_eq!(field(with("username", json!("an\u{202e}na"))), "username");
    assert_eq!(field(with("email", json!("nowhere"))), "email");
    assert_eq!(field(with("password", json!("password123"))), "password");
    assert_eq!(field(with("password", json!("short"))), "password");
    assert_eq!(field(with("name", json!("a\nb"))), "name");
    for name in ["roles", "role", "id", "is_verified", "created_at", "banned"] {
        assert_eq!(field(with(name, json!(1))), name);
    }
}

#[test]
fn only_staff_does_what_staff_does() {
    let house = Served::new();
    let (anna, token) = house.user("anna");
    let (bob, _) = house.user("bob");
    let admin = house.admin();
    let roles = format!("/v1/users/{bob}/roles");
    let ban = format!("/v1/users/{bob}/ban");
    let clerk = json!({ "roles": ["clerk"] });
    let reason = json!({ "reason": "shill" });
    for (method, path, body) in [
        ("GET", "/v1/users", &Value::Null),
        ("PATCH", roles.as_str(), &clerk),
        ("POST", ban.as_str(), &reason),
        ("DELETE", ban.as_str(), &Value::Null),
    ] {
        assert_eq!(house.ask(method, path, None, body).status, 401, "{method} {path}");
        assert_eq!(house.ask(method, path, Some(&token), body).status, 403, "{method} {path}");
    }
    let page = house.get("/v1/users?limit=2", Some(&admin)).json();
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = house.get(&format!("/v1/users?limit=2&cursor={cursor}"), Some(&admin)).json();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &Value::Null));
    assert_eq!(house.get("/v1/users?limit=101", Some(&admin)).status, 400);
    assert_eq!(house.get("/v1/users?limit=0", Some(&admin)).status, 400);
    let promoted = house.ask("PATCH", &format!("/v1/users/{anna}/roles"), Some(&admin), &clerk);
    assert_eq!(promoted.json()["roles"], json!(["clerk"]));
    // A clerk at once, in the session that was there before; clerks know auctions, not people.
    assert_eq!(house.get("/v1/events", Some(&token)).status, 200);
    for (method, path, body) in [
        ("GET", "/v1/users", &Value::Null),
        ("PATCH", roles.as_str(), &clerk),
        ("POST", ban.as_str(), &reason),
    ] {
        assert_eq!(house.ask(method, path, Some(&token), body).status, 403, "{method} {path}");
    }
    assert_eq!(house.ask("POST", &ban, Some(&admin), &reason).json()["banned"], true);
    assert_eq!(house.ask("DELETE", &ban, Some(&admin), &Value::Null).json()["banned"], false);
    let crown = json!({ "roles": ["king"] });
    assert_eq!(house.ask("PATCH", &roles, Some(&admin), &crown).status, 400);
}

#[test]
fn changes_that_matter_need_the_password_and_end_sessions() {
    let house = Served::new();
    let (id, token) = house.user("anna");
    let patch = |body: Value| house.ask("PATCH", "/v1/users/me", Some(&token), &body);
    let named = patch(json!({ "name": "Anna Bell", "phone": "+49 1" })).json();
    assert_eq!((&named["name"], &named["phone"]), (&json!("Anna Bell"), &json!("+49 1")));
    assert_eq!(patch(json!({ "phone": null })).json()["phone"], Value::Null);
    assert_eq!(patch(json!({ "email": "new@example.com" })).status, 400);
    let wrong = json!({ "email": "new@example.com", "current_password": "wrong password" });
    assert_eq!(patch(wrong).status, 403);
    let new = "another horse entirely";
    assert_eq!(patch(json!({ "password": new, "current_password": PASSWORD })).status, 200);
    assert_eq!(house.get("/v1/users/me", Some(&token)).status, 401);
    let token = house.sign_in("anna", new);
    let erase = |password: &str| {
        house.ask("DELETE", "/v1/users/me", Some(&token), &json!({ "password": password }))
    };
    assert_eq!(erase(PASSWORD).status, 403);
    assert_eq!(erase(new).status, 204);
    assert_eq!(house.get("/v1/users/me", Some(&token)).status, 401);
    let profile = house.get(&format!("/v1/users/{id}"), None);
    assert!(!profile.body.contains("anna"), "{profile:?}");
}

#[test]
fn guessing_is_slowed_down_for_the_guesser_only() {
    let house = Served::with(&["limits.logins_per_minute_per_account=5"]);
    let (_, token) = house.user("anna");
    let wrong = json!({ "login": "anna", "password": "wrong password" });
    let codes: Vec<u16> =
        (0..6).map(|_| house.ask("POST", "/v1/session", None, &wrong).status).collect();
    assert_eq!(codes, [401, 401, 401, 401, 429, 429]);
    assert_eq!(house.get("/v1/users/me", Some(&token)).status, 200);
}
