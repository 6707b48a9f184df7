//! The live room over sockets of a real house, by the official client of Socket.IO and by one of
//! our own: who gets in and how, that all see the same and each his own, what is told when, and
//! that nobody who is slow or rude harms another.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "live/between.rs"]
mod between;
#[path = "live/drawn.rs"]
mod drawn;
#[path = "live/node.rs"]
mod node;
#[expect(dead_code, reason = "each test binary uses a part of it")]
#[path = "house/served.rs"]
mod served;
#[path = "floor/site.rs"]
mod site;
#[path = "live/socket.rs"]
mod socket;

use node::Node;
use serde_json::{Value, json};
use served::{Served, auction, bid};
use socket::{Socket, frame};

fn refused(house: &Served, options: Value) -> Value {
    let mut all = json!({"transports": ["websocket"], "reconnection": false});
    all.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    Node::connect(house.address, &all).wait("!refused")
}

#[test]
fn by_websocket_by_polling_and_by_polling_until_a_websocket_takes_over() {
    let house = Served::new();
    let (seller, (id, token)) = (house.user("seller").1, house.user("anna"));
    let lot = auction(&house, &seller, json!({"preset": "ladder"}));
    for (number, transports) in
        [json!(["websocket"]), json!(["polling"]), json!(["polling", "websocket"])]
            .into_iter()
            .enumerate()
    {
        let options = json!({"transports": transports, "auth": {"token": token}});
        let mut client = Node::connect(house.address, &options);
        let user = &client.wait("connected")["user"];
        assert_eq!(user, &json!({"id": id, "username": "anna"}));
        if transports == json!(["polling", "websocket"]) {
            assert_eq!(client.wait("!upgrade"), "websocket");
        }
        let joined = client.join(json!({"auction_id": lot}));
        let view = house.get(&format!("/v1/auctions/{lot}"), Some(&token)).json();
        for same in ["version", "price", "bid_count", "title", "terms", "you"] {
            assert_eq!(joined["state"][same], view[same], "{same}");
        }
        let amount = 1_000 * (number + 1);
        let body = json!({"auction_id": lot, "amount": amount, "key": format!("k{number}")});
        let answer = client.ask("bid", body.clone());
        assert_eq!(answer["status"], 201, "{answer}");
        let update = client.wait_until("bid_update", |it| it["high_bid"] == amount);
        assert_eq!(update["version"], answer["body"]["version"]);
        assert_eq!(update["bid_count"], number + 1);
        // The same key gives the same answer, on any way.
        assert_eq!(client.ask("bid", body.clone()), answer);
        let headers = format!(
            "authorization: Bearer {token}\r\nidempotency-key: k{number}\r\n\
             content-type: application/json\r\n"
        );
        let text = json!({"amount": amount}).to_string();
        let path = format!("/v1/auctions/{lot}/bids");
        let again = house.send("POST", &path, &headers, text.as_bytes());
        assert_eq!((json!(again.status), again.json()), (json!(201), answer["body"].clone()));
        let other = json!({"auction_id": lot, "amount": amount + 500, "key": format!("k{number}")});
        assert_eq!(client.ask("bid", other)["body"]["code"], "key_reused");
        client.act("close");
    }
}

#[test]
fn sec_s1_a_seller_does_not_bid_by_the_live_room() {
    let house = Served::new();
    let seller = house.user("seller").1;
    let lot = auction(&house, &seller, json!({"preset": "ladder"}));
    let mut client = Node::with(house.address, &seller);
    let answer = client.ask("bid", json!({"auction_id": lot, "amount": 100, "key": "a"}));
    let said = (&answer["status"], &answer["body"]["code"]);
    assert_eq!(said, (&json!(403), &json!("own_auction")), "{answer}");
    assert_eq!(house.get(&format!("/v1/auctions/{lot}"), None).json()["bid_count"], 0);
}

#[test]
fn refusals_are_what_http_would_say() {
    let house = Served::new();
    let (seller, anna) = (house.user("seller").1, house.user("anna").1);
    let lot = auction(&house, &seller, json!({"starting_price": 1_000}));
    let draft = auction(&house, &seller, json!({"publish": false}));
    let mut client = Node::with(house.address, &anna);
    for (name, data, status, code) in [
        ("bid", json!({"auction_id": lot, "amount": 1, "key": "a"}), 422, "below_start"),
        ("bid", json!({"auction_id": lot, "amount": 1}), 400, "malformed"),
        ("bid", json!({"auction_id": lot, "amount": 1.5, "key": "b"}), 400, "malformed"),
        ("bid", json!({"auction_id": lot, "amount": 1, "key": "c", "user": 1}), 400, "malformed"),
        ("bid", json!({"amount": 1, "key": "d"}), 400, "malformed"),
        ("bid", json!({"auction_id": 99, "amount": 1, "key": "e"}), 404, "not_found"),
        ("bid", json!([lot]), 400, "malformed"),
        ("join_auction", json!({"auction_id": 99}), 404, "not_found"),
        ("join_auction", json!({"auction_id": draft}), 404, "not_found"),
        ("join_auction", json!({"auction_id": "1"}), 400, "malformed"),
        ("join_auction", json!({"auction_id": lot, "room": "staff"}), 400, "malformed"),
        ("shout", json!({}), 404, "not_found"),
    ] {
        let answer = client.ask(name, data.clone());
        let said = (&answer["status"], &answer["body"]["code"]);
        assert_eq!(said, (&json!(status), &json!(code)), "{name} {data}: {answer}");
        assert!(answer["body"]["trace_id"].is_string());
    }
    let answer = client.ask("sync", json!({}));
    assert!(answer["body"]["server_time"].is_string(), "{answer}");
    let mut own = Node::with(house.address, &seller);
    assert_eq!(own.join(json!({"auction_id": draft}))["state"]["state"], "draft");
}

