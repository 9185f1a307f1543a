//! What lies in the data directory of a node that published clients have used, and what becomes of
//! it when the operator wants it sealed otherwise.
#![allow(missing_docs, clippy::panic, clippy::unwrap_used, reason = "tests")]

#[cfg(test)]
mod backup;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/clients.rs"]
mod clients;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/driver.rs"]
mod driver;
#[cfg(test)]
mod fsck;
#[cfg(test)]
mod scan;
#[allow(dead_code, reason = "shared with the tests of other targets")]
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
#[cfg(test)]
mod switch;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/team.rs"]
mod team;

/// A configuration with this mode.
#[cfg(test)]
fn config(seal: &str) -> String {
    format!("[store]\nseal = \"{seal}\"\n")
}
