//! `user`, `userStatus…`, `peerSettings`.

use node_core::{Birthday, Core, CoreResult, FileId, NameColor, Role, Status, UserId, UserView};
use tl::{enums, types};

use super::View;

/// A user as `viewer` sees it. Never `min`: what the viewer may not see is left out.
pub(crate) fn user(view: &UserView, at: View<'_>) -> enums::User {
    let account = &view.user;
    if account.deleted {
        return types::User {
            id: account.id.0,
            access_hash: Some(view.access_hash),
            deleted: true,
            ..types::User::default()
        }
        .into();
    }
    let name = |own: &str, theirs: Option<&str>| {
        // The name in the viewer's address book wins, as a whole.
        let name = theirs.unwrap_or(own);
        (!name.is_empty()).then(|| name.to_owned())
    };
    let contact = view.contact.as_ref();
    types::User {
        self_: account.id == at.viewer,
        contact: contact.is_some(),
        mutual_contact: view.mutual,
        close_friend: contact.is_some_and(|contact| contact.close_friend),
        verified: account.role == Role::Service,
        support: account.role == Role::Service,
        id: account.id.0,
        access_hash: Some(view.access_hash),
        first_name: name(&account.first_name, contact.map(|c| c.first_name.as_str())),
        last_name: name(&account.last_name, contact.map(|c| c.last_name.as_str())),
        username: account.username.clone(),
        phone: view.phone.map(|phone| phone.to_string()),
        status: (account.role != Role::Service).then(|| status(view.status)),
        photo: view.photo.map(|photo| user_photo(photo, at)),
        color: account.color.map(color),
        profile_color: account.profile_color.map(color),
        ..types::User::default()
    }
    .into()
}

/// The photo as it is shown beside a name: by its number, which a client names with the user.
fn user_photo(photo: FileId, at: View<'_>) -> enums::UserProfilePhoto {
    // Without it a client shows a letter until it has the photo.
    let stripped = at.core.photo(photo).ok().flatten().map(|photo| photo.stripped);
    types::UserProfilePhoto {
        has_video: false,
        personal: false,
        photo_id: photo.0,
        stripped_thumb: stripped.filter(|stripped| !stripped.is_empty()),
        dc_id: at.dc,
    }
    .into()
}

fn color(painted: NameColor) -> enums::PeerColor {
    let color = painted.color.map(i32::from);
    types::PeerColor { color, background_emoji_id: painted.background_emoji_id }.into()
}

/// A birthday in TL's shape.
pub(crate) fn birthday(birthday: Birthday) -> enums::Birthday {
    let (day, month) = (birthday.day.into(), birthday.month.into());
    types::Birthday { day, month, year: birthday.year.map(i32::from) }.into()
}

/// Presence in TL's shape.
pub(crate) fn status(status: Status) -> enums::UserStatus {
    match status {
        Status::Online { expires } => types::UserStatusOnline { expires }.into(),
        Status::Offline { was_online } => types::UserStatusOffline { was_online }.into(),
        Status::Recently { by_me } => types::UserStatusRecently { by_me }.into(),
        Status::LastWeek { by_me } => types::UserStatusLastWeek { by_me }.into(),
        Status::LastMonth { by_me } => types::UserStatusLastMonth { by_me }.into(),
        Status::LongAgo => types::UserStatusEmpty {}.into(),
    }
}

/// What clients offer above a dialog.
pub(crate) fn peer_settings(
    core: &Core,
    view: &UserView,
    viewer: UserId,
) -> CoreResult<types::PeerSettings> {
    let bar = core.bar(viewer, view)?;
    Ok(types::PeerSettings {
        report_spam: bar.report_spam,
        add_contact: bar.add_contact,
        block_contact: bar.block_contact,
        share_contact: bar.share_contact,
        need_contacts_exception: bar.need_contacts_exception,
        ..types::PeerSettings::default()
    })
}
