use super::*;
use crate::schema::ParseError;

const SCHEMA: &str = "\
leaf#00000001 = Tree;
node#00000002 flags:# shut:flags.1?true left:Tree right:flags.3?Tree words:Vector<string> = Tree;
point#00000003 x:int y:double = Point;
---functions---
grow#00000004 tree:Tree points:vector<point> = Vector<Point>;
wrap#00000005 {X:Type} query:!X = X;
look#00000006 = Tree;
";

fn history() -> Result<History, ParseError> {
    History::merge(&[(1, "old#00000009 = Old;\n"), (2, SCHEMA)])
}

/// Reads what the generator wrote, by the schema, and fails on anything else.
fn skip<'a>(schema: &Generator<'_>, ty: &Type, bytes: &'a [u8]) -> Option<&'a [u8]> {
    let word = |b: &'a [u8]| Some((u32::from_le_bytes(b.get(..4)?.try_into().ok()?), b.get(4..)?));
    match ty {
        Type::Int => bytes.get(4..),
        Type::Double => bytes.get(8..),
        Type::String => {
            let (head, length) = match bytes.first()? {
                254 => (4, (word(bytes)?.0 >> 8) as usize),
                length => (1, usize::from(*length)),
            };
            std::str::from_utf8(bytes.get(head..head + length)?).ok()?;
            let end = (head + length).next_multiple_of(4);
            bytes.get(head + length..end)?.iter().all(|b| *b == 0).then(|| bytes.get(end..))?
        }
        Type::Vector(inner) => {
            let (id, bytes) = word(bytes)?;
            (id == VECTOR).then_some(())?;
            skip(schema, &Type::BareVector(inner.clone()), bytes)
        }
        Type::BareVector(inner) => {
            let (count, bytes) = word(bytes)?;
            (count < 4).then_some(())?;
            (0..count).try_fold(bytes, |bytes, _| skip(schema, inner, bytes))
        }
        Type::Boxed(name) => {
            let (id, bytes) = word(bytes)?;
            skip_fields(schema, schema.boxed[name.as_str()].iter().find(|d| d.id == id)?, bytes)
        }
        Type::Bare(name) => skip_fields(schema, schema.constructors[name.as_str()], bytes),
        _ => None,
    }
}

fn skip_fields<'a>(
    schema: &Generator<'_>,
    definition: &Definition,
    mut bytes: &'a [u8],
) -> Option<&'a [u8]> {
    let mut flags = 0;
    for param in &definition.params {
        match (&param.ty, &param.flag) {
            (Type::Flags, _) => {
                flags = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?);
                assert_eq!(flags & !0b1010, 0, "a bit without a field");
                bytes = bytes.get(4..)?;
            }
            (Type::True, _) => {}
            (_, Some((_, bit))) if flags >> bit & 1 == 0 => {}
            (ty, _) => bytes = skip(schema, ty, bytes)?,
        }
    }
    Some(bytes)
}

#[test]
fn every_value_is_of_its_definition_and_nothing_more() -> Result<(), ParseError> {
    let history = history()?;
    for seed in 0..500 {
        let mut generator = Generator::new(&history, 2, seed);
        for name in generator.constructor_names() {
            let bytes = generator.constructor(name).unwrap_or_default();
            let ty = Type::Boxed(generator.constructors[name].result.clone());
            assert_eq!(skip(&generator, &ty, &bytes), Some(&[][..]), "{name}, seed {seed}");
        }
        let bytes = generator.function("grow").unwrap_or_default();
        assert_eq!(bytes[..4], 4u32.to_le_bytes());
        let rest = skip_fields(&generator, generator.functions["grow"], &bytes[4..]);
        assert_eq!(rest, Some(&[][..]), "seed {seed}");
        let bytes = generator.result("grow").unwrap_or_default();
        assert_eq!(skip(&generator, &parse_type("Vector<Point>"), &bytes), Some(&[][..]));
        let wrapped = generator.function("wrap").unwrap_or_default();
        assert!([1u32, 6].iter().any(|id| wrapped[4..] == id.to_le_bytes()), "{wrapped:?}");
    }
    Ok(())
}

#[test]
fn a_layer_has_its_own_definitions_and_a_seed_its_own_bytes() -> Result<(), ParseError> {
    let history = history()?;
    assert_eq!(Generator::new(&history, 1, 0).constructor_names().collect::<Vec<_>>(), ["old"]);
    let mut old = Generator::new(&history, 1, 0);
    assert_eq!(old.constructor("node"), None);
    assert_eq!(old.function("grow"), None);
    let node = |seed| Generator::new(&history, 2, seed).constructor("node");
    assert_eq!(node(7), node(7));
    assert!((0..20).any(|seed| node(seed) != node(7)));
    Ok(())
}

#[test]
fn all_flags_and_both_string_forms_occur() -> Result<(), ParseError> {
    let history = history()?;
    let mut generator = Generator::new(&history, 2, 1);
    let values: Vec<Vec<u8>> = (0..400).filter_map(|_| generator.constructor("node")).collect();
    for flags in [0u32, 0b0010, 0b1000, 0b1010] {
        assert!(values.iter().any(|v| v[4..8] == flags.to_le_bytes()), "flags {flags:#b}");
    }
    assert!(values.iter().any(|v| v.len() > 300), "long strings");
    assert!(values.iter().all(|v| v.len() < 64 * 1024), "bounded");
    Ok(())
}
