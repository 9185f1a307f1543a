//! What one picture may take, measured: the only test of its binary, so that nothing else counts.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::expect_used,
    reason = "tests"
)]

mod common;

use common::{
    RGB, encoded, flat_png, jpeg, jpeg_sampled, of_side, one_component_of_four, quadrants,
};
use image::{DynamicImage, ImageFormat};
use jpeg_encoder::SamplingFactor;
use peak_alloc::PeakAlloc;
use pictures::{Limits, PictureError, WORK_BYTES_MAX, photo};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

#[test]
fn a_picture_stays_below_the_bound() {
    let bound = Limits::PHOTO.decode_bytes_max + WORK_BYTES_MAX;
    let files: [(&str, &dyn Fn() -> Vec<u8>); 9] = [
        ("JPEG, 25 MP", &|| jpeg(&quadrants(5_000, 5_000), 60, None)),
        ("progressive JPEG, 25 MP", &|| jpeg(&quadrants(5_000, 5_000), 60, Some(4))),
        ("progressive JPEG with all colours, 18 MP", &|| {
            jpeg_sampled(&quadrants(4_300, 4_300), 60, Some(4), SamplingFactor::F_1_1)
        }),
        ("JPEG with a scan of one of four components, 14 MP", &|| one_component_of_four(3_800)),
        ("JPEG, 12 MP", &|| jpeg(&quadrants(4_032, 3_024), 80, None)),
        ("flat PNG, 25 MP", &|| flat_png(5_000, 5_000, 5_000, RGB)),
        ("PNG with alpha, 24 MP", &|| {
            let flat = image::RgbaImage::from_pixel(6_000, 4_000, image::Rgba([9, 9, 9, 99]));
            encoded(flat, ImageFormat::Png)
        }),
        ("WebP, 12 MP", &|| encoded(quadrants(4_000, 3_000), ImageFormat::WebP)),
        ("GIF, 16 MP", &|| {
            let flat = image::RgbaImage::from_pixel(4_000, 4_000, image::Rgba([9, 99, 9, 255]));
            encoded(DynamicImage::from(flat), ImageFormat::Gif)
        }),
    ];
    for (name, make) in files {
        let file = make();
        let before = HEAP.current_usage();
        HEAP.reset_peak_usage();
        let photo = photo(&file, &Limits { input_bytes_max: 64 << 20, ..Limits::PHOTO });
        let peak = HEAP.peak_usage() - before;
        println!("{name}: {} bytes in, {} MiB at most", file.len(), peak >> 20);
        assert!(photo.is_ok(), "{name}: {photo:?}");
        assert!(peak < bound, "{name}: {peak} of {bound}");
    }
    // Refused ones take next to nothing.
    let colours = jpeg_sampled(&quadrants(16, 16), 60, Some(4), SamplingFactor::F_1_1);
    for file in [of_side(colours, 5_000), one_component_of_four(5_000)] {
        let before = HEAP.current_usage();
        HEAP.reset_peak_usage();
        assert_eq!(photo(&file, &Limits::PHOTO).unwrap_err(), PictureError::TooComplex);
        assert!(HEAP.peak_usage() - before < 1 << 20);
    }
    // A GIF of 10 x 10 whose frame is of 65 535 x 65 535 and begins beside it.
    let mut gif = b"GIF89a\x0A\0\x0A\0\0\0\0,\x01\0\x01\0\xFF\xFF\xFF\xFF\0\x02".to_vec();
    gif.extend([2, 0x44, 1, 0, b';']);
    for file in [flat_png(0x7FFF_FFFF, 0x7FFF_FFFF, 0, RGB), flat_png(60_000, 60_000, 0, RGB), gif]
    {
        let before = HEAP.current_usage();
        HEAP.reset_peak_usage();
        assert!(photo(&file, &Limits::PHOTO).is_err());
        assert!(HEAP.peak_usage() - before < 1 << 20);
    }
}
