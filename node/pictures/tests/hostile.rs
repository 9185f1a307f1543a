//! Files that were made to hurt: each is refused by its reason, or costs little.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::expect_used,
    reason = "tests"
)]

mod common;

use common::{RGB, RGBA16, encoded, flat_png, jpeg, quadrants, with_exif};
use image::{DynamicImage, ImageFormat};
use pictures::{Limits, Photo, PictureError, photo, profile, thumbnail};
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

fn refused(bytes: &[u8]) -> PictureError {
    photo(bytes, &Limits::PHOTO).expect_err("it is refused")
}

#[test]
fn what_is_no_picture_is_refused_whatever_it_is_called() {
    let mut noise = vec![0; 100_000];
    StdRng::seed_from_u64(1).fill_bytes(&mut noise);
    for bytes in [
        &b""[..],
        b"\xFF",
        b"BM",
        b"BM\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00",
        b"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"10\" height=\"10\"/>",
        b"<?xml version=\"1.0\"?><svg/>",
        b"<!DOCTYPE html><img src=x.jpg>",
        b"PK\x03\x04photo.jpg",
        b"\x1F\x8B\x08\x00",
        b"%PDF-1.7",
        b"RIFF\x24\x00\x00\x00WAVEfmt ",
        b"II*\x00\x08\x00\x00\x00",
        b"\x00\x00\x00\x18ftypavif",
        &noise,
    ] {
        assert_eq!(refused(bytes), PictureError::NotAPicture, "{:?}", &bytes[..bytes.len().min(9)]);
    }
}

#[test]
fn sizes_are_refused_by_the_header() {
    let gif = |width: u16, height: u16| {
        let mut bytes = b"GIF89a".to_vec();
        bytes.extend(width.to_le_bytes());
        bytes.extend(height.to_le_bytes());
        bytes.extend([0, 0, 0, b',', 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, b';']);
        bytes
    };
    let mut large_jpeg = jpeg(&quadrants(16, 16), 90, None);
    let frame = large_jpeg.windows(2).position(|bytes| bytes == [0xFF, 0xC0]).unwrap();
    large_jpeg[frame + 5..frame + 9].copy_from_slice(&[0xFF; 4]);
    for (bytes, width, height) in [
        (flat_png(9_000, 1_001, 0, RGB), 9_000, 1_001),
        (flat_png(21, 1, 1, RGB), 21, 1),
        (flat_png(100, 2001, 0, RGB), 100, 2001),
        (gif(65_535, 65_535), 65_535, 65_535),
        (gif(0, 10), 0, 10),
        (large_jpeg, 65_535, 65_535),
    ] {
        assert_eq!(refused(&bytes), PictureError::Dimensions { width, height });
    }
    // The decoder itself refuses what a row of would not fit its memory.
    for side in [1 << 31, 0x7FFF_FFFF, u32::MAX] {
        let refused = refused(&flat_png(side, side, 0, RGB));
        let reasons =
            [PictureError::TooComplex, PictureError::Dimensions { width: side, height: side }];
        assert!(reasons.contains(&refused) || matches!(refused, PictureError::Damaged(_)));
    }
}

#[test]
fn bytes_are_counted_first() {
    let limits = Limits { input_bytes_max: 100, ..Limits::PHOTO };
    let refused = photo(&[0; 101], &limits).unwrap_err();
    assert_eq!(refused, PictureError::TooLarge { bytes: 101, bytes_max: 100 });
    let large = jpeg(&quadrants(1500, 1000), 95, None);
    assert!(large.len() > 200_000);
    let refused = thumbnail(&large, &Limits::CLIENT_THUMBNAIL).unwrap_err();
    assert_eq!(refused, PictureError::TooLarge { bytes: large.len(), bytes_max: 200_000 });
    let refused = thumbnail(b"<svg/>", &Limits::CLIENT_THUMBNAIL).unwrap_err();
    assert_eq!(refused, PictureError::NotAPicture);
}

