//! What clients offer above a dialog with somebody: to add, to block, to report, to share the
//! number.
//!
//! Source: <https://core.telegram.org/api/action-bar>

use serde::{Deserialize, Serialize};

use crate::boxes::{Dialog, StoredChunks};
use crate::ids::{Actor, PeerId, UserId};
use crate::inner::Inner;
use crate::personal::PersonalRecord;
use crate::privacy::{Facts, PrivacyKey};
use crate::record::Record;
use crate::view::UserView;
use crate::{Core, CoreResult, Role};

/// Messages among which one of the viewer's own is looked for: who has answered knows the other.
const LOOKED_AT_MAX: usize = 100;

/// What is offered. Clients take only these together: `share_contact` alone, `add_contact` alone,
/// or all but `share_contact`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bar {
    /// To report the other.
    pub report_spam: bool,
    /// To add the other as a contact.
    pub add_contact: bool,
    /// To block the other.
    pub block_contact: bool,
    /// To show the other, who is a contact on both sides, one's number.
    pub share_contact: bool,
    /// The rules would not show one's number to the other as a contact: adding may ask for an
    /// exception.
    pub need_contacts_exception: bool,
}

/// The member has put the bar away. Rest of the key: the peer.
#[derive(Debug, Serialize, Deserialize)]
struct BarHidden;

impl Record for BarHidden {
    const VERSION: u8 = 1;
    const NAME: &'static str = "hidden bar";
}

impl PersonalRecord for BarHidden {
    const KIND: u8 = 23;
}

impl Core {
    /// What is offered to `viewer` above the dialog with a user.
    ///
    /// # Errors
    /// Those of the store.
    pub fn bar(&self, viewer: UserId, view: &UserView) -> CoreResult<Bar> {
        let (inner, user) = (&self.inner, view.user.id);
        let is_nobody = matches!(view.user.role, Role::Service | Role::Ghost) || view.user.deleted;
        if user == viewer || is_nobody {
            return Ok(Bar::default());
        }
        let personal = inner.personal(viewer)?;
        let privacy = personal.privacy()?;
        let own = inner.contacts.book(&*inner.store, viewer)?;
        let facts = Facts::of(&own, user);
        let key = PrivacyKey::PhoneNumber;
        let shows_phone = privacy.allows(key, user, facts, &inner.chats);
        let as_contact = Facts { contact: true, ..facts };
        let need_contacts_exception = !privacy.allows(key, user, as_contact, &inner.chats);
        let mut bar = Bar { need_contacts_exception, ..Bar::default() };
        if view.blocked || personal.get::<BarHidden>(&PeerId::from(user).bytes())?.is_some() {
            return Ok(bar);
        }
        if view.contact.is_some() {
            bar.share_contact = view.mutual && !shows_phone;
        } else {
            bar.add_contact = true;
            bar.report_spam = inner.was_written_to(viewer, user)?;
            bar.block_contact = bar.report_spam;
        }
        Ok(bar)
    }

    /// Puts the bar away for good.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn hide_bar(
        &self,
        actor: Option<Actor>,
        owner: UserId,
        user: UserId,
    ) -> CoreResult<()> {
        self.write(actor, move |decide| {
            decide.set_personal(owner, &PeerId::from(user).bytes(), Some(&BarHidden))?;
            decide.event(crate::Event::Contact { owner, user });
            Ok(())
        })
        .await
    }
}

impl Inner {
    /// Whether `user` has written to `owner`, who has not answered lately.
    fn was_written_to(&self, owner: UserId, user: UserId) -> CoreResult<bool> {
        let peer = PeerId::from(user);
        let cell = self.boxes.cell(owner);
        let state = cell.lock(&*self.store, owner)?;
        let Some(dialog) = state.dialogs.get(&peer) else { return Ok(false) };
        let chunks = StoredChunks { store: &*self.store, owner: owner.into() };
        Ok(dialog.top.0 != 0 && !answered(dialog, &chunks, peer)?)
    }
}

fn answered(dialog: &Dialog, chunks: &StoredChunks<'_>, peer: PeerId) -> CoreResult<bool> {
    let (mut answered, mut looked_at) = (false, 0);
    dialog.index.descend(i32::MAX, chunks, peer, |entry| {
        answered = entry.out;
        looked_at += 1;
        !answered && looked_at < LOOKED_AT_MAX
    })?;
    Ok(answered)
}