#[test]
fn whoever_is_refused_is_told_why_and_a_ticket_is_good_once() {
    let house = Served::with(&["live.query_tokens=true", "users.public=see_auctions"]);
    let token = house.user("anna").1;
    let banned = house.user("bert").0;
    let by_bad_token = refused(&house, json!({"auth": {"token": "x".repeat(43)}}));
    assert_eq!(by_bad_token["message"], "unauthenticated");
    assert_eq!(by_bad_token["data"]["status"], 401);
    let reason = json!({"reason": "shill"});
    house.ask("POST", &format!("/v1/users/{banned}/ban"), Some(&house.admin()), &reason);
    let again = house.sign_in("bert", "correct horse battery staple");
    assert_eq!(refused(&house, json!({"auth": {"token": again}}))["message"], "banned");
    let ticket = house.ask("POST", "/v1/tickets", Some(&token), &Value::Null);
    assert_eq!(ticket.status, 201, "{ticket:?}");
    let by_ticket = json!({"auth": {"ticket": ticket.json()["ticket"]}});
    let mut options = by_ticket.clone();
    options["transports"] = json!(["websocket"]);
    let mut client = Node::connect(house.address, &options);
    assert_eq!(client.wait("connected")["user"]["username"], "anna");
    assert_eq!(refused(&house, by_ticket)["message"], "unauthenticated");
    let options = json!({"transports": ["websocket"], "query": {"token": token}});
    let mut client = Node::connect(house.address, &options);
    assert_eq!(client.wait("connected")["user"]["username"], "anna");
    // Everybody may look, and nobody bids without a name.
    let mut client = Node::connect(house.address, &json!({"transports": ["websocket"]}));
    assert_eq!(client.wait("connected")["user"], Value::Null);
    let answer = client.ask("bid", json!({"auction_id": 1, "amount": 1, "key": "a"}));
    assert_eq!(answer["body"]["code"], "unauthenticated");
    let closed = Served::with(&["users.public="]);
    assert_eq!(refused(&closed, json!({}))["message"], "unauthenticated");
    let token = closed.user("anna").1;
    let by_query = refused(&closed, json!({"query": {"token": token}}));
    assert_eq!(by_query["message"], "unauthenticated", "only where it is switched on");
}

#[test]
fn sec_s15_pages_of_other_origins_do_not_get_in() {
    let house = Served::with(&["server.origins=https://shop.example.com"]);
    let token = house.user("anna").1;
    let handshake = |origin: &str| {
        let headers = format!("origin: {origin}\r\ncookie: __Host-gavel={token}\r\n");
        house.send("GET", "/socket.io/?EIO=4&transport=polling", &headers, b"")
    };
    assert_eq!(handshake("https://evil.example.com").status, 403);
    assert_eq!(handshake("null").status, 403);
    assert_eq!(handshake(&format!("http://{}", house.address)).status, 200);
    let named = handshake("https://shop.example.com");
    let header = named.header("access-control-allow-origin");
    assert_eq!((named.status, header), (200, Some("https://shop.example.com")));
    // The victim's cookie makes nobody of him.
    let (open, rest) = named.body.split_at(1);
    let sid: Value = serde_json::from_str(rest).unwrap();
    assert_eq!(open, "0");
    let path = format!("/socket.io/?EIO=4&transport=polling&sid={}", sid["sid"].as_str().unwrap());
    let cookie = format!("cookie: __Host-gavel={token}\r\ncontent-type: text/plain\r\n");
    assert_eq!(house.send("POST", &path, &cookie, b"40").body, "ok");
    let news = house.send("GET", &path, &cookie, b"").body;
    assert!(news.contains("\"user\":null"), "{news}");
}

#[test]
fn sec_s15_nobody_is_heard_before_he_was_let_in_and_nonsense_ends_the_socket() {
    let house = Served::with(&["limits.sockets_per_ip=0"]);
    let seller = house.user("seller").1;
    let lot = auction(&house, &seller, json!({}));
    let join = format!("421[\"join_auction\",{{\"auction_id\":{lot}}}]");
    let ends = |mut socket: Socket, said: &str| {
        socket.send(said);
        socket.say("sync", &json!({}));
        assert_eq!(socket.text(), None, "{said}");
    };
    for said in [&join, "421[\"sync\",{}]", "43[]", "42", "9", "4"] {
        let mut socket = Socket::handshake(house.address).unwrap();
        assert!(socket.text().unwrap().starts_with('0'));
        ends(socket, said);
    }
    for said in ["40", "42", "42[", "42{}", "451-[\"x\",{}]", "49", "9"] {
        ends(Socket::open(house.address, None).unwrap(), said);
    }
    // Those who were not let in yet have their places, too.
    let house = Served::with(&["limits.sockets_per_ip=2"]);
    let silent: Vec<_> = (0..4).map(|_| Socket::handshake(house.address)).collect();
    assert!(silent.iter().all(Option::is_some));
    assert!(Socket::handshake(house.address).is_none());
}

#[test]
fn what_makes_no_sense_is_said_in_the_words_of_the_protocol() {
    let house = Served::new();
    for (method, query, code) in [
        ("GET", "EIO=3&transport=polling", 5),
        ("GET", "transport=polling", 5),
        ("GET", "EIO=4", 0),
        ("GET", "EIO=4&transport=carrier-pigeon", 0),
        ("GET", "EIO=4&transport=polling&sid=nobody", 1),
        ("POST", "EIO=4&transport=polling", 2),
        ("GET", "EIO=4&transport=websocket", 3),
    ] {
        let reply = house.send(method, &format!("/socket.io/?{query}"), "", b"");
        assert_eq!((reply.status, reply.json()["code"].as_i64()), (400, Some(code)), "{query}");
    }
    let mut client = Node::connect(house.address, &json!({"transports": ["websocket"]}));
    client.wait("connected");
    client.raw("40/admin,");
    client.raw("9");
    assert_eq!(client.wait("!disconnect"), "transport close");
    // He may come back.
    client.wait("!again");
}

