//! One table: its keys are taken one by one, each as a kind of value; what is wrong is noted, and the rest is unknown.

use std::ops::Range;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::kinds::{self, Read, Wrong, nearest, type_of};
use super::reader::Reading;

/// One table: keys are taken out of it; what nobody asked for is unknown.
pub(super) struct Table<'a> {
    reading: &'a Reading<'a>,
    file: &'static str,
    path: String,
    span: Option<Range<usize>>,
    entries: Option<&'a DeTable<'a>>,
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    /// The outermost table of a file; an absent file is all defaults.
    pub(super) fn open(reading: &'a Reading<'a>, file: &'static str) -> Self {
        let entries = reading.content(file);
        Self { entries, ..Self::absent(reading, file, String::new()) }
    }

    /// A table that was not written: all defaults.
    fn absent(reading: &'a Reading<'a>, file: &'static str, path: String) -> Self {
        Self { reading, file, path, span: None, entries: None, known: Vec::new() }
    }

    /// Takes a value that has a default.
    pub(super) fn or<T>(
        &mut self,
        key: &'static str,
        default: impl Into<Value>,
        kind: impl Fn(&Value) -> Read<T>,
    ) -> T {
        let default = default.into();
        let meant = kind(&default);
        if let Some(written) = self.take(key) {
            let value = self.value(self.key(key), written, &kind);
            return value.unwrap_or_else(|| meant.expect("defaults are of their own kind"));
        }
        self.reading.record(self.file, self.key(key), default, None);
        meant.expect("defaults are of their own kind")
    }

    /// Takes a value that may be absent.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        kind: impl Fn(&Value) -> Read<T>,
    ) -> Option<T> {
        let written = self.take(key)?;
        self.value(self.key(key), written, &kind)
    }

    /// Takes a value that must be there; what stands in for it is never seen, for then there is no site.
    pub(super) fn required<T: Default>(
        &mut self,
        key: &'static str,
        kind: impl Fn(&Value) -> Read<T>,
    ) -> T {
        if let Some(written) = self.take(key) {
            return self.value(self.key(key), written, &kind).unwrap_or_default();
        }
        self.lacks(format!("missing key `{key}`"), None);
        T::default()
    }

    /// Takes a list, each element of the kind.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        default: &[&str],
        kind: impl Fn(&Value) -> Read<T>,
    ) -> Vec<T> {
        let path = self.key(key);
        let Some(written) = self.take(key) else {
            self.reading.record(self.file, path, default.into(), None);
            return default
                .iter()
                .map(|text| kind(&Value::from(*text)).expect("defaults are of their own kind"))
                .collect();
        };
        let DeValue::Array(elements) = written.get_ref() else {
            let help = matches!(written.get_ref(), DeValue::String(_))
                .then(|| "put brackets around it".to_owned());
            let message = format!("expected a list, found {}", type_of(&plain(written.get_ref())));
            self.reading.note(self.file, Some(written.span()), message, help);
            return Vec::new();
        };
        self.reading.record(
            self.file,
            path.clone(),
            plain(written.get_ref()),
            Some(written.span()),
        );
        let mut values = Vec::new();
        for element in elements {
            // Counted as the site counts them: without those that were not read.
            values.extend(self.value(format!("{path}[{}]", values.len()), element, &kind));
        }
        values
    }

    /// Takes a table of free keys, each value of the kind.
    pub(super) fn pairs<T>(
        &mut self,
        key: &'static str,
        kind: impl Fn(&Value) -> Read<T>,
    ) -> Vec<(String, T)> {
        let Some(table) = self.table(key) else {
            self.lacks(format!("missing table `{key}`"), None);
            return Vec::new();
        };
        let mut pairs = Vec::new();
        for (name, written) in table.entries.into_iter().flatten() {
            match kinds::name(&Value::from(name.get_ref().as_ref())) {
                Ok(name) => {
                    let value = table.value(table.key(&name), written, &kind);
                    pairs.extend(value.map(|value| (name, value)));
                }
                Err(wrong) => table.wrong(name.span(), wrong),
            }
        }
        pairs
    }

    /// Takes a table of free keys that may be absent.
    pub(super) fn pairs_or_none<T>(
        &mut self,
        key: &'static str,
        kind: impl Fn(&Value) -> Read<T>,
    ) -> Vec<(String, T)> {
        if self.has(key) {
            return self.pairs(key, kind);
        }
        self.know(&[key]);
        Vec::new()
    }

    /// Takes all keys that nobody has asked for, each value of the kind.
    pub(super) fn others<T>(&mut self, kind: impl Fn(&Value) -> Read<T>) -> Vec<(String, T)> {
        let entries = self.entries.into_iter().flatten();
        let free = entries.filter(|(name, _)| !self.known.contains(&name.get_ref().as_ref()));
        let taken = free.filter_map(|(name, written)| {
            let name = name.get_ref().to_string();
            Some((name.clone(), self.value(self.key(&name), written, &kind)?))
        });
        taken.collect()
    }

    /// Takes the tables below a key, `[key.NAME]`, by name, in the order in which they are written.
    pub(super) fn named_tables(&mut self, key: &'static str) -> Vec<(String, Table<'a>)> {
        let Some(table) = self.table(key) else {
            return Vec::new();
        };
        let mut entries: Vec<_> = table.entries.into_iter().flatten().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let mut tables = Vec::new();
        for (name, written) in entries {
            match kinds::name(&Value::from(name.get_ref().as_ref())) {
                Ok(name) => {
                    tables
                        .extend(table.inner(table.key(&name), written).map(|table| (name, table)));
                }
                Err(wrong) => table.wrong(name.span(), wrong),
            }
        }
        tables
    }

    /// Takes a table that may be absent.
    pub(super) fn table(&mut self, key: &'static str) -> Option<Table<'a>> {
        let written = self.take(key)?;
        self.inner(self.key(key), written)
    }

    /// Takes a table whose keys all have defaults.
    pub(super) fn section(&mut self, key: &'static str) -> Table<'a> {
        let path = self.key(key);
        self.table(key).unwrap_or(Self::absent(self.reading, self.file, path))
    }

    /// Takes a list of tables, `[[key]]`.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<Table<'a>> {
        let Some(written) = self.take(key) else {
            return Vec::new();
        };
        let DeValue::Array(elements) = written.get_ref() else {
            let message =
                format!("expected a list of tables, found {}", type_of(&plain(written.get_ref())));
            let help = Some(format!("write `[[{}]]`", self.key(key)));
            self.reading.note(self.file, Some(written.span()), message, help);
            return Vec::new();
        };
        let path = self.key(key);
        let mut tables = Vec::new();
        for element in elements {
            // Counted as the site counts them: without those that are no tables.
            tables.extend(self.inner(format!("{path}[{}]", tables.len()), element));
        }
        tables
    }

    /// Whether a key stands here, without taking it.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.is_some_and(|entries| entries.contains_key(key))
    }

    /// Whether a list stands here, and nothing in it.
    pub(super) fn has_empty_list(&self, key: &str) -> bool {
        let written = self.entries.and_then(|entries| entries.get(key));
        written.and_then(|written| written.get_ref().as_array()).is_some_and(|list| list.is_empty())
    }

    /// Knows keys without taking them: they stand where they do not belong, which is another mistake.
    pub(super) fn know(&mut self, keys: &[&'static str]) {
        self.known.extend(keys);
    }

    /// Notes that this table lacks something; not where a line that is no TOML may have had it.
    pub(super) fn lacks(&self, message: impl Into<String>, help: Option<String>) {
        if !self.reading.is_broken(self.file) {
            self.reading.note(self.file, self.span.clone(), message, help);
        }
    }

    /// Notes a mistake at one of its keys.
    pub(super) fn object(&self, key: &str, message: impl Into<String>, help: Option<String>) {
        let span = self.entries.and_then(|entries| entries.get(key)).map(Spanned::span);
        self.reading.note(self.file, span.or_else(|| self.span.clone()), message, help);
    }

    /// Ends the table: what is left in it, nobody knows.
    pub(super) fn finish(self) {
        self.close();
    }

    /// Ends the table as [`Table::finish`] does, and leaves it for mistakes that show later.
    pub(super) fn close(&self) {
        for key in self.entries.into_iter().flat_map(|entries| entries.keys()) {
            let name = key.get_ref().as_ref();
            if !self.known.contains(&name) {
                let help = nearest(name, &self.known).map_or_else(
                    || format!("known here: {}", self.known.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                self.reading.note(
                    self.file,
                    Some(key.span()),
                    format!("unknown key `{name}`"),
                    Some(help),
                );
            }
        }
    }

    /// The dotted name of one of its keys.
    pub(super) fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn take(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.push(key);
        self.entries?.get(key)
    }

    fn inner(&self, path: String, written: &'a Spanned<DeValue<'a>>) -> Option<Table<'a>> {
        let (reading, file, span) = (self.reading, self.file, Some(written.span()));
        if let DeValue::Table(entries) = written.get_ref() {
            return Some(Table {
                reading,
                file,
                path,
                span,
                entries: Some(entries),
                known: Vec::new(),
            });
        }
        let message = format!("expected a table, found {}", type_of(&plain(written.get_ref())));
        reading.note(file, span, message, None);
        None
    }

    fn value<T>(
        &self,
        path: String,
        written: &Spanned<DeValue<'_>>,
        kind: &impl Fn(&Value) -> Read<T>,
    ) -> Option<T> {
        let value = plain(written.get_ref());
        match kind(&value) {
            Ok(meant) => {
                self.reading.record(self.file, path, value, Some(written.span()));
                Some(meant)
            }
            Err(wrong) => {
                self.wrong(written.span(), wrong);
                None
            }
        }
    }

    fn wrong(&self, span: Range<usize>, wrong: Wrong) {
        self.reading.note(self.file, Some(span), wrong.message, wrong.help);
    }
}

/// A value without its places.
fn plain(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        // Beyond 64 bits it is beyond any range; the largest number says so, for no value may be that large.
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::from(u64::MAX), Value::from),
        DeValue::Float(number) => Value::from(number.as_str().parse::<f64>().unwrap_or(f64::MAX)),
        DeValue::Boolean(flag) => Value::from(*flag),
        DeValue::Datetime(_) => Value::Null,
        DeValue::Array(elements) => {
            elements.iter().map(|element| plain(element.get_ref())).collect()
        }
        DeValue::Table(entries) => entries
            .iter()
            .map(|(key, value)| (key.get_ref().to_string(), plain(value.get_ref())))
            .collect(),
    }
}
