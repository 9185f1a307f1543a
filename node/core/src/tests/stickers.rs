//! Features 99 and 100: sets of stickers, custom emoji, saved GIFs.

use super::world::{Member, World, now, outgoing};
use crate::*;

impl World {
    /// A file that a member has uploaded.
    async fn file(&self, owner: Member, mime: &str, is: Vec<DocumentAttribute>) -> FileId {
        let id = FileId(self.number());
        let document = Document {
            id,
            owner: owner.id,
            date: 1,
            mime_type: mime.into(),
            size: 1000,
            blob: BlobId([id.0 as u8; 32]),
            attributes: is,
            thumbs: Vec::new(),
            stripped: Vec::new(),
        };
        self.core.add_document(document).await.unwrap();
        id
    }

    async fn webp(&self, owner: Member) -> FileId {
        let size = DocumentAttribute::ImageSize { width: 512, height: 512 };
        self.file(owner, "image/webp", vec![size]).await
    }

    pub(super) async fn set(&self, owner: Member, name: &str, kind: SetKind) -> StickerSet {
        let stickers =
            vec![sticker(self.webp(owner).await, "😀"), sticker(self.webp(owner).await, "🔥😀")];
        self.core
            .create_sticker_set(owner.actor(), owner.id, new(name, kind, stickers))
            .await
            .unwrap()
    }

    /// Files that nothing keeps are gone.
    async fn collected(&self) {
        self.pass_s(2);
        self.core.collect_files(self.core.now(), false).await.unwrap();
    }

    fn has(&self, file: FileId) -> bool {
        self.core.document(file).unwrap().is_some()
    }
}

fn sticker(document: FileId, emoji: &str) -> NewSticker {
    NewSticker { document, emoji: emoji.into(), keywords: "smile, Happy".into(), mask: None }
}

fn new(name: &str, kind: SetKind, stickers: Vec<NewSticker>) -> NewSet {
    let (title, short_name) = (format!("Set {name}"), name.to_owned());
    NewSet { title, short_name, kind, text_color: false, stickers, thumb: None }
}

pub(super) fn files(set: &StickerSet) -> Vec<FileId> {
    set.stickers.iter().map(|sticker| sticker.document).collect()
}

#[tokio::test]
async fn a_set_is_made_changed_and_ended() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let core = world.core.clone();
    let set = world.set(ada, "Birds", SetKind::Stickers).await;
    let [first, second] = files(&set)[..] else { panic!("{set:?}") };
    assert_eq!(set.packs(), [("😀".into(), vec![first, second]), ("🔥".into(), vec![second])]);
    assert_eq!(core.set_of_sticker(first).unwrap(), Some(set.id), "the file says so");
    assert_eq!(core.sticker_set(&SetName::Short("birds".into())).unwrap(), set, "in any case");
    let taken = core.create_sticker_set(
        bob.actor(),
        bob.id,
        new("BIRDS", SetKind::Stickers, vec![sticker(world.webp(bob).await, "😀")]),
    );
    assert!(matches!(taken.await, Err(CoreError::Sticker(StickerError::NameOccupied))));
    assert_eq!(core.suggest_set_name("Birds").unwrap(), "Birds_1");
    let (actor, name) = (ada.actor(), SetName::Id(set.id));
    let moved = core.move_sticker(actor, ada.id, second, 0).await.unwrap();
    assert_eq!(files(&moved), [second, first]);
    assert_ne!(moved.version, set.version, "clients see that it is another");
    let foreign = core.move_sticker(bob.actor(), bob.id, second, 0).await;
    assert!(matches!(foreign, Err(CoreError::Sticker(StickerError::UnknownSticker))));
    let text = world.file(ada, "text/plain", Vec::new()).await;
    let bad = core.add_sticker(actor, ada.id, name.clone(), sticker(text, "😀")).await;
    assert!(matches!(bad, Err(CoreError::Sticker(StickerError::FileInvalid))));
    // Of another set, or somebody else's: the same bytes under another number.
    let theirs = world.webp(bob).await;
    let added = core.add_sticker(actor, ada.id, name.clone(), sticker(theirs, "👀")).await.unwrap();
    let copy = files(&added)[2];
    assert_ne!(copy, theirs);
    assert_eq!(core.set_of_sticker(theirs).unwrap(), None);
    let without = core.remove_sticker(actor, ada.id, first).await.unwrap();
    assert_eq!(files(&without), [second, copy]);
    assert_eq!(core.set_of_sticker(first).unwrap(), None);
    let renamed = core.rename_sticker_set(actor, ada.id, name.clone(), "Owls".into()).await;
    assert_eq!(renamed.unwrap().title, "Owls");
    let changed =
        core.change_sticker(actor, ada.id, second, Some("🎉".into()), None, None).await.unwrap();
    assert_eq!(changed.stickers[0].emoji, ["🎉"]);
    world.collected().await;
    assert!(!world.has(first) && world.has(second) && world.has(copy), "a set keeps its files");
    let world = world.crash();
    assert_eq!(world.core.own_sets(ada.id).await.unwrap().len(), 1);
    let foreign = world.core.delete_sticker_set(bob.actor(), bob.id, name.clone()).await;
    assert!(matches!(foreign, Err(CoreError::Sticker(StickerError::UnknownSet))));
    world.core.delete_sticker_set(actor, ada.id, name.clone()).await.unwrap();
    assert!(world.core.sticker_set(&name).is_err());
    assert!(world.core.installed_sets(ada.id, SetKind::Stickers).unwrap().is_empty());
    assert!(world.core.check_set_name("Birds").is_ok());
    world.collected().await;
    assert!(!world.has(second) && !world.has(copy));
}

