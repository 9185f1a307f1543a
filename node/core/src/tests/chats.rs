//! Groups: against a slow model, right by right, and at their largest. Lines 32, 46 and 55.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::world::{Member, World, full, now, text};
use crate::*;

const USERS: usize = 5;

fn words(chat: ChatId, said: &str, random_id: i64) -> Outgoing {
    Outgoing::text(chat.into(), text(said), random_id)
}

fn mention(said: &str, user: UserId) -> Text {
    let kind = EntityKind::MentionName { user };
    Text::parse(said, vec![Entity { offset: 0, length: 3, kind }]).unwrap()
}

impl World {
    async fn chat_history(&self, owner: Member, chat: ChatId) -> Vec<Stored> {
        let mut all: Vec<Stored> = Vec::new();
        loop {
            let offset_id = all.last().map_or(0, |stored| stored.id.0);
            let query = HistoryQuery { offset_id, limit: PAGE_MAX, ..HistoryQuery::default() };
            let page = self.core.history(owner.id, chat.into(), query).await.unwrap();
            if page.messages.is_empty() {
                assert_eq!(all.len(), page.count as usize, "the count is exact");
                all.reverse();
                return all;
            }
            all.extend(page.messages);
        }
    }

    async fn say(&self, from: Member, chat: ChatId, said: &str) -> Sent {
        let message = words(chat, said, self.number());
        self.core.send(from.actor(), from.id, message).await.unwrap()
    }

    pub(super) async fn group(&self, members: &[Member]) -> ChatId {
        let (first, others) = members.split_first().unwrap();
        let others = others.iter().map(|member| member.id).collect();
        let made = self.core.create_chat(first.actor(), first.id, "Group", others, 0).await;
        made.unwrap().chat
    }

    async fn chat_dialog(&self, owner: Member, chat: ChatId) -> DialogView {
        let (page, _) = self.core.peer_dialogs(owner.id, &[chat.into()]).await.unwrap();
        page.dialogs.into_iter().next().unwrap()
    }
}

/// One message of the group, whoever has a copy.
struct Said {
    author: usize,
    text: String,
    /// What it answers, and what service messages are about.
    answers: Option<usize>,
    service: bool,
}

/// What one user has of the group.
#[derive(Default)]
struct Copies {
    had: bool,
    has: BTreeSet<usize>,
    /// With the answered message, as it was there when the copy came.
    links: BTreeMap<usize, usize>,
    mentions: BTreeSet<usize>,
    pinned: BTreeSet<usize>,
    /// Texts that were edited while the user was away.
    stale: BTreeMap<usize, String>,
    /// Everything below is read.
    read: usize,
    /// One's own messages below are read by somebody.
    seen: usize,
}

struct Model {
    said: Vec<Said>,
    copies: [Copies; USERS],
    /// In the order in which they came, with their roles and who brought them.
    members: Vec<(usize, ChatRole, usize)>,
    removed: BTreeSet<usize>,
    silenced: bool,
    version: i32,
}

impl Model {
    fn role(&self, user: usize) -> Option<ChatRole> {
        self.members.iter().find(|(of, ..)| *of == user).map(|(_, role, _)| *role)
    }

    fn is_admin(&self, user: usize) -> bool {
        self.role(user).is_some_and(|role| role != ChatRole::Member)
    }

    fn users(&self) -> Vec<usize> {
        self.members.iter().map(|(user, ..)| *user).collect()
    }

    fn say(&mut self, said: Said, to: &[usize], mentioned: &[usize]) -> usize {
        let (number, author, service) = (self.said.len(), said.author, said.service);
        let answered = said.answers.map(|at| (at, self.said[at].author));
        self.said.push(said);
        for user in to {
            let copies = &mut self.copies[*user];
            copies.had = true;
            copies.has.insert(number);
            if let Some((at, of)) = answered {
                if copies.has.contains(&at) {
                    copies.links.insert(number, at);
                }
                // Who pins a message does not answer it.
                if of == *user && *user != author && !service {
                    copies.mentions.insert(number);
                }
            }
            if mentioned.contains(user) && *user != author {
                copies.mentions.insert(number);
            }
        }
        number
    }

    fn service(&mut self, author: usize, to: &[usize], answers: Option<usize>) {
        let said = Said { author, text: String::new(), answers, service: true };
        self.say(said, to, &[]);
    }

    fn incoming(&self, user: usize) -> impl Iterator<Item = usize> {
        let copies = &self.copies[user];
        copies.has.iter().copied().filter(move |at| self.said[*at].author != user)
    }

    /// Reads up to a message that the user has.
    fn read(&mut self, reader: usize, up_to: usize) {
        let read = self.copies[reader].read;
        let newly: Vec<usize> =
            self.incoming(reader).filter(|at| (read..=up_to).contains(at)).collect();
        let Some(newest) = newly.last().copied() else { return };
        self.copies[reader].read = up_to + 1;
        for author in self.users() {
            if author != reader {
                self.copies[author].seen = self.copies[author].seen.max(newest + 1);
            }
        }
    }

