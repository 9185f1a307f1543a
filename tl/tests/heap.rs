//! What hostile input takes from the heap, counted by the allocator: four times its own size and
//! the slack that every input has, whatever it is made of.

use peak_alloc::PeakAlloc;
use tl::{Field, Limits, enums, types};
use tl_gen::history::History;
use tl_gen::random::Generator;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// What the test's own buffers and the allocator's users around it may take.
const SLACK: usize = 4096;

/// The vector of a type.
struct Entry {
    name: &'static str,
    read_many: fn(&[u8], i32) -> bool,
}

const fn entry<T: Field + Default>(name: &'static str) -> Entry {
    Entry { name, read_many: |bytes, layer| tl::from_bytes::<Vec<T>>(bytes, layer).is_ok() }
}

#[expect(clippy::extra_unused_type_parameters, reason = "the list names the type")]
const fn result<T>(name: &'static str) -> Entry {
    Entry { name, read_many: |_, _| false }
}

mod names {
    // It lists more than this file uses.
    #![allow(dead_code, unreachable_pub)]
    use super::{Entry, entry, result};
    include!(concat!(env!("OUT_DIR"), "/names.rs"));
}

/// A vector of `element`, over and over, up to about `len` bytes.
fn vector(element: &[u8], len: usize) -> Vec<u8> {
    let count = len / element.len();
    let mut bytes = [0x1cb5_c415_u32.to_le_bytes(), (count as u32).to_le_bytes()].concat();
    bytes.extend(element.repeat(count));
    bytes
}

/// Bytes of heap that reading took at its peak.
fn peak_of(read: impl FnOnce() -> bool) -> (usize, bool) {
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let done = read();
    (HEAP.peak_usage().saturating_sub(before), done)
}

// One test in this file: the counter is of the whole process.
#[test]
fn no_input_takes_more_heap_than_its_budget() {
    let mut read = 0;
    let mut refused = 0;
    let mut check = |entry: &Entry, bytes: &[u8], layer: i32| {
        let (peak, done) = peak_of(|| (entry.read_many)(bytes, layer));
        *(if done { &mut read } else { &mut refused }) += 1;
        let most = Limits::hostile(bytes.len()).bytes + SLACK;
        assert!(peak <= most, "{}: {peak} of heap for {} bytes", entry.name, bytes.len());
    };

    let history = History::read(include_str!("../schema/api.tl")).expect("it was built from it");
    for layer in [152, 230] {
        let mut random = Generator::new(&history, layer, 7);
        for name in random.constructor_names() {
            let edition = history.types[name].iter().find(|e| e.holds(layer)).expect("valid");
            let ty = edition.definition.result.as_str();
            let at = names::ENUMS.binary_search_by_key(&ty, |e| e.name).expect("generated");
            let values = (0..4).filter_map(|_| random.constructor(name));
            let Some(shortest) = values.min_by_key(Vec::len) else { continue };
            // Long ones carry their own weight.
            if shortest.len() <= 24 {
                check(&names::ENUMS[at], &vector(&shortest, 64 * 1024), layer);
            }
        }
    }

    let megabyte = 1 << 20;
    let media = entry::<enums::InputMedia>("InputMedia");
    check(&media, &vector(&types::InputMediaEmpty::ID.to_le_bytes(), megabyte), 230);
    let json = entry::<enums::JsonValue>("JSONValue");
    check(&json, &vector(&types::JsonNull::ID.to_le_bytes(), megabyte), 230);
    check(&json, &vector(&[0xff; 4], megabyte), 230);
    // Announced, not sent.
    check(&json, &[0x15, 0xc4, 0xb5, 0x1c, 0xff, 0xff, 0xff, 0x7f], 230);

    assert!(read > 100 && refused > 100, "{read} read, {refused} refused");
}
