"""Writes pictures that no Rust encoder makes: make.py <directory>.

Each shows four quadrants, the colours of tests/common/mod.rs.
"""
import pathlib
import sys

from PIL import Image

QUADRANTS = [(200, 40, 40), (40, 180, 60), (50, 60, 200), (220, 210, 60)]


def quadrants(width, height):
    picture = Image.new("RGB", (width, height))
    for index, colour in enumerate(QUADRANTS):
        left, top = index % 2 * (width // 2), index // 2 * (height // 2)
        picture.paste(colour, (left, top, left + width - width // 2, top + height - height // 2))
    return picture


directory = pathlib.Path(sys.argv[1])
picture = quadrants(1500, 900)
other = Image.new("RGB", picture.size, (1, 2, 3))
alpha = picture.convert("RGBA")
exif = Image.Exif()
exif[0x0112] = 6
exif.get_ifd(0x8825)[29] = "CANARY"

picture.save(directory / "420.jpg", quality=85, subsampling=2)
picture.save(directory / "444.jpg", quality=95, subsampling=0, optimize=True)
picture.save(directory / "422.jpg", quality=85, subsampling=1)
picture.save(directory / "restarts.jpg", quality=85, restart_marker_rows=1)
picture.save(directory / "progressive.jpg", quality=85, progressive=True)
picture.convert("CMYK").save(directory / "cmyk.jpg", quality=90)
picture.save(directory / "lossy.webp", quality=80)
alpha.save(directory / "alpha.webp", quality=80)
picture.save(directory / "lossless.webp", lossless=True)
picture.save(directory / "animated.webp", save_all=True, append_images=[other], duration=50)
picture.convert("P", palette=Image.Palette.ADAPTIVE).save(directory / "palette.png")
alpha.save(directory / "alpha.png")
picture.convert("P", palette=Image.Palette.ADAPTIVE).save(
    directory / "animated.gif", save_all=True, append_images=[other.convert("P")]
)
picture.save(directory / "plain.bmp")
turned = picture.transpose(Image.Transpose.ROTATE_90)
turned.save(directory / "turned.jpg", quality=85, exif=exif)
turned.save(directory / "turned.webp", quality=85, exif=exif)
turned.save(directory / "turned.png", exif=exif)
