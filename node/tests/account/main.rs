//! What a member sets around private chats, seen by published clients: Telethon (layer 229) and
//! Pyrogram (158) by their raw API, TDLib by its own.
//!
//! The drivers are those of the chat tests. `ROOKERY_TEST_SKIP=name,name` leaves out clients by name,
//! and says so.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/clients.rs"]
mod clients;
#[cfg(test)]
mod dialogs;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/driver.rs"]
mod driver;
#[cfg(test)]
mod ending;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/join.rs"]
mod join;
#[cfg(test)]
mod links;
#[cfg(test)]
mod logins;
#[cfg(test)]
mod password;
mod people;
#[allow(dead_code, reason = "not every scene needs all of it")]
#[cfg(test)]
mod scene;
#[cfg(test)]
mod search;
#[allow(dead_code, reason = "shared with the tests of other targets")]
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/team.rs"]
mod team;
#[cfg(test)]
mod timers;
