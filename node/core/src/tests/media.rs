//! Files: references that end, quotas, and who keeps what.

use std::collections::BTreeMap;

use node_store::{Batch, Keyspace, Order, Store as _};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::world::{Member, World, full, outgoing, text};
use crate::*;

pub(super) fn document(owner: Member, id: i64, size: u64, content: u8) -> Document {
    Document {
        id: FileId(id),
        owner: owner.id,
        date: 5,
        mime_type: "text/plain".into(),
        size,
        blob: BlobId([content; 32]),
        attributes: vec![DocumentAttribute::Filename("a.txt".into())],
        thumbs: Vec::new(),
        stripped: Vec::new(),
    }
}

pub(super) fn photo(owner: Member, id: i64, content: u8) -> Photo {
    let size = PhotoSize {
        kind: b'a',
        width: 160,
        height: 160,
        size: 10,
        blob: BlobId([content; 32]),
        progressive: Vec::new(),
    };
    let (id, owner, date) = (FileId(id), owner.id, 5);
    Photo { id, owner, date, sizes: vec![size], stripped: Vec::new(), has_stickers: false }
}

fn with_media(message: Outgoing, file: OutgoingFile, print: u8) -> Outgoing {
    let media = Some(OutgoingMedia { file, fingerprint: [print; 16] });
    Outgoing { media, ..message }
}

fn new(document: Document) -> OutgoingFile {
    OutgoingFile::NewDocument { document, spoiler: false }
}

fn sends(from: Member, to: Member, random_id: i64, id: i64, content: u8) -> Outgoing {
    with_media(outgoing(to, "caption", random_id), new(document(from, id, 10, content)), content)
}

#[tokio::test]
async fn line_60_references_end_after_a_day_or_two() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let sent = world.try_send(ada, sends(ada, bob, 1, 77, 1)).await.unwrap();
    let file = FileId(77);
    let hash = world.core.file_access_hash(file);
    let check = |core: &Core, viewer: Member, reference: &[u8]| {
        core.check_reference(viewer.id, file, hash, reference)
    };
    let own = world.core.file_reference(ada.id, file, Origin::Message(sent.id));
    let origin = Origin::Message(sent.message.twin);
    let theirs = world.core.file_reference(bob.id, file, origin);
    assert_eq!(check(&world.core, bob, &theirs).unwrap(), origin);
    let stolen = check(&world.core, bob, &own);
    assert!(matches!(stolen, Err(CoreError::ReferenceInvalid)), "{stolen:?}");
    let elsewhere = world.core.file_reference(bob.id, file, Origin::Message(MessageId(999)));
    let elsewhere = check(&world.core, bob, &elsewhere);
    assert!(matches!(elsewhere, Err(CoreError::ReferenceExpired)), "{elsewhere:?}");
    // Clients compare what they have: the same for a while.
    world.pass_s(1);
    assert_eq!(world.core.file_reference(bob.id, file, origin), theirs);
    world.pass_s(u64::from(FILE_REFERENCE_S.unsigned_abs()) - 1);
    assert!(check(&world.core, bob, &theirs).is_ok());
    world.pass_s(3601);
    let late = check(&world.core, bob, &theirs);
    assert!(matches!(late, Err(CoreError::ReferenceExpired)), "{late:?}");
    let fresh = world.core.file_reference(bob.id, file, origin);
    assert!(check(&world.core, bob, &fresh).is_ok());
    let end = 2 + 8 + 3;
    for at in 0..fresh.len() {
        let mut bad = fresh.clone();
        bad[at] ^= 1;
        assert!(check(&world.core, bob, &bad).is_err(), "byte {at} of {end}");
    }
    // The message is edited: another file is there.
    let media = OutgoingMedia { file: new(document(ada, 78, 10, 2)), fingerprint: [2; 16] };
    let edit = Edit { text: None, media: Some(media), drops_media: false, invert_media: false };
    world.core.edit(ada.actor(), ada.id, bob.peer(), sent.id, edit).await.unwrap();
    let gone = check(&world.core, bob, &fresh);
    assert!(matches!(gone, Err(CoreError::ReferenceExpired)), "{gone:?}");
}

