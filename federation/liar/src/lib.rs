//! A node that keeps to nothing.
//!
//! It has a certificate that holds, is let into groups as any other node, and then does what its
//! orders say: [`lies`]. A [`peer::Peer`] speaks the protocol over libp2p by itself, since a mesh does
//! not send what is wrong; [`copy::Copy`] is what it holds of a group. [`home`] is the home of one,
//! behind a [`door::Door`] that nodes dial. [`watch`] only looks: which entries a node has.
//!
//! [`bare`] is gossip alone: what the rows of `rookery-load` hold nodes against.
//!
//! Tests start it as a process of its own by [`run`]. No node links this crate.
#![expect(
    clippy::disallowed_methods,
    reason = "for tests: clock and chance are those of the machine"
)]

pub mod bare;
pub mod copy;
pub mod door;
mod files;
pub mod home;
pub mod lies;
mod much;
pub mod peer;
pub mod watch;

pub use lies::{Lie, run};
