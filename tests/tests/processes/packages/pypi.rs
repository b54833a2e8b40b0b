use std::path::PathBuf;
use std::process::Command;

use super::{Packaged, SMALL, assert_works, lacks, packaged, packaged_quickly, said};

/// Reads a wheel's list of its files, and compares it with them. Prints how many there are.
const COMPARE: &str = r#"
import base64, csv, hashlib, sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
record = next(name for name in wheel.namelist() if name.endswith(".dist-info/RECORD"))
listed = {path: (hash, size) for path, hash, size in csv.reader(wheel.read(record).decode().splitlines())}
assert listed.pop(record) == ("", "")
assert set(listed) == set(wheel.namelist()) - {record}, listed
for path, (hash, size) in listed.items():
    data = wheel.read(path)
    assert int(size) == len(data), path
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    assert hash == "sha256=" + digest, path
print(len(listed))
"#;

fn wheel(packaged: &Packaged) -> PathBuf {
    packaged.files("pypi/", ".whl").remove(0)
}

/// An environment with nothing but the wheel in it.
fn installed(packaged: &Packaged) -> PathBuf {
    let environment = packaged.scratch().join("environment");
    said(Command::new("python3").args(["-m", "venv"]).arg(&environment));
    let mut pip = Command::new(environment.join("bin/pip"));
    pip.args(["install", "--no-index", "--find-links"]).arg(wheel(packaged).parent().unwrap());
    said(pip.args(["--disable-pip-version-check", "oneworker"]));
    environment
}

#[test]
fn pip_puts_the_binary_itself_into_an_environment() {
    if lacks("python3") {
        return;
    }
    let packaged = packaged();
    let environment = installed(&packaged);
    let program = environment.join("bin/oneworker");
    assert_works(&program, &program);
    let pip = |words: &[&str]| said(Command::new(environment.join("bin/pip")).args(words));
    let shown = pip(&["show", "--files", "oneworker"]);
    assert!(shown.contains(&format!("Version: {}", env!("CARGO_PKG_VERSION"))), "{shown}");
    pip(&["uninstall", "--yes", "oneworker"]);
    assert!(!program.exists());
}

#[test]
fn a_wheel_lists_its_files() {
    if lacks("python3") {
        return;
    }
    let packaged = packaged_quickly();
    let count = said(Command::new("python3").args(["-c", COMPARE]).arg(wheel(&packaged)));
    assert_eq!(count, "5");
}

/// The wheel's program by uvx, which keeps what it makes with the packages.
fn uvx(packaged: &Packaged) -> Command {
    let mut uvx = Command::new("uvx");
    uvx.args(["--offline", "--no-config", "--from"]).arg(wheel(packaged)).args(["oneworker"]);
    uvx.env("UV_CACHE_DIR", packaged.scratch().join("cache")).env("HOME", packaged.scratch());
    uvx
}

#[test]
fn uvx_runs_the_wheel() {
    if lacks("uvx") {
        return;
    }
    assert_eq!(said(&mut uvx(&packaged_quickly())), SMALL);
}

/// A service goes on for months, and what uvx runs is pruned before.
#[test]
fn a_service_is_not_made_of_what_uvx_runs() {
    if lacks("uvx") {
        return;
    }
    let packaged = packaged();
    let output = uvx(&packaged).args(["service", "install", "--yes", "--no-config"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("uv tool install"), "{output:?}");
    assert!(!packaged.scratch().join(".config").exists(), "{said}");
}
