//! The data of `bid_placed`, read and written by hand: it is most of every log. Knows nothing that
//! serde's form of the same struct does not say; a test holds the two together.

use crate::canonical::write_integer;
use gavel_auction::event::{BidPlaced, Channel, Next, Now, Shown};
use gavel_auction::ids::Paddle;
use gavel_auction::money::Amount;
use gavel_auction::time::Time;
use serde::{Deserialize, Deserializer};

/// Writes the canonical JSON of a bid's data; keys stand in sorted order.
pub(super) fn write(out: &mut Vec<u8>, placed: &BidPlaced) {
    let BidPlaced { amount, channel, paddle, now: Now { end, extended, shown } } = placed;
    out.push(b'{');
    if let Some(amount) = amount {
        out.extend_from_slice(b"\"amount\":");
        write_integer(out, amount.minor());
        out.push(b',');
    }
    if let Some(channel) = channel {
        out.extend_from_slice(match channel {
            Channel::Floor => b"\"channel\":\"floor\",".as_slice(),
            Channel::Phone => b"\"channel\":\"phone\",",
            Channel::Absentee => b"\"channel\":\"absentee\",",
        });
    }
    out.extend_from_slice(b"\"end\":");
    write_integer(out, end.0);
    if *extended {
        out.extend_from_slice(b",\"extended\":true");
    }
    if let Some(shown) = shown {
        out.extend_from_slice(b",\"leader\":");
        write_or_null(out, shown.leader.map(Paddle::get));
        let (key, next): (&[u8], _) = match shown.next {
            Next::Minimum(amount) => (b",\"minimum_next\":", amount),
            Next::Maximum(amount) => (b",\"maximum_next\":", amount),
        };
        out.extend_from_slice(key);
        write_or_null(out, next.map(Amount::minor));
    }
    if let Some(paddle) = paddle {
        out.extend_from_slice(b",\"paddle\":");
        write_integer(out, paddle.get());
    }
    if let Some(shown) = shown {
        out.extend_from_slice(b",\"price\":");
        write_or_null(out, shown.price.map(Amount::minor));
        match shown.reserve_met {
            None => {}
            Some(true) => out.extend_from_slice(b",\"reserve_met\":true"),
            Some(false) => out.extend_from_slice(b",\"reserve_met\":false"),
        }
    }
    out.push(b'}');
}

fn write_or_null(out: &mut Vec<u8>, integer: Option<i64>) {
    match integer {
        Some(integer) => write_integer(out, integer),
        None => out.extend_from_slice(b"null"),
    }
}

/// The same data without serde's flattening, which would buffer every member.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Flat {
    #[serde(default)]
    amount: Option<Amount>,
    #[serde(default)]
    channel: Option<Channel>,
    end: Time,
    #[serde(default)]
    extended: bool,
    #[serde(default, deserialize_with = "present")]
    leader: Option<Option<Paddle>>,
    #[serde(default, deserialize_with = "present")]
    maximum_next: Option<Option<Amount>>,
    #[serde(default, deserialize_with = "present")]
    minimum_next: Option<Option<Amount>>,
    #[serde(default)]
    paddle: Option<Paddle>,
    #[serde(default, deserialize_with = "present")]
    price: Option<Option<Amount>>,
    #[serde(default)]
    reserve_met: Option<bool>,
}

/// Tells a null from an absent member.
fn present<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

/// Reads a bid's data.
pub(super) fn read(data: &str) -> Result<BidPlaced, serde_json::Error> {
    use serde::de::Error as _;
    let flat: Flat = serde_json::from_str(data)?;
    let next = match (flat.minimum_next, flat.maximum_next) {
        (Some(amount), None) => Some(Next::Minimum(amount)),
        (None, Some(amount)) => Some(Next::Maximum(amount)),
        (None, None) => None,
        (Some(_), Some(_)) => {
            return Err(serde_json::Error::custom("minimum_next and maximum_next at once"));
        }
    };
    let shown = match (flat.leader, next, flat.price) {
        (Some(leader), Some(next), Some(price)) => {
            Some(Shown { leader, next, price, reserve_met: flat.reserve_met })
        }
        (None, None, None) if flat.reserve_met.is_none() => None,
        (Some(_) | None, Some(_) | None, Some(_) | None) => {
            return Err(serde_json::Error::custom("price, leader and next come together"));
        }
    };
    let now = Now { end: flat.end, extended: flat.extended, shown };
    Ok(BidPlaced { amount: flat.amount, channel: flat.channel, paddle: flat.paddle, now })
}
