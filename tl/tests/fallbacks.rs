//! Whatever the newest layer can say is said to every older one, or is known not to be.

use std::collections::{BTreeMap, BTreeSet};

use tl::{Limits, Read, Reader, Write, WriteError, enums, functions, types};
use tl_gen::history::History;
use tl_gen::random::Generator;

/// Types with constructors that some layer does not have and that nothing stands for, by what
/// becomes of them there. Types of requests are not among them: clients write those.
const UNSAID: &[(&str, &[&str])] = &[
    (
        "left out of the vector that holds them",
        &[
            "ChannelAdminLogEvent",
            "DialogFilter",
            "DialogFilterSuggested",
            "EmojiGroup",
            "InlineQueryPeerType",
            "MediaArea",
            "MessageEntity",
            "PollAnswer",
            "PrepaidGiveaway",
            "PrivacyRule",
            "SavedDialog",
            "StoryView",
            "TopPeerCategoryPeers",
            "Update",
            "WebPageAttribute",
        ],
    ),
    ("dropped, being optional", &["MessageReplyHeader", "PeerColor", "PhoneCallDiscardReason"]),
    (
        "left out with the value around them, which is an element of a vector",
        &[
            "BotInlineMessage",
            "BotInlineResult",
            "ChannelAdminLogEventAction",
            "DialogPeer",
            "NotifyPeer",
            "PrivacyKey",
            "RequestPeerType",
            "TopPeerCategory",
        ],
    ),
    ("an update alone, which is then not sent", &["Updates"]),
    (
        "of communities, which only clients that know them ask for",
        &["Chat", "ChatFull", "ChatInvite", "Dialog"],
    ),
    (
        "answers to requests that only newer clients make",
        &[
            "EmojiStatus",
            "MessagesFilter",
            "StarGift",
            "StarsAmount",
            "StarsRevenueStatus",
            "payments.StarsRevenueStats",
            "payments.StarsStatus",
        ],
    ),
    (
        "a payment first: the server answers with an error",
        &["auth.SentCode", "payments.PaymentForm", "payments.PaymentReceipt"],
    ),
];

struct Entry {
    name: &'static str,
    /// Reads at the newest layer and writes at another; then whether that can be read there.
    turn: fn(&[u8], i32) -> Result<bool, WriteError>,
}

const fn entry<T: Read + Write>(name: &'static str) -> Entry {
    Entry { name, turn: turn::<T> }
}

const fn result<T: tl::Function>(name: &'static str) -> Entry {
    entry::<T::Result>(name)
}

fn turn<T: Read + Write>(bytes: &[u8], layer: i32) -> Result<bool, WriteError> {
    let value: T = read(bytes, tl::LAYER_MAX).expect("the generator made it for the newest layer");
    let bytes = tl::to_bytes(&value, layer)?;
    Ok(read::<T>(&bytes, layer).is_some())
}

fn read<T: Read>(bytes: &[u8], layer: i32) -> Option<T> {
    let mut reader = Reader::with_limits(bytes, layer, Limits::trusted());
    let value = T::read(&mut reader).ok()?;
    reader.finish().ok()?;
    Some(value)
}

mod names {
    #![allow(dead_code, unreachable_pub, reason = "the list is made for all tests together")]
    use super::{Entry, entry, result};
    include!(concat!(env!("OUT_DIR"), "/names.rs"));
}

fn history() -> History {
    History::read(include_str!("../schema/api.tl")).expect("the crate was built from it")
}

/// Whether the bytes of a substitute are of another type: results of functions that changed.
fn is_of_another_type(boxed: &str) -> bool {
    boxed.starts_with("messages.")
        || ["help.AppConfig", "ReportResult", "stories.CanSendStoryCount"].contains(&boxed)
}

