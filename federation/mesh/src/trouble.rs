//! Why an address leads to no peer, for its operator.

use glog::NodeId;
use libp2p::core::transport::TransportError;
use libp2p::swarm::DialError;

use crate::status::CallError;

/// Why nobody who is talked to was found at an address, the last time it was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// It is no multiaddress, or one of a transport that is not spoken here.
    #[error("this is no address of a node")]
    Address,
    /// Its name has no address.
    #[error("the name does not resolve")]
    Unresolved,
    /// The machine answers, and nobody listens there.
    #[error("the connection is refused: nobody listens there")]
    NobodyListens,
    /// Nothing came in time.
    #[error("nothing answers in time")]
    TimedOut,
    /// It is not reached otherwise, or what answers there speaks something else.
    #[error("no node is reached there")]
    Unreachable,
    /// Too many connections are being made, here.
    #[error("this node has too much to do")]
    Busy,
    /// This node's operator wants nothing of it.
    #[error("the node is blocked here")]
    Blocked,
    /// The policy of this node does not let it in, or it has misbehaved and is kept away for a while.
    #[error("the node is not let in here")]
    NotAdmitted,
    /// It has said that it does not talk to this node.
    #[error("the node refuses to talk to this one")]
    Refused,
    /// It ended the connection before it said who it is.
    #[error("the node ends the connection at once")]
    HungUp,
    /// It has not said in time who it is.
    #[error("the node does not say who it is")]
    Silent,
    /// No version of the protocol in common.
    #[error("the node speaks no version of the protocol that is spoken here")]
    Version,
    /// The certificate is not signed by its root key, or is of another key than the connection's.
    #[error("the node's certificate does not hold")]
    Certificate,
    /// It has shown a newer certificate before, or another key under the same serial.
    #[error("the node shows an older certificate than is known of it")]
    OldCertificate,
    /// It is this node.
    #[error("this is the node itself")]
    Ourselves,
    /// Another node answers than was expected: this one, where it has said so.
    #[error("another node answers than the one that is expected there")]
    AnotherNode(Option<NodeId>),
}

impl From<Trouble> for CallError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Address
            | Trouble::Unresolved
            | Trouble::NobodyListens
            | Trouble::Unreachable
            | Trouble::HungUp
            | Trouble::Silent => Self::Unreachable,
            Trouble::TimedOut => Self::TimedOut,
            _ => Self::Refused,
        }
    }
}

/// What libp2p says of an attempt.
pub(crate) fn of_dial(error: &DialError) -> Trouble {
    match error {
        DialError::LocalPeerId { .. } => Trouble::Ourselves,
        DialError::WrongPeerId { .. } => Trouble::AnotherNode(None),
        // The list of blocked nodes, or a bound on connections.
        DialError::Denied { cause } => {
            match cause.downcast_ref::<libp2p::allow_block_list::Blocked>() {
                Some(_) => Trouble::Blocked,
                None => Trouble::Busy,
            }
        }
        DialError::Transport(tries) => {
            // Names lead to several addresses: what says most comes first.
            let mut found: Vec<Trouble> = tries.iter().map(|(_, error)| of_try(error)).collect();
            found.sort_by_key(|trouble| match trouble {
                Trouble::NobodyListens => 0,
                Trouble::Unresolved => 1,
                Trouble::TimedOut => 2,
                Trouble::Address => 3,
                _ => 4,
            });
            found.first().copied().unwrap_or(Trouble::Unreachable)
        }
        _ => Trouble::Unreachable,
    }
}

fn of_try(error: &TransportError<std::io::Error>) -> Trouble {
    let error = match error {
        TransportError::MultiaddrNotSupported(_) => return Trouble::Address,
        TransportError::Other(error) => error,
    };
    // Each layer of libp2p wraps the error of the one below in a type of its own, most of them private:
    // what all of them pass on is how they print.
    let text = format!("{error:?}");
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["ConnectionRefused"]) {
        Trouble::NobodyListens
    } else if says(&["ResolveError", "TooManyLookups"]) {
        Trouble::Unresolved
    } else if says(&["TimedOut", "Timeout"]) {
        Trouble::TimedOut
    } else {
        Trouble::Unreachable
    }
}
