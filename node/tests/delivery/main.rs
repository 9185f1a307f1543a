//! Codes that leave the node, and published clients that log in with what arrived: at a webhook, at a
//! command, in a mailbox.
//!
//! What they arrive at are small programs of these tests, in Python: each prints a line of JSON for
//! what it took. The clients' drivers are those of the chat tests.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/clients.rs"]
mod clients;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/driver.rs"]
mod driver;
#[cfg(test)]
mod gateways;
#[cfg(test)]
mod mail;
#[cfg(test)]
mod oidc;
#[cfg(test)]
mod password;
#[cfg(test)]
mod receiver;
#[allow(dead_code, reason = "shared with the tests of other targets")]
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
