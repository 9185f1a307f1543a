//! CPU time of one photo, by size: `cargo run --release -p pictures --example measure`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it measures"
)]

use std::time::Instant;

use jpeg_encoder::{ColorType, Encoder};
use pictures::{Limits, photo, profile, thumbnail};

fn main() {
    for (width, height, passes) in
        [(1152, 864, None), (4032, 3024, None), (4032, 3024, Some(5)), (5000, 5000, None)]
    {
        let mut state = 1u32;
        let pixels: Vec<u8> = (0..width * height)
            .flat_map(|index: u32| {
                let (x, y) = (index % width, index / width);
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let grain = (state >> 28) as u8; // as a camera's sensor has it
                let wave = ((x / 9) ^ (y / 13)) as u8 / 2;
                [wave + grain, (x * 127 / width) as u8 + grain, (y * 127 / height) as u8 + grain]
            })
            .collect();
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, 88);
        if let Some(passes) = passes {
            encoder.set_progressive_scans(passes);
        }
        encoder.encode(&pixels, width as u16, height as u16, ColorType::Rgb).unwrap();
        drop(pixels);
        let limits = Limits { input_bytes_max: 64 << 20, ..Limits::PHOTO };
        for (name, make) in
            [("photo", photo as fn(_, _) -> _), ("profile", profile), ("thumbnail", thumbnail)]
        {
            let (mut out, mut best_ms) = (0, u128::MAX);
            // The best of some: others use this machine, too.
            for _ in 0..7 {
                let before = Instant::now();
                let photo = make(&file, &limits).unwrap();
                best_ms = best_ms.min(before.elapsed().as_millis());
                out = photo.sizes.iter().map(|size| size.bytes.len()).sum();
            }
            println!(
                "{width}x{height} {passes:?} {name}: {} KB in, {} KB out, {best_ms} ms",
                file.len() / 1000,
                out / 1000
            );
        }
    }
}
