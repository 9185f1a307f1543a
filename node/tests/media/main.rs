//! Files between published clients: Telethon (layer 229), Pyrogram (158) and TDLib by their own
//! functions; uploads and downloads that are cut off; hostile files; a bucket instead of a directory.
//!
//! The drivers are those of the chat tests, with commands about files. `ROOKERY_TEST_SKIP=name,name`
//! leaves out clients by name, and says so.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

#[cfg(test)]
mod archive;
#[cfg(test)]
mod bucket;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/clients.rs"]
mod clients;
#[cfg(test)]
mod cut;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/driver.rs"]
mod driver;
#[cfg(test)]
mod files;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod photos;
#[cfg(test)]
mod previews;
#[cfg(test)]
mod scene;
#[allow(dead_code, reason = "shared with the tests of blobs")]
#[cfg(test)]
#[path = "../../blobs/tests/suite/seaweed.rs"]
mod seaweed;
#[allow(dead_code, reason = "shared with the tests of other targets")]
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/team.rs"]
mod team;
