//! Which sizes come out, and what is in them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::expect_used,
    reason = "tests"
)]

mod common;

use common::{
    QUADRANTS, assert_near, contains, encoded, jpeg, mean_quadrants, quadrants, with_exif,
};
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use pictures::{Limits, Photo, PictureError, photo, profile, thumbnail};

fn listed(photo: &Photo) -> String {
    let sizes = photo.sizes.iter().map(|size| {
        let passes = if size.progressive.is_empty() { "" } else { "p" };
        format!("{}{}x{}{passes}", size.letter, size.width, size.height)
    });
    sizes.collect::<Vec<_>>().join(" ")
}

fn flat(width: u32, height: u32) -> Vec<u8> {
    common::flat_png(width, height, height, common::RGB)
}

/// The golden table of sizes: never enlarged, no two alike.
#[test]
fn sizes_of_photos() {
    for (width, height, wanted) in [
        (1, 1, "m1x1"),
        (1, 20, "m1x20"),
        (320, 200, "m320x200"),
        (321, 200, "m320x199 x321x200"),
        (800, 600, "m320x240 x800x600"),
        (801, 600, "m320x240 x800x599 y801x600p"),
        (1280, 720, "m320x180 x800x450 y1280x720p"),
        (720, 1280, "m180x320 x450x800 y720x1280p"),
        (1281, 1281, "m320x320 x800x800 y1280x1280p w1281x1281p"),
        (4000, 3000, "m320x240 x800x600 y1280x960p w2560x1920p"),
        (9523, 477, "m320x16 x800x40 y1280x64p w2560x128p"),
    ] {
        let photo = photo(&flat(width, height), &Limits::PHOTO).unwrap();
        assert_eq!(listed(&photo), wanted, "{width}x{height}");
        let last = photo.sizes.last().unwrap();
        assert_eq!((photo.width, photo.height), (last.width, last.height));
        for size in &photo.sizes {
            assert_eq!(dimensions(&size.bytes), (size.width as usize, size.height as usize));
        }
    }
}

fn dimensions(jpeg: &[u8]) -> (usize, usize) {
    let cursor = zune_jpeg::zune_core::bytestream::ZCursor::new(jpeg);
    let mut decoder = zune_jpeg::JpegDecoder::new(cursor);
    decoder.decode().unwrap();
    let info = decoder.info().unwrap();
    (usize::from(info.width), usize::from(info.height))
}

#[test]
fn sizes_of_profile_photos_and_thumbnails() {
    for (width, height, wanted) in [
        (160, 160, "a160x160"),
        (161, 900, "a160x160 b161x161"),
        (320, 400, "a160x160 b320x320"),
        (321, 400, "a160x160 b320x320 c321x321"),
        (2000, 700, "a160x160 b320x320 c640x640"),
    ] {
        let photo = profile(&flat(width, height), &Limits::PHOTO).unwrap();
        assert_eq!(listed(&photo), wanted, "{width}x{height}");
    }
    let small = profile(&flat(159, 500), &Limits::PHOTO).unwrap_err();
    assert_eq!(small, PictureError::TooSmall { side: 159, side_min: 160 });
    let document = thumbnail(&flat(4000, 3000), &Limits::PHOTO).unwrap();
    assert_eq!(listed(&document), "m320x240");
    assert_eq!(listed(&thumbnail(&flat(90, 60), &Limits::CLIENT_THUMBNAIL).unwrap()), "m90x60");
}

/// A profile photo is the middle of its picture.
#[test]
fn a_square_is_cut_around_the_middle() {
    let mut wide = image::RgbImage::from_pixel(900, 300, image::Rgb([0, 0, 0]));
    image::imageops::replace(&mut wide, &quadrants(300, 300), 300, 0);
    let photo = profile(&encoded(wide, ImageFormat::Png), &Limits::PHOTO).unwrap();
    for size in &photo.sizes {
        assert_near(mean_quadrants(&size.bytes).0, QUADRANTS, 8);
    }
}

#[test]
fn every_format_shows_the_same_picture() {
    let picture = quadrants(400, 300);
    let files = [
        ("baseline", jpeg(&picture, 90, None)),
        ("progressive", jpeg(&picture, 90, Some(4))),
        ("PNG", encoded(picture.clone(), ImageFormat::Png)),
        ("PNG, 16 bits", encoded(DynamicImage::from(picture.clone()).to_rgb16(), ImageFormat::Png)),
        ("PNG, alpha", encoded(DynamicImage::from(picture.clone()).to_rgba8(), ImageFormat::Png)),
        ("WebP", encoded(picture.clone(), ImageFormat::WebP)),
        ("GIF", encoded(DynamicImage::from(picture.clone()).to_rgba8(), ImageFormat::Gif)),
        ("BMP", encoded(picture.clone(), ImageFormat::Bmp)),
    ];
    for (name, file) in files {
        let photo = photo(&file, &Limits::PHOTO).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(listed(&photo), "m320x240 x400x300", "{name}");
        for size in &photo.sizes {
            assert_near(mean_quadrants(&size.bytes).0, QUADRANTS, 10);
        }
    }
}

