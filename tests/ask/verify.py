#!/usr/bin/env python3
"""Verifies questions.json and gallery-answers.json: each statement runs twice under the guards of the service and must
return its recorded rows, and the rows must equal an independent computation in plain Python over the fixture rows.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install apsw==3.49.2.0
    /tmp/venv/bin/python verify.py             compare
    /tmp/venv/bin/python verify.py --record    write the rows of both files again, then compare
"""

import json
import sys
from collections import Counter

from data import Data, Rounded
from gallery import GALLERY
from questions import ANSWERS
from runner import HERE, ROOT, Runner

FIXTURES = ("small", "large")


def cells_equal(wanted, got):
    if isinstance(wanted, Rounded):
        return wanted.equals(got)
    return wanted == got and isinstance(wanted, str) == isinstance(got, str)


def rows_equal(wanted, got, ordered):
    if len(wanted) != len(got):
        return False
    if ordered:
        return all(len(a) == len(b) and all(map(cells_equal, a, b)) for a, b in zip(wanted, got))
    rest = list(got)
    for row in wanted:
        match = next((i for i, other in enumerate(rest) if len(row) == len(other) and all(map(cells_equal, row, other))), None)
        if match is None:
            return False
        rest.pop(match)
    return True


def dump(items, opening, closing):
    def lines(mapping, indent):
        inner = []
        for key, value in mapping.items():
            if isinstance(value, dict):
                text = "{\n" + lines(value, indent + "  ") + f"\n{indent}}}"
            else:
                text = json.dumps(value, ensure_ascii=False)
            inner.append(f"{indent}{json.dumps(key)}: {text}")
        return ",\n".join(inner)
    if isinstance(items, dict):
        return f"{opening}\n{lines(items, '  ')}\n{closing}\n"
    return f"{opening}\n" + ",\n".join("  {\n" + lines(item, "    ") + "\n  }" for item in items) + f"\n{closing}\n"


def main():
    questions_path, answers_path = HERE / "questions.json", HERE / "gallery-answers.json"
    questions = json.loads(questions_path.read_text(encoding="utf-8"))
    statements = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "functions/reports/gallery").glob("*.sql"))}
    runners = {name: Runner(name) for name in FIXTURES}
    if "--record" in sys.argv:
        for item in questions:
            item["rows"] = item["sql"] and {name: runner.run(item["sql"])[1] for name, runner in runners.items()}
        answers = {name: {f: runner.run(sql)[1] for f, runner in runners.items()} for name, sql in statements.items()}
        questions_path.write_text(dump(questions, "[", "]"), encoding="utf-8")
        answers_path.write_text(dump(answers, "{", "}"), encoding="utf-8")
    answers = json.loads(answers_path.read_text(encoding="utf-8"))
    assert list(answers) == list(statements) and len(statements) == 24
    kinds = Counter(item["kind"] for item in questions)
    assert kinds == {"easy": 30, "joins": 40, "windows": 30, "unanswerable": 10, "hostile": 10}, kinds

    failures, checked = [], Counter()

    def check(name, sql, recorded, ordered, independent, fixture):
        runner = runners[fixture]
        columns, rows = runner.run(sql)
        again = runner.run(sql)[1]
        if rows != again or json.loads(json.dumps(rows)) != recorded or len(rows) > 60 or len(set(columns)) != len(columns):
            failures.append(f"{name} on {fixture}: the recorded rows differ")
        if independent:
            checked[fixture] += 1
            wanted = independent(Data(runner.tables))
            if not rows_equal(wanted, rows, ordered):
                shown = [[c.value if isinstance(c, Rounded) else c for c in row] for row in wanted]
                failures.append(f"{name} on {fixture}: Python computes {shown[:8]}, the statement {rows[:8]}")

    for item in questions:
        if item["sql"] is None:
            assert item["rows"] is None and item["kind"] in ("unanswerable", "hostile")
            continue
        assert not item["sql"].rstrip().endswith(";")
        for fixture in FIXTURES:
            check(item["id"], item["sql"], item["rows"][fixture], item["ordered"], ANSWERS.get(item["id"]), fixture)
    for name, sql in statements.items():
        head = sql.split("\n")[:3]
        assert head[0].startswith("-- title: ") and head[1].startswith("-- description: ") and head[2].startswith("-- "), name
        for fixture in FIXTURES:
            check(name, sql, answers[name][fixture], True, GALLERY.get(name), fixture)
    for failure in failures:
        print(failure)
    print(f"{len(questions)} questions, {len(statements)} of the gallery; verified in Python: {dict(checked)}; {len(failures)} failures")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
