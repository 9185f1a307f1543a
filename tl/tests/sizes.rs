//! Values are queued and passed around by the thousand, so no enum may be wide: what is bigger than
//! a few words is behind a pointer.

mod common;

const _: () = assert!(size_of::<tl::enums::User>() <= 128);
const _: () = assert!(size_of::<tl::enums::Message>() <= 128);
const _: () = assert!(size_of::<tl::enums::Update>() <= 128);

#[test]
fn no_enum_is_bigger_than_four_words() {
    let all = common::ENUMS.iter().chain(common::SERVICE_ENUMS);
    let wide: Vec<_> = all.filter(|e| e.size > 32).map(|e| (e.name, e.size)).collect();
    assert!(wide.is_empty(), "{wide:?}");
}
