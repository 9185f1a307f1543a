//! A definition's id is the CRC32 of its line in a plain form.
//!
//! The plain form has no id and no `;`, leaves out pure flags (`flags.N?true`, they have no
//! bytes), writes `bytes` as `string`, `<` as a space, and drops `>`, `{` and `}`. So a matching
//! id proves names, order and types of all fields with bytes; it proves neither pure flags nor
//! `bytes` against `string`. See <https://core.telegram.org/mtproto/TL-formal>.

/// How the id of a definition is known to follow from its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// CRC32 of the plain form.
    Plain,
    /// CRC32 of the plain form with `bytes` left as it is.
    BytesKept,
    /// From no form that is known.
    Unknown,
}

/// The published definitions that do not follow [`Rule::Plain`].
pub const EXCEPTIONS: [(&str, u32, Rule); 4] = [
    ("ipPortSecret", 0x3798_2646, Rule::BytesKept),
    ("decryptedMessageMediaDocument", 0x6abd_9782, Rule::BytesKept),
    ("accessPointRule", 0x4679_b65f, Rule::Unknown),
    ("help.configSimple", 0x5a59_2a6c, Rule::Unknown),
];

/// The rule that the definition of this name and id follows.
#[must_use]
pub fn rule(name: &str, id: u32) -> Rule {
    EXCEPTIONS
        .iter()
        .find(|(n, i, _)| *n == name && *i == id)
        .map_or(Rule::Plain, |(_, _, rule)| *rule)
}

/// The id that the line should have, by `rule`; `None` for [`Rule::Unknown`].
#[must_use]
pub fn id(line: &str, rule: Rule) -> Option<u32> {
    (rule != Rule::Unknown)
        .then(|| crc32fast::hash(plain(line, rule == Rule::BytesKept).as_bytes()))
}

fn plain(line: &str, bytes_kept: bool) -> String {
    let mut out = String::with_capacity(line.len());
    for (i, word) in line.trim_end_matches(';').split(' ').enumerate() {
        if i == 0 {
            out.push_str(word.split('#').next().unwrap_or(word));
            continue;
        }
        if word.ends_with("?true") {
            continue;
        }
        out.push(' ');
        match word.strip_suffix("bytes").filter(|w| !bytes_kept && w.ends_with([':', '?'])) {
            Some(field) => {
                out.push_str(field);
                out.push_str("string");
            }
            None => out.push_str(word),
        }
    }
    out.replace('<', " ").replace(['>', '{', '}'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_ids_follow_from_their_lines() {
        for (line, want) in [
            ("boolFalse#bc799737 = Bool;", 0xbc79_9737),
            ("vector#1cb5c415 {t:Type} # [ t ] = Vector t;", 0x1cb5_c415),
            (
                "inputFile#f52ff27f id:long parts:int name:string md5_checksum:string = InputFile;",
                0xf52f_f27f,
            ),
            ("rpc_result#f35c6d01 req_msg_id:long result:Object = RpcResult;", 0xf35c_6d01),
            ("msg_container#73f1f8dc messages:vector<message> = MessageContainer;", 0x73f1_f8dc),
            (
                "upload.saveFilePart#b304a621 file_id:long file_part:int bytes:bytes = Bool;",
                0xb304_a621,
            ),
        ] {
            assert_eq!(id(line, Rule::Plain), Some(want), "{line}");
        }
    }

    #[test]
    fn a_changed_field_changes_the_id() {
        let line = "pong#347773c5 msg_id:long ping_id:int = Pong;";
        assert_ne!(id(line, Rule::Plain), Some(0x3477_73c5));
    }
}
