//! Edits machines.toml as a careful person would: what is not meant, comments included, stays as it is.

use std::net::Ipv4Addr;

use rack::{Firmware, Mac};
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, TomlError, Value, value};

/// What is to be written of one machine; what is none stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Its interfaces; empty leaves them.
    pub macs: Vec<Mac>,
    /// Its address, or none at all.
    pub address: Option<Option<Ipv4Addr>>,
    /// Its profile, or none at all.
    pub profile: Option<Option<String>>,
    /// How it starts.
    pub firmware: Option<Firmware>,
    /// Its serial console, or none at all.
    pub serial: Option<Option<String>>,
    /// Parameters by name; one without a value goes.
    pub parameters: Vec<(String, Option<String>)>,
}

/// Why the file cannot be edited.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no TOML.
    #[error("machines.toml is not TOML")]
    Syntax(#[source] TomlError),
    /// Its machines are written in some other way.
    #[error("machines.toml lists its machines in a way that cannot be edited; write `[[machine]]`")]
    Shape,
    /// The name is taken.
    #[error("there is a machine `{0}` already")]
    Known(String),
    /// There is no such machine.
    #[error("there is no machine `{0}`")]
    Unknown(String),
}

/// The text of machines.toml while it is edited.
#[derive(Clone, Debug)]
pub struct MachinesFile {
    document: DocumentMut,
}

impl MachinesFile {
    /// Reads the text; an empty one has no machines.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let document: DocumentMut = text.parse().map_err(Error::Syntax)?;
        let machines = document.get("machine");
        if machines.is_some_and(|machines| !machines.is_array_of_tables()) {
            return Err(Error::Shape);
        }
        Ok(Self { document })
    }

    /// Adds a machine at the end.
    pub fn add(&mut self, name: &str, change: &Change) -> Result<(), Error> {
        if self.position(name).is_some() {
            return Err(Error::Known(name.to_owned()));
        }
        let mut table = Table::new();
        table.insert("name", value(name));
        apply(&mut table, change);
        self.machines()?.push(table);
        Ok(())
    }

    /// Changes a machine.
    pub fn set(&mut self, name: &str, change: &Change) -> Result<(), Error> {
        let at = self.position(name).ok_or_else(|| Error::Unknown(name.to_owned()))?;
        let table = self.machines()?.get_mut(at).ok_or(Error::Shape)?;
        apply(table, change);
        Ok(())
    }

    /// Removes a machine.
    pub fn remove(&mut self, name: &str) -> Result<(), Error> {
        let at = self.position(name).ok_or_else(|| Error::Unknown(name.to_owned()))?;
        self.machines()?.remove(at);
        Ok(())
    }

    /// Whether there is a machine of this name.
    pub fn has(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// The text as it is now.
    pub fn text(&self) -> String {
        self.document.to_string()
    }

    fn position(&self, name: &str) -> Option<usize> {
        let tables = self.document.get("machine")?.as_array_of_tables()?;
        tables.iter().position(|table| table.get("name").and_then(Item::as_str) == Some(name))
    }

    fn machines(&mut self) -> Result<&mut ArrayOfTables, Error> {
        let machines = self.document.entry("machine");
        let machines = machines.or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
        machines.as_array_of_tables_mut().ok_or(Error::Shape)
    }
}

fn apply(table: &mut Table, change: &Change) {
    if !change.macs.is_empty() {
        let macs: Array = change.macs.iter().map(ToString::to_string).collect();
        write(table, "macs", macs);
    }
    let address = change.address.map(|it| it.map(|address| address.to_string()));
    put(table, "address", address);
    put(table, "profile", change.profile.clone());
    put(table, "firmware", change.firmware.map(|firmware| Some(firmware.word().to_owned())));
    put(table, "serial", change.serial.clone());
    if change.parameters.is_empty() {
        return;
    }
    let mut inline = toml_edit::InlineTable::new();
    if let Some(old) = table.get("parameters").and_then(Item::as_table_like) {
        inline.extend(old.iter().filter_map(|(key, item)| Some((key, item.as_value()?.clone()))));
    }
    for (name, text) in &change.parameters {
        match text {
            Some(text) => drop(inline.insert(name, text.as_str().into())),
            None => drop(inline.remove(name)),
        }
    }
    inline.fmt();
    if inline.is_empty() {
        table.remove("parameters");
    } else {
        write(table, "parameters", inline);
    }
}

