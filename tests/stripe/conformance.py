"""Checks the output of the fake (`scenarios`, one JSON object a line on standard input) against Stripe's description of its API.

conformance.py SPEC EVENTS ROOT: the description, the one that tells each event's kind of object, the folder of the project."""

import json
import re
import sys
from collections import Counter
from pathlib import Path

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

# Fields that Stripe sends and hides from its description. The fake sends them too: Stripe's own libraries read them.
HIDDEN = {
    "product": {"type": {"enum": ["good", "service"]}},
    "subscription_item": {"plan": {"$ref": "#/components/schemas/plan"}},
    "subscription_schedule_configuration_item": {"plan": {"type": "string"}},
}

# Nullable fields are present as null, except these, which are present only where `expand` requests them.
ASKED_FOR = {"charge": {"refunds"}, "customer": {"cash_balance"}, "invoice": {"confirmation_secret"}}

spec_file, events_file, root = sys.argv[1:]
spec = json.loads(Path(spec_file).read_text())
root = Path(root)
faults = []


def closed(schema):
    """OpenAPI 3.0's schema as JSON Schema's: nothing may stand there that it does not name, nor be left out that is null."""
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": "urn:stripe" + schema["$ref"]}
    made = {}
    for name, value in schema.items():
        if name == "properties":
            made[name] = {key: closed(inner) for key, inner in value.items()}
        elif name in ("anyOf", "oneOf", "allOf"):
            made[name] = [closed(inner) for inner in value]
        elif name in ("items", "additionalProperties"):
            made[name] = closed(value)
        elif name in ("type", "enum", "required", "maxLength", "pattern"):
            made[name] = value
    if "properties" in made:
        assert "anyOf" not in made, "a closed object beside alternatives"
        present = {key for key, inner in schema["properties"].items() if inner.get("nullable")}
        made["required"] = sorted(present.union(made.get("required", ())) - ASKED_FOR.get(schema.get("x-resourceId"), set()))
        made.setdefault("additionalProperties", False)
    return {"anyOf": [made, {"type": "null"}]} if schema.get("nullable") else made


schemas = spec["components"]["schemas"]
for name, properties in HIDDEN.items():
    for key, schema in properties.items():
        assert key not in schemas[name]["properties"], f"{name}.{key} is hidden no more"
        schemas[name]["properties"][key] = schema
document = {"components": {"schemas": {name: closed(schema) for name, schema in schemas.items()}}}
registry = Registry().with_resource("urn:stripe", Resource(contents=document, specification=DRAFT202012))
validators = {}


def check(schema, value, where):
    """Notes what is wrong with `value`, if anything."""
    key = json.dumps(schema, sort_keys=True)
    if key not in validators:
        validators[key] = Draft202012Validator(closed(schema), registry=registry)
    wrong = best_match(validators[key].iter_errors(value))
    if wrong:
        faults.append(f"{where}: {wrong.json_path}: {wrong.message[:300]}")


def kind_of(value):
    """The name of the schema of an object."""
    kind = value.get("object")
    return f"deleted_{kind}" if value.get("deleted") is True else kind


def check_object(value, where):
    kind = kind_of(value)
    if kind in schemas:
        check({"$ref": f"#/components/schemas/{kind}"}, value, f"{where}: {kind}")
    else:
        faults.append(f"{where}: no kind of object: {kind}")


# The paths; literal ones before those with a parameter in the same place.
paths = [(re.compile(re.sub(r"\{\w+\}", r"[^/]+", path) + "$"), path) for path in sorted(spec["paths"], key=lambda p: p.count("{"))]


def operation(call):
    """A call's place in the description."""
    method, path = call.split(" ")
    for pattern, name in paths:
        if pattern.match(path) and method.lower() in spec["paths"][name]:
            return f"{method} {name}", spec["paths"][name][method.lower()]
    return None, None


def check_parameters(place, names, where):
    """The parameters' names, at every depth that the description has."""
    form = place.get("requestBody", {}).get("content", {}).get("application/x-www-form-urlencoded", {}).get("schema", {})
    known = form.get("properties", {}) | {entry["name"]: entry["schema"] for entry in place.get("parameters", [])}
    for full in names:
        schema = {"properties": known}
        for step in re.findall(r"[^\[\]]+|(?<=\[)(?=\])", full):
            options = [schema, *schema.get("anyOf", [])]
            found = [option["properties"][step] for option in options if step in option.get("properties", {})]
            found += [option["items"] for option in options if "items" in option and (step == "" or step.isdigit())]
            found += [{"type": "string"} for option in options if isinstance(option.get("additionalProperties"), dict)]
            if not found:
                faults.append(f"{where}: no such parameter: {full}")
                break
            schema = found[0]


