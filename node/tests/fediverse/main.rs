//! The bridge to the fediverse, seen by other servers: Fedify (npm) and apkit (PyPI), which verify what comes
//! and sign what they send, with published Telegram clients on the other side.
//!
//! Node, clients and servers run in a network namespace of their own, each server under a name and an
//! address of its own on port 443, with certificates of an authority that is made for the test.
//! `ROOKERY_TEST_SKIP=name,name` leaves out clients by name, and says so.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

#[cfg(test)]
mod answer;
#[cfg(test)]
mod apkit;
#[cfg(test)]
mod browser;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/clients.rs"]
mod clients;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/driver.rs"]
mod driver;
#[cfg(test)]
mod far;
#[allow(dead_code, reason = "shared with the tests of extras")]
#[cfg(test)]
#[path = "../extras/files.rs"]
mod files;
#[cfg(test)]
mod follow;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod ids;
#[cfg(test)]
mod keep;
#[cfg(test)]
mod kinds;
#[cfg(test)]
mod many;
#[cfg(test)]
mod moved;
#[cfg(test)]
mod peer;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod shut;
#[cfg(test)]
mod signer;
#[allow(dead_code, reason = "shared with the tests of other targets")]
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/team.rs"]
mod team;
#[allow(dead_code, unused_imports, reason = "shared with the tests of media")]
#[cfg(test)]
#[path = "../media/scene.rs"]
mod uploads;
