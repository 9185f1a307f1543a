//! What stands behind a link, by its shape alone: nothing is looked up, so nothing is told.

/// Digits of a number, at least and at most.
const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// Characters of an invite's hash or of a token.
const TOKEN_CHARS: std::ops::RangeInclusive<usize> = 10..=128;

/// A page with a button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) title: String,
    pub(crate) says: &'static str,
    pub(crate) button: &'static str,
    /// `tg://…`
    pub(crate) opens: String,
}

/// Whether a username has a shape that may be somebody's.
#[must_use]
pub fn is_username(name: &str) -> bool {
    (5..=32).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
}

/// `+NUMBER` or `+HASH`; a space is what a form makes of the plus.
pub(crate) fn plus(name: &str) -> Option<Link> {
    let rest = name.strip_prefix('+').or_else(|| name.strip_prefix(' '))?;
    if rest.bytes().all(|b| b.is_ascii_digit()) {
        return NUMBER_DIGITS.contains(&rest.len()).then(|| Link {
            title: format!("+{rest}"),
            says: "Write to this number. Whether it is anybody's, only your app can ask.",
            button: "Open chat",
            opens: format!("tg://resolve?phone={rest}"),
        });
    }
    invite(rest)
}

/// A link with more than one part.
pub(crate) fn of_kind(kind: &str, rest: &str) -> Option<Link> {
    match kind {
        "c" => private_post(rest),
        "u" => number(rest).map(|id| Link {
            title: "A member".into(),
            says: "Your app shows who this is, if it knows the member already.",
            button: "Open profile",
            opens: format!("tg://user?id={id}"),
        }),
        "contact" => is_token(rest).then(|| Link {
            title: "A contact".into(),
            says: "Somebody gave you this link to be found for a while.",
            button: "Open profile",
            opens: format!("tg://contact?token={rest}"),
        }),
        "joinchat" => invite(rest),
        _ => None,
    }
}

fn invite(hash: &str) -> Option<Link> {
    is_token(hash).then(|| Link {
        title: "An invitation".into(),
        says: "Your app shows to which chat, and asks before it joins.",
        button: "View invitation",
        opens: format!("tg://join?invite={hash}"),
    })
}

/// `ID/MSG` or `ID/THREAD/MSG`
fn private_post(rest: &str) -> Option<Link> {
    let parts = rest.split('/').map(number).collect::<Option<Vec<u64>>>()?;
    let opens = match parts[..] {
        [channel, post] => format!("tg://privatepost?channel={channel}&post={post}"),
        [channel, thread, post] => {
            format!("tg://privatepost?channel={channel}&post={post}&thread={thread}")
        }
        _ => return None,
    };
    Some(Link {
        title: "A message".into(),
        says: "It is in a private chat: only its members can open it.",
        button: "View message",
        opens,
    })
}

fn number(text: &str) -> Option<u64> {
    let digits = (1..=19).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn is_token(text: &str) -> bool {
    TOKEN_CHARS.contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opens(link: Option<Link>) -> Option<String> {
        link.map(|link| link.opens)
    }

    #[test]
    fn links_open_what_their_shape_says() {
        for (name, wanted) in [
            ("+88812345678", "tg://resolve?phone=88812345678"),
            ("+AbCdEf-123_456", "tg://join?invite=AbCdEf-123_456"),
        ] {
            assert_eq!(opens(plus(name)).as_deref(), Some(wanted), "{name}");
        }
        for (kind, rest, wanted) in [
            ("c", "123/45", "tg://privatepost?channel=123&post=45"),
            ("c", "123/7/45", "tg://privatepost?channel=123&post=45&thread=7"),
            ("u", "1000001", "tg://user?id=1000001"),
            ("contact", "0123456789abcdef", "tg://contact?token=0123456789abcdef"),
            ("joinchat", "AbCdEf-123_456", "tg://join?invite=AbCdEf-123_456"),
        ] {
            assert_eq!(opens(of_kind(kind, rest)).as_deref(), Some(wanted), "{kind}/{rest}");
        }
    }

    #[test]
    fn what_has_no_shape_opens_nothing() {
        for name in ["+", "+12", "+1234567890123456", "+a&b=c&d=e&f", "+<script>alert(1)", "alice"]
        {
            assert_eq!(plus(name), None, "{name}");
        }
        for (kind, rest) in [
            ("c", ""),
            ("c", "1"),
            ("c", "1/2/3/4"),
            ("c", "1/x"),
            ("c", "1/-2"),
            ("u", "me"),
            ("u", "1/2"),
            ("contact", "short"),
            ("contact", "0123456789%22onclick"),
            ("x", "1/2"),
        ] {
            assert_eq!(of_kind(kind, rest), None, "{kind}/{rest}");
        }
    }
}
