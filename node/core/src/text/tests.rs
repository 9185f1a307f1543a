use super::*;

fn entity(offset: i32, length: i32, kind: EntityKind) -> Entity {
    Entity { offset, length, kind }
}

#[test]
fn entities_count_utf16_units() {
    // Two units for the emoji, and one for a combining mark.
    let text = "😀e\u{301} bold";
    let parsed = Text::parse(text, vec![entity(5, 4, EntityKind::Bold)]).unwrap();
    assert_eq!(parsed.entities, [entity(5, 4, EntityKind::Bold)]);
    for (offset, length) in [(1, 2), (0, 1), (5, 5), (-1, 2), (0, 0), (i32::MAX, i32::MAX)] {
        let bad = vec![entity(offset, length, EntityKind::Bold)];
        assert_eq!(Text::parse(text, bad), Err(TextError::EntityBounds), "{offset} {length}");
    }
}

#[test]
fn surrounding_space_goes_and_entities_follow() {
    let parsed = Text::parse("  hi \n", vec![entity(0, 4, EntityKind::Italic)]).unwrap();
    assert_eq!(parsed.text, "hi");
    assert_eq!(parsed.entities, [entity(0, 2, EntityKind::Italic)]);
    assert_eq!(Text::parse(" \n\t", vec![]), Err(TextError::Empty));
    let space_only = Text::parse("a  ", vec![entity(1, 2, EntityKind::Bold)]).unwrap();
    assert_eq!(space_only.entities, []);
}

#[test]
fn length_is_bounded_in_units() {
    let full = "😀".repeat(TEXT_UNITS_MAX / 2);
    assert!(Text::parse(&full, vec![]).is_ok());
    assert_eq!(Text::parse(&format!("{full}a"), vec![]), Err(TextError::TooLong));
    assert!(Text::parse(&format!("  {full}  "), vec![]).is_ok(), "space does not count");
}

#[test]
fn overlaps_become_nested_parts() {
    let parsed = Text::parse(
        "abcdef",
        vec![entity(0, 4, EntityKind::Bold), entity(2, 4, EntityKind::Italic)],
    )
    .unwrap();
    assert_eq!(
        parsed.entities,
        [
            entity(0, 4, EntityKind::Bold),
            entity(2, 2, EntityKind::Italic),
            entity(4, 2, EntityKind::Italic)
        ]
    );
}

#[test]
fn nothing_lies_inside_code() {
    let parsed =
        Text::parse("abcdef", vec![entity(0, 3, EntityKind::Code), entity(1, 4, EntityKind::Bold)])
            .unwrap();
    assert_eq!(parsed.entities, [entity(0, 3, EntityKind::Code), entity(3, 2, EntityKind::Bold)]);
}

#[test]
fn mentions_tags_and_links_are_found() {
    let text = "😀 @alice #tag #1 $USD /help x@y.org https://a.example/x#y not#this";
    let parsed = Text::parse(text, vec![]).unwrap();
    let units: Vec<u16> = text.encode_utf16().collect();
    let found: Vec<(EntityKind, String)> = parsed
        .entities
        .iter()
        .map(|e| {
            let part = &units[e.offset as usize..(e.offset + e.length) as usize];
            (e.kind.clone(), String::from_utf16(part).unwrap())
        })
        .collect();
    let expected = [
        (EntityKind::Mention, "@alice"),
        (EntityKind::Hashtag, "#tag"),
        (EntityKind::Cashtag, "$USD"),
        (EntityKind::BotCommand, "/help"),
        (EntityKind::Email, "x@y.org"),
        (EntityKind::Url, "https://a.example/x#y"),
    ];
    assert_eq!(found, expected.map(|(kind, text)| (kind, text.to_owned())));
}

#[test]
fn what_is_code_is_not_searched() {
    let parsed = Text::parse("#tag", vec![entity(0, 4, EntityKind::Code)]).unwrap();
    assert_eq!(parsed.entities, [entity(0, 4, EntityKind::Code)]);
    let bold = Text::parse("#tag", vec![entity(0, 4, EntityKind::Bold)]).unwrap();
    assert_eq!(bold.entities.len(), 2, "formatting does not hide a tag");
}

proptest::proptest! {
    /// Any input gives a value or an error, and what is stored keeps the promises of [`Text`].
    #[test]
    fn any_entities_end_sorted_inside_and_nested(
        text in "[a-c😀 #@é\n]{0,40}",
        raw in proptest::collection::vec((-2_i32..44, -2_i32..44, 0_u8..6), 0..12),
    ) {
        let entities = raw.into_iter().map(|(offset, length, kind)| {
            let kind = match kind {
                0 => EntityKind::Bold,
                1 => EntityKind::Italic,
                2 => EntityKind::Code,
                3 => EntityKind::Pre { language: String::new() },
                4 => EntityKind::TextUrl { url: "https://a.example".into() },
                _ => EntityKind::Spoiler,
            };
            Entity { offset, length, kind }
        });
        if let Ok(parsed) = Text::parse(&text, entities.collect()) {
            let units = utf16_len(&parsed.text) as i32;
            for (at, one) in parsed.entities.iter().enumerate() {
                assert!(one.offset >= 0 && one.length > 0 && one.offset + one.length <= units);
                for other in &parsed.entities[at + 1..] {
                    assert!(other.offset >= one.offset);
                    let end = one.offset + one.length;
                    assert!(other.offset >= end || other.offset + other.length <= end);
                    if one.kind.is_verbatim() {
                        assert!(other.offset >= end, "inside code: {parsed:?}");
                    }
                }
            }
        }
    }
}
