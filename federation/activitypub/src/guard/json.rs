//! How deep and how large JSON is, told by its brackets and commas, before it is parsed.

/// Arrays and objects inside one another.
const DEPTH_MAX: usize = 64;
/// Values of all kinds.
const NODES_MAX: usize = 20_000;

/// Refuses what would cost more than an activity may. It need not be JSON: that shows later.
pub(crate) fn check(bytes: &[u8]) -> Result<(), &'static str> {
    let (mut depth, mut nodes) = (0_usize, 1_usize);
    let (mut in_text, mut escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => {
                depth += 1;
                nodes += 1;
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' => nodes += 1,
            _ => {}
        }
        if depth > DEPTH_MAX {
            return Err("too deep");
        }
        if nodes > NODES_MAX {
            return Err("too many values");
        }
    }
    Ok(())
}
