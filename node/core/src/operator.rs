//! What the operator sees of members, invites and channels, and does about them: on the command line and
//! on the admin page. Texts of members are none of it, but for what they report.

use std::sync::Arc;

use node_store::{Keyspace, Order};

use crate::channels::Channel;
use crate::decide::Decide;
use crate::ids::UserId;
use crate::presence::Status;
use crate::user::{Role, User};
use crate::{Core, CoreError, CoreResult};

/// Open invites that are read. Protects memory; a node with more is not run by hand.
pub(crate) const INVITES_MAX: usize = 10_000;

/// A member as the operator sees one.
#[derive(Clone)]
pub struct MemberLine {
    /// The account.
    pub user: Arc<User>,
    /// When the member was there, as the owner may know it; none while nobody owns the node.
    pub status: Option<Status>,
    /// Bytes of the member's files.
    pub stored_bytes: u64,
    /// Unix seconds since when the operator keeps them out.
    pub suspended_since: Option<i32>,
}

/// An invite that nobody has used.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenInvite {
    /// Digits of the number, without `+`.
    pub phone: u64,
    /// Unix seconds.
    pub expires: i32,
    /// It makes the owner.
    pub makes_owner: bool,
    /// The member who invited; none: the operator.
    pub by: Option<UserId>,
    /// Where it was sent.
    pub email: Option<String>,
}

impl Core {
    /// Who owns the node, if anybody does yet.
    ///
    /// # Errors
    /// Those of the store.
    pub fn owner(&self) -> CoreResult<Option<UserId>> {
        self.inner.owner()
    }

    /// The member with this number, as the operator sees one.
    ///
    /// # Errors
    /// [`CoreError::UnknownUser`].
    pub fn member_line(&self, phone: u64) -> CoreResult<MemberLine> {
        self.member_line_of(self.inner.directory.by_phone(phone).ok_or(CoreError::UnknownUser)?)
    }

    /// The member of this account.
    ///
    /// # Errors
    /// [`CoreError::UnknownUser`].
    pub fn member_line_of(&self, id: UserId) -> CoreResult<MemberLine> {
        let user = self.inner.directory.get(id).ok_or(CoreError::UnknownUser)?;
        if !is_member(&user) {
            return Err(CoreError::UnknownUser);
        }
        self.line(user)
    }

    /// How many members there are whose name, username or number holds `text`, and the lines of some of
    /// them, the newest first: `limit` after the first `skip`.
    ///
    /// # Errors
    /// Those of the store.
    pub fn member_lines(
        &self,
        text: &str,
        skip: usize,
        limit: usize,
    ) -> CoreResult<(usize, Vec<MemberLine>)> {
        let wanted = text.trim().trim_start_matches('@').to_lowercase();
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let matches = |user: &User| {
            wanted.is_empty()
                || user.full_name().to_lowercase().contains(&wanted)
                || user.username.as_ref().is_some_and(|name| name.to_lowercase().contains(&wanted))
                || (digits.len() >= 3 && user.phone.to_string().contains(&digits))
        };
        let mut found = self.inner.directory.all(|user| is_member(user) && matches(user));
        found.sort_by_key(|user| std::cmp::Reverse(user.id));
        let shown = found.iter().skip(skip).take(limit).cloned();
        Ok((found.len(), shown.map(|user| self.line(user)).collect::<CoreResult<_>>()?))
    }

    fn line(&self, user: Arc<User>) -> CoreResult<MemberLine> {
        let status = match self.inner.owner()? {
            Some(owner) => self.view(owner, user.id)?.map(|view| view.status),
            None => None,
        };
        let stored_bytes = self.stored(user.id)?.member_bytes;
        let suspended_since = self.suspended_since(user.id)?;
        Ok(MemberLine { user, status, stored_bytes, suspended_since })
    }

    /// Ends a login of a member, and tells the member so.
    ///
    /// # Errors
    /// [`CoreError::UnknownAuthorization`].
    pub async fn end_login(&self, user: UserId, hash: i64) -> CoreResult<()> {
        self.write(None, move |decide| decide.end_login(user, hash)).await
    }

    /// Invites that nobody has used and that are still good, the one that ends last first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn open_invites(&self) -> CoreResult<Vec<OpenInvite>> {
        let mut invites = self.write(None, |decide| decide.open_invites(INVITES_MAX)).await?;
        invites.sort_by_key(|invite| std::cmp::Reverse((invite.expires, invite.phone)));
        Ok(invites)
    }

    /// Takes an invite back; whether there was one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn revoke_invite(&self, phone: u64) -> CoreResult<bool> {
        self.write(None, move |decide| decide.revoke_invite(phone)).await
    }

    /// How many channels and supergroups of this node or others anybody may open here, and some of them,
    /// the largest first: `limit` after the first `skip`.
    #[must_use]
    pub fn public_channels(&self, skip: usize, limit: usize) -> (usize, Vec<Arc<Channel>>) {
        let all = self.inner.channels.ids().into_iter().filter_map(|id| self.channel(id));
        let mut public: Vec<_> =
            all.filter(|found| !found.deleted && found.username.is_some()).collect();
        public.sort_by_key(|found| (std::cmp::Reverse(found.members), found.id));
        (public.len(), public.into_iter().skip(skip).take(limit).collect())
    }

    /// How many channels and supergroups there are that nobody finds by a name.
    #[must_use]
    pub fn private_channels(&self) -> usize {
        let all = self.inner.channels.ids().into_iter().filter_map(|id| self.channel(id));
        all.filter(|found| !found.deleted && found.username.is_none()).count()
    }

    /// How many reports are kept that members made.
    ///
    /// # Errors
    /// Those of the store.
    pub fn reports_of_members(&self, max: usize) -> CoreResult<usize> {
        let rows = self.inner.store.scan(Keyspace::REPORTS, &[], None, max, Order::Ascending)?;
        Ok(rows.len())
    }
}

impl Decide<'_> {
    fn end_login(&mut self, user: UserId, hash: i64) -> CoreResult<()> {
        let device = self.end_login_called(user, hash)?;
        let text = format!(
            "The operator of this node has ended a login of your account.\n\nDevice: {device}\n\nWhoever \
             uses that device has to log in again."
        );
        self.service_message(user, text, Vec::new())
    }
}

/// Somebody who has an account here, and not the node itself.
fn is_member(user: &User) -> bool {
    matches!(user.role, Role::Owner | Role::Member) && !user.deleted
}