#[test]
fn each_bidder_is_told_his_own_after_every_change_and_after_he_came_back() {
    let house = Served::new();
    let (seller, anna, bert) = (house.user("seller").1, house.user("anna").1, house.user("bert").1);
    let terms = json!({"proxy": "maximum", "increment": {"kind": "fixed", "step": 100},
        "retraction": "while_open"});
    let body = json!({"preset": "english", "starting_price": 1_000, "terms": terms});
    let lot = auction(&house, &seller, body);
    let mut clients = [
        Node::with(house.address, &anna),
        Node::with(house.address, &bert),
        Node::with(house.address, &seller),
    ];
    for client in &mut clients {
        let joined = client.join(json!({"auction_id": lot}));
        assert_eq!((&joined["you_are_winning"], &joined["top_bids"]), (&json!(false), &json!([])));
    }
    let mut seen_by_all = |version: &Value, winning: [bool; 3]| -> Value {
        let mut last = Value::Null;
        for (client, winning) in clients.iter_mut().zip(winning) {
            let update = client.wait_until("bid_update", |it| it["version"] == *version);
            assert_eq!(update["you_are_winning"], winning, "{update}");
            last = update;
        }
        assert_eq!(last["you"], Value::Null, "the seller has no bid");
        last
    };
    let first = bid(&house, lot, &anna, &json!({"maximum": 5_000}));
    seen_by_all(&first["version"], [true, false, false]);
    let second = bid(&house, lot, &bert, &json!({"maximum": 3_000}));
    let update = seen_by_all(&second["version"], [true, false, false]);
    assert_eq!((&update["high_bid"], &update["bidder_count"]), (&json!(3_100), &json!(2)));
    let tops: Vec<_> = update["top_bids"].as_array().unwrap().iter().collect();
    assert_eq!((&tops[0]["paddle"], &tops[0]["amount"]), (&json!(1), &json!(3_100)));
    assert_eq!((tops.len(), &tops[1]["paddle"]), (2, &json!(2)));
    let third = bid(&house, lot, &bert, &json!({"maximum": 9_000}));
    seen_by_all(&third["version"], [false, true, false]);
    let path = format!("/v1/auctions/{lot}/bids/{}", third["bid"]);
    let undone = house.ask("DELETE", &path, Some(&bert), &Value::Null);
    assert_eq!(undone.status, 200, "{undone:?}");
    seen_by_all(&undone.json()["version"], [true, false, false]);
    // Whoever comes back sees the same, with what is his.
    let mut again = Node::with(house.address, &anna);
    let joined = again.join(json!({"auction_id": lot, "after_version": 4}));
    assert_eq!((&joined["you_are_winning"], &joined["from_version"]), (&json!(true), &json!(5)));
    assert_eq!(joined["you"]["maximum"], 5_000);
    let hidden = clients[2].so_far("bid_update");
    assert!(!json!(hidden).to_string().contains("9000"), "a maximum is nobody else's business");
}

#[test]
fn one_stream_of_versions_for_all_doors_without_holes() {
    let house =
        Served::with(&["limits.bids_per_second_per_actor=0", "limits.bids_per_second_per_ip=0"]);
    let (seller, anna) = (house.user("seller").1, house.user("anna").1);
    let lot = auction(&house, &seller, json!({"preset": "ladder"}));
    let mut socket = Socket::open(house.address, None).unwrap();
    let joined = socket.join(lot).unwrap();
    let mut known = joined["version"].as_u64().unwrap();
    let bids = 200;
    let last = std::thread::scope(|scope| {
        let bidding = scope.spawn(|| {
            let amounts = (1..=bids).map(|number| json!({"amount": number * 100}));
            amounts.map(|amount| bid(&house, lot, &anna, &amount)).fold(Value::Null, |_, it| it)
        });
        while known < 3 + bids {
            let (name, update) = socket.next().unwrap();
            if name == "bid_update" {
                assert_eq!(update["from_version"], known + 1, "{update}");
                known = update["version"].as_u64().unwrap();
                assert_eq!(update["high_bid"], (known - 3) * 100);
                assert_eq!(update["top_bids"][0]["amount"], (known - 3) * 100);
            }
        }
        bidding.join().unwrap()
    });
    assert_eq!(last["version"], known);
    // A place that is not of this history: he is told so, and where it is.
    for named in [u64::MAX, 9_999] {
        socket.say("leave_auction", &json!({"auction_id": lot}));
        socket.say("join_auction", &json!({"auction_id": lot, "after_version": named}));
        let reset = socket.wait("joined_auction").unwrap();
        assert_eq!((&reset["reset"]["named"], &reset["version"]), (&json!(named), &json!(known)));
    }
    bid(&house, lot, &anna, &json!({"amount": 90_000}));
    let update = socket.wait("bid_update").unwrap();
    assert_eq!(update["from_version"], known + 1);
}

