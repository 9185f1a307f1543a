//! Random life in channels: what is shown against what their logs say.

use std::collections::{BTreeMap, BTreeSet};

use glog::control::Verdict;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::polls;
use super::world::{Member, World, full, text};
use crate::channels::said_beside;
use crate::*;

const USERS: usize = 5;

/// Random life in a channel, and what it should be.
struct Life {
    world: World,
    rng: StdRng,
    users: Vec<Member>,
    channel: ChannelId,
    /// Where its posts are discussed, now and then.
    group: Option<ChannelId>,
    /// Posts that were edited last while they were discussed nowhere.
    missed: BTreeSet<MessageId>,
    done: BTreeMap<&'static str, u32>,
}

impl Life {
    async fn new(seed: u64, broadcast: bool) -> Self {
        let mut world = World::new().await;
        let mut users = Vec::new();
        for name in ["Ada", "Bob", "Cyd", "Dan", "Eve"] {
            users.push(world.member(name).await);
        }
        assert_eq!(users.len(), USERS);
        let channel = world.channel(users[0], broadcast).await;
        let group = match broadcast {
            true => Some(world.channel(users[0], false).await),
            false => None,
        };
        if group.is_some() {
            let (ada, core) = (users[0], &world.core);
            let link = core.set_discussion_group(ada.actor(), ada.id, Some(channel), group);
            link.await.unwrap();
        }
        let rng = StdRng::seed_from_u64(seed);
        let (missed, done) = (BTreeSet::new(), BTreeMap::new());
        Self { world, rng, users, channel, group, missed, done }
    }

    fn user(&mut self) -> Member {
        self.users[self.rng.random_range(0..USERS)]
    }

    /// Some message of the channel.
    async fn message(&mut self) -> Option<MessageId> {
        let query = HistoryQuery { limit: 30, ..HistoryQuery::default() };
        let (viewer, peer) = (self.users[0].id, self.channel.into());
        let page = self.world.core.history(viewer, peer, query).await.unwrap();
        if page.messages.is_empty() {
            return None;
        }
        Some(page.messages[self.rng.random_range(0..page.messages.len())].id)
    }

    /// Some message with a poll.
    async fn poll_message(&mut self) -> Option<MessageId> {
        let query = HistoryQuery { limit: 100, ..HistoryQuery::default() };
        let (viewer, peer) = (self.users[0].id, self.channel.into());
        let page = self.world.core.history(viewer, peer, query).await.unwrap();
        let asks = |stored: &&Stored| matches!(stored.message.media, Some(Media::Poll(_)));
        let polls: Vec<MessageId> =
            page.messages.iter().filter(asks).map(|stored| stored.id).collect();
        if polls.is_empty() { None } else { Some(polls[self.rng.random_range(0..polls.len())]) }
    }

    fn some_rights(&mut self) -> AdminRights {
        let all = [
            AdminRights::CHANGE_INFO,
            AdminRights::POST_MESSAGES,
            AdminRights::EDIT_MESSAGES,
            AdminRights::DELETE_MESSAGES,
            AdminRights::BAN_USERS,
            AdminRights::INVITE_USERS,
            AdminRights::PIN_MESSAGES,
            AdminRights::ADD_ADMINS,
            AdminRights::ANONYMOUS,
        ];
        let mut rights = AdminRights::NONE;
        for right in all {
            rights = rights.with(right, self.rng.random_bool(0.6));
        }
        rights
    }

