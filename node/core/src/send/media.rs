//! What is sent beside the text.

use crate::decide::Decide;
use crate::ids::UserId;
use crate::media::{Document, DocumentAttribute, FileId, GeoPoint, Media, Photo};
use crate::message::Message;
use crate::{CoreError, CoreResult};

/// What comes with a message that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingMedia {
    /// What it is.
    pub file: OutgoingFile,
    /// Of what the client named: tells it from other media under the same `random_id`, also before
    /// any file was looked at.
    pub fingerprint: [u8; 16],
}

/// See [`OutgoingMedia`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutgoingFile {
    /// A photo that was just uploaded.
    NewPhoto {
        /// The photo.
        photo: Photo,
        /// Hidden until it is touched.
        spoiler: bool,
    },
    /// A document that was just uploaded.
    NewDocument {
        /// The document.
        document: Document,
        /// Hidden until it is touched.
        spoiler: bool,
    },
    /// A file that is there already; that the sender may show it was looked at before.
    Known {
        /// Which.
        file: FileId,
        /// Hidden until it is touched.
        spoiler: bool,
    },
    /// Anything that is no file.
    Other(Media),
    /// An emoji, whose number the node draws.
    Dice(String),
    /// Where somebody is now: the first time, or in place of what was said before.
    Live(LiveStep),
    /// A poll.
    NewPoll(crate::polls::NewPoll),
}

/// One word of somebody who shows for a while where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveStep {
    /// Where; `None`: as it was said last.
    pub point: Option<GeoPoint>,
    /// Degrees from north, 1 to 360.
    pub heading: Option<i32>,
    /// Seconds from the message's date; `None`: as it was said.
    pub period: Option<i32>,
    /// Metres at which the other party is to be told.
    pub proximity: Option<i32>,
    /// It ends now.
    pub stopped: bool,
}

impl LiveStep {
    /// What follows from the step for a message of `date` with `before`.
    pub(super) fn after(self, before: &Media, date: i32, now: i32) -> CoreResult<Media> {
        let Media::GeoLive { point, period, .. } = before else {
            return Err(CoreError::MediaInvalid);
        };
        let passed = now.saturating_sub(date).max(1);
        if *period != LIVE_FOR_EVER && passed >= *period {
            return Err(CoreError::EditTooLate);
        }
        let media = Media::GeoLive {
            point: self.point.unwrap_or(*point),
            heading: self.heading,
            period: self.period.unwrap_or(*period),
            proximity: self.proximity,
        };
        check(&media)?;
        Ok(match media {
            // Clients see from the period that it is over.
            Media::GeoLive { point, .. } if self.stopped => {
                Media::GeoLive { point, heading: None, period: passed, proximity: None }
            }
            moved => moved,
        })
    }
}

/// Emoji with a number, and the greatest one.
///
/// Source: <https://core.telegram.org/api/dice>
const DICE: [(&str, i32); 6] = [("🎲", 6), ("🎯", 6), ("🎳", 6), ("🏀", 5), ("⚽", 5), ("🎰", 64)];