#[tokio::test]
async fn line_60_profile_photos_are_only_those_of_the_profile() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let set = ProfilePhoto::New(photo(ada, 5, 1));
    world.core.set_profile_photo(ada.actor(), ada.id, set, false).await.unwrap();
    world.core.add_photo(photo(ada, 6, 2)).await.unwrap();
    let check = |id: i64| {
        let file = FileId(id);
        let reference = world.core.file_reference(bob.id, file, Origin::Profile(ada.id));
        world.core.check_reference(bob.id, file, world.core.file_access_hash(file), &reference)
    };
    assert!(check(5).is_ok());
    assert!(matches!(check(6), Err(CoreError::ReferenceExpired)), "never shown there");
    world.core.delete_profile_photos(ada.actor(), ada.id, vec![FileId(5)]).await.unwrap();
    assert!(matches!(check(5), Err(CoreError::ReferenceExpired)));
    let unknown = ProfilePhoto::Known(FileId(6));
    let refused = world.core.set_profile_photo(ada.actor(), ada.id, unknown, false).await;
    assert!(matches!(refused, Err(CoreError::FileInvalid)), "{refused:?}");
}

#[tokio::test]
async fn what_is_kept_by_nothing_goes_after_a_while() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let first = world.try_send(ada, sends(ada, bob, 1, 71, 1)).await.unwrap();
    // The same content twice: its blob stays as long as one of them.
    let second = world.try_send(ada, sends(ada, bob, 2, 72, 1)).await.unwrap();
    world.core.add_document(document(ada, 73, 10, 3)).await.unwrap();
    let stored = |core: &Core| core.stored(ada.id).unwrap();
    assert_eq!(stored(&world.core), StoredBytes { member_bytes: 30, node_bytes: 20 });
    world.delete(ada, &[first.id], true).await;
    let now = i32::try_from(world.core.now_ms() / 1000).unwrap();
    let due = |core: Core, before| async move { core.collect_files(before, false).await.unwrap() };
    assert_eq!(due(world.core.clone(), now).await, Collected::default(), "too early");
    world.pass_s(100);
    let dry = world.core.collect_files(now + 50, true).await.unwrap();
    assert_eq!((dry.files, dry.blobs.len()), (2, 0));
    let gone = due(world.core.clone(), now + 50).await;
    assert_eq!((gone.files, gone.blobs.as_slice()), (2, &[BlobId([3; 32])][..]));
    assert_eq!(stored(&world.core), StoredBytes { member_bytes: 10, node_bytes: 10 });
    assert_eq!(world.core.blobs_after(None).unwrap(), [BlobId([1; 32])]);
    assert_eq!(world.core.blobs_after(Some(BlobId([1; 32]))).unwrap(), []);
    // One side deletes it: the other still has it.
    world.delete(ada, &[second.id], false).await;
    world.pass_s(100);
    assert_eq!(due(world.core.clone(), i32::MAX).await.files, 0);
    world.delete(bob, &[second.message.twin], false).await;
    world.pass_s(1);
    assert_eq!(due(world.core.clone(), i32::MAX).await.blobs, [BlobId([1; 32])]);
    assert_eq!(stored(&world.core), StoredBytes::default());
}

/// Random life with files; then who keeps what is counted anew.
struct Life {
    world: World,
    rng: StdRng,
    members: Vec<Member>,
    chats: Vec<ChatId>,
    next_file: i64,
}

impl Life {
    async fn new(seed: u64) -> Self {
        let mut world = World::new().await;
        let mut members = Vec::new();
        for name in ["Ada", "Bob", "Cyd", "Dan"] {
            members.push(world.member(name).await);
        }
        let mut chats = Vec::new();
        for title in ["Harbour", "Boats"] {
            let others = members[1..].iter().map(|member| member.id).collect();
            let (actor, owner) = (members[0].actor(), members[0].id);
            chats.push(world.core.create_chat(actor, owner, title, others, 0).await.unwrap().chat);
        }
        Self { world, rng: StdRng::seed_from_u64(seed), members, chats, next_file: 1 }
    }

