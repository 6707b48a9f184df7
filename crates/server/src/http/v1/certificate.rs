//! The certificate of a finished auction: one signed file that anybody can check without us. It is
//! made by `gavel_proof` from the log; here it is only fetched and kept for a while.

use super::about::{ReadQuery, Unless, tag};
use super::ask::{at_least, not_yet};
use super::extract::Of;
use crate::house::House;
use crate::http::actor::Caller;
use crate::http::error::facts::ProblemDocument;
use crate::http::error::{Code, Problem};
use crate::http::query::Query;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use gavel_auction::ids::{AuctionId, Version};
use gavel_proof::certificate::{CertificateError, Entry, certify};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default()
        .routes(routes!(certificate))
        .layer(Extension(Arc::<Certificates>::default()))
}

/// It is the same for everybody.
const PUBLIC: HeaderValue = HeaderValue::from_static("no-cache");

/// Certificates that are kept.
const KEPT: usize = 8;

/// The certificates that were asked for last.
#[derive(Default)]
pub(crate) struct Certificates(Mutex<VecDeque<(AuctionId, Version, Bytes)>>);

/// The signed history and result of an auction.
#[utoipa::path(get, path = "/v1/auctions/{auction}/certificate", tag = "evidence",
    params(("auction" = i64, Path), ReadQuery),
    responses((status = 200, description = "canonical JSON", body = Object,
            content_type = "application/json"),
        (status = 409, description = "not_yet: it is not certified", body = ProblemDocument,
            content_type = "application/problem+json")))]
pub(crate) async fn certificate(
    State(house): State<House>,
    Extension(certificates): Extension<Arc<Certificates>>,
    Of(auction): Of,
    caller: Caller,
    Query(query): Query<ReadQuery>,
    unless: Unless,
) -> Result<Response, Problem> {
    let head = at_least(&house, auction, &caller.viewer(), query.at_least).await?;
    let Some(version) = head.certified else {
        return Err(not_yet("The result is not certified yet."));
    };
    let bytes = house.aside(move |house| certificates.of(house, auction, version)).await??;
    let name = format!("attachment; filename=\"auction-{auction}.certificate.json\"");
    let mut response = unless.send(tag(version, &bytes), || bytes);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, PUBLIC);
    headers.insert(CONTENT_DISPOSITION, HeaderValue::try_from(name).expect("digits and letters"));
    Ok(response)
}

impl Certificates {
    fn of(&self, house: &House, auction: AuctionId, version: Version) -> Result<Bytes, Problem> {
        if let Some(kept) = self.kept(auction, version) {
            return Ok(kept);
        }
        let made = make(house, auction, version)?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.truncate(KEPT - 1);
        all.push_front((auction, version, made.clone()));
        Ok(made)
    }

    fn kept(&self, auction: AuctionId, version: Version) -> Option<Bytes> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.iter().find(|(of, at, _)| (*of, *at) == (auction, version));
        found.map(|(_, _, bytes)| bytes.clone())
    }
}

fn make(house: &House, auction: AuctionId, version: Version) -> Result<Bytes, Problem> {
    let whole = usize::try_from(version).unwrap_or(usize::MAX);
    let history = house.engine.history(auction, 0, whole)?;
    let entries: Vec<Entry<'_>> =
        history.iter().map(|past| Entry { event: &past.event, public: &past.public }).collect();
    let key = house.engine.auction_key(auction);
    certify(&entries, &key, &house.keys.signing).map(Bytes::from).map_err(|error| match error {
        CertificateError::NotCertified => not_yet("The result is not certified yet."),
        CertificateError::NotAHistory | CertificateError::OtherKey { .. } => {
            Problem::of(Code::Quarantined, error.to_string())
        }
    })
}
