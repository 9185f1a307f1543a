"""Prints what a client sees: look.py <directory>, where each picture has files of its own.

<name>.i is a stripped preview, put together by Telethon; every other file is opened as it is.
<name>.prefix is the start of a progressive JPEG, which clients show before the rest is there.
For each: name, width, height, metadata or "clean", and the mean colours of its quadrants.
"""
import io
import pathlib
import sys

from PIL import Image, ImageFile, ImageStat
from telethon.utils import stripped_photo_to_jpg

ImageFile.LOAD_TRUNCATED_IMAGES = True

for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    data = path.read_bytes()
    if path.suffix == ".i":
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        data = stripped_photo_to_jpg(data)
    elif path.suffix == ".prefix":
        ImageFile.LOAD_TRUNCATED_IMAGES = True
    else:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    picture = Image.open(io.BytesIO(data))
    picture.load()
    known = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "progressive", "progression"}
    rest = ",".join(sorted(set(picture.info) - known)) or "clean"
    width, height = picture.size
    means = []
    for index in range(4):
        left, top = index % 2 * (width // 2), index // 2 * (height // 2)
        part = picture.crop((left, top, left + width // 2, top + height // 2))
        means += [round(value) for value in ImageStat.Stat(part.convert("RGB")).mean]
    print(path.name, width, height, rest, *means)
