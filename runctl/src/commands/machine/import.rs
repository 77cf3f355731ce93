//! `runctl machine import`: machines from a CSV file, all of them or none.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use clap::Args;
use rack::{Firmware, Mac};

use super::change::edit;
use crate::commands::Context;
use crate::commands::trial::Trial;
use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::site::edit::Change;
use crate::ui::quoted;

/// Arguments of `machine import`.
#[derive(Debug, Args)]
#[command(after_help = "\
The first line names the columns: name and macs, and as wanted address, profile, firmware, serial; any other column is a \
parameter of that name. Several MACs are separated by spaces. A machine that is known is changed, others are added.

  name,macs,address,profile,role
  web-1,52:54:00:00:01:01 52:54:00:00:01:02,10.77.0.21,debian-12,web")]
pub struct Import {
    /// The file; `-` reads stdin.
    file: PathBuf,
    #[command(flatten)]
    trial: Trial,
}

/// One machine of the file.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    name: String,
    change: Change,
}

/// Imports machines.
pub(super) async fn import(context: &Context, import: &Import) -> Outcome {
    let text = read(&import.file)?;
    let shown = import.file.display().to_string();
    let rows = rows(&text).map_err(|mistakes| refuse(&shown, &mistakes))?;
    let done = format!("{} machines are known from {shown}", rows.len());
    edit(context, &import.trial, &done, |file| {
        rows.iter().try_for_each(|row| {
            if file.has(&row.name) {
                file.set(&row.name, &row.change)
            } else {
                file.add(&row.name, &row.change)
            }
        })
    })
    .await
}

fn read(path: &Path) -> Outcome<String> {
    let tried = || format!("cannot read {}", path.display());
    if path == Path::new("-") {
        return std::io::read_to_string(std::io::stdin()).or_fail(Class::Usage, tried);
    }
    fs_err::read_to_string(path).or_fail(Class::Usage, tried)
}

fn refuse(file: &str, mistakes: &[String]) -> Failure {
    let told: Vec<_> = mistakes.iter().map(|mistake| format!("{file}:{mistake}")).collect();
    let lines: Vec<_> = told.iter().map(String::as_str).collect();
    Failure::say(Class::Usage, format!("nothing was imported{}", quoted(&lines)))
        .hint("mend these rows, and import the file again")
}

/// Reads all rows, or tells every mistake as `LINE: what`.
fn rows(text: &str) -> Result<Vec<Row>, Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let heading = match reader.headers() {
        Ok(heading) => heading.clone(),
        Err(error) => return Err(vec![format!("1: {error}")]),
    };
    let missing =
        ["name", "macs"].into_iter().filter(|column| !heading.iter().any(|it| it == *column));
    let missing: Vec<_> =
        missing.map(|column| format!("1: there is no column `{column}`")).collect();
    if !missing.is_empty() {
        return Err(missing);
    }
    let (mut rows, mut mistakes) = (Vec::new(), Vec::new());
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                mistakes.push(format!("{line}: it has not as many columns as the heading"));
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        match row(&heading, &record) {
            Ok(row) => {
                if let Some(first) = seen.insert(row.name.clone(), line) {
                    mistakes
                        .push(format!("{line}: machine `{}` stands in line {first} too", row.name));
                }
                rows.push(row);
            }
            Err(wrong) => mistakes.extend(wrong.into_iter().map(|it| format!("{line}: {it}"))),
        }
    }
    if mistakes.is_empty() { Ok(rows) } else { Err(mistakes) }
}

fn row(heading: &csv::StringRecord, record: &csv::StringRecord) -> Result<Row, Vec<String>> {
    let mut row = Row { name: String::new(), change: Change::default() };
    let mut wrong = Vec::new();
    for (column, cell) in heading.iter().zip(record).filter(|(_, cell)| !cell.is_empty()) {
        let told = cell.parse::<Ipv4Addr>();
        match column {
            "name" => row.name = cell.to_owned(),
            "macs" => match cell.split([' ', ';']).map(str::parse::<Mac>).collect() {
                Ok(macs) => row.change.macs = macs,
                Err(error) => wrong.push(error.to_string()),
            },
            "address" => match told {
                Ok(address) => row.change.address = Some(Some(address)),
                Err(_) => wrong.push(format!("`{cell}` is not an IPv4 address")),
            },
            "profile" => row.change.profile = Some(Some(cell.to_owned())),
            "firmware" => match Firmware::of_word(cell) {
                Some(firmware) => row.change.firmware = Some(firmware),
                None => wrong
                    .push(format!("firmware `{cell}` is none of: {}", Firmware::WORDS.join(", "))),
            },
            "serial" => row.change.serial = Some(Some(cell.to_owned())),
            other => row.change.parameters.push((other.to_owned(), Some(cell.to_owned()))),
        }
    }
    if row.name.is_empty() {
        wrong.push("it has no name".to_owned());
    }
    if row.change.macs.is_empty() && wrong.is_empty() {
        wrong.push(format!("machine `{}` has no MAC", row.name));
    }
    if wrong.is_empty() { Ok(row) } else { Err(wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_what_the_heading_names() {
        let text = "name,macs,address,role\nweb-1,52:54:00:00:01:01 52-54-00-00-01-02,10.77.0.21,web\nweb-2,52:54:00:00:01:03,,\n";
        let rows = rows(text).expect("rows");
        assert_eq!(rows[0].name, "web-1");
        assert_eq!(rows[0].change.macs.len(), 2);
        assert_eq!(rows[0].change.address, Some(Some([10, 77, 0, 21].into())));
        assert_eq!(rows[0].change.parameters, [("role".to_owned(), Some("web".to_owned()))]);
        assert_eq!(rows[1].change.address, None);
    }

    #[test]
    fn every_bad_row_is_told_by_its_line() {
        let text = "name,macs,address,firmware\n\
                    a,52:54:00:00:00:01,10.77.0.300,bios\n\
                    b,52:54,10.77.0.2,floppy\n\
                    ,52:54:00:00:00:03,,\n\
                    c,,,\n\
                    d,52:54:00:00:00:04\n\
                    e,52:54:00:00:00:05,,\n\
                    e,52:54:00:00:00:06,,\n";
        let mistakes = rows(text).expect_err("mistakes").join("\n");
        insta::assert_snapshot!(mistakes, @r"
        2: `10.77.0.300` is not an IPv4 address
        3: `52:54` is not an Ethernet address; write six pairs of hexadecimal digits, as 52:54:00:12:34:56
        3: firmware `floppy` is none of: bios, pxelinux, uefi, uefi-http, secureboot, arm64
        4: it has no name
        5: machine `c` has no MAC
        6: it has not as many columns as the heading
        8: machine `e` stands in line 7 too
        ");
        assert_eq!(rows("mac,name\n").expect_err("a mistake"), ["1: there is no column `macs`"]);
    }
}
