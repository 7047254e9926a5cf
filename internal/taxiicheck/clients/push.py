"""Pushes an envelope to a TAXII 2.1 server with taxii2-client, and deletes an
object, as a tool does.

    push.py URL USER PASSWORD ENVELOPE [ID_TO_DELETE]

With USER "-" the password is sent alone, as a token. The first collection that
can be written to is taken. Prints one line of JSON: what the final status says,
once more as it is asked for by its id, and what reading the collection gives."""

import json
import sys

from taxii2client.common import TokenAuth
from taxii2client.exceptions import AccessError
from taxii2client.v21 import Server

url, user, password, envelope = sys.argv[1:5]
server = Server(url, auth=TokenAuth(password)) if user == "-" else Server(url, user=user, password=password)
writable = [(root, c) for root in server.api_roots for c in root.collections if c.can_write]
if not writable:
    sys.exit("there is no collection to push to")
root, collection = writable[0]
with open(envelope, encoding="utf-8") as f:
    status = collection.add_objects(f.read(), wait_for_completion=True, poll_interval=0.1, timeout=30)
again = root.get_status(status.id)
try:
    collection.get_objects()
    readable = True
except AccessError:
    readable = False
out = {"title": collection.title, "description": collection.description, "can_read": collection.can_read, "readable": readable,
       "status": status.status, "total": again.total_count, "successes": again.successes, "failures": again.failures}
if len(sys.argv) > 5:
    collection.delete_object(sys.argv[5])
print(json.dumps(out))
