//! What is encoded once for many is, byte for byte, what would be encoded for each.

use node_core::{BoxEvent, ChannelId, NewContact, UserId};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tl::{enums, types};

use super::channel_messages::{Told, input, join, peer, public_channel};
use super::media::{bmp, document, media, upload, uploaded};
use super::members::{member, message, named};
use super::*;
use crate::project::{FanOut, Pushed};
use crate::session::NeutralUpdate as _;

/// The oldest that a client in use speaks, one between, and the newest.
const LAYERS: [i32; 4] = [152, 158, 201, 230];

/// Members of the random life; one more looks on.
const MEMBERS: u8 = 6;

/// A viewer's own encoding and what a template gives, after another has looked at it.
pub(super) fn looks_alike(viewer: &Context, event: &Arc<BoxEvent>, alone: &Pushed) {
    let Some(channel) = event.owner.channel() else { return };
    let many = FanOut::new(&viewer.shared, channel, event);
    for _ in 0..2 {
        let shown = many.to(viewer.user().unwrap()).encode(viewer.layer);
        assert_eq!(shown, alone.encode(viewer.layer));
    }
}

struct World {
    shared: Arc<Shared>,
    people: Vec<(Context, UserId)>,
    group: ChannelId,
    news: ChannelId,
    /// A picture and a file, as the first two members name them.
    files: Vec<enums::InputMedia>,
    rng: StdRng,
    /// Events of both channels, the newest last.
    events: Vec<Arc<FanOut>>,
    told: Arc<Told>,
    topics: Vec<i32>,
    random_id: i64,
    /// Updates that were looked at, and those of them that came out of a template.
    looks: usize,
    shared_looks: usize,
    /// By what was shown: messages of each kind are among those.
    kinds: std::collections::BTreeMap<&'static str, usize>,
}

impl World {
    async fn new(seed: u64) -> Self {
        let shared = shared();
        let mut people = Vec::new();
        for key in 0..=MEMBERS {
            people.push(member(&shared, 5 + key, 230, &format!("Member{key}")).await);
        }
        let (ada, _) = &people[0];
        let group = public_channel(ada, false, "the_group").await;
        let news = public_channel(ada, true, "the_news").await;
        for (ctx, _) in &people[1..MEMBERS.into()] {
            join(ctx, group).await;
            join(ctx, news).await;
        }
        let mut files: Vec<enums::InputMedia> = Vec::new();
        let file = upload(ada, &bmp(64, 48), "a.bmp").await;
        files.push(types::InputMediaUploadedPhoto { file, ..Default::default() }.into());
        let file = upload(ada, b"a file", "a.txt").await;
        files.push(document(file).into());
        for file in &mut files {
            *file = uploaded(ada, file.clone()).await;
        }
        let file = Some(upload(ada, &bmp(320, 320), "face.bmp").await);
        call(ada, &f::photos::UploadProfilePhoto { file, ..Default::default() }).await.unwrap();
        let told = Told::by(&shared);
        Self {
            shared,
            people,
            group,
            news,
            files,
            rng: StdRng::seed_from_u64(seed),
            events: Vec::new(),
            told,
            topics: vec![1],
            random_id: 1,
            looks: 0,
            shared_looks: 0,
            kinds: std::collections::BTreeMap::new(),
        }
    }

    fn someone(&mut self) -> usize {
        self.rng.random_range(0..self.people.len())
    }

    fn coin(&mut self) -> bool {
        self.rng.random_bool(0.5)
    }

    fn place(&mut self) -> ChannelId {
        if self.rng.random_bool(0.7) { self.group } else { self.news }
    }

    fn topic(&mut self) -> i32 {
        self.topics[self.rng.random_range(0..self.topics.len())]
    }

