//! Published Telegram clients against the node: each makes an auth key, asks what clients ask before
//! they show a phone field, and gets an accepted `auth.sendCode`; over every transport that it has.
//!
//! The tests install the clients themselves, at pinned versions (`support/install.rs`).
//! `ROOKERY_TEST_SKIP=name,name` leaves out clients by name, and says so.

#[cfg(test)]
#[path = "../desktop/mod.rs"]
mod desktop;
#[cfg(test)]
mod gramjs;
#[cfg(test)]
mod member;
#[cfg(test)]
mod methods;
#[cfg(test)]
mod mtcute;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod programs;
#[cfg(test)]
mod pyrogram;
#[cfg(test)]
mod report;
#[cfg(test)]
mod secret;
#[cfg(test)]
mod start_up;
#[cfg(test)]
#[allow(dead_code, reason = "shared with the other tests that see the node from outside")]
#[path = "../support/mod.rs"]
mod support;
#[cfg(test)]
mod tdlib;
#[cfg(test)]
mod telethon;
#[cfg(test)]
mod web_client;
