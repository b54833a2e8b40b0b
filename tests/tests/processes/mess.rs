//! What an incident leaves behind: daemons that nobody has elected, from several installs.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use oneworker_tests::{Identity, Run, install, is_alive, kill};
use serde_json::Value;

use crate::{UNMANAGED, identity};

/// What a configuration says of the daemons of these tests.
const STRAYS: &str =
    "[strays]\nworker = [[\"mem-daemon\", \"daemon\", \"--db\"]]\nhelper = [[\"mem-helper\", \"helper\"]]\n";

/// An identity in whose test directory unmanaged daemons run from two installs.
pub(crate) struct Mess {
    pub(crate) identity: Identity,
    pub(crate) marketplace: PathBuf,
    pub(crate) cache: PathBuf,
}

/// A process of the mess. Ended when dropped, with its helper.
pub(crate) struct Unmanaged {
    child: Child,
    pub(crate) helper: Option<u32>,
    pub(crate) helper_port: Option<u16>,
}

impl Mess {
    pub(crate) fn new() -> Self {
        Self::of(identity())
    }

    pub(crate) fn of(identity: Identity) -> Self {
        // Of this test's own: other tests have daemons of the same names at the same time.
        let patterns = STRAYS.replace("\"mem-", &format!("\"{}/*/mem-", identity.scratch().display()));
        fs::write(identity.scratch().join("oneworker.toml"), patterns).unwrap();
        let folder_of = |folder: &str| {
            let folder = identity.scratch().join(folder);
            fs::create_dir_all(&folder).unwrap();
            for name in ["mem-daemon", "mem-helper"] {
                install(Path::new(UNMANAGED), &folder.join(name));
            }
            folder
        };
        let (marketplace, cache) =
            (folder_of("plugins/marketplaces/acme"), folder_of("plugins/cache/acme/10.2.4"));
        Self { identity, marketplace, cache }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.identity.scratch().join("mem.db")
    }

    pub(crate) fn daemon(&self, install: &Path, args: &[&str]) -> Unmanaged {
        let database = self.database();
        let all = [&["daemon", "--db", database.to_str().unwrap()], args].concat();
        Unmanaged::start(&install.join("mem-daemon"), &all)
    }

    pub(crate) fn helper(&self) -> String {
        self.cache.join("mem-helper").to_string_lossy().into_owned()
    }

    pub(crate) fn ps(&self) -> Value {
        let (status, answer) = self.identity.command("ps").arg("--json").json();
        assert_eq!(status, 0, "{answer}");
        answer
    }

    pub(crate) fn reap(&self) -> Run {
        self.identity.command("reap").arg("--json")
    }
}

impl Unmanaged {
    /// Starts it, and waits until it is ready.
    pub(crate) fn start(program: &Path, args: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut started = Self { child, helper: None, helper_port: None };
        for line in &mut lines {
            let line = line.unwrap();
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["helper", pid, port] => {
                    started.helper = Some(pid.parse().unwrap());
                    started.helper_port = Some(port.parse().unwrap());
                }
                ["ready", ..] => return started,
                _ => {}
            }
        }
        panic!("{program:?} {args:?} did not get ready");
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Unmanaged {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.helper.into_iter().filter(|pid| is_alive(*pid)).for_each(kill);
    }
}
