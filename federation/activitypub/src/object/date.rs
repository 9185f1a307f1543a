//! Dates as they stand in documents: RFC 3339.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

/// To the second, in UTC: `2026-11-30T08:55:00Z`. A post has one `published` for ever, and other
/// servers compare it byte by byte.
pub(crate) fn write_date(unix_s: i64) -> String {
    // Years of four digits: others cannot read more.
    let date = OffsetDateTime::from_unix_timestamp(unix_s.clamp(-62_167_219_200, 253_402_300_799));
    let date = date.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    let (hour, minute, second) = date.to_hms();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Reads a date with any offset and any fraction, to the second. `None` for what is none.
pub(crate) fn read_date(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = |from: usize, to: usize| -> Option<i32> {
        let part = text.get(from..to)?;
        part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let sign = |at: usize, wanted: &[char]| {
        text.get(at..at + 1)?.chars().next().filter(|c| wanted.contains(c))
    };
    sign(4, &['-'])?;
    sign(7, &['-'])?;
    sign(10, &['T', 't', ' '])?;
    sign(13, &[':'])?;
    sign(16, &[':'])?;
    let small = |from: usize| u8::try_from(digits(from, from + 2)?).ok();
    let date = Date::from_calendar_date(digits(0, 4)?, Month::try_from(small(5)?).ok()?, small(8)?);
    // A leap second is the one before it.
    let time = Time::from_hms(small(11)?, small(14)?, small(17)?.min(59));
    let local = PrimitiveDateTime::new(date.ok()?, time.ok()?).assume_utc().unix_timestamp();
    let rest = text.get(19..)?;
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    if zone.is_empty() || zone.eq_ignore_ascii_case("z") {
        return Some(local);
    }
    let sign = match zone.get(..1)? {
        "+" => -1,
        "-" => 1,
        _ => return None,
    };
    let (hours, minutes) = match zone.get(1..)?.split_once(':') {
        Some(parts) => parts,
        None => zone.get(1..)?.split_at_checked(2)?,
    };
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let within = (0..24).contains(&hours) && (0..60).contains(&minutes);
    within.then_some(local + sign * (hours * 3600 + minutes * 60))
}