    fn member(&mut self) -> Member {
        self.members[self.rng.random_range(0..self.members.len())]
    }

    /// Anybody, oneself, or a group.
    fn peer(&mut self) -> PeerId {
        match self.rng.random_range(0..self.members.len() + self.chats.len()) {
            at if at < self.members.len() => self.members[at].peer(),
            at => self.chats[at - self.members.len()].into(),
        }
    }

    fn file(&mut self, owner: Member) -> OutgoingFile {
        let id = self.next_file;
        if id > 4 && self.rng.random_bool(0.4) {
            let file = FileId(self.rng.random_range(1..id));
            return OutgoingFile::Known { file, spoiler: false };
        }
        self.next_file += 1;
        // Few contents, so that files share them; one content has one size.
        let content = self.rng.random_range(1..6);
        match self.rng.random_range(0..2) {
            0 => OutgoingFile::NewPhoto { photo: photo(owner, id, content), spoiler: false },
            _ => new(document(owner, id, 10, content)),
        }
    }

    /// A message that the member has, if there is one.
    async fn message(&mut self, of: Member) -> Option<(MessageId, Message)> {
        let rows = self.world.rows(of).into_iter();
        let all: Vec<_> = rows
            .filter_map(|(pts, row)| match row {
                BoxRow::Message(message) if message.action.is_none() => {
                    Some((MessageId(pts.0), message))
                }
                _ => None,
            })
            .collect();
        if all.is_empty() { None } else { Some(all[self.rng.random_range(0..all.len())].clone()) }
    }

    /// Does something; what is refused is refused.
    async fn step(&mut self) {
        let (from, to, number) = (self.member(), self.peer(), self.world.number());
        let core = self.world.core.clone();
        let now = i32::try_from(core.now_ms() / 1000).unwrap();
        match self.rng.random_range(0..100) {
            0..30 => {
                let file = self.file(from);
                let message = with_media(Outgoing::text(to, text("x"), number), file, 1);
                drop(core.send(from.actor(), from.id, message).await);
            }
            30..38 => {
                let album = (0..3).map(|_| {
                    let number = self.world.number();
                    let file = self.file(from);
                    let message = Outgoing::text(to, text("x"), number);
                    Outgoing { grouped_id: 5, ..with_media(message, file, 1) }
                });
                let album = album.collect();
                drop(core.send_album(from.actor(), from.id, album).await);
            }
            38..50 => {
                let Some((id, message)) = self.message(from).await else { return };
                let (ids, how) = (vec![(id, number)], ForwardHow::default());
                drop(core.forward(from.actor(), from.id, message.peer, to, ids, how).await);
            }
            50..62 => {
                let Some((id, message)) = self.message(from).await else { return };
                let media = OutgoingMedia { file: self.file(from), fingerprint: [2; 16] };
                let media = Some(media);
                let edit = Edit { text: None, media, drops_media: false, invert_media: false };
                drop(core.edit(from.actor(), from.id, message.peer, id, edit).await);
            }
            62..80 => {
                let Some((id, _)) = self.message(from).await else { return };
                let revoke = self.rng.random_bool(0.5);
                core.delete(from.actor(), from.id, vec![id], revoke).await.unwrap();
            }
            80..84 => {
                let file = self.file(from);
                let message = with_media(Outgoing::text(to, text("x"), number), file, 3);
                let when = When { date: now + self.rng.random_range(1..500), repeat: 0 };
                drop(core.schedule(from.actor(), from.id, message, when).await);
            }
            84..88 => {
                let waiting = core.scheduled_history(from.id, to).await.unwrap();
                let ids = waiting.iter().map(|scheduled| scheduled.id).collect();
                match self.rng.random_range(0..2) {
                    0 => drop(core.delete_scheduled(from.actor(), from.id, to, ids).await),
                    _ => drop(core.send_scheduled(from.actor(), from.id, to, ids).await),
                }
            }
            88..91 => {
                let chat = self.chats[self.rng.random_range(0..self.chats.len())];
                let id = self.next_file;
                self.next_file += 1;
                let photo = self.rng.random_bool(0.8).then(|| ChatPhoto::New(photo(from, id, 9)));
                drop(core.edit_chat_photo(from.actor(), from.id, chat, photo).await);
            }
            91..94 => {
                let id = self.next_file;
                self.next_file += 1;
                let set = match self.rng.random_range(0..3) {
                    0 => ProfilePhoto::None,
                    _ => ProfilePhoto::New(photo(from, id, 8)),
                };
                let fallback = self.rng.random_bool(0.3);
                core.set_profile_photo(from.actor(), from.id, set, fallback).await.unwrap();
            }
            94..98 => {
                let chat = self.chats[self.rng.random_range(0..self.chats.len())];
                let other = self.member().id;
                match self.rng.random_range(0..2) {
                    0 => drop(core.remove_chat_user(from.actor(), from.id, chat, other).await),
                    _ => drop(core.add_chat_user(from.actor(), from.id, chat, other, 50).await),
                }
            }
            _ => {
                self.world.pass_s(100);
                core.tick().await.unwrap();
            }
        }
    }

