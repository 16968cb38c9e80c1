//! The guards of statements. Each guard is a value, so that a test can remove one and verify its purpose.

use crate::views::VIEWS;
use fallible_iterator::FallibleIterator;
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Batch, Connection, Statement};
use std::sync::{Arc, Mutex, PoisonError};

/// The longest statement, in bytes.
pub const MAX_SQL_BYTES: usize = 20_000;

/// The largest depth of nested parentheses.
const MAX_NESTING: usize = 100;

/// The functions that a statement may call. For SQLite `->`, `->>` and `LIKE` are functions, too.
pub const FUNCTIONS: &[&str] = &[
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "total",
    "group_concat",
    "string_agg", // aggregates
    "row_number",
    "rank",
    "dense_rank",
    "percent_rank",
    "cume_dist",
    "ntile",
    "lag",
    "lead",
    "first_value",
    "last_value",
    "nth_value", // windows
    "abs",
    "round",
    "coalesce",
    "ifnull",
    "nullif",
    "iif",
    "lower",
    "upper",
    "length",
    "substr",
    "substring",
    "instr",
    "replace",
    "trim",
    "ltrim",
    "rtrim",
    "like",
    "glob",
    "sign",
    "ceil",
    "floor",
    "printf",
    "format",
    "typeof",
    "json_extract",
    "->",
    "->>", // single values
    "date",
    "time",
    "datetime",
    "strftime",
    "julianday",
    "unixepoch",
    "timediff", // times
];

/// One of the guards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// No NUL, after which SQLite reads nothing, and no byte order mark.
    Characters,
    /// At most [`MAX_SQL_BYTES`].
    SqlLength,
    /// The first word is `SELECT` or `WITH`.
    FirstWord,
    /// Only one statement.
    OneStatement,
    /// No `EXPLAIN`: SQLite asks no authorizer about it.
    Explain,
    /// SQLite reports that the statement writes nothing.
    ReadOnly,
    /// No parameters.
    Parameters,
    /// Only the tables and columns of [`VIEWS`](crate::VIEWS).
    Tables,
    /// Only the functions of [`FUNCTIONS`].
    Functions,
    /// Only reading: no write, pragma, attached file, virtual table.
    Actions,
    /// Text in double quotes is always a name: SQLite would otherwise read an unknown name as a string.
    DoubleQuotes,
    /// SQLite's limits on one value.
    ValueLength,
    /// SQLite's limits on the shape of a statement.
    Shape,
    /// The time that a statement may take.
    Deadline,
    /// The memory that SQLite may use.
    Memory,
    /// The rows that a statement may return.
    Rows,
}

impl Guard {
    /// All guards.
    pub const ALL: [Self; 16] = [
        Self::Characters,
        Self::SqlLength,
        Self::FirstWord,
        Self::OneStatement,
        Self::Explain,
        Self::ReadOnly,
        Self::Parameters,
        Self::Tables,
        Self::Functions,
        Self::Actions,
        Self::DoubleQuotes,
        Self::ValueLength,
        Self::Shape,
        Self::Deadline,
        Self::Memory,
        Self::Rows,
    ];
}

/// The active guards: all of them, except in a test that removes some.
#[derive(Debug, Clone, Default)]
pub struct Guards {
    removed: Vec<Guard>,
}

impl Guards {
    /// All but these.
    #[must_use]
    pub fn without(removed: &[Guard]) -> Self {
        Self { removed: removed.to_vec() }
    }

    /// Whether this guard is active.
    #[must_use]
    pub fn has(&self, guard: Guard) -> bool {
        !self.removed.contains(&guard)
    }
}

const PARAMETERS: &str = "parameters (?1, :name, @name, $name) are not allowed: write the value";

/// The text of a refusal.
pub(crate) type Refusal = String;

/// A guarded connection, and the last refusal of its authorizer.
pub(crate) struct Guarded<'c> {
    connection: &'c Connection,
    guards: &'c Guards,
    refused: Arc<Mutex<Option<String>>>,
}

