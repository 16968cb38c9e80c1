#!/usr/bin/env python3
"""Checks infra/athena without AWS:

1. Each statement parses in its dialect: Hive's for the tables, Trino's for the views.
2. Each view has the columns of its table in tests/ask/schema.sql, in that order and of those types.
3. Each attribute that the tables list is one that the store writes, and each is used by a view.
4. The views, transpiled to DuckDB, return the rows of expected.json for the export lines in sample/ at the time NOW. The lines are read as
   Hive's JSON SerDe reads them, by the types of the tables.
5. The grace period, the margin for a late renewal, and the audit actions are those of the service.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install sqlglot==30.30.0 duckdb==2.0.1
    /tmp/venv/bin/python check.py
"""

import json
import logging
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

import duckdb
import sqlglot
from sqlglot import exp

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NOW = "2026-06-15 12:00:00+00"
SERDE = "org.apache.hive.hcatalog.data.JsonSerDe"
KEYS = {"pk", "sk", "list", "user_id"}
# The structs whose fields are the attributes of each table's items, with the keys above.
STRUCTS = {
    "identity": ["Profile"],
    "gate": ["Gate"],
    "billing": ["Plan", "Terms", "Subscription", "SubscriptionTerms", "Payment"],
    "audit": ["AuditEntry"],
}
# What the rows of the sample are about, by the ends of their ids.
CASES = {
    "usr": {
        1: "an admin with access",
        2: "access that ends now",
        3: "unverified and disabled, a gate without a tier",
        4: "deleted and not erased yet: no row",
        5: "no gate",
        6: "access for half a second more",
        7: "erased: no row",
    },
    "plan": {1: "free", 4: "archived"},
    "sub": {
        1: "active, with a long history",
        2: "past due, within grace by a second; its history begins with neither plan nor status",
        3: "past due, grace ends now",
        4: "past due since the period began",
        5: "past due within grace, cancelled, its period is over",
        6: "cancelled, of a deleted user",
        7: "active, renewal 12 hours late",
        8: "active, cancelled, its period is over",
        9: "active, its announced end within the period is over",
        10: "active, renewal 12 hours late, with an announced end after the period",
        11: "active, of no plan",
        12: "active, a duplicate to be ended",
        13: "trialing, 12 hours late, an old item without quantity and interval_count",
        14: "unpaid, three units each three months",
        15: "paused",
        16: "incomplete",
        17: "active, renewal 24 hours late",
        18: "past due after grace",
        19: "past due within grace, cancelled, its period goes on",
        20: "incomplete and expired",
        21: "active, cancelled without an announced end, its period is over",
        22: "past due after grace, cancelled, its period goes on",
    },
    "pay": {2: "refunded in part", 3: "refunded, of a deleted user", 7: "more than 32 bits, of no subscription"},
}


class Failures:
    def __init__(self):
        self.messages = []

    def check(self, holds, message):
        if not holds:
            self.messages.append(message)
        return holds


def statements(name, read):
    """The statements of a file; one that sqlglot does not understand is an error, not a warning."""
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    text = (ROOT / "infra/athena" / name).read_text()
    parsed = [statement for statement in sqlglot.parse(text, read=read, error_level=sqlglot.ErrorLevel.RAISE) if statement]
    # docs/athena.md removes comment lines and splits at semicolons: both ways must find the same statements.
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    split = [sqlglot.parse_one(part, read=read) for part in lines.split(";") if part.strip()]
    if parsed != split:
        raise SystemExit(f"{name}: a semicolon that ends no statement, or a comment behind code")
    return parsed


def read_schema():
    """The columns of each table of the service, with their types."""
    tables = sqlglot.parse((ROOT / "tests/ask/schema.sql").read_text(), read="sqlite")
    return {
        table.this.this.name: [(column.name, column.kind.sql(dialect="sqlite")) for column in table.this.expressions]
        for table in tables
        if isinstance(table, exp.Create)
    }


