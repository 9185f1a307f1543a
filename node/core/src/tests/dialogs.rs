//! What a member sets about dialogs, against a slow model of it.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::world::{Member, World, full};
use crate::*;

/// One dialog of the model.
#[derive(Debug, Default, Clone)]
struct Plain {
    /// (id, outgoing), oldest first.
    messages: Vec<(i32, bool)>,
    read: i32,
    archived: bool,
    marked: bool,
    muted: bool,
    draft: Option<String>,
    pinned_messages: BTreeSet<i32>,
}

impl Plain {
    fn unread(&self) -> i32 {
        self.messages.iter().filter(|(id, out)| !out && *id > self.read).count() as i32
    }

    fn top(&self) -> i32 {
        self.messages.last().map_or(0, |(id, _)| *id)
    }
}

struct Sim {
    world: World,
    rng: StdRng,
    ada: Member,
    others: Vec<Member>,
    dialogs: BTreeMap<PeerId, Plain>,
    pins: [Vec<PeerId>; 2],
}

const FOLDERS: [FolderId; 2] = [FolderId::Main, FolderId::Archive];

impl Sim {
    async fn new(seed: u64) -> Self {
        let mut world = World::new().await;
        world.member("Owner").await;
        let ada = world.member("Ada").await;
        let mut others = Vec::new();
        for n in 0..8 {
            others.push(world.member(&format!("Other {n}")).await);
        }
        let rng = StdRng::seed_from_u64(seed);
        Self { world, rng, ada, others, dialogs: BTreeMap::new(), pins: Default::default() }
    }

    fn some(&mut self) -> Member {
        self.others[self.rng.random_range(0..self.others.len())]
    }

    fn list(&self, archived: bool) -> usize {
        usize::from(archived)
    }

    fn unpin(&mut self, peer: PeerId) {
        for pins in &mut self.pins {
            pins.retain(|other| *other != peer);
        }
    }

    async fn step(&mut self) {
        let (ada, other) = (self.ada, self.some());
        let (actor, peer) = (ada.actor(), other.peer());
        let core = self.world.core.clone();
        let known = self.dialogs.contains_key(&peer);
        match self.rng.random_range(0..100) {
            0..25 => {
                let sent = self.world.send(other, ada, "hello").await;
                let dialog = self.dialogs.entry(peer).or_default();
                dialog.messages.push((sent.message.twin.0, false));
                // It leaves the archive, unless it is muted.
                if dialog.archived && !dialog.muted {
                    dialog.archived = false;
                    self.unpin(peer);
                }
            }
            25..35 => {
                let sent = self.world.send(ada, other, "you too").await;
                let dialog = self.dialogs.entry(peer).or_default();
                dialog.messages.push((sent.id.0, true));
            }
            35..42 => {
                let top = self.dialogs.get(&peer).map_or(0, Plain::top);
                let max_id = self.rng.random_range(0..=top);
                self.world.read(ada, other, MessageId(max_id)).await;
                if let Some(dialog) = self.dialogs.get_mut(&peer) {
                    let max_id = if max_id == 0 { top } else { max_id };
                    if dialog
                        .messages
                        .iter()
                        .any(|(id, out)| !out && *id > dialog.read && *id <= max_id)
                    {
                        dialog.read = dialog.read.max(max_id);
                    }
                    dialog.marked = false;
                }
            }
            42..48 => {
                // The whole history, then what was set about it.
                let ids: Vec<MessageId> = self
                    .dialogs
                    .get(&peer)
                    .map_or(Vec::new(), |d| d.messages.iter().map(|m| MessageId(m.0)).collect());
                self.world.delete(ada, &ids, false).await;
                core.forget_dialog(actor, ada.id, peer).await.unwrap();
                self.unpin(peer);
                if let Some(dialog) = self.dialogs.get_mut(&peer) {
                    dialog.messages.clear();
                    dialog.pinned_messages.clear();
                    (dialog.marked, dialog.draft) = (false, None);
                }
            }
            48..60 => {
                let pinned = self.rng.random_bool(0.7);
                let done = core.pin_dialog(actor, ada.id, peer, pinned).await;
                let Some(dialog) = self.dialogs.get(&peer) else {
                    assert!(matches!(done, Err(CoreError::UnknownUser)));
                    return;
                };
                let list = self.list(dialog.archived);
                let there = self.pins[list].contains(&peer);
                if pinned && !there {
                    if list == 0 && self.pins[0].len() == 5 {
                        assert!(matches!(done, Err(CoreError::TooManyPinned)));
                        return;
                    }
                    self.pins[list].insert(0, peer);
                } else if !pinned {
                    self.unpin(peer);
                }
                done.unwrap();
            }
            60..66 => {
                let list = self.rng.random_range(0..2);
                let mut order = self.pins[list].clone();
                if order.is_empty() {
                    return;
                }
                let (at, to) = (self.rng.random_range(0..order.len()), 0);
                order.swap(at, to);
                let force = self.rng.random_bool(0.5);
                if force {
                    order.pop();
                }
                let (kept, folder) = (order.clone(), FOLDERS[list]);
                core.reorder_pins(actor, ada.id, folder, order, force).await.unwrap();
                self.pins[list] = kept;
            }
            66..78 => {
                let archived = self.rng.random_bool(0.6);
                let folder = FOLDERS[self.list(archived)];
                let done = core.move_dialogs(actor, ada.id, vec![(peer, folder)]).await;
                assert_eq!(done.is_ok(), known);
                if let Some(dialog) = self.dialogs.get_mut(&peer)
                    && dialog.archived != archived
                {
                    dialog.archived = archived;
                    self.unpin(peer);
                }
            }
            78..84 => {
                let muted = self.rng.random_bool(0.5);
                let mute_until = Some(if muted { i32::MAX } else { 0 });
                let change = NotifySettings { mute_until, ..NotifySettings::default() };
                let target = NotifyTarget::Peer(peer);
                core.update_notify(actor, ada.id, target, change).await.unwrap();
                if known {
                    self.dialogs.get_mut(&peer).unwrap().muted = muted;
                } else {
                    // A dialog that there is not can be muted too; the model begins with messages.
                    let change = NotifySettings { mute_until: Some(0), ..Default::default() };
                    core.update_notify(actor, ada.id, target, change).await.unwrap();
                }
            }
            84..90 => {
                let marked = self.rng.random_bool(0.7);
                let done = core.mark_unread(actor, ada.id, peer, marked).await;
                match self.dialogs.get_mut(&peer) {
                    Some(dialog) => dialog.marked = marked,
                    None => assert_eq!(done.is_ok(), !marked),
                }
            }
            90..96 if known => {
                let words = self
                    .rng
                    .random_bool(0.7)
                    .then(|| format!("draft {}", self.rng.random_range(0..9)));
                let draft = words.clone().map(|text| Draft {
                    text,
                    entities: Vec::new(),
                    reply: None,
                    no_webpage: false,
                    invert_media: false,
                    date: 0,
                });
                core.save_draft(actor, ada.id, peer, draft).await.unwrap();
                self.dialogs.get_mut(&peer).unwrap().draft = words;
            }
            96..98 => {
                let world = std::mem::replace(&mut self.world, World::new().await);
                self.world = world.reopen();
            }
            _ => {
                let world = std::mem::replace(&mut self.world, World::new().await);
                self.world = world.crash();
            }
        }
    }

