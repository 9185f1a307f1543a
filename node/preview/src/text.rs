//! Bytes of a page to text, and text to what a client shows.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::meta;

/// Where a page may say its charset, as browsers look for it.
///
/// Source: <https://html.spec.whatwg.org/multipage/parsing.html#prescan-a-byte-stream-to-determine-its-encoding>
const PRESCAN_BYTES: usize = 1024;

/// Decodes a page: by its byte order mark, else by the header, else by what it says itself, else as
/// UTF-8 if it is that, else as browsers do.
pub(crate) fn decode(bytes: &[u8], charset: Option<&str>) -> String {
    let said = charset.and_then(label).or_else(|| {
        let start = &bytes[..bytes.len().min(PRESCAN_BYTES)];
        let (text, ..) = WINDOWS_1252.decode(start);
        // A page in UTF-16 could not say so in bytes of ASCII.
        label(&meta::charset(&text)?).map(|found| match found {
            found if found == UTF_16LE || found == UTF_16BE => UTF_8,
            found => found,
        })
    });
    let guess = || match std::str::from_utf8(bytes) {
        // A page that was cut may end in half a character.
        Err(error) if error.error_len().is_some() => WINDOWS_1252,
        _ => UTF_8,
    };
    let (text, ..) = said.unwrap_or_else(guess).decode(bytes);
    text.into_owned()
}

fn label(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(label.as_bytes())
}

/// One line of at most `chars_max` characters: runs of spaces and of control characters become one
/// space, and what is longer is cut, with an ellipsis for its last character. Marks that turn the
/// direction of what stands around them go. Nothing if nothing is left.
pub(crate) fn line(text: &str, chars_max: usize) -> Option<String> {
    let shown = |c: &char| !matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let mut line = String::new();
    let mut count = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let mut space = !line.is_empty();
        for c in word.chars().filter(shown) {
            let wanted = 1 + usize::from(space);
            if count + wanted > chars_max {
                if count == chars_max {
                    line.pop();
                }
                line.truncate(line.trim_end().len());
                line.push('…');
                return Some(line);
            }
            if space {
                line.push(' ');
                space = false;
            }
            line.push(c);
            count += wanted;
        }
    }
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charsets() {
        let page = |meta: &str, text: &[u8]| [meta.as_bytes(), text].concat();
        let cases: [(Vec<u8>, Option<&str>, &str); 9] = [
            ("Grüße".into(), None, "Grüße"),
            (b"Gr\xFC\xDFe".to_vec(), None, "Grüße"),
            (b"Gr\xFC\xDFe".to_vec(), Some("iso-8859-1"), "Grüße"),
            (b"\xCF\xF0\xE8\xE2\xE5\xF2".to_vec(), Some("windows-1251"), "Привет"),
            (page("<meta charset=koi8-r>", b"\xF0\xD2\xC9"), None, "<meta charset=koi8-r>При"),
            (b"\xEF\xBB\xBFx\xC3\xBC".to_vec(), Some("windows-1251"), "xü"),
            (b"\xFF\xFEa\0b\0".to_vec(), Some("utf-8"), "ab"),
            (b"\x93\xFA\x96{".to_vec(), Some("Shift_JIS"), "日本"),
            ("ü".into(), Some("no-such-charset"), "ü"),
        ];
        for (bytes, charset, wanted) in cases {
            assert_eq!(decode(&bytes, charset), wanted);
        }
        let old = "<meta http-equiv=\"Content-Type\" content=\"text/html; charset=gb2312\">";
        assert!(decode(&page(old, b"\xC4\xE3\xBA\xC3"), None).ends_with("你好"));
        // Escapes of this one have let scripts through: browsers refuse it, and so do we.
        assert_eq!(decode(b"ab", Some("iso-2022-kr")), "ab");
        // A character that was cut does not make its page windows-1252.
        assert!(decode(b"\xC3\xBC\xC3", None).starts_with('ü'));
    }

    #[test]
    fn lines() {
        assert_eq!(line("  a \n\t b\u{0}c\u{202E}d ", 99).unwrap(), "a b cd");
        assert_eq!(line("äöü äöü", 7).unwrap(), "äöü äöü");
        assert_eq!(line("äöü äöü", 6).unwrap(), "äöü ä…");
        assert_eq!(line("äöü äöü", 5).unwrap(), "äöü…");
        assert_eq!(line("äöü äöü", 4).unwrap(), "äöü…");
        assert_eq!(line("äöü äöü", 3).unwrap(), "äö…");
        assert_eq!(line("äöü ", 3).unwrap(), "äöü");
        assert_eq!(line(" \u{202E}\n", 5), None);
    }
}