#[test]
fn time_is_told_and_nothing_ends_before_it_has() {
    let house = Served::new();
    let (seller, anna) = (house.user("seller").1, house.user("anna").1);
    let close = json!({"kind": "soft", "window_seconds": 60, "extend_to_seconds": 4,
        "max_total_seconds": 600});
    let body = json!({"preset": "english", "duration_seconds": 3, "terms": {"close": close}});
    let lot = auction(&house, &seller, body);
    let mut socket = Socket::open(house.address, Some(&anna)).unwrap();
    socket.join(lot).unwrap();
    let first = socket.wait("timer_update").unwrap();
    assert!(first["time_remaining_seconds"].as_i64().unwrap() <= 3, "{first}");
    let placed = bid(&house, lot, &anna, &json!({"amount": 100}));
    assert_eq!(placed["extended"], true);
    let update = socket.wait("bid_update").unwrap();
    assert_eq!(update["effective_end"], placed["effective_end"]);
    let told = socket.wait("timer_update").unwrap();
    assert_eq!(told["effective_end"], placed["effective_end"], "at once");
    let mut left = Vec::new();
    let ended = loop {
        let (name, data) = socket.next().unwrap();
        match name.as_str() {
            "timer_update" => {
                assert_eq!(data["state"], "open");
                left.push(data["time_remaining_seconds"].as_i64().unwrap());
            }
            "auction_ended" => break data,
            _ => assert_ne!(data["state"], "sold", "{name}: {data}"),
        }
    };
    assert!(left.windows(2).all(|two| two[0] > two[1] || two[1] == 0), "{left:?}");
    assert_eq!(
        (&ended["outcome"]["result"], &ended["you"]["standing"]),
        (&json!("sold"), &json!("won"))
    );
    assert_eq!(ended["you_are_winning"], true);
}

#[test]
fn a_clock_tells_each_drop_outside_of_the_versions() {
    let house = Served::new();
    let seller = house.user("seller").1;
    let clock = json!({"kind": "descending", "start": 10_000, "floor": 1_000, "step": 100,
        "every_seconds": 1});
    let made = json!({"title": "Lot", "currency": "EUR", "preset": "dutch",
        "terms": {"clock": clock}});
    let made = house.ask("POST", "/v1/auctions", Some(&seller), &made);
    assert_eq!(made.status, 201, "{made:?}");
    let mut socket = Socket::open(house.address, None).unwrap();
    let joined = socket.join(made.json()["id"].as_u64().unwrap()).unwrap();
    let first = socket.wait("clock").unwrap();
    let second = socket.wait("clock").unwrap();
    assert_eq!(first["version"], joined["version"]);
    let price = |message: &Value| message["price"].as_i64().unwrap();
    assert_eq!(price(&first) - price(&second), 100);
    assert!(first["next_drop_at"].as_str() < second["next_drop_at"].as_str());
}

#[test]
fn who_watches_is_counted_once_and_may_be_away_for_a_moment() {
    let house = Served::new();
    let (seller, anna) = (house.user("seller").1, house.user("anna").1);
    let lot = auction(&house, &seller, json!({"terms": {"visibility": "named"}}));
    let mut watcher = Socket::open(house.address, Some(&seller)).unwrap();
    watcher.join(lot).unwrap();
    let mut count = |wanted: u64| loop {
        let told = watcher.wait("presence_update").unwrap();
        if told["participant_count"] == wanted {
            break told;
        }
    };
    count(1);
    let mut tabs: Vec<_> =
        (0..2).map(|_| Socket::open(house.address, Some(&anna)).unwrap()).collect();
    for tab in &mut tabs {
        tab.join(lot).unwrap();
    }
    let told = count(2);
    assert_eq!(told["participants"], json!(["anna", "seller"]));
    assert_eq!((&told["joined"], &told["left"]), (&json!(["anna"]), &json!([])));
    let mut other = Socket::open(house.address, None).unwrap();
    assert_eq!(other.join(lot).unwrap()["participants"], 3);
    count(3);
    // One tab closes, the other says that it goes: she has left at once.
    drop(tabs.pop());
    tabs[0].say("leave_auction", &json!({"auction_id": lot}));
    tabs[0].wait("ack").unwrap();
    let told = count(2);
    assert_eq!((&told["joined"], &told["left"]), (&json!([]), &json!(["anna"])));
    // A connection that breaks is given a moment.
    drop(other);
    count(1);
}

/// Waits as long as somebody may be silent: he is asked within 25 seconds, given up 20 later.
#[test]
fn whoever_is_gone_without_a_word_is_counted_no_more_and_after_a_kill_who_came_back() {
    let mut house = Served::new();
    let (seller, anna) = (house.user("seller").1, house.user("anna").1);
    let lot = auction(&house, &seller, json!({"terms": {"visibility": "named"}}));
    let mut watcher = Socket::open(house.address, Some(&seller)).unwrap();
    watcher.join(lot).unwrap();
    // Half open: she takes nothing, says nothing, and closes nothing.
    let mut silent = Socket::open(house.address, Some(&anna)).unwrap();
    assert_eq!(silent.join(lot).unwrap()["participants"], 2);
    let left = loop {
        let told = watcher.wait("presence_update").unwrap();
        if told["left"] == json!(["anna"]) {
            break told;
        }
    };
    assert_eq!(
        (&left["participant_count"], &left["participants"]),
        (&json!(1), &json!(["seller"]))
    );
    house.kill();
    house.again(&[]);
    let mut back = Socket::open(house.address, Some(&anna)).unwrap();
    assert_eq!(back.join(lot).unwrap()["participants"], 1);
    let told = back.wait("presence_update").unwrap();
    assert_eq!((&told["participants"], &told["joined"]), (&json!(["anna"]), &json!(["anna"])));
    drop((silent, watcher));
}

#[test]
fn p14_who_comes_and_goes_is_told_by_name_only_where_bidders_are_named() {
    let house = Served::new();
    let (seller, anna) = (house.user("seller").1, house.user("anna").1);
    for visibility in ["paddle", "sealed"] {
        let preset = if visibility == "sealed" { "sealed" } else { "english" };
        let lot = auction(&house, &seller, json!({"preset": preset}));
        let mut watcher = Socket::open(house.address, None).unwrap();
        watcher.join(lot).unwrap();
        let mut hers = Socket::open(house.address, Some(&anna)).unwrap();
        hers.join(lot).unwrap();
        let mut hear = |count: u64| loop {
            let told = watcher.wait("presence_update").unwrap();
            assert!(!told.to_string().contains("anna"), "{visibility}: {told}");
            for name in ["participants", "joined", "left"] {
                assert!(told.get(name).is_none(), "{visibility}: {told}");
            }
            if told["participant_count"] == count {
                break;
            }
        };
        hear(2);
        hers.say("leave_auction", &json!({"auction_id": lot}));
        hear(1);
    }
}

