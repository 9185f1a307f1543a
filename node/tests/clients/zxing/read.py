"""Prints the QR code in each picture that is named, one a line. ImageMagick opens the pictures."""

import subprocess
import sys

import zxingcpp

for path in sys.argv[1:]:
    made = subprocess.run(["convert", path, "-depth", "8", "pgm:-"], check=True, capture_output=True)
    # "P5 WIDTH HEIGHT 255", then one byte a pixel.
    width, height = (int(number) for number in made.stdout.split(maxsplit=3)[1:3])
    pixels = memoryview(made.stdout[-width * height:]).cast("B", (height, width))
    found = zxingcpp.read_barcodes(pixels)
    print(found[0].text if found else "nothing")
