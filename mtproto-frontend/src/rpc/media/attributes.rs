//! What clients say of documents, bounded: names, kinds, lengths.
//!
//! Source: <https://core.telegram.org/type/DocumentAttribute>

use node_core::{DocumentAttribute, Double};
use tl::enums;
use tl::types::InputMediaUploadedDocument;

use super::uploads::is_sticker;

/// Attributes that are looked at; there are not so many kinds.
const ATTRIBUTES_MAX: usize = 16;

/// Longest name of a file, in bytes: what file systems take.
const NAME_BYTES_MAX: usize = 255;

/// Longest ending of a name that is kept where the name is cut.
const ENDING_BYTES_MAX: usize = 16;

/// Longest type, in bytes (RFC 6838 has 127 on either side; no registered one is near).
const MIME_BYTES_MAX: usize = 127;

/// What is not known to be anything else.
const ANY: &str = "application/octet-stream";

/// Longest title and performer of music, in characters.
const TITLE_CHARS_MAX: usize = 256;

/// A hundred bars of 5 bits.
///
/// Source: <https://core.telegram.org/constructor/documentAttributeAudio>
const WAVEFORM_BYTES_MAX: usize = 63;

/// Longest emoji that a sticker stands for, in bytes: families have 25, and more with colours.
const ALT_BYTES_MAX: usize = 64;

/// Longest name of a codec, in bytes.
const CODEC_BYTES_MAX: usize = 16;

/// Longest side of a picture or a film, in pixels.
const SIDE_MAX: i32 = 65_535;

/// Longest film or music: what a day and more has.
const DURATION_S_MAX: i32 = 1 << 20;

/// What is known of a document without looking into it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    pub(super) mime_type: String,
    pub(super) attributes: Vec<DocumentAttribute>,
}

impl Said {
    /// `name` is that of the upload, for documents that have no other.
    pub(super) fn read(sent: &InputMediaUploadedDocument, name: &str) -> Self {
        let mut attributes: Vec<DocumentAttribute> = Vec::new();
        for said in sent.attributes.iter().take(ATTRIBUTES_MAX) {
            let Some(read) = attribute(said) else { continue };
            let kind = std::mem::discriminant(&read);
            // The first of each kind stands.
            if attributes.iter().all(|known| std::mem::discriminant(known) != kind) {
                attributes.push(read);
            }
        }
        use DocumentAttribute as Is;
        if sent.force_file {
            let shown = |is: &Is| matches!(is, Is::Video { .. } | Is::Animated);
            attributes.retain(|is| !shown(is));
        }
        // Its sender wants a film, with sound or without; one that is said to be a GIF too stays one.
        if sent.nosound_video {
            for is in &mut attributes {
                if let Is::Video { nosound, .. } = is {
                    *nosound = true;
                }
            }
        }
        let nameless = attributes.iter().any(|is| {
            matches!(
                is,
                Is::Filename(_)
                    | Is::Sticker { .. }
                    | Is::Audio { voice: true, .. }
                    | Is::Video { round_message: true, .. }
            )
        });
        if !nameless {
            attributes.extend(file_name(name).map(Is::Filename));
        }
        if sent.stickers.as_ref().is_some_and(|stickers| !stickers.is_empty()) {
            attributes.push(Is::HasStickers);
        }
        Self { mime_type: mime_type(&sent.mime_type), attributes }
    }

    /// Whether it is said to be a film that is a GIF if it has no sound.
    pub(super) fn may_be_gif(&self) -> bool {
        use DocumentAttribute as Is;
        let film = |is: &Is| matches!(is, Is::Video { round_message: false, .. });
        let other =
            |is: &Is| matches!(is, Is::Animated | Is::Sticker { .. } | Is::CustomEmoji { .. });
        self.mime_type == "video/mp4"
            && self.attributes.iter().any(film)
            && !self.attributes.iter().any(other)
    }

    /// Whether it is said to be a picture of a kind that is looked at.
    pub(super) fn is_picture(&self) -> bool {
        let kinds = ["image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"];
        kinds.contains(&self.mime_type.as_str())
    }

    /// Clients are not told to show it as a picture.
    pub(super) fn has_no_size(&mut self) {
        self.attributes
            .retain(|is| !matches!(is, DocumentAttribute::ImageSize { .. }) && !is_sticker(is));
    }

    /// It is any file, whatever was said.
    pub(super) fn is_no_picture(&mut self) {
        self.has_no_size();
        self.attributes.retain(|is| !matches!(is, DocumentAttribute::Animated));
        ANY.clone_into(&mut self.mime_type);
    }
}