#[test]
fn p8_what_is_said_again_under_its_key_is_heard_once() {
    let mut house = Served::new();
    let (seller, anna, bert) = (house.user("seller").1, house.user("anna").1, house.user("bert").1);
    let lot = auction(&house, &seller, json!({}));
    let path = format!("/v1/auctions/{lot}/chat");
    let say = |house: &Served, by: &str, key: &str, message: &str| {
        let headers = format!(
            "authorization: Bearer {by}\r\nidempotency-key: {key}\r\n\
             content-type: application/json\r\n"
        );
        let body = json!({ "message": message }).to_string();
        house.send("POST", &path, &headers, body.as_bytes())
    };
    let mut there = Node::with(house.address, &bert);
    there.join(json!({"auction_id": lot}));
    let first = say(&house, &anna, "k1", "Hello");
    assert_eq!(first.status, 201, "{first:?}");
    let again = say(&house, &anna, "\"k1\"", " Hello ");
    assert_eq!((again.status, &again.body), (201, &first.body));
    let other = say(&house, &anna, "k1", "Goodbye");
    assert_eq!((other.status, &other.json()["code"]), (422, &json!("key_reused")));
    assert_eq!(say(&house, &anna, "a b", "Hello").json()["code"], "malformed");
    // The key is hers alone, and good for both doors.
    let his = say(&house, &bert, "k1", "Hello");
    assert_eq!(his.status, 201, "{his:?}");
    assert_ne!(his.json()["id"], first.json()["id"]);
    let mut hers = Node::with(house.address, &anna);
    let on_a_socket = json!({"auction_id": lot, "message": "Hello", "key": "k1"});
    assert_eq!(hers.ask("chat_message", on_a_socket)["body"], first.json());
    assert_eq!(there.wait("chat_message")["id"], first.json()["id"]);
    assert_eq!(there.wait("chat_message")["id"], his.json()["id"]);
    // What was taken away does not come back, and a house that opens again knows its keys.
    let gone = format!("{path}/{}", first.json()["id"]);
    assert_eq!(house.ask("DELETE", &gone, Some(&house.admin()), &Value::Null).status, 204);
    drop((there, hers));
    house.kill();
    house.again(&[]);
    let again = say(&house, &anna, "k1", "Hello");
    assert_eq!((again.status, &again.body), (201, &first.body));
    let items = house.get(&path, None).json()["items"].clone();
    assert_eq!(items.as_array().unwrap().len(), 1, "{items}");
    assert_eq!(items[0]["user"]["username"], "bert");
}

#[test]
fn what_somebody_said_is_in_his_own_export_and_goes_with_him() {
    let house = Served::new();
    let (seller, anna, bert) = (house.user("seller").1, house.user("anna").1, house.user("bert").1);
    let [one, two] = [(); 2].map(|()| auction(&house, &seller, json!({})));
    let say = |lot: u64, by: &str, message: &str| {
        let path = format!("/v1/auctions/{lot}/chat");
        house.ask("POST", &path, Some(by), &json!({ "message": message })).json()
    };
    let said = [say(one, &anna, "canary one"), say(two, &anna, "canary two")];
    say(one, &bert, "not hers");
    let export = |by: &str| house.get("/v1/users/me/export", Some(by)).json();
    let line = |said: &Value| {
        json!({"id": said["id"], "auction": said["auction_id"], "message": said["message"],
            "at": said["at"]})
    };
    assert_eq!(export(&anna)["chat"], json!([line(&said[0]), line(&said[1])]));
    assert_eq!(export(&seller)["chat"], json!([]));
    let body = json!({"password": "correct horse battery staple"});
    assert_eq!(house.ask("DELETE", "/v1/users/me", Some(&anna), &body).status, 204);
    for (lot, left) in [(one, 1), (two, 0)] {
        let chat = house.get(&format!("/v1/auctions/{lot}/chat"), None);
        assert_eq!(chat.json()["items"].as_array().unwrap().len(), left);
        assert!(!chat.body.contains("canary"), "{}", chat.body);
        let mut there = Node::with(house.address, &bert);
        let joined = there.join(json!({"auction_id": lot}));
        assert_eq!(joined["chat"].as_array().unwrap().len(), left);
    }
    let clerk = house.admin();
    assert!(!house.get("/v1/users/me/export", Some(&clerk)).body.contains("canary"));
}