#[tokio::test]
async fn sets_are_installed_ordered_and_archived() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let core = world.core.clone();
    let mut sets = Vec::new();
    for name in ["Owls", "Rooks", "Wrens"] {
        sets.push(world.set(ada, name, SetKind::Stickers).await);
    }
    let emoji = world.set(ada, "Marks", SetKind::Emoji).await;
    let listed = |core: &Core| -> Vec<i64> {
        let found = core.installed_sets(bob.id, SetKind::Stickers).unwrap();
        found.iter().map(|installed| installed.set.id).collect()
    };
    assert!(listed(&core).is_empty(), "others' sets are not installed");
    for set in sets.iter().chain([&emoji]) {
        let name = SetName::Short(set.short_name.clone());
        core.install_set(bob.actor(), bob.id, name, false).await.unwrap();
    }
    let [owls, rooks, wrens] = [sets[0].id, sets[1].id, sets[2].id];
    assert_eq!(listed(&core), [wrens, rooks, owls], "the newest first");
    core.reorder_sets(bob.actor(), bob.id, SetKind::Stickers, vec![owls, wrens]).await.unwrap();
    assert_eq!(listed(&core), [owls, wrens, rooks]);
    core.install_set(bob.actor(), bob.id, SetName::Id(wrens), true).await.unwrap();
    assert_eq!(listed(&core), [owls, rooks]);
    let archived = core.archived_sets(bob.id, SetKind::Stickers).unwrap();
    assert_eq!(archived[0].set.id, wrens);
    assert!(core.set_flags(bob.id, &sets[2]).unwrap().archived);
    core.uninstall_set(bob.actor(), bob.id, SetName::Id(owls)).await.unwrap();
    core.delete_sticker_set(ada.actor(), ada.id, SetName::Id(rooks)).await.unwrap();
    let world = world.reopen();
    assert_eq!(listed(&world.core), [0i64; 0], "what is gone is in no list");
    assert_eq!(world.core.installed_sets(bob.id, SetKind::Emoji).unwrap()[0].set, emoji);
    let found = world.core.search_sets(SetKind::Stickers, "wren").await.unwrap();
    assert_eq!(found.len(), 1);
    let found = world.core.search_stickers(SetKind::Emoji, &["🔥".into()], "").await.unwrap();
    assert_eq!(found, [Found { document: emoji.stickers[1].document, set: emoji.id }]);
    let found = world.core.search_stickers(SetKind::Stickers, &[], "happy").await.unwrap();
    assert_eq!(found.len(), 4);
}

