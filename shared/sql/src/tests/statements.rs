//! Hostile statements: those that the check refuses, and those that a limit stops.

use crate::guard::Guard::{self, *};

/// Statements that the check must refuse, by the guard that refuses them.
const REFUSED: &[(Guard, &str)] = &[
    (Characters, "SELECT 1\0; DROP TABLE users"),
    (Characters, "\u{feff}SELECT 1"),
    (Characters, "SELECT 1 -- \0 hidden"),
    (FirstWord, ""),
    (FirstWord, "   \n\t"),
    (FirstWord, "-- nothing"),
    (FirstWord, "/* nothing */ ;"),
    (FirstWord, "VALUES (1), (2)"),
    (FirstWord, "/* SELECT */ VALUES (1)"),
    (FirstWord, "-- SELECT 1\nVALUES (1)"),
    (FirstWord, "SELEKT 1"),
    (FirstWord, "(SELECT 1)"),
    (OneStatement, "SELECT 1; SELECT 2"),
    (OneStatement, "SELECT 1; /* then */ SELECT 2;"),
    (OneStatement, "SELECT 1; DELETE FROM users"),
    (Parameters, "SELECT ?"),
    (Parameters, "SELECT ?1"),
    (Parameters, "SELECT :a"),
    (Parameters, "SELECT $a"),
    (Parameters, "SELECT @a"),
    (Tables, "SELECT * FROM sqlite_schema"),
    (Tables, "SELECT * FROM sqlite_master"),
    (Tables, "SELECT sql FROM sqlite_temp_master"),
    (Tables, "SELECT rowid FROM users"),
    (Tables, "SELECT _rowid_, oid FROM payments"),
    (Tables, "SELECT count(*) FROM sqlite_schema"),
    (Tables, "WITH users AS (SELECT sql AS email FROM sqlite_schema) SELECT email FROM users"),
    (Tables, "SELECT (SELECT sql FROM sqlite_schema LIMIT 1) FROM users"),
    (Tables, "SELECT 1 WHERE EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'x')"),
    (Tables, "SELECT * FROM users UNION SELECT 1,2,3,4,5,6,7,8,sql FROM sqlite_schema"),
    (Tables, "SELECT email FROM users ORDER BY (SELECT max(name) FROM sqlite_schema)"),
    (Tables, "SELECT * FROM pragma_table_info('users')"),
    (Tables, "SELECT * FROM pragma_database_list"),
    (Tables, "SELECT * FROM dbstat"),
    (Tables, "SELECT * FROM json_each('[1]')"),
    (Tables, "SELECT value FROM json_tree('[1]')"),
    (Tables, "SELECT * FROM credentials"),
    (Tables, "SELECT hash FROM users"),
    (Tables, "SELECT users.password FROM users"),
    (Tables, "SELECT * FROM \u{ff55}sers"),
    (Tables, "SELECT \u{435}mail FROM users"),
    (Functions, "SELECT load_extension('x')"),
    (Functions, "SELECT randomblob(100000000)"),
    (Functions, "SELECT zeroblob(100000000)"),
    (Functions, "SELECT sqlite_version()"),
    (Functions, "SELECT sqlite_compileoption_get(0)"),
    (Functions, "SELECT sqlite_source_id()"),
    (Functions, "SELECT random()"),
    (Functions, "SELECT hex(email), quote(email) FROM users"),
    (Functions, "SELECT char(61)"),
    (Functions, "SELECT current_timestamp"),
    (Functions, "SELECT changes(), last_insert_rowid()"),
    (Functions, "SELECT json_group_array(email) FROM users"),
    (Functions, "SELECT fts3_tokenizer('x')"),
    (Functions, "SELECT email MATCH 'x' FROM users"),
    (Functions, "SELECT email REGEXP 'x' FROM users"),
    (Functions, "SELECT likelihood(1, 0.5), unlikely(1), soundex('a')"),
    (Actions, "WITH a AS (SELECT 1) INSERT INTO users (id) SELECT * FROM a"),
    (Actions, "WITH a AS (SELECT 1) DELETE FROM users"),
    (Actions, "WITH a AS (SELECT 1) UPDATE users SET email = 'x'"),
    (Actions, "WITH a AS (SELECT 1) DELETE FROM users RETURNING email"),
    (Actions, "WITH a AS (SELECT 1) INSERT INTO sqlite_schema SELECT * FROM a"),
    (DoubleQuotes, "SELECT \"no_such_column\" FROM users"),
    (DoubleQuotes, "SELECT email FROM users WHERE provider = \"local\""),
];

/// A statement that begins with another word is refused by it; without that guard, by the ones after it.
const OTHER_FIRST_WORDS: &[&str] = &[
    "INSERT INTO users (id) VALUES ('x')",
    "UPDATE users SET is_admin = 1",
    "DELETE FROM users RETURNING email",
    "REPLACE INTO users (id) VALUES ('x')",
    "CREATE TABLE x (a)",
    "CREATE TEMP VIEW x AS SELECT * FROM users",
    "CREATE VIRTUAL TABLE x USING fts5(a)",
    "CREATE TRIGGER t AFTER INSERT ON users BEGIN SELECT 1; END",
    "ALTER TABLE users ADD COLUMN x",
    "DROP TABLE users",
    "ATTACH 'file:x' AS x",
    "DETACH main",
    "PRAGMA table_info(users)",
    "PRAGMA writable_schema = 1",
    "VACUUM INTO '/tmp/x.db'",
    "REINDEX",
    "ANALYZE",
    "BEGIN",
    "COMMIT",
    "SAVEPOINT x",
    "EXPLAIN SELECT 1",
    "EXPLAIN QUERY PLAN SELECT email FROM users",
];

/// Statements that the check must refuse, by the guard that refuses them.
pub fn refused() -> Vec<(Guard, String)> {
    let listed = REFUSED.iter().map(|(guard, sql)| (*guard, (*sql).to_owned()));
    let other_first_words = OTHER_FIRST_WORDS.iter().map(|sql| (FirstWord, (*sql).to_owned()));
    let long = [
        (SqlLength, format!("SELECT 1{}", " ".repeat(20_001 - 8))),
        (Shape, format!("SELECT {}1{}", "(".repeat(2000), ")".repeat(2000))),
        (Shape, vec!["SELECT 1"; 500].join(" UNION ALL ")),
        (Shape, format!("SELECT {}", vec!["1"; 101].join(", "))),
        (Shape, format!("SELECT {}", vec!["1"; 150].join(" + "))),
        (Shape, format!("SELECT coalesce({})", vec!["null"; 17].join(", "))),
    ];
    listed.chain(other_first_words).chain(long).collect()
}

/// Statements that are accepted and must be stopped, by the guard that stops them.
pub const STOPPED: &[(Guard, &str)] = &[
    (Deadline, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"),
    (Deadline, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0"),
    (
        Deadline,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
         SELECT count(*) FROM n a, n b, n c",
    ),
    (Rows, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"),
    (Rows, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000) SELECT a.i FROM n a, n b"),
    (ValueLength, "SELECT length(replace(printf('%0200000d', 1), '0', 'xxxxxxxxxx'))"),
    (
        ValueLength,
        "WITH RECURSIVE g(t) AS (SELECT 'x' UNION ALL SELECT t || t FROM g LIMIT 22) SELECT max(length(t)) FROM g",
    ),
    (ValueLength, "SELECT length(group_concat(printf('%0200000d', 1))) FROM users a, users b"),
];
