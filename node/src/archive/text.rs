//! A text and its formatting as Telegram Desktop exports them: a list of parts that do not overlap.

use node_core::{Entity, EntityKind, utf16_slice};
use serde_json::{Value, json};

/// `text` and `text_entities` of a message.
///
/// Of formatting inside of other formatting the outer one stands, as there.
pub(super) fn parts(text: &str, entities: &[Entity]) -> (Value, Value) {
    let mut parts = Vec::new();
    let units = node_core::utf16_len(text) as i32;
    let slice = |from: i32, to: i32| utf16_slice(text, from, to - from).unwrap_or_default();
    let mut at = 0;
    for entity in entities {
        let end = entity.offset.saturating_add(entity.length);
        if entity.offset < at || entity.length <= 0 || end > units {
            continue;
        }
        if entity.offset > at {
            parts.push(json!({ "type": "plain", "text": slice(at, entity.offset) }));
        }
        parts.push(part(&entity.kind, slice(entity.offset, end)));
        at = end;
    }
    if at < units {
        parts.push(json!({ "type": "plain", "text": slice(at, units) }));
    }
    let is_plain = |part: &Value| part["type"] == "plain";
    let short = match parts.as_slice() {
        [] => json!(""),
        [only] if is_plain(only) => only["text"].clone(),
        all => {
            let one =
                |part: &Value| if is_plain(part) { part["text"].clone() } else { part.clone() };
            all.iter().map(one).collect()
        }
    };
    (short, Value::Array(parts))
}

fn part(kind: &EntityKind, text: &str) -> Value {
    let named = |name: &str| json!({ "type": name, "text": text });
    match kind {
        EntityKind::Mention => named("mention"),
        EntityKind::Hashtag => named("hashtag"),
        EntityKind::BotCommand => named("bot_command"),
        EntityKind::Url => named("link"),
        EntityKind::Email => named("email"),
        EntityKind::Phone => named("phone"),
        EntityKind::Cashtag => named("cashtag"),
        EntityKind::BankCard => named("bank_card"),
        EntityKind::Bold => named("bold"),
        EntityKind::Italic => named("italic"),
        EntityKind::Underline => named("underline"),
        EntityKind::Strike => named("strikethrough"),
        EntityKind::Spoiler => named("spoiler"),
        EntityKind::Code => named("code"),
        EntityKind::Pre { language } => {
            json!({ "type": "pre", "text": text, "language": language })
        }
        EntityKind::TextUrl { url } => json!({ "type": "text_link", "text": text, "href": url }),
        EntityKind::MentionName { user } => {
            json!({ "type": "mention_name", "text": text, "user_id": user.0 })
        }
        EntityKind::CustomEmoji { document_id } => {
            json!({ "type": "custom_emoji", "text": text, "document_id": document_id.to_string() })
        }
        EntityKind::Blockquote { collapsed } => {
            json!({ "type": "blockquote", "text": text, "collapsed": collapsed })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(offset: i32, length: i32, kind: EntityKind) -> Entity {
        Entity { offset, length, kind }
    }

    #[test]
    fn a_text_is_cut_where_its_formatting_begins_and_ends() {
        assert_eq!(parts("", &[]), (json!(""), json!([])));
        let plain = |text: &str| json!({ "type": "plain", "text": text });
        assert_eq!(parts("hello", &[]), (json!("hello"), json!([plain("hello")])));
        // Offsets count UTF-16 units: the bird is two of them.
        let bold = entity(3, 4, EntityKind::Bold);
        let inside = entity(4, 1, EntityKind::Italic);
        let beyond = entity(8, 40, EntityKind::Code);
        let (short, all) = parts("🐦 bold end", &[bold, inside, beyond]);
        let bold = json!({ "type": "bold", "text": "bold" });
        assert_eq!(short, json!(["🐦 ", bold, " end"]));
        assert_eq!(all, json!([plain("🐦 "), bold, plain(" end")]));
        let link = entity(0, 4, EntityKind::TextUrl { url: "https://a.example/".into() });
        let (short, _) = parts("link", &[link]);
        let wanted = json!([{ "type": "text_link", "text": "link", "href": "https://a.example/" }]);
        assert_eq!(short, wanted);
    }
}