lines = [json.loads(line) for line in sys.stdin]
objects, events, types, calls = Counter(), 0, set(), set()
kinds_of_events = {
    schema["x-stripeEvent"]["type"]: json.dumps(schema["properties"]["object"])
    for schema in json.loads(Path(events_file).read_text())["components"]["schemas"].values()
    if "x-stripeEvent" in schema
}
form = spec["paths"]["/v1/webhook_endpoints"]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]
known_types = set(form["schema"]["properties"]["enabled_events"]["items"]["enum"])


def check_event(event, where):
    """An event beside its own shape: its type, and the object that it is about."""
    kind, about = event["type"], event["data"]["object"]
    check_object(about, f"{where} {kind}")
    if kind not in known_types:
        faults.append(f"{where}: no type of event: {kind}")
    if f'"#/components/schemas/{about["object"]}"' not in kinds_of_events.get(kind, ""):
        faults.append(f"{where}: {kind} is not about a {about['object']}")
    properties = schemas[about["object"]]["properties"]
    for name in event["data"].get("previous_attributes", {}):
        if name not in properties:
            faults.append(f"{where}: {kind}: {about['object']} has no {name}")


for line in lines:
    value, call = line["object"], line.get("call", "")
    where = call or line["schema"]
    if call:
        calls.add(call)
        name, place = operation(call)
        if place is None:
            if line["status"] != 404:
                faults.append(f"{where}: no such call")
            check({"$ref": "#/components/schemas/error"}, value, where)
            continue
        if line["status"] == 200:
            check_parameters(place, line["parameters"], where)
        answer = place["responses"]["200" if line["status"] == 200 else "default"]
        check(answer["content"]["application/json"]["schema"], value, where)
    if line["schema"] in ("list", "error"):
        objects[line["schema"]] += 1
    else:
        check_object(value, where)
    for entry in value["data"] if line["schema"] == "list" else [value]:
        if line["schema"] == "list":
            check_object(entry, where)
        if line["schema"] != "error":
            objects[kind_of(entry)] += 1
        if entry.get("object") == "event":
            events += 1
            types.add(entry["type"])
            check_event(entry, where)

# The calls and events in the sources.
sources = {path.name: path.read_text() for path in (root / "infra/fake-stripe/src").glob("*.rs")}
table = sources["lists.rs"].split("const READ", 1)[1].split("];", 1)[0]
read = [folder for folder, _ in re.findall(r'\("([a-z_/]+)", "([a-z_.]+)"\)', table)]
served = [f"GET /v1/{folder}{end}" for folder in read for end in ("", "/ID")]
for method, path in re.findall(r'\("(POST|DELETE)", \[([^\]]*)\]\)', sources["resources.rs"]):
    steps = [step.strip() for step in path.split(",")]
    served.append(f"{method} /v1/" + "/".join(step.strip('"') if step.startswith('"') else "ID" for step in steps))
covered = {operation(call)[0] for call in calls if any(line.get("call") == call and line["status"] == 200 for line in lines)}
for call in served:
    name, _ = operation(call)
    if name is None:
        faults.append(f"{call} is served, and is no call of Stripe's")
    elif name not in covered:
        faults.append(f"{call} is served, and no life made it")
emitted = set()
for text in sources.values():
    literals = re.findall(r'"([a-z_]+(?:\.[a-z_]+)+)"', re.sub(r"#\[.*\]", "", text))
    emitted |= {literal for literal in literals if literal not in schemas}
for kind in sorted(emitted - types):
    faults.append(f"{kind} stands in the sources, and no life met it")

# One version everywhere.
versions = {"the description": spec["info"]["version"]}
for name in ("infra/fake-stripe/src/settings.rs", "shared/stripe/src/client.rs"):
    versions[name] = re.search(r'API_VERSION: &str = "([^"]+)"', (root / name).read_text())[1]
if len(set(versions.values())) != 1:
    faults.append(f"versions differ: {versions}")

for fault in dict.fromkeys(faults):
    print(fault)
print(", ".join(f"{count} {kind}" for kind, count in sorted(objects.items())))
print(
    f"checked {sum(objects.values())} objects, {events} events of {len(types)} types ({len(emitted)} emitted), "
    f"{len(served)} calls served; {len(set(faults))} faults"
)
sys.exit(bool(faults) or not lines or not emitted or not served)
