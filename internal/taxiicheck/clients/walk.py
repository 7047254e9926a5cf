"""Walks a TAXII 2.1 server with taxii2-client, page by page, and parses every
object with stix2.

    walk.py URL USER PASSWORD PAGE

Prints one line of JSON: what was met of each collection. Anything that either
library refuses ends it with an error."""

import json
import sys

import stix2
from taxii2client.common import TokenAuth
from taxii2client.v21 import Server, as_pages

url, user, password, page = sys.argv[1:5]
met = []
# A token alone (sent as "Token", not "Bearer"), and a user with it as password, lead to the same.
bearer = Server(url, auth=TokenAuth(password))
server = Server(url, user=user, password=password)
if [r.url for r in bearer.api_roots] != [r.url for r in server.api_roots]:
    sys.exit("user and token lead to different API roots")
for root in server.api_roots:
    for collection in root.collections:
        seen = {"root": root.title, "title": collection.title, "can_write": collection.can_write,
                "pages": 0, "objects": 0, "manifest": 0, "ids": [], "types": {}, "patterns": [], "revoked": 0}
        for envelope in as_pages(collection.get_objects, per_request=int(page)):
            seen["pages"] += 1
            for o in envelope.get("objects", []):
                parsed = stix2.parse(o, version="2.1")  # custom content is refused
                seen["objects"] += 1
                seen["ids"].append(parsed["id"])
                seen["types"][parsed["type"]] = seen["types"].get(parsed["type"], 0) + 1
                if parsed.get("revoked"):
                    seen["revoked"] += 1
                if parsed["type"] == "indicator":
                    seen["patterns"].append(parsed["pattern"])
        for envelope in as_pages(collection.get_manifest, per_request=int(page)):
            seen["manifest"] += len(envelope.get("objects", []))
        if seen["ids"]:
            one = collection.get_object(seen["ids"][-1])["objects"]
            if [o["id"] for o in one] != [seen["ids"][-1]]:
                sys.exit("an object that was listed is not there when asked for alone")
        met.append(seen)
print(json.dumps(met))
