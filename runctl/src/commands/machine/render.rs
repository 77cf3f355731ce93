//! `runctl machine render`: exactly what a machine will get, from the same library that rack answers with.

use clap::{Args, ValueEnum};
use rack::{Asking, Book, Decision, Mac, Syntax};
use similar::TextDiff;

use super::{find, refuse_lacking};
use crate::commands::Context;
use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::service::Service;

/// Stands where an install's token will stand.
const TOKEN: &str = "TOKEN";

/// Arguments of `machine render`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  runctl machine render web-1                       its script and answer files
  runctl machine render web-1 --file preseed.cfg    one of them
  runctl machine render web-1 --diff                what your last edit changes")]
pub struct Render {
    /// Its host name.
    name: String,
    /// One file of its install, such as `preseed.cfg` or `baseline.sh`, instead of all.
    #[arg(long)]
    file: Option<String>,
    /// The loader that it is rendered for.
    #[arg(long, value_enum, default_value_t)]
    loader: Loader,
    /// Show how it differs from what rack would give it now.
    #[arg(long)]
    diff: bool,
}

/// A loader's language.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Loader {
    /// iPXE.
    #[default]
    Ipxe,
    /// GRUB, as under Secure Boot.
    Grub,
    /// PXELINUX.
    Pxelinux,
}

impl From<Loader> for Syntax {
    fn from(loader: Loader) -> Self {
        match loader {
            Loader::Ipxe => Self::Ipxe,
            Loader::Grub => Self::Grub,
            Loader::Pxelinux => Self::Pxelinux,
        }
    }
}

/// Prints what a machine will get.
pub(super) fn render(context: &Context, render: &Render) -> Outcome {
    let site = context.site()?;
    let machine = find(&site, &render.name)?;
    let wanted = files(&site.book(), machine, render)?;
    if !render.diff {
        let text = wanted.iter().map(|(name, text)| format!("==> {name} <==\n{text}\n"));
        let text = if let (Some(_), [(_, only)]) = (&render.file, wanted.as_slice()) {
            only.clone()
        } else {
            text.collect()
        };
        context.console.report(|| serde_json::json!(wanted), || text);
        return Ok(());
    }
    let path = site.layout.rendered(Service::Rack).join("book.json");
    let tried = || format!("cannot read what rack knows from {}", path.display());
    let text = fs_err::read(&path)
        .or_fail(Class::Missing, tried)
        .map_err(|failure| failure.hint("`runctl up rack` writes it"))?;
    let served: Book = serde_json::from_slice(&text).or_fail(Class::Missing, tried)?;
    let now = match served.machine(&render.name) {
        Some(machine) => files(&served, machine, render)?,
        None => Vec::new(),
    };
    let diff = difference(&now, &wanted);
    context.console.report(|| serde_json::json!({ "diff": diff }), || diff.clone());
    Ok(())
}

/// All files of a machine by name, or the one that was asked for; passwords are masked.
fn files(book: &Book, machine: &rack::Machine, render: &Render) -> Outcome<Vec<(String, String)>> {
    let mac = machine.macs.first().copied().unwrap_or(Mac([0; 6]));
    let asking =
        Asking { mac, address: machine.address, architecture: None, platform: None, becomes: None };
    let failed = |error: rack::Error| Failure::new(Class::Configuration, error);
    let Some(name) = &machine.profile else {
        let disk = Decision::LocalDisk { why: "it has no profile".to_owned() };
        let script = book.script(render.loader.into(), &asking, &disk).map_err(failed)?;
        return Ok(vec![("boot".to_owned(), script)]);
    };
    let profile = book.profile(name).map_err(|lacking| failed(lacking.into()))?;
    refuse_lacking(book, &machine.name, profile)?;
    let answered = book.is_answered(profile);
    let decision = if answered {
        Decision::Install { profile: name.clone(), token: TOKEN.to_owned() }
    } else {
        Decision::Boot { profile: name.clone() }
    };
    let script = book.script(render.loader.into(), &asking, &decision).map_err(failed)?;
    let mut files = vec![("boot".to_owned(), script)];
    if answered {
        for file in book.install_files(name).map_err(failed)? {
            let rendered = book.install_file(&asking, name, TOKEN, file, None).map_err(failed)?;
            files.extend(rendered.map(|rendered| (file.to_owned(), rendered.text)));
        }
    }
    if let Some(wanted) = &render.file {
        let known: Vec<_> = files.iter().map(|(name, _)| name.clone()).collect();
        files.retain(|(name, _)| name == wanted);
        if files.is_empty() {
            let told = format!("machine `{}` gets no file `{wanted}`", machine.name);
            return Err(
                Failure::say(Class::Usage, told).hint(format!("it gets: {}", known.join(", ")))
            );
        }
    }
    Ok(files)
}

/// What differs, as `diff -u` writes it; nothing where nothing does.
fn difference(now: &[(String, String)], wanted: &[(String, String)]) -> String {
    let text = |files: &[(String, String)], name: &str| {
        files
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, text)| text.clone())
            .unwrap_or_default()
    };
    let mut names: Vec<_> = now.iter().chain(wanted).map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    let diffs = names.into_iter().map(|name| {
        let (old, new) = (text(now, name), text(wanted, name));
        let (from, to) = (format!("now/{name}"), format!("next/{name}"));
        TextDiff::from_lines(&old, &new).unified_diff().header(&from, &to).to_string()
    });
    diffs.collect()
}