    /// Who keeps each file, by looking at everything that shows one.
    async fn recount(&self) -> BTreeMap<FileId, u32> {
        let mut held: BTreeMap<FileId, u32> = BTreeMap::new();
        let mut hold = |file: Option<FileId>| {
            if let Some(file) = file {
                *held.entry(file).or_default() += 1;
            }
        };
        for member in &self.members {
            for (_, row) in self.world.rows(*member) {
                let BoxRow::Message(message) = row else { continue };
                hold(message.media.as_ref().and_then(Media::file));
                if let Some(Action::ChatPhoto(photo)) = message.action {
                    hold(photo);
                }
            }
            let peers = self.members.iter().map(|member| member.peer());
            for peer in peers.chain(self.chats.iter().map(|chat| PeerId::from(*chat))) {
                let waiting = self.world.core.scheduled_history(member.id, peer).await.unwrap();
                for scheduled in waiting {
                    hold(scheduled.message.media.as_ref().and_then(Media::file));
                }
            }
            let photos = self.world.core.profile_photos(member.id, member.id).unwrap();
            photos.into_iter().for_each(|photo| hold(Some(photo)));
            hold(self.world.core.fallback_photo(member.id).unwrap());
        }
        for chat in &self.chats {
            hold(self.world.core.chat(*chat).unwrap().photo);
        }
        held
    }

    async fn check(&self) {
        let recount = self.recount().await;
        let (mut bytes, mut blobs) = (BTreeMap::<UserId, u64>::new(), BTreeMap::new());
        for id in 1..self.next_file {
            let file = FileId(id);
            let photo = self.world.core.photo(file).unwrap();
            let document = self.world.core.document(file).unwrap();
            let stored = self.world.core.held(file).unwrap();
            let counted = recount.get(&file).copied().unwrap_or(0);
            let record = match (photo, document) {
                (Some(photo), None) => Some((photo.owner, photo.sizes[0].blob)),
                (None, Some(document)) => Some((document.owner, document.blob)),
                _ => None,
            };
            assert_eq!(stored.unwrap_or(0), counted, "{file:?}");
            assert!(record.is_some() || counted == 0, "{file:?} is shown and not there");
            if let Some((owner, blob)) = record {
                *bytes.entry(owner).or_default() += 10;
                blobs.insert(blob, ());
            }
        }
        for member in &self.members {
            let stored = self.world.core.stored(member.id).unwrap();
            assert_eq!(stored.member_bytes, bytes.get(&member.id).copied().unwrap_or(0));
            assert_eq!(stored.node_bytes, 10 * blobs.len() as u64);
        }
        let known = self.world.core.blobs_after(None).unwrap();
        assert_eq!(known.len(), blobs.len());
        assert!(known.iter().all(|blob| blobs.contains_key(blob)));
    }
}