    /// Does something; what is refused changes nothing, and that is not a failure of the node.
    async fn step(&mut self) {
        let (by, other, channel) = (self.user(), self.user(), self.channel);
        let core = self.world.core.clone();
        let (actor, owner, peer) = (by.actor(), by.id, PeerId::from(channel));
        let number = self.world.number();
        let (what, done) = match self.rng.random_range(0..148) {
            0..25 => {
                let mut message = Outgoing::text(peer, text(&format!("said {number}")), number);
                if let Some(id) = self.message().await
                    && self.rng.random_bool(0.3)
                {
                    message.reply = Some((id, None));
                }
                if self.rng.random_bool(0.2) {
                    message.send_as = Some(if self.rng.random() { owner.into() } else { peer });
                }
                ("post", core.send(actor, owner, message).await.map(|_| ()))
            }
            25..33 => {
                let Some(id) = self.message().await else { return };
                let edit = Edit::text(text(&format!("edited {number}")));
                let done = core.edit(actor, owner, peer, id, edit).await.map(|_| ());
                match core.channel(channel).unwrap().linked {
                    _ if done.is_err() => false,
                    None => self.missed.insert(id),
                    Some(_) => self.missed.remove(&id),
                };
                ("edit", done)
            }
            33..40 => {
                let Some(id) = self.message().await else { return };
                (
                    "delete",
                    core.delete_in_channel(actor, owner, channel, vec![id]).await.map(|_| ()),
                )
            }
            40..47 => {
                let Some(id) = self.message().await else { return };
                let pinned = self.rng.random_bool(0.6);
                let how = PinHow { pinned, one_side: false, silent: false };
                ("pin", core.pin_message(actor, owner, peer, id, how).await.map(|_| ()))
            }
            47..49 => ("unpin", core.unpin_all(actor, owner, peer).await.map(|_| ())),
            49..53 => ("join", core.join_channel(actor, owner, channel).await.map(|_| ())),
            53..57 => self.link_step(by, other).await,
            57..60 => ("leave", core.leave_channel(actor, owner, channel).await),
            60..67 => {
                let users = vec![other.id];
                ("add", core.add_to_channel(actor, owner, channel, users).await.map(|_| ()))
            }
            67..75 => {
                let rights = self.some_rights();
                let rank = "Mate".to_owned();
                let done = core.edit_channel_admin(actor, owner, channel, other.id, rights, rank);
                ("admin", done.await)
            }
            75..86 => {
                let entirely = self.rng.random_bool(0.3);
                let rights = match self.rng.random_range(0..4) {
                    0 => Rights::NONE,
                    1 => Rights::SEND_PLAIN,
                    2 => Rights::SEND_REACTIONS,
                    _ => Rights::SEND_PHOTOS | Rights::PIN_MESSAGES,
                };
                let banned = Banned { entirely, rights, until: 0 };
                let done = core.ban_in_channel(actor, owner, channel, other.id, banned).await;
                ("ban", done.map(|_| ()))
            }
            86..89 => {
                let title = format!("Title {}", number % 3);
                ("title", core.edit_channel_title(actor, owner, channel, &title).await.map(|_| ()))
            }
            89..92 => {
                let banned = match self.rng.random_range(0..4) {
                    0 => Rights::NONE,
                    1 => Rights::SEND_PLAIN | Rights::INVITE_USERS,
                    2 => Rights::SEND_REACTIONS,
                    _ => Rights::CHANGE_INFO | Rights::PIN_MESSAGES,
                };
                ("rights", core.edit_channel_rights(actor, owner, channel, banned).await)
            }
            92..95 => {
                let name = if self.rng.random() { "harbour_news" } else { "" };
                let name = name.to_owned();
                ("name", core.update_channel_username(actor, owner, channel, name).await)
            }
            100..112 => {
                let Some(id) = self.message().await else { return };
                let with = ["👍", "🔥", "❤"][self.rng.random_range(0..3)].to_owned();
                let reacts = self.rng.random_bool(0.8);
                let with = reacts.then_some(Reaction::Emoji(with)).into_iter().collect();
                let how = ReactHow::default();
                ("react", core.react(actor, owner, peer, id, with, how).await)
            }
            112..116 => {
                let available = match self.rng.random_range(0..5) {
                    0 => ChatReactions::None,
                    1 => ChatReactions::some(vec![Reaction::Emoji("🔥".into())]).unwrap(),
                    _ => ChatReactions::All,
                };
                let kinds_max = self.rng.random_range(2..5);
                let wanted = ChannelReactions { available, kinds_max };
                ("reactions", core.edit_channel_reactions(actor, owner, channel, wanted).await)
            }
            116..119 => {
                let public_voters = self.rng.random_bool(0.5);
                let multiple_choice = self.rng.random_bool(0.5);
                let new = NewPoll { public_voters, multiple_choice, ..polls::poll(3) };
                ("ask", self.world.ask(by, peer, new).await.map(|_| ()))
            }
            119..129 => {
                let Some(id) = self.poll_message().await else { return };
                let at: Vec<u8> = (0..3).filter(|_| self.rng.random_bool(0.4)).collect();
                ("vote", self.world.vote(by, peer, id, &at).await.map(|_| ()))
            }
            129..131 => {
                let Some(id) = self.poll_message().await else { return };
                ("close", core.close_poll(actor, owner, peer, id).await.map(|_| ()))
            }
            131..136 => {
                // Whoever reacts loses the right at once: what was done before stays done.
                let Some(id) = self.message().await else { return };
                let with = vec![Reaction::Emoji("🎉".into())];
                let how = ReactHow::default();
                let reacted = core.react(other.actor(), other.id, peer, id, with, how).await;
                let entirely = self.rng.random();
                let banned = Banned { entirely, rights: Rights::SEND_REACTIONS, until: 0 };
                let creator = core.channel(channel).unwrap().creator;
                let by = self.users.iter().copied().find(|user| user.id == creator).unwrap();
                let done = core.ban_in_channel(by.actor(), by.id, channel, other.id, banned).await;
                ("react and fall", reacted.and(done.map(|_| ())))
            }
            95..97 | 146..148 => ("give", core.give_channel(actor, owner, channel, other.id).await),
            136..142 => {
                let Some(group) = self.group else { return };
                let Some(id) = self.message().await else { return };
                let Ok((_, top)) = core.thread_at(channel, id).await else { return };
                let said = text(&format!("comment {number}"));
                let mut message = Outgoing::text(group.into(), said, number);
                message.reply = Some((top, None));
                ("comment", core.send(actor, owner, message).await.map(|_| ()))
            }
            142..146 => {
                let Some(group) = self.group else { return };
                let to = self.rng.random_bool(0.8).then_some(group);
                let link = core.set_discussion_group(actor, owner, Some(channel), to);
                ("link", link.await)
            }
            _ => {
                let id = MessageId(self.rng.random_range(0..40));
                let done = core.read_channel(actor, owner, channel, id).await;
                ("read", done.map(|_| ()))
            }
        };
        match done {
            Ok(()) => *self.done.entry(what).or_default() += 1,
            Err(cause @ (CoreError::Damaged(_) | CoreError::Stopped(_) | CoreError::Store(_))) => {
                panic!("{what}: {cause}")
            }
            Err(_) => {}
        }
    }

