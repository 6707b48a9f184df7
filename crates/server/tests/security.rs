//! The threat table (SECURITY.md), row by row, against real houses: each test is named after its
//! row and fails when the defence is taken out.
#![expect(clippy::unwrap_used, reason = "tests, all of it")]

#[path = "security/accounts.rs"]
mod accounts;
#[path = "security/asking.rs"]
mod asking;
#[path = "security/audit.rs"]
mod audit;
#[path = "security/erasure.rs"]
mod erasure;
#[path = "security/limits.rs"]
mod limits;
#[path = "security/mail.rs"]
mod mail;
#[path = "security/matrix.rs"]
mod matrix;
#[path = "security/play.rs"]
mod play;
#[expect(dead_code, reason = "each test binary uses a part of it")]
#[path = "house/served.rs"]
mod served;
#[path = "security/shills.rs"]
mod shills;
#[path = "floor/site.rs"]
mod site;
#[path = "house/small.rs"]
mod small;
#[path = "security/tls.rs"]
mod tls;
#[path = "security/tokens.rs"]
mod tokens;
#[path = "security/wall.rs"]
mod wall;