/// One attribute; `None` for what makes no sense, or is not a client's to say.
fn attribute(said: &enums::DocumentAttribute) -> Option<DocumentAttribute> {
    use enums::DocumentAttribute as Said;
    let side = |side: i32| (0..=SIDE_MAX).contains(&side);
    Some(match said {
        Said::DocumentAttributeImageSize(said) => {
            if !side(said.w) || !side(said.h) {
                return None;
            }
            DocumentAttribute::ImageSize { width: said.w, height: said.h }
        }
        Said::DocumentAttributeAnimated(_) => DocumentAttribute::Animated,
        Said::DocumentAttributeSticker(said) => {
            if said.alt.len() > ALT_BYTES_MAX {
                return None;
            }
            // Which set it is in is said by the set.
            DocumentAttribute::Sticker { mask: said.mask, alt: said.alt.clone(), set: None }
        }
        Said::DocumentAttributeVideo(said) => {
            if !side(said.w) || !side(said.h) {
                return None;
            }
            let whole = f64::from(said.duration_until_158);
            let duration = if said.duration == 0.0 { whole } else { said.duration };
            let bytes = |bytes: &i32| *bytes > 0;
            let codec = said.video_codec.clone().filter(|codec| {
                codec.len() <= CODEC_BYTES_MAX && codec.bytes().all(|b| b.is_ascii_graphic())
            });
            DocumentAttribute::Video {
                round_message: said.round_message,
                supports_streaming: said.supports_streaming,
                nosound: said.nosound,
                duration: seconds(duration),
                width: said.w,
                height: said.h,
                preload_prefix_size: said.preload_prefix_size.filter(bytes),
                video_start_ts: said.video_start_ts.map(seconds),
                video_codec: codec,
            }
        }
        Said::DocumentAttributeAudio(said) => {
            let waveform = said.waveform.clone().filter(|_| said.voice);
            DocumentAttribute::Audio {
                voice: said.voice,
                duration: said.duration.clamp(0, DURATION_S_MAX),
                title: said.title.as_deref().and_then(title),
                performer: said.performer.as_deref().and_then(title),
                waveform: waveform.map(|mut waveform| {
                    waveform.truncate(WAVEFORM_BYTES_MAX);
                    waveform
                }),
            }
        }
        Said::DocumentAttributeFilename(said) => {
            DocumentAttribute::Filename(file_name(&said.file_name)?)
        }
        // Said by the list of stickers; and custom emoji belong to sets.
        Said::DocumentAttributeHasStickers(_) | Said::DocumentAttributeCustomEmoji(_) => {
            return None;
        }
    })
}

fn seconds(said: f64) -> Double {
    let fits = said.is_finite() && said > 0.0;
    if fits { said.min(f64::from(DURATION_S_MAX)).into() } else { 0.0.into() }
}

fn title(said: &str) -> Option<String> {
    let title: String = said.chars().filter(|c| !is_unseen(*c)).take(TITLE_CHARS_MAX).collect();
    let title = title.trim();
    (!title.is_empty()).then(|| title.to_owned())
}

