//! SQLite's functions of date and time with the service's clock: `now` is the time that the report names.

use jiff::Timestamp;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Error, params_from_iter};

/// The functions that read SQLite's clock if an argument, or its absence, means `now`, with the position of the
/// argument that is a time. `timediff` has two.
const FUNCTIONS: [(&str, i32, &[usize]); 7] = [
    ("date", -1, &[0]),
    ("time", -1, &[0]),
    ("datetime", -1, &[0]),
    ("julianday", -1, &[0]),
    ("unixepoch", -1, &[0]),
    ("strftime", -1, &[1]),
    ("timediff", 2, &[0, 1]),
];

/// Replaces the functions of `connection` by equal ones with this `now`.
pub fn set_now(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    let now = format!("{now:.3}");
    for (name, arguments, times) in FUNCTIONS {
        // The original function, on another connection: here its name is taken.
        let original = Connection::open_in_memory()?;
        let now = now.clone();
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        connection.create_scalar_function(name, arguments, flags, move |context| {
            let mut values = values(context)?;
            for place in times {
                // Without a time it is now.
                if *place == values.len() {
                    values.push(Value::Text(now.clone()));
                }
                match values.get_mut(*place) {
                    Some(Value::Text(text)) if text.trim().eq_ignore_ascii_case("now") => text.clone_from(&now),
                    _ => {}
                }
            }
            let places = vec!["?"; values.len()].join(", ");
            let mut statement = original.prepare_cached(&format!("SELECT {name}({places})"))?;
            statement.query_row(params_from_iter(values), |row| row.get::<_, Value>(0))
        })?;
    }
    Ok(())
}

/// `ceil` and `floor`, which the bundled SQLite lacks.
pub fn add_rounding(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    for (name, round) in [("ceil", f64::ceil as fn(f64) -> f64), ("floor", f64::floor)] {
        connection.create_scalar_function(name, 1, flags, move |context| {
            Ok(match context.get_raw(0) {
                ValueRef::Integer(number) => Value::Integer(number),
                ValueRef::Real(number) => Value::Real(round(number)),
                ValueRef::Text(text) => {
                    let number = std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok());
                    number.map_or(Value::Null, |number| Value::Real(round(number)))
                }
                ValueRef::Null | ValueRef::Blob(_) => Value::Null,
            })
        })?;
    }
    Ok(())
}

fn values(context: &Context<'_>) -> Result<Vec<Value>, Error> {
    (0..context.len()).map(|index| context.get::<Value>(index)).collect()
}
