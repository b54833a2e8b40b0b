use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use oneworker_tests::terminate;
use serde_json::{Value, json};
use xtask::Target;

use super::{Packaged, assert_works, lacks, packaged, packaged_quickly, said, target};

/// A project with packages in it.
struct Project {
    packaged: Packaged,
    dir: PathBuf,
}

impl Project {
    fn module(&self, path: &str) -> PathBuf {
        self.dir.join("node_modules").join(path)
    }

    fn launcher(&self) -> PathBuf {
        self.module("oneworker/bin/oneworker.js")
    }

    fn binary(&self) -> PathBuf {
        let (system, processor) = target().node();
        self.module(&format!("@oneworker/{system}-{processor}/bin/oneworker"))
    }

    /// A command of npm, which finds and keeps nothing outside.
    fn npm(&self, program: &str) -> Command {
        npm(program, &self.dir, &self.packaged)
    }

    /// The launcher, which starts this script in the binary's place.
    fn start(&self, script: &str) -> Child {
        fs::write(self.binary(), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(self.binary(), PermissionsExt::from_mode(0o755)).unwrap();
        Command::new(self.launcher()).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap()
    }
}

fn npm(program: &str, dir: &Path, packaged: &Packaged) -> Command {
    let mut command = Command::new(program);
    command
        .env("npm_config_cache", packaged.scratch().join("cache"))
        .env("npm_config_update_notifier", "false")
        .env("HOME", packaged.scratch())
        .current_dir(dir);
    command
}

/// A project with those of our packages whose file names begin so.
fn project(packaged: Packaged, begin: &str) -> Project {
    let dir = packaged.scratch().join("project");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("package.json"), r#"{ "private": true }"#).unwrap();
    let mut install = npm("npm", &dir, &packaged);
    install.args(["install", "--offline", "--no-audit", "--no-fund"]).args(packaged.files(begin, ".tgz"));
    said(&mut install);
    Project { packaged, dir }
}

fn manifest(package: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(package.join("package.json")).unwrap()).unwrap()
}

#[test]
fn the_launcher_does_what_the_binary_does() {
    if lacks("node") || lacks("npm") {
        return;
    }
    let project = project(packaged(), "npm/");
    let version = said(project.npm("npx").args(["--no-install", "oneworker", "--version"]));
    assert_eq!(version, format!("oneworker {}", env!("CARGO_PKG_VERSION")));
    assert_works(&project.launcher(), &project.binary());
    assert_works(&project.module(".bin/oneworker"), &project.binary());
}

#[test]
fn npm_runs_nothing_and_takes_the_package_of_its_system() {
    if lacks("node") || lacks("npm") {
        return;
    }
    let project = project(packaged_quickly(), "npm/");
    let launcher = manifest(&project.module("oneworker"));
    let platform = manifest(project.binary().parent().unwrap().parent().unwrap());
    for package in [&launcher, &platform] {
        assert_eq!(package["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!((&package["scripts"], &package["dependencies"]), (&Value::Null, &Value::Null));
    }
    let (system, processor) = target().node();
    assert_eq!((&platform["os"], &platform["cpu"]), (&json!([system]), &json!([processor])));
    let optional = launcher["optionalDependencies"].as_object().unwrap();
    assert_eq!(optional.len(), Target::ALL.len());
    assert_eq!(optional[platform["name"].as_str().unwrap()], env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_signal_goes_on_to_the_binary() {
    if lacks("node") || lacks("npm") {
        return;
    }
    let project = project(packaged_quickly(), "npm/");
    let mut launcher =
        project.start("trap 'exit 7' TERM; echo begun; for i in $(seq 3000); do sleep 0.01; done");
    let mut line = String::new();
    BufReader::new(launcher.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "begun\n");
    terminate(launcher.id());
    assert_eq!(launcher.wait().unwrap().code(), Some(7));
}

#[test]
fn whoever_waits_sees_the_signal_that_ended_the_binary() {
    if lacks("node") || lacks("npm") {
        return;
    }
    let project = project(packaged_quickly(), "npm/");
    for (name, number) in [("KILL", 9), ("TERM", 15), ("INT", 2)] {
        let status = project.start(&format!("kill -{name} $$")).wait().unwrap();
        assert_eq!(status.signal(), Some(number), "{status}");
    }
}

#[test]
fn without_its_optional_dependency_it_says_what_to_do() {
    if lacks("node") || lacks("npm") {
        return;
    }
    let project = project(packaged_quickly(), &format!("npm/oneworker-{}", env!("CARGO_PKG_VERSION")));
    let refused = Command::new(project.launcher()).arg("--version").output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(126), "{said}");
    assert!(said.contains("npm install --include=optional oneworker"), "{said}");
}

#[test]
fn on_a_system_without_a_binary_it_says_so() {
    if lacks("node") || lacks("npm") {
        return;
    }
    let project = project(packaged_quickly(), "npm/");
    let elsewhere = format!(
        "Object.defineProperty(process, 'arch', {{ value: 'mips' }}); require({:?})",
        project.launcher()
    );
    let refused = Command::new("node").args(["-e", &elsewhere]).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(126), "{said}");
    assert!(said.contains("no binary for linux on mips (only for darwin-arm64,"), "{said}");
}