/// Control characters, and those that turn the direction of text around: `gpj.exe` is shown as
/// `exe.jpg` with them.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The name of a file without any way to it, and without what is not seen; `None` if nothing is
/// left.
pub(super) fn file_name(said: &str) -> Option<String> {
    let last = said.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last
        .chars()
        .filter(|c| !is_unseen(*c))
        .map(|c| if matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*') { '_' } else { c })
        .collect();
    let name = name.trim().trim_end_matches(['.', ' ']);
    if name.is_empty() {
        return None;
    }
    if name.len() <= NAME_BYTES_MAX {
        return Some(name.to_owned());
    }
    let ending = name.rfind('.').map_or("", |at| name.get(at..).unwrap_or_default());
    let ending = if ending.len() <= ENDING_BYTES_MAX { ending } else { "" };
    let mut end = NAME_BYTES_MAX - ending.len();
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    Some(format!("{}{ending}", name.get(..end).unwrap_or_default()))
}

/// `type/subtype` in lower case; anything else is just bytes.
fn mime_type(said: &str) -> String {
    let token = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    // Parameters tell browsers more than a file's type.
    let said = said.split(';').next().unwrap_or_default().trim();
    let fits = said.len() <= MIME_BYTES_MAX
        && said.split_once('/').is_some_and(|(kind, sub)| token(kind) && token(sub));
    if fits { said.to_ascii_lowercase() } else { ANY.to_owned() }
}

#[cfg(test)]
mod tests {
    use tl::types as t;

    use super::*;

    #[test]
    fn names_have_no_way_and_nothing_unseen() {
        for (said, kept) in [
            ("photo.jpg", Some("photo.jpg")),
            ("../../etc/passwd", Some("passwd")),
            ("C:\\Windows\\system32\\evil.exe", Some("evil.exe")),
            ("/", None),
            ("..", None),
            ("a/..", None),
            (" . ", None),
            ("", None),
            ("x\u{202e}gpj.exe", Some("xgpj.exe")),
            ("a\0b\n\u{7f}c\u{85}d.txt", Some("abcd.txt")),
            ("\u{2066}\u{feff}", None),
            ("con<>:\"|?*.txt", Some("con_______.txt")),
            ("Ünïcödé 東京.pdf", Some("Ünïcödé 東京.pdf")),
            (".bashrc", Some(".bashrc")),
        ] {
            assert_eq!(file_name(said).as_deref(), kept, "{said:?}");
        }
        let long = file_name(&format!("{}.jpeg", "é".repeat(500))).unwrap();
        assert!(long.len() <= NAME_BYTES_MAX && long.ends_with("é.jpeg"), "{long}");
    }

    #[test]
    fn types_are_types() {
        for (said, kept) in [
            ("image/JPEG", "image/jpeg"),
            ("application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text"),
            ("text/html; charset=utf-8", "text/html"),
            ("", ANY),
            ("image", ANY),
            ("image/", ANY),
            ("a/b/c", ANY),
            ("image/jpeg\r\nX-Header: 1", ANY),
            ("im age/jpeg", ANY),
        ] {
            assert_eq!(mime_type(said), kept, "{said:?}");
        }
        assert_eq!(mime_type(&format!("a/{}", "b".repeat(200))), ANY);
    }

    #[test]
    fn attributes_are_bounded_and_single() {
        let audio = |waveform: usize| t::DocumentAttributeAudio {
            voice: true,
            duration: -5,
            title: Some("x".repeat(1000)),
            performer: Some("\u{202e}".into()),
            waveform: Some(vec![1; waveform]),
        };
        let video = t::DocumentAttributeVideo {
            duration: f64::NAN,
            w: 10,
            h: 10,
            preload_prefix_size: Some(-1),
            video_codec: Some("x".repeat(100)),
            ..Default::default()
        };
        let sent = InputMediaUploadedDocument {
            attributes: vec![
                audio(5000).into(),
                audio(1).into(),
                video.into(),
                t::DocumentAttributeImageSize { w: -1, h: 5 }.into(),
                t::DocumentAttributeHasStickers {}.into(),
            ],
            ..Default::default()
        };
        let said = Said::read(&sent, "../name");
        let [Audio { duration: 0, title: Some(title), performer: None, waveform, .. }, video] =
            &said.attributes[..]
        else {
            panic!("{said:?}")
        };
        use DocumentAttribute::{Audio, Video};
        assert_eq!(title.len(), TITLE_CHARS_MAX);
        assert_eq!(waveform.as_ref().map(Vec::len), Some(WAVEFORM_BYTES_MAX));
        let Video { duration, preload_prefix_size: None, video_codec: None, .. } = video else {
            panic!("{video:?}")
        };
        assert_eq!(*duration, 0.0.into());
        assert_eq!(said.mime_type, ANY);
        let plain = Said::read(&InputMediaUploadedDocument::default(), "../name");
        assert_eq!(plain.attributes, [DocumentAttribute::Filename("name".into())]);
    }

    #[test]
    fn a_file_is_a_file_where_the_client_wants_it() {
        let video = t::DocumentAttributeVideo { duration: 1.5, w: 4, h: 4, ..Default::default() };
        let attributes = vec![video.into(), t::DocumentAttributeAnimated {}.into()];
        let sent = InputMediaUploadedDocument { attributes, ..Default::default() };
        let kinds = |sent: &InputMediaUploadedDocument| {
            let said = Said::read(sent, "");
            let is = |what: fn(&DocumentAttribute) -> bool| said.attributes.iter().any(what);
            (
                is(|is| matches!(is, DocumentAttribute::Animated)),
                is(|is| matches!(is, DocumentAttribute::Video { nosound: false, .. })),
                is(|is| matches!(is, DocumentAttribute::Video { nosound: true, .. })),
            )
        };
        assert_eq!(kinds(&sent), (true, true, false));
        let silent = InputMediaUploadedDocument { nosound_video: true, ..sent.clone() };
        assert_eq!(kinds(&silent), (true, false, true));
        let file = InputMediaUploadedDocument { force_file: true, ..sent };
        assert_eq!(kinds(&file), (false, false, false));
    }
}
