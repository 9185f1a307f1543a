//! Pixels in memory: scaled, cropped, turned.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::metadata::Orientation;

use crate::PictureError;

/// What one pixel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channels {
    Grey,
    Rgb,
}

/// Pixels of 8 bits a sample, row by row.
#[derive(Debug)]
pub(crate) struct Raster {
    pub(crate) width: u32,
    pub(crate) height: u32,
    channels: Channels,
    pixels: Vec<u8>,
}

/// A part of a picture, in its pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
}

impl Raster {
    pub(crate) fn new(width: u32, height: u32, channels: Channels, pixels: Vec<u8>) -> Self {
        Self { width, height, channels, pixels }
    }

    /// The pixels of a picture in colour, three bytes each.
    pub(crate) fn rgb(&self) -> &[u8] {
        &self.pixels
    }

    pub(crate) fn whole(&self) -> Part {
        Part { left: 0, top: 0, width: self.width, height: self.height }
    }

    /// The largest square around the middle.
    pub(crate) fn middle(&self) -> Part {
        let side = self.width.min(self.height);
        Part {
            left: (self.width - side) / 2,
            top: (self.height - side) / 2,
            width: side,
            height: side,
        }
    }

    /// A part, scaled down so that it fits a square of `side_max`, in colour. It is never enlarged.
    pub(crate) fn fit(self, part: Part, side_max: u32) -> Result<Self, PictureError> {
        let (width, height) = fitted(part.width, part.height, side_max);
        if (width, height) == (self.width, self.height) {
            return Ok(self.into_rgb());
        }
        Ok(self.resized(part, width, height)?.into_rgb())
    }

    /// The whole picture at another size.
    pub(crate) fn scaled(&self, (width, height): (u32, u32)) -> Result<Self, PictureError> {
        self.resized(self.whole(), width, height)
    }

    fn resized(&self, part: Part, width: u32, height: u32) -> Result<Self, PictureError> {
        let failed = |cause: &dyn std::fmt::Display| PictureError::Encoder(cause.to_string());
        let kind = match self.channels {
            Channels::Grey => PixelType::U8,
            Channels::Rgb => PixelType::U8x3,
        };
        let source = ImageRef::new(self.width, self.height, &self.pixels, kind)
            .map_err(|cause| failed(&cause))?;
        let mut target = Image::new(width, height, kind);
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
            .use_alpha(false)
            .crop(part.left.into(), part.top.into(), part.width.into(), part.height.into());
        Resizer::new().resize(&source, &mut target, &options).map_err(|cause| failed(&cause))?;
        Ok(Self { width, height, channels: self.channels, pixels: target.into_vec() })
    }

    fn into_rgb(self) -> Self {
        match self.channels {
            Channels::Rgb => self,
            Channels::Grey => Self {
                pixels: self.pixels.iter().flat_map(|grey| [*grey; 3]).collect(),
                channels: Channels::Rgb,
                ..self
            },
        }
    }

    /// Turned as its camera says it should be shown.
    pub(crate) fn upright(self, orientation: Orientation) -> Self {
        if orientation == Orientation::NoTransforms {
            return self;
        }
        let step = match self.channels {
            Channels::Grey => 1,
            Channels::Rgb => 3,
        };
        let (width, height) = (self.width as usize, self.height as usize);
        // Where the pixel at x, y of the new picture comes from: axes swapped or not, then each
        // of the old axes walked backwards or not. EXIF 2.32, tag 0x0112.
        let (swap, back_x, back_y) = match orientation {
            Orientation::NoTransforms => (false, false, false),
            Orientation::FlipHorizontal => (false, true, false),
            Orientation::Rotate180 => (false, true, true),
            Orientation::FlipVertical => (false, false, true),
            Orientation::Rotate90FlipH => (true, false, false),
            Orientation::Rotate90 => (true, false, true),
            Orientation::Rotate270FlipH => (true, true, true),
            Orientation::Rotate270 => (true, true, false),
        };
        let (new_width, new_height) = if swap { (height, width) } else { (width, height) };
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for y in 0..new_height {
            for x in 0..new_width {
                let (old_x, old_y) = if swap { (y, x) } else { (x, y) };
                let old_x = if back_x { width - 1 - old_x } else { old_x };
                let old_y = if back_y { height - 1 - old_y } else { old_y };
                let at = (old_y * width + old_x) * step;
                pixels.extend_from_slice(&self.pixels[at..at + step]);
            }
        }
        Self { width: new_width as u32, height: new_height as u32, pixels, ..self }
    }
}

/// The size that fits a square of `side_max`, with the same ratio, at least 1 x 1.
pub(crate) fn fitted(width: u32, height: u32, side_max: u32) -> (u32, u32) {
    let long = width.max(height);
    if long <= side_max {
        return (width, height);
    }
    let scale = |side: u32| {
        let scaled =
            (u64::from(side) * u64::from(side_max) + u64::from(long) / 2) / u64::from(long);
        u32::try_from(scaled).unwrap_or(side_max).max(1)
    };
    (scale(width), scale(height))
}