def read_tables(failures):
    """The type of the column `item` of each export."""
    types = {}
    for statement in statements("tables.sql", "hive"):
        if not failures.check(isinstance(statement, exp.Create) and statement.kind == "TABLE", f"not a table: {statement.sql()[:80]}"):
            continue
        name = statement.this.this.name
        table = name.removesuffix("_export")
        properties = {type(each): each for each in statement.args["properties"].expressions}
        location = properties[exp.LocationProperty].this.name if exp.LocationProperty in properties else None
        serde = properties.get(exp.RowFormatSerdeProperty)
        failures.check(exp.ExternalProperty in properties, f"{name} is not external")
        failures.check(serde is not None and serde.this.name == SERDE, f"{name} has another SerDe than {SERDE}")
        wanted = f"s3://BUCKET/export/AWSDynamoDB/EXPORT_{table}/data/"
        failures.check(location == wanted, f"{name} is at {location}, not at {wanted}")
        columns = statement.this.expressions
        if failures.check([column.name for column in columns] == ["item"], f"{name} has other columns than item"):
            types[table] = columns[0].kind
    failures.check(types.keys() == STRUCTS.keys(), f"tables.sql has {sorted(types)}, not {sorted(STRUCTS)}")
    return types


def fields_of(name, sources):
    """The fields of a public struct of the service, by the names under which they are stored."""
    bodies = [body for text in sources for body in re.findall(rf"^pub struct {name} \{{\n(.*?)^\}}", text, re.M | re.S)]
    if len(bodies) != 1:
        raise SystemExit(f"STRUCTS names {name}, of which shared/ has {len(bodies)}: name the struct that the store writes now")
    names = r'(?:^    #\[serde\(rename = "(\w+)"\)\]\n)?^    pub (?:r#)?(\w+):'
    return {stored or field for stored, field in re.findall(names, bodies[0], re.M)}


def check_attributes(types, views, failures):
    sources = [path.read_text() for folder in ("domain", "store") for path in sorted((ROOT / "shared" / folder / "src").rglob("*.rs"))]
    used = {part.name.lower() for view in views for part in view.find_all(exp.Identifier)}
    for table, kind in types.items():
        written = KEYS.union(*(fields_of(name, sources) for name in STRUCTS[table]))
        attributes = [field.name for field in kind.expressions]
        failures.check(len(attributes) == len(set(attributes)), f"{table}_export lists an attribute twice")
        for attribute in attributes:
            failures.check(attribute in written, f"{table}_export lists {attribute}, which the store does not write")
            failures.check(attribute in used, f"{table}_export lists {attribute}, which no view uses")


def check_constants(views_text, failures):
    """The literals of the views, against the code that they follow."""
    access = (ROOT / "shared/domain/src/billing/access.rs").read_text()
    margin = re.search(r"RENEWAL_MARGIN: SignedDuration = SignedDuration::from_hours\((\d+)\)", access)
    grace = re.search(r"^  BillingGraceDays:\n    Type: Number\n    Default: (\d+)$", (ROOT / "template.yaml").read_text(), re.M)
    for found, unit, what in [(margin, "HOUR", "RENEWAL_MARGIN of access.rs"), (grace, "DAY", "BillingGraceDays of template.yaml")]:
        if failures.check(found, f"{what} was not found"):
            intervals = re.findall(rf"INTERVAL '(\d+)' {unit}\b", views_text)
            failures.check(intervals == [found[1]], f"views.sql has {intervals} {unit}, {what} is {found[1]}")
    audit = (ROOT / "shared/domain/src/audit.rs").read_text()
    tables = (ROOT / "functions/reports/src/tables.rs").read_text()
    constant = re.search(r"const ACTIONS: \[Action; \d+\] = \[(.*?)\];", tables, re.S)
    if failures.check(constant, "ACTIONS of functions/reports/src/tables.rs was not found"):
        names = dict(re.findall(r'^    (\w+) = "([a-z_.]+)",$', audit, re.M))
        wanted = {names.get(name, name) for name in re.findall(r"Action::(\w+)", constant[1])}
        found = set(re.findall(r"'((?:user|subscription|payment|plan)\.[a-z_]+)'", views_text))
        failures.check(found == wanted, f"views.sql has the actions {sorted(found)}, the service reads {sorted(wanted)}")


