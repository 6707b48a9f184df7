//! Spend limits: what bidders have committed themselves to, and how far they may go. Refuses to
//! know what an auction commits whom to.

use super::{id_of, user, words};
use crate::house::House;
use crate::http::actor::SignedIn;
use crate::http::body::Strict;
use crate::http::error::Problem;
use crate::http::query::{Nothing, Query};
use crate::permissions::{Object, Verb};
use axum::Json;
use axum::extract::{Path, State};
use gavel_auction::ids::UserId;
use gavel_auction::money::MAX_AMOUNT;
use gavel_engine::people::People;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default()
        .routes(routes!(limit))
        .routes(routes!(own_spending))
        .routes(routes!(spending))
}

/// What a bidder has committed himself to, and how far he may go.
#[derive(Serialize, ToSchema)]
struct Spending {
    id: i64,
    /// The limit that holds for him in each currency, in its minor units; none if there is none.
    limit: Option<i64>,
    /// What he has committed himself to by what he leads, has bid under seal, or has won without
    /// the result being certified. Empty before the first limit of the house is set.
    committed: Vec<Sum>,
}

/// A sum in one currency.
#[derive(Serialize, ToSchema)]
struct Sum {
    #[schema(example = "EUR")]
    currency: String,
    amount: i64,
    /// Whether that is above his limit: another's retraction may have lifted him there.
    over_limit: bool,
}

/// How far a user may go.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewLimit {
    /// In minor units, for each currency by itself; 0 is no limit; null is what the house has for
    /// everybody (`limits.spend_per_bidder`).
    #[serde(default, deserialize_with = "words::present")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    spend_limit: Option<Option<i64>>,
}

/// Set how far a user may go over all his bids (administrators)
#[utoipa::path(
    patch,
    path = "/v1/users/{id}",
    tag = "staff",
    params(("id" = i64, Path)),
    security(("bearer" = [])),
    request_body = NewLimit,
    responses((status = 200, body = Spending))
)]
async fn limit(
    State(house): State<House>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<NewLimit>,
) -> Result<Json<Spending>, Problem> {
    let whom = user(&house, id_of(&id)?).await?;
    signed_in.may(Verb::ManagePeople, Object::User(whom.id))?;
    let missing = || Problem::malformed("spend_limit", "This is what can be changed here.");
    let limit = body.spend_limit.ok_or_else(missing)?;
    if limit.is_some_and(|limit| !(0..=MAX_AMOUNT).contains(&limit)) {
        return Err(Problem::malformed("spend_limit", "A limit is 0 to 2^53 - 1."));
    }
    let set = move |people: &dyn People| people.set_spend_limit(whom.id, limit);
    if !house.blocking(set).await? {
        return Err(Problem::not_found());
    }
    house.engine.exposure().limit(whom.id, limit);
    Ok(Json(of(&house, whom.id)))
}

/// What you have committed yourself to, and how far you may go
#[utoipa::path(
    get,
    path = "/v1/users/me/spending",
    tag = "users",
    security(("bearer" = [])),
    responses((status = 200, body = Spending))
)]
async fn own_spending(
    State(house): State<House>,
    signed_in: SignedIn,
    Query(Nothing {}): Query<Nothing>,
) -> Json<Spending> {
    Json(of(&house, signed_in.user))
}

/// What a user has committed himself to, and how far he may go (administrators)
#[utoipa::path(
    get,
    path = "/v1/users/{id}/spending",
    tag = "staff",
    params(("id" = i64, Path)),
    security(("bearer" = [])),
    responses((status = 200, body = Spending))
)]
async fn spending(
    State(house): State<House>,
    Path(id): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<Spending>, Problem> {
    let whom = user(&house, id_of(&id)?).await?;
    Ok(Json(of(&house, whom.id)))
}

fn of(house: &House, user: UserId) -> Spending {
    let exposure = house.engine.exposure();
    let sums = exposure.of(user).into_iter().map(|committed| Sum {
        currency: committed.currency.code().to_owned(),
        amount: i64::try_from(committed.amount).unwrap_or(i64::MAX),
        over_limit: committed.over,
    });
    Spending { id: user.get(), limit: exposure.limit_of(user), committed: sums.collect() }
}