#[test]
fn chat_is_by_name_bounded_and_in_the_hands_of_the_house() {
    let house = Served::new();
    let (seller, (anna_id, anna)) = (house.user("seller").1, house.user("anna"));
    let bert = house.user("bert").1;
    let lot = auction(&house, &seller, json!({}));
    let mut anna_there = Node::with(house.address, &anna);
    let mut bert_there = Node::with(house.address, &bert);
    anna_there.join(json!({"auction_id": lot}));
    bert_there.join(json!({"auction_id": lot}));
    let claim = json!({"auction_id": lot, "message": " Hello <b> ", "user_id": 1,
        "username": "admin"});
    let answer = anna_there.ask("chat_message", claim);
    assert_eq!(answer["status"], 200, "{answer}");
    let heard = bert_there.wait("chat_message");
    assert_eq!(
        (&heard["message"], &heard["user"]),
        (&json!("Hello <b>"), &json!({"id": anna_id, "username": "anna"}))
    );
    let long = json!({"auction_id": lot, "message": "x".repeat(501)});
    assert_eq!(anna_there.ask("chat_message", long)["body"]["code"], "malformed");
    let path = format!("/v1/auctions/{lot}/chat");
    let said = house.ask("POST", &path, Some(&bert), &json!({"message": "By HTTP"}));
    assert_eq!(said.status, 201, "{said:?}");
    assert_eq!(
        anna_there.wait_until("chat_message", |it| it["message"] == "By HTTP")["id"],
        said.json()["id"]
    );
    let items = house.get(&path, None).json()["items"].clone();
    assert_eq!(items.as_array().unwrap().len(), 2);
    assert_eq!(Node::with(house.address, &bert).join(json!({"auction_id": lot}))["chat"], items);
    // The house's people take it away, and let her speak no more.
    let clerk = house.admin();
    let first = format!("{path}/{}", heard["id"]);
    assert_eq!(house.ask("DELETE", &first, Some(&bert), &Value::Null).status, 403);
    assert_eq!(house.ask("DELETE", &first, Some(&clerk), &Value::Null).status, 204);
    assert_eq!(bert_there.wait("chat_deleted")["id"], heard["id"]);
    let mute = house.ask("POST", &format!("{path}/mutes"), Some(&clerk), &json!({"user": anna_id}));
    assert_eq!(mute.status, 200, "{mute:?}");
    let again = json!({"auction_id": lot, "message": "Still here"});
    assert_eq!(anna_there.ask("chat_message", again.clone())["body"]["code"], "forbidden");
    let free = format!("{path}/mutes/{anna_id}");
    assert_eq!(house.ask("DELETE", &free, Some(&clerk), &Value::Null).status, 204);
    assert_eq!(anna_there.ask("chat_message", again.clone())["status"], 200);
    house.ask("PATCH", &path, Some(&clerk), &json!({"open": false}));
    assert_eq!(anna_there.ask("chat_message", again.clone())["status"], 403);
    house.ask("PATCH", &path, Some(&clerk), &json!({"open": true}));
    let flood: Vec<_> =
        (0..8).map(|_| anna_there.ask("chat_message", again.clone())["status"].clone()).collect();
    assert!(flood.contains(&json!(429)), "{flood:?}");
    // What she has said goes with her.
    let body = json!({"password": "correct horse battery staple"});
    assert_eq!(house.ask("DELETE", "/v1/users/me", Some(&anna), &body).status, 204);
    assert_eq!(anna_there.wait("unauthorized")["reason"], "signed_out");
    bert_there.wait("chat_deleted");
    let left = house.get(&path, None).json()["items"].clone();
    assert!(left.as_array().unwrap().iter().all(|it| it["user"]["username"] == "bert"), "{left}");
}

#[test]
fn sec_s34_whoever_is_erased_is_not_named_in_a_room_any_more() {
    let house = Served::with(&["dialects.on=flash"]);
    let [seller, bert] = ["seller", "bert"].map(|name| house.user(name).1);
    let (anna_id, anna) = house.user("canary4711");
    let lot = auction(&house, &seller, json!({"preset": "classic"}));
    bid(&house, lot, &anna, &json!({"amount": 1_000}));
    let uuid = format!("67617665-0001-8000-8000-{lot:012x}");
    let names_her = |auction: Value| {
        let mut socket = Socket::open(house.address, Some(&bert)).unwrap();
        socket.say("join_auction", &json!({"auction_id": auction}));
        socket.wait("joined_auction").unwrap().to_string().contains("canary4711")
    };
    assert!(names_her(json!(lot)) && names_her(json!(uuid)), "the test sees what it looks for");
    let mut watches = Node::with(house.address, &bert);
    watches.join(json!({"auction_id": lot}));
    let mut hers = Node::with(house.address, &anna);
    hers.join(json!({"auction_id": lot}));
    watches.wait_until("presence_update", |it| it["participants"].to_string().contains("4711"));
    let path = format!("/v1/users/{anna_id}");
    assert_eq!(house.ask("DELETE", &path, Some(&house.admin()), &Value::Null).status, 204);
    assert!(!names_her(json!(lot)) && !names_her(json!(uuid)));
    let left = watches.wait("presence_update");
    assert_eq!(left["participants"], json!(["bert"]), "though she might be back at once");
}

#[test]
fn sec_s14_whoever_is_signed_in_no_more_leaves_at_once() {
    let house = Served::new();
    let (anna, (bert_id, bert)) = (house.user("anna").1, house.user("bert"));
    let carl = house.user("carl").1;
    let mut anna_there = Socket::open(house.address, Some(&anna)).unwrap();
    let mut bert_there = Socket::open(house.address, Some(&bert)).unwrap();
    let mut carl_there = Socket::open(house.address, Some(&carl)).unwrap();
    house.ask("DELETE", "/v1/session", Some(&anna), &Value::Null);
    assert_eq!(anna_there.wait("unauthorized").unwrap()["reason"], "signed_out");
    assert!(anna_there.next().is_none());
    let reason = json!({"reason": "shill"});
    let banned =
        house.ask("POST", &format!("/v1/users/{bert_id}/ban"), Some(&house.admin()), &reason);
    assert!(banned.status < 300, "{banned:?}");
    bert_there.wait("unauthorized").unwrap();
    assert!(bert_there.next().is_none());
    carl_there.say("sync", &json!({}));
    assert_eq!(carl_there.wait("ack").unwrap()["status"], 200, "nobody else is concerned");
}

