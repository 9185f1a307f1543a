//! Nodes among themselves, each with members who use published clients.
//!
//! Nodes are processes on loopback; the line between two of them goes through [`line`], which cuts it.
//! The drivers are those of the chat tests. `ROOKERY_TEST_SKIP=name,name` leaves out clients by name,
//! and says so.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

#[cfg(test)]
mod apart;
#[cfg(test)]
mod away;
#[cfg(test)]
mod channel;
#[cfg(test)]
mod cheat;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/clients.rs"]
mod clients;
#[cfg(test)]
mod closed;
#[cfg(test)]
mod comments;
#[cfg(test)]
mod dead;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/driver.rs"]
mod driver;
#[cfg(test)]
mod files;
#[cfg(test)]
mod five;
#[cfg(test)]
mod group;
#[cfg(test)]
mod home;
#[cfg(test)]
mod joining;
#[cfg(test)]
mod late;
#[cfg(test)]
mod lean;
#[cfg(test)]
mod letters;
#[cfg(test)]
mod lies;
#[cfg(test)]
mod line;
#[cfg(test)]
mod live;
#[cfg(test)]
mod many;
#[cfg(test)]
mod much;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod private;
#[cfg(test)]
mod restore;
#[cfg(test)]
mod rotation;
#[allow(dead_code, reason = "shared with the tests of groups")]
#[cfg(test)]
#[path = "../groups/scene.rs"]
mod scene;
#[cfg(test)]
mod sums;
#[allow(dead_code, reason = "shared with the tests of other targets")]
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/team.rs"]
mod team;
#[cfg(test)]
mod three;
#[cfg(test)]
mod two;
#[allow(dead_code, reason = "shared with the tests of stickers")]
#[cfg(test)]
#[path = "../extras/files.rs"]
mod uploads;

/// Channels are shown as this less their number, by all the libraries.
#[cfg(test)]
const CHANNELS: i64 = -1_000_000_000_000;