    /// A list in the order in which clients show it, counted anew.
    fn expected(&self, folder: Option<FolderId>, exclude_pinned: bool) -> Vec<PeerId> {
        let listed = |peer: &PeerId| self.dialogs.get(peer).is_some_and(|d| d.top() != 0);
        let pins = &self.pins[self.list(folder == Some(FolderId::Archive))];
        let pins: Vec<PeerId> = pins.iter().filter(|peer| listed(peer)).copied().collect();
        let mut others: Vec<(i32, PeerId)> = self
            .dialogs
            .iter()
            .filter(|(peer, dialog)| {
                listed(peer)
                    && !pins.contains(peer)
                    && folder.is_none_or(|f| (f == FolderId::Archive) == dialog.archived)
            })
            .map(|(peer, dialog)| (dialog.top(), *peer))
            .collect();
        others.sort_unstable();
        let others = others.into_iter().rev().map(|(_, peer)| peer);
        let pins = if exclude_pinned { Vec::new() } else { pins };
        pins.into_iter().chain(others).collect()
    }

    async fn check(&mut self) {
        let core = &self.world.core;
        for folder in [None, Some(FolderId::Main), Some(FolderId::Archive)] {
            for exclude_pinned in [false, true] {
                let expected = self.expected(folder, exclude_pinned);
                let limit = self.rng.random_range(1..5);
                let (mut found, mut after) = (Vec::new(), None);
                loop {
                    let query = DialogQuery { folder, exclude_pinned, after, limit };
                    let page = core.dialogs(self.ada.id, query).await.unwrap();
                    assert_eq!(page.count, expected.len(), "{folder:?} {exclude_pinned}");
                    let Some(last) = page.dialogs.last() else { break };
                    after = Some(DialogPlace { id: last.top, date: 0, peer: Some(last.peer) });
                    found.extend(page.dialogs);
                    assert!(found.len() <= expected.len(), "none comes twice");
                }
                let peers: Vec<PeerId> = found.iter().map(|dialog| dialog.peer).collect();
                assert_eq!(peers, expected, "{folder:?} {exclude_pinned}");
                for dialog in found {
                    let plain = &self.dialogs[&dialog.peer];
                    let list = self.list(plain.archived);
                    assert_eq!(
                        (
                            dialog.top.0,
                            dialog.unread,
                            dialog.unread_mark,
                            dialog.folder,
                            dialog.pinned,
                            dialog.notify.mute_until.is_some_and(|until| until > 0),
                            dialog.draft.map(|draft| draft.text),
                        ),
                        (
                            plain.top(),
                            plain.unread(),
                            plain.marked,
                            FOLDERS[list],
                            self.pins[list].contains(&dialog.peer),
                            plain.muted,
                            plain.draft.clone(),
                        )
                    );
                }
            }
        }
        let unread: i32 = self.dialogs.values().map(Plain::unread).sum();
        assert_eq!(core.state(self.ada.id).await.unwrap().unread, unread);
        let marks: BTreeSet<PeerId> =
            core.unread_marks(self.ada.id).await.unwrap().into_iter().collect();
        let marked = self.dialogs.iter().filter(|(_, dialog)| dialog.marked);
        assert_eq!(marks, marked.map(|(peer, _)| *peer).collect());
        let drafts = core.drafts(self.ada.id).unwrap().len();
        assert_eq!(drafts, self.dialogs.values().filter(|d| d.draft.is_some()).count());
    }
}

