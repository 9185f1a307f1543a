//! An address as a picture that telephones read.

use std::fmt::Write as _;

use maud::{Markup, html};
use qrcode::render::unicode::Dense1x2;
use qrcode::{Color, EcLevel, QrCode};

/// Modules of white around a code. ISO/IEC 18004: at least four.
const QUIET: usize = 4;

/// A drawing to put into a page; none for a text that is too long for a code.
pub(crate) fn drawing(text: &str, says: &str) -> Option<Markup> {
    let code = encode(text)?;
    let width = code.width();
    let mut path = String::new();
    for (y, row) in code.to_colors().chunks(width).enumerate() {
        // One step per run of dark modules: a third of the size.
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run.first() == Some(&Color::Dark) {
                // Writing to a text does not fail.
                let _ = write!(path, "M{} {}h{}v1h-{2}z", x + QUIET, y + QUIET, run.len());
            }
            x += run.len();
        }
    }
    let size = width + 2 * QUIET;
    Some(html! {
        svg.qr xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (size) " " (size) } role="img"
            aria-label=(says) shape-rendering="crispEdges" {
            rect width=(size) height=(size) {}
            path d=(path) {}
        }
    })
}

/// The same in characters, light on dark, for terminals; each line ends with a line feed.
#[must_use]
pub fn qr_text(text: &str) -> Option<String> {
    let code = encode(text)?;
    let drawn = code
        .render::<Dense1x2>()
        .quiet_zone(true)
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .build();
    Some(drawn + "\n")
}

fn encode(text: &str) -> Option<QrCode> {
    QrCode::with_error_correction_level(text, EcLevel::M).ok()
}