#[tokio::test]
async fn who_keeps_a_file_is_counted_right() {
    let (runs, steps) = if full() { (40, 1500) } else { (3, 300) };
    for seed in 0..runs {
        let mut life = Life::new(seed).await;
        for step in 0..steps {
            life.step().await;
            if step % 25 == 24 {
                life.check().await;
            }
            if step % 100 == 99 {
                // What nothing keeps goes, with exactly the blobs that no other file has.
                life.world.pass_s(10);
                let now = i32::try_from(life.world.core.now_ms() / 1000).unwrap();
                while life.world.core.collect_files(now - 5, false).await.unwrap().files > 0 {}
                life.check().await;
            }
        }
        let store = &life.world.disk;
        let rows = store.scan(Keyspace::FILES, &[], None, usize::MAX, Order::Ascending).unwrap();
        assert!(!rows.is_empty());
    }
}

/// Who left a group keeps what an edit took from the others; a deletion takes from each what it has.
#[tokio::test]
async fn what_is_shown_to_who_left_is_counted_apart() {
    let mut world = World::new().await;
    let (ada, eve) = (world.member("Ada").await, world.member("Eve").await);
    let core = world.core.clone();
    let chat = world.group(&[ada, eve]).await;
    let held = |id| core.held(FileId(id)).unwrap().unwrap();
    let say = async |id: i64| {
        let message = Outgoing::text(chat.into(), text("x"), world.number());
        let message = with_media(message, new(document(ada, id, 10, 1)), 1);
        core.send(ada.actor(), ada.id, message).await.unwrap().id
    };
    let edit = async |message, file| {
        let media = Some(OutgoingMedia { file, fingerprint: [2; 16] });
        let edit = Edit { text: None, media, drops_media: false, invert_media: false };
        core.edit(ada.actor(), ada.id, chat.into(), message, edit).await.unwrap();
    };
    let known = |id| OutgoingFile::Known { file: FileId(id), spoiler: false };
    let (first, second) = (say(1).await, say(2).await);
    assert_eq!((held(1), held(2)), (2, 2));
    core.remove_chat_user(ada.actor(), ada.id, chat, eve.id).await.unwrap();
    edit(first, known(2)).await;
    assert_eq!((held(1), held(2)), (1, 3));
    // Back again, she sees the next edit: what she had of the first goes.
    core.add_chat_user(ada.actor(), ada.id, chat, eve.id, 0).await.unwrap();
    edit(first, new(document(ada, 3, 10, 1))).await;
    assert_eq!((held(1), held(2), held(3)), (0, 2, 2));
    core.remove_chat_user(ada.actor(), ada.id, chat, eve.id).await.unwrap();
    edit(second, known(3)).await;
    assert_eq!((held(2), held(3)), (1, 3));
    world.delete(ada, &[second], true).await;
    assert_eq!((held(2), held(3)), (0, 2), "the first message still shows it, to both");
    world.delete(ada, &[first], true).await;
    assert_eq!(held(3), 0);
}