    fn forget(&mut self, user: usize, at: usize) {
        let copies = &mut self.copies[user];
        copies.has.remove(&at);
        copies.mentions.remove(&at);
        copies.pinned.remove(&at);
        copies.stale.remove(&at);
    }

    /// Who is there sees the new text, who left keeps the old one.
    fn edit(&mut self, at: usize, new: String) {
        let members = self.users();
        let old = std::mem::replace(&mut self.said[at].text, new);
        for (user, copies) in self.copies.iter_mut().enumerate() {
            if members.contains(&user) {
                copies.stale.remove(&at);
            } else if copies.has.contains(&at) {
                copies.stale.entry(at).or_insert_with(|| old.clone());
            }
        }
    }

    fn pass_on(&mut self) {
        if self.members.iter().any(|(_, role, _)| *role == ChatRole::Creator) {
            return;
        }
        let admin = self.members.iter().position(|(_, role, _)| *role == ChatRole::Admin);
        if let Some(next) = self.members.get_mut(admin.unwrap_or(0)) {
            next.1 = ChatRole::Creator;
        }
    }
}

struct Sim {
    world: World,
    rng: StdRng,
    users: Vec<Member>,
    chat: ChatId,
    model: Model,
    /// Ids of what each user has, by number of the model.
    reached: BTreeMap<BoxId, Pts>,
    refused: usize,
    done: usize,
}

impl Sim {
    async fn new(seed: u64) -> Self {
        let mut world = World::new().await;
        let mut users = Vec::new();
        for n in 0..USERS {
            users.push(world.member(&format!("User {n}")).await);
        }
        let chat = world.group(&users[..3]).await;
        let members = [ChatRole::Creator, ChatRole::Member, ChatRole::Member];
        let members = members.into_iter().enumerate().map(|(at, role)| (at, role, 0)).collect();
        let mut model = Model {
            said: Vec::new(),
            copies: Default::default(),
            members,
            removed: BTreeSet::new(),
            silenced: false,
            version: 1,
        };
        model.service(0, &[0, 1, 2], None);
        let rng = StdRng::seed_from_u64(seed);
        let (reached, refused, done) = (BTreeMap::new(), 0, 0);
        Self { world, rng, users, chat, model, reached, refused, done }
    }

    /// The id in a user's box of a message of the model.
    async fn id(&self, user: usize, at: usize) -> MessageId {
        let all = self.world.chat_history(self.users[user], self.chat).await;
        let place = self.model.copies[user].has.iter().position(|has| *has == at).unwrap();
        all[place].id
    }

    fn some_of(&mut self, user: usize, of: impl Fn(&Said) -> bool) -> Option<usize> {
        let all: Vec<usize> = self.model.copies[user]
            .has
            .iter()
            .copied()
            .filter(|at| of(&self.model.said[*at]))
            .collect();
        (!all.is_empty()).then(|| all[self.rng.random_range(0..all.len())])
    }

    fn expect<T: std::fmt::Debug>(&mut self, result: CoreResult<T>, may: bool, what: &str) -> bool {
        assert_eq!(result.is_ok(), may, "{what}: {result:?}");
        if may {
            self.done += 1
        } else {
            self.refused += 1
        }
        may
    }

