//! A container made from scratch: nothing in it but the program, another user than root, a root that can't be written to, pids of its own, and
//! `/proc` hidden or not there at all.

use std::fs;
use std::path::Path;
use std::process::Command;

use oneworker_tests::{Identity, cannot_unshare, needs_root};
use serde_json::Value;

use crate::identity;

const NAMESPACES: &str = "--mount --pid --fork --propagation private";
/// What an engine gives every container (OCI runtime specification, "Default Devices"): of those, `/dev/null`. And a place to write to.
const CONTAINER: &str = r#"
set -e
root=$1 mounts=$2
mount --bind "$root" "$root"
touch "$root/dev/null"
mount --bind /dev/null "$root/dev/null"
eval "$mounts"
mount -t tmpfs -o mode=0700,uid=65534,gid=65534 none "$root/state"
mount -o remount,bind,ro "$root"
shift 2
oneworker() { chroot --userspec=65534:65534 "$root" /oneworker "$@" --state-dir /state --port auto --no-config --json; }
set +e
"#;

/// What each of these commands prints, in a container whose `/proc` is mounted like this.
fn in_container(identity: &Identity, mounts: &str, script: &str) -> Vec<Value> {
    let root = identity.scratch().join("container");
    for dir in ["", "dev", "proc", "state"] {
        fs::create_dir_all(root.join(dir)).unwrap();
    }
    oneworker_tests::install(identity.binary(), &root.join("oneworker"));
    // The user in there has to get to it.
    for dir in [identity.scratch(), &root] {
        open_to_all(dir);
    }
    // Who ends this ends all that runs in there: its first process is gone then.
    let output = Command::new("unshare")
        .args(NAMESPACES.split(' '))
        .args(["sh", "-c", &format!("{CONTAINER}{script}"), "sh"])
        .arg(&root)
        .arg(mounts)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = || format!("{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{}", said()))).collect()
}

fn open_to_all(dir: &Path) {
    fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

/// One worker, found again, that keeps data, is replaced if it dies, and stops.
fn a_container_has_one_worker(mounts: &str) {
    if needs_root() || cannot_unshare(NAMESPACES) {
        return;
    }
    let identity = identity();
    let script = r#"
        for n in 1 2 3 4 5; do oneworker ensure & done; wait
        oneworker put --session s --kind note "from scratch"
        kill -9 "$(cat "$root/state/worker.pid")"
        oneworker ensure
        oneworker search scratch
        oneworker stop
        oneworker status"#;
    let said = in_container(&identity, mounts, script);
    let [first @ .., put, second, found, stopped, status] = said.as_slice() else { panic!("{said:#?}") };
    assert_eq!(first.len(), 5, "{said:#?}");
    assert!(
        first.iter().all(|answer| answer["pid"] == first[0]["pid"] && answer["epoch"] == 1),
        "{first:#?}"
    );
    assert_eq!(first.iter().filter(|answer| answer["outcome"] == "started").count(), 1, "{first:#?}");
    assert_eq!(put["new"], 1, "{put}");
    assert_eq!((&second["outcome"], &second["epoch"]), (&"started".into(), &2.into()), "{second}");
    assert_eq!(found["observations"][0]["text"], "from scratch", "{found}");
    assert_eq!((&stopped["outcome"], &stopped["forced"]), (&"stopped".into(), &false.into()), "{stopped}");
    assert_eq!(status["state"], "not_running", "{status}");
}

#[test]
fn a_container_from_scratch_has_one_worker() {
    a_container_has_one_worker(r#"mount -t proc none "$root/proc""#);
}

#[test]
fn a_container_whose_proc_shows_nobody_else_has_one_worker() {
    a_container_has_one_worker(r#"mount -t proc -o hidepid=2 none "$root/proc""#);
}

#[test]
fn a_container_without_proc_has_one_worker() {
    a_container_has_one_worker(":");
}

#[test]
fn a_container_without_the_devices_that_every_one_has_is_told_which() {
    if needs_root() || cannot_unshare(NAMESPACES) {
        return;
    }
    let identity = identity();
    let said = in_container(&identity, r#"umount "$root/dev/null"; rm "$root/dev/null""#, "oneworker ensure");
    assert_eq!(said[0]["error"]["code"], "cannot_launch", "{said:#?}");
    assert!(said[0]["error"]["message"].as_str().unwrap().contains("/dev/null"), "{said:#?}");
}
