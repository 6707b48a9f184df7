//! What it costs to know who a bid's token belongs to, where that was read lately. Measured, so
//! only when asked for: cargo test --release --test token_cost -- --ignored --nocapture
//! (or the same binary under callgrind: instructions do not depend on the load of the machine).

#[path = "floor/site.rs"]
mod site;

use axum::extract::FromRequestParts;
use gavel_server::http::actor::SignedIn;
use http::Request;
use site::Site;
use std::time::Instant;

const CHECKS: u32 = 200_000;

#[test]
#[ignore = "a measurement: it wants a release build and a quiet machine"]
#[expect(clippy::disallowed_methods, reason = "tests measure real time")]
fn a_token_that_was_read_lately_costs_microseconds() {
    let site = Site::new();
    let people: Vec<_> = (0..64).map(|n| site.member(&format!("member{n:02}"))).collect();
    let requests: Vec<_> = people
        .iter()
        .map(|person| {
            let bearer = format!("Bearer {}", person.token);
            let request = Request::post("/v1/auctions/1/bids").header("authorization", bearer);
            request.body(()).expect("a request").into_parts().0
        })
        .collect();
    let house = site.house();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let check = |count: u32| {
        runtime.block_on(async {
            for n in 0..count {
                let mut parts = requests[n as usize % requests.len()].clone();
                let known = SignedIn::from_request_parts(&mut parts, &house).await;
                assert!(known.is_ok());
            }
        });
    };
    check(64);
    let begun = Instant::now();
    runtime.block_on(async {
        for n in 0..CHECKS {
            std::hint::black_box(requests[n as usize % requests.len()].clone());
        }
    });
    let copies = begun.elapsed();
    let begun = Instant::now();
    check(CHECKS);
    let nanos = (begun.elapsed().saturating_sub(copies)).as_nanos() / u128::from(CHECKS);
    println!("a token from the cache: {nanos} ns (goal: at most 3,000)");
    assert!(nanos <= 3_000, "{nanos} ns");
}
