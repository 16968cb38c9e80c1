"""Runs a statement on a fixture as the service does: the same authorizer, limits and clock (needs `pip install apsw`)."""

import pathlib
import re

import apsw

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
NOW = "2026-06-15T12:00:00Z"
TABLES = {"users", "plans", "subscriptions", "payments", "sign_ins_by_day", "subscription_history"}
FUNCTIONS = set("""
count sum avg min max total group_concat string_agg
row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value
abs round coalesce ifnull nullif iif if lower upper length substr substring instr replace trim ltrim rtrim like glob sign ceil floor
printf format typeof json_extract -> ->>
date time datetime strftime julianday unixepoch timediff
""".split())
LIMITS = {
    apsw.SQLITE_LIMIT_LENGTH: 256_000, apsw.SQLITE_LIMIT_SQL_LENGTH: 20_000, apsw.SQLITE_LIMIT_COLUMN: 100,
    apsw.SQLITE_LIMIT_EXPR_DEPTH: 100, apsw.SQLITE_LIMIT_COMPOUND_SELECT: 20, apsw.SQLITE_LIMIT_VDBE_OP: 25_000,
    apsw.SQLITE_LIMIT_FUNCTION_ARG: 16, apsw.SQLITE_LIMIT_ATTACHED: 0, apsw.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 100,
    apsw.SQLITE_LIMIT_VARIABLE_NUMBER: 0, apsw.SQLITE_LIMIT_TRIGGER_DEPTH: 0,
}


class Refused(Exception):
    pass


class Runner:
    def __init__(self, fixture):
        self.db = apsw.Connection(":memory:")
        self.db.execute((HERE / "schema.sql").read_text(encoding="utf-8"))
        self.db.execute((HERE / f"fixture-{fixture}.sql").read_text(encoding="utf-8"))
        self.columns = {table: {row[1] for row in self.db.execute(f"pragma table_info({table})")} for table in TABLES}
        self.tables = {}
        for table in TABLES:
            cursor = self.db.execute(f"select * from {table}")
            names = [column[0] for column in cursor.get_description()]
            self.tables[table] = [dict(zip(names, row)) for row in cursor]
        self.db.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
        self.db.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
        self.db.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
        self.db.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
        for limit, value in LIMITS.items():
            self.db.limit(limit, value)
        self.denied = []
        self.db.authorizer = self.authorize

    def authorize(self, operation, first, second, _database, _trigger):
        if operation in (apsw.SQLITE_SELECT, apsw.SQLITE_RECURSIVE):
            return apsw.SQLITE_OK
        if operation == apsw.SQLITE_READ:
            table, column = first.lower(), (second or "").lower()
            if column == "" and not re.match(r"sqlite_|pragma_|dbstat$|json_each$|json_tree$", table):
                return apsw.SQLITE_OK
            if table in TABLES and column in self.columns[table]:
                return apsw.SQLITE_OK
        if operation == apsw.SQLITE_FUNCTION and second.lower() in FUNCTIONS:
            return apsw.SQLITE_OK
        self.denied.append((operation, first, second))
        return apsw.SQLITE_DENY

    def run(self, sql):
        """Column names and rows. The clock is replaced in the text; the service replaces it in the engine."""
        if '"' in sql or re.search(r"current_(timestamp|date|time)\b", sql, re.I):
            raise Refused("a double quote or current_timestamp")
        self.denied.clear()
        cursor = self.db.cursor()
        names = []

        def trace(cursor, statement, _bindings):
            if cursor.is_explain or not cursor.is_readonly or names:
                raise Refused(statement)
            names.extend(column[0] for column in cursor.get_description())
            return True

        cursor.exec_trace = trace
        try:
            rows = [list(row) for row in cursor.execute(sql.replace("'now'", f"'{NOW}'"))]
        except apsw.Error as error:
            raise Refused(f"{error} {self.denied}") from error
        return names, rows
