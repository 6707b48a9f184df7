//! The tour of README.md, run literally, against a fresh house.

#[path = "house/served.rs"]
mod served;
#[path = "house/tour.rs"]
mod tour;

use served::Served;

#[test]
fn the_tour_works() {
    let house = Served::new();
    let url = format!("http://{}", house.address);
    let (out, err) = tour::run("README.md", &[("GAVEL_URL", &url)]);
    let told = [
        "Auction 1 is open",
        "You lead.",
        "\"standing\":\"outbid\"",
        "sold to paddle 1 for 122.50 EUR",
        "Certificate 1-",
        "479 of 479 as recorded",
    ];
    for words in told {
        assert!(out.contains(words), "{words}\n{out}\n{err}");
    }
    assert!(err.contains("the certificate does not hold"), "{err}");
}