#[tokio::test]
async fn what_is_kept_at_hand_is_not_collected() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let core = world.core.clone();
    let sticker = || DocumentAttribute::Sticker { mask: false, alt: "😀".into(), set: None };
    let gif = world.file(ada, "video/mp4", vec![DocumentAttribute::Animated]).await;
    let plain = world.file(ada, "video/mp4", Vec::new()).await;
    let mut stickers = Vec::new();
    for _ in 0..=FAVED_MAX {
        stickers.push(world.file(ada, "image/webp", vec![sticker()]).await);
    }
    core.keep(ada.actor(), ada.id, Kept::Gifs, gif, true).await.unwrap();
    let no_gif = core.keep(ada.actor(), ada.id, Kept::Gifs, plain, true).await;
    assert!(matches!(no_gif, Err(CoreError::Sticker(StickerError::NoGif))));
    for file in &stickers {
        core.keep(ada.actor(), ada.id, Kept::Faved, *file, true).await.unwrap();
    }
    let faved: Vec<FileId> =
        core.kept(ada.id, Kept::Faved).unwrap().into_iter().map(|(file, _)| file).collect();
    let expected: Vec<FileId> = stickers.iter().skip(1).rev().copied().collect();
    assert_eq!(faved, expected, "the oldest made room");
    core.keep(ada.actor(), ada.id, Kept::Recent, stickers[1], true).await.unwrap();
    core.keep(ada.actor(), ada.id, Kept::Faved, stickers[1], false).await.unwrap();
    world.collected().await;
    let there: Vec<bool> = stickers.iter().map(|file| world.has(*file)).collect();
    assert_eq!(there, [false, true, true, true, true, true]);
    assert!(world.has(gif) && !world.has(plain));
    core.clear_kept(ada.actor(), ada.id, Kept::Recent).await.unwrap();
    core.keep(ada.actor(), ada.id, Kept::Gifs, gif, false).await.unwrap();
    world.collected().await;
    assert!(!world.has(gif) && !world.has(stickers[1]));
}

/// An attribute of a sticker in no set.
fn alone() -> DocumentAttribute {
    DocumentAttribute::Sticker { mask: false, alt: "😀".into(), set: None }
}

/// A message that shows a file that is there.
fn shows(to: Member, random_id: i64, file: FileId) -> Outgoing {
    let file = OutgoingFile::Known { file, spoiler: false };
    let media = Some(OutgoingMedia { file, fingerprint: [random_id as u8; 16] });
    Outgoing { media, ..outgoing(to, "caption", random_id) }
}

#[tokio::test]
async fn a_file_that_lies_in_a_message_stays_as_it_was_sent() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let core = world.core.clone();
    let sent = world.webp(ada).await;
    let before = core.document(sent).unwrap();
    let message = world.try_send(ada, shows(bob, world.number(), sent)).await.unwrap();
    let stickers = vec![sticker(sent, "😀"), sticker(world.webp(ada).await, "🔥")];
    let made = new("Owls", SetKind::Emoji, stickers);
    let set = core.create_sticker_set(ada.actor(), ada.id, made).await.unwrap();
    let [copy, own] = files(&set)[..] else { panic!("{set:?}") };
    assert_ne!(copy, sent);
    assert_eq!(core.document(sent).unwrap(), before);
    assert_eq!(core.set_of_sticker(copy).unwrap(), Some(set.id));
    // Nothing else keeps it: no copy is needed.
    assert_eq!(core.held(own).unwrap(), Some(1));
    // What shows it no longer is no reason either.
    world.delete(ada, &[message.id], true).await;
    let added = core.add_sticker(ada.actor(), ada.id, SetName::Id(set.id), sticker(sent, "🎉"));
    assert_eq!(files(&added.await.unwrap())[2], sent);
}