#[test]
fn grey_pictures_become_colour() {
    let grey = DynamicImage::from(quadrants(400, 300)).to_luma8();
    for file in [
        encoded(grey.clone(), ImageFormat::Png),
        encoded(DynamicImage::from(grey.clone()).to_luma_alpha16(), ImageFormat::Png),
    ] {
        let photo = photo(&file, &Limits::PHOTO).unwrap();
        let (means, _) = mean_quadrants(&photo.sizes[1].bytes);
        assert!(means[0].iter().all(|value| value.abs_diff(means[0][0]) <= 2), "{means:?}");
    }
}

#[test]
fn what_is_transparent_is_white() {
    let mut picture = RgbaImage::from_pixel(200, 200, Rgba([10, 20, 30, 0]));
    image::imageops::replace(
        &mut picture,
        &RgbaImage::from_pixel(100, 100, Rgba([0, 0, 0, 128])),
        0,
        0,
    );
    let photo = photo(&encoded(picture, ImageFormat::Png), &Limits::PHOTO).unwrap();
    let half = [127; 3];
    let white = [255; 3];
    assert_near(mean_quadrants(&photo.sizes[0].bytes).0, [half, white, white, white], 3);
}

/// Every prefix of a progressive size is a picture; the last is the file.
#[test]
fn prefixes_are_pictures() {
    let photo = photo(&jpeg(&quadrants(1700, 900), 90, None), &Limits::PHOTO).unwrap();
    assert_eq!(listed(&photo), "m320x169 x800x424 y1280x678p w1700x900p");
    for size in &photo.sizes[2..] {
        assert_eq!(size.progressive.len(), 5);
        assert!(size.progressive.is_sorted_by(|a, b| a < b), "{:?}", size.progressive);
        assert_eq!(*size.progressive.last().unwrap() as usize, size.bytes.len());
        for end in &size.progressive {
            let mut prefix = size.bytes[..*end as usize].to_vec();
            prefix.extend([0xFF, 0xD9]);
            assert_near(mean_quadrants(&prefix).0, QUADRANTS, 10);
        }
    }
}

/// All eight orientations are shown upright, and nothing that the camera wrote comes out.
#[test]
fn orientation_is_applied_and_metadata_is_gone() {
    let canary = "CANARY-48.2082N-16.3738E";
    let [a, b, c, d] = QUADRANTS;
    // Where the quadrants of the stored picture are to be seen.
    let turned = [
        [a, b, c, d],
        [b, a, d, c],
        [d, c, b, a],
        [c, d, a, b],
        [a, c, b, d],
        [c, a, d, b],
        [d, b, c, a],
        [b, d, a, c],
    ];
    let picture = quadrants(1400, 700);
    for (orientation, wanted) in (1..).zip(turned) {
        for passes in [None, Some(4)] {
            let file = with_exif(&jpeg(&picture, 90, passes), orientation, canary);
            assert!(contains(&file, canary.as_bytes()));
            for make in [photo, profile, thumbnail] {
                let photo = make(&file, &Limits::PHOTO).unwrap();
                let upright = if orientation < 5 { 2.0 } else { 0.5 };
                for size in &photo.sizes {
                    let (means, _) = mean_quadrants(&size.bytes);
                    assert_near(means, wanted, 10);
                    let ratio = f64::from(size.width) / f64::from(size.height);
                    assert!(ratio == 1.0 || (ratio - upright).abs() < 0.01, "{orientation}");
                    for mark in [canary.as_bytes(), b"CANARY", b"Exif", b"II*\0"] {
                        assert!(!contains(&size.bytes, mark), "{orientation} {}", size.letter);
                    }
                }
                assert!(!contains(&photo.stripped, b"CANARY"));
            }
        }
    }
}

#[test]
fn previews_are_short() {
    for file in [
        jpeg(&quadrants(1280, 960), 90, None),
        flat(1, 1),
        flat(20, 1),
        encoded(noise(1000, 1000), ImageFormat::Png),
        encoded(noise(40, 40), ImageFormat::Png),
    ] {
        let photo = photo(&file, &Limits::PHOTO).unwrap();
        let &[1, height, width, ..] = photo.stripped.as_slice() else { panic!("its first byte") };
        assert!(photo.stripped.len() <= 240, "{}", photo.stripped.len());
        assert!((1..=40).contains(&height) && (1..=40).contains(&width), "{width}x{height}");
    }
}

fn noise(width: u32, height: u32) -> image::RgbImage {
    use rand::{RngExt as _, SeedableRng as _};
    let mut random = rand::rngs::StdRng::seed_from_u64(7);
    image::RgbImage::from_fn(width, height, |_, _| image::Rgb(random.random()))
}