#[test]
fn sec_s20_each_limit_and_one_more() {
    let house = Served::with(&["limits.sockets_per_user=2", "limits.sockets_per_ip=4"]);
    let (seller, anna) = (house.user("seller").1, house.user("anna").1);
    let lots: Vec<u64> = (0..21).map(|_| auction(&house, &seller, json!({}))).collect();
    let mut own: Vec<_> =
        (0..2).map(|_| Socket::open(house.address, Some(&anna)).unwrap()).collect();
    let answer = refused(&house, json!({"auth": {"token": anna}}));
    assert_eq!(answer["message"], "rate_limited");
    let others: Vec<_> = (0..2).map(|_| Socket::open(house.address, None).unwrap()).collect();
    assert_eq!(refused(&house, json!({}))["message"], "rate_limited");
    drop(others);
    for lot in &lots[..20] {
        assert!(own[0].join(*lot).is_some());
    }
    own[0].say("join_auction", &json!({"auction_id": lots[20]}));
    assert_eq!(own[0].wait("ack").unwrap()["status"], 200, "the answer to the last that fit");
    assert_eq!(own[0].wait("ack").unwrap()["body"]["code"], "rate_limited");
    // Whoever is too loud is told so, and then not listened to any more.
    for _ in 0..60 {
        own[1].say("sync", &json!({}));
    }
    let statuses: Vec<_> = (0..60).map(|_| own[1].wait("ack").unwrap()["status"].clone()).collect();
    assert!(statuses.contains(&json!(429)) && statuses.contains(&json!(200)));
    let said = 600;
    for _ in 0..said {
        own[1].say("sync", &json!({}));
    }
    assert!(std::iter::from_fn(|| own[1].next()).count() < said);
    let mut large = Socket::handshake(house.address).unwrap();
    large.text().unwrap();
    large.bytes(&frame(0x81, &vec![b'x'; 32 * 1024 + 1]));
    assert!(large.text().is_none());
    let path = "/socket.io/?EIO=4&transport=polling";
    let open = house.send("GET", path, "", b"").body;
    let sid: Value = serde_json::from_str(&open[1..]).unwrap();
    let path = format!("{path}&sid={}", sid["sid"].as_str().unwrap());
    let nothings = format!("6{}", "\u{1e}6".repeat(16 * 1024));
    let delivered = house.send("POST", &path, "", nothings.as_bytes());
    assert_eq!(delivered.status, 400);
    assert_eq!(house.send("GET", &path, "", b"").json()["code"], 1, "it is over");
}

#[test]
fn fuzzed_frames_end_their_own_socket_and_no_other() {
    let house = Served::with(&["limits.sockets_per_ip=0"]);
    let seller = house.user("seller").1;
    let lot = auction(&house, &seller, json!({}));
    let mut calm = Socket::open(house.address, None).unwrap();
    calm.join(lot).unwrap();
    let mut seed: u64 = 20_261_121;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33).to_be_bytes()[7]
    };
    let texts: [&[u8]; 12] = [
        b"42",
        b"42[",
        b"42[\"join_auction\"]",
        b"451-[\"x\",{}]",
        b"40",
        b"41",
        b"421[\"bid\",{\"auction_id\":1,\"auction_id\":1}]",
        b"\xff\xfe",
        b"",
        b"4",
        b"49",
        b"42[\"x\",[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]",
    ];
    for text in texts {
        for said in [false, true] {
            let Some(mut socket) = (if said {
                Socket::open(house.address, None)
            } else {
                Socket::handshake(house.address)
            }) else {
                panic!("the house is there");
            };
            socket.bytes(&frame(0x81, text));
            socket.bytes(&frame(0x88, b""));
        }
    }
    for _ in 0..200 {
        let mut socket = Socket::handshake(house.address).unwrap();
        let bytes: Vec<u8> = (0..u32::from(next())).map(|_| next()).collect();
        socket.bytes(&bytes);
    }
    calm.say("sync", &json!({}));
    assert_eq!(calm.wait("ack").unwrap()["status"], 200);
    let metrics = served_metrics(&house);
    assert!(metrics.contains("gavel_panics_total 0"), "{metrics}");
}

/// The page of metrics.
fn served_metrics(house: &Served) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(house.metrics).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