    async fn step(&mut self, step: usize) {
        let mut by = self.rng.random_range(0..USERS);
        let users = self.model.users();
        if self.rng.random_bool(0.5) && !users.is_empty() {
            by = users[self.rng.random_range(0..users.len())];
        }
        let (core, chat) = (self.world.core.clone(), self.chat);
        let (actor, owner) = (self.users[by].actor(), self.users[by].id);
        let role = self.model.role(by);
        let is_member = role.is_some();
        let mut all = self.model.users();
        // The writer's copy comes first.
        all.sort_by_key(|user| *user != by);
        match self.rng.random_range(0..26) {
            // Words, maybe to somebody, maybe an answer.
            0..=8 => {
                let mut message = words(chat, &format!("say {step}"), self.world.number());
                let mut mentioned = Vec::new();
                if self.rng.random_bool(0.2) {
                    let whom = self.rng.random_range(0..USERS);
                    message.text = mention(&format!("you, {step}"), self.users[whom].id);
                    mentioned.push(whom);
                }
                let mut answers = None;
                if self.rng.random_bool(0.3) {
                    answers = self.some_of(by, |_| true);
                }
                if let Some(at) = answers {
                    message.reply = Some((self.id(by, at).await, None));
                }
                let text = message.text.text.clone();
                let may = is_member && (self.model.is_admin(by) || !self.model.silenced);
                let survives = if may { self.cut(by, &message).await } else { None };
                match survives {
                    Some(false) => return,
                    Some(true) => {}
                    None => {
                        let sent = core.send(actor, owner, message).await;
                        if !self.expect(sent, may, "send") {
                            return;
                        }
                    }
                }
                let said = Said { author: by, text, answers, service: false };
                self.model.say(said, &all, &mentioned);
            }
            9 | 10 => {
                let Some(at) = self.some_of(by, |said| said.author == by && !said.service) else {
                    return;
                };
                let id = self.id(by, at).await;
                let new = format!("edit {step}");
                let edited = core.edit(actor, owner, chat.into(), id, Edit::text(text(&new))).await;
                if self.expect(edited, is_member, "edit") {
                    self.model.edit(at, new);
                }
            }
            11..=13 => {
                let Some(at) = self.some_of(by, |_| true) else { return };
                let (id, revoke) = (self.id(by, at).await, self.rng.random());
                core.delete(actor, owner, vec![id], revoke).await.unwrap();
                let mine = self.model.said[at].author == by && is_member;
                if revoke && (mine || self.model.is_admin(by)) {
                    (0..USERS).for_each(|user| self.model.forget(user, at));
                } else {
                    self.model.forget(by, at);
                }
            }
            14..=16 => {
                let Some(at) = self.some_of(by, |_| true) else { return };
                let id = self.id(by, at).await;
                core.read_history(actor, owner, chat.into(), id).await.unwrap();
                self.model.read(by, at);
            }
            17 => {
                core.read_mentions(actor, owner, chat.into()).await.unwrap();
                self.model.copies[by].mentions.clear();
            }
            18 => {
                let Some(at) = self.some_of(by, |said| !said.service) else { return };
                let id = self.id(by, at).await;
                let how = PinHow {
                    pinned: self.rng.random(),
                    one_side: self.rng.random_bool(0.2),
                    silent: false,
                };
                let pinned = core.pin_message(actor, owner, chat.into(), id, how).await;
                if !self.expect(pinned, is_member, "pin") {
                    return;
                }
                let whose = if how.one_side { vec![by] } else { self.model.users() };
                let mut changed = [false; USERS];
                for user in whose {
                    let copies = &mut self.model.copies[user];
                    if copies.has.contains(&at) {
                        changed[user] = match how.pinned {
                            true => copies.pinned.insert(at),
                            false => copies.pinned.remove(&at),
                        };
                    }
                }
                if how.pinned && !how.one_side && changed[by] {
                    self.model.service(by, &all, Some(at));
                }
            }
            19 | 20 => {
                let user = self.rng.random_range(0..USERS);
                let shown = self.rng.random_range(0..20);
                let there = self.model.role(user).is_some();
                let returns = user == by && !there;
                let may = if returns {
                    !self.model.removed.contains(&user) && self.model.copies[user].had
                } else {
                    is_member
                        && !there
                        && (self.model.is_admin(by) || !self.model.removed.contains(&user))
                };
                let added =
                    core.add_chat_user(actor, owner, chat, self.users[user].id, shown).await;
                if !self.expect(added, may, "add") {
                    return;
                }
                if !self.model.copies[user].had && !returns {
                    let newest = self.model.copies[by].has.iter().rev().take(shown as usize);
                    let newest: Vec<usize> = newest.copied().collect();
                    for at in newest.into_iter().rev() {
                        if !self.model.said[at].service {
                            let link = self.model.copies[by].links.get(&at).copied();
                            let stale = self.model.copies[by].stale.get(&at).cloned();
                            let copies = &mut self.model.copies[user];
                            copies.stale.extend(stale.map(|text| (at, text)));
                            copies.had = true;
                            copies.has.insert(at);
                            if let Some(link) = link.filter(|link| copies.has.contains(link)) {
                                copies.links.insert(at, link);
                            }
                        }
                    }
                }
                self.model.removed.remove(&user);
                self.model.members.push((user, ChatRole::Member, by));
                self.model.pass_on();
                self.model.version += 1;
                let mut all = self.model.users();
                all.sort_by_key(|user| *user != by);
                self.model.service(by, &all, None);
            }
            21 | 22 => {
                let user = self.rng.random_range(0..USERS);
                let theirs = self.model.members.iter().find(|(of, ..)| *of == user).copied();
                let may = is_member
                    && theirs.is_some_and(|(_, their_role, inviter)| {
                        user == by
                            || match their_role {
                                ChatRole::Creator => false,
                                ChatRole::Admin => role == Some(ChatRole::Creator),
                                ChatRole::Member => self.model.is_admin(by) || inviter == by,
                            }
                    });
                let removed = core.remove_chat_user(actor, owner, chat, self.users[user].id).await;
                if !self.expect(removed, may, "remove") {
                    return;
                }
                self.model.service(by, &all, None);
                self.model.members.retain(|(of, ..)| *of != user);
                self.model.pass_on();
                self.model.version += 1;
                if user != by {
                    self.model.removed.insert(user);
                }
            }
            23 => {
                let (user, is_admin) = (self.rng.random_range(0..USERS), self.rng.random());
                let their = self.model.role(user);
                let new = if is_admin { ChatRole::Admin } else { ChatRole::Member };
                let may = role == Some(ChatRole::Creator)
                    && their.is_some_and(|their| their != new && their != ChatRole::Creator);
                let id = self.users[user].id;
                let edited = core.edit_chat_admin(actor, owner, chat, id, is_admin).await;
                if self.expect(edited, may, "admin") {
                    let member = self.model.members.iter_mut().find(|(of, ..)| *of == user);
                    member.unwrap().1 = new;
                    self.model.version += 1;
                }
            }
            24 => {
                let silences = self.rng.random_bool(0.3);
                let banned = if silences { Rights::SEND } else { Rights::NONE };
                let changes = self.model.silenced != (banned == Rights::SEND);
                let edited = core.edit_chat_rights(actor, owner, chat, banned).await;
                if self.expect(edited, self.model.is_admin(by) && changes, "rights") {
                    self.model.silenced = banned == Rights::SEND;
                    self.model.version += 1;
                }
            }
            _ => self.restart(None),
        }
    }