    /// Something happens; much of it may be refused.
    async fn live(&mut self) {
        let (who, whom) = (self.someone(), self.someone());
        match self.rng.random_range(0..27) {
            0..=7 => self.say(who, whom).await,
            8 => self.keep(who, whom).await,
            9 => {
                let blocked = self.coin();
                let (core, id) = (&self.shared.core, self.people[who].1);
                let _ = core.set_blocked(None, id, self.people[whom].1, blocked).await;
            }
            10 | 11 => self.hide(who, whom).await,
            12 => {
                let online = self.coin();
                self.shared.core.set_online(self.people[who].1, online).await.unwrap();
            }
            13 => {
                let (place, ctx) = (self.place(), &self.people[who].0);
                let _ = call(ctx, &f::channels::JoinChannel { channel: input(ctx, place) }).await;
            }
            14 => {
                let (place, ctx) = (self.place(), &self.people[who].0);
                let _ = call(ctx, &f::channels::LeaveChannel { channel: input(ctx, place) }).await;
            }
            15 => self.take_rights(whom).await,
            16 => self.give_rights(whom).await,
            17 => self.name(who).await,
            18 => self.link(0.7).await,
            19..=21 => self.divide(who).await,
            22 => self.clear(who).await,
            _ => self.change_a_message(who).await,
        }
    }

    async fn say(&mut self, who: usize, whom: usize) {
        let place = self.place();
        // Who may write everywhere does so more often.
        let who = if self.coin() { 0 } else { who };
        self.random_id += 1;
        let picked = self.rng.random_range(0..12);
        let (any, topic) = (self.rng.random_range(1..20), self.topic());
        let reply_to_msg_id = if self.coin() { any } else { topic };
        let reply = types::InputReplyToMessage { reply_to_msg_id, ..Default::default() };
        let reply = matches!(picked, 6 | 9..).then(|| reply.into());
        let ctx = &self.people[who].0;
        let to = peer(ctx, place);
        let geo = types::InputGeoPoint { lat: 1.0, long: 2.0, accuracy_radius: None }.into();
        let sent: enums::InputMedia = match picked {
            0 => self.files[0].clone(),
            1 => self.files[1].clone(),
            // Names somebody who has neither written it nor is meant.
            2 => types::InputMediaContact {
                phone_number: self.number_of(whom),
                first_name: "Some".into(),
                last_name: "Body".into(),
                vcard: String::new(),
            }
            .into(),
            3 => types::InputMediaGeoPoint { geo_point: geo }.into(),
            4 | 8 => {
                let from_peer = peer(ctx, self.group);
                let forward = f::messages::ForwardMessages {
                    from_peer,
                    to_peer: to,
                    id: vec![self.rng.random_range(1..20)],
                    random_id: vec![self.random_id],
                    ..Default::default()
                };
                let _ = call(ctx, &forward).await;
                return;
            }
            _ => {
                let user_id = match named(ctx, self.people[whom].1) {
                    enums::InputPeer::InputPeerUser(user) => {
                        types::InputUser { user_id: user.user_id, access_hash: user.access_hash }
                            .into()
                    }
                    _ => types::InputUserSelf {}.into(),
                };
                let (offset, length) = (0, 3);
                let mention = types::InputMessageEntityMentionName { offset, length, user_id };
                let text = f::messages::SendMessage {
                    entities: (picked == 5).then(|| vec![mention.into()]),
                    reply_to: reply,
                    ..message("you there", to, self.random_id)
                };
                let _ = call(ctx, &text).await;
                return;
            }
        };
        let _ = call(ctx, &media(to, sent, self.random_id)).await;
    }

    fn number_of(&self, whom: usize) -> String {
        let id = self.people[whom].1;
        self.shared.core.view(id, id).unwrap().unwrap().phone.unwrap().to_string()
    }

