use super::*;

const ONE: &str = "\
// layer 1
call#00000001 = Call;
gone#00000002 = Gone;
---functions---
get#00000003 = Call;
";
const TWO: &str = "\
// layer 3
call#00000004 id:int = Call;
---functions---
get#00000003 = Call;
";
const THREE: &str = "\
// layer 5
call#00000001 = Call;
---functions---
get#00000003 = Call;
more#00000005 = Call;
";

fn merged() -> Result<History, ParseError> {
    History::merge(&[(1, ONE), (3, TWO), (5, THREE)])
}

#[test]
fn a_layer_in_between_is_served_by_the_next_higher_one() -> Result<(), ParseError> {
    let history = merged()?;
    let ranges: Vec<&Ranges> = history.types["call"].iter().map(|e| &e.layers).collect();
    // The first edition came back, so it is the newest and last.
    assert_eq!(ranges, [&vec![(2, 3)], &vec![(1, 1), (4, 5)]]);
    assert_eq!(history.types["gone"][0].layers, [(1, 1)]);
    assert_eq!(history.functions["get"][0].layers, [(1, 5)]);
    Ok(())
}

#[test]
fn print_and_read_agree_and_give_back_each_layer() -> Result<(), ParseError> {
    let history = merged()?;
    assert_eq!(History::read(&history.print())?, history);
    for (layer, text) in [(1, ONE), (3, TWO), (5, THREE)] {
        assert_eq!(history.layer(layer), text);
    }
    Ok(())
}

#[test]
fn add_layer_is_one_more_merge_and_tells_the_changes() -> Result<(), ParseError> {
    let mut history = History::merge(&[(1, ONE), (3, TWO)])?;
    let changes = history.add_layer(5, THREE)?;
    assert_eq!(history, merged()?);
    assert_eq!(changes.added, ["more"]);
    assert_eq!(changes.removed, Vec::<String>::new());
    let pair = ("call#00000004 id:int = Call;".to_owned(), "call#00000001 = Call;".to_owned());
    assert_eq!(changes.changed, [pair]);
    assert!(changes.to_string().contains("+ more\n"));
    assert!(history.add_layer(5, THREE).is_err(), "a layer is added once");
    Ok(())
}

#[test]
fn sections_hold_until_a_newer_edition() -> Result<(), ParseError> {
    let text = "// end-to-end\n===8===\na#00000001 = A;\nb#00000002 = B;\n===17===\na#00000003 x:int = A;\n===20===\n";
    let history = History::read_sections(text)?;
    let ranges = |name: &str| -> Vec<(i32, i32)> {
        history.types[name].iter().flat_map(|e| e.layers.clone()).collect()
    };
    assert_eq!(ranges("a"), [(8, 16), (17, 20)]);
    assert_eq!(ranges("b"), [(8, 20)]);
    assert!(History::read_sections("a#00000001 = A;\n").is_err(), "no section opened");
    Ok(())
}

#[test]
fn broken_lines_are_errors() {
    for line in
        ["152 a#00000001 = A;", "x-y a#00000001 = A;", "1-2 a = A;", "1-2 a#00000001 = A", "1-2"]
    {
        assert!(History::read(line).is_err(), "{line}");
    }
}
