//! Published client libraries that talk to each other through the node: sign-up by invite, live
//! updates, what was missed, read marks, sessions; and the node killed in the middle of it.
//!
//! Each client is a process that keeps its session and takes commands as lines of JSON: `driver.rs`
//! is this end of it, `*_driver.*` are the other, one per library. The tests install the libraries
//! themselves, at pinned versions (`support/install.rs`). `ROOKERY_TEST_SKIP=name,name` leaves out
//! clients by name, and says so.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

#[cfg(test)]
mod clients;
#[cfg(test)]
mod clocks;
#[allow(dead_code, reason = "shared with the account tests")]
#[cfg(test)]
mod driver;
#[allow(dead_code, reason = "shared with the account tests")]
#[cfg(test)]
mod join;
#[cfg(test)]
mod login;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod sessions;
#[allow(dead_code, reason = "shared with the tests of other targets")]
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
#[cfg(test)]
mod talk;
#[allow(dead_code, reason = "shared with the account tests")]
#[cfg(test)]
mod team;
