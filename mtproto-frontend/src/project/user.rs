//! `user`, `userStatus…`, `peerSettings`.

use node_core::{Role, Status, UserId, UserView};
use tl::{enums, types};

/// A user as `viewer` sees it. Never `min`: what the viewer may not see is left out.
pub(crate) fn user(view: &UserView, viewer: UserId) -> enums::User {
    let account = &view.user;
    let name = |own: &str, theirs: Option<&str>| {
        // The name in the viewer's address book wins, as a whole.
        let name = theirs.unwrap_or(own);
        (!name.is_empty()).then(|| name.to_owned())
    };
    let contact = view.contact.as_ref();
    types::User {
        self_: account.id == viewer,
        contact: contact.is_some(),
        mutual_contact: view.mutual,
        verified: account.role == Role::Service,
        support: account.role == Role::Service,
        id: account.id.0,
        access_hash: Some(view.access_hash),
        first_name: name(&account.first_name, contact.map(|c| c.first_name.as_str())),
        last_name: name(&account.last_name, contact.map(|c| c.last_name.as_str())),
        username: account.username.clone(),
        phone: view.phone.map(|phone| phone.to_string()),
        status: (account.role != Role::Service).then(|| status(view.status)),
        ..types::User::default()
    }
    .into()
}

/// Presence in TL's shape.
pub(crate) fn status(status: Status) -> enums::UserStatus {
    match status {
        Status::Online { expires } => types::UserStatusOnline { expires }.into(),
        Status::Offline { was_online } => types::UserStatusOffline { was_online }.into(),
        Status::Recently => types::UserStatusRecently { by_me: false }.into(),
    }
}

/// What clients offer above a dialog.
pub(crate) fn peer_settings(view: &UserView, viewer: UserId) -> types::PeerSettings {
    let stranger =
        view.contact.is_none() && view.user.id != viewer && view.user.role != Role::Service;
    types::PeerSettings {
        add_contact: stranger,
        block_contact: stranger && !view.blocked,
        ..types::PeerSettings::default()
    }
}
