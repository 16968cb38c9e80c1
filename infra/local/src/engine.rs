//! The embedded DynamoDB, prepared for long runs. Its engine reads the records of a stream from the first one on and
//! never removes any: an index lets each read start at its position, and a trigger removes the records that `relay` has
//! handled.

use crate::documents::TABLE_PREFIX;
use crate::documents::{DatabaseError, Documents, TABLE};
use dynoxide::Database;
use rusqlite::Connection;
use std::sync::atomic::{AtomicU64, Ordering};

/// The document with the position in the outbox's stream: its kind and id.
pub const POSITION: (&str, &str) = ("stream", "outbox");
/// How many of the newest records stay, whether they were handled or not.
pub const RECORDS_KEPT: usize = 1000;

/// An engine in memory.
pub fn memory() -> Result<Database, DatabaseError> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // The name is shared only within this process.
    prepare(&format!("file:tollgate-{}?mode=memory&cache=shared", NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// The engine on this file. SQLite's log is not written through to the disk at each commit: after the end of the process,
/// however it comes, nothing is lost; after a loss of power the last commits may be, and what remains is whole.
pub fn on_file(file: &str) -> Result<Database, DatabaseError> {
    let database = prepare(file)?;
    // The engine's name for SQLite's ordinary settings with a log: `synchronous = NORMAL`.
    database.disable_bulk_loading().map_err(failed)?;
    Ok(database)
}

fn prepare(name: &str) -> Result<Database, DatabaseError> {
    let database = Database::new(name).map_err(failed)?;
    Documents::open(database.clone())?; // for the table that the trigger watches
    // Closed before anything is served: then only the engine uses its data.
    Connection::open(name).and_then(|connection| connection.execute_batch(&schema())).map_err(failed)?;
    Ok(database)
}

/// The index over the records, and the trigger on each write of the position. A sequence number of the API is the
/// engine's own number after a `1`, padded with zeros.
fn schema() -> String {
    let (kind, id) = POSITION;
    format!(
        "CREATE INDEX IF NOT EXISTS _stream_records_by_sequence
             ON _stream_records (table_name, CAST(sequence_number AS INTEGER), shard_id);
         DROP TRIGGER IF EXISTS _stream_records_taken;
         CREATE TRIGGER _stream_records_taken AFTER INSERT ON \"{TABLE}\"
             WHEN NEW.pk = 'S:{kind}' AND NEW.sk = 'S:{id}'
         BEGIN
             DELETE FROM _stream_records
             WHERE id <= (SELECT MAX(id) FROM _stream_records) - {RECORDS_KEPT}
                 AND +table_name = '{TABLE_PREFIX}{id}'
                 AND CAST(sequence_number AS INTEGER)
                     <= CAST(substr(json_extract(json_extract(NEW.item_json, '$.document.S'), '$'), 2) AS INTEGER);
         END;"
    )
}

fn failed(error: impl std::fmt::Display) -> DatabaseError {
    DatabaseError::of(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::request_of;
    use serde_json::{Value, json};

    const OUTBOX: &str = "tollgate-outbox";

    /// An engine with an outbox, and a second connection to the same data.
    fn outbox(name: &str) -> (Database, Documents, Connection) {
        let name = format!("file:engine-{name}?mode=memory&cache=shared");
        let database = prepare(&name).unwrap();
        let request = json!({
            "TableName": OUTBOX, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"},
        });
        database.create_table(request_of(request).unwrap()).unwrap();
        (database.clone(), Documents::open(database).unwrap(), Connection::open(name).unwrap())
    }

    fn write(database: &Database, rows: std::ops::Range<usize>) {
        for n in rows {
            let request = json!({"TableName": OUTBOX, "Item": {"pk": {"S": format!("msg_{n}")}}});
            database.put_item(request_of(request).unwrap()).unwrap();
        }
    }

    fn count(connection: &Connection) -> usize {
        connection.query_row("SELECT COUNT(*) FROM _stream_records", [], |row| row.get::<_, i64>(0)).unwrap() as usize
    }

    /// The sequence number of the newest record, as the API gives it.
    fn newest(connection: &Connection) -> String {
        let stored = "SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records";
        let stored: i64 = connection.query_row(stored, [], |row| row.get(0)).unwrap();
        format!("1{stored:020}")
    }

    #[test]
    fn the_stream_drops_only_old_records_that_were_processed() {
        let (database, documents, connection) = outbox("trim");
        write(&database, 0..1200);
        let taken = newest(&connection);
        write(&database, 1200..2500);
        assert_eq!(count(&connection), 2500, "no record is handled yet");
        documents.put(POSITION.0, "another", &taken).unwrap();
        assert_eq!(count(&connection), 2500, "another document's write removes nothing");
        documents.put(POSITION.0, POSITION.1, &taken).unwrap();
        assert_eq!(count(&connection), 1300, "unhandled records stay");
        documents.put(POSITION.0, POSITION.1, &newest(&connection)).unwrap();
        assert_eq!(count(&connection), RECORDS_KEPT);
    }

    #[test]
    fn reads_of_the_stream_start_where_they_are_asked_to() {
        let (_database, _documents, connection) = outbox("plan");
        // The engine's own queries: the next records after a position, and the number of the next record.
        for query in [
            "SELECT event_name, keys_json FROM _stream_records
             WHERE table_name = ?1 AND shard_id = ?2 AND CAST(sequence_number AS INTEGER) > ?3
             ORDER BY CAST(sequence_number AS INTEGER) ASC LIMIT ?4",
            "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1 FROM _stream_records WHERE table_name = ?1",
        ] {
            let mut explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
            explained.raw_bind_parameter(1, OUTBOX).unwrap();
            let mut rows = explained.raw_query();
            let mut plan = Vec::new();
            while let Some(row) = rows.next().unwrap() {
                plan.push(row.get::<_, String>(3).unwrap());
            }
            let plan = plan.join("; ");
            assert!(plan.contains("SEARCH _stream_records USING") && plan.contains("_by_sequence"), "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
    }

    #[test]
    fn an_engine_on_a_file_keeps_its_index_and_its_trigger() {
        let file = std::env::temp_dir().join(format!("tollgate-engine-{}.db", std::process::id()));
        let _old = std::fs::remove_file(&file);
        for _ in 0..2 {
            drop(on_file(file.to_str().unwrap()).unwrap());
            let made = "SELECT COUNT(*) FROM sqlite_master WHERE name LIKE '\\_stream\\_records\\_%' ESCAPE '\\'";
            let made: i64 = Connection::open(&file).unwrap().query_row(made, [], |row| row.get(0)).unwrap();
            assert_eq!(made, 2);
        }
        let _gone = std::fs::remove_file(&file);
    }

    #[test]
    fn two_engines_in_memory_share_nothing() {
        let (one, other) = (memory().unwrap(), memory().unwrap());
        Documents::open(one).unwrap().put("mail", "1", &Value::Null).unwrap();
        assert_eq!(Documents::open(other).unwrap().get::<Value>("mail", "1").unwrap(), None);
    }
}