/// 5 000 x 5 000 pixels in some kilobytes are a picture; with 16 bits and alpha they are too many.
#[test]
fn flat_pictures_are_bounded_by_what_they_cost() {
    let flat = flat_png(5_000, 5_000, 5_000, RGB);
    assert!(flat.len() < 100_000, "{}", flat.len());
    assert!(photo(&flat, &Limits::PHOTO).is_ok());
    let dear = flat_png(5_000, 5_000, 5_000, RGBA16);
    assert!(dear.len() < 300_000, "{}", dear.len());
    assert_eq!(refused(&dear), PictureError::TooComplex);
    let limits = Limits { decode_bytes_max: 5_000 * 5_000 * 3 - 1, ..Limits::PHOTO };
    assert_eq!(photo(&flat, &limits).unwrap_err(), PictureError::TooComplex);
}

#[test]
fn many_scans_are_refused() {
    let file = jpeg(&quadrants(64, 64), 90, Some(4));
    let scan = file.windows(2).position(|bytes| bytes == [0xFF, 0xDA]).unwrap();
    let mut hostile = file[..scan].to_vec();
    for _ in 0..1000 {
        // One component's DC, with nothing in it.
        hostile.extend([0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 0, 0]);
    }
    hostile.extend([0xFF, 0xD9]);
    assert_eq!(refused(&hostile), PictureError::TooComplex);
}

#[test]
fn files_that_end_early_are_refused() {
    let picture = quadrants(300, 200);
    let made = DATA.map(|(name, file)| (name, file.to_vec()));
    for (name, file) in valid(&picture).into_iter().chain(made) {
        assert!(photo(&file, &Limits::PHOTO).is_ok(), "{name}");
        for sixteenth in 0..16 {
            let cut = &file[..file.len() * sixteenth / 16];
            assert!(photo(cut, &Limits::PHOTO).is_err(), "{name}, {sixteenth}/16");
        }
    }
    // A JPEG is also refused when only its end is missing.
    let whole = jpeg(&picture, 90, None);
    assert!(photo(&whole[..whole.len() - 2], &Limits::PHOTO).is_err());
}

#[test]
fn a_webp_may_not_claim_more_than_it_has() {
    let vp8 = |width: u16, height: u16| {
        let mut data = vec![0x10, 0, 0, 0x9D, 0x01, 0x2A];
        data.extend(width.to_le_bytes());
        data.extend(height.to_le_bytes());
        data.extend([0; 64]);
        data
    };
    let chunk = |name: &[u8; 4], length: u32, data: &[u8]| {
        let mut chunk = name.to_vec();
        chunk.extend(length.to_le_bytes());
        chunk.extend(data);
        chunk
    };
    let riff = |body: &[u8]| {
        let mut file = b"RIFF".to_vec();
        file.extend((body.len() as u32 + 4).to_le_bytes());
        file.extend(b"WEBP");
        file.extend(body);
        file
    };
    // Canvas of 100 x 100: less one, three bytes each, behind flags.
    let canvas = |flags: u8| chunk(b"VP8X", 10, &[flags, 0, 0, 0, 99, 0, 0, 99, 0, 0]);
    let large = vp8(16_383, 16_383);
    let mut frame = vec![0, 0, 0, 0, 0, 0, 99, 0, 0, 99, 0, 0, 0, 0, 0, 0];
    frame.extend(chunk(b"VP8 ", large.len() as u32, &large));
    for body in [
        [canvas(0), chunk(b"VP8 ", large.len() as u32, &large)].concat(),
        [canvas(8), chunk(b"VP8 ", 74, &vp8(100, 100)), chunk(b"EXIF", u32::MAX - 9, b"x")]
            .concat(),
        [canvas(2), chunk(b"ANIM", 6, &[0; 6]), chunk(b"ANMF", frame.len() as u32, &frame)]
            .concat(),
        chunk(b"VP8 ", 0x7FFF_FFFE, &vp8(100, 100)),
    ] {
        assert!(matches!(refused(&riff(&body)), PictureError::Damaged(_)));
    }
}