    /// Somebody makes a link, which somebody else takes; or lets in who waits.
    async fn link_step(&mut self, by: Member, other: Member) -> (&'static str, CoreResult<()>) {
        let (core, channel) = (self.world.core.clone(), self.channel);
        // Mostly who may: else little would happen.
        let creator = core.channel(channel).unwrap().creator;
        let creator = self.users.iter().copied().find(|user| user.id == creator).unwrap();
        let by = if self.rng.random_bool(0.7) { creator } else { by };
        let (actor, owner) = (by.actor(), by.id);
        let (_, waiting) = core.pending_requests(channel).unwrap();
        if let Some(first) = waiting.first().filter(|_| self.rng.random_bool(0.5)) {
            let approved = self.rng.random_bool(0.8);
            let done = core.hide_request(actor, owner, channel, *first, approved).await;
            return ("let in", done.map(|_| ()));
        }
        let asks = self.rng.random_bool(0.5).then_some(true);
        let terms = LinkTerms { request_needed: asks, ..LinkTerms::default() };
        let link = match core.export_link(actor, owner, channel, false, terms).await {
            Ok(link) => link,
            Err(cause) => return ("by link", Err(cause)),
        };
        let view = core.channel_for(owner, channel).unwrap();
        assert!(view.admin_rights().contains_all(AdminRights::INVITE_USERS));
        let own = core.participant(channel, other.id).unwrap();
        let done = core.import_link(other.actor(), other.id, &link.hash).await;
        match own {
            Some(own) if own.joined => assert!(matches!(done, Err(CoreError::AlreadyAMember))),
            Some(own) if own.is_banned() => assert!(matches!(done, Err(CoreError::LinkExpired))),
            _ => {}
        }
        match done {
            Ok(LinkTaken::Joined(..)) => ("by link", Ok(())),
            Ok(LinkTaken::Requested) => ("asked", Ok(())),
            Err(cause) => ("by link", Err(cause)),
        }
    }

