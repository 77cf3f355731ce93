//! profiles.toml: what machines become. A profile may inherit from one other, which inherits from none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rack::{Answers, Disk, Distro, Layout, Profile, Template, User};
use serde_json::Value;

use super::super::kinds::{
    self, Read, flag, inner_path, line, lines, name, number, text, word, wrong, wrong_but,
};
use super::super::model::SecretFile;
use super::super::table::Table;
use super::{distros, existing};

pub(super) const FILE: &str = "profiles.toml";

/// A profile as it is written: what it does not say comes from the one that it inherits from, or is the default.
#[derive(Clone, Default)]
struct Written {
    name: String,
    inherits: Option<String>,
    distro: Option<String>,
    version: Option<String>,
    architecture: Option<&'static str>,
    method: Option<String>,
    arguments: Option<String>,
    tree: Option<String>,
    answers: Option<Answers>,
    packages: Vec<String>,
    timezone: Option<String>,
    locale: Option<String>,
    keyboard: Option<String>,
    ssh_port: Option<u16>,
    disk: WrittenDisk,
    users: Vec<User>,
    hooks: Vec<Template>,
    parameters: BTreeMap<String, String>,
    secrets: Vec<SecretFile>,
}

#[derive(Clone, Default)]
struct WrittenDisk {
    device: Option<String>,
    layout: Option<&'static str>,
    swap: Option<u32>,
}

/// Reads profiles.toml, the templates that it names, and where its secrets are.
pub(super) fn read(
    mut table: Table<'_>,
    folder: &Path,
    known: &[Distro],
) -> (Vec<Profile>, Vec<SecretFile>) {
    let tables = table.tables("profile");
    let written: Vec<_> = tables.into_iter().map(|table| profile(table, folder)).collect();
    let mut secrets: Vec<_> = written.iter().flat_map(|one| one.0.secrets.clone()).collect();
    secrets.sort();
    secrets.dedup();
    let mut profiles = Vec::new();
    for (one, table) in &written {
        let parent = one.inherits.as_ref().and_then(|name| {
            let found = written.iter().map(|(other, _)| other).find(|other| other.name == *name);
            match found {
                None => table.object("inherits", format!("there is no profile `{name}`"), None),
                Some(other) if other.inherits.is_some() => table.object(
                    "inherits",
                    format!(
                        "profile `{name}` inherits from another one: one level is all there is"
                    ),
                    None,
                ),
                Some(_) => {}
            }
            found
        });
        let whole = one.clone().after(&parent.cloned().unwrap_or_default());
        if whole.distro.is_none() && one.inherits.is_none() {
            table.lacks("missing key `distro`", None);
        }
        profiles.push(whole.finish(known));
    }
    table.finish();
    (profiles, secrets)
}

impl Written {
    /// What is not written here stands in the parent; lists are longer by the parent's.
    fn after(self, parent: &Self) -> Self {
        let parent = parent.clone();
        let joined = |first: Vec<_>, second: Vec<_>| first.into_iter().chain(second).collect();
        Self {
            distro: self.distro.or(parent.distro),
            version: self.version.or(parent.version),
            architecture: self.architecture.or(parent.architecture),
            method: self.method.or(parent.method),
            arguments: self.arguments.or(parent.arguments),
            tree: self.tree.or(parent.tree),
            answers: self.answers.or(parent.answers),
            packages: joined(parent.packages, self.packages),
            timezone: self.timezone.or(parent.timezone),
            locale: self.locale.or(parent.locale),
            keyboard: self.keyboard.or(parent.keyboard),
            ssh_port: self.ssh_port.or(parent.ssh_port),
            disk: WrittenDisk {
                device: self.disk.device.or(parent.disk.device),
                layout: self.disk.layout.or(parent.disk.layout),
                swap: self.disk.swap.or(parent.disk.swap),
            },
            users: parent
                .users
                .into_iter()
                .filter(|user| !self.users.iter().any(|own| own.name == user.name))
                .chain(self.users.iter().cloned())
                .collect(),
            hooks: parent.hooks.into_iter().chain(self.hooks).collect(),
            parameters: parent.parameters.into_iter().chain(self.parameters).collect(),
            ..self
        }
    }

    /// Fills in the defaults; the version is the distro's newest.
    fn finish(self, known: &[Distro]) -> Profile {
        let distro = self.distro.unwrap_or_default();
        let newest = known
            .iter()
            .find(|one| one.name == distro)
            .and_then(|distro| distro.versions.first())
            .map(|version| version.name.clone());
        Profile {
            name: self.name,
            version: self.version.or(newest).unwrap_or_default(),
            distro,
            architecture: self.architecture.unwrap_or("x86_64").to_owned(),
            method: self.method.unwrap_or_else(|| "install".to_owned()),
            arguments: self.arguments.unwrap_or_default(),
            tree: self.tree,
            answers: self.answers,
            packages: self.packages,
            timezone: self.timezone.unwrap_or_else(|| "Etc/UTC".to_owned()),
            locale: self.locale.unwrap_or_else(|| "C.UTF-8".to_owned()),
            keyboard: self.keyboard.unwrap_or_else(|| "us".to_owned()),
            ssh_port: self.ssh_port.unwrap_or(22),
            disk: Disk {
                device: self.disk.device.unwrap_or_else(|| "auto".to_owned()),
                layout: match self.disk.layout {
                    Some("lvm") => Layout::Lvm,
                    _ => Layout::Plain,
                },
                swap: self.disk.swap.unwrap_or(0),
            },
            users: self.users,
            hooks: self.hooks,
            parameters: self.parameters,
        }
    }
}