    /// Maybe the power goes while a message is on its way: whether it came to be.
    async fn cut(&mut self, by: usize, message: &Outgoing) -> Option<bool> {
        if !self.rng.random_bool(0.05) {
            return None;
        }
        let survives = self.rng.random();
        self.world.disk.hold();
        let core = self.world.core.clone();
        let user = self.users[by];
        let mut sending = Box::pin(core.send(user.actor(), user.id, message.clone()));
        assert!(now(sending.as_mut()).is_none());
        self.world.disk.wait_for_undurable(1);
        self.restart(Some(usize::from(survives)));
        assert!(matches!(sending.await, Err(CoreError::Stopped(_))), "not acknowledged");
        Some(survives)
    }

    fn restart(&mut self, keeping: Option<usize>) {
        let world = match keeping {
            Some(batches) => {
                let disk = self.world.disk.crash_keeping(batches);
                World::on_crashed(&self.world, disk)
            }
            None => World::reopen_of(&self.world),
        };
        self.no_gaps();
        self.world = world;
        // What was not told of is seen by the difference.
        self.reached.clear();
    }

    fn no_gaps(&mut self) {
        for event in self.world.recorder.take() {
            let Event::Box(event) = event else { continue };
            if let Some(before) = self.reached.insert(event.owner, event.pts) {
                assert_eq!(before.0 + event.pts_count, event.pts.0, "no gap, no overlap");
            }
        }
    }

    async fn check(&mut self) {
        self.no_gaps();
        let found = self.world.core.chat(self.chat).unwrap();
        assert_eq!(found.version, self.model.version, "one per change");
        let members = found.members.iter().map(|member| (member.user, member.role));
        let expected: Vec<_> =
            self.model.members.iter().map(|(of, role, _)| (self.users[*of].id, *role)).collect();
        assert_eq!(members.collect::<Vec<_>>(), expected);
        for (at, user) in self.users.iter().enumerate() {
            self.check_user(at, *user).await;
        }
    }

    async fn check_user(&self, at: usize, user: Member) {
        let copies = &self.model.copies[at];
        let all = self.world.chat_history(user, self.chat).await;
        let ids: BTreeMap<usize, MessageId> =
            copies.has.iter().copied().zip(all.iter().map(|stored| stored.id)).collect();
        assert_eq!(all.len(), copies.has.len(), "of {at}");
        for (number, Stored { id, message }) in copies.has.iter().zip(&all) {
            let said = &self.model.said[*number];
            let text = copies.stale.get(number).unwrap_or(&said.text);
            assert_eq!(message.text, *text, "{at} has {number}");
            assert_eq!(
                (message.from, message.out),
                (self.users[said.author].id, said.author == at)
            );
            assert_eq!(message.action.is_some(), said.service);
            assert_eq!(message.pinned, copies.pinned.contains(number), "{at}: {number} pinned");
            let unread = message.mentioned && message.unread_media && !message.out;
            assert_eq!(unread, copies.mentions.contains(number), "{at}: {number} mentioned");
            // Answers name the message in the same box, or nothing.
            let reply = message.reply.as_ref().map(|reply| reply.to);
            match copies.links.get(number) {
                None => assert_eq!(reply, None, "{at}: {number}"),
                Some(to) => match ids.get(to) {
                    Some(there) => assert_eq!(reply, Some(*there), "{at}: {number} answers {to}"),
                    // Deleted since.
                    None => assert!(reply.is_some_and(|to| to < *id)),
                },
            }
        }
        let dialog = self.world.chat_dialog(user, self.chat).await;
        let unread = self.model.incoming(at).filter(|number| *number >= copies.read).count();
        assert_eq!(dialog.unread, unread as i32, "{at}: unread");
        assert_eq!(dialog.unread_mentions, copies.mentions.len() as i32, "{at}: mentions");
        let mentions =
            self.world.core.unread_mentions(user.id, PeerId::from(self.chat)).await.unwrap();
        let expected: Vec<_> = copies.mentions.iter().rev().map(|number| ids[number]).collect();
        assert_eq!(mentions, expected);
        for (number, id) in &ids {
            if self.model.said[*number].author == at {
                let read = *id <= dialog.read_outbox;
                assert_eq!(read, *number < copies.seen, "{at}: {number} read by somebody");
            }
        }
        // A client that was away since the beginning ends with the same.
        let mut replayed: BTreeMap<MessageId, String> = BTreeMap::new();
        for row in self.world.difference(user, Pts(1), DIFFERENCE_ROWS_MAX).await {
            match (row.row, row.edited) {
                (BoxRow::Message(message), _) if message.peer == self.chat.into() => {
                    replayed.insert(MessageId(row.pts.0), message.text);
                }
                (BoxRow::Edited(id), Some(message)) => {
                    replayed.insert(id, message.text);
                }
                (BoxRow::Deleted { ids, .. }, _) => ids.iter().for_each(|id| {
                    replayed.remove(id);
                }),
                _ => {}
            }
        }
        let history = all.into_iter().map(|stored| (stored.id, stored.message.text));
        assert_eq!(replayed, history.collect(), "{at}: by difference");
    }
}

