//! Carries codes out of the node: by mail, to a webhook, to a command.
//!
//! Core tells [`Event::Outbound`]; [`Delivery`] queues it without ever blocking the committer, and a
//! task hands it to what is configured, again and again until it is taken or the code is over.
//! A code with an address goes by mail; one without goes to whatever reaches the number: the
//! webhook, the command, or both.
//!
//! No code is logged, and neither is anything that another program answered: it may repeat one.
//!
//! [`Event::Outbound`]: node_core::Event::Outbound

mod command;
mod error;
mod https;
mod message;
mod queue;
mod smtp;
mod webhook;

pub use command::Command;
pub use error::SetupError;
pub use https::{Answer, Https, HttpsError};
pub use queue::{Counters, Delivery, Setup};
pub use smtp::{Security, Smtp, SmtpSetup, mailbox};
pub use webhook::Webhook;