/// Writes a value; a key that is there keeps its place, and the comments around it.
fn write(table: &mut Table, key: &str, new: impl Into<Value>) {
    let mut new = new.into();
    match table.get_mut(key) {
        Some(old) => {
            if let Some(old) = old.as_value() {
                *new.decor_mut() = old.decor().clone();
            }
            *old = Item::Value(new);
        }
        None => drop(table.insert(key, Item::Value(new))),
    }
}

/// Writes a key, removes it, or leaves it.
#[expect(clippy::option_option, reason = "to leave a key and to remove it are different things")]
fn put(table: &mut Table, key: &str, text: Option<Option<String>>) {
    match text {
        Some(Some(text)) => write(table, key, text),
        Some(None) => drop(table.remove(key)),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# The rack.
[[machine]]
name = \"a\" # first
macs = [\"52:54:00:00:00:01\"]
# Where it is.
address = \"10.77.0.20\"
parameters = { role = \"web\", site = \"north\" }

[[machine]]
name = \"b\"
macs = [\"52:54:00:00:00:02\"]
";

    #[test]
    fn what_is_not_meant_stays() {
        let mut file = MachinesFile::parse(TEXT).expect("TOML");
        assert_eq!(file.text(), TEXT);
        let change = Change {
            address: Some(None),
            profile: Some(Some("web".into())),
            parameters: vec![("role".into(), None), ("tier".into(), Some("1".into()))],
            ..Change::default()
        };
        file.set("a", &change).expect("it is there");
        file.remove("b").expect("it is there");
        let mac = "52:54:00:00:00:03".parse().expect("a MAC");
        let new = Change { macs: vec![mac], ..Change::default() };
        file.add("c", &new).expect("it is new");
        insta::assert_snapshot!(file.text(), @r#"
        # The rack.
        [[machine]]
        name = "a" # first
        macs = ["52:54:00:00:00:01"]
        parameters = { site = "north", tier = "1" }
        profile = "web"

        [[machine]]
        name = "c"
        macs = ["52:54:00:00:00:03"]
        "#);
    }

    #[test]
    fn comments_around_what_changes_stay() {
        let text = TEXT.replace("0.20\"", "0.20\" # shelf 3").replace('}', "} # ours");
        let mut file = MachinesFile::parse(&text).expect("TOML");
        let change = Change {
            address: Some(Some([10, 77, 0, 21].into())),
            macs: vec!["52:54:00:00:00:03".parse().expect("a MAC")],
            parameters: vec![("role".into(), Some("db".into()))],
            ..Change::default()
        };
        file.set("a", &change).expect("it is there");
        let changed = [("0.20", "0.21"), ("00:01", "00:03"), ("web", "db")];
        let wanted = changed.iter().fold(text, |text, (old, new)| text.replace(old, new));
        assert_eq!(file.text(), wanted);
    }

    #[test]
    fn what_cannot_be_is_told() {
        let mut file = MachinesFile::parse(TEXT).expect("TOML");
        let told = |outcome: Result<(), Error>| outcome.expect_err("a mistake").to_string();
        assert_eq!(told(file.add("a", &Change::default())), "there is a machine `a` already");
        assert_eq!(told(file.set("z", &Change::default())), "there is no machine `z`");
        assert_eq!(told(file.remove("z")), "there is no machine `z`");
        assert!(MachinesFile::parse("machine = []").is_err());
        assert!(MachinesFile::parse("[[machine").is_err());
        let mut empty = MachinesFile::parse("").expect("no machines");
        empty.add("a", &Change::default()).expect("it is new");
        assert_eq!(empty.text(), "[[machine]]\nname = \"a\"\n");
    }
}