impl Decide<'_> {
    /// Stores what is new, and draws what has to be drawn.
    pub(crate) fn outgoing_media(
        &mut self,
        from: UserId,
        media: OutgoingMedia,
    ) -> CoreResult<Media> {
        Ok(match media.file {
            OutgoingFile::NewPhoto { photo, spoiler } => {
                let id = photo.id;
                self.add_photo(photo)?;
                Media::Photo { photo: id, spoiler }
            }
            OutgoingFile::NewDocument { document, spoiler } => {
                let id = document.id;
                self.add_document(document)?;
                Media::Document { document: id, spoiler }
            }
            OutgoingFile::Known { file, spoiler } => match self.file(file)? {
                Some(crate::media::FileRecord::Photo(_)) => Media::Photo { photo: file, spoiler },
                Some(crate::media::FileRecord::Document(_)) => {
                    Media::Document { document: file, spoiler }
                }
                // What is sealed shows only in the secret chats that it was sent in.
                Some(crate::media::FileRecord::Sealed(_)) | None => {
                    return Err(CoreError::FileInvalid);
                }
            },
            OutgoingFile::Dice(emoticon) => {
                // With or without the selector that asks for a picture.
                let plain = emoticon.trim_end_matches('\u{fe0f}');
                let known = DICE.iter().find(|(known, _)| *known == plain);
                let (emoticon, greatest) = known.ok_or(CoreError::MediaInvalid)?;
                let value = rand::RngExt::random_range(&mut self.rng, 1..=*greatest);
                Media::Dice { emoticon: (*emoticon).to_owned(), value }
            }
            OutgoingFile::Live(step) => {
                let media = Media::GeoLive {
                    point: step.point.filter(|_| !step.stopped).ok_or(CoreError::MediaInvalid)?,
                    heading: step.heading,
                    period: step.period.ok_or(CoreError::MediaInvalid)?,
                    proximity: step.proximity,
                };
                check(&media)?;
                media
            }
            OutgoingFile::NewPoll(poll) => Media::Poll(self.new_poll(from, poll)?),
            OutgoingFile::Other(media) => {
                check(&media)?;
                if let Media::Contact { phone_number, .. } = &media {
                    return Ok(self.contact_media(from, phone_number.clone(), media));
                }
                media
            }
        })
    }

    /// A contact, with the account that has the number, if the sender may find it.
    fn contact_media(&self, from: UserId, phone: String, media: Media) -> Media {
        let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
        let found = digits.parse().ok().and_then(|number| self.inner.directory.by_phone(number));
        let found = found.filter(|user| {
            let key = crate::privacy::What::Key(crate::privacy::PrivacyKey::AddedByPhone);
            let book = self.inner.contacts.book(self.store(), *user);
            *user == from
                || book
                    .and_then(|theirs| self.inner.may_see(from, *user, &theirs, key))
                    .unwrap_or(false)
        });
        match media {
            Media::Contact { phone_number, first_name, last_name, vcard, .. } => {
                Media::Contact { phone_number, first_name, last_name, vcard, user: found }
            }
            other => other,
        }
    }

    /// Whether somebody has to listen to it: voice messages and round films.
    pub(crate) fn has_to_be_heard(&self, media: &Media) -> CoreResult<bool> {
        let Media::Document { document, .. } = media else { return Ok(false) };
        let document = self.document(*document)?;
        Ok(document.is_some_and(|document| {
            document.attributes.iter().any(|is| {
                matches!(
                    is,
                    DocumentAttribute::Audio { voice: true, .. }
                        | DocumentAttribute::Video { round_message: true, .. }
                )
            })
        }))
    }

    /// So many more show a file or a page; or fewer, below 0.
    pub(crate) fn hold_shown(&mut self, media: Option<&Media>, more: i64) -> CoreResult<()> {
        match media {
            Some(Media::WebPage { page, .. }) => self.hold_page(*page, more),
            media => self.hold_file(media.and_then(Media::file), more),
        }
    }

    /// So many more messages show what comes with this one; or fewer, below 0.
    pub(crate) fn hold_media(&mut self, message: &Message, copies: i64) -> CoreResult<()> {
        self.hold_shown(message.media.as_ref(), copies)?;
        if let Some(Media::Poll(poll)) = message.media {
            self.hold_poll(poll, copies)?;
        }
        if let Some(crate::message::Action::ChatPhoto(photo)) = message.action {
            self.hold_file(photo, copies)?;
        }
        Ok(())
    }

    /// These copies show no longer what came with them. That is not the same with all of them: who
    /// left a group keeps what an edit took from the others.
    pub(crate) fn release_media<'a>(
        &mut self,
        copies: impl IntoIterator<Item = &'a Message>,
    ) -> CoreResult<()> {
        let mut shown: Vec<(&Message, i64)> = Vec::new();
        for copy in copies {
            let same = |(other, _): &&mut (&Message, i64)| {
                other.media == copy.media && other.action == copy.action
            };
            match shown.iter_mut().find(same) {
                Some((_, copies)) => *copies += 1,
                None => shown.push((copy, 1)),
            }
        }
        shown.into_iter().try_for_each(|(message, copies)| self.hold_media(message, -copies))
    }
}

/// Longest text in one place of a contact or a venue, in bytes.
const FIELD_BYTES_MAX: usize = 1024;

/// Longest vCard, in bytes.
const VCARD_BYTES_MAX: usize = 2048;

/// Seconds for which somebody may show where they are; the greatest number means for ever.
const LIVE_PERIOD_S: std::ops::RangeInclusive<i32> = 60..=86_400;
const LIVE_FOR_EVER: i32 = 0x7FFF_FFFF;

fn check_point(point: &GeoPoint) -> CoreResult<()> {
    let (lat, long) = (f64::from(point.lat), f64::from(point.long));
    let fits = lat.abs() <= 90.0
        && long.abs() <= 180.0
        && point.accuracy_radius.is_none_or(|radius| (0..=1500).contains(&radius));
    if fits { Ok(()) } else { Err(CoreError::MediaInvalid) }
}

/// Whether what a client says can be sent.
pub(crate) fn check(media: &Media) -> CoreResult<()> {
    let short = |fields: &[&String]| {
        let fits = fields.iter().all(|field| field.len() <= FIELD_BYTES_MAX);
        if fits { Ok(()) } else { Err(CoreError::MediaInvalid) }
    };
    match media {
        Media::Contact { phone_number, first_name, last_name, vcard, .. } => {
            short(&[phone_number, first_name, last_name])?;
            if vcard.len() > VCARD_BYTES_MAX || phone_number.is_empty() {
                return Err(CoreError::MediaInvalid);
            }
        }
        Media::Geo(point) => check_point(point)?,
        Media::GeoLive { point, heading, period, proximity } => {
            check_point(point)?;
            let period_fits = LIVE_PERIOD_S.contains(period) || *period == LIVE_FOR_EVER;
            let heading_fits = heading.is_none_or(|heading| (1..=360).contains(&heading));
            let near = proximity.is_none_or(|metres| (0..=100_000).contains(&metres));
            if !period_fits || !heading_fits || !near {
                return Err(CoreError::MediaInvalid);
            }
        }
        Media::Venue { point, title, address, provider, venue_id, venue_type } => {
            check_point(point)?;
            short(&[title, address, provider, venue_id, venue_type])?;
        }
        _ => {}
    }
    Ok(())
}
