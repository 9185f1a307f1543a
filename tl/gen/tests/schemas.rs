//! The committed schemas: every id follows from its line, in every layer.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use tl_gen::check::check;
use tl_gen::history::History;
use tl_gen::random::Generator;

fn schema(name: &str) -> Result<String, std::io::Error> {
    fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schema").join(name))
}

#[test]
fn every_id_is_the_crc32_of_its_line() -> Result<(), Box<dyn Error>> {
    // Definitions, summed over the layers; exceptions among them.
    for (file, definitions, exceptions) in
        [("api.tl", 67_213, 0), ("mtproto.tl", 56, 3), ("end_to_end.tl", 81, 1)]
    {
        let report = check(&schema(file)?)?;
        assert!(report.problems.is_empty(), "{file}: {:#?}", report.problems);
        assert_eq!((report.definitions, report.exceptions), (definitions, exceptions), "{file}");
    }
    Ok(())
}

#[test]
fn the_history_has_the_published_number_of_editions() -> Result<(), Box<dyn Error>> {
    let history = History::read(&schema("api.tl")?)?;
    assert_eq!(history.known.len(), 32);
    assert_eq!((history.known.first(), history.known.last()), (Some(&152), Some(&230)));
    assert_eq!((history.types.len(), history.functions.len()), (1753, 878));
    for editions in history.types.values().chain(history.functions.values()) {
        assert!(editions.is_sorted_by_key(|e| e.last_layer()), "{}: newest last", editions[0].text);
    }
    Ok(())
}

#[test]
fn no_id_has_two_names_in_one_layer() -> Result<(), Box<dyn Error>> {
    let history = History::read(&schema("api.tl")?)?;
    for layer in &history.known {
        let mut ids: Vec<u32> = history
            .types
            .values()
            .chain(history.functions.values())
            .flatten()
            .filter(|e| e.holds(*layer))
            .map(|e| e.definition.id)
            .collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "layer {layer}");
    }
    Ok(())
}

#[test]
fn every_definition_of_every_layer_has_random_values() -> Result<(), Box<dyn Error>> {
    let api = History::read(&schema("api.tl")?)?;
    let service = History::merge(&[(0, &schema("mtproto.tl")?)])?;
    let secret = History::read_sections(&schema("end_to_end.tl")?)?;
    for history in [&api, &service, &secret] {
        for layer in &history.known {
            let mut generator = Generator::new(history, *layer, 1);
            for name in generator.constructor_names() {
                let bytes = generator.constructor(name).unwrap_or_default();
                assert!((4..256 * 1024).contains(&bytes.len()), "{name} at {layer}");
                assert_eq!(bytes.len() % 4, 0, "{name} at {layer}");
            }
            for name in generator.function_names() {
                let bytes = generator.function(name).unwrap_or_default();
                assert!((4..256 * 1024).contains(&bytes.len()), "{name} at {layer}");
                let answer = generator.result(name).unwrap_or_default();
                assert_eq!((bytes.len() + answer.len()) % 4, 0, "{name} at {layer}");
            }
        }
    }
    Ok(())
}
