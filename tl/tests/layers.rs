//! Which edition is read and written at which layer, on real cases from the schema.

use tl::{Method, ReadError, WriteError, enums, functions, types};

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[test]
fn a_flag_that_moved_under_the_same_id_is_read_by_layer() {
    // messageActionGiftCode#56d03994: `unclaimed` shared a bit with the price up to 199 and has its
    // own since 200.
    let id_flags_months = |flag: u32| words(&[0x56d0_3994, 1 << flag, 6]);
    let code = [4, b'c', b'o', b'd', b'e', 0, 0, 0];
    let no_price = [0; 4 + 8];
    let until_199 = [&id_flags_months(2)[..], &code, &no_price].concat();
    let since_200 = [&id_flags_months(5)[..], &code].concat();
    for (layer, bytes) in
        [(187, &until_199), (199, &until_199), (200, &since_200), (216, &since_200)]
    {
        let read = tl::from_bytes::<types::MessageActionGiftCode>(bytes, layer);
        let read = read.unwrap_or_else(|e| panic!("layer {layer}: {e}"));
        assert!(read.unclaimed, "layer {layer}");
        assert_eq!(read.slug, "code", "layer {layer}");
        assert_eq!(tl::to_bytes(&read, layer).as_ref(), Ok(bytes), "layer {layer}");
    }
}

#[test]
fn a_flag_that_a_layer_does_not_have_is_not_read_and_not_written() {
    // message#38116ee0 exists from 152 to 166 and has `invert_media` since 161.
    let value = types::Message { invert_media: true, ..Default::default() };
    let before = tl::to_bytes(&value, 160).expect("160 has messages");
    let since = tl::to_bytes(&value, 161).expect("161 has messages");
    assert_eq!(before[..4], since[..4], "one id");
    let at = |bytes: &[u8], layer| {
        tl::from_bytes::<types::Message>(bytes, layer).expect("it was written").invert_media
    };
    assert!(at(&since, 161));
    assert!(!at(&before, 160));
    assert!(!at(&since, 160), "the bit means nothing there");
}

#[test]
fn an_id_of_another_layer_is_read_as_its_newest_edition() {
    // A client of 230 that still sends what was replaced in 159, and one of 152 ahead of its time.
    let request = functions::messages::SendMessage { message: "hi".into(), ..Default::default() };
    for (written, read) in [(152, 230), (230, 152), (174, 152)] {
        let bytes = tl::to_bytes(&request, written).expect("all layers send messages");
        let got = tl::from_bytes::<functions::messages::SendMessage>(&bytes, read);
        assert_eq!(got.map(|got| got.message), Ok("hi".to_owned()), "{written} at {read}");
    }
}

#[test]
fn layer_0_and_layers_to_come_are_the_newest() {
    let value = types::User { id: 1, ..Default::default() };
    let newest = tl::to_bytes(&value, tl::LAYER_MAX);
    assert_eq!(tl::to_bytes(&value, 0), newest);
    let bytes = newest.expect("the newest layer has users");
    assert_eq!(bytes[..4], types::User::ID.to_le_bytes());
    assert_eq!(tl::from_bytes(&bytes, 0), Ok(value));
}

#[test]
fn a_layer_without_the_function_names_it() {
    // Stars came with layer 181.
    let request = functions::payments::GetStarsTopupOptions {};
    match tl::to_bytes(&request, 152) {
        Err(WriteError::Inexpressible { constructor, layer }) => {
            assert_eq!((constructor, layer), ("payments.getStarsTopupOptions", 152));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_element_that_a_layer_cannot_say_is_left_out_and_not_counted() {
    let entities: Vec<enums::MessageEntity> = vec![
        types::MessageEntityBold { offset: 0, length: 1 }.into(),
        // Since layer 180.
        types::MessageEntityBlockquote { offset: 1, length: 1, ..Default::default() }.into(),
        types::MessageEntityItalic { offset: 2, length: 1 }.into(),
    ];
    let updates: Vec<enums::Update> = vec![
        types::UpdateConfig {}.into(),
        types::UpdateStarsBalance::default().into(),
        types::UpdatePtsChanged {}.into(),
    ];
    let bytes = tl::to_bytes(&updates, 152).expect("the others can be said");
    let id = |u: u32| u.to_le_bytes();
    let expected =
        [id(0x1cb5_c415), id(2), id(types::UpdateConfig::ID), id(types::UpdatePtsChanged::ID)];
    assert_eq!(bytes, expected.concat());
    assert_eq!(tl::from_bytes(&tl::to_bytes(&entities, 230).expect("newest"), 230), Ok(entities));
}

#[test]
fn fields_that_share_a_bit_stand_or_fall_together() {
    // One of the two is set: the other is written as its default, or the reader would take what
    // follows for it.
    let value =
        types::Message { reactions: None, views: Some(7), forwards: None, ..Default::default() };
    for layer in tl::LAYER_MIN..=tl::LAYER_MAX {
        let bytes = tl::to_bytes(&value, layer).expect("every layer has messages");
        let read = tl::from_bytes::<types::Message>(&bytes, layer).expect("it was written");
        assert_eq!((read.views, read.forwards), (Some(7), Some(0)), "layer {layer}");
    }
}

#[test]
fn methods_are_found_by_the_ids_of_all_their_editions() {
    let ids = [0x1cc2_0387, 0x280d_096f, 0xdff8_042c, 0x983f_9745, 0xfbf2_340a, 0xfe05_dc9a];
    for id in ids.into_iter().chain([0x545c_d15a, 0xfef4_8f62]) {
        for layer in [0, 152, 200, 230] {
            assert_eq!(Method::from_id(id, layer), Some(Method::MessagesSendMessage), "{id:08x}");
        }
    }
    assert_eq!(Method::MessagesSendMessage.name(), "messages.sendMessage");
    for id in [0, 1, u32::MAX, types::User::ID, 0xdead_beef] {
        assert_eq!(Method::from_id(id, 230), None, "{id:08x}");
    }
    let mut names: Vec<&str> = Method::ALL.iter().map(|m| m.name()).collect();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "each has its own name");
    assert!(names.is_sorted());
}

#[test]
fn a_request_is_not_a_constructor() {
    let bytes = words(&[functions::help::GetConfig::ID]);
    assert!(tl::from_bytes::<functions::help::GetConfig>(&bytes, 230).is_ok());
    let read = tl::from_bytes::<enums::Config>(&bytes, 230);
    assert!(matches!(read, Err(ReadError::Constructor { expected: "Config", .. })));
}