    async fn keep(&mut self, who: usize, whom: usize) {
        // The same names as others give, so that what else there is between two decides.
        let contact = NewContact {
            first_name: "Old".into(),
            last_name: ["", "Friend"][usize::from(self.rng.random_bool(0.2))].into(),
            share_phone: self.rng.random_bool(0.2),
            ..NewContact::default()
        };
        let (core, (id, other)) = (&self.shared.core, (self.people[who].1, self.people[whom].1));
        if self.rng.random_bool(0.3) {
            let ctx = &self.people[who].0;
            let enums::InputPeer::InputPeerUser(user) = named(ctx, other) else { return };
            let (user_id, access_hash) = (user.user_id, user.access_hash);
            let user = types::InputUser { user_id, access_hash }.into();
            let _ = call(ctx, &f::contacts::DeleteContacts { id: vec![user] }).await;
            return;
        }
        let _ = core.add_contact(None, id, other, contact).await;
        if self.rng.random_bool(0.3) {
            let _ = core.set_close_friends(None, id, vec![other]).await;
        }
    }

    async fn hide(&mut self, who: usize, whom: usize) {
        let ctx = &self.people[who].0;
        let keys: [enums::InputPrivacyKey; 3] = [
            types::InputPrivacyKeyStatusTimestamp {}.into(),
            types::InputPrivacyKeyPhoneNumber {}.into(),
            types::InputPrivacyKeyProfilePhoto {}.into(),
        ];
        let enums::InputPeer::InputPeerUser(user) = named(ctx, self.people[whom].1) else { return };
        let (user_id, access_hash) = (user.user_id, user.access_hash);
        let users = vec![types::InputUser { user_id, access_hash }.into()];
        let but = types::InputPrivacyValueDisallowUsers { users };
        let rules: [Vec<enums::InputPrivacyRule>; 4] = [
            vec![types::InputPrivacyValueAllowAll {}.into()],
            vec![types::InputPrivacyValueDisallowAll {}.into()],
            vec![types::InputPrivacyValueAllowContacts {}.into()],
            vec![but.into(), types::InputPrivacyValueAllowAll {}.into()],
        ];
        let key = keys[self.rng.random_range(0..3)].clone();
        let rules = rules[self.rng.random_range(0..4)].clone();
        let _ = call(ctx, &f::account::SetPrivacy { key, rules }).await;
    }

    async fn take_rights(&mut self, whom: usize) {
        let (place, ctx) = (self.place(), &self.people[0].0);
        let rights = types::ChatBannedRights {
            view_messages: self.rng.random_bool(0.1),
            send_media: self.rng.random_bool(0.3),
            until_date: [0, (NOW_MS / 1000) as i32 + 5000][self.rng.random_range(0..2)],
            ..Default::default()
        };
        let (channel, participant) = (input(ctx, place), named(ctx, self.people[whom].1));
        let banned_rights = rights.into();
        let _ = call(ctx, &f::channels::EditBanned { channel, participant, banned_rights }).await;
    }

    async fn give_rights(&mut self, whom: usize) {
        let (place, ctx) = (self.place(), &self.people[0].0);
        let rights = types::ChatAdminRights {
            pin_messages: self.rng.random_bool(0.5),
            post_messages: self.rng.random_bool(0.5),
            anonymous: self.rng.random_bool(0.3),
            ..Default::default()
        };
        let enums::InputPeer::InputPeerUser(user) = named(ctx, self.people[whom].1) else { return };
        let (user_id, access_hash) = (user.user_id, user.access_hash);
        let request = f::channels::EditAdmin {
            channel: input(ctx, place),
            user_id: types::InputUser { user_id, access_hash }.into(),
            admin_rights: rights.into(),
            rank: Some(["", "Mate"][self.rng.random_range(0..2)].into()),
        };
        let _ = call(ctx, &request).await;
    }

    async fn name(&mut self, who: usize) {
        let name = format!("Name{}", self.rng.random_range(0..1000));
        let place = self.place();
        if self.coin() {
            let ctx = &self.people[who].0;
            let first_name = Some(name);
            let request = f::account::UpdateProfile { first_name, ..Default::default() };
            let _ = call(ctx, &request).await;
        } else {
            let ctx = &self.people[0].0;
            let request = f::channels::EditTitle { channel: input(ctx, place), title: name };
            let _ = call(ctx, &request).await;
        }
    }

