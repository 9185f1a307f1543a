#!/usr/bin/env python3
"""Makes countries.json and timezones.json from published data. See README.md beside this file.

    python3 -m venv venv
    venv/bin/pip install phonenumbers==9.0.43 babel==2.18.0 tzdata==2026.6
    venv/bin/python make.py
"""

import datetime
import importlib.metadata
import itertools
import json
import pathlib
import random
import re
import zoneinfo

import babel
import babel.dates
import phonenumbers
import tzdata
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

HERE = pathlib.Path(__file__).parent
ENGLISH = babel.Locale("en")

# CLDR's long names, in the shorter form that a narrow country list shows.
SHORT_NAMES = {
    "CD": "Congo (Kinshasa)",
    "CG": "Congo (Brazzaville)",
    "HK": "Hong Kong",
    "MM": "Myanmar",
    "MO": "Macao",
    "PS": "Palestine",
}

# Morocco's metadata holds these too, so no number tells the two apart; the table does.
NAMED_PREFIXES = {"EH": ["5288", "5289"]}

# Not in phone metadata: the range of numbers without a telephone, as clients list it.
ANONYMOUS = {"iso2": "FT", "name": "Anonymous Numbers", "codes": [{"code": "888", "patterns": ["XXXX XXXX"]}]}


def name(region):
    return SHORT_NAMES.get(region) or ENGLISH.territories[region]


def pattern(region):
    """How a mobile number is grouped after the calling code, every digit an X."""
    for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE):
        number = phonenumbers.example_number_for_type(region, kind)
        if number:
            break
    else:
        return None
    text = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    _, _, national = text.partition(" ")
    return "".join("X" if c.isdigit() else " " for c in national)


def lengths(regions):
    found = set()
    for region in regions:
        metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
        for description in (metadata.mobile, metadata.fixed_line):
            found.update(n for n in description.possible_length if n > 0)
    return sorted(found)


def owners(code, prefix, digits, chance):
    """The regions of valid numbers that begin so, by a sample."""
    seen = set()
    for length, _ in itertools.product(digits, range(30)):
        national = prefix + "".join(chance.choice("0123456789") for _ in range(length - len(prefix)))
        number = PhoneNumber(country_code=code, national_number=int(national))
        seen.add(phonenumbers.region_code_for_number(number))
    return seen - {None}


def leading(region):
    """The prefixes that metadata itself names for a region."""
    expression = phonenumbers.PhoneMetadata.metadata_for_region(region).leading_digits
    if not expression:
        return []
    found = []
    for length in range(1, 6):
        for digits in itertools.product("0123456789", repeat=length):
            prefix = "".join(digits)
            if not prefix.startswith(tuple(found)) and re.fullmatch(expression, prefix):
                found.append(prefix)
    return found


def sampled(code, regions):
    """Prefixes of three or four digits whose numbers all belong to one region, merged where ten make one."""
    chance = random.Random(code)
    # North American area codes have three digits; elsewhere the border lies a digit deeper.
    depth = 3 if code == 1 else 4
    digits = [n for n in lengths(regions) if n > depth]
    owner = {}
    for number in range(10 ** (depth - 1), 10**depth):
        seen = owners(code, str(number), digits, chance)
        if len(seen) == 1:
            owner[str(number)] = seen.pop()
        elif seen:
            owner[str(number)] = None  # shared: left to the default region
    for length in range(depth - 1, 0, -1):
        if code == 1:
            break
        for stem in {prefix[:length] for prefix in owner}:
            below = {prefix: region for prefix, region in owner.items() if prefix[:-1] == stem}
            if below and len(set(below.values())) == 1:
                owner[stem] = set(below.values()).pop()
                for prefix in below:
                    del owner[prefix]
    return owner


def by_example(code, region):
    """The shortest beginning of the region's example number that is its alone: for very small regions. None where all are shared."""
    national = str(phonenumbers.example_number_for_type(region, PhoneNumberType.FIXED_LINE).national_number)
    for length in range(1, len(national)):
        if owners(code, national[:length], [len(national)] * 30, random.Random(length)) == {region}:
            return [national[:length]]
    return []


def split(code, regions):
    """Prefixes by region for a calling code that several regions share; the first is the default and has none."""
    found = {region: NAMED_PREFIXES.get(region) or leading(region) for region in regions[1:]}
    unnamed = [region for region, prefixes in found.items() if not prefixes]
    if unnamed:
        owner = sampled(code, regions)
        for region in unnamed:
            found[region] = sorted(prefix for prefix, its in owner.items() if its == region) or by_example(code, region)
    return found


def countries():
    rows = {}
    for code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()):
        if regions == ("001",):
            continue
        prefixes = split(code, regions) if len(regions) > 1 else {}
        for region in regions:
            shape = pattern(region)
            # One area code is written into the code itself (1473), as clients expect it.
            area = prefixes.get(region, [])
            if code == 1 and len(area) == 1:
                entry = {"code": f"1{area[0]}"}
                shape = shape and shape.split(" ", 1)[1]
            else:
                entry = {"code": str(code)}
                if area:
                    entry["prefixes"] = area
            if shape:
                entry["patterns"] = [shape]
            rows[region] = {"iso2": region, "name": name(region), "codes": [entry]}
    rows["FT"] = ANONYMOUS
    return sorted(rows.values(), key=lambda row: row["iso2"])


def timezones():
    table = pathlib.Path(tzdata.__file__).parent / "zoneinfo" / "zone.tab"
    rows = []
    for line in table.read_text().splitlines():
        if line.startswith("#"):
            continue
        zone = line.split("\t")[2]
        info = zoneinfo.ZoneInfo(zone)
        # Standard time is the lesser of midwinter's and midsummer's, in either hemisphere.
        offsets = [datetime.datetime(2026, month, 1, tzinfo=info).utcoffset() for month in (1, 7)]
        city = babel.dates.get_timezone_location(zone, locale=ENGLISH, return_city=True)
        rows.append({"id": zone, "name": city, "utc_offset": int(min(offsets).total_seconds())})
    rows.append({"id": "Etc/UTC", "name": "UTC", "utc_offset": 0})
    return sorted(rows, key=lambda row: (row["utc_offset"], row["id"]))


def write(path, rows):
    """One row a line: compact, and a change shows as a readable diff."""
    lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    (HERE / path).write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(path, len(rows))


if __name__ == "__main__":
    for package in ("phonenumbers", "babel", "tzdata"):
        print(package, importlib.metadata.version(package))
    write("countries.json", countries())
    write("timezones.json", timezones())