    /// Links lead somewhere only for as long as their admins may make them, and nobody waits who is in
    /// or may not come in.
    async fn check_links(&self) {
        let core = &self.world.core;
        let creator = core.channel(self.channel).unwrap().creator;
        for user in &self.users {
            let own = core.channel_for(user.id, self.channel).unwrap();
            let may = own.admin_rights().contains_all(AdminRights::INVITE_USERS);
            let links = core.links(creator, self.channel, user.id, false).await.unwrap();
            assert!(may || links.is_empty(), "{user:?}");
        }
        for waiting in core.importers(creator, self.channel, None, true).await.unwrap() {
            let view = core.channel_for(waiting.user, self.channel).unwrap();
            assert!(!view.is_member() && !view.is_banned(), "{waiting:?}");
        }
    }

    /// Who reacted with what; and of that, what each is shown.
    fn check_reactions(&self, id: MessageId, stored: &Message, said: &glog::data::Message) {
        let core = &self.world.core;
        let listed = core.listed_reactions(self.channel, id);
        let in_log = said.reactions.iter().map(|(by, with)| (UserId(by.id as i64), with.clone()));
        assert_eq!(listed, in_log.collect(), "{id:?}");
        assert!(listed.is_empty() || stored.reacted);
        let broadcast = core.channel(self.channel).unwrap().broadcast;
        for viewer in &self.users {
            let Some(shown) = core.reactions(viewer.id, id, stored).unwrap() else { continue };
            let emoji = |reaction: &Reaction| match reaction {
                Reaction::Emoji(emoji) => emoji.clone(),
                Reaction::Custom(_) => panic!(),
            };
            let counts = shown.counts.iter().map(|one| (emoji(&one.reaction), one.count as usize));
            let mut by_kind: BTreeMap<String, usize> = BTreeMap::new();
            for with in listed.values().flatten() {
                *by_kind.entry(with.clone()).or_default() += 1;
            }
            assert_eq!(counts.collect::<BTreeMap<_, _>>(), by_kind);
            let own = shown.counts.iter().find(|one| one.chosen.is_some());
            let own = own.map(|one| vec![emoji(&one.reaction)]);
            assert_eq!(own.as_ref(), listed.get(&viewer.id));
            assert_eq!(shown.can_see_list, !broadcast);
            let newest = if broadcast { 0 } else { listed.len().min(3) };
            assert_eq!(shown.recent.len(), newest);
            for (one, _) in &shown.recent {
                assert_eq!(listed[&one.user], [emoji(&one.reaction)]);
            }
        }
    }

