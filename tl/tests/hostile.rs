//! Input made to hurt: each is refused with its reason, cheaply.

mod common;

use std::thread;

use common::find;
use tl::{ReadError, Reader, enums, functions, types};
use tl_gen::random::Generator;

const VECTOR: u32 = 0x1cb5_c415;
/// More than any of 32 levels needs, and a sixteenth of what a thread of the node has.
const STACK: usize = 128 * 1024;

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// On a small stack, so that recursion without a bound would be seen: it aborts the process.
fn on_a_small_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = thread::Builder::new().stack_size(STACK).spawn(run);
    thread.expect("a thread starts").join().expect("it does not panic")
}

#[test]
fn a_megabyte_of_nested_arrays_is_too_deep() {
    let level = words(&[types::JsonArray::ID, VECTOR, 1]);
    let bytes = level.repeat(1_000_000 / level.len());
    let read = on_a_small_stack(move || tl::from_bytes::<enums::JsonValue>(&bytes, 230));
    assert!(matches!(read, Err(ReadError::Limit(_))), "{read:?}");
}

#[test]
fn thirty_two_levels_pass_and_one_more_does_not() {
    let nested = |levels: usize| {
        let mut bytes = words(&[types::JsonArray::ID, VECTOR, 1]).repeat(levels - 1);
        bytes.extend(types::JsonNull::ID.to_le_bytes());
        on_a_small_stack(move || tl::from_bytes::<enums::JsonValue>(&bytes, 230).map(drop))
    };
    assert_eq!(nested(32), Ok(()));
    assert!(matches!(nested(33), Err(ReadError::Limit(_))));
}

#[test]
fn the_deepest_rich_text_that_editors_make_passes() {
    // Bold, italic, underlined, struck, marked, linked, small: all styles on one word of a list in
    // an opened block in a quote.
    let mut text: enums::RichText = types::TextPlain { text: "deep".into() }.into();
    for style in 0..9 {
        text = match style % 3 {
            0 => types::TextBold { text }.into(),
            1 => types::TextMarked { text }.into(),
            _ => types::TextUrl { text, ..Default::default() }.into(),
        };
    }
    let mut block: enums::PageBlock = types::PageBlockParagraph { text }.into();
    for _ in 0..4 {
        let item = types::PageListItemBlocks { blocks: vec![block], ..Default::default() };
        let list = types::PageBlockList { items: vec![item.into()] };
        block = types::PageBlockDetails { blocks: vec![list.into()], ..Default::default() }.into();
    }
    let bytes = tl::to_bytes(&block, 230).expect("it can be said");
    let read = on_a_small_stack(move || tl::from_bytes::<enums::PageBlock>(&bytes, 230));
    assert_eq!(read, Ok(block));
}

#[test]
fn a_count_beyond_the_input_allocates_nothing() {
    for count in [1, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        let bytes = words(&[VECTOR, count]);
        assert_eq!(tl::from_bytes::<Vec<i64>>(&bytes, 230), Err(ReadError::End));
        assert_eq!(tl::from_bytes::<Vec<enums::JsonValue>>(&bytes, 230), Err(ReadError::End));
        let bytes = words(&[functions::users::GetUsers::ID, VECTOR, count]);
        let read = tl::from_bytes::<functions::users::GetUsers>(&bytes, 230);
        assert_eq!(read, Err(ReadError::End));
    }
}

#[test]
fn a_megabyte_of_the_shortest_constructors_stays_within_the_budget() {
    fn fill(id: u32) -> Vec<u8> {
        let count = 1_000_000 / 4;
        let mut bytes = words(&[VECTOR, count]);
        bytes.extend(words(&vec![id; count as usize]));
        bytes
    }
    // Each element takes more than four times its bytes, so a megabyte of them must be refused;
    // where an element is small enough the vector may pass.
    let media = tl::from_bytes::<Vec<enums::InputMedia>>(&fill(types::InputMediaEmpty::ID), 230);
    assert!(matches!(media, Err(ReadError::Limit(_))));
    let id = types::PageBlockUnsupported::ID;
    let blocks = tl::from_bytes::<Vec<enums::PageBlock>>(&fill(id), 230);
    assert!(matches!(blocks, Err(ReadError::Limit(_))));
    let updates = tl::from_bytes::<Vec<enums::Update>>(&fill(types::UpdateConfig::ID), 230);
    assert!(matches!(updates, Err(ReadError::Limit(_))));
}

#[test]
fn strings_are_checked_before_they_are_copied() {
    let long = [254, 0xff, 0xff, 0xff];
    assert_eq!(tl::from_bytes::<String>(&long, 230), Err(ReadError::End));
    assert_eq!(tl::from_bytes::<String>(&[254, 1], 230), Err(ReadError::End));
    assert!(tl::from_bytes::<String>(&[255, 0, 0, 0], 230).is_err());
    // The padding is missing.
    assert_eq!(tl::from_bytes::<String>(&[1, b'a'], 230), Err(ReadError::End));
    for invalid in [[2, 0xc0, 0x80, 0], [1, 0xff, 0, 0], [3, 0xed, 0xa0, 0x80]] {
        assert_eq!(tl::from_bytes::<String>(&invalid, 230), Err(ReadError::Utf8));
    }
    // `bytes` need not be text.
    assert_eq!(Reader::new(&[2, 0xc0, 0x80, 0], 230).bytes(), Ok(&[0xc0, 0x80][..]));
    // A long length where a short one would do, and padding that is not zero, are only unusual.
    assert_eq!(tl::from_bytes::<String>(&[254, 1, 0, 0, b'a', 9, 9, 9], 230), Ok("a".into()));
}

#[test]
fn strangers_and_leftovers_are_named() {
    let read = tl::from_bytes::<enums::Peer>(&words(&[0xdead_beef, 0]), 230);
    assert_eq!(read, Err(ReadError::Constructor { id: 0xdead_beef, expected: "Peer" }));
    // A constructor of another type.
    let id = types::JsonNull::ID;
    let read = tl::from_bytes::<enums::Peer>(&words(&[id]), 230);
    assert_eq!(read, Err(ReadError::Constructor { id, expected: "Peer" }));
    let read = tl::from_bytes::<enums::JsonValue>(&words(&[id, 0, 0]), 230);
    assert_eq!(read, Err(ReadError::Trailing(8)));
    assert!(matches!(
        tl::from_bytes::<bool>(&words(&[id]), 230),
        Err(ReadError::Constructor { expected: "Bool", .. })
    ));
}

#[test]
fn every_strict_prefix_of_a_value_is_refused() {
    let history = common::api();
    let names = ["messages.sendMessage", "messages.sendMultiMedia", "initConnection"];
    for layer in [152, 177, 230] {
        let mut random = Generator::new(&history, layer, 3);
        for name in names.iter().chain(&["account.updateTheme", "payments.sendStarsForm"]) {
            let Some(bytes) = random.function(name) else { continue };
            let entry = find(common::FUNCTIONS, name);
            assert!((entry.again)(&bytes, layer).is_ok(), "{name} at {layer}");
            // What a generic function carries may end anywhere.
            let end = bytes.len() - if *name == "initConnection" { 4 } else { 0 };
            for cut in 0..end {
                let read = (entry.again)(&bytes[..cut], layer);
                assert!(read.is_err(), "{name} at {layer}, cut to {cut} of {end}");
            }
        }
        for (entries, name) in [(common::TYPES, "message"), (common::TYPES, "user")] {
            let bytes = random.constructor(name).expect("every layer has it");
            for cut in 0..bytes.len() {
                assert!((find(entries, name).again)(&bytes[..cut], layer).is_err());
            }
        }
    }
}
