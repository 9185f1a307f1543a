//! Making groups and changing them. Each change says so in the group, by a service message.

use super::{
    CHAT_ABOUT_CHARS_MAX, CHAT_MEMBERS_MAX, CHAT_TITLE_CHARS_MAX, Chat, ChatMember, ChatReactions,
    ChatRole, RANK_CHARS_MAX, REMOVED_MAX, Rights,
};
use crate::decide::Decide;
use crate::event::{ChatChange, Event};
use crate::history::{HistoryQuery, PAGE_MAX};
use crate::ids::{Actor, CHAT_ID_MAX, ChatId, MessageId, UserId};
use crate::limits::Limit;
use crate::media::{FileId, Photo};
use crate::message::{Action, BoxRow, Message};
use crate::privacy::{PrivacyKey, What};
use crate::send::Sent;
use crate::{Core, CoreError, CoreResult};

/// Key in [`node_store::Keyspace::SETTINGS`]: the number that the next group gets, 8 bytes.
const NEXT_CHAT_KEY: &[u8] = b"next_chat";

/// Messages that somebody who is added gets to see.
const SHOWN_TO_NEW_MAX: i32 = 100;

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatDone {
    /// Of the service messages, in the box of the one who acted.
    pub sent: Vec<Sent>,
    /// Who was not added, since they do not want to be.
    pub missing: Vec<UserId>,
}

/// A group that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatCreated {
    /// Its number.
    pub chat: ChatId,
    /// What was said in it.
    pub done: ChatDone,
}

pub(crate) fn clean_title(title: &str) -> CoreResult<String> {
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    if title.is_empty() || title.chars().any(|c| c.is_control()) {
        return Err(CoreError::ChatTitleInvalid);
    }
    if title.chars().count() > CHAT_TITLE_CHARS_MAX {
        return Err(CoreError::ChatTitleInvalid);
    }
    Ok(title)
}

impl Core {
    /// Makes a group of `users` and oneself. Who does not want to be added is left out.
    ///
    /// # Errors
    /// [`CoreError::ChatTitleInvalid`], [`CoreError::UsersTooFew`] where nobody could be asked at
    /// all, [`CoreError::UsersTooMuch`], [`CoreError::TtlInvalid`], [`CoreError::Flood`].
    pub async fn create_chat(
        &self,
        actor: Actor,
        owner: UserId,
        title: &str,
        users: Vec<UserId>,
        ttl_period: i32,
    ) -> CoreResult<ChatCreated> {
        let title = clean_title(title)?;
        crate::timers::check_period(ttl_period)?;
        self.write(Some(actor), move |decide| decide.create_chat(owner, title, users, ttl_period))
            .await
    }

    /// Adds a member, who gets to see the last `shown` messages.
    ///
    /// # Errors
    /// [`CoreError::AlreadyAMember`], [`CoreError::UsersTooMuch`], [`CoreError::UnknownUser`], and
    /// those of rights.
    pub async fn add_chat_user(
        &self,
        actor: Actor,
        owner: UserId,
        chat: ChatId,
        user: UserId,
        shown: i32,
    ) -> CoreResult<ChatDone> {
        self.write(Some(actor), move |decide| decide.add_chat_user(owner, chat, user, shown)).await
    }

    /// Removes a member, or leaves.
    ///
    /// # Errors
    /// [`CoreError::NotAMember`], and those of rights.
    pub async fn remove_chat_user(
        &self,
        actor: Actor,
        owner: UserId,
        chat: ChatId,
        user: UserId,
    ) -> CoreResult<ChatDone> {
        self.write(Some(actor), move |decide| decide.remove_chat_user(owner, chat, user)).await
    }