    /// A poll and its votes; true if it was closed.
    fn check_poll(
        &self,
        stored: &Message,
        said: &glog::data::Message,
        view: &glog::data::View,
    ) -> bool {
        let Some(Media::Poll(id)) = stored.media else { return false };
        let core = &self.world.core;
        let shown = self.world.poll(self.users[0], id).poll;
        let post = said.post.as_ref().unwrap();
        assert_eq!(post.media[0].class, glog::Rights::POLL);
        // What was asked elsewhere is as it was when it came here, and has its votes there.
        let asked = channels::poll_in_log(post).unwrap();
        if shown.place != self.channel.into() {
            assert_eq!(asked.question, shown.question);
            assert!(said.votes.is_empty() && said.tallies.is_empty());
            return false;
        }
        assert_eq!(asked, shown.to_log());
        let votes: BTreeMap<UserId, Vec<u16>> = core.stored_votes(id);
        let mut counts = vec![0; shown.answers.len()];
        for at in votes.values().flatten() {
            counts[usize::from(*at)] += 1;
        }
        let voters: Vec<u64> = shown.answers.iter().map(|one| u64::from(one.voters)).collect();
        assert_eq!((&voters, shown.voters as usize), (&counts, votes.len()));
        if shown.public_voters {
            let in_log = said.votes.iter().map(|(by, at)| (UserId(by.id as i64), at.clone()));
            assert_eq!(votes, in_log.collect());
            assert!(said.tallies.is_empty());
        } else {
            assert!(said.votes.is_empty());
            let told = said.tallies.values().next().cloned();
            assert!(told.is_some() || votes.is_empty(), "never told");
            // No more than members that the log knows of.
            let known = match view.counts.values().next() {
                Some(members) => *members,
                None => view.members.values().filter(|is_in| **is_in).count() as u64,
            };
            for (at, count) in told.into_iter().flatten() {
                assert_eq!(count, voters[usize::from(at)].min(known));
            }
        }
        shown.closed
    }

    /// Who answers stands in the thread of what they answer: by the log, by the messages, and by the
    /// index, which counts them.
    async fn check_threads(
        &self,
        said: &BTreeMap<glog::EntryRef, glog::data::Message>,
        shown: &BTreeMap<glog::EntryRef, Stored>,
    ) {
        let core = &self.world.core;
        let broadcast = core.channel(self.channel).unwrap().broadcast;
        let post = |at: &glog::EntryRef| said[at].post.as_ref().unwrap();
        let mut threads: BTreeMap<MessageId, Vec<&Stored>> = BTreeMap::new();
        for (at, stored) in shown {
            let (top, _) = said_beside(post(at));
            // What it answers leads there, as long as that is there to be asked.
            if let Some(answered) =
                post(at).reply_to.filter(|to| said.contains_key(to) && !broadcast)
            {
                assert_eq!(top, said_beside(post(&answered)).0.or(Some(answered)));
            }
            let Some(first) = stored.message.thread else {
                assert_eq!(top, None);
                continue;
            };
            assert!(!broadcast);
            if let Some(entry) = core.entry_of(self.channel, first) {
                assert_eq!(top, Some(entry));
            }
            threads.entry(first).or_default().push(stored);
        }
        for stored in shown.values().filter(|stored| !threads.contains_key(&stored.id)) {
            assert_eq!(core.thread(self.channel, stored.id).unwrap(), None, "nothing is in it");
        }
        for (first, mut stored) in threads {
            stored.sort_by_key(|stored| std::cmp::Reverse(stored.id));
            let query = HistoryQuery { limit: 100, ..HistoryQuery::default() };
            let page = core.replies(self.channel, first, query).await.unwrap();
            let ids = |all: &mut dyn Iterator<Item = MessageId>| all.collect::<Vec<_>>();
            let expected = ids(&mut stored.iter().map(|stored| stored.id));
            assert_eq!(ids(&mut page.messages.iter().map(|stored| stored.id)), expected);
            let thread = core.thread(self.channel, first).unwrap().unwrap();
            assert_eq!((thread.count as usize, thread.max_id), (expected.len(), expected[0]));
            let mut recent: Vec<PeerId> = Vec::new();
            for author in stored.iter().map(|stored| stored.message.author()) {
                if recent.len() < 3 && !recent.contains(&author) {
                    recent.push(author);
                }
            }
            assert_eq!(thread.recent, recent);
            if let Some(first) = core.message(self.channel, first).unwrap() {
                assert!(first.has_thread);
            }
        }
    }

    /// What is shown is what the log says, to somebody who reads nothing else.
    async fn check(&mut self) {
        self.check_channel().await;
        if let Some(group) = self.group {
            let channel = std::mem::replace(&mut self.channel, group);
            self.check_channel().await;
            self.channel = channel;
            self.check_copies(group).await;
        }
    }