fn profile<'t>(mut table: Table<'t>, folder: &Path) -> (Written, Table<'t>) {
    let own = table.required("name", name);
    let users = table.tables("user").into_iter().map(|table| user(table, &own, folder));
    let (users, secrets): (Vec<_>, Vec<_>) = users.unzip();
    let mut disk = table.section("disk");
    let written = Written {
        inherits: table.optional("inherits", name),
        distro: table.optional("distro", name),
        version: table.optional("version", name),
        architecture: table.optional("architecture", word(&["x86_64", "arm64"])),
        method: table.optional("method", name),
        arguments: table.optional("arguments", lines),
        tree: table.optional("tree", inner_path),
        answers: table.table("answers").map(|table| distros::answers(table, folder)),
        packages: table.list("packages", &[], text),
        timezone: table.optional("timezone", text),
        locale: table.optional("locale", text),
        keyboard: table.optional("keyboard", name),
        ssh_port: table.optional("ssh_port", number(1..=65535)),
        disk: WrittenDisk {
            device: disk.optional("device", device),
            layout: disk.optional("layout", word(&["plain", "lvm"])),
            swap: disk.optional("swap_mib", number(0..=1_048_576)),
        },
        users,
        hooks: table.list("hooks", &[], |value| distros::template(folder, value)),
        parameters: table.pairs_or_none("parameters", line).into_iter().collect(),
        secrets: secrets.into_iter().flatten().collect(),
        name: own,
    };
    disk.finish();
    table.close();
    (written, table)
}

fn user(mut table: Table<'_>, profile: &str, folder: &Path) -> (User, Option<SecretFile>) {
    let login = table.required("name", login);
    let password: Option<PathBuf> = table.optional("password_file", password_file(folder));
    let secret = password.map(|path| SecretFile { name: format!("{profile}.{login}"), path });
    let user = User {
        fullname: table.or("fullname", "", line),
        uid: table.optional("uid", number(1000..=60_000)),
        groups: table.list("groups", &[], login_of_group),
        sudo: table.or("sudo", false, flag),
        keys: table.list("keys", &[], |value| keys(folder, value)).concat(),
        password: secret.as_ref().map(|secret| secret.name.clone()),
        name: login,
    };
    if !table.has("keys") && !table.has("password_file") {
        table.lacks(
            format!("user `{}` could never log in", user.name),
            Some("give it `keys`: public keys, or files of them".to_owned()),
        );
    }
    table.finish();
    (user, secret)
}

/// A login name as all distributions take it.
fn login(value: &Value) -> Read<String> {
    let text = name(value)?;
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    if first && text.len() <= 32 && text.bytes().all(fits) && text != "root" {
        Ok(text)
    } else {
        wrong_but(
            format!("`{text}` is not a login name"),
            "use up to 32 small letters, digits, `-` and `_`; root is nobody's login",
        )
    }
}

fn login_of_group(value: &Value) -> Read<String> {
    login(value)
}

/// A public key, or a file of them.
fn keys(folder: &Path, value: &Value) -> Read<Vec<String>> {
    let written = text(value)?;
    if written.contains(' ') {
        return key(&written).map(|key| vec![key]);
    }
    let path = existing(folder)(value)?;
    let read = fs_err::read_to_string(&path).or_else(|error| wrong(error.to_string()))?;
    let wanted =
        read.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    wanted.map(key).collect()
}

fn key(written: &str) -> Read<String> {
    match ssh_key::PublicKey::from_openssh(written) {
        Ok(_) => Ok(written.to_owned()),
        Err(error) => wrong(format!("this is no public key of ssh: {error}")),
    }
}

/// A file that holds the crypt hash of a password; its content is told nowhere.
fn password_file(folder: &Path) -> impl Fn(&Value) -> Read<PathBuf> {
    move |value| {
        let path = existing(folder)(value)?;
        let read = fs_err::read_to_string(&path).or_else(|error| wrong(error.to_string()))?;
        let hash = read.trim();
        if hash.starts_with('$') && hash.len() > 20 && !hash.contains(char::is_whitespace) {
            Ok(path)
        } else {
            wrong_but(
                format!("{} holds no crypt hash", path.display()),
                "make one: `openssl passwd -6 >FILE`",
            )
        }
    }
}

/// `auto`, or a device.
fn device(value: &Value) -> Read<String> {
    let written = text(value)?;
    let is_device = || {
        kinds::absolute(value).is_ok_and(|path| path.starts_with("/dev"))
            && !written.contains(char::is_whitespace)
    };
    if written == "auto" || is_device() {
        Ok(written)
    } else {
        wrong(format!("`{written}` is neither `auto` nor a path below /dev"))
    }
}
