//! What happens in the middle of something else: a request to the live room is taken as far as a
//! test wants, and goes on when that has happened.

use super::site::{Person, Site};
use axum::body::{Body, to_bytes};
use axum::response::Response;
use gavel_auction::command::Roles;
use http::Request;
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

/// Long enough for one look into the store.
const LOOK: Duration = Duration::from_millis(60);

/// A client that polls.
struct Polls<'a> {
    site: &'a Site,
    sid: String,
}

impl<'a> Polls<'a> {
    fn begin(site: &'a Site) -> Self {
        let mut polls = Self { site, sid: String::new() };
        let open = polls.news();
        let open: Value = serde_json::from_str(&open[1..]).unwrap();
        polls.sid = open["sid"].as_str().unwrap().to_owned();
        polls
    }

    fn with(site: &'a Site, by: &Person) -> Self {
        let polls = Self::begin(site);
        site.run(polls.delivers(&format!("40{}", json!({"token": by.token}))));
        assert!(polls.news().starts_with("40"));
        polls
    }

    fn send(&self, method: &str, body: &str) -> impl Future<Output = Response> + use<> {
        let sid = if self.sid.is_empty() { String::new() } else { format!("&sid={}", self.sid) };
        let path = format!("/socket.io/?EIO=4&transport=polling{sid}");
        let request = Request::builder().method(method).uri(path).header("host", "house");
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let edge = self.site.edge();
        async move { edge.answer(Ipv4Addr::LOCALHOST.into(), request).await }
    }

    /// What waits for him.
    fn news(&self) -> String {
        let body = self.site.run(self.send("GET", "")).into_body();
        let bytes = self.site.run(to_bytes(body, usize::MAX)).unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn delivers(&self, packet: &str) -> impl Future<Output = Response> + use<> {
        self.send("POST", packet)
    }

    /// The data of an event that waits for him.
    fn hears(&self, name: &str) -> Value {
        let news = self.news();
        let event = format!("42[\"{name}\",");
        let data = news.split('\u{1e}').find_map(|packet| packet.strip_prefix(&event));
        let data = data.and_then(|data| data.strip_suffix(']'));
        serde_json::from_str(data.unwrap_or_else(|| panic!("{news}"))).unwrap()
    }
}

/// Takes something on by so many looks into the store; whether it came to its end.
async fn on<T>(mut what: Pin<&mut impl Future<Output = T>>, looks: usize) -> bool {
    for _look in 0..looks {
        let once = std::future::poll_fn(|context| Poll::Ready(what.as_mut().poll(context)));
        if once.await.is_ready() {
            return true;
        }
        tokio::time::sleep(LOOK).await;
    }
    false
}

#[test]
fn sec_s14_whoever_is_shut_out_while_he_comes_in_stays_out() {
    let site = Site::new();
    let anna = site.member("anna");
    let polls = Polls::begin(&site);
    let mut comes = pin!(polls.delivers(&format!("40{}", json!({"token": anna.token}))));
    assert!(!site.run(on(comes.as_mut(), 1)), "he was looked up and is not in yet");
    site.ban(&anna);
    site.run(comes);
    let told = polls.news();
    assert!(told.starts_with("44") && told.contains("banned"), "{told}");
}

#[test]
fn what_is_said_and_taken_back_while_a_room_is_made_is_shown_as_it_is() {
    let site = Site::new();
    let clerk = site.person("clerk", Roles::CLERK);
    let mut looks = 0;
    // The room is made a little further each time before something happens.
    loop {
        let member = |name: &str| site.member(&format!("{name}{looks}"));
        let [seller, anna, bert] = ["seller", "anna", "bert"].map(member);
        let path = site.auction(&seller, json!({"duration_seconds": 3600}));
        let lot: u64 = path.rsplit('/').next().unwrap().parse().unwrap();
        let says = |by: &Person, words: &str| {
            let spoken = site.post(&format!("{path}/chat"), by, &json!({"message": words}));
            spoken.expect(201)["id"].clone()
        };
        let [first, second] = [says(&anna, "first"), says(&bert, "second")];
        let polls = Polls::with(&site, &bert);
        let join = json!(["join_auction", {"auction_id": lot}]);
        let mut joins = pin!(polls.delivers(&format!("42{join}")));
        let was_in = site.run(on(joins.as_mut(), looks));
        if was_in {
            break;
        }
        let taken = site.ask("DELETE", &format!("{path}/chat/{first}"), Some(&clerk), None, "");
        assert_eq!(taken.status, 204, "{taken:?}");
        let third = says(&seller, "third");
        site.run(joins);
        let chat = polls.hears("joined_auction")["chat"].clone();
        let ids: Vec<_> = chat.as_array().unwrap().iter().map(|said| said["id"].clone()).collect();
        assert_eq!(ids, [second, third], "after {looks} looks: {chat}");
        looks += 1;
    }
}
