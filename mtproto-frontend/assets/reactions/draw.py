"""Draws the pictures of the reactions: a WebP that stands still and a TGS that pops up, for each.

Run here, with Pillow, after a change: python3 draw.py
"""

import gzip
import json
import math

from PIL import Image, ImageDraw

SIZE = 512
YELLOW, DARK, WHITE, RED, BLUE = "#ffcc33", "#5b3a0a", "#ffffff", "#e8304a", "#4aa8ff"


def ellipse(cx, cy, rx, ry, color):
    return ("ellipse", (cx, cy, rx, ry), color, 0)


def poly(points, color):
    return ("poly", points, color, 0)


def line(points, color, width):
    return ("line", points, color, width)


def arc(cx, cy, rx, ry, start, end, color, width):
    steps = [math.radians(start + (end - start) * i / 16) for i in range(17)]
    return line([(cx + rx * math.cos(a), cy + ry * math.sin(a)) for a in steps], color, width)


def half(cx, cy, rx, ry, color):
    steps = [math.pi * i / 24 for i in range(25)]
    return poly([(cx + rx * math.cos(a), cy + ry * math.sin(a)) for a in steps], color)


def heart():
    points = []
    for i in range(60):
        t = 2 * math.pi * i / 60
        x = 16 * math.sin(t) ** 3
        y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        points.append((256 + 13 * x, 240 - 13 * y))
    return [poly(points, RED), ellipse(170, 165, 28, 20, "#ff8094")]


def flame(cx, base, width, height, color):
    left = [(0, 0), (-0.5, 0.12), (-0.62, 0.34), (-0.5, 0.52), (-0.3, 0.62), (-0.16, 0.8), (0.05, 1)]
    right = [(0.1, 0.84), (0.3, 0.7), (0.5, 0.5), (0.58, 0.3), (0.42, 0.1)]
    return poly([(cx + width * x, base - height * y) for x, y in left + right], color)


def thumb(up):
    shapes = [
        line([(150, 250), (150, 420)], BLUE, 80),
        line([(250, 260), (330, 120)], YELLOW, 70),
        poly([(200, 230), (300, 230), (300, 430), (200, 430)], YELLOW),
    ]
    shapes += [line([(260, y), (370 - i * 10, y)], YELLOW, 58) for i, y in enumerate((250, 305, 360, 412))]
    shapes += [line([(290, y), (380 - i * 12, y)], "#e0a010", 6) for i, y in enumerate((278, 333, 387))]
    return shapes if up else [flip(shape) for shape in shapes]


def flip(shape):
    kind, points, color, width = shape
    if kind == "ellipse":
        cx, cy, rx, ry = points
        return (kind, (cx, SIZE - cy, rx, ry), color, width)
    return (kind, [(x, SIZE - y) for x, y in points], color, width)


def face(*features):
    return [ellipse(256, 256, 215, 215, YELLOW), *features]


def hand(cx, side):
    fingers = [line([(cx, 380), (cx + side * (i - 1.5) * 34 - side * 40, 150 + abs(i - 1.5) * 26)], YELLOW, 40) for i in range(4)]
    return [*fingers, ellipse(cx, 350, 82, 92, YELLOW), line([(cx, 360), (cx + side * 96, 270)], YELLOW, 42)]


def clap():
    back = [(k, p, "#e8b020", w) for k, p, _, w in hand(300, -1)]
    rays = [line([(256 + 60 * x, 70 - 20 * abs(x)), (256 + 90 * x, 20)], BLUE, 14) for x in (-1, 0, 1)]
    return [*back, *hand(220, 1), *rays]


def party():
    cone = poly([(60, 460), (190, 190), (330, 330)], "#f5b531")
    stripes = [line([(118, 340), (180, 402)], RED, 20), line([(156, 262), (256, 366)], RED, 20)]
    dots = [(330, 120, RED), (420, 200, BLUE), (270, 70, "#3fbf5f"), (440, 90, "#b05cff"), (380, 300, "#3fbf5f"), (460, 330, RED), (230, 150, BLUE)]
    ribbons = [arc(330, 200, 70, 60, 180, 330, "#b05cff", 18), arc(420, 400, 60, 50, 200, 330, BLUE, 18)]
    return [cone, *stripes, *ribbons, *[ellipse(x, y, 20, 20, c) for x, y, c in dots]]


def hundred():
    one = line([(70, 170), (120, 120), (120, 330)], RED, 38)
    zeros = [arc(cx, 225, 52, 100, 0, 360, RED, 36) for cx in (240, 390)]
    return [one, *zeros, line([(80, 400), (430, 370)], RED, 24), line([(140, 455), (380, 432)], RED, 24)]


