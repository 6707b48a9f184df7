//! Somebody with a token of an issuer arrives: recognised, or, at first sight, made a user. Never
//! taken for somebody else because an address is the same.

use super::SignedIn;
use crate::chance;
use crate::house::House;
use crate::http::error::Problem;
use crate::http::v1::users::words::{check_email, check_username};
use crate::outside::Verified;
use crate::outside::token::Claims;
use gavel_auction::ids::UserId;
use gavel_auction::time::Time;
use gavel_engine::people::{NewUser, Outside, People, PeopleError};
use gavel_proof::hash::sha256;
use std::net::IpAddr;

/// Names that are tried for somebody new.
const TRIES: usize = 8;

impl House {
    /// Whom a token of an issuer means, if it is good.
    pub(super) async fn arrived(
        &self,
        token: &[u8],
        from: Option<IpAddr>,
    ) -> Result<Option<SignedIn>, Problem> {
        let (digest, now) = (sha256(token), self.now());
        if self.outside.known(&digest, now).is_none() {
            let Some(claims) = self.outside.check(token, now).await else { return Ok(None) };
            let user = self.known_or_new(claims.clone(), now).await?;
            if let Some(from) = from {
                self.came(user, None, from).await;
            }
            let (issued_at, expires_at) = (claims.issued_at(), claims.expires_at());
            self.outside.remember(digest, Verified { user, issued_at, expires_at }, now);
        }
        self.signed_in(&digest).await
    }

    async fn known_or_new(&self, claims: Claims, now: Time) -> Result<UserId, Problem> {
        let roles = self.config.users.default_roles;
        let find = move |people: &dyn People| {
            let of = Outside { issuer: claims.iss.clone(), subject: claims.sub.clone() };
            if let Some(user) = people.user_from(&of)? {
                return Ok(user.id);
            }
            let email = claims.email.clone().filter(|email| check_email(email).is_ok());
            let email_confirmed = email.is_some() && claims.email_verified();
            let username = String::new();
            let new = NewUser { email, email_confirmed, roles, username, ..NewUser::default() };
            add(people, NewUser { outside: Some(of), ..new }, claims.called(), now)
        };
        self.blocking(find).await
    }
}

/// Adds somebody under the name he has elsewhere, or one like it.
fn add(
    people: &dyn People,
    mut new: NewUser,
    called: Option<&str>,
    now: Time,
) -> Result<UserId, PeopleError> {
    let called = called.filter(|name| check_username(name).is_ok() && name.len() <= 90);
    for number in 0..TRIES {
        let mark = hex::encode(chance::bytes::<4>());
        new.username = match called {
            Some(name) if number == 0 => name.to_owned(),
            Some(name) => format!("{name}-{mark}"),
            None => format!("user-{mark}"),
        };
        match people.add_user(&new, now) {
            Ok(user) => return Ok(user.id),
            Err(PeopleError::UsernameTaken) => {}
            Err(PeopleError::EmailTaken) => {
                // The same person, a moment ago and beside this; or another one has the address.
                let of = new.outside.as_ref().map(|of| people.user_from(of)).transpose()?;
                if let Some(user) = of.flatten() {
                    return Ok(user.id);
                }
                (new.email, new.email_confirmed) = (None, false);
            }
            Err(other) => return Err(other),
        }
    }
    Err(PeopleError::UsernameTaken)
}
