//! The ids in the paths of these routes. What cannot be an id names nothing, so it is simply not
//! found.

use crate::house::House;
use crate::http::error::Problem;
use axum::extract::{FromRequestParts, Path};
use gavel_auction::ids::{AuctionId, BidId, MAX_EXACT, Paddle};
use http::request::Parts;

/// The auction in the path.
pub(crate) struct Of(pub(crate) AuctionId);

/// The auction and the bid in the path.
pub(crate) struct OfBid(pub(crate) AuctionId, pub(crate) BidId);

/// The auction and the paddle in the path.
pub(crate) struct OfPaddle(pub(crate) AuctionId, pub(crate) Paddle);

/// An id as it is written: digits, without a sign or zeros in front.
pub(crate) fn id(text: &str) -> Option<i64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|id| plain && *id <= MAX_EXACT)
}

fn auction(text: &str) -> Result<AuctionId, Problem> {
    id(text).and_then(AuctionId::new).ok_or_else(Problem::not_found)
}

impl<S: Send + Sync> FromRequestParts<S> for Of {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = path.map_err(|_| Problem::not_found())?;
        auction(&text).map(Self)
    }
}

/// Two segments of the path.
async fn two<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<(AuctionId, i64), Problem> {
    let path = Path::<(String, String)>::from_request_parts(parts, state).await;
    let Path((first, second)) = path.map_err(|_| Problem::not_found())?;
    Ok((auction(&first)?, id(&second).ok_or_else(Problem::not_found)?))
}

impl<S: Send + Sync> FromRequestParts<S> for OfBid {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let (auction, bid) = two(parts, state).await?;
        Ok(Self(auction, bid.unsigned_abs()))
    }
}

impl FromRequestParts<House> for OfPaddle {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, house: &House) -> Result<Self, Problem> {
        let (auction, paddle) = two(parts, house).await?;
        Ok(Self(auction, Paddle::new(paddle).ok_or_else(Problem::not_found)?))
    }
}
