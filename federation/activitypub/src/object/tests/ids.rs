use proptest::prelude::*;

use super::super::read::json::web_id;
use super::*;

#[test]
fn a_base_is_a_scheme_and_a_host() {
    for (base, domain) in [
        ("https://ap.example/x", "example.org"),
        ("https://ap.example?x", "example.org"),
        ("https://u@ap.example", "example.org"),
        ("ftp://ap.example", "example.org"),
        ("ap.example", "example.org"),
        ("https://ap.example", ""),
        ("https://ap.example", "a b"),
        ("https://ap.example", "example.org:x"),
    ] {
        assert_eq!(Ids::new(base, domain), None, "{base} {domain}");
    }
    let test = Ids::new("http://127.0.0.1:8080/", "127.0.0.1:8080").unwrap();
    assert_eq!(test.url(&Place::Node), "http://127.0.0.1:8080/ap/node");
    assert_eq!(test.handle("news"), "@news@127.0.0.1:8080");
    assert_eq!(Ids::new("https://AP.example", "Example.ORG"), Some(ids()));
}

#[test]
fn other_paths_name_nothing() {
    let c = CID.to_string();
    let m = MID.to_string();
    for wrong in [
        String::new(),
        "/".into(),
        "/ap".into(),
        "/ap/".into(),
        "/ap/node/".into(),
        "/ap/nodes".into(),
        format!("/ap/c/{}", c.to_uppercase()),
        format!("/ap/c/{c}="),
        format!("/ap/c/{c}/"),
        format!("/ap/c/{c}a"),
        format!("/ap/c/{c}/p"),
        format!("/ap/c/{c}/p/{m}/a"),
        format!("/ap/c/{c}/p/{m}/a/01"),
        format!("/ap/c/{c}/p/{m}/a/+1"),
        format!("/ap/c/{c}/p/{m}-0"),
        format!("/ap/c/{c}/p/0{m}"),
        format!("/ap/c/{c}/p/{}/likes", m.replace("-30", "-030")),
        format!("/ap/c/{c}/p/{m}?x"),
        format!("/ap/c/{c}/a/18446744073709551616"),
        format!("/ap/c/{c}/../../x"),
        format!("/ap/c/{c}%2Finbox"),
        "/ap/m/abcdefgh".into(),
        "/ap/m/../abcdefgh.jpg".into(),
        "/ap/m/ABCDEFGH.jpg".into(),
        "/ap/m/abcdefgh.tar.gz".into(),
        "/ap/m/abcdefgh.".into(),
        format!("/ap/c/{}", "a".repeat(10_000)),
        // Bits that nothing needs: base32 of 16 bytes ends in a letter of 3 bits.
        format!("/ap/c/{c}/p/aaaaaaaaaaaaaaaaaaaaaaaaab-0-0"),
    ] {
        assert_eq!(Place::parse(&wrong), None, "{wrong}");
    }
    let id = ids().url(&Place::Actor(CID));
    for wrong in [
        format!("{id}#main-key"),
        format!("{id}?x"),
        id.replace("https", "http"),
        id.replace("ap.example", "ap.example.evil"),
        id.replace("ap.example", "ap.example:443"),
    ] {
        assert_eq!(ids().parse(&wrong), None, "{wrong}");
    }
}

