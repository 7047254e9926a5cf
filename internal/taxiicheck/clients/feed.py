"""Pulls a MISP feed with PyMISP, as an instance would.

    feed.py URL USER PASSWORD

URL is what an instance is given: without the name of a file. Prints one line of
JSON: what was met of each event. Anything that PyMISP refuses, or that the
manifest, the hashes or the checksums tell otherwise than it does, ends it with
an error."""

import hashlib
import json
import sys
import warnings

import requests
from pymisp import MISPEvent

warnings.simplefilter("error")  # what PyMISP does not know is refused
url, user, password = sys.argv[1:4]


def get(name, **auth):
    response = requests.get(f"{url}/{name}", timeout=60, **auth)
    response.raise_for_status()
    return response.content


basic = {"auth": (user, password)}
manifest = json.loads(get("manifest.json", **basic))
# An instance may send a header of its own instead.
if json.loads(get("manifest.json", headers={"Authorization": "Bearer " + password})) != manifest:
    sys.exit("user and token lead to different manifests")

met, hashes = [], []
for uuid, line in manifest.items():
    text = get(uuid + ".json", **basic)
    if hashlib.sha256(text).hexdigest() != line.pop("integrity:sha256"):
        sys.exit(f"{uuid} is not what the manifest says")
    event = MISPEvent()
    event.load(json.loads(text))
    told = json.loads(json.dumps(event.manifest[uuid]))
    if {k: str(v) for k, v in told.items() if k not in ("Orgc", "Tag")} != {k: v for k, v in line.items() if k not in ("Orgc", "Tag")}:
        sys.exit(f"{uuid}: the manifest says {line}, PyMISP {told}")
    if [t["name"] for t in told["Tag"]] != [t["name"] for t in line["Tag"]] or told["Orgc"] != line["Orgc"]:
        sys.exit(f"{uuid}: the manifest says {line}, PyMISP {told}")
    event.to_feed(with_meta=True)  # it is complete enough to be passed on
    attributes = event.attributes + [a for o in event.objects for a in o.attributes]
    hashes += [f"{h},{uuid}" for h in event.attributes_hashes("md5")]
    met.append({"uuid": uuid, "info": event.info, "tags": [t.name for t in event.tags], "org": event.Orgc.name,
                "types": sorted({a.type for a in attributes}), "values": [str(a.value) for a in attributes],
                "ids": [a.uuid for a in attributes], "labels": [t.name for a in attributes for t in a.tags]})
if get("hashes.csv", **basic).decode().split() != hashes:
    sys.exit("the hashes are not those of the values")
print(json.dumps(met))