    /// Each post that is discussed has a copy that says the same, in the channel's name.
    async fn check_copies(&self, group: ChannelId) {
        let core = &self.world.core;
        let (channel, found) = (core.channel(self.channel).unwrap(), core.channel(group).unwrap());
        assert_eq!(channel.linked, found.linked.map(|_| group));
        assert!(found.linked.is_none_or(|linked| linked == self.channel));
        let query = HistoryQuery { limit: 100, ..HistoryQuery::default() };
        let page = core.history(self.users[0].id, self.channel.into(), query).await.unwrap();
        for post in page.messages {
            let Some(copy) = core.copy_of_post(self.channel, post.id).unwrap() else { continue };
            let shown = core.message(group, copy.id).unwrap().unwrap();
            assert_eq!((copy.group, shown.post()), (group, Some((self.channel, post.id))));
            let same = (shown.text, shown.edited) == (post.message.text, post.message.edited);
            assert!(same || self.missed.contains(&post.id));
            assert_eq!(shown.sent_as, Some(self.channel.into()));
        }
    }

    async fn check_channel(&self) {
        self.check_links().await;
        // Totals are told a little later.
        self.world.pass_s(10);
        self.world.core.tick().await.unwrap();
        let core = &self.world.core;
        let channel = core.channel(self.channel).unwrap();
        let replica = core.replica_of(self.channel);
        let (chain, view) = (replica.chain(), replica.lanes().view(replica.chain()));
        assert!(chain.verdicts().iter().all(|verdict| *verdict == Verdict::Applied));
        // Messages, with their words, answers and pins.
        let query = HistoryQuery { limit: 100, ..HistoryQuery::default() };
        let mut shown: BTreeMap<glog::EntryRef, Stored> = BTreeMap::new();
        let (viewer, peer) = (self.users[0].id, self.channel.into());
        let mut offset_id = 0;
        loop {
            let query = HistoryQuery { offset_id, ..query };
            let page = core.history(viewer, peer, query).await.unwrap();
            let Some(last) = page.messages.last() else { break };
            offset_id = last.id.0;
            for stored in page.messages {
                if stored.message.action.is_none() {
                    shown.insert(core.entry_of(self.channel, stored.id).unwrap(), stored);
                }
            }
        }
        assert_eq!(
            shown.keys().collect::<Vec<_>>(),
            view.messages.keys().collect::<Vec<_>>(),
            "the same messages"
        );
        for (at, said) in &view.messages {
            let stored = &shown[at].message;
            let post = said.post.as_ref().unwrap();
            assert_eq!((&*post.text, said.author.id), (stored.text.as_str(), stored.from.0 as u64));
            let closed = self.check_poll(stored, said, &view);
            assert_eq!(said.edited.is_some(), stored.edited != 0 || closed);
            assert_eq!(!said.pins.is_empty(), stored.pinned, "{at:?} {}", stored.text);
            self.check_reactions(shown[at].id, stored, said);
        }
        // Where nothing was said, the log has no setting.
        let said = chain.state().settings.get(&17).cloned();
        let all =
            glog::body::Setting::Reactions(glog::body::Reactions { only: None, kinds_max: 11 });
        assert_eq!(said.unwrap_or(all), core.reactions_setting(self.channel));
        self.check_threads(&view.messages, &shown).await;
        for (at, stored) in &shown {
            let (_, name) = said_beside(view.messages[at].post.as_ref().unwrap());
            let sent_as = stored.message.sent_as.and_then(PeerId::channel);
            assert_eq!(name, sent_as.map(|channel| core.name_of_log(channel)));
            // Whoever writes as the group may.
            if sent_as == Some(self.channel) {
                let (position, author) = (view.messages[at].position, view.messages[at].author);
                let rights = chain.timeline().rights(author, position);
                assert!(rights.has(glog::Rights::ANONYMOUS));
            }
        }
        // Who may do what.
        let state = chain.state();
        let linked = match state.settings.get(&6) {
            Some(glog::body::Setting::Linked(linked)) => *linked,
            _ => None,
        };
        assert_eq!(linked, channel.linked.map(|other| core.name_of_log(other)));
        let mut joined = BTreeSet::new();
        let (mut admins, mut kicked, mut restricted) = (0, 0, 0);
        for user in &self.users {
            let name = glog::UserRef { node: state.owner.node, id: user.id.0 as u64 };
            let own = core.participant(self.channel, user.id).unwrap();
            let role = own.as_ref().map(|own| &own.role);
            let admin = state.admins.get(&name);
            let denied = state.denied.get(&name).map(|denied| denied.rights);
            match role {
                Some(ChannelRole::Creator { .. }) => {
                    assert_eq!((state.owner, channel.creator), (name, user.id));
                    admins += 1;
                }
                Some(ChannelRole::Admin { rights, rank, by }) => {
                    let admin = admin.unwrap();
                    assert_eq!((admin.rank.as_str(), admin.by.id), (rank.as_str(), by.0 as u64));
                    assert_eq!(core.rights_in_log(*rights), admin.rights);
                    admins += 1;
                }
                Some(ChannelRole::Banned { .. }) => {
                    assert_eq!(denied, Some(glog::Rights::ALL));
                    kicked += 1;
                }
                Some(ChannelRole::Restricted { .. }) => {
                    assert!(denied.is_some_and(|denied| denied != glog::Rights::ALL));
                    restricted += 1;
                }
                Some(ChannelRole::Member) | None => {
                    assert_eq!((admin, denied), (None, None), "{user:?}");
                }
            }
            if own.is_some_and(|own| own.joined) {
                joined.insert(user.id);
                assert!(core.channels_of(user.id).unwrap().contains(&self.channel));
            } else {
                assert!(!view.members.get(&name).copied().unwrap_or(false), "left, the log says");
            }
        }
        assert_eq!(channel.members as usize, joined.len());
        assert_eq!(
            (channel.admins, channel.kicked, channel.restricted),
            (admins, kicked, restricted)
        );
        assert_eq!(state.is_public(), channel.username.is_some());
        let recent = ParticipantFilter::Recent;
        // Of admins who are to stay unknown, others than admins see nothing.
        let of = |user| core.participant(self.channel, user).unwrap();
        let sees_all = of(viewer).is_some_and(|own| own.joined && own.is_admin());
        let is_hidden = |user: &UserId| !sees_all && of(*user).unwrap().is_anonymous();
        joined.retain(|user| !is_hidden(user));
        let hidden = channel.members as usize - joined.len();
        let page = core.participants(viewer, &channel, &recent, 0, 100).await.unwrap();
        let listed: BTreeSet<UserId> = page.participants.iter().map(|own| own.user).collect();
        assert_eq!((page.count, &listed), (joined.len(), &joined));
        let page =
            core.participants(viewer, &channel, &ParticipantFilter::Admins, 0, 100).await.unwrap();
        assert!(page.participants.iter().all(Participant::is_admin));
        let admins = admins as usize - hidden;
        assert_eq!((page.participants.len(), page.count), (admins, admins));
    }
}

#[tokio::test]
async fn what_is_shown_is_what_the_log_says() {
    // A look reads all of the log: of long lives there are fewer.
    let (runs, steps, looks) = if full() { (40, 1000, 100) } else { (8, 400, 30) };
    let mut done: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..runs {
        let mut life = Life::new(seed, seed % 2 == 1).await;
        for step in 0..steps {
            life.step().await;
            if step % looks == looks - 1 {
                life.check().await;
            }
            if step % 100 == 99 {
                let Life { world, .. } = life;
                life = Life { world: world.reopen(), ..life };
                life.check().await;
            }
        }
        for (what, times) in life.done {
            *done.entry(what).or_default() += times;
        }
    }
    // Everything happened.
    assert_eq!(done.len(), 26, "{done:?}");
}