#[tokio::test]
async fn a_set_of_too_many_words_is_refused_and_the_node_goes_on() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let core = world.core.clone();
    // As long as emoji and words may be, in an alphabet of two bytes a letter.
    let family = |n| format!("{}\u{200d}👩🏽\u{200d}👨🏽\u{200d}👧🏽", char::from_u32(n).unwrap());
    let emoji: String = (0x1f600..0x1f614).map(family).collect();
    let keywords = "Совушка,".repeat(100);
    let full = |document| {
        let (emoji, keywords) = (emoji.clone(), keywords.clone());
        NewSticker { document, emoji, keywords, mask: None }
    };
    let mut all = Vec::new();
    for _ in 0..120 {
        all.push(full(world.webp(ada).await));
    }
    let at_once = new("Owls", SetKind::Stickers, all.clone());
    let refused = core.create_sticker_set(ada.actor(), ada.id, at_once).await;
    assert!(matches!(refused, Err(CoreError::Sticker(StickerError::TooMany))), "{refused:?}");
    assert!(core.check_set_name("Owls").is_ok(), "nothing is left of it");
    let mut rest = all.into_iter();
    let first = new("Owls", SetKind::Stickers, rest.by_ref().take(1).collect());
    let mut set = core.create_sticker_set(ada.actor(), ada.id, first).await.unwrap();
    let refused = loop {
        let sticker = rest.next().expect("fewer than 120 fit");
        match core.add_sticker(ada.actor(), ada.id, SetName::Id(set.id), sticker).await {
            Ok(longer) => set = longer,
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, CoreError::Sticker(StickerError::TooMany)), "{refused:?}");
    assert!(set.stickers.len() > 40, "{}", set.stickers.len());
    world.send(ada, bob, "still there").await;
    let world = world.reopen();
    assert_eq!(world.core.sticker_set(&SetName::Id(set.id)).unwrap(), set);
}

#[tokio::test]
async fn a_set_that_is_gone_leaves_the_lists() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let core = world.core.clone();
    let mut ids = Vec::new();
    for name in ["Owls", "Rooks", "Wrens", "Jays", "Gulls"] {
        let set = world.set(ada, name, SetKind::Stickers).await;
        core.install_set(bob.actor(), bob.id, SetName::Id(set.id), false).await.unwrap();
        ids.push(set.id);
    }
    let [owls, rooks, wrens, jays, gulls] = ids[..] else { panic!() };
    let uninstall = async |id: i64| core.uninstall_set(bob.actor(), bob.id, SetName::Id(id)).await;
    let unknown =
        |done: CoreResult<()>| matches!(done, Err(CoreError::Sticker(StickerError::UnknownSet)));
    core.delete_sticker_set(ada.actor(), ada.id, SetName::Id(rooks)).await.unwrap();
    uninstall(rooks).await.unwrap();
    assert!(unknown(uninstall(rooks).await), "it is in no list any more");
    // Or with whatever is written next.
    core.delete_sticker_set(ada.actor(), ada.id, SetName::Id(owls)).await.unwrap();
    core.reorder_sets(bob.actor(), bob.id, SetKind::Stickers, vec![wrens]).await.unwrap();
    assert!(unknown(uninstall(owls).await));
    // One that is gone does not stop the others.
    let listed = |core: &Core, archived: bool| -> Vec<i64> {
        let of = if archived { Core::archived_sets } else { Core::installed_sets };
        let found = of(core, bob.id, SetKind::Stickers).unwrap();
        found.iter().map(|installed| installed.set.id).collect()
    };
    assert_eq!(listed(&core, false), [wrens, gulls, jays]);
    let toggle = async |sets: &[i64], how| {
        let names = sets.iter().map(|id| SetName::Id(*id)).collect();
        core.toggle_sets(bob.actor(), bob.id, names, how).await.unwrap();
    };
    toggle(&[owls, gulls, jays, gulls], Toggle::Archive).await;
    assert_eq!((listed(&core, false), listed(&core, true)), (vec![wrens], vec![gulls, jays]));
    toggle(&[owls, jays], Toggle::Unarchive).await;
    assert_eq!((listed(&core, false), listed(&core, true)), (vec![jays, wrens], vec![gulls]));
    core.delete_sticker_set(ada.actor(), ada.id, SetName::Id(jays)).await.unwrap();
    toggle(&[owls, jays, gulls], Toggle::Uninstall).await;
    assert_eq!((listed(&core, false), listed(&core, true)), (vec![wrens], Vec::new()));
    assert!(unknown(uninstall(jays).await));
}

