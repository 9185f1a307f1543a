//! Basic groups and their invite links, seen by published clients together: Telethon (layer 229)
//! and Pyrogram (158) by their raw API, TDLib by its own.
//!
//! The drivers are those of the chat tests. `ROOKERY_TEST_SKIP=name,name` leaves out clients by name,
//! and says so.
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
mod links;
#[cfg(test)]
mod manage;
#[cfg(test)]
mod scene;
#[allow(dead_code, reason = "shared with the tests of other targets")]
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
#[cfg(test)]
mod talk;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/team.rs"]
mod team;
