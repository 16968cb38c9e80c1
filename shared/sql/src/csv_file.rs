//! CSV as RFC 4180 has it, safe to open in a spreadsheet.

use csv::{QuoteStyle, Terminator, Writer, WriterBuilder};
use rusqlite::types::ValueRef;
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use tollgate_domain::report::{CsvOptions, Delimiter};

/// A spreadsheet interprets a text that begins with one of these as a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A file that is written row by row.
pub struct CsvFile(Writer<BufWriter<File>>);

impl CsvFile {
    /// Begins `file` with the names of the columns.
    pub fn begin(file: File, csv: CsvOptions, columns: &[String]) -> io::Result<Self> {
        let mut file = BufWriter::new(file);
        if csv.bom {
            file.write_all("\u{feff}".as_bytes())?;
        }
        let delimiter = match csv.delimiter {
            Delimiter::Comma => b',',
            Delimiter::Semicolon => b';',
        };
        let mut builder = WriterBuilder::new();
        builder.delimiter(delimiter).terminator(Terminator::CRLF).quote_style(QuoteStyle::Necessary);
        let mut writer = builder.from_writer(file);
        writer.write_record(columns.iter().map(|name| harmless(name).into_owned()))?;
        Ok(Self(writer))
    }

    /// Writes a row.
    pub fn row<'r>(&mut self, cells: impl Iterator<Item = ValueRef<'r>>) -> io::Result<()> {
        for cell in cells {
            self.0.write_field(in_csv(cell).as_bytes())?;
        }
        Ok(self.0.write_record(None::<&[u8]>)?)
    }

    /// Ends the file.
    pub fn end(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A text that no spreadsheet interprets as a formula.
fn harmless(text: &str) -> Cow<'_, str> {
    if text.starts_with(FORMULA) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// A value as text. Only a text is escaped: a number that begins with a minus is a number.
fn in_csv(value: ValueRef<'_>) -> Cow<'_, str> {
    match value {
        ValueRef::Null => Cow::Borrowed(""),
        ValueRef::Integer(number) => Cow::Owned(number.to_string()),
        ValueRef::Real(number) => Cow::Owned(format!("{number:?}")),
        ValueRef::Text(text) => match String::from_utf8_lossy(text) {
            Cow::Borrowed(text) => harmless(text),
            Cow::Owned(text) => Cow::Owned(harmless(&text).into_owned()),
        },
        ValueRef::Blob(bytes) => Cow::Owned(hex(bytes)),
    }
}

/// Bytes in SQL's notation.
pub fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("x'{digits}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    // S30
    #[test]
    fn only_a_text_that_a_spreadsheet_would_run_is_changed() {
        for text in ["=1+1", "+1", "-1", "@sum", "\tx", "\rx"] {
            assert_eq!(in_csv(ValueRef::Text(text.as_bytes())), format!("'{text}"));
        }
        for text in ["", "a=b", " =1", "1-1", "ä"] {
            assert_eq!(in_csv(ValueRef::Text(text.as_bytes())), text);
        }
        assert_eq!(in_csv(ValueRef::Integer(-5)), "-5");
        assert_eq!(in_csv(ValueRef::Real(-0.5)), "-0.5");
        assert_eq!(in_csv(ValueRef::Real(2.0)), "2.0");
        assert_eq!(in_csv(ValueRef::Blob(b"=1")), "x'3d31'");
    }
}