/// Lines 32, 46 and 55: everything that happens in a group, over restarts and power cuts, is for
/// every member what a model without boxes, copies and counters says.
#[tokio::test]
async fn groups_equal_a_slow_model() {
    let first = std::env::var("ROOKERY_SIM_SEED").ok().and_then(|text| text.parse().ok());
    let first: u64 = first.unwrap_or(0);
    let (mut done, mut refused) = (0, 0);
    for seed in first..first + if full() { 100 } else { 6 } {
        println!("seed {seed}");
        let mut sim = Sim::new(seed).await;
        for step in 0..400 {
            sim.step(step).await;
            if step % 20 == 19 {
                sim.check().await;
            }
        }
        sim.check().await;
        done += sim.done;
        refused += sim.refused;
    }
    println!("{done} changes, {refused} refused");
    assert!(done > 400 && refused > 100, "{done} {refused}");
}

/// Every right, asked for by everybody.
#[tokio::test]
async fn every_right_by_every_role() {
    let mut world = World::new().await;
    let mut users = Vec::new();
    for name in ["Creator", "Admin", "Member", "Gone", "Stranger"] {
        users.push(world.member(name).await);
    }
    let chat = world.group(&users[..4]).await;
    let core = world.core.clone();
    let [creator, admin, _, gone, stranger] = users[..] else { panic!() };
    core.edit_chat_admin(creator.actor(), creator.id, chat, admin.id, true).await.unwrap();
    core.remove_chat_user(creator.actor(), creator.id, chat, gone.id).await.unwrap();
    let said = world.say(creator, chat, "to be pinned").await;
    let pinned = core.chat(chat).unwrap();
    assert!(pinned.has_removed(gone.id));
    let rights = [
        Rights::SEND,
        Rights::SEND_PLAIN,
        Rights::CHANGE_INFO,
        Rights::INVITE_USERS,
        Rights::PIN_MESSAGES,
        Rights::EDIT_RANK,
    ];
    for banned in [Rights::NONE].into_iter().chain(rights) {
        if banned != Rights::NONE {
            core.edit_chat_rights(admin.actor(), admin.id, chat, banned).await.unwrap();
        }
        for (at, user) in users.iter().enumerate() {
            for right in rights {
                let (actor, owner) = (user.actor(), user.id);
                let number = world.number();
                let result = match right {
                    Rights::SEND | Rights::SEND_PLAIN => {
                        core.send(actor, owner, words(chat, "x", number)).await.map(|_| ())
                    }
                    Rights::CHANGE_INFO => {
                        let title = format!("Title {number}");
                        core.edit_chat_title(actor, owner, chat, &title).await.map(|_| ())
                    }
                    Rights::INVITE_USERS => {
                        let added = core.add_chat_user(actor, owner, chat, stranger.id, 0).await;
                        if added.is_ok() {
                            let by = creator.actor();
                            core.remove_chat_user(by, creator.id, chat, stranger.id).await.unwrap();
                            // As if they had never been there.
                            let again = core.add_chat_user(by, creator.id, chat, stranger.id, 0);
                            again.await.unwrap();
                            let leaves = stranger.actor();
                            core.remove_chat_user(leaves, stranger.id, chat, stranger.id)
                                .await
                                .unwrap();
                        }
                        // Who left may come back, which is no right of members.
                        if owner == stranger.id {
                            Err(CoreError::NotAMember)
                        } else {
                            added.map(|_| ())
                        }
                    }
                    Rights::PIN_MESSAGES => {
                        let all = world.chat_history(*user, chat).await;
                        let twin = said.message.twin;
                        let theirs = all.iter().find(|stored| stored.message.twin == twin);
                        match theirs {
                            None => Err(CoreError::NotAMember),
                            Some(theirs) => {
                                let how = PinHow { pinned: true, one_side: true, silent: true };
                                let peer = chat.into();
                                core.pin_message(actor, owner, peer, theirs.id, how)
                                    .await
                                    .map(|_| ())
                            }
                        }
                    }
                    _ => {
                        let rank = format!("{number}");
                        core.edit_chat_rank(actor, owner, chat, owner, rank).await
                    }
                };
                let may = match at {
                    0 | 1 => true,
                    2 => {
                        let concerned = match right {
                            Rights::SEND_PLAIN => Rights::SEND | Rights::SEND_PLAIN,
                            Rights::SEND => Rights::SEND | Rights::SEND_PLAIN,
                            other => other,
                        };
                        !concerned.contains_any(banned)
                    }
                    _ => false,
                };
                assert_eq!(result.is_ok(), may, "{at} {right:?} under {banned:?}: {result:?}");
                match result {
                    Err(CoreError::RightMissing(missing)) => {
                        assert!(at > 2 || missing.contains_any(banned));
                    }
                    Err(CoreError::NotAMember) => assert!(at > 2),
                    Err(other) => panic!("{other:?}"),
                    Ok(()) => {}
                }
            }
        }
    }
    // What no right gives to a member, and some of it not to an admin.
    for (at, user) in users.iter().enumerate() {
        let (actor, owner) = (user.actor(), user.id);
        let admin_may = |result: CoreResult<()>, who: std::ops::RangeInclusive<usize>| {
            assert_eq!(result.is_ok(), who.contains(&at), "{at}: {result:?}");
        };
        let banned = Rights::SEND_POLLS.with(Rights::SEND_DOCS, at == 1);
        admin_may(core.edit_chat_rights(actor, owner, chat, banned).await, 0..=1);
        let terms = LinkTerms { title: Some("x".into()), ..LinkTerms::default() };
        admin_may(core.export_link(actor, owner, chat, false, terms).await.map(|_| ()), 0..=1);
        admin_may(core.edit_chat_noforwards(actor, owner, chat, true).await, 0..=0);
        let promoted = core.edit_chat_admin(actor, owner, chat, users[2].id, true).await;
        admin_may(promoted, 0..=0);
        if at == 0 {
            core.edit_chat_admin(actor, owner, chat, users[2].id, false).await.unwrap();
            continue;
        }
        let removed = core.remove_chat_user(actor, owner, chat, creator.id).await;
        assert!(removed.is_err(), "nobody removes the creator");
        admin_may(core.delete_chat(actor, owner, chat).await, 0..=0);
    }
    core.delete_chat(creator.actor(), creator.id, chat).await.unwrap();
    let sent = core.send(creator.actor(), creator.id, words(chat, "x", 1)).await;
    assert!(matches!(sent, Err(CoreError::ChatDeactivated)));
    assert!(!world.chat_history(admin, chat).await.is_empty(), "what was said stays");
}