#[test]
fn every_constructor_of_the_newest_layer_is_said_to_every_older_one() {
    let history = history();
    let mut unsaid: BTreeMap<&str, BTreeMap<&str, i32>> = BTreeMap::new();
    let mut said = 0;
    let mut generator = Generator::new(&history, tl::LAYER_MAX, 7);
    for (name, editions) in &history.types {
        let Some(newest) = editions.iter().find(|edition| edition.holds(tl::LAYER_MAX)) else {
            continue;
        };
        let boxed = newest.definition.result.as_str();
        if boxed.starts_with("Input") {
            continue;
        }
        let Ok(at) = names::ENUMS.binary_search_by_key(&boxed, |entry| entry.name) else {
            continue;
        };
        {
            let bytes = generator.constructor(name).expect("it is in the newest layer");
            for layer in history.known.iter().copied() {
                let is_in_layer = |section: &tl_gen::history::Section| {
                    section
                        .values()
                        .flatten()
                        .any(|edition| edition.definition.result == boxed && edition.holds(layer))
                };
                match (names::ENUMS[at].turn)(&bytes, layer) {
                    Ok(is_readable) => {
                        assert!(is_readable || is_of_another_type(boxed), "{name} at {layer}");
                        said += 1;
                    }
                    Err(WriteError::Inexpressible { .. }) if is_in_layer(&history.types) => {
                        unsaid.entry(boxed).or_default().insert(name, layer);
                    }
                    Err(WriteError::Inexpressible { .. }) => {}
                    Err(other) => panic!("{name} at {layer}: {other}"),
                }
            }
        }
    }
    let listed: BTreeSet<&str> = UNSAID.iter().flat_map(|(_, types)| *types).copied().collect();
    unsaid.retain(|boxed, _| !listed.contains(boxed));
    assert!(unsaid.is_empty(), "nothing stands for: {unsaid:#?}");
    assert!(said > 30_000, "{said}");
}

#[test]
fn every_substitute_and_conversion_names_something() {
    let history = history();
    for substitute in tl::fallback::SUBSTITUTES {
        let results = history.types.values().flatten().map(|e| e.definition.result.as_str());
        assert!(results.into_iter().any(|boxed| boxed == substitute.of), "{}", substitute.of);
    }
    let mut seen = Vec::new();
    for conversion in tl::fallback::CONVERSIONS {
        let of = conversion.of;
        assert!(!seen.contains(&of), "two rows for {of}");
        seen.push(of);
        assert!(history.types.contains_key(of) || history.functions.contains_key(of), "{of}");
    }
}

#[test]
fn an_unknown_medium_is_sent_as_unsupported() {
    let media: enums::MessageMedia = types::MessageMediaToDo::default().into();
    let message = types::Message { media: Some(media), ..Default::default() };
    let bytes = tl::to_bytes(&message, 152).unwrap();
    let seen: types::Message = tl::from_bytes(&bytes, 152).unwrap();
    assert_eq!(seen.media, Some(types::MessageMediaUnsupported {}.into()));
}

#[test]
fn an_unknown_update_is_left_out_and_not_counted() {
    let known: enums::Update = types::UpdateConfig {}.into();
    let unknown: enums::Update = types::UpdateAiComposeTones::default().into();
    let updates = types::Updates { updates: vec![unknown, known.clone()], ..Default::default() };
    let bytes = tl::to_bytes(&updates, 160).unwrap();
    let seen: types::Updates = tl::from_bytes(&bytes, 160).unwrap();
    assert_eq!(seen.updates, [known]);
}

/// `messages.sendMessage` of layer 152 has `reply_to_msg_id`; handlers see `reply_to`.
#[test]
fn an_old_reply_is_read_into_the_new_field() {
    let old = functions::messages::SendMessage {
        message: "hello".into(),
        reply_to_msg_id: Some(7),
        top_msg_id: Some(3),
        ..Default::default()
    };
    let bytes = tl::to_bytes(&old, 152).unwrap();
    let seen: functions::messages::SendMessage = tl::from_bytes(&bytes, 152).unwrap();
    let Some(enums::InputReplyTo::InputReplyToMessage(reply)) = seen.reply_to else {
        panic!("{:?}", seen.reply_to)
    };
    assert_eq!((reply.reply_to_msg_id, reply.top_msg_id), (7, Some(3)));
}

