//! What stands between the node and its clients, and what an operator sees of it: proxies,
//! certificates, measurements and logs, each with the published program that is used there.
#![allow(missing_docs, clippy::panic, clippy::unwrap_used, reason = "tests")]

mod certificates;
mod measure;
mod program;
mod proxy;
#[allow(dead_code, reason = "shared with the other tests that see the node from outside")]
#[path = "../support/mod.rs"]
mod support;
mod web_servers;