#[test]
fn f18_stalled_readers_go_and_slow_nobody_down() {
    let sets = [
        "limits.sockets_per_ip=0",
        "limits.connections_per_ip=0",
        "limits.bids_per_second_per_actor=0",
        "limits.bids_per_second_per_ip=0",
    ];
    let house = Served::with(&sets);
    let (seller, anna) = (house.user("seller").1, house.user("anna").1);
    let lot = auction(&house, &seller, json!({"preset": "ladder"}));
    let mut calm = Socket::open(house.address, None).unwrap();
    calm.join(lot).unwrap();
    // They ask for the same large thing again and again, and read nothing.
    let mut stalled: Vec<_> = (0..500)
        .map(|_| {
            let mut socket = Socket::open(house.address, None).unwrap();
            socket.join(lot).unwrap();
            socket
        })
        .collect();
    let join = json!({"auction_id": lot});
    let before = house.resident_bytes();
    for _ in 0..40 {
        for socket in &mut stalled {
            socket.say("join_auction", &join);
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let mut known = 0;
    for number in 1..=100 {
        let version = bid(&house, lot, &anna, &json!({"amount": number * 100}))["version"].clone();
        while json!(known) != version {
            known = calm.wait("bid_update").unwrap()["version"].as_u64().unwrap();
        }
    }
    let grown = house.resident_bytes().saturating_sub(before);
    assert!(grown < 300 * 1024 * 1024, "{grown}");
    // Who reads on again finds his socket as it should be, or was told that he lags.
    for socket in &mut stalled {
        let mut last = Value::Null;
        while let Some((name, data)) = socket.next() {
            if name == "bid_update" {
                assert!(data["version"].as_u64() >= data["from_version"].as_u64());
                last = data["version"].clone();
                if last == json!(known) {
                    break;
                }
            } else if name == "lagging" {
                last = json!(name);
                assert!(socket.next().is_none());
                break;
            }
        }
        assert!(last == json!(known) || last == json!("lagging"), "{last}");
    }
}

#[test]
fn f19_after_a_kill_all_come_back_and_agree_with_the_log() {
    let sets = ["limits.sockets_per_ip=0", "limits.connections_per_ip=0"];
    let mut house = Served::with(&sets);
    let (seller, anna) = (house.user("seller").1, house.user("anna").1);
    let lot = auction(&house, &seller, json!({"preset": "ladder"}));
    let there = |house: &Served, count: usize| -> Vec<Socket> {
        let one = || {
            let mut socket = Socket::open(house.address, None).unwrap();
            socket.join(lot).unwrap();
            socket
        };
        (0..count).map(|_| one()).collect()
    };
    let mut sockets = there(&house, 300);
    let placed = bid(&house, lot, &anna, &json!({"amount": 100}));
    for socket in &mut sockets {
        assert_eq!(socket.wait("bid_update").unwrap()["version"], placed["version"]);
    }
    house.kill();
    for socket in &mut sockets {
        while socket.next().is_some() {}
    }
    house.again(&sets);
    let placed = bid(&house, lot, &anna, &json!({"amount": 200}));
    let mut sockets = there(&house, 300);
    let next = bid(&house, lot, &anna, &json!({"amount": 300}));
    for socket in &mut sockets {
        let update = socket.wait("bid_update").unwrap();
        assert_eq!((&update["version"], &update["high_bid"]), (&next["version"], &json!(300)));
        assert_eq!(update["from_version"], placed["version"].as_u64().unwrap() + 1);
    }
    // One that was asked to go is told, and told when to come again.
    house.terminate();
    let told = sockets[0].wait("stopping").unwrap();
    assert!(told["retry_after_ms"].as_u64().unwrap() >= 1_000);
    assert!(house.wait());
}

#[test]
fn whoever_polls_may_ask_for_all_his_rooms_at_once_and_takes_them_in_his_time() {
    let house = Served::new();
    let seller = house.user("seller").1;
    let long = json!({"description": "€".repeat(10_000)});
    let joins: Vec<String> = (0..20)
        .map(|number| {
            let lot = auction(&house, &seller, long.clone());
            format!("42{number}{}", json!(["join_auction", {"auction_id": lot}]))
        })
        .collect();
    let path = "/socket.io/?EIO=4&transport=polling";
    let open = house.send("GET", path, "", b"").body;
    let sid: Value = serde_json::from_str(&open[1..]).unwrap();
    let path = format!("{path}&sid={}", sid["sid"].as_str().unwrap());
    let (mut rooms, mut answers) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let all = format!("40\u{1e}{}", joins.join("\u{1e}"));
            assert_eq!(house.send("POST", &path, "", all.as_bytes()).status, 200);
        });
        while answers < 20 {
            // The way to him is long.
            std::thread::sleep(std::time::Duration::from_millis(200));
            let news = house.send("GET", &path, "", b"").body;
            assert!(!news.contains("\"lagging\"") && news.len() > 1, "{rooms} rooms");
            rooms += news.matches("42[\"joined_auction\"").count();
            answers += news.split('\u{1e}').filter(|packet| packet.starts_with("43")).count();
        }
    });
    assert_eq!(rooms, 20);
}

#[test]
fn p14_nobody_hears_of_a_sealed_amount_or_of_the_reserve_before_its_time() {
    let house = Served::new();
    let (seller, anna) = (house.user("seller").1, house.user("anna").1);
    let sealed = json!({"preset": "sealed", "starting_price": 1_000, "reserve": 777_777});
    let lot = auction(&house, &seller, sealed);
    let mut strangers = [
        Socket::open(house.address, None).unwrap(),
        Socket::open(house.address, Some(&house.user("bert").1)).unwrap(),
    ];
    for stranger in &mut strangers {
        stranger.join(lot).unwrap();
    }
    let mut own = Socket::open(house.address, Some(&anna)).unwrap();
    own.join(lot).unwrap();
    bid(&house, lot, &anna, &json!({"amount": 123_457, "confirm": true}));
    let own = own.wait("bid_update").unwrap();
    assert_eq!(
        (&own["you"]["amount"], &own["you"]["standing"]),
        (&json!(123_457), &json!("sealed"))
    );
    for stranger in &mut strangers {
        let update = stranger.wait("bid_update").unwrap();
        assert_eq!((&update["high_bid"], &update["top_bids"]), (&Value::Null, &json!([])));
        stranger.say("join_auction", &json!({"auction_id": lot}));
        let texts = [update.to_string(), stranger.text().unwrap(), stranger.text().unwrap()];
        for secret in ["123457", "777777"] {
            assert!(texts.iter().all(|text| !text.contains(secret)), "{texts:?}");
        }
    }
}

#[test]
fn s1_38_whoever_is_here_is_told_at_once_of_what_he_asked_for() {
    let house = Served::new();
    let [seller, anna, bert] = ["seller", "anna", "bert"].map(|name| house.user(name).1);
    let lot = auction(&house, &seller, json!({"preset": "classic"}));
    let wishes = json!({"new_maximum": true});
    let set = house.ask("PUT", "/v1/me/subscriptions", Some(&anna), &wishes);
    assert_eq!(set.status, 200, "{set:?}");
    let [mut hers, mut his] = [&anna, &bert].map(|token| Node::with(house.address, token));
    bid(&house, lot, &anna, &json!({"amount": 100}));
    bid(&house, lot, &bert, &json!({"amount": 200}));
    let told = hers.wait("notification");
    let kept = house.get("/v1/me/notifications", Some(&anna)).json();
    assert_eq!(told, kept["items"][0]);
    assert_eq!((&told["kind"], &told["amount"]), (&json!("new_maximum"), &json!(200)));
    his.ask("sync", json!({}));
    assert!(his.so_far("notification").is_empty());
}
