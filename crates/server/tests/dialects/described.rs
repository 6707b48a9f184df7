//! The description that `marketplace` serves, held against what it takes and says: a request is
//! taken if, and only if, the description allows it, and every reply is as described.

use super::served::{Reply, Served};
use serde_json::{Map, Value, json};

/// A description, and what does not fit it.
struct Described(Value);

impl Described {
    fn schema_of_request(&self, method: &str, path: &str) -> &Value {
        let operation = &self.0["paths"][path][method];
        &operation["requestBody"]["content"]["application/json"]["schema"]
    }

    /// Whether a reply is one of those described.
    fn check_reply(&self, method: &str, path: &str, reply: &Reply) {
        let responses = &self.0["paths"][path][method]["responses"];
        let response = responses.get(reply.status.to_string()).unwrap_or(&responses["default"]);
        let kind = reply.header("content-type").expect("a type");
        let schema = &response["content"][kind]["schema"];
        assert!(schema.is_object(), "{method} {path}: {kind} is not described: {reply:?}");
        if let Err(wrong) = self.fits(schema, &reply.json()) {
            panic!("{method} {path}: {wrong}: {reply:?}");
        }
    }

    fn fits(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let wrong = |why: &str| Err(format!("{value}: {why} ({schema})"));
        if let Some(name) = schema["$ref"].as_str() {
            return self.fits(self.0.pointer(&name[1..]).expect("what is referred to"), value);
        }
        for all in schema["allOf"].as_array().into_iter().flatten() {
            self.fits(all, value)?;
        }
        if value.is_null() {
            return if schema["nullable"] == true { Ok(()) } else { wrong("null") };
        }
        let number = || value.as_i64().filter(|_| value.is_i64() || value.is_u64());
        let typed = match schema["type"].as_str() {
            None => true,
            Some("integer") => number().is_some(),
            Some("string") => value.is_string(),
            Some("array") => value.is_array(),
            Some("object") => value.is_object(),
            Some(other) => panic!("{other}"),
        };
        let least = schema["minimum"].as_i64().unwrap_or(i64::MIN);
        let most = schema["maximum"].as_i64().unwrap_or(i64::MAX);
        if !typed || number().is_some_and(|number| !(least..=most).contains(&number)) {
            return wrong("not of that type or size");
        }
        let letters = value.as_str().map(|text| text.chars().count() as u64);
        let (least, most) = (schema["minLength"].as_u64(), schema["maxLength"].as_u64());
        let (least, most) = (least.unwrap_or(0), most.unwrap_or(u64::MAX));
        if letters.is_some_and(|letters| !(least..=most).contains(&letters)) {
            return wrong("too short or too long");
        }
        if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
            return wrong("another word");
        }
        for item in value.as_array().into_iter().flatten() {
            self.fits(&schema["items"], item)?;
        }
        value.as_object().map_or(Ok(()), |members| self.members(schema, members))
    }

    fn members(&self, schema: &Value, members: &Map<String, Value>) -> Result<(), String> {
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().expect("a name");
            if !members.contains_key(name) {
                return Err(format!("{name} is missing"));
            }
        }
        for (name, value) in members {
            match schema["properties"].get(name) {
                Some(schema) => self.fits(schema, value)?,
                None if schema["additionalProperties"] == false => {
                    return Err(format!("{name} is not described"));
                }
                None => {}
            }
        }
        Ok(())
    }
}

/// Each of these bodies: with one member changed, taken away, or added.
pub fn changed(body: &Value) -> Vec<Value> {
    let odd = [
        json!(null),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(7),
        json!(9_007_199_254_740_992_i64),
        json!("7"),
        json!(""),
        json!("x".repeat(81)),
        json!("x".repeat(501)),
        json!("x".repeat(10_001)),
        json!(true),
        json!([]),
        json!({}),
    ];
    let mut all = vec![body.clone(), json!([]), json!("text"), json!(5)];
    for name in body.as_object().expect("an object").keys() {
        let mut without = body.clone();
        without.as_object_mut().expect("an object").remove(name);
        all.push(without);
        for value in &odd {
            let mut changed = body.clone();
            changed[name] = value.clone();
            all.push(changed);
        }
    }
    let mut more = body.clone();
    more["more"] = json!(1);
    all.push(more);
    all
}

#[test]
fn s3_26_s3_28_requests_and_replies_are_as_described() {
    let house = Served::with(&["dialects.on=marketplace"]);
    let served = house.get("/openapi-3.0.json", None).json();
    assert_eq!(served["openapi"], "3.0.2");
    assert_eq!(served["info"]["title"], "Real-time Auction System API");
    assert_eq!(served["info"]["version"], "1.0.0");
    let described = Described(served);
    let auction = json!({"title": "A kettle", "description": "Copper", "starting_price": 5,
        "duration": 600, "seller_username": "sophie"});
    let made = house.ask("POST", "/auctions", None, &auction);
    let id = made.json()["id"].clone();
    let bid = json!({"bidder_username": "anna", "bid_amount": 10, "version": 3, "auction_id": id});
    let cases =
        [("post", "/auctions", &auction), ("put", "/bids", &bid), ("put", "/bids/{id}", &bid)];
    let mut taken = 0;
    for (method, path, body) in cases {
        let schema = described.schema_of_request(method, path);
        for body in changed(body) {
            let allowed = described.fits(schema, &body);
            let at = path.replace("{id}", &id.to_string());
            let reply = house.ask(&method.to_uppercase(), &at, None, &body);
            described.check_reply(method, path, &reply);
            let malformed = matches!(reply.json()["code"].as_str(), Some("malformed"));
            // What only the house can know: another auction than the path's.
            let other = path == "/bids/{id}" && body["auction_id"] != id;
            if !other {
                assert_eq!(malformed, allowed.is_err(), "{body}: {allowed:?} {reply:?}");
            }
            taken += u32::from(reply.status < 300);
        }
    }
    assert!(taken > 10, "{taken}");
    for path in ["/auctions/{id}", "/bids/{id}"] {
        for id in [&*id.to_string(), "4711"] {
            described.check_reply("get", path, &house.get(&path.replace("{id}", id), None));
        }
    }
}
