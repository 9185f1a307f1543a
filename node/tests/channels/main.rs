//! Channels and supergroups, seen by published clients together: Telethon (layer 229) and Pyrogram
//! (158) by their raw API, TDLib and mtcute by their own.
//!
//! The drivers are those of the chat tests. `ROOKERY_TEST_SKIP=name,name` leaves out clients by name,
//! and says so.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

#[cfg(test)]
mod admin_log;
#[cfg(test)]
mod broadcast;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/clients.rs"]
mod clients;
#[cfg(test)]
mod comments;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/driver.rs"]
mod driver;
#[cfg(test)]
mod forum;
#[cfg(test)]
mod links;
#[cfg(test)]
mod mentions;
#[cfg(test)]
mod migrate;
#[cfg(test)]
mod mtcute;
#[cfg(test)]
mod polls;
#[cfg(test)]
mod reactions;
#[allow(dead_code, reason = "shared with the tests of groups")]
#[cfg(test)]
#[path = "../groups/scene.rs"]
mod scene;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod supergroup;
#[allow(dead_code, reason = "shared with the tests of other targets")]
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/team.rs"]
mod team;

/// Channels are shown as this less their number, by all the libraries.
#[cfg(test)]
const CHANNELS: i64 = -1_000_000_000_000;

/// A supergroup that somebody makes by the raw API: its number, as the libraries write it.
#[cfg(test)]
fn supergroup(driver: &mut driver::Driver, title: &str) -> i64 {
    let new = serde_json::json!({ "title": title, "about": "", "megagroup": true });
    let made = driver.invoke("channels.CreateChannel", new);
    CHANNELS - made["chats"][0]["id"].as_i64().expect("a group")
}