    /// Takes what a member has written out of all boxes: for admins, and for the member. As much as
    /// the one who acts still has.
    ///
    /// # Errors
    /// [`CoreError::NotAMember`], [`CoreError::NotAnAdmin`].
    pub async fn revoke_words(
        &self,
        actor: Actor,
        owner: UserId,
        chat: ChatId,
        author: UserId,
    ) -> CoreResult<()> {
        let found = self.inner.chats.get(chat).ok_or(CoreError::UnknownChat)?;
        if !found.has(owner) {
            return Err(CoreError::NotAMember);
        }
        if author != owner && !found.is_admin(owner) {
            return Err(CoreError::NotAnAdmin);
        }
        let mut query = HistoryQuery { limit: PAGE_MAX, ..HistoryQuery::default() };
        loop {
            let page = self.history(owner, chat.into(), query).await?;
            let Some(last) = page.messages.last() else { return Ok(()) };
            query.offset_id = last.id.0;
            let written = page
                .messages
                .iter()
                .filter(|stored| stored.message.from == author && stored.message.action.is_none());
            let ids: Vec<MessageId> = written.map(|stored| stored.id).collect();
            if !ids.is_empty() {
                self.delete(actor, owner, ids, true).await?;
            }
        }
    }

    /// Gives a group another title.
    ///
    /// # Errors
    /// [`CoreError::ChatTitleInvalid`], [`CoreError::ChatNotModified`], and those of rights.
    pub async fn edit_chat_title(
        &self,
        actor: Actor,
        owner: UserId,
        chat: ChatId,
        title: &str,
    ) -> CoreResult<ChatDone> {
        let title = clean_title(title)?;
        self.write(Some(actor), move |decide| {
            let mut found = decide.chat_for(owner, chat)?;
            found.needs(owner, Rights::CHANGE_INFO)?;
            if found.title == title {
                return Err(CoreError::ChatNotModified);
            }
            found.title.clone_from(&title);
            decide.changed_chat(owner, found, Some(Action::ChatTitle(title)), ChatChange::Info)
        })
        .await
    }

    /// Gives a group another description; empty: none.
    ///
    /// # Errors
    /// [`CoreError::ChatAboutTooLong`], [`CoreError::ChatNotModified`], and those of rights.
    pub async fn edit_chat_about(
        &self,
        actor: Actor,
        owner: UserId,
        chat: ChatId,
        about: String,
    ) -> CoreResult<()> {
        let about = about.trim().to_owned();
        if about.chars().count() > CHAT_ABOUT_CHARS_MAX {
            return Err(CoreError::ChatAboutTooLong);
        }
        self.write(Some(actor), move |decide| {
            let mut found = decide.chat_for(owner, chat)?;
            found.needs(owner, Rights::CHANGE_INFO)?;
            if found.about == about {
                return Err(CoreError::ChatNotModified);
            }
            found.about = about;
            decide.changed_chat(owner, found, None, ChatChange::Info).map(|_| ())
        })
        .await
    }

    /// Gives a group another photo, or none; what came before stays in its messages.
    ///
    /// # Errors
    /// [`CoreError::ChatNotModified`], [`CoreError::FileInvalid`] for a photo that is not there,
    /// and those of rights.
    pub async fn edit_chat_photo(
        &self,
        actor: Actor,
        owner: UserId,
        chat: ChatId,
        photo: Option<ChatPhoto>,
    ) -> CoreResult<ChatDone> {
        self.write(Some(actor), move |decide| {
            let mut found = decide.chat_for(owner, chat)?;
            found.needs(owner, Rights::CHANGE_INFO)?;
            if photo.is_none() && found.photo.is_none() {
                return Err(CoreError::ChatNotModified);
            }
            let photo = decide.take_chat_photo(photo)?;
            decide.hold_file(photo, 1)?;
            decide.hold_file(found.photo, -1)?;
            found.photo = photo;
            let action = Action::ChatPhoto(photo);
            decide.changed_chat(owner, found, Some(action), ChatChange::Info)
        })
        .await
    }

