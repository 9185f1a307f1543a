//! What a member changed for oneself, as the update for the other sessions: these have no pts.

use node_core::{Core, CoreResult, Own, UserId};
use tl::{enums, types};

use super::{Named, peer};

/// The update; `None` where there is nothing to tell any more. Says how things are now, which may be
/// later than the change.
pub(super) fn own_update(
    _core: &Core,
    _owner: UserId,
    change: &Own,
    named: &mut Named,
) -> CoreResult<Option<enums::Update>> {
    Ok(match change {
        Own::UnreadMark { peer: with, unread } => {
            named.user(with.user());
            let peer = types::DialogPeer { peer: peer(*with) }.into();
            let mark = types::UpdateDialogUnreadMark { unread: *unread, peer, saved_peer_id: None };
            Some(mark.into())
        }
        _ => None,
    })
}