#[tokio::test]
async fn folders_pins_and_counters_equal_a_recount() {
    for seed in 0..if full() { 200 } else { 12 } {
        println!("seed {seed}");
        let mut sim = Sim::new(seed).await;
        for _ in 0..120 {
            sim.step().await;
            sim.check().await;
        }
    }
}

#[tokio::test]
async fn line_45_what_is_set_is_told_to_own_devices_only_and_without_a_pts() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    world.send(bob, ada, "hello").await;
    let (core, actor, peer) = (&world.core, ada.actor(), bob.peer());
    world.recorder.take();
    let before = world.pts(ada).await;
    core.mark_unread(actor, ada.id, peer, true).await.unwrap();
    core.mark_unread(actor, ada.id, peer, true).await.unwrap();
    core.pin_dialog(actor, ada.id, peer, true).await.unwrap();
    core.move_dialogs(actor, ada.id, vec![(peer, FolderId::Archive)]).await.unwrap();
    let filter = Filter { title: "Work".into(), contacts: true, ..Filter::default() };
    core.set_filter(actor, ada.id, FilterId(2), Some(filter.clone())).await.unwrap();
    core.order_filters(actor, ada.id, vec![FilterId(2), FilterId(0)]).await.unwrap();
    core.set_filter_tags(actor, ada.id, true).await.unwrap();
    let told: Vec<Own> = world
        .recorder
        .take()
        .into_iter()
        .map(|event| match event {
            Event::Own { owner, change, actor } => {
                assert_eq!((owner, actor), (ada.id, Some(ada.actor())));
                change
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let pts = world.pts(ada).await;
    assert_eq!(pts, before, "the box stays where it is");
    let folder = FolderId::Main;
    assert_eq!(
        told,
        [
            Own::UnreadMark { peer, unread: true },
            Own::Pinned { peer, folder, pinned: true },
            // Who moves is no longer pinned.
            Own::Pinned { peer, folder, pinned: false },
            Own::Folders { moved: vec![(peer, FolderId::Archive)], pts },
            Own::Filter(FilterId(2)),
            Own::FilterOrder,
            Own::Filters,
        ]
    );
    let filters = core.filters(ada.id).unwrap();
    assert_eq!(filters.filters, [(FilterId(2), Some(filter)), (FilterId(0), None)]);
    assert!(filters.tags);
}

#[tokio::test]
async fn folders_have_bounds() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let (core, actor) = (&world.core, ada.actor());
    let filter = |title: &str| Filter { title: title.into(), bots: true, ..Filter::default() };
    let set = async |id: u8, filter| core.set_filter(actor, ada.id, FilterId(id), filter).await;
    for id in 2..12 {
        set(id, Some(filter("x"))).await.unwrap();
    }
    let refused = |done: CoreResult<()>, why: FilterError| match done {
        Err(CoreError::Filter(error)) => assert_eq!(error, why),
        other => panic!("{other:?}"),
    };
    refused(set(12, Some(filter("x"))).await, FilterError::TooMany);
    set(11, Some(filter("y"))).await.unwrap();
    refused(set(1, Some(filter("x"))).await, FilterError::Unknown);
    refused(set(3, Some(filter(" "))).await, FilterError::TitleEmpty);
    refused(set(3, Some(filter("thirteen long"))).await, FilterError::TitleTooLong);
    let nothing = Filter { bots: false, exclude_read: true, ..filter("x") };
    refused(set(3, Some(nothing)).await, FilterError::TakesInNothing);
    let many = Filter { include: vec![PeerId::User(UserId(5)); 101], ..filter("x") };
    refused(set(3, Some(many)).await, FilterError::TooManyPeers);
    let unknown = vec![FilterId(40)];
    refused(core.order_filters(actor, ada.id, unknown).await, FilterError::Unknown);
    set(11, None).await.unwrap();
    set(12, Some(filter("x"))).await.unwrap();
    assert_eq!(core.filters(ada.id).unwrap().filters.len(), 11, "\"All chats\" among them");
}
