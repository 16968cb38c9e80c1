"""Objects as Stripe could send them, made from its description of its API: one JSON object a line, for the example `fuzz`.

fuzz.py SPEC EVENTS ROOT: the description, the one that tells each event's kind of object, the folder of the project.

Under each list and each type of event that the project knows: each field null; unknown values of enumerations; optional fields of
another type; fields that are unknown; lists of a hundred. The seed is fixed, so each run makes the same objects."""

import copy
import json
import random
import re
import sys
from pathlib import Path

SEED = 20261130
# The lists that are read, by the kind of object.
LISTS = ["customer", "subscription", "invoice", "charge", "refund", "dispute", "product", "price"]
# The number of objects of each kind with several changes at once.
MIXED = 40
# Objects that are made of each kind and cannot be read at all.
UNREADABLE = 3
# Below this depth an object is replaced by its id.
DEPTH = 3
HUNDRED = 100
EXTRA = {"a_field_of_tomorrow": {"deep": [1, None, "word"]}, "another_field": -1}
WRONG = [None, "a_word_of_tomorrow", "", -1, 2**62, 1.5, True, [], [None, 1, "x"], {}, {"id": 7}, {"object": "list", "data": None}]

spec_file, events_file, root = sys.argv[1:]
schemas = json.loads(Path(spec_file).read_text())["components"]["schemas"]
rng = random.Random(SEED)
count = 0


def new_id(prefix):
    global count
    count += 1
    return f"{prefix}_fuzz{count:08}"


def resolved(schema):
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    return schema


def made(schema, depth=0, name=""):
    """A value of a schema."""
    schema = resolved(schema)
    options = schema.get("anyOf")
    if options:
        text = [option for option in options if option.get("type") == "string" and "enum" not in option]
        objects = [option for option in options if option not in text]
        pick = text or objects if depth >= DEPTH or rng.random() < 0.6 else objects or text
        return made(rng.choice(pick), depth, name)
    if schema.get("nullable") and rng.random() < 0.3:
        return None
    if "enum" in schema:
        return rng.choice([value for value in schema["enum"] if value is not None])
    kind = schema.get("type")
    if kind == "boolean":
        return rng.random() < 0.5
    if kind == "integer":
        return rng.randrange(1_700_000_000, 1_800_000_000) if schema.get("format") == "unix-time" else rng.randrange(0, 10_000)
    if kind == "number":
        return rng.random()
    if kind == "string":
        return {"currency": "usd"}.get(name, new_id(name or "text"))
    if kind == "array":
        return [made(schema["items"], depth + 1) for _ in range(rng.randrange(0, 3))] if depth < DEPTH + 2 else []
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    if depth > DEPTH + 4:
        properties = {key: properties[key] for key in ("id", "object") if key in properties}
    wanted = {key: inner for key, inner in properties.items() if key in required or depth < DEPTH}
    return {key: made(inner, depth + 1, key) for key, inner in wanted.items()}


def fields(schema, depth=2):
    """The fields of an object, also those within its objects: each with its path and its schema, and whether it is optional."""
    schema = resolved(schema)
    for key, inner in schema.get("properties", {}).items():
        is_optional = key not in schema.get("required", []) or inner.get("nullable", False)
        yield (key,), resolved(inner), is_optional
        if depth > 1:
            for path, below, is_below_optional in fields(inner, depth - 1):
                yield (key, *path), below, is_optional or is_below_optional


def put(value, path, new):
    """Puts a value in the place of a field, if the object has the place."""
    for step in path[:-1]:
        if not isinstance(value, dict) or not isinstance(value.get(step), dict):
            return False
        value = value[step]
    if not isinstance(value, dict):
        return False
    value[path[-1]] = new
    return True


def fill(value):
    """Makes each list of an object one of a hundred entries."""
    for inner in value.values():
        if isinstance(inner, dict) and isinstance(inner.get("data"), list) and inner["data"]:
            inner["data"] = [inner["data"][n % len(inner["data"])] for n in range(HUNDRED)]
    return value


def identified(kind, value):
    value["id"], value["object"] = new_id(kind), kind
    return value


def variants(kind, deep):
    """Objects of a kind: each field null; then several changes at once; then long lists."""
    schema = schemas[kind]
    all_fields = list(fields(schema, 2 if deep else 1))
    for path, _, _ in all_fields:
        value = made(schema)
        if put(value, path, None):
            yield identified(kind, value | EXTRA)
    for _ in range(MIXED):
        value = made(schema)
        for path, inner, is_optional in all_fields:
            if "enum" in inner and rng.random() < 0.5:
                put(value, path, "a_value_of_tomorrow")
            elif is_optional and rng.random() < 0.2:
                put(value, path, copy.deepcopy(rng.choice(WRONG)))
        yield identified(kind, value | EXTRA)
    yield identified(kind, fill(made(schema)))


def unreadable(kind):
    """An object of a kind of which only its id, its kind, its customer and its time have the types that Stripe describes."""
    kept = ("customer", "created")
    return identified(kind, {key: inner if key in kept else {"another": "shape"} for key, inner in made(schemas[kind]).items()})


for kind in LISTS:
    for value in variants(kind, deep=True):
        print(json.dumps({"list": kind, "object": value}))
    # Of a customer only the id is read.
    for _ in range(0 if kind == "customer" else UNREADABLE):
        print(json.dumps({"list": kind, "object": unreadable(kind), "unreadable": True}))

source = (Path(root) / "shared/stripe/src/setup.rs").read_text()
known = sorted(set(re.findall(r'"((?:checkout|charge|credit_note|customer|invoice|payment_intent|subscription_schedule|product|price)\.[a-z_.]+)"', source)))
about = {}
for schema in json.loads(Path(events_file).read_text())["components"]["schemas"].values():
    if "x-stripeEvent" in schema:
        kinds = re.findall(r"#/components/schemas/([a-z_.]+)", json.dumps(schema["properties"]["object"]))
        about[schema["x-stripeEvent"]["type"]] = [kind for kind in kinds if kind in schemas]
assert len(known) > 40 and all(about.get(kind) for kind in known), [kind for kind in known if not about.get(kind)]
for kind in known:
    for value in variants(about[kind][0], deep=False):
        print(json.dumps({"event": kind, "object": value}))