#[test]
fn new_values_fill_the_fields_of_older_layers() {
    let title = types::TextWithEntities { text: "Work".into(), entities: Vec::new() };
    let filter = types::DialogFilter { title: title.into(), ..Default::default() };
    let bytes = tl::to_bytes(&filter, 190).unwrap();
    let seen: types::DialogFilter = tl::from_bytes(&bytes, 190).unwrap();
    assert_eq!(seen.title_until_195, "Work");
    assert_eq!(seen.title, filter.title);

    let color = types::PeerColor { color: Some(4), background_emoji_id: Some(9) };
    let user = types::User { color: Some(color.into()), ..Default::default() };
    let bytes = tl::to_bytes(&user, 166).unwrap();
    let seen: types::User = tl::from_bytes(&bytes, 166).unwrap();
    assert_eq!((seen.color_until_166, seen.background_emoji_id), (Some(4), Some(9)));

    let video = types::DocumentAttributeVideo { duration: 12.6, ..Default::default() };
    let bytes = tl::to_bytes(&video, 152).unwrap();
    let seen: types::DocumentAttributeVideo = tl::from_bytes(&bytes, 152).unwrap();
    assert_eq!(seen.duration_until_158, 13);
}

#[test]
fn buttons_become_the_kinds_that_older_layers_have() {
    let kind = types::InlineButtonTypeUrl { url: "https://example.org".into() };
    let button = types::KeyboardInlineButton { style: None, text: "Go".into(), type_: kind.into() };
    let row = types::KeyboardInlineButtonRow { buttons: vec![button.into()] };
    let markup = types::ReplyInlineMarkup { rows: vec![row.into()], ..Default::default() };
    let bytes = tl::to_bytes(&markup, 198).unwrap();
    let seen: types::ReplyInlineMarkup = tl::from_bytes(&bytes, 198).unwrap();
    let url = types::KeyboardButtonUrl {
        style: None,
        text: "Go".into(),
        url: "https://example.org".into(),
    };
    let row = types::KeyboardButtonRow { buttons: vec![url.into()] };
    assert_eq!(seen.rows_until_228, [row.into()]);

    let phone = types::ButtonTypeRequestPhone {};
    let button = types::KeyboardButton { style: None, text: "Me".into(), type_: phone.into() };
    let button: enums::KeyboardButton = button.into();
    let seen: enums::KeyboardButton =
        tl::from_bytes(&tl::to_bytes(&button, 198).unwrap(), 198).unwrap();
    let phone = types::KeyboardButtonRequestPhone { style: None, text: "Me".into() };
    assert_eq!(seen, phone.into());
}

/// `messages.createChat` answered `Updates` up to layer 174.
#[test]
fn a_result_that_changed_its_type_is_written_as_the_old_one() {
    let updates: enums::Updates = types::UpdatesTooLong {}.into();
    let invited = types::messages::InvitedUsers { updates, missing_invitees: Vec::new() };
    let invited: enums::messages::InvitedUsers = invited.into();
    let bytes = tl::to_bytes(&invited, 166).unwrap();
    assert_eq!(bytes, types::UpdatesTooLong::ID.to_le_bytes());
    assert!(
        read::<enums::messages::InvitedUsers>(&tl::to_bytes(&invited, 175).unwrap(), 175).is_some()
    );
}

/// Pyrogram writes a peer where a user is declared; the fields are the same.
#[test]
fn aliases_are_read_as_the_declared_type() {
    let peer = types::InputPeerUser { user_id: 7, access_hash: 9 };
    let written = tl::to_bytes(&enums::InputPeer::from(peer), 158).unwrap();
    let read: enums::InputUser = tl::from_bytes(&written, 158).unwrap();
    assert_eq!(read, types::InputUser { user_id: 7, access_hash: 9 }.into());
    let chat = tl::to_bytes(&enums::InputPeer::from(types::InputPeerChat { chat_id: 1 }), 158);
    assert!(tl::from_bytes::<enums::InputUser>(&chat.unwrap(), 158).is_err());
    for alias in tl::fallback::ALIASES {
        // Each stands for a constructor that the type has: with too few bytes it is cut off, and
        // not unknown.
        let error = match alias.of {
            "InputUser" => read_id::<enums::InputUser>(alias.written),
            "InputChannel" => read_id::<enums::InputChannel>(alias.written),
            other => panic!("{other} has no test"),
        };
        assert!(!matches!(error, Some(tl::ReadError::Constructor { .. })), "{alias:?}: {error:?}");
    }
}

fn read_id<T: Read>(id: u32) -> Option<tl::ReadError> {
    tl::from_bytes::<T>(&id.to_le_bytes(), 230).err()
}