/// Rows of blobs were once the blob and a number. They are read at the next start, once.
#[tokio::test]
async fn rows_of_blobs_get_keyed_keys() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let add = async |world: &World, id: i64, content: u8| {
        world.core.add_document(document(ada, id, 10, content)).await.unwrap();
    };
    for (id, content) in [(1, 1), (2, 1), (3, 2)] {
        add(&world, id, content).await;
    }
    let all = |world: &World| {
        let rows = world.disk.scan(Keyspace::BLOBS, &[0], Some(&[1]), usize::MAX, Order::Ascending);
        rows.unwrap()
    };
    let today = all(&world);
    let mut old = Batch::new();
    for (key, _) in &today {
        old.delete(Keyspace::BLOBS, key);
    }
    for (content, files) in [(1, 2_u64), (2, 1)] {
        let key = [&[0][..], &[content; 32]].concat();
        old.put(Keyspace::BLOBS, &key, files.to_be_bytes().to_vec());
    }
    old.delete(Keyspace::SETTINGS, b"blobs_keyed");
    world.disk.commit_decided(old).unwrap();
    let world = world.reopen();
    assert_eq!(all(&world), today);
    // Goes on where a power cut ended it.
    let mut half = Batch::new();
    half.delete(Keyspace::SETTINGS, b"blobs_keyed");
    world.disk.commit_decided(half).unwrap();
    let world = world.reopen();
    assert_eq!(all(&world), today);
    // A file more, and less: the bytes that others have stay.
    add(&world, 4, 2).await;
    world.pass_s(10);
    let gone = world.core.collect_files(i32::MAX, false).await.unwrap();
    assert_eq!((gone.files, gone.blobs.len()), (4, 2));
    assert!(all(&world).is_empty());
}

#[tokio::test]
async fn quotas_are_of_a_member_and_of_all() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let world = world.with_quotas(Quotas { member_bytes: 100, node_bytes: 150 });
    let add = async |owner: Member, id: i64, size: u64, content: u8| {
        world.core.add_document(document(owner, id, size, content)).await
    };
    let full = |done: CoreResult<()>| matches!(done, Err(CoreError::QuotaExceeded));
    add(ada, 1, 90, 1).await.unwrap();
    assert!(full(add(ada, 2, 11, 2).await));
    add(ada, 3, 10, 3).await.unwrap();
    assert!(full(add(ada, 4, 1, 4).await));
    assert!(full(add(bob, 5, 51, 5).await), "the node is full");
    // Content that is there already takes no room of the node's.
    add(bob, 6, 90, 1).await.unwrap();
    assert!(full(add(bob, 7, 11, 3).await), "but of the member's");
    let refused = world.try_send(ada, sends(ada, bob, 1, 8, 8)).await;
    assert!(matches!(refused, Err(CoreError::QuotaExceeded)), "{refused:?}");
    assert_eq!(world.texts(ada, bob).await, Vec::<String>::new());
    // What comes with the node comes with a full one too, and what it fetches is nobody's share.
    let of_node = |id, size| Document { owner: UserId::SERVICE, ..document(ada, id, size, 9) };
    assert!(full(world.core.add_document(of_node(20, 51)).await));
    world.core.add_document(of_node(20, 50)).await.unwrap();
    world.core.bundle(of_node(21, 1 << 30)).await.unwrap();
}

fn web_page() -> WebPage {
    WebPage {
        id: WebPageId(0),
        url: "https://example.org/".into(),
        display_url: "example.org".into(),
        kind: "article".into(),
        site_name: String::new(),
        title: "Example".into(),
        description: String::new(),
        author: String::new(),
        photo: None,
        date: 0,
    }
}

