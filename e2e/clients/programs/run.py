"""Runs the cases of a program, so many at once, and prints a line of JSON for each: what it got,
or what was raised."""
import concurrent.futures
import json
import sys
import traceback

at = json.loads(sys.argv[1])  # url, key, sight, models

picture = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def run(cases, at_once=8):
    def one(item):
        name, f = item
        try:
            got = f()
        except Exception as e:
            got = {"bug": f"{type(e).__name__}: {e}", "stack": traceback.format_exc()}
        return json.dumps({"case": name, "got": got})

    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for line in pool.map(one, cases.items()):
            print(line, flush=True)


def raised(f):
    try:
        f()
    except Exception as e:
        return e
    raise AssertionError("nothing was raised")
