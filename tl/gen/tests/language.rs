//! Lines of the TL language, and their names in Rust.

use tl_gen::names::{camel, field, split};
use tl_gen::schema::{ParseError, Type, parse, parse_type};

#[test]
fn a_line_is_taken_apart() -> Result<(), ParseError> {
    let line = "help.termsOfService#780a0310 flags:# popup:flags.0?true id:DataJSON \
                entities:Vector<MessageEntity> min_age_confirm:flags.1?int = help.TermsOfService;";
    let definition = parse(line)?;
    assert_eq!((definition.name.as_str(), definition.id), ("help.termsOfService", 0x780a_0310));
    assert_eq!(definition.result, "help.TermsOfService");
    let params: Vec<_> =
        definition.params.iter().map(|p| (p.name.as_str(), &p.ty, p.flag.clone())).collect();
    let entities = Type::Vector(Box::new(Type::Boxed("MessageEntity".into())));
    assert_eq!(
        params,
        [
            ("flags", &Type::Flags, None),
            ("popup", &Type::True, Some(("flags".to_owned(), 0))),
            ("id", &Type::Boxed("DataJSON".into()), None),
            ("entities", &entities, None),
            ("min_age_confirm", &Type::Int, Some(("flags".to_owned(), 1))),
        ]
    );
    Ok(())
}

#[test]
fn bare_boxed_and_open_types_differ() {
    let future_salts = Type::BareVector(Box::new(Type::Bare("future_salt".into())));
    assert_eq!(parse_type("vector<future_salt>"), future_salts);
    assert_eq!(parse_type("help.Config"), Type::Boxed("help.Config".into()));
    for open in ["!X", "X", "Object"] {
        assert_eq!(parse_type(open), Type::Rest, "{open}");
    }
    let nested = Type::Vector(Box::new(Type::Vector(Box::new(Type::Bytes))));
    assert_eq!(parse_type("Vector<Vector<bytes>>"), nested);
}

#[test]
fn lines_that_are_no_definitions() {
    for line in [
        "",
        "boolTrue#997275b5 = Bool",
        "boolTrue = Bool;",
        "boolTrue#xyz = Bool;",
        "boolTrue#997275b5;",
        "user#00000001 id = User;",
        "user#00000001 id:flags?long = User;",
        "user#00000001 id:flags.x?long = User;",
    ] {
        assert_eq!(parse(line), Err(ParseError(line.to_owned())));
    }
}

#[test]
fn rust_names() {
    for (tl, rust) in [
        ("user", "User"),
        ("JSONValue", "JsonValue"),
        ("inputCheckPasswordSRP", "InputCheckPasswordSrp"),
        ("p_q_inner_data_dc", "PQInnerDataDc"),
        ("msgs_state_req", "MsgsStateReq"),
    ] {
        assert_eq!(camel(tl), rust);
    }
    assert_eq!(split("messages.sendMessage"), (Some("messages"), "sendMessage"));
    assert_eq!(split("ping"), (None, "ping"));
    assert_eq!([field("type"), field("self"), field("Phone")], ["type_", "self_", "phone"]);
}
