//! What a node gives to its rules.

use std::sync::Arc;

use keys::MasterKey;
use node_store::Store;

use crate::channels::LogKeys;

/// Wall time in Unix milliseconds. The binary gives the system's, a test its own.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Who may sign up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Registration {
    /// Whoever has a number and a code from an invite.
    #[default]
    Invite,
    /// Whoever has a code for any number; the operator gives it out.
    Open,
    /// Nobody.
    Closed,
}

/// How much may be stored, in bytes of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// By one member.
    pub member_bytes: u64,
    /// By all.
    pub node_bytes: u64,
}

impl Default for Quotas {
    /// No bounds.
    fn default() -> Self {
        Self { member_bytes: u64::MAX, node_bytes: u64::MAX }
    }
}

/// What [`Setup::follow_s`] is unless the operator says otherwise: a week.
pub const FOLLOW_S: i32 = 7 * 86_400;

/// Everything that [`crate::Core`] needs from the rest of the node.
pub struct Setup {
    /// Where everything rests.
    pub store: Arc<dyn Store>,
    /// Wall time.
    pub clock: Clock,
    /// Who may sign up.
    pub registration: Registration,
    /// Keys access hashes and the codes of invites; must stay the same over restarts.
    pub access_secret: [u8; 32],
    /// Seals what passwords leave behind; must stay the same over restarts.
    pub master: Arc<MasterKey>,
    /// Random, of this one copy of the store: another one on the same content says that it was filled
    /// from a backup.
    pub stamp: [u8; 16],
    /// What the logs of channels are signed with; must stay the same over restarts.
    pub log_keys: LogKeys,
    /// Whether some follower takes [`crate::Event::Outbound`] to e-mail addresses. Where none does,
    /// no address is taken.
    pub can_mail: bool,
    /// Whether who joins has to show a mail address; without `can_mail` nobody has to.
    pub requires_email: bool,
    /// Whether people of another service get codes on a page, by [`crate::Core::identity_code`].
    pub has_login_page: bool,
    /// Whether some follower takes [`crate::Event::Outbound`] to numbers.
    pub reaches_numbers: bool,
    /// Whether a login ends the account's other one on the same kind of device.
    pub one_device_per_kind: bool,
    /// How much may be stored.
    pub quotas: Quotas,
    /// Seconds after which messages go that are written from now on, where the timer of their
    /// dialog is not shorter; 0: they stay. Messages to oneself always stay.
    pub keep_s: i32,
    /// Seconds for which a channel of another node is followed after somebody here has looked at it, or
    /// the last one here has left it.
    pub follow_s: i32,
}

impl Setup {
    /// For work on the store of a node that does not run: nobody joins, and nothing is sent.
    #[must_use]
    pub fn offline(
        store: Arc<dyn Store>,
        clock: Clock,
        access_secret: [u8; 32],
        master: Arc<MasterKey>,
        log_keys: LogKeys,
    ) -> Self {
        Self {
            stamp: [0; 16],
            log_keys,
            store,
            clock,
            registration: Registration::Closed,
            access_secret,
            master,
            can_mail: false,
            requires_email: false,
            has_login_page: false,
            reaches_numbers: false,
            one_device_per_kind: false,
            quotas: Quotas::default(),
            keep_s: 0,
            follow_s: FOLLOW_S,
        }
    }
}
