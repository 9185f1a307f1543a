//! The admin page, as its owner uses it: a real browser, a real client that gets the code, and clients that
//! feel what is done. `ROOKERY_TEST_SKIP=name,name` leaves out clients by name, and says so;
//! `ROOKERY_TEST_PICTURES=DIR` keeps pictures.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/clients.rs"]
mod clients;
#[cfg(test)]
mod desk;
#[allow(dead_code, reason = "shared with the chat tests")]
#[cfg(test)]
#[path = "../chat/driver.rs"]
mod driver;
#[cfg(test)]
mod keep_out;
#[cfg(test)]
mod outside;
#[allow(dead_code, reason = "shared with the tests of other targets")]
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