    /// Posts are discussed in the group from now on, or no more.
    async fn link(&mut self, chance: f64) {
        let ctx = &self.people[0].0;
        let group = if self.rng.random_bool(chance) {
            input(ctx, self.group)
        } else {
            types::InputChannelEmpty {}.into()
        };
        let request = f::channels::SetDiscussionGroup { broadcast: input(ctx, self.news), group };
        let _ = call(ctx, &request).await;
    }

    /// The group has topics from now on, or no more; or one of them begins or changes.
    async fn divide(&mut self, who: usize) {
        self.random_id += 1;
        match self.rng.random_range(0..4) {
            0 => {
                // A group where posts are discussed has none.
                self.link(0.0).await;
                let ctx = &self.people[0].0;
                let (channel, enabled) = (input(ctx, self.group), self.rng.random_bool(0.7));
                let request = f::channels::ToggleForum { channel, enabled, ..Default::default() };
                let _ = call(ctx, &request).await;
            }
            1 | 2 => {
                let (title, random_id) = ("Boats".into(), self.random_id);
                let who = if self.rng.random_bool(0.5) { 0 } else { who };
                let ctx = &self.people[who].0;
                let peer = peer(ctx, self.group);
                let request =
                    f::messages::CreateForumTopic { peer, title, random_id, ..Default::default() };
                if let Ok(enums::Updates::Updates(created)) = call(ctx, &request).await {
                    self.topics.extend(created.updates.iter().find_map(|update| match update {
                        enums::Update::UpdateMessageId(update) => Some(update.id),
                        _ => None,
                    }));
                }
            }
            _ => {
                let title = Some(format!("Ships {}", self.random_id));
                let topic_id = self.topic();
                let ctx = &self.people[0].0;
                let peer = peer(ctx, self.group);
                let request =
                    f::messages::EditForumTopic { peer, topic_id, title, ..Default::default() };
                let _ = call(ctx, &request).await;
            }
        }
    }

    /// Somebody has a history out of their own sight.
    async fn clear(&mut self, who: usize) {
        let (place, ctx) = (self.place(), &self.people[who].0);
        let channel = input(ctx, place);
        let max_id = self.rng.random_range(1..30);
        let request = f::channels::DeleteHistory { channel, max_id, ..Default::default() };
        let _ = call(ctx, &request).await;
    }

    async fn change_a_message(&mut self, who: usize) {
        let (place, id) = (self.place(), self.rng.random_range(1..30));
        let who = if self.coin() { 0 } else { who };
        let ctx = &self.people[who].0;
        match self.rng.random_range(0..4) {
            0 => {
                let message = Some(format!("other {}", self.random_id));
                let peer = peer(ctx, place);
                let edit = f::messages::EditMessage { peer, id, message, ..Default::default() };
                let _ = call(ctx, &edit).await;
            }
            1 => {
                let request =
                    f::channels::DeleteMessages { channel: input(ctx, place), id: vec![id] };
                let _ = call(ctx, &request).await;
            }
            2 => {
                let peer = peer(&self.people[0].0, place);
                let pin = f::messages::UpdatePinnedMessage { peer, id, ..Default::default() };
                let _ = call(&self.people[0].0, &pin).await;
            }
            _ => {
                let reaction = types::ReactionEmoji { emoticon: "👍".into() }.into();
                let request = f::messages::SendReaction {
                    peer: peer(ctx, place),
                    msg_id: id,
                    reaction: Some(vec![reaction]),
                    ..Default::default()
                };
                let _ = call(ctx, &request).await;
            }
        }
    }

