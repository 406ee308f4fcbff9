"""Verifies messages, of which each line of the standard input is one, as their receiver would: with
the library of Standard Webhooks, unmodified. It prints what was in them, or what was raised."""
import json
import sys

from standardwebhooks import Webhook

for line in sys.stdin:
    m = json.loads(line)
    try:
        print(json.dumps({"got": Webhook(m["secret"]).verify(m["body"], m["headers"])}))
    except Exception as e:
        print(json.dumps({"error": type(e).__name__}))