DRAWN = {
    "thumbs_up": thumb(True),
    "thumbs_down": thumb(False),
    "heart": heart(),
    "fire": [flame(256, 480, 330, 450, "#f0512d"), flame(262, 480, 220, 290, "#ffb02e"), flame(262, 480, 110, 150, "#fff1a8")],
    "party": party(),
    "grin": face(
        arc(170, 210, 45, 45, 200, 340, DARK, 22), arc(342, 210, 45, 45, 200, 340, DARK, 22),
        half(256, 290, 130, 110, DARK), poly([(140, 292), (372, 292), (360, 335), (152, 335)], WHITE),
    ),
    "cry": face(
        ellipse(175, 230, 28, 38, DARK), ellipse(337, 230, 28, 38, DARK),
        arc(256, 390, 80, 60, 200, 340, DARK, 22), ellipse(345, 350, 36, 56, BLUE),
        arc(165, 170, 50, 40, 200, 290, DARK, 16), arc(347, 170, 50, 40, 250, 340, DARK, 16),
    ),
    "scream": face(
        ellipse(180, 200, 50, 60, WHITE), ellipse(332, 200, 50, 60, WHITE), ellipse(180, 205, 18, 22, DARK),
        ellipse(332, 205, 18, 22, DARK), ellipse(256, 350, 60, 90, DARK), line([(70, 320), (80, 460)], "#e8b020", 70),
        line([(442, 320), (432, 460)], "#e8b020", 70),
    ),
    "think": face(
        ellipse(185, 220, 26, 34, DARK), ellipse(335, 220, 26, 34, DARK), line([(140, 150), (220, 165)], DARK, 18),
        arc(340, 165, 50, 36, 200, 340, DARK, 18), line([(200, 335), (310, 320)], DARK, 20),
        line([(130, 470), (190, 420), (290, 410)], "#e8a010", 56), line([(160, 440), (150, 370)], "#e8a010", 44),
    ),
    "clap": clap(),
    "eyes": [
        ellipse(150, 256, 105, 150, "#c9d4e0"), ellipse(150, 256, 92, 137, WHITE), ellipse(185, 280, 46, 66, DARK),
        ellipse(362, 256, 105, 150, "#c9d4e0"), ellipse(362, 256, 92, 137, WHITE), ellipse(397, 280, 46, 66, DARK),
    ],
    "hundred": hundred(),
}


def still(shapes):
    scale = 2
    image = Image.new("RGBA", (SIZE * scale, SIZE * scale), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    for kind, points, color, width in shapes:
        if kind == "ellipse":
            cx, cy, rx, ry = (value * scale for value in points)
            draw.ellipse((cx - rx, cy - ry, cx + rx, cy + ry), fill=color)
            continue
        points = [(x * scale, y * scale) for x, y in points]
        if kind == "poly":
            draw.polygon(points, fill=color)
            continue
        width *= scale
        draw.line(points, fill=color, width=int(width), joint="curve")
        for x, y in points:
            draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=color)
    return image.resize((SIZE, SIZE), Image.LANCZOS)


def rgb(color):
    return [round(int(color[i : i + 2], 16) / 255, 3) for i in (1, 3, 5)] + [1]


def fixed(value):
    return {"a": 0, "k": value}


def group(shape):
    kind, points, color, width = shape
    if kind == "ellipse":
        cx, cy, rx, ry = points
        what = {"ty": "el", "p": fixed([cx, cy]), "s": fixed([2 * rx, 2 * ry]), "d": 1}
    else:
        flat = [[0, 0]] * len(points)
        path = {"i": flat, "o": flat, "v": [[round(x, 1), round(y, 1)] for x, y in points], "c": kind == "poly"}
        what = {"ty": "sh", "ks": fixed(path), "ind": 0}
    if kind == "line":
        paint = {"ty": "st", "c": fixed(rgb(color)), "o": fixed(100), "w": fixed(width), "lc": 2, "lj": 2}
    else:
        paint = {"ty": "fl", "c": fixed(rgb(color)), "o": fixed(100), "r": 1}
    place = {"ty": "tr", "p": fixed([0, 0]), "a": fixed([0, 0]), "s": fixed([100, 100]), "r": fixed(0), "o": fixed(100)}
    return {"ty": "gr", "it": [what, paint, place], "np": 2}


def moving(shapes):
    ease = {"i": {"x": [0.6] * 3, "y": [1] * 3}, "o": {"x": [0.4] * 3, "y": [0] * 3}}
    sizes = [(0, 0), (14, 112), (24, 96), (34, 100)]
    keys = [{"t": t, "s": [s, s, 100], **(ease if t < 34 else {})} for t, s in sizes]
    layer = {
        "ddd": 0, "ind": 1, "ty": 4, "nm": "", "sr": 1, "ip": 0, "op": 60, "st": 0, "bm": 0, "ao": 0,
        "ks": {"o": fixed(100), "r": fixed(0), "p": fixed([256, 256, 0]), "a": fixed([256, 256, 0]), "s": {"a": 1, "k": keys}},
        # The first is on top.
        "shapes": [group(shape) for shape in reversed(shapes)],
    }
    film = {"tgs": 1, "v": "5.5.2", "fr": 60, "ip": 0, "op": 60, "w": SIZE, "h": SIZE, "nm": "", "ddd": 0, "assets": [], "layers": [layer]}
    return gzip.compress(json.dumps(film, separators=(",", ":")).encode(), mtime=0)


for name, shapes in DRAWN.items():
    still(shapes).save(f"{name}.webp", lossless=False, quality=80, method=6)
    with open(f"{name}.tgs", "wb") as out:
        out.write(moving(shapes))