/// The widest letters under the longest links, quoting as much.
fn largest(chat: ChatId, random_id: i64) -> Outgoing {
    let url = format!("https://a.example/{}", "x".repeat(2000));
    let link = |at: i32| Entity {
        offset: at * 2,
        length: 1,
        kind: EntityKind::TextUrl { url: url.clone() },
    };
    let text = Text::parse(&"語".repeat(TEXT_UNITS_MAX), (0..100).map(link).collect()).unwrap();
    Outgoing { text, ..words(chat, "x", random_id) }
}

/// 200 members and the longest texts: one batch each, and nothing stops.
#[tokio::test]
async fn the_largest_group_takes_the_longest_texts() {
    let mut world = World::new().await;
    let mut users = Vec::new();
    for n in 0..=CHAT_MEMBERS_MAX {
        users.push(world.member(&format!("User {n}")).await);
    }
    let last = users.pop().unwrap();
    let chat = world.group(&users).await;
    let (core, first) = (world.core.clone(), users[0]);
    assert_eq!(core.chat(chat).unwrap().members.len(), CHAT_MEMBERS_MAX);
    let full = core.add_chat_user(first.actor(), first.id, chat, last.id, 0).await;
    assert!(matches!(full, Err(CoreError::UsersTooMuch)), "{full:?}");
    let sent = core.send(first.actor(), first.id, largest(chat, 1)).await.unwrap();
    let quote = QuoteRequest {
        text: sent.message.text.clone(),
        entities: sent.message.entities.clone(),
        offset: 0,
    };
    let answer = Outgoing { reply: Some((sent.id, Some(quote))), ..largest(chat, 2) };
    let before = world.disk.commits();
    let answer = core.send(first.actor(), first.id, answer).await.unwrap();
    assert_eq!(world.disk.commits(), before + 1, "one batch");
    let (peer, how) = (PeerId::from(chat), ForwardHow::default());
    let ids = (0..6).map(|n| (answer.id, 100 + n)).collect();
    let forwarded = core.forward(first.actor(), first.id, peer, peer, ids, how).await.unwrap();
    assert_eq!(forwarded.len(), 6);
    let album = (0..4).map(|n| Outgoing { grouped_id: 5, ..largest(chat, 200 + n) }).collect();
    assert_eq!(core.send_album(first.actor(), first.id, album).await.unwrap().len(), 4);
    for n in 0..3 {
        let when = When { date: core.now() + 60, repeat: 0 };
        core.schedule(first.actor(), first.id, largest(chat, 300 + n), when).await.unwrap();
    }
    world.pass_s(100);
    core.tick().await.unwrap();
    let all = world.chat_history(users[199], chat).await;
    assert_eq!(all.len(), 1 + 2 + 6 + 4 + 3);
    let pin = PinHow { pinned: true, one_side: false, silent: true };
    for sent in &forwarded {
        core.pin_message(first.actor(), first.id, peer, sent.id, pin).await.unwrap();
    }
    let mut left = usize::MAX;
    while left > 0 {
        left = core.unpin_all(first.actor(), first.id, peer).await.unwrap().1;
    }
    let ids: Vec<MessageId> =
        world.chat_history(first, chat).await.iter().map(|stored| stored.id).collect();
    world.delete(first, &ids, true).await;
    assert_eq!(world.chat_history(users[199], chat).await, []);
    let sent = world.say(users[7], chat, "still here").await;
    assert!(sent.id.0 > 0);
}