/// A preview goes with the last message that shows it, and with it its picture.
#[tokio::test]
async fn previews_go_after_their_messages() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let core = world.core.clone();
    let now = || i32::try_from(core.now_ms() / 1000).unwrap();
    let due = async |before| core.collect_web_pages(before, false).await.unwrap();
    let picture = |id| Some(Photo { owner: UserId::SERVICE, ..photo(ada, id, 1) });
    let page = core.put_web_page(web_page(), picture(5)).await.unwrap();
    let shown =
        Media::WebPage { page: page.id, force_large: false, force_small: false, manual: false };
    let show = async |sent: MessageId| {
        core.show_web_page(ada.id, bob.peer(), sent, "example.org".into(), shown.clone())
            .await
            .unwrap();
    };
    let send = async || {
        let message = Outgoing::text(bob.peer(), text("example.org"), world.number());
        core.send(ada.actor(), ada.id, message).await.unwrap()
    };
    let first = send().await;
    show(first.id).await;
    let to = ForwardHow::default();
    let ids = vec![(first.id, world.number())];
    let second = core.forward(ada.actor(), ada.id, bob.peer(), bob.peer(), ids, to).await.unwrap();
    assert_eq!(due(i32::MAX).await, 0);
    // Fetched anew, with another picture: the same page, that they show.
    let again = core.put_web_page(web_page(), picture(6)).await.unwrap();
    assert_eq!((again.id, again.photo), (page.id, Some(FileId(6))));
    assert_eq!((core.held(FileId(5)).unwrap(), core.held(FileId(6)).unwrap()), (Some(0), Some(1)));
    world.delete(ada, &[first.id, second[0].id], false).await;
    assert_eq!(due(i32::MAX).await, 0, "Bob still sees it");
    world.delete(bob, &[first.message.twin], false).await;
    let since = now();
    world.delete(bob, &[second[0].message.twin], false).await;
    assert_eq!(due(since).await, 0, "too early");
    world.pass_s(10);
    // Asked for again, it waits again.
    core.put_web_page(web_page(), picture(7)).await.unwrap();
    assert_eq!(due(now()).await, 0);
    world.pass_s(10);
    assert_eq!(core.collect_web_pages(now(), true).await.unwrap(), 1);
    assert!(core.web_page_at("https://example.org/").unwrap().is_some());
    assert_eq!(due(now()).await, 1);
    assert_eq!(core.web_page_at("https://example.org/").unwrap(), None);
    assert_eq!(core.held(FileId(7)).unwrap(), Some(0));
    assert_eq!(due(i32::MAX).await, 0);
    // Nothing of it is left.
    let rows = || world.disk.scan(Keyspace::WEB_PAGES, &[], None, usize::MAX, Order::Ascending);
    assert_eq!(rows().unwrap(), []);
    // Pages of the time before they were counted: other messages may show them still.
    let old = core.put_web_page(web_page(), None).await.unwrap();
    let shown =
        Media::WebPage { page: old.id, force_large: false, force_small: false, manual: false };
    let sent = send().await;
    core.show_web_page(ada.id, bob.peer(), sent.id, "example.org".into(), shown).await.unwrap();
    let mut uncounted = Batch::new();
    for (key, row) in rows().unwrap() {
        // The count is the only short row beside the number that an address has.
        if row.len() < 8 {
            uncounted.delete(Keyspace::WEB_PAGES, &key);
        }
    }
    assert_eq!(uncounted.len(), 1);
    world.disk.commit_decided(uncounted).unwrap();
    world.delete(ada, &[sent.id], true).await;
    world.pass_s(10);
    assert_eq!(due(i32::MAX).await, 0);
    assert!(core.web_page_at("https://example.org/").unwrap().is_some());
}

/// The box of a deleted account goes, over a restart, and with it what only it kept.
#[tokio::test]
async fn a_deleted_account_keeps_no_files() {
    let mut world = World::new().await;
    let (_owner, ada) = (world.member("Olga").await, world.member("Ada").await);
    let bob = world.member("Bob").await;
    let (mut own, mut copies) = (Vec::new(), Vec::new());
    for at in 0..450 {
        let message = match at % 50 {
            7 => sends(ada, bob, at, 100 + at, 1),
            _ => Outgoing::text(bob.peer(), text("hello"), 1000 + at),
        };
        let sent = world.try_send(ada, message).await.unwrap();
        own.push(sent.id);
        copies.push(sent.message.twin);
    }
    let held = |world: &World| world.core.held(FileId(107)).unwrap();
    assert_eq!(held(&world), Some(2));
    world.delete(bob, &copies[..100], false).await;
    assert_eq!(held(&world), Some(1));
    world.core.delete_account(ada.id, ada.key, None).await.unwrap();
    // Each tick is a few commands; a restart comes between.
    world.core.tick().await.unwrap();
    let world = world.reopen();
    for _ in 0..10 {
        world.pass_s(2);
        world.core.tick().await.unwrap();
    }
    assert_eq!(held(&world), Some(0));
    assert!(own.iter().all(|id| world.core.message(ada.id, *id).unwrap().is_none()));
    // What others have they keep.
    assert_eq!(world.core.held(FileId(407)).unwrap(), Some(1));
    assert_eq!(world.texts(bob, ada).await.len(), 350);
}