#[tokio::test]
async fn what_is_sent_is_at_hand() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let core = world.core.clone();
    let [first, second] = [
        world.file(ada, "image/webp", vec![alone()]).await,
        world.file(ada, "image/webp", vec![alone()]).await,
    ];
    let gif = world.file(ada, "video/mp4", vec![DocumentAttribute::Animated]).await;
    let with_stickers = vec![DocumentAttribute::Animated, DocumentAttribute::HasStickers];
    let with_stickers = world.file(ada, "video/mp4", with_stickers).await;
    let plain = world.file(ada, "video/mp4", Vec::new()).await;
    let emoji = files(&world.set(ada, "Marks", SetKind::Emoji).await)[0];
    world.recorder.take();
    let mut sent = Vec::new();
    for file in [first, second, gif, with_stickers, plain, emoji, first] {
        let message = shows(bob, world.number(), file);
        sent.push(world.try_send(ada, message).await.unwrap());
    }
    let kept = |owner: Member, what| -> Vec<FileId> {
        core.kept(owner.id, what).unwrap().into_iter().map(|(file, _)| file).collect()
    };
    assert_eq!(kept(ada, Kept::Recent), [first, second]);
    assert_eq!(kept(ada, Kept::Gifs), [gif]);
    assert_eq!(core.held(second).unwrap(), Some(3), "two messages and the list");
    let told = world.recorder.take().into_iter().filter_map(|event| match event {
        Event::Own { owner, change, actor } => Some((owner, change, actor)),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    let by = |change| (ada.id, change, Some(ada.actor()));
    let (recent, gifs) = (Own::RecentStickers, Own::SavedGifs);
    assert_eq!(told, [recent.clone(), recent.clone(), gifs, recent].map(by));
    // Who gets one, or passes it on, has not chosen it.
    let (id, random_id) = (sent[0].message.twin, world.number());
    let how = ForwardHow::default();
    core.forward(bob.actor(), bob.id, ada.peer(), ada.peer(), vec![(id, random_id)], how)
        .await
        .unwrap();
    assert!(kept(bob, Kept::Recent).is_empty());
}

#[tokio::test]
async fn own_files_are_ones_own() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let core = world.core.clone();
    let file = world.file(ada, "image/webp", vec![alone()]).await;
    let set = world.set(ada, "Marks", SetKind::Emoji).await;
    let at = |viewer: Member, file: FileId, origin: Origin| {
        let reference = core.file_reference(viewer.id, file, origin);
        match core.check_reference(viewer.id, file, core.file_access_hash(file), &reference) {
            Ok(found) => found == origin,
            Err(CoreError::ReferenceExpired) => false,
            Err(other) => panic!("{other:?}"),
        }
    };
    assert!(at(ada, file, Origin::Own) && !at(bob, file, Origin::Own));
    core.keep(bob.actor(), bob.id, Kept::Faved, file, true).await.unwrap();
    assert!(at(bob, file, Origin::Own));
    core.keep(bob.actor(), bob.id, Kept::Faved, file, false).await.unwrap();
    assert!(!at(bob, file, Origin::Own));
    // Everybody loads an emoji, also one that is in no set any more; and nothing else in this way.
    let emoji = files(&set)[0];
    assert!(at(bob, emoji, Origin::CustomEmoji));
    core.remove_sticker(ada.actor(), ada.id, emoji).await.unwrap();
    assert!(at(bob, emoji, Origin::CustomEmoji) && !at(bob, file, Origin::CustomEmoji));
}

#[tokio::test]
async fn searches_of_sets_let_others_run() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let core = world.core.clone();
    for n in 0..100 {
        let set = world.set(ada, &format!("Owls{n}"), SetKind::Stickers).await;
        core.install_set(bob.actor(), bob.id, SetName::Id(set.id), false).await.unwrap();
    }
    let emoji = ["😀".to_owned()];
    let mut sets = Box::pin(core.search_sets(SetKind::Stickers, "set OWLS99"));
    let mut stickers = Box::pin(core.search_stickers(SetKind::Stickers, &[], "hap"));
    let mut by_emoji = Box::pin(core.search_stickers(SetKind::Stickers, &emoji, ""));
    let mut installed = Box::pin(core.stickers_for(bob.id, "😀"));
    assert!(now(sets.as_mut()).is_none());
    assert!(now(stickers.as_mut()).is_none());
    assert!(now(by_emoji.as_mut()).is_none());
    assert!(now(installed.as_mut()).is_none());
    assert_eq!(sets.await.unwrap().len(), 1);
    assert_eq!(stickers.await.unwrap().len(), 200);
    assert_eq!(by_emoji.await.unwrap().len(), 200);
    assert_eq!(installed.await.unwrap().len(), 200);
    // What is said beyond the bound is not looked at.
    let many = ["owls"].repeat(8).join(" ") + " missing";
    assert_eq!(core.search_sets(SetKind::Stickers, &many).await.unwrap().len(), 100);
}
