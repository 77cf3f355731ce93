//! Tables of text: columns as wide as their widest cell; one without rows is not shown.

use std::fmt::{self, Write as _};

/// Rows below a heading.
#[derive(Clone, Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Begins a table with its heading.
    pub fn new<const N: usize>(heading: [&str; N]) -> Self {
        Self { rows: vec![heading.map(str::to_owned).into()] }
    }

    /// Adds a row; it has as many cells as the heading.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// The rows as JSON objects keyed by the heading.
    pub fn to_json(&self) -> serde_json::Value {
        let (heading, rows) =
            self.rows.split_first().map_or((&[][..], &[][..]), |(h, r)| (&h[..], r));
        let object = |row: &Vec<String>| -> serde_json::Map<String, serde_json::Value> {
            heading.iter().zip(row).map(|(key, cell)| (key.clone(), cell.clone().into())).collect()
        };
        rows.iter().map(|row| serde_json::Value::Object(object(row))).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows.len() < 2 {
            return Ok(());
        }
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                write!(line, "{cell:<width$}  ")?;
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