/// An album that is forwarded is an album there too, and not one with another forward of it.
#[tokio::test]
async fn a_forwarded_album_is_another_album() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let core = world.core.clone();
    let album = (0..2).map(|n| Outgoing {
        grouped_id: 5,
        ..sends(ada, bob, n, 1 + n, n.unsigned_abs().to_le_bytes()[0] + 1)
    });
    let sent = core.send_album(ada.actor(), ada.id, album.collect()).await.unwrap();
    let mut seen = vec![5];
    // The last is the first repeated.
    for call in [10, 20, 10] {
        let ids = sent.iter().zip(call..).map(|(sent, random_id)| (sent.id, random_id)).collect();
        let (to, how) = (ada.peer(), ForwardHow::default());
        let there = core.forward(ada.actor(), ada.id, bob.peer(), to, ids, how).await.unwrap();
        let groups: Vec<i64> = there.iter().map(|sent| sent.message.grouped_id).collect();
        assert!(groups[0] != 0 && groups[0] == groups[1], "{groups:?}");
        assert_eq!(seen.get(1) == groups.first(), call == 10 && seen.len() == 3, "{seen:?}");
        seen.push(groups[0]);
    }
    assert!(!seen[1..].contains(&5) && seen[1] != seen[2], "{seen:?}");
}

/// What a group forbids comes neither as the preview of a link, nor by an edit.
#[tokio::test]
async fn what_a_group_forbids_comes_on_no_other_way() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let chat = world.group(&[ada, bob]).await;
    let core = world.core.clone();
    let page = core.put_web_page(web_page(), None).await.unwrap().id;
    let shown = Media::WebPage { page, force_large: false, force_small: false, manual: false };
    let has_it = |owner: Member, id| core.message(owner.id, id).unwrap().unwrap().media.is_some();
    let forbids = async |banned| {
        core.edit_chat_rights(ada.actor(), ada.id, chat, banned).await.unwrap();
    };
    let says = async |from: Member, said: &str| {
        let message = Outgoing::text(chat.into(), text(said), world.number());
        core.send(from.actor(), from.id, message).await.unwrap()
    };
    for (banned, writer, shows) in [
        (Some(Rights::EMBED_LINKS), bob, false),
        (None, ada, true),
        (Some(Rights::SEND_PHOTOS), bob, true),
    ] {
        if let Some(banned) = banned {
            forbids(banned).await;
        }
        let sent = says(writer, "example.org").await;
        // It says something else by now.
        core.show_web_page(writer.id, sent.message.peer, sent.id, "other".into(), shown.clone())
            .await
            .unwrap();
        assert!(!has_it(writer, sent.id));
        core.show_web_page(
            writer.id,
            sent.message.peer,
            sent.id,
            "example.org".into(),
            shown.clone(),
        )
        .await
        .unwrap();
        assert_eq!(has_it(writer, sent.id), shows, "{banned:?}");
    }

    let picture = |id| {
        let file = OutgoingFile::NewPhoto { photo: photo(bob, id, 7), spoiler: false };
        OutgoingMedia { file, fingerprint: [7; 16] }
    };
    let edit = async |message, id| {
        let media = Some(picture(id));
        let edit = Edit { text: None, media, drops_media: false, invert_media: false };
        core.edit(bob.actor(), bob.id, chat.into(), message, edit).await
    };
    let sent = says(bob, "a word").await;
    let refused = edit(sent.id, 70).await;
    assert!(matches!(refused, Err(CoreError::RightMissing(Rights::SEND_PHOTOS))), "{refused:?}");
    forbids(Rights::SEND_VIDEOS).await;
    assert!(edit(sent.id, 71).await.unwrap().message.media.is_some());
}