    /// Everybody looks at the newest events and at some from before, in every layer.
    fn look(&mut self) {
        for event in self.told.all_boxes() {
            if let Some(channel) = event.owner.channel() {
                self.events.push(FanOut::new(&self.shared, channel, &event));
            }
        }
        let mut watched: Vec<_> = self.events.iter().rev().take(3).cloned().collect();
        if !self.events.is_empty() {
            let at = self.rng.random_range(0..self.events.len());
            watched.push(self.events[at].clone());
        }
        for event in watched {
            for layer in LAYERS {
                for (_, viewer) in &self.people {
                    let alone = event.alone(*viewer);
                    let alone = alone.map(|updates| tl::to_bytes(&updates, layer).unwrap());
                    let before = event.shapes();
                    let shown = event.to(*viewer).encode(layer);
                    assert_eq!(shown.as_deref(), alone.as_deref(), "{layer} {viewer:?}");
                    if shown.is_some() {
                        let is_shared = before > 0 && event.shapes() == before;
                        self.looks += 1;
                        self.shared_looks += usize::from(is_shared);
                        *self.kinds.entry(event.kind()).or_default() += usize::from(is_shared);
                    }
                }
            }
        }
    }
}

/// A random life of a group and a channel; whoever looks, whenever, in whatever layer.
#[tokio::test]
async fn what_is_encoded_once_is_what_would_be_encoded_for_each() {
    let mut all = std::collections::BTreeSet::new();
    for seed in 0..6 {
        println!("seed {seed}");
        let mut world = World::new(seed).await;
        for _ in 0..250 {
            world.live().await;
            world.look();
        }
        let World { looks, shared_looks, kinds, events, .. } = world;
        println!("{looks} looks, {shared_looks} shared, {} events, {kinds:?}", events.len());
        // Six people who know each other are more different than a thousand who do not.
        assert!(shared_looks * 10 > looks, "{shared_looks} of {looks}");
        all.extend(kinds.into_iter().filter(|(_, shared)| *shared > 0).map(|(kind, _)| kind));
    }
    let kinds = ["document", "media", "photo", "row", "service", "text", "topic"];
    assert!(all.iter().eq(&kinds), "{all:?}");
}

/// Two keep the writer under the same name; whom the writer keeps as well is a mutual contact.
#[tokio::test]
async fn who_is_kept_too_is_told_so() {
    let shared = shared();
    let (ada, ada_id) = member(&shared, 5, 230, "Ada").await;
    let (bob, bob_id) = member(&shared, 6, 230, "Bob").await;
    let (eve, eve_id) = member(&shared, 7, 230, "Eve").await;
    let group = public_channel(&ada, false, "the_group").await;
    for ctx in [&bob, &eve] {
        join(ctx, group).await;
    }
    // Her number is nobody's to see: it would tell them apart.
    let key = types::InputPrivacyKeyPhoneNumber {}.into();
    let rules = vec![types::InputPrivacyValueDisallowAll {}.into()];
    call(&ada, &f::account::SetPrivacy { key, rules }).await.unwrap();
    let named = || NewContact { first_name: "Lady".into(), ..NewContact::default() };
    for (owner, user) in [(bob_id, ada_id), (eve_id, ada_id), (ada_id, bob_id)] {
        shared.core.add_contact(None, owner, user, named()).await.unwrap();
    }
    let told = Told::by(&shared);
    call(&ada, &message("hello", peer(&ada, group), 1)).await.unwrap();
    let events = told.boxes(group);
    let [event] = &events[..] else { panic!("not one event") };
    let event = FanOut::new(&shared, group, event);
    let mutual = |viewer| {
        let shown = event.to(viewer).encode(230).unwrap();
        let enums::Updates::Updates(shown) = tl::from_bytes(&shown, 230).unwrap() else {
            panic!("no updates")
        };
        let [enums::User::User(user)] = &shown.users[..] else { panic!("{shown:?}") };
        assert!(user.contact && user.phone.is_none());
        user.mutual_contact
    };
    assert_eq!((mutual(bob_id), mutual(eve_id), event.shapes()), (true, false, 2));
    shared.core.add_contact(None, ada_id, eve_id, named()).await.unwrap();
    assert_eq!((mutual(bob_id), mutual(eve_id), event.shapes()), (true, true, 1));
}