    /// Makes a member an admin, or no longer.
    ///
    /// # Errors
    /// [`CoreError::NotAnAdmin`] for all but the creator, [`CoreError::NotAMember`],
    /// [`CoreError::ChatNotModified`].
    pub async fn edit_chat_admin(
        &self,
        actor: Actor,
        owner: UserId,
        chat: ChatId,
        user: UserId,
        is_admin: bool,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let mut found = decide.chat_for(owner, chat)?;
            if found.creator() != Some(owner) {
                return Err(CoreError::NotAnAdmin);
            }
            let role = if is_admin { ChatRole::Admin } else { ChatRole::Member };
            let member = found.members.iter_mut().find(|member| member.user == user);
            let member = member.ok_or(CoreError::NotAMember)?;
            if member.role == role || member.role == ChatRole::Creator {
                return Err(CoreError::ChatNotModified);
            }
            member.role = role;
            found.version += 1;
            if !is_admin {
                decide.end_links_of(chat.into(), user)?;
            }
            decide.changed_chat(owner, found, None, ChatChange::Members).map(|_| ())
        })
        .await
    }

    /// Gives a member a title, one's own where that is allowed.
    ///
    /// # Errors
    /// [`CoreError::RankInvalid`], [`CoreError::NotAMember`], [`CoreError::ChatNotModified`], and
    /// those of rights.
    pub async fn edit_chat_rank(
        &self,
        actor: Actor,
        owner: UserId,
        chat: ChatId,
        user: UserId,
        rank: String,
    ) -> CoreResult<()> {
        let rank = rank.trim().to_owned();
        if rank.chars().count() > RANK_CHARS_MAX || rank.chars().any(char::is_control) {
            return Err(CoreError::RankInvalid);
        }
        self.write(Some(actor), move |decide| {
            let mut found = decide.chat_for(owner, chat)?;
            if user == owner {
                found.needs(owner, Rights::EDIT_RANK)?;
            } else {
                found.needs_admin(owner)?;
            }
            let creator = found.creator();
            let member = found.members.iter_mut().find(|member| member.user == user);
            let member = member.ok_or(CoreError::NotAMember)?;
            if member.role != ChatRole::Member && user != owner && creator != Some(owner) {
                return Err(CoreError::NotAnAdmin);
            }
            if member.rank == rank {
                return Err(CoreError::ChatNotModified);
            }
            member.rank = rank;
            found.version += 1;
            decide.changed_chat(owner, found, None, ChatChange::Members).map(|_| ())
        })
        .await
    }

    /// Says what members who are no admins may not do.
    ///
    /// # Errors
    /// [`CoreError::NotAnAdmin`], [`CoreError::ChatNotModified`].
    pub async fn edit_chat_rights(
        &self,
        actor: Actor,
        owner: UserId,
        chat: ChatId,
        banned: Rights,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let mut found = decide.chat_for(owner, chat)?;
            found.needs_admin(owner)?;
            if found.banned == banned {
                return Err(CoreError::ChatNotModified);
            }
            found.banned = banned;
            found.version += 1;
            decide.changed_chat(owner, found, None, ChatChange::Rights).map(|_| ())
        })
        .await
    }

    /// Says which reactions a group has.
    ///
    /// # Errors
    /// [`CoreError::ChatNotModified`], and those of rights.
    pub async fn edit_chat_reactions(
        &self,
        actor: Actor,
        owner: UserId,
        chat: ChatId,
        reactions: ChatReactions,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let mut found = decide.chat_for(owner, chat)?;
            found.needs(owner, Rights::CHANGE_INFO)?;
            if found.reactions == reactions {
                return Err(CoreError::ChatNotModified);
            }
            found.reactions = reactions;
            decide.changed_chat(owner, found, None, ChatChange::Info).map(|_| ())
        })
        .await
    }

    /// Says whether a group's messages may be forwarded and saved.
    ///
    /// # Errors
    /// [`CoreError::NotAnAdmin`] for all but the creator, [`CoreError::ChatNotModified`].
    pub async fn edit_chat_noforwards(
        &self,
        actor: Actor,
        owner: UserId,
        chat: ChatId,
        noforwards: bool,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let mut found = decide.chat_for(owner, chat)?;
            if found.creator() != Some(owner) {
                return Err(CoreError::NotAnAdmin);
            }
            if found.noforwards == noforwards {
                return Err(CoreError::ChatNotModified);
            }
            found.noforwards = noforwards;
            decide.changed_chat(owner, found, None, ChatChange::Info).map(|_| ())
        })
        .await
    }

    /// Ends a group: nobody is in it any more, and what was said stays with those who have it.
    ///
    /// # Errors
    /// [`CoreError::NotAnAdmin`] for all but the creator.
    pub async fn delete_chat(&self, actor: Actor, owner: UserId, chat: ChatId) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let mut found = decide.chat_for(owner, chat)?;
            if found.creator() != Some(owner) {
                return Err(CoreError::NotAnAdmin);
            }
            let audience = found.users();
            found.deactivated = true;
            found.version += 1;
            found.members.clear();
            decide.end_links(chat.into())?;
            decide.put_chat(found)?;
            let (actor, change) = (decide.actor, ChatChange::Members);
            decide.event(Event::Chat { chat, audience, change, actor });
            Ok(())
        })
        .await
    }
}

