//! The newest log lines of this process, for the dev console: a buffer of limited length. The log file has all lines.

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tracing_subscriber::fmt::MakeWriter;

/// The number of lines that are kept.
const MAX_LINES: usize = 5000;

/// The lines of this process, which has only one subscriber.
static LINES: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

fn held<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes each log line to the buffer and, if there is one, to a file.
#[derive(Clone)]
pub struct LogWriter(Option<Arc<Mutex<File>>>);

impl LogWriter {
    /// Also writes the lines to `file`.
    #[must_use]
    pub fn new(file: Option<File>) -> Self {
        Self(file.map(|file| Arc::new(Mutex::new(file))))
    }
}

impl Write for LogWriter {
    /// The subscriber writes one line at a time.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        add(&mut held(&LINES), String::from_utf8_lossy(bytes).trim_end());
        if let Some(file) = &self.0 {
            held(file).write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), |file| held(file).flush())
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The route of a page's file: a page loads many files, and their lines would displace the others.
const FILES: &str = "/{*path}\"";

fn add(lines: &mut VecDeque<String>, line: &str) {
    if line.is_empty() || line.contains(FILES) {
        return;
    }
    if lines.len() >= MAX_LINES {
        lines.pop_front();
    }
    lines.push_back(line.to_owned());
}

/// The newest lines that contain `text` (a request id, for example), newest first, at most `limit`. A line that is not JSON
/// becomes a `message`.
#[must_use]
pub fn newest(text: &str, limit: usize) -> Vec<Value> {
    find(&held(&LINES), text, limit)
}

fn find(lines: &VecDeque<String>, text: &str, limit: usize) -> Vec<Value> {
    let found = lines.iter().rev().filter(|line| line.contains(text)).take(limit);
    found.map(|line| serde_json::from_str(line).unwrap_or_else(|_| json!({"message": line}))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_keeps_the_newest_lines_and_finds_those_of_a_request() {
        let mut lines = VecDeque::new();
        (0..MAX_LINES + 2).for_each(|n| add(&mut lines, &json!({"request_id": format!("req_{n}")}).to_string()));
        assert_eq!(lines.len(), MAX_LINES);
        assert_eq!(find(&lines, "req_1\"", 9), Vec::<Value>::new());
        assert_eq!(find(&lines, "req_2\"", 9), [json!({"request_id": "req_2"})]);
        let newest = find(&lines, "", 2);
        assert_eq!(newest[0]["request_id"], format!("req_{}", MAX_LINES + 1));
        assert_eq!(newest.len(), 2);
        add(&mut lines, &json!({"route": "/account/{*path}", "status": 304}).to_string());
        assert_eq!(find(&lines, "{*path}", 9), Vec::<Value>::new());
        add(&mut lines, "not JSON");
        assert_eq!(find(&lines, "not", 1), [json!({"message": "not JSON"})]);
    }
}
