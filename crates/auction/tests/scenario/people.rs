//! The people of a scenario: everybody is known by name. `sam` sells, `clara` and `carl` are
//! clerks, `adam` is an administrator, anybody else is a bidder.

use gavel_auction::command::{Person, Roles};
use gavel_auction::ids::UserId;
use gavel_auction::money::Amount;
use std::collections::BTreeMap;

#[derive(Default)]
pub struct People {
    known: BTreeMap<String, Person>,
}

impl People {
    /// The person of that name, who comes into being when first named.
    pub fn get(&mut self, name: &str) -> Person {
        let user = UserId::new(100 + i64::try_from(self.known.len()).unwrap()).unwrap();
        let roles = match name {
            "clara" | "carl" => Roles::CLERK,
            "adam" => Roles::ADMIN,
            _ => Roles::MEMBER,
        };
        *self.known.entry(name.to_owned()).or_insert(Person::new(user, roles))
    }

    /// The name of a user.
    pub fn name(&self, user: UserId) -> String {
        let found = self.known.iter().find(|(_, person)| person.user == user);
        found.map_or_else(|| format!("user {user}"), |(name, _)| name.clone())
    }

    /// `dora is banned`, `dora is clerk bidder`, `anna has limit 500`.
    pub fn describe(
        &mut self,
        words: &[&str],
        amount: impl Fn(&str) -> Option<Amount>,
    ) -> Result<(), String> {
        let mut person = self.get(words[0]);
        match &words[1..] {
            ["is", "banned"] => person.banned = true,
            ["has", "limit", limit] => person.headroom = amount(limit).map(Amount::minor),
            ["is", roles @ ..] => {
                person.roles = Roles {
                    bidder: roles.contains(&"bidder"),
                    seller: roles.contains(&"seller"),
                    clerk: roles.contains(&"clerk"),
                    admin: roles.contains(&"admin"),
                };
            }
            _ => return Err(format!("not understood: {}", words.join(" "))),
        }
        self.known.insert(words[0].to_owned(), person);
        Ok(())
    }
}
