//! What `--help` and the documents show is what runctl takes, and says.

use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory as _, Parser as _};
use runctl::cli::Cli;

/// How an example begins.
const RUNCTL: &str = "runctl ";

#[test]
fn the_examples_of_every_verb_are_taken() {
    let mut root = Cli::command();
    root.build();
    let mut seen = 0;
    for verb in all(&root) {
        let shown = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
        for command in shown.lines().flat_map(commands) {
            assert_taken(command, &format!("`{} --help`", verb.get_name()));
            seen += 1;
        }
    }
    assert!(seen > 30, "only {seen} examples");
}

#[test]
fn no_example_is_wrapped_on_a_narrow_terminal() {
    let mut root = Cli::command();
    root.build();
    let shown = |verb: &Command| verb.get_after_help().map(ToString::to_string).unwrap_or_default();
    let examples: String = all(&root).into_iter().map(shown).collect::<Vec<_>>().join("\n");
    let examples = examples.lines().filter(|line| line.trim().starts_with(RUNCTL));
    let wide: Vec<_> = examples.filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
}

#[test]
fn commands_in_the_documents_are_taken() {
    let mut seen = 0;
    for document in documents() {
        let text = fs_err::read_to_string(&document).expect("a document");
        let place = document.display().to_string();
        for command in code(&text).flat_map(commands) {
            assert_taken(command, &place);
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen} commands");
}

#[test]
fn commands_that_the_documents_speak_of_are_there() {
    use clap::error::ErrorKind::{
        DisplayHelpOnMissingArgumentOrSubcommand, MissingRequiredArgument, MissingSubcommand,
    };
    for document in documents() {
        let text = fs_err::read_to_string(&document).expect("a document");
        let spoken = text.split('`').skip(1).step_by(2).filter(|span| span.starts_with(RUNCTL));
        // What stands for something else, and the arrows of architecture.md, are not meant to be typed.
        for span in spoken.filter(|span| !span.contains(['<', '[', '>', '…', '\n'])) {
            let kind = Cli::try_parse_from(span.split(' ')).err().map(|error| error.kind());
            // A verb may be named without what it needs.
            let part = [
                DisplayHelpOnMissingArgumentOrSubcommand,
                MissingRequiredArgument,
                MissingSubcommand,
            ];
            let fine = kind.is_none_or(|kind| part.contains(&kind));
            assert!(fine, "{}: `{span}`: {kind:?}", document.display());
        }
    }
}

#[test]
fn the_readme_and_the_help_tell_the_same_exit_codes() {
    let readme = fs_err::read_to_string(repository().join("README.md")).expect("a README");
    let rows = readme.lines().skip_while(|line| *line != "| code | meaning |").skip(2);
    let rows =
        rows.take_while(|line| line.starts_with('|')).filter_map(|row| row.split('|').nth(1));
    let told: Vec<_> = rows.map(|codes| codes.trim().replace(", ", "/")).collect();
    assert_eq!(told.len(), 12, "{told:?}");
    let help = Cli::command().render_long_help().to_string();
    let (_, codes) = help.split_once("Exit codes:").expect("they are told");
    let (codes, _) = codes.split_once("Examples:").expect("examples follow");
    let starts_so = |code: &&String| codes.split_whitespace().any(|word| word == code.as_str());
    assert_eq!(told.iter().filter(starts_so).count(), told.len(), "{told:?}\n{codes}");
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it stands in the repository").to_owned()
}

/// Every page of prose: at the top, and below `docs/`.
fn documents() -> Vec<PathBuf> {
    let folders = ["", "docs", "docs/feeds", "docs/services"].map(|it| repository().join(it));
    let files = folders.iter().flat_map(|folder| fs_err::read_dir(folder).expect("a folder"));
    let paths = files.map(|file| file.expect("an entry").path());
    paths.filter(|path| path.extension().is_some_and(|ending| ending == "md")).collect()
}

/// The lines of a page that are code: fenced or indented.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        fenced ^= line.starts_with("```");
        fenced || line.starts_with("    ")
    })
}

/// The commands of ours in a line; what explains them stands apart, or behind a `#`.
fn commands(line: &str) -> impl Iterator<Item = &str> {
    let line = line.trim();
    let end = line.find(['#', '|']).into_iter().chain(line.find("   ")).min();
    let commands = line[..end.unwrap_or(line.len())].split("&&").map(str::trim);
    commands.filter(|command| command.starts_with(RUNCTL))
}

/// A verb and all below it.
fn all(verb: &Command) -> Vec<&Command> {
    std::iter::once(verb).chain(verb.get_subcommands().flat_map(all)).collect()
}

fn assert_taken(command: &str, place: &str) {
    let words = command.split_whitespace().take_while(|word| !word.starts_with(['<', '>']));
    if let Err(error) = Cli::try_parse_from(words) {
        panic!("{place}: `{command}`\n{error}");
    }
}
