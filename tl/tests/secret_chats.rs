//! The schema inside secret chats, at its own layers. Only built with the feature.
#![cfg(feature = "secret-chats")]

use tl::secret::{enums, types};

#[test]
fn a_message_is_written_in_the_form_of_the_peers_layer() {
    let message = types::DecryptedMessage {
        random_id: 5,
        ttl: 0,
        message: "hello".into(),
        grouped_id: Some(9),
        ..Default::default()
    };
    let message: enums::DecryptedMessage = message.into();
    for (layer, id) in
        [(17, 0x204d_3878_u32), (46, 0x36b0_91de), (73, 0x91cc_4674), (144, 0x91cc_4674)]
    {
        let bytes = tl::to_bytes(&message, layer).unwrap();
        assert_eq!(bytes[..4], id.to_le_bytes(), "layer {layer}");
        let enums::DecryptedMessage::DecryptedMessage(seen) =
            tl::from_bytes(&bytes, layer).unwrap()
        else {
            panic!("layer {layer}: another constructor")
        };
        assert_eq!(seen.message, "hello");
        // Albums came with layer 73.
        assert_eq!(seen.grouped_id, (layer >= 73).then_some(9), "layer {layer}");
    }
}
