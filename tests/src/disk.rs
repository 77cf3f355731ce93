//! A small disk, which fills up sooner than that of the machine.

use std::path::PathBuf;
use std::process::Command;

use crate::run;

/// A small disk in a folder's place, with what the folder held; it is gone with this, and the folder as it was.
pub struct SmallDisk {
    place: PathBuf,
    aside: PathBuf,
}

impl SmallDisk {
    /// None where nothing can be mounted.
    pub fn at(place: PathBuf, megabytes: u32) -> Option<Self> {
        let disk = Self { aside: place.with_extension("aside"), place };
        fs_err::rename(&disk.place, &disk.aside).expect("the folder moves aside");
        fs_err::create_dir(&disk.place).expect("a folder");
        let size = format!("size={megabytes}m");
        let mount =
            run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&disk.place));
        if mount.code != 0 {
            return None;
        }
        run(Command::new("cp").arg("-aT").args([&disk.aside, &disk.place])).ok();
        Some(disk)
    }

    /// Makes it larger, for whoever uses it now, too.
    pub fn grow(&self, megabytes: u32) {
        let size = format!("remount,size={megabytes}m");
        run(Command::new("mount").args(["-o", &size]).arg(&self.place)).ok();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(run(Command::new("umount").arg(&self.place)));
        fs_err::remove_dir(&self.place).expect("an empty folder");
        fs_err::rename(&self.aside, &self.place).expect("the folder moves back");
    }
}
