"""Compares what schemathesis found with `findings.toml`, where each finding that remains has its reason.

findings.py CASES REPORT...: how many cases it must have made, and its reports (ndjson)."""

import base64
import json
import sys
import tomllib
from collections import Counter
from pathlib import Path

wanted_cases, reports = int(sys.argv[1]), sys.argv[2:]
explained = tomllib.loads(Path(__file__).with_name("findings.toml").read_text())["finding"]
for entry in explained:
    assert set(entry) - {"body"} == {"check", "answers", "operations", "reason"}, entry
used, unexplained, examples, cases, errors = Counter(), Counter(), {}, 0, []


def text(content):
    """A body as text; the report has it in base64."""
    if isinstance(content, dict):
        content = base64.b64decode(content.get("$base64", "")).decode(errors="replace")
    return content or ""


def answer_of(interaction):
    """The status of a response, and the code of an error."""
    response = interaction.get("response") or {}
    status = response.get("status_code", 0)
    try:
        code = json.loads(text(response.get("content")))["code"] if status >= 400 else ""
    except (ValueError, KeyError, TypeError):
        code = ""
    return f"{status} {code}".strip()


def explains(entry, operation, check, answer, body):
    """Whether an entry of the list is about this finding."""
    is_operation = entry["operations"] == "*" or operation in entry["operations"]
    return is_operation and entry["check"] == check and answer in entry["answers"] and entry.get("body", body) == body


for line in (line for report in reports for line in Path(report).open()):
    [(kind, event)] = json.loads(line).items()
    if kind in ("NonFatalError", "FatalError"):
        errors.append(json.dumps(event)[:1000])
    if kind != "ScenarioFinished":
        continue
    recorder = event["recorder"]
    operation, interactions = recorder["label"], recorder.get("interactions") or {}
    cases += len(interactions)
    for case, checks in (recorder.get("checks") or {}).items():
        for check in checks:
            if check["status"] != "failure":
                continue
            interaction = interactions.get(case) or {}
            request = interaction.get("request") or {}
            name, answer, body = check["name"], answer_of(interaction), text(request.get("body"))
            matching = (i for i, entry in enumerate(explained) if explains(entry, operation, name, answer, body))
            index = next(matching, None)
            if index is None:
                finding = (operation, name, answer)
                unexplained[finding] += 1
                failure = (check.get("failure_info") or {}).get("failure") or {}
                example = f"{failure.get('message', '')}\n{request.get('method')} {request.get('uri')} {body[:1000]!r}"
                examples.setdefault(finding, example)
            else:
                used[index] += 1

print(f"schemathesis: {cases} cases, {sum(used.values())} explained findings of {len(used)} kinds")
for index, entry in enumerate(explained):
    if index not in used:
        print(f"not found any more: {entry['check']} {entry['answers']} on {entry['operations']}")
for (operation, check, answer), count in sorted(unexplained.items()):
    print(f"\n{count} × {operation}: {check}: {answer}\n{examples[operation, check, answer]}")
for error in errors:
    print(f"\nerror: {error}")
assert not unexplained and not errors, f"{len(unexplained)} findings and {len(errors)} errors that are not explained"
assert cases >= wanted_cases, f"only {cases} cases"