fn valid(picture: &image::RgbImage) -> Vec<(&'static str, Vec<u8>)> {
    let alpha = DynamicImage::from(picture.clone()).to_rgba8();
    vec![
        ("JPEG", with_exif_only(&jpeg(picture, 85, None))),
        ("progressive JPEG", jpeg(picture, 85, Some(4))),
        ("PNG", encoded(picture.clone(), ImageFormat::Png)),
        ("PNG with alpha", encoded(alpha.clone(), ImageFormat::Png)),
        ("GIF", encoded(alpha, ImageFormat::Gif)),
        ("WebP", encoded(picture.clone(), ImageFormat::WebP)),
        ("BMP", encoded(picture.clone(), ImageFormat::Bmp)),
    ]
}

/// Small files of kinds that no Rust encoder makes, written by Pillow 13 as `clients/make.py` does.
const DATA: [(&str, &[u8]); 11] = [
    ("lossy.webp", include_bytes!("data/lossy.webp")),
    ("alpha.webp", include_bytes!("data/alpha.webp")),
    ("lossless_alpha.webp", include_bytes!("data/lossless_alpha.webp")),
    ("animated.webp", include_bytes!("data/animated.webp")),
    ("animated_alpha.webp", include_bytes!("data/animated_alpha.webp")),
    ("progressive.jpg", include_bytes!("data/progressive.jpg")),
    ("cmyk.jpg", include_bytes!("data/cmyk.jpg")),
    ("restarts.jpg", include_bytes!("data/restarts.jpg")),
    ("palette.png", include_bytes!("data/palette.png")),
    ("interlaced.gif", include_bytes!("data/interlaced.gif")),
    ("palette.bmp", include_bytes!("data/palette.bmp")),
];

/// With EXIF, but with nothing behind its end: a cut must hurt.
fn with_exif_only(jpeg: &[u8]) -> Vec<u8> {
    let mut file = with_exif(jpeg, 6, "X");
    file.pop();
    file
}

/// Files with bytes changed, cut out, doubled: a photo within bounds or an error, never a panic.
#[test]
fn mutations_do_no_harm() {
    let mut seeds = valid(&quadrants(97, 61));
    seeds.extend(DATA.map(|(name, file)| (name, file.to_vec())));
    let seed: u64 = std::env::var("PICTURES_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let rounds: u32 =
        std::env::var("PICTURES_ROUNDS").ok().and_then(|s| s.parse().ok()).unwrap_or(400);
    println!("PICTURES_SEED={seed} PICTURES_ROUNDS={rounds}");
    let mut random = StdRng::seed_from_u64(seed);
    let limits = Limits { decode_bytes_max: 32 << 20, sides_sum_max: 4_000, ..Limits::PHOTO };
    for _ in 0..rounds {
        for (_, file) in &seeds {
            let file = mutated(file, &mut random);
            let make = [photo, profile, thumbnail][random.random_range(0..3)];
            if let Ok(photo) = make(&file, &limits) {
                assert_bounded(&photo);
            }
        }
    }
}

fn mutated(file: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut file = file.to_vec();
    for _ in 0..random.random_range(1..5) {
        // Headers are where it hurts: half of the changes go there.
        let end = if random.random() { file.len() } else { file.len().min(700) };
        let at = random.random_range(0..end.max(1));
        match random.random_range(0..5) {
            0 => file[at] = random.random(),
            1 => file[at] ^= 1 << random.random_range(0..8),
            2 => file[at] = [0, 1, 0x7F, 0x80, 0xFF][random.random_range(0..5)],
            3 => drop(file.drain(at..(at + random.random_range(1..9)).min(file.len()))),
            _ => {
                let part = file[at..(at + random.random_range(1..40)).min(file.len())].to_vec();
                file.splice(at..at, part);
            }
        }
        if file.is_empty() {
            break;
        }
    }
    file
}

fn assert_bounded(photo: &Photo) {
    assert!((1..=4).contains(&photo.sizes.len()));
    assert!((4..=240).contains(&photo.stripped.len()));
    for size in &photo.sizes {
        assert!(size.width <= 2560 && size.height <= 2560);
        assert!(size.bytes.len() < 8 << 20);
    }
}
