//! What clients write where another type is declared, with the same fields.

/// A constructor of another type that is read as one of the declared type.
#[derive(Debug)]
pub struct Alias {
    /// The declared type.
    pub of: &'static str,
    /// The id that clients write.
    pub written: u32,
    /// The id of the declared type's constructor with the same fields.
    pub read_as: u32,
    /// Who writes it.
    pub reason: &'static str,
}

const PEERS: &str = "Pyrogram gives a resolved peer to methods that want a user or channel, and \
                     Telegram's server takes it";

/// All of them.
pub const ALIASES: &[Alias] = &[
    // inputPeerUser, inputPeerUserFromMessage, inputPeerSelf, inputPeerEmpty
    Alias { of: "InputUser", written: 0xdde8_a54c, read_as: 0xf211_58c6, reason: PEERS },
    Alias { of: "InputUser", written: 0xa87b_0a1c, read_as: 0x1da4_48e2, reason: PEERS },
    Alias { of: "InputUser", written: 0x7da0_7ec9, read_as: 0xf7c1_b13f, reason: PEERS },
    Alias { of: "InputUser", written: 0x7f3b_18ea, read_as: 0xb988_86cf, reason: PEERS },
    // inputPeerChannel, inputPeerChannelFromMessage, inputPeerEmpty
    Alias { of: "InputChannel", written: 0x27bc_bbfc, read_as: 0xf35a_ec28, reason: PEERS },
    Alias { of: "InputChannel", written: 0xbd2a_0840, read_as: 0x5b93_4f9d, reason: PEERS },
    Alias { of: "InputChannel", written: 0x7f3b_18ea, read_as: 0xee8c_1e86, reason: PEERS },
];

/// The id to read instead of one that the type does not have.
pub(crate) fn read_as(boxed_type: &str, written: u32) -> Option<u32> {
    let alias = ALIASES.iter().find(|a| a.written == written && a.of == boxed_type)?;
    Some(alias.read_as)
}
