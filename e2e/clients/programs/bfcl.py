"""Prints a line of JSON for each single-turn case of bfcl-eval: its category, the tools that are
offered, the calls that are right, and whether the package's own checker says so of them.

The package's calls are patterns: for each argument a list of values that are right, "" among
them if it may be missing. The first one is taken. The checker is asked for what is written for
Python; of Java and JavaScript it wants source text, which no provider sends as arguments."""
import json
import pathlib
import sys
import types

import bfcl_eval

# The checker looks one thing up in the table of models, whose import needs every vendor's client.
table = types.ModuleType("bfcl_eval.constants.model_config")
table.MODEL_CONFIG_MAPPING = {"any": types.SimpleNamespace(underscore_to_dot=True)}
sys.modules[table.__name__] = table

from bfcl_eval.constants.enums import Language
from bfcl_eval.constants.type_mappings import GORILLA_TO_OPENAPI
from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker

data = pathlib.Path(bfcl_eval.__file__).parent / "data"
categories = [
    "simple_python", "multiple", "parallel", "parallel_multiple", "simple_java", "simple_javascript", "irrelevance",
    "live_simple", "live_multiple", "live_parallel", "live_parallel_multiple", "live_irrelevance", "live_relevance",
]


def schema(v):
    """JSON Schema of a type as the package writes it."""
    if isinstance(v, list):
        return [schema(x) for x in v]
    if not isinstance(v, dict):
        return v
    out = {}
    for key, value in v.items():
        if key == "properties":
            out[key] = {name: schema(x) for name, x in value.items()}
        elif key == "type" and isinstance(value, str):
            if value not in ("any", "Any"):  # which is no bound
                out[key] = GORILLA_TO_OPENAPI.get(value, value.lower())
        elif key in ("items", "required", "description"):
            out[key] = schema(value)
    return out


def first(v):
    """A value of a pattern of values: in dicts each member is a list of values, too."""
    if isinstance(v, dict):
        return {k: first(pick(x)) for k, x in v.items() if pick(x) != ""}
    if isinstance(v, list):
        return [first(x) for x in v]
    return v


def pick(values):
    if not isinstance(values, list):
        return values
    return next((v for v in values if v != ""), "")


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def name(s):
    return s.replace(".", "_")  # as the package has it for every provider


for category in categories:
    answers = {a["id"]: a["ground_truth"] for a in lines(data / f"possible_answer/BFCL_v4_{category}.json")}
    for case in lines(data / f"BFCL_v4_{category}.json"):
        functions, truth = case["function"], answers.get(case["id"], [])
        calls = []
        for pattern in truth:
            for function, args in pattern.items():
                calls.append({"name": name(function), "arguments": {k: first(pick(v)) for k, v in args.items() if "" not in v or pick(v) != ""}})
        checked, why = None, ""
        if truth and "java" not in category:
            try:
                got = ast_checker(functions, [{c["name"]: c["arguments"]} for c in calls], truth, Language.PYTHON, category, "any")
                checked, why = got["valid"], str(got.get("error", ""))
            except Exception as e:
                checked, why = False, repr(e)
        tools = [{"name": name(f["name"]), "schema": schema(f["parameters"])} for f in functions]
        print(json.dumps({"id": case["id"], "category": category, "tools": tools, "calls": calls, "checked": checked, "why": why}))
