//! What each role may do: for the screen where roles are given. Asks the one function that decides.

use crate::house::House;
use crate::http::error::Problem;
use crate::http::query::{Nothing, Query};
use crate::permissions::{Actor, Object, ROLES, Verb, may};
use axum::Json;
use axum::extract::State;
use gavel_auction::ids::UserId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(roles))
}

/// A role, and what it may do.
#[derive(Serialize, ToSchema)]
struct Role {
    /// bidder, seller, clerk, admin; or public, for callers without a token.
    role: &'static str,
    /// What it may do.
    may: Vec<&'static str>,
    /// Whether new users get it.
    given_to_new_users: bool,
}

/// All roles.
#[derive(Serialize, ToSchema)]
struct Roles {
    items: Vec<Role>,
}

/// List the roles, and what each may do
#[utoipa::path(get, path = "/v1/roles", tag = "users", responses((status = 200, body = Roles)))]
async fn roles(
    State(house): State<House>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<Roles>, Problem> {
    let allowed = |actor: Actor<'_>| {
        let may = |verb: &Verb| may(actor, *verb, Object::Anything).is_ok();
        Verb::ALL.into_iter().filter(may).map(Verb::word).collect()
    };
    let public = allowed(Actor::Public(house.public_verbs()));
    let mut items = vec![Role { role: "public", may: public, given_to_new_users: false }];
    let new = super::users::words::role_words(house.config.users.default_roles);
    let user = UserId::new(1).expect("one is an id");
    for (role, roles) in ROLES {
        let may = allowed(Actor::Person { user, roles, banned: false });
        items.push(Role { role, may, given_to_new_users: new.contains(&role) });
    }
    Ok(Json(Roles { items }))
}
