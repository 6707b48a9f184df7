//! Who may do what: one function, [`may`], that every request passes, and the table of which route
//! is which verb. What is not in the table nobody may. What a command may do to an auction at this
//! moment the rules of the auction say besides; they are not known here.

use gavel_auction::command::Roles;
use gavel_auction::ids::UserId;

/// What can be done, as far as permission tells it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Time, version, keys, heads, roles, certificates' keys: what the house says of itself.
    SeeHouse,
    /// Sign in, confirm an address, ask for a new password.
    SignIn,
    /// Make an account.
    Register,
    /// Auctions, bids, events, certificates.
    SeeAuctions,
    /// Public profiles.
    SeePeople,
    /// One's own profile, sessions, second factor, export, erasure.
    OwnAccount,
    /// What became of one's own commands: operations, receipts, explanations, own bids; what one
    /// sells, bids for and watches.
    SeeOwnBids,
    /// Bid, register for an auction, take a bid back.
    Bid,
    /// Come into the live room by a ticket, and speak there.
    Attend,
    /// Make, publish and change auctions and items of one's own, approve who bids there.
    Sell,
    /// Hold, resume, close, cancel auctions; bid for a paddle.
    RunAuctions,
    /// Strike bids out, reopen, certify by hand; withdraw what waits for a second one.
    Undo,
    /// The feed of all auctions.
    SeeEverything,
    /// Find people, shut them out, end their sessions, erase them.
    ManagePeople,
    /// Say what somebody may be.
    GiveRoles,
    /// Read the audit trail.
    SeeAudit,
}

