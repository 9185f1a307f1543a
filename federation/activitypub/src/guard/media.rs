//! Types of content, read as they are defined: any blanks, any other parameters.

/// The namespace of ActivityStreams, a profile of JSON-LD.
const PROFILE: &str = "https://www.w3.org/ns/activitystreams";
/// Parameters of one type that are read.
const PARAMETERS_MAX: usize = 8;

/// Whether a `Content-Type` is one of activities: `application/activity+json`, or
/// `application/ld+json` whose `profile` names ActivityStreams.
#[must_use]
pub(crate) fn is_activity(content_type: &str) -> bool {
    let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    match essence.trim().to_ascii_lowercase().as_str() {
        "application/activity+json" => true,
        "application/ld+json" => parameters_of(parameters).iter().any(|(name, value)| {
            name == "profile" && value.split_ascii_whitespace().any(|profile| profile == PROFILE)
        }),
        _ => false,
    }
}

/// Names in small letters, with their values; those that are not well-formed end the list.
fn parameters_of(mut text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while let Some((name, rest)) = text.split_once('=') {
        let name = name.trim_matches([' ', '\t', ';']).to_ascii_lowercase();
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => match quoted.split_once('"') {
                Some(parts) => parts,
                None => break,
            },
            None => rest.split_once(';').unwrap_or((rest, "")),
        };
        found.push((name, value.trim().to_owned()));
        if found.len() >= PARAMETERS_MAX {
            break;
        }
        text = rest;
    }
    found
}