/// What becomes the photo of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatPhoto {
    /// One that was just uploaded.
    New(Photo),
    /// One that is there.
    Known(FileId),
}

impl Decide<'_> {
    fn create_chat(
        &mut self,
        owner: UserId,
        title: String,
        users: Vec<UserId>,
        ttl_period: i32,
    ) -> CoreResult<ChatCreated> {
        let mut asked: Vec<UserId> = Vec::new();
        for user in users {
            if user != owner && user != UserId::SERVICE && !asked.contains(&user) {
                asked.push(user);
            }
        }
        if asked.len() >= CHAT_MEMBERS_MAX {
            return Err(CoreError::UsersTooMuch);
        }
        self.take(Limit::Chats(owner), 1)?;
        let (mut users, mut missing) = (Vec::new(), Vec::new());
        for user in asked {
            if self.may_add(owner, user)? { users.push(user) } else { missing.push(user) }
        }
        let chat = self.next_chat_id()?;
        let date = self.now();
        let member = |user: UserId, role| ChatMember {
            user,
            inviter: owner,
            date,
            role,
            rank: String::new(),
        };
        let creator = member(owner, ChatRole::Creator);
        let others = users.iter().map(|user| member(*user, ChatRole::Member));
        let found = Chat {
            id: chat,
            title: title.clone(),
            about: String::new(),
            photo: None,
            date,
            version: 1,
            members: std::iter::once(creator).chain(others).collect(),
            banned: Rights::NONE,
            deactivated: false,
            ttl_period,
            noforwards: false,
            reactions: ChatReactions::All,
            removed: Vec::new(),
            migrated_to: None,
        };
        let action = Action::ChatCreated { title, users };
        let done = self.changed_chat(owner, found, Some(action), ChatChange::Members)?;
        Ok(ChatCreated { chat, done: ChatDone { missing, ..done } })
    }

    fn next_chat_id(&mut self) -> CoreResult<ChatId> {
        let row = self.get(node_store::Keyspace::SETTINGS, NEXT_CHAT_KEY)?;
        let next = row.and_then(|row| row.first_chunk().map(|id| i64::from_be_bytes(*id)));
        let next = next.unwrap_or(1);
        if next > CHAT_ID_MAX {
            return Err(CoreError::BoxFull);
        }
        let after = (next + 1).to_be_bytes().to_vec();
        self.put_bytes(node_store::Keyspace::SETTINGS, NEXT_CHAT_KEY, after);
        Ok(ChatId(next))
    }

    /// What becomes the photo of a group.
    pub(crate) fn take_chat_photo(
        &mut self,
        photo: Option<ChatPhoto>,
    ) -> CoreResult<Option<FileId>> {
        Ok(match photo {
            None => None,
            Some(ChatPhoto::New(photo)) => {
                let id = photo.id;
                self.add_photo(photo)?;
                Some(id)
            }
            Some(ChatPhoto::Known(id)) => {
                self.photo(id)?.ok_or(CoreError::FileInvalid)?;
                Some(id)
            }
        })
    }

    /// Whether `user` is there and lets `owner` add them to groups.
    pub(crate) fn may_add(&self, owner: UserId, user: UserId) -> CoreResult<bool> {
        let account = self.inner.directory.get(user).ok_or(CoreError::UnknownUser)?;
        if account.deleted || user == UserId::SERVICE {
            return Err(CoreError::UnknownUser);
        }
        // Their node is not asked yet.
        if crate::federation::is_remote(user) || crate::bridge::is_ghost(user) {
            return Ok(false);
        }
        let theirs = self.inner.contacts.book(self.store(), user)?;
        if theirs.blocked.contains_key(&owner) {
            return Ok(false);
        }
        self.inner.may_see(owner, user, &theirs, What::Key(PrivacyKey::ChatInvite))
    }

    fn add_chat_user(
        &mut self,
        owner: UserId,
        chat: ChatId,
        user: UserId,
        shown: i32,
    ) -> CoreResult<ChatDone> {
        let found = self.chat(chat)?;
        if found.deactivated {
            return Err(CoreError::ChatDeactivated);
        }
        // Who left may come back alone, unless somebody else did that.
        if user == owner && !found.has(owner) {
            if found.has_removed(owner) || !self.has_dialog(owner, chat.into())? {
                return Err(CoreError::NotAMember);
            }
        } else {
            found.needs(owner, Rights::INVITE_USERS)?;
            if found.has(user) {
                return Err(CoreError::AlreadyAMember);
            }
            if found.has_removed(user) {
                found.needs_admin(owner)?;
            }
            if !self.may_add(owner, user)? {
                return Ok(ChatDone { sent: Vec::new(), missing: vec![user] });
            }
            self.take(Limit::ChatInvites(owner), 1)?;
        }
        let shown = self.shown_to_new(owner, &found, user, shown)?;
        let action = Action::ChatAdded(vec![user]);
        self.join_chat(found, user, owner, owner, action, shown)
    }

    /// Somebody comes into a group. `by` brought them, `from` says so in the group.
    pub(crate) fn join_chat(
        &mut self,
        mut chat: Chat,
        user: UserId,
        by: UserId,
        from: UserId,
        action: Action,
        shown: Vec<(MessageId, Message)>,
    ) -> CoreResult<ChatDone> {
        if chat.members.len() >= CHAT_MEMBERS_MAX {
            return Err(CoreError::UsersTooMuch);
        }
        let (date, role, rank) = (self.now(), ChatRole::Member, String::new());
        chat.members.push(ChatMember { user, inviter: by, date, role, rank });
        // Who comes back to a group that everybody left has it.
        chat.pass_on();
        chat.removed.retain(|removed| *removed != user);
        chat.version += 1;
        let id = chat.id;
        self.drop_request(id.into(), user)?;
        self.forget_readers(id);
        self.put_copies_for(user, id, shown)?;
        self.changed_chat(from, chat, Some(action), ChatChange::Members)
    }

    fn remove_chat_user(
        &mut self,
        owner: UserId,
        chat: ChatId,
        user: UserId,
    ) -> CoreResult<ChatDone> {
        let mut found = self.chat(chat)?;
        if found.deactivated {
            return Err(CoreError::ChatDeactivated);
        }
        if !found.has(owner) {
            return Err(CoreError::NotAMember);
        }
        let member = found.member(user).cloned().ok_or(CoreError::NotAMember)?;
        if user != owner {
            let creator = found.creator() == Some(owner);
            let may = match member.role {
                ChatRole::Creator => false,
                ChatRole::Admin => creator,
                // Who brought somebody may take them away again.
                ChatRole::Member => found.is_admin(owner) || member.inviter == owner,
            };
            if !may {
                return Err(CoreError::NotAnAdmin);
            }
            found.removed.push(user);
            let excess = found.removed.len().saturating_sub(REMOVED_MAX);
            found.removed.drain(..excess);
        }
        // They see it too: the message is placed before they are out.
        let audience = found.users();
        found.members.retain(|member| member.user != user);
        found.pass_on();
        found.version += 1;
        self.end_links_of(chat.into(), user)?;
        self.save_draft(user, crate::PeerId::from(chat), None)?;
        let action = Action::ChatRemoved(user);
        let sent = self.say_in_chat(owner, chat, &audience, action)?;
        self.put_chat(found)?;
        let actor = self.actor;
        self.event(Event::Chat { chat, audience, change: ChatChange::Members, actor });
        Ok(ChatDone { sent: vec![sent], missing: Vec::new() })
    }

    /// An account ended: it is in no group any more, and nothing is said about it.
    pub(crate) fn leave_all_chats(&mut self, user: UserId) -> CoreResult<()> {
        for chat in self.inner.chats.of(user) {
            let mut found = self.chat(chat)?;
            found.members.retain(|member| member.user != user);
            found.pass_on();
            found.version += 1;
            self.end_links_of(chat.into(), user)?;
            let audience = found.users();
            self.put_chat(found)?;
            self.event(Event::Chat { chat, audience, change: ChatChange::Members, actor: None });
        }
        Ok(())
    }

    /// Writes a changed group, says so in it, and tells its members.
    pub(crate) fn changed_chat(
        &mut self,
        by: UserId,
        chat: Chat,
        action: Option<Action>,
        change: ChatChange,
    ) -> CoreResult<ChatDone> {
        let (id, audience) = (chat.id, chat.users());
        self.put_chat(chat)?;
        let actor = self.actor;
        self.event(Event::Chat { chat: id, audience: audience.clone(), change, actor });
        let sent = match action {
            None => Vec::new(),
            Some(action) => vec![self.say_in_chat(by, id, &audience, action)?],
        };
        Ok(ChatDone { sent, missing: Vec::new() })
    }

    /// Puts a service message into the boxes of these members.
    pub(crate) fn say_in_chat(
        &mut self,
        from: UserId,
        chat: ChatId,
        members: &[UserId],
        action: Action,
    ) -> CoreResult<Sent> {
        let message = Message::service(chat.into(), from, true, self.now());
        let message = Message { action: Some(action), ..message };
        let (pts, row) = self.place_in_chat(from, chat, members, message)?;
        let BoxRow::Message(message) = row else { return Err(CoreError::Damaged("message")) };
        Ok(Sent { id: MessageId(pts.0), pts, message, repeated: false })
    }

    /// The last messages of a group, as far as `owner` has them, for somebody who is added and has
    /// none of them.
    fn shown_to_new(
        &self,
        owner: UserId,
        chat: &Chat,
        user: UserId,
        count: i32,
    ) -> CoreResult<Vec<(MessageId, Message)>> {
        let count = count.clamp(0, SHOWN_TO_NEW_MAX) as usize;
        // Who was there before has what was said then, and may have deleted it.
        if count == 0 || !chat.has(owner) || self.has_dialog(user, chat.id.into())? {
            return Ok(Vec::new());
        }
        let mut ids = Vec::with_capacity(count);
        {
            let (store, peer) = (self.store(), chat.id.into());
            let cell = self.inner.boxes.cell(owner);
            let state = cell.lock(store, owner)?;
            let Some(dialog) = state.dialogs.get(&peer) else { return Ok(Vec::new()) };
            let chunks = crate::boxes::StoredChunks { store, owner: owner.into() };
            dialog.index.descend(i32::MAX, &chunks, peer, |entry| {
                ids.push(MessageId(entry.id));
                ids.len() < count
            })?;
        }
        let mut shown = Vec::with_capacity(ids.len());
        for id in ids.into_iter().rev() {
            if let Some(message) = self.message(owner, id)?
                && message.action.is_none()
                && message.ttl_period == 0
            {
                shown.push((id, message));
            }
        }
        Ok(shown)
    }
}

impl Chat {
    /// The creator left: an admin follows, else who is there longest.
    fn pass_on(&mut self) {
        if self.creator().is_some() {
            return;
        }
        let admin = self.members.iter().position(|member| member.role == ChatRole::Admin);
        if let Some(next) = self.members.get_mut(admin.unwrap_or(0)) {
            next.role = ChatRole::Creator;
        }
    }
}
