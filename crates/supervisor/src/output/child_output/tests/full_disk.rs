//! A disk that is full, as the system tells of it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{Said, wait_for};

/// A small file system (root only), unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: PathBuf) -> Option<Self> {
        fs::create_dir(&at).unwrap();
        let mut mount = Command::new("mount");
        let done = mount.args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&at).output();
        done.is_ok_and(|output| output.status.success()).then(|| Self(at))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[test]
fn a_full_disk_does_not_stop_the_child_and_is_told_once_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(dir.path().join("logs")) else {
        eprintln!("skipped: this needs the right to mount");
        return;
    };
    let filler = disk.0.join("filler");
    fs::write(&filler, vec![0; 40_000]).unwrap();
    let mut child = Said::new_in(dir, 1 << 20, 1);
    child.say(&b"more than there is room for\n".repeat(40_000));
    child.say(b"heard\n");
    wait_for("all of it to be read", || child.output.tail().ends_with("heard\n"));
    fs::remove_file(filler).unwrap();
    child.say(b"written\n");
    child.end();
    let lines = child.logged("child.log");
    drop(disk);
    let [.., note, last] = lines.as_slice() else { panic!("{} lines", lines.len()) };
    assert_eq!(last, b"written");
    let note = String::from_utf8_lossy(note);
    assert!(note.contains("bytes of output were lost"), "{note}");
    assert!(lines.len() > 100, "there was some room");
}
