//! A basic group becomes a supergroup: another place, with the same people.
//!
//! What was said stays where it lies, in each member's own box; clients show both as one. The group
//! ends, and says where it went.

use glog::body::{Action as LogAction, Admit, GroupKind, Promote, Setting};
use glog::cbor::Text;

use super::change::{NewLog, info};
use super::{AdminRights, Channel, ChannelRole, ChannelSetting, Participant, rights};
use crate::chats::{Chat, ChatRole};
use crate::decide::Decide;
use crate::event::ChatChange;
use crate::ids::{Actor, ChannelId, ChatId, PeerId, UserId};
use crate::limits::Limit;
use crate::message::Action;
use crate::send::Sent;
use crate::{Core, CoreError, CoreResult};

/// What admins of basic groups may do.
const OF_GROUPS: [AdminRights; 6] = [
    AdminRights::CHANGE_INFO,
    AdminRights::DELETE_MESSAGES,
    AdminRights::BAN_USERS,
    AdminRights::INVITE_USERS,
    AdminRights::PIN_MESSAGES,
    AdminRights::OTHER,
];

/// A group that became a supergroup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// The supergroup.
    pub channel: ChannelId,
    /// What was said in both, as the one who did it has it; nothing if it was done before.
    pub sent: Vec<Sent>,
}

impl Core {
    /// Makes a supergroup of a basic group.
    ///
    /// # Errors
    /// [`CoreError::NotAnAdmin`] for all but the creator, [`CoreError::TooMany`], [`CoreError::Flood`],
    /// [`CoreError::ChatDeactivated`], [`CoreError::NotAMember`].
    pub async fn migrate_chat(
        &self,
        actor: Actor,
        owner: UserId,
        chat: ChatId,
    ) -> CoreResult<Migrated> {
        self.write(Some(actor), move |decide| decide.migrate_chat(owner, chat)).await
    }
}

impl Decide<'_> {
    pub(crate) fn migrate_chat(&mut self, owner: UserId, chat: ChatId) -> CoreResult<Migrated> {
        let found = self.chat(chat)?;
        // Clients repeat what they got no answer to.
        if let Some(channel) = found.migrated_to
            && self.channel_row(channel)?.creator == owner
        {
            return Ok(Migrated { channel, sent: Vec::new() });
        }
        let found = self.chat_for(owner, chat)?;
        if found.creator() != Some(owner) {
            return Err(CoreError::NotAnAdmin);
        }
        self.may_join_more(owner)?;
        self.take(Limit::Chats(owner), 1)?;
        let mut made = self.begin_migrated(owner, &found)?;
        let channel = made.id;
        let come = self.bring_members(owner, &found, &mut made)?;
        self.put_channel(made)?;
        // Before what is said: it goes to who is known to be there.
        for user in come {
            self.tell_member(channel, user);
        }
        let begins = Action::ChatMigratedFrom { title: found.title.clone(), chat };
        let in_channel = self.say_in_channel(owner, channel, begins)?;
        let in_chat = self.end_migrated(owner, found, channel)?;
        self.tell_channel(channel, ChatChange::Members);
        Ok(Migrated { channel, sent: vec![in_chat, in_channel] })
    }

    /// The supergroup, with what the group said of itself, and its owner.
    fn begin_migrated(&mut self, owner: UserId, chat: &Chat) -> CoreResult<Channel> {
        let banned = rights::forbidden(rights::denied(chat.banned));
        let found = Channel {
            banned,
            photo: chat.photo,
            migrated_from: Some(chat.id),
            ttl_period: chat.ttl_period,
            noforwards: chat.noforwards,
            ..Channel::new(owner, self.now(), chat.title.clone(), chat.about.clone())
        };
        let defaults = glog::Rights::MEMBER - rights::denied(banned);
        let log = NewLog { kind: GroupKind::Supergroup, defaults };
        let rank = chat.member(owner).map_or_else(String::new, |member| member.rank.clone());
        let found = self.begin_channel(found, log, ChannelRole::Creator { rank })?;
        if let Some(photo) = found.photo {
            self.hold_file(Some(photo), 1)?;
            let picture = Some(self.photo_in_log(photo)?);
            self.write_control(found.id, Some(owner), info(Setting::Picture(picture)))?;
        }
        let ttl = (found.ttl_period > 0).then_some(ChannelSetting::Ttl(found.ttl_period));
        let kept = found.noforwards.then_some(ChannelSetting::NoForwards(true));
        for setting in ttl.into_iter().chain(kept) {
            self.write_control(found.id, Some(owner), info(setting.to_log()))?;
        }
        self.carry_reactions(owner, found.id, &chat.reactions)?;
        Ok(found)
    }

    /// All who were in the group, as what they were; answers who came. Who is in too many channels
    /// stays behind.
    fn bring_members(
        &mut self,
        owner: UserId,
        chat: &Chat,
        channel: &mut Channel,
    ) -> CoreResult<Vec<UserId>> {
        let first = self.next_id(channel.id)?;
        let mut come = vec![owner];
        for member in chat.members.iter().filter(|member| member.user != owner) {
            match self.may_join_more(member.user) {
                Err(CoreError::TooMany) => continue,
                may => may?,
            }
            let user = self.user_ref(member.user)?;
            let admit = LogAction::Admit(Admit { user, invite: None });
            self.write_control(channel.id, Some(owner), admit)?;
            let role = match member.role {
                ChatRole::Member | ChatRole::Creator => ChannelRole::Member,
                ChatRole::Admin => {
                    let rights = OF_GROUPS
                        .iter()
                        .fold(AdminRights::NONE, |all, right| all.with(*right, true));
                    let rank = Text::new(member.rank.as_str());
                    let rank = rank.map_err(|_| CoreError::RankInvalid)?;
                    let promote = Promote { user, rights: rights.to_log(), rank, cut: None };
                    self.write_control(channel.id, Some(owner), LogAction::Promote(promote))?;
                    ChannelRole::Admin { rights, rank: member.rank.clone(), by: owner }
                }
            };
            let entering = Participant::new(member.user, member.inviter, member.date, role);
            // Where it came from is no news to them.
            self.put_participant(channel, &Participant { read_inbox: first, ..entering })?;
            come.push(member.user);
        }
        Ok(come)
    }

    /// The group says where it went, and ends.
    fn end_migrated(&mut self, owner: UserId, mut chat: Chat, to: ChannelId) -> CoreResult<Sent> {
        let (id, peer) = (chat.id, PeerId::Chat(chat.id));
        let audience = chat.users();
        // Who had read all of it has no more to read there: clients no longer list it.
        let mut up_to_date = Vec::new();
        for user in audience.iter().copied().filter(|user| *user != owner) {
            let cell = self.inner.boxes.cell(user);
            let unread = cell.lock(self.store(), user)?.dialogs.get(&peer).map(|d| d.unread);
            if unread.is_none_or(|unread| unread == 0) {
                up_to_date.push(user);
            }
            self.carry_notify(user, peer, to.into())?;
        }
        self.carry_notify(owner, peer, to.into())?;
        let sent = self.say_in_chat(owner, id, &audience, Action::ChatMigratedTo(to))?;
        for user in up_to_date {
            self.read_all(user, peer)?;
        }
        (chat.deactivated, chat.migrated_to) = (true, Some(to));
        chat.version += 1;
        chat.members.clear();
        self.end_links(id.into())?;
        self.put_chat(chat)?;
        let (actor, change) = (self.actor, ChatChange::Info);
        self.event(crate::event::Event::Chat { chat: id, audience, change, actor });
        Ok(sent)
    }
}