#[tokio::test]
async fn links_let_people_in_as_far_as_they_say() {
    let mut world = World::new().await;
    let mut users = Vec::new();
    for n in 0..6 {
        users.push(world.member(&format!("User {n}")).await);
    }
    let [ada, bob, eve, dan, fay, guy] = users[..] else { panic!() };
    let chat = world.group(&[ada, bob]).await;
    let core = world.core.clone();
    let export = |by: Member, replaces: bool, terms: LinkTerms| {
        let core = core.clone();
        async move { core.export_link(by.actor(), by.id, chat, replaces, terms).await }
    };
    let take = |by: Member, link: &ChatLink| {
        let (core, hash) = (core.clone(), link.hash.clone());
        async move { core.import_link(by.actor(), by.id, &hash).await }
    };
    let refused = export(bob, false, LinkTerms::default()).await;
    assert!(matches!(refused, Err(CoreError::NotAnAdmin)));
    let first = export(ada, false, LinkTerms::default()).await.unwrap();
    assert!(first.permanent && first.hash.len() >= 22);
    let other = export(ada, false, LinkTerms::default()).await.unwrap();
    assert!(!other.permanent && other.hash != first.hash);
    let next = export(ada, true, LinkTerms::default()).await.unwrap();
    assert!(next.permanent);
    assert!(matches!(take(eve, &first).await, Err(CoreError::LinkExpired)), "replaced");

    // One place.
    let limit = LinkTerms { usage_limit: Some(1), ..LinkTerms::default() };
    let one = export(ada, false, limit).await.unwrap();
    let version = core.chat(chat).unwrap().version;
    let LinkTaken::Joined(_, done) = take(eve, &one).await.unwrap() else { panic!() };
    let inviter = ada.id;
    assert_eq!(done.sent[0].message.action, Some(Action::ChatJoinedByLink { inviter }));
    assert_eq!(core.chat(chat).unwrap().version, version + 1);
    assert!(matches!(take(eve, &one).await, Err(CoreError::AlreadyAMember)));
    assert!(matches!(take(dan, &one).await, Err(CoreError::LinkExpired)), "used up");
    // Who is removed does not come back by a link, but by an admin.
    core.remove_chat_user(ada.actor(), ada.id, chat, eve.id).await.unwrap();
    assert!(matches!(take(eve, &next).await, Err(CoreError::LinkExpired)));
    let seen = core.check_link(eve.id, &next.hash, 5).await;
    assert!(matches!(seen, Err(CoreError::LinkExpired)));
    core.add_chat_user(ada.actor(), ada.id, chat, eve.id, 0).await.unwrap();

    // For a minute.
    let expires = core.now() + 60;
    let terms = LinkTerms { expires: Some(expires), ..LinkTerms::default() };
    let short = export(ada, false, terms.clone()).await.unwrap();
    let seen = core.check_link(dan.id, &short.hash, 5).await.unwrap();
    assert_eq!(
        seen,
        LinkFor::Open { place: chat.into(), request_needed: false, known: Vec::new() }
    );
    world.pass_s(60);
    assert!(matches!(take(dan, &short).await, Err(CoreError::LinkExpired)));
    assert!(matches!(export(ada, false, terms).await, Err(CoreError::LinkDateInvalid)));

    // Asking, over a restart.
    let asks = LinkTerms { request_needed: Some(true), ..LinkTerms::default() };
    let asks = export(ada, false, asks).await.unwrap();
    for user in [dan, fay, guy] {
        assert_eq!(take(user, &asks).await.unwrap(), LinkTaken::Requested);
    }
    assert_eq!(take(dan, &asks).await.unwrap(), LinkTaken::Requested, "once");
    assert_eq!(core.pending_requests(chat).unwrap().0, 3);
    drop(core);
    let world = world.reopen();
    let core = world.core.clone();
    assert_eq!(core.pending_requests(chat).unwrap().0, 3);
    let hidden = core.hide_request(bob.actor(), bob.id, chat, dan.id, true).await;
    assert!(matches!(hidden, Err(CoreError::NotAnAdmin)));
    let done = core.hide_request(ada.actor(), ada.id, chat, dan.id, true).await.unwrap();
    assert_eq!(done.sent[0].message.action, Some(Action::ChatJoinedByRequest));
    assert_eq!((done.sent[0].message.from, done.sent[0].message.out), (dan.id, false));
    core.hide_request(ada.actor(), ada.id, chat, fay.id, false).await.unwrap();
    assert!(!core.chat(chat).unwrap().has(fay.id));
    let again = core.hide_request(ada.actor(), ada.id, chat, fay.id, true).await;
    assert!(matches!(again, Err(CoreError::NoRequest)));
    let hash = Some(asks.hash.as_str());
    let waiting = core.importers(ada.id, chat, hash, true).await.unwrap();
    assert_eq!(waiting.iter().map(|one| one.user).collect::<Vec<_>>(), [guy.id]);
    // Who is added waits no more.
    core.add_chat_user(ada.actor(), ada.id, chat, guy.id, 0).await.unwrap();
    assert_eq!(core.pending_requests(chat).unwrap().0, 0);
    let came = core.importers(ada.id, chat, hash, false).await.unwrap();
    assert_eq!((came[0].user, came[0].approved_by), (dan.id, Some(ada.id)));

    // An admin's links end when they are no admin any more.
    core.edit_chat_admin(ada.actor(), ada.id, chat, bob.id, true).await.unwrap();
    let theirs = core.export_link(bob.actor(), bob.id, chat, true, LinkTerms::default()).await;
    let theirs = theirs.unwrap();
    assert_eq!(core.links_of_admins(ada.id, chat).await.unwrap().len(), 2);
    let peeked = core.links(bob.id, chat, ada.id, false).await;
    assert!(matches!(peeked, Err(CoreError::NotAnAdmin)), "only the creator sees others'");
    assert!(core.check_link(fay.id, &theirs.hash, 5).await.is_ok());
    core.edit_chat_admin(ada.actor(), ada.id, chat, bob.id, false).await.unwrap();
    let ended = core.check_link(fay.id, &theirs.hash, 5).await;
    assert!(matches!(ended, Err(CoreError::LinkExpired)));
    // Revoked, and forgotten.
    let kept = core.delete_link(ada.actor(), ada.id, chat, &next.hash).await;
    assert!(matches!(kept, Err(CoreError::LinkNotRevoked)));
    let terms = LinkTerms { title: Some("x".into()), ..LinkTerms::default() };
    let (actor, hash) = (ada.actor(), next.hash.clone());
    let changed = core.edit_link(actor, ada.id, chat, &hash, false, terms.clone()).await;
    assert!(matches!(changed, Err(CoreError::LinkPermanent)));
    let (old, new) = core.edit_link(actor, ada.id, chat, &hash, true, terms).await.unwrap();
    assert!(old.revoked && new.as_ref().is_some_and(|new| new.permanent && new.hash != hash));
    core.delete_link(actor, ada.id, chat, &hash).await.unwrap();
    core.delete_revoked_links(actor, ada.id, chat, bob.id).await.unwrap();
    assert_eq!(core.links(ada.id, chat, bob.id, true).await.unwrap(), []);
    // They end with the group.
    core.delete_chat(actor, ada.id, chat).await.unwrap();
    let ended = core.check_link(fay.id, &new.unwrap().hash, 5).await;
    assert!(matches!(ended, Err(CoreError::LinkExpired)));
    assert!(matches!(core.check_link(fay.id, "short", 5).await, Err(CoreError::LinkInvalid)));
    // Nobody tries many.
    let mut tries = 0;
    let wait = loop {
        match core.check_link(fay.id, &format!("{tries:022}"), 5).await {
            Err(CoreError::LinkExpired) => tries += 1,
            Err(CoreError::Flood { wait_s }) => break wait_s,
            other => panic!("{other:?}"),
        }
    };
    assert!(tries < 200 && wait > 0, "{tries}");
}
