//! All that the house knows of somebody, for him to take along; and the end of it. What he bid
//! stays in the log, which never held his name.

use super::sessions::{self, Sessions};
use super::{OwnProfile, user};
use crate::house::House;
use crate::http::actor::SignedIn;
use crate::http::error::Problem;
use crate::http::query::{Nothing, Query};
use crate::http::time::{Stamp, print};
use axum::Json;
use axum::extract::State;
use gavel_auction::ids::UserId;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(export))
}

/// All that the house knows of somebody.
#[derive(Serialize, ToSchema)]
struct Everything {
    user: OwnProfile,
    /// Why the house shut him out, if it did.
    banned_because: Option<String>,
    /// Where he signs in, if not here.
    signs_in_at: Option<Elsewhere>,
    sessions: Sessions,
    /// How the house says in its log that somebody bid: by this number, never by a name.
    known_in_the_log_as: i64,
    exported_at: Stamp,
}

/// Who he is to an issuer of tokens.
#[derive(Serialize, ToSchema)]
struct Elsewhere {
    issuer: String,
    subject: String,
}

/// Take along all that the house knows of one
#[utoipa::path(
    get,
    path = "/v1/users/me/export",
    tag = "users",
    security(("bearer" = [])),
    responses((status = 200, body = Everything))
)]
async fn export(
    State(house): State<House>,
    signed_in: SignedIn,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<Everything>, Problem> {
    let id = signed_in.user;
    let user = user(&house, id).await?;
    let outside = house.blocking(move |people| people.outside_of(id)).await?;
    let signs_in_at = outside.map(|of| Elsewhere { issuer: of.issuer, subject: of.subject });
    Ok(Json(Everything {
        banned_because: user.banned.clone(),
        user: OwnProfile::of(user),
        signs_in_at,
        sessions: sessions::of(&house, id, Some(signed_in.token)).await?,
        known_in_the_log_as: id.get(),
        exported_at: Stamp(house.now()),
    }))
}

/// What the house signs when it has erased somebody.
const TOMBSTONE: &str = "gavel/tombstone/1";

/// Erases somebody: his row and its key, his sessions, letters that were written to him; a signed
/// tombstone says that it was done.
pub(crate) async fn erase(house: &House, id: UserId) -> Result<(), Problem> {
    let erased = json!({
        "at": print(house.now()),
        "house": house.keys.house.to_string(),
        "user": id.get(),
    });
    let erased = erased.to_string();
    let signature = hex::encode(house.keys.signing.sign(TOMBSTONE, erased.as_bytes()));
    let tombstone = format!("{erased} {signature}");
    house.blocking(move |people| people.erase_user(id, &tombstone)).await?;
    house.engine.words().renamed(id);
    house.sign_ins.forget_user(id);
    house.live.forget_author(id);
    let letters = house.aside(move |house| house.outbox.forget(id.get())).await?;
    letters.map_err(|error| {
        crate::observe::store_failed("outbox", &error);
        Problem::of(crate::http::error::Code::Overloaded, "Letters remain: repeat this.")
    })
}