#[test]
fn dates_are_read_as_others_write_them() {
    let at = 1_796_028_900;
    for text in [
        "2026-11-30T08:55:00Z",
        "2026-11-30T08:55:00.123456Z",
        "2026-11-30t08:55:00z",
        "2026-11-30T09:55:00+01:00",
        "2026-11-30T03:25:00-05:30",
        "2026-11-30T09:55:00+0100",
        " 2026-11-30T08:55:00Z ",
        "2026-11-30T08:55:00",
        "2026-11-30 08:55:00Z",
    ] {
        assert_eq!(read_date(text), Some(at), "{text}");
    }
    for text in [
        "",
        "2026-11-30",
        "2026-13-30T08:55:00Z",
        "2026-02-30T08:55:00Z",
        "2026-11-30T25:55:00Z",
        "2026-11-30T08:55:00+99:00",
        "2026-11-30T08:55:00Zx",
        "２026-11-30T08:55:00Z",
        "2026-11-30T08:55:00+é",
        "2026-11-30T08:55:00+1",
    ] {
        assert_eq!(read_date(text), None, "{text}");
    }
    assert_eq!(read_date("2016-12-31T23:59:60Z"), read_date("2016-12-31T23:59:59Z"));
    assert_eq!(write_date(i64::MAX), "9999-12-31T23:59:59Z");
    assert_eq!(write_date(i64::MIN), "0000-01-01T00:00:00Z");
}

fn any_cid() -> impl Strategy<Value = Cid> {
    any::<[u8; 20]>().prop_map(Cid)
}

fn any_mid() -> impl Strategy<Value = Mid> {
    (any::<[u8; 16]>(), any::<u32>(), any::<u64>()).prop_map(|(node, inc, seq)| Mid {
        node,
        inc,
        seq,
    })
}

fn any_place() -> impl Strategy<Value = Place> {
    let c = any_cid;
    let cm = || (any_cid(), any_mid());
    prop_oneof![
        Just(Place::Node),
        Just(Place::NodeInbox),
        Just(Place::NodeOutbox),
        Just(Place::SharedInbox),
        any::<u64>().prop_map(Place::NodeActivity),
        c().prop_map(Place::Actor),
        c().prop_map(Place::Inbox),
        c().prop_map(Place::Outbox),
        c().prop_map(Place::Followers),
        c().prop_map(Place::Following),
        c().prop_map(Place::Featured),
        (c(), any::<u64>()).prop_map(|(c, n)| Place::Activity(c, n)),
        (c(), any::<u64>()).prop_map(|(c, n)| Place::Stamp(c, n)),
        cm().prop_map(|(c, m)| Place::Post(c, m)),
        (c(), any_mid(), any::<u64>()).prop_map(|(c, m, n)| Place::PostActivity(c, m, n)),
        cm().prop_map(|(c, m)| Place::Replies(c, m)),
        cm().prop_map(|(c, m)| Place::Likes(c, m)),
        cm().prop_map(|(c, m)| Place::Shares(c, m)),
        cm().prop_map(|(c, m)| Place::Context(c, m)),
        ("[a-z0-9]{8,64}", "[a-z0-9]{1,4}")
            .prop_map(|(hash, extension)| Place::Media(hash, extension)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Each place has one address, and that names it.
    #[test]
    fn addresses_name_their_places(place in any_place(), mid in any_mid()) {
        let ids = ids();
        prop_assert_eq!(ids.parse(&ids.url(&place)), Some(place.clone()));
        prop_assert_eq!(Place::parse(&place.path()), Some(place.clone()));
        let url = ids.url(&place);
        prop_assert_eq!(web_id(&url), Some(url.as_str()));
        for name in [KeyName::Main, KeyName::Ed25519] {
            let key = ids.key(&place, name);
            prop_assert_eq!(key.split_once('#').map(|(actor, _)| actor), Some(url.as_str()));
            prop_assert_eq!(ids.parse(&key), None);
        }
        for cursor in [Cursor::Newest, Cursor::Max(mid), Cursor::Min(mid)] {
            prop_assert_eq!(Cursor::parse(&cursor.query()), Some(cursor));
        }
    }

    /// A path that was changed in any place names something else, or nothing.
    #[test]
    fn changed_paths_name_nothing_else(place in any_place(), at: prop::sample::Index, with in "[ -~]") {
        let path = place.path();
        let mut bytes = path.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = with.as_bytes()[0];
        let changed = String::from_utf8(bytes).unwrap();
        if let Some(other) = Place::parse(&changed) {
            prop_assert_eq!(other.path(), changed);
        }
    }
}
