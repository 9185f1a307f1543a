//! Secret chats of published clients: what they say to each other through one node, and through two, and
//! that nobody on the way can read it.
//!
//! The clients are TDLib, which makes and changes keys by itself, and telethon-secret-chat. Their drivers
//! are those of the chat tests with commands for secret chats. `ROOKERY_TEST_SKIP=name,name` leaves out
//! clients by name, and says so.
#![allow(missing_docs, clippy::panic, clippy::unwrap_used, reason = "tests")]

#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/clients.rs"]
mod clients;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/driver.rs"]
mod driver;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/join.rs"]
mod join;
#[allow(dead_code, reason = "shared with the tests of federation")]
#[cfg(test)]
#[path = "../federation/line.rs"]
mod line;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod offline;
#[cfg(test)]
mod one;
#[cfg(test)]
mod parcel;
#[cfg(test)]
mod person;
#[cfg(test)]
mod scan;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod steps;
#[allow(dead_code, reason = "shared with the tests of other targets")]
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
#[cfg(test)]
mod tap;
#[cfg(test)]
mod telethon;
#[cfg(test)]
mod two;
