//! Takes the clock out of a built image, so that the same input gives the same image id wherever and whenever it is built.
//!
//! The engine stamps every file, every step and the image itself with the time of the build. Layers of the base are
//! settled already; the others are written anew with a fixed time, and so is the configuration.

use std::io::{Read, Write};
use std::path::Path;

use serde_json::Value;
use tempfile::NamedTempFile;

use super::archive::{EPOCH, EPOCH_TEXT, Reader, Writer, diff_id};

const BLOCK: usize = 512;

/// Settles the image of an archive; its first `base` layers stay as they are.
pub(super) fn settle(
    archive: &Path,
    reference: &str,
    base: usize,
) -> std::io::Result<NamedTempFile> {
    let mut reader = Reader::open(archive)?;
    let manifest = reader.json("manifest.json")?;
    let image = &manifest[0];
    let mut config = reader.json(image["Config"].as_str().unwrap_or_default())?;
    let mut writer = Writer::new()?;
    for (place, layer) in image["Layers"].as_array().into_iter().flatten().enumerate() {
        let (member, size) = reader.member(layer.as_str().unwrap_or_default())?;
        if place < base {
            writer.layer(member, size)?;
            continue;
        }
        let mut settled = NamedTempFile::new()?;
        settle_layer(member, &mut settled)?;
        config["rootfs"]["diff_ids"][place] = diff_id(settled.path())?.into();
        writer.layer(settled.reopen()?, size)?;
    }
    settle_config(&mut config);
    writer.finish(reference, &config)
}

/// Copies a layer, giving every file that is younger than the fixed time that time, and taking owners' names out.
fn settle_layer(mut layer: impl Read, mut settled: impl Write) -> std::io::Result<()> {
    let mut block = [0; BLOCK];
    loop {
        layer.read_exact(&mut block)?;
        if block == [0; BLOCK] {
            // Two empty blocks end a tar; whatever pads it is empty too.
            settled.write_all(&block)?;
            std::io::copy(&mut layer, &mut settled)?;
            return settled.flush();
        }
        let mut header = tar::Header::from_byte_slice(&block).clone();
        if header.mtime()? > EPOCH {
            header.set_mtime(EPOCH);
        }
        // The engine writes the names that its own host has for the numbers; the numbers are what counts.
        if let Some(header) = header.as_ustar_mut() {
            header.uname.fill(0);
            header.gname.fill(0);
        }
        if let Some(header) = header.as_gnu_mut() {
            header.uname.fill(0);
            header.gname.fill(0);
        }
        header.set_cksum();
        let length = header.entry_size()?.next_multiple_of(BLOCK as u64);
        settled.write_all(header.as_bytes())?;
        std::io::copy(&mut (&mut layer).take(length), &mut settled)?;
    }
}

/// Takes out of an image's configuration what differs from build to build.
fn settle_config(config: &mut Value) {
    config["created"] = EPOCH_TEXT.into();
    for step in config["history"].as_array_mut().into_iter().flatten() {
        step["created"] = EPOCH_TEXT.into();
    }
    for (part, names) in [
        ("", &["container", "container_config", "docker_version"][..]),
        ("/config", &["Image", "Hostname"][..]),
    ] {
        if let Some(object) = config.pointer_mut(part).and_then(Value::as_object_mut) {
            object.retain(|name, _| !names.contains(&name.as_str()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(mtime: u64) -> Vec<u8> {
        owned_layer(mtime, "")
    }

    fn owned_layer(mtime: u64, group: &str) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, contents) in [("etc/motd", "hello"), ("etc/long", "0123456789")] {
            let mut header = tar::Header::new_ustar();
            header.set_size(contents.len() as u64);
            header.set_mtime(mtime);
            header.set_groupname(group).unwrap();
            tar.append_data(&mut header, name, contents.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap()
    }

    fn settled(layer: &[u8]) -> Vec<u8> {
        let mut settled = Vec::new();
        settle_layer(layer, &mut settled).unwrap();
        settled
    }

    #[test]
    fn layers_that_differ_in_time_only_become_the_same() {
        assert_ne!(layer(EPOCH + 5), layer(EPOCH + 9));
        assert_eq!(settled(&layer(EPOCH + 5)), settled(&layer(EPOCH + 9)));
    }

    #[test]
    fn names_that_a_host_has_for_numbers_do_not_count() {
        let (one, other) = (owned_layer(EPOCH, "rdma"), owned_layer(EPOCH, "_ssh"));
        assert_ne!(one, other);
        assert_eq!(settled(&one), settled(&other));
    }

    #[test]
    fn older_files_keep_their_time_and_contents() {
        let before = layer(EPOCH - 7);
        assert_eq!(settled(&before), before);
    }

    #[test]
    fn a_settled_layer_is_a_sound_tar() {
        let bytes = settled(&layer(EPOCH + 5));
        let mut tar = tar::Archive::new(bytes.as_slice());
        let names: Vec<_> = tar
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        assert_eq!(names, ["etc/motd", "etc/long"]);
    }
}