def decode(value, kind, place):
    """A value as Hive's JSON SerDe reads it: names without regard to case, what is not listed left out, what is missing null."""
    if value is None:
        return None
    if kind.is_type("struct"):
        if not isinstance(value, dict):
            raise SystemExit(f"{place}: not an object")
        fields = {field.name.lower(): field.kind for field in kind.expressions}
        row = dict.fromkeys(fields)
        for name, inner in value.items():
            if name.lower() in fields:
                row[name.lower()] = decode(inner, fields[name.lower()], f"{place}.{name}")
        return row
    wanted = bool if kind.is_type("boolean") else str
    if not isinstance(value, wanted):
        raise SystemExit(f"{place}: {value!r} is not of the type {kind.sql()}")
    return value


def load(connection, types, folder):
    for table, kind in types.items():
        row = exp.DataType.build("struct", dialect="hive")
        row.set("expressions", [exp.ColumnDef(this=exp.to_identifier("item"), kind=kind.copy())])
        row.set("nested", True)
        lines = (HERE / "sample" / f"{table}.json").read_text().splitlines()
        decoded = [decode(json.loads(line), row, f"{table}.json, line {number}") for number, line in enumerate(lines, 1)]
        file = folder / f"{table}.json"
        file.write_text("".join(json.dumps(each) + "\n" for each in decoded))
        column = kind.sql(dialect="duckdb").replace("'", "''")
        read = f"read_json('{file}', format = 'newline_delimited', columns = {{item: '{column}'}})"
        connection.execute(f"CREATE TABLE {table}_export AS SELECT item FROM {read}")


def transpiled(view):
    """The view for DuckDB, at NOW."""
    now = exp.cast(exp.Literal.string(NOW), "timestamptz")
    fixed = view.transform(lambda node: now.copy() if isinstance(node, exp.CurrentTimestamp) else node)
    return fixed.sql(dialect="duckdb")


def case_of(row):
    for cell in row:
        prefix, _, digits = str(cell).partition("_")
        if prefix in CASES and len(digits) == 32:
            return CASES[prefix].get(int(digits[-12:], 16), "")
    return ""


def check_views(views, schema, types, failures):
    expected = json.loads((HERE / "expected.json").read_text())
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    with tempfile.TemporaryDirectory() as folder:
        load(connection, types, Path(folder))
    for view in views:
        name = view.this.name
        columns = [column for column, _ in schema[name]]
        failures.check(view.expression.named_selects == columns, f"{name} has the columns {view.expression.named_selects}, not {columns}")
        try:
            connection.execute(transpiled(view))
            # DuckDB checks the rows only now.
            described = connection.execute(f"DESCRIBE {name}").fetchall()
            rows = connection.execute(f"SELECT * FROM {name}").fetchall()
        except duckdb.Error as error:
            failures.check(False, f"{name}: {error}")
            continue
        kinds = {"TEXT": {"VARCHAR"}, "INTEGER": {"INTEGER", "BIGINT"}}
        for (column, kind), wanted in zip([each[:2] for each in described], schema[name]):
            failures.check(kind in kinds[wanted[1]], f"{name}.{column} is {kind}, not {wanted[1]}")
        found = Counter(rows)
        wanted = Counter(tuple(row) for row in expected[name])
        for row in wanted - found:
            failures.check(False, f"{name}: missing  {row}  {case_of(row)}")
        for row in found - wanted:
            failures.check(False, f"{name}: too many {row}  {case_of(row)}")


def main():
    failures = Failures()
    schema = read_schema()
    types = read_tables(failures)
    views = statements("views.sql", "trino")
    assert statements("views.sql", "athena") == views, "Athena's dialect reads views.sql in another way than Trino's"
    for view in views:
        if not isinstance(view, exp.Create) or view.kind != "VIEW":
            sys.exit(f"views.sql has a statement that creates no view: {view.sql()[:80]}")
    names = [view.this.name for view in views]
    if sorted(names) != sorted(schema) or sorted(types) != sorted(STRUCTS):
        sys.exit("\n".join([*failures.messages, f"views.sql has the views {names}, the service {list(schema)}"]))
    check_attributes(types, views, failures)
    text = re.sub(r"^\s*--.*$", "", (ROOT / "infra/athena/views.sql").read_text(), flags=re.M)
    check_constants(text, failures)
    check_views(views, schema, types, failures)
    if failures.messages:
        sys.exit("\n".join(failures.messages))
    print(f"athena: {len(types)} tables and {len(views)} views: as the service's")


if __name__ == "__main__":
    main()