impl Verb {
    /// All of them, in their order.
    pub const ALL: [Self; 16] = [
        Self::SeeHouse,
        Self::SignIn,
        Self::Register,
        Self::SeeAuctions,
        Self::SeePeople,
        Self::OwnAccount,
        Self::SeeOwnBids,
        Self::Bid,
        Self::Attend,
        Self::Sell,
        Self::RunAuctions,
        Self::Undo,
        Self::SeeEverything,
        Self::ManagePeople,
        Self::GiveRoles,
        Self::SeeAudit,
    ];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::SeeHouse => "see_house",
            Self::SignIn => "sign_in",
            Self::Register => "register",
            Self::SeeAuctions => "see_auctions",
            Self::SeePeople => "see_people",
            Self::OwnAccount => "own_account",
            Self::SeeOwnBids => "see_own_bids",
            Self::Bid => "bid",
            Self::Attend => "attend",
            Self::Sell => "sell",
            Self::RunAuctions => "run_auctions",
            Self::Undo => "undo",
            Self::SeeEverything => "see_everything",
            Self::ManagePeople => "manage_people",
            Self::GiveRoles => "give_roles",
            Self::SeeAudit => "see_audit",
        }
    }

    /// A verb that the public may be given or not, by its word. (`users.open_registration` gives
    /// it [`Verb::Register`].)
    #[must_use]
    pub fn of_public(word: &str) -> Option<Self> {
        [Self::SeeAuctions, Self::SeePeople].into_iter().find(|verb| verb.word() == word)
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub enum Actor<'a> {
    /// Somebody without a token, who may do this.
    Public(&'a [Verb]),
    /// A person.
    Person {
        /// Who.
        user: UserId,
        /// What he may be.
        roles: Roles,
        /// Whether the house shut him out.
        banned: bool,
    },
}

/// What is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// Nothing in particular.
    Anything,
    /// A person.
    User(UserId),
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum No {
    /// Only people may, and nobody is signed in.
    SignInFirst,
    /// The house shut him out.
    Banned,
    /// It is not his to do.
    Forbidden(&'static str),
}

/// Whether somebody may do that with this.
///
/// # Errors
/// Why not.
pub fn may(actor: Actor<'_>, verb: Verb, object: Object) -> Result<(), No> {
    let (user, roles, banned) = match actor {
        Actor::Public(allowed) => {
            let always = matches!(verb, Verb::SeeHouse | Verb::SignIn);
            return if always || allowed.contains(&verb) { Ok(()) } else { Err(No::SignInFirst) };
        }
        Actor::Person { user, roles, banned } => (user, roles, banned),
    };
    let staff = roles.is_staff();
    let has = |has: bool, why: &'static str| if has { Ok(()) } else { Err(No::Forbidden(why)) };
    match verb {
        // Whoever is shut out still sees, and still owns what is his.
        Verb::SeeHouse
        | Verb::SignIn
        | Verb::Register
        | Verb::SeeAuctions
        | Verb::SeePeople
        | Verb::OwnAccount
        | Verb::SeeOwnBids => Ok(()),
        _ if banned => Err(No::Banned),
        Verb::Attend => Ok(()),
        Verb::Bid => has(roles.bidder || staff, "That is for bidders."),
        Verb::Sell => has(roles.seller || staff, "That is for sellers."),
        Verb::RunAuctions | Verb::SeeEverything => has(staff, "That is for the house's people."),
        Verb::Undo | Verb::SeeAudit => has(roles.admin, "That is for administrators."),
        Verb::ManagePeople | Verb::GiveRoles => {
            has(roles.admin, "That is for administrators.")?;
            let himself = object == Object::User(user);
            has(!himself, "Nobody does that to himself: another administrator must.")
        }
    }
}

/// Whether two of the house's people must ask for it, where the house wants four eyes.
#[must_use]
pub fn takes_two(method: &http::Method, route: &str) -> bool {
    matches!(
        (method.as_str(), route),
        ("POST", "/v1/auctions/{auction}/bids/{bid}/void" | "/v1/auctions/{auction}/reopen")
            | ("DELETE", "/v1/users/{id}")
            | ("PATCH", "/v1/users/{id}/roles")
    )
}

/// A role, as the list of roles names it.
pub const ROLES: [(&str, Roles); 4] = [
    ("bidder", Roles { bidder: true, seller: false, clerk: false, admin: false }),
    ("seller", Roles { bidder: false, seller: true, clerk: false, admin: false }),
    ("clerk", Roles { bidder: false, seller: false, clerk: true, admin: false }),
    ("admin", Roles { bidder: false, seller: false, clerk: false, admin: true }),
];

/// Which verb a request is; none if there is no such route, or it has no such method.
#[must_use]
pub fn verb_of(method: &http::Method, route: &str) -> Option<Verb> {
    verb_in(DOORS, method, route)
}

/// Which verb a request is, by a table of doors that is sorted by path.
#[must_use]
pub fn verb_in(doors: &[Door], method: &http::Method, route: &str) -> Option<Verb> {
    let method = if method == http::Method::HEAD { "GET" } else { method.as_str() };
    let row = doors.binary_search_by(|(path, ..)| (*path).cmp(route)).ok()?;
    let (_, verbs) = doors.get(row)?;
    verbs.iter().find(|(known, _)| *known == method).map(|(_, verb)| *verb)
}

/// A route and its verbs, by method.
pub type Door = (&'static str, &'static [(&'static str, Verb)]);

/// Every route of the API and which verb it is, sorted by path.
pub const DOORS: &[Door] = &[
    ("/health/live", &[("GET", Verb::SeeHouse)]),
    ("/health/ready", &[("GET", Verb::SeeHouse)]),
    ("/v1/auctions", &[("GET", Verb::SeeAuctions), ("POST", Verb::Sell)]),
    ("/v1/auctions/{auction}", &[("GET", Verb::SeeAuctions), ("PATCH", Verb::Sell)]),
    ("/v1/auctions/{auction}/accept", &[("POST", Verb::Bid)]),
    ("/v1/auctions/{auction}/addenda", &[("POST", Verb::Sell)]),
    ("/v1/auctions/{auction}/bids", &[("GET", Verb::SeeAuctions), ("POST", Verb::Bid)]),
    ("/v1/auctions/{auction}/bids/mine", &[("GET", Verb::SeeOwnBids)]),
    ("/v1/auctions/{auction}/bids/{bid}", &[("DELETE", Verb::Bid)]),
    ("/v1/auctions/{auction}/bids/{bid}/explanation", &[("GET", Verb::SeeOwnBids)]),
    ("/v1/auctions/{auction}/bids/{bid}/void", &[("POST", Verb::Undo)]),
    ("/v1/auctions/{auction}/buy-now", &[("POST", Verb::Bid)]),
    ("/v1/auctions/{auction}/cancel", &[("POST", Verb::Sell)]),
    ("/v1/auctions/{auction}/certificate", &[("GET", Verb::SeeAuctions)]),
    ("/v1/auctions/{auction}/certify", &[("POST", Verb::Undo)]),
    (
        "/v1/auctions/{auction}/chat",
        &[("GET", Verb::SeeAuctions), ("PATCH", Verb::RunAuctions), ("POST", Verb::Attend)],
    ),
    ("/v1/auctions/{auction}/chat/mutes", &[("POST", Verb::RunAuctions)]),
    ("/v1/auctions/{auction}/chat/mutes/{user}", &[("DELETE", Verb::RunAuctions)]),
    ("/v1/auctions/{auction}/chat/{message}", &[("DELETE", Verb::RunAuctions)]),
    ("/v1/auctions/{auction}/close", &[("POST", Verb::RunAuctions)]),
    ("/v1/auctions/{auction}/events", &[("GET", Verb::SeeAuctions)]),
    ("/v1/auctions/{auction}/hold", &[("POST", Verb::RunAuctions)]),
    ("/v1/auctions/{auction}/promotion", &[("GET", Verb::SeeAuctions), ("PUT", Verb::Sell)]),
    ("/v1/auctions/{auction}/publish", &[("POST", Verb::Sell)]),
    ("/v1/auctions/{auction}/register", &[("POST", Verb::Bid)]),
    ("/v1/auctions/{auction}/registrations/{paddle}/approve", &[("POST", Verb::Sell)]),
    ("/v1/auctions/{auction}/registrations/{paddle}/decline", &[("POST", Verb::Sell)]),
    ("/v1/auctions/{auction}/reopen", &[("POST", Verb::Undo)]),
    ("/v1/auctions/{auction}/resume", &[("POST", Verb::RunAuctions)]),
    ("/v1/auctions/{auction}/shills", &[("GET", Verb::ManagePeople)]),
    ("/v1/auctions/{auction}/stream", &[("GET", Verb::SeeAuctions)]),
    ("/v1/audit", &[("GET", Verb::SeeAudit)]),
    ("/v1/categories", &[("GET", Verb::SeeAuctions), ("POST", Verb::RunAuctions)]),
    ("/v1/events", &[("GET", Verb::SeeEverything)]),
    ("/v1/heads", &[("GET", Verb::SeeHouse)]),
    ("/v1/items", &[("GET", Verb::Sell), ("POST", Verb::Sell)]),
    ("/v1/items/{item}", &[("DELETE", Verb::Sell), ("GET", Verb::Sell), ("PATCH", Verb::Sell)]),
    ("/v1/items/{item}/pictures", &[("POST", Verb::Sell)]),
    ("/v1/items/{item}/pictures/{picture}", &[("DELETE", Verb::Sell)]),
    ("/v1/me/auctions", &[("GET", Verb::SeeOwnBids)]),
    ("/v1/me/bids", &[("GET", Verb::SeeOwnBids)]),
    ("/v1/me/notifications", &[("GET", Verb::SeeOwnBids)]),
    ("/v1/me/notifications/read", &[("POST", Verb::SeeOwnBids)]),
    ("/v1/me/subscriptions", &[("GET", Verb::SeeOwnBids), ("PUT", Verb::SeeOwnBids)]),
    ("/v1/me/watchlist", &[("GET", Verb::SeeOwnBids)]),
    ("/v1/me/watchlist/{auction}", &[("DELETE", Verb::SeeOwnBids), ("PUT", Verb::SeeOwnBids)]),
    ("/v1/meta", &[("GET", Verb::SeeHouse)]),
    ("/v1/operations/{operation}", &[("GET", Verb::SeeOwnBids)]),
    ("/v1/password/forgotten", &[("POST", Verb::SignIn)]),
    ("/v1/password/reset", &[("POST", Verb::SignIn)]),
    ("/v1/pictures/{picture}", &[("GET", Verb::SeeAuctions)]),
    ("/v1/receipts/{operation}", &[("GET", Verb::SeeOwnBids)]),
    ("/v1/roles", &[("GET", Verb::SeeHouse)]),
    ("/v1/session", &[("DELETE", Verb::OwnAccount), ("POST", Verb::SignIn)]),
    ("/v1/shills", &[("GET", Verb::ManagePeople)]),
    ("/v1/tickets", &[("POST", Verb::Attend)]),
    ("/v1/time", &[("GET", Verb::SeeHouse)]),
    ("/v1/users", &[("GET", Verb::ManagePeople), ("POST", Verb::Register)]),
    ("/v1/users/confirm", &[("POST", Verb::SignIn)]),
    (
        "/v1/users/me",
        &[("DELETE", Verb::OwnAccount), ("GET", Verb::OwnAccount), ("PATCH", Verb::OwnAccount)],
    ),
    ("/v1/users/me/confirmation", &[("POST", Verb::OwnAccount)]),
    ("/v1/users/me/export", &[("GET", Verb::OwnAccount)]),
    ("/v1/users/me/second-factor", &[("DELETE", Verb::OwnAccount), ("POST", Verb::OwnAccount)]),
    ("/v1/users/me/second-factor/confirm", &[("POST", Verb::OwnAccount)]),
    ("/v1/users/me/sessions", &[("DELETE", Verb::OwnAccount), ("GET", Verb::OwnAccount)]),
    ("/v1/users/me/sessions/{session}", &[("DELETE", Verb::OwnAccount)]),
    ("/v1/users/me/spending", &[("GET", Verb::OwnAccount)]),
    (
        "/v1/users/{id}",
        &[("DELETE", Verb::ManagePeople), ("GET", Verb::SeePeople), ("PATCH", Verb::ManagePeople)],
    ),
    ("/v1/users/{id}/ban", &[("DELETE", Verb::ManagePeople), ("POST", Verb::ManagePeople)]),
    ("/v1/users/{id}/links", &[("GET", Verb::ManagePeople)]),
    ("/v1/users/{id}/profile", &[("GET", Verb::ManagePeople)]),
    ("/v1/users/{id}/roles", &[("PATCH", Verb::GiveRoles)]),
    ("/v1/users/{id}/sessions", &[("DELETE", Verb::ManagePeople), ("GET", Verb::ManagePeople)]),
    ("/v1/users/{id}/shills", &[("GET", Verb::ManagePeople)]),
    ("/v1/users/{id}/spending", &[("GET", Verb::ManagePeople)]),
    ("/v1/waiting", &[("GET", Verb::SeeAudit)]),
    ("/v1/waiting/{act}", &[("DELETE", Verb::Undo)]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn person(roles: Roles) -> Actor<'static> {
        Actor::Person { user: UserId::new(7).unwrap(), roles, banned: false }
    }

    #[test]
    fn routes_are_sorted_and_found() {
        assert!(DOORS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (path, verbs) in DOORS {
            for (method, verb) in *verbs {
                let method = http::Method::from_bytes(method.as_bytes()).unwrap();
                assert_eq!(verb_of(&method, path), Some(*verb), "{method} {path}");
            }
        }
        assert_eq!(verb_of(&http::Method::HEAD, "/v1/time"), Some(Verb::SeeHouse));
        assert_eq!(verb_of(&http::Method::TRACE, "/v1/time"), None);
        assert_eq!(verb_of(&http::Method::GET, "/v1/times"), None);
    }

    #[test]
    fn nobody_may_what_no_role_gives() {
        let none = person(Roles::default());
        let denied: Vec<&str> = Verb::ALL
            .into_iter()
            .filter(|verb| may(none, *verb, Object::Anything).is_err())
            .map(Verb::word)
            .collect();
        let expected = [
            "bid",
            "sell",
            "run_auctions",
            "undo",
            "see_everything",
            "manage_people",
            "give_roles",
            "see_audit",
        ];
        assert_eq!(denied, expected);
        let stranger = Actor::Public(&[]);
        for verb in Verb::ALL {
            let always = matches!(verb, Verb::SeeHouse | Verb::SignIn);
            assert_eq!(may(stranger, verb, Object::Anything).is_ok(), always, "{}", verb.word());
        }
    }

    #[test]
    fn a_clerk_runs_auctions_and_knows_no_people() {
        let clerk = person(Roles::CLERK);
        assert!(may(clerk, Verb::RunAuctions, Object::Anything).is_ok());
        for verb in [Verb::ManagePeople, Verb::GiveRoles, Verb::Undo, Verb::SeeAudit] {
            assert!(matches!(may(clerk, verb, Object::Anything), Err(No::Forbidden(_))));
        }
    }

    #[test]
    fn nobody_shuts_himself_out_or_gives_himself_roles() {
        let (user, roles) = (UserId::new(7).unwrap(), Roles::ADMIN);
        for verb in [Verb::ManagePeople, Verb::GiveRoles] {
            assert!(may(person(roles), verb, Object::User(user)).is_err());
            assert!(may(person(roles), verb, Object::User(UserId::new(8).unwrap())).is_ok());
        }
    }

    #[test]
    fn whoever_is_shut_out_keeps_what_is_his() {
        let (user, roles) = (UserId::new(7).unwrap(), Roles::ADMIN);
        let banned = Actor::Person { user, roles, banned: true };
        assert!(may(banned, Verb::OwnAccount, Object::Anything).is_ok());
        for verb in [Verb::Bid, Verb::Sell, Verb::RunAuctions, Verb::ManagePeople] {
            assert_eq!(may(banned, verb, Object::Anything), Err(No::Banned));
        }
    }
}
