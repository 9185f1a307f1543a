"""Reads a compose file as the compose specification wants it, and prints the names of its services.

Beyond the specification's types: each volume that a service names is declared, as compose asks for.
"""

import sys

from compose_spec import PyOptions

options = PyOptions()
options.apply_merge = True
with open(sys.argv[1], encoding="utf-8") as file:
    compose = options.from_yaml(file.read())
compose.validate()
spec = compose.to_dict()
for name, service in spec["services"].items():
    for volume in service.get("volumes", []):
        source = volume.split(":")[0] if isinstance(volume, str) else volume.get("source", "/")
        if source[0] not in "/.~" and source not in (spec.get("volumes") or {}):
            sys.exit(f"{name} has a volume {source} that nothing declares")
print(*spec["services"])