/// SQLite's limits, by the guard that sets them.
const LIMITS: [(Guard, Limit, i32); 12] = [
    // The progress handler is not called within one call of a function: at a million bytes `instr` alone takes seconds.
    (Guard::ValueLength, Limit::SQLITE_LIMIT_LENGTH, 256_000),
    (Guard::SqlLength, Limit::SQLITE_LIMIT_SQL_LENGTH, 20_000),
    (Guard::Shape, Limit::SQLITE_LIMIT_COLUMN, 100),
    (Guard::Shape, Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
    (Guard::Shape, Limit::SQLITE_LIMIT_COMPOUND_SELECT, 20),
    (Guard::Shape, Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
    (Guard::Shape, Limit::SQLITE_LIMIT_FUNCTION_ARG, 16),
    (Guard::Actions, Limit::SQLITE_LIMIT_ATTACHED, 0),
    (Guard::Shape, Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100),
    (Guard::Parameters, Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 0),
    (Guard::Actions, Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 0),
    (Guard::Shape, Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
];

impl<'c> Guarded<'c> {
    /// Activates the guards on a connection whose tables exist.
    pub fn new(connection: &'c Connection, guards: &'c Guards) -> rusqlite::Result<Self> {
        for (guard, limit, value) in LIMITS {
            if guards.has(guard) {
                connection.set_limit(limit, value)?;
            }
        }
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        for config in [DbConfig::SQLITE_DBCONFIG_DQS_DML, DbConfig::SQLITE_DBCONFIG_DQS_DDL] {
            connection.set_db_config(config, !guards.has(Guard::DoubleQuotes))?;
        }
        let refused = Arc::<Mutex<Option<String>>>::default();
        let (standing, refusal) = (guards.clone(), Arc::clone(&refused));
        connection.authorizer(Some(move |context: AuthContext<'_>| match decide(&context, &standing) {
            Ok(()) => Authorization::Allow,
            Err(reason) => {
                refusal.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
                Authorization::Deny
            }
        }));
        Ok(Self { connection, guards, refused })
    }

    /// The single statement in `sql`.
    pub fn prepare(&self, sql: &str) -> Result<Statement<'c>, Refusal> {
        let has = |guard| self.guards.has(guard);
        if has(Guard::SqlLength) && sql.len() > MAX_SQL_BYTES {
            return Err(format!("a statement has at most {MAX_SQL_BYTES} bytes, this one has {}", sql.len()));
        }
        if has(Guard::Characters) && sql.contains('\0') {
            return Err("a statement has no NUL character".to_owned());
        }
        if has(Guard::Characters) && sql.contains('\u{feff}') {
            return Err("a statement has no byte order mark (U+FEFF)".to_owned());
        }
        if has(Guard::Shape) && nesting(sql) > MAX_NESTING {
            return Err(format!("parentheses are nested at most {MAX_NESTING} deep"));
        }
        match first_word(sql) {
            "" => return Err("there is no statement".to_owned()),
            word if has(Guard::FirstWord)
                && !["select", "with"].iter().any(|first| word.eq_ignore_ascii_case(first)) =>
            {
                return Err(format!("a statement begins with SELECT or WITH, this one with {word}"));
            }
            _ => {}
        }
        let mut batch = Batch::new(self.connection, sql);
        let mut next = || batch.next().map_err(|error| self.in_words(&error));
        let statement = next()?.ok_or("there is no statement")?;
        if has(Guard::OneStatement) && next()?.is_some() {
            return Err("only one statement is allowed".to_owned());
        }
        if has(Guard::Explain) && statement.is_explain() != 0 {
            return Err("EXPLAIN is not allowed".to_owned());
        }
        if has(Guard::ReadOnly) && !statement.readonly() {
            return Err("a statement must not write".to_owned());
        }
        if has(Guard::Parameters) && statement.parameter_count() > 0 {
            return Err(PARAMETERS.to_owned());
        }
        Ok(statement)
    }

    /// The error of SQLite or the refusal of the authorizer.
    fn in_words(&self, error: &rusqlite::Error) -> Refusal {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).take();
        let said = match error {
            rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
            rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
            other => other.to_string(),
        };
        let is_parameter =
            ["variable number must be", "too many SQL variables"].iter().any(|text| said.starts_with(text));
        match refused {
            Some(reason) => reason,
            None if is_parameter => PARAMETERS.to_owned(),
            None => said,
        }
    }
}

/// Whether a statement may do what SQLite is about to compile; otherwise the reason.
fn decide(context: &AuthContext<'_>, guards: &Guards) -> Result<(), String> {
    let allowed = |guard: Guard, is_allowed: bool, reason: &dyn Fn() -> String| {
        if is_allowed || !guards.has(guard) { Ok(()) } else { Err(reason()) }
    };
    match context.action {
        AuthAction::Select | AuthAction::Recursive => Ok(()),
        AuthAction::Read { table_name, column_name } => {
            let is_known = match VIEWS.iter().find(|view| view.name.eq_ignore_ascii_case(table_name)) {
                // A table of which no column is read: `count(*)`.
                Some(view) => column_name.is_empty() || view.columns.iter().any(|column| is(column.name, column_name)),
                // A subquery or a common table expression has no table; its reads are checked separately.
                None => column_name.is_empty() && !is_internal(table_name),
            };
            allowed(Guard::Tables, is_known, &|| match column_name {
                "" => format!("no such table: {table_name}"),
                column => format!("no such column: {table_name}.{column}"),
            })
        }
        AuthAction::Function { function_name } => {
            let is_known = FUNCTIONS.iter().any(|name| is(name, function_name));
            allowed(Guard::Functions, is_known, &|| format!("no such function: {function_name}"))
        }
        other => allowed(Guard::Actions, false, &|| format!("only reading is allowed, not {}", action(&other))),
    }
}

fn is(name: &str, other: &str) -> bool {
    name.eq_ignore_ascii_case(other)
}

/// Whether a table is SQLite's own, or generates rows from its argument.
fn is_internal(table: &str) -> bool {
    let table = table.to_ascii_lowercase();
    ["sqlite_", "pragma_", "dbstat", "json_each", "json_tree", "fts", "rtree"].iter().any(|own| table.starts_with(own))
}

/// The name of an action for people.
fn action(action: &AuthAction<'_>) -> &'static str {
    match action {
        AuthAction::Insert { .. } => "INSERT",
        AuthAction::Update { .. } => "UPDATE",
        AuthAction::Delete { .. } => "DELETE",
        AuthAction::Pragma { .. } => "PRAGMA",
        AuthAction::Attach { .. } => "ATTACH",
        AuthAction::Detach { .. } => "DETACH",
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => "a transaction",
        AuthAction::CreateVtable { .. } => "a virtual table",
        _ => "a change of the schema",
    }
}

/// The depth of nested parentheses, with those in texts and comments. SQLite's own limit does not count those around
/// one value.
fn nesting(sql: &str) -> usize {
    let depths = sql.bytes().scan(0_usize, |depth, byte| {
        *depth = match byte {
            b'(' => *depth + 1,
            b')' => depth.saturating_sub(1),
            _ => *depth,
        };
        Some(*depth)
    });
    depths.max().unwrap_or_default()
}

/// The first word, after white space and comments.
fn first_word(sql: &str) -> &str {
    let mut rest = sql.trim_start();
    loop {
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after).trim_start();
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after).trim_start();
        } else if let Some(after) = rest.strip_prefix(';') {
            rest = after.trim_start();
        } else {
            break;
        }
    }
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
    // A statement that begins with a sign has no word: the sign is named.
    if end == 0 { rest.get(..rest.chars().next().map_or(0, char::len_utf8)).unwrap_or_default() } else { &rest[..end] }
}
