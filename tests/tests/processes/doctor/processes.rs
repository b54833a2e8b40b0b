//! Who is there besides: on the port, of past tenures, of other versions and in other directories.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Child, Command};

use coordinator::proof::identity_digest;
use coordinator::system;
use oneworker_tests::{Bystander, Identity, Squatter, free_port, kill, wait_for};

use super::{Fault, Planted, doctor, findings, found, home, identity, name, named};

/// Ended with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        kill(self.0.id());
        let _ = self.0.wait();
    }
}

each! { found:
    fn a_stranger_on_the_port = Fault {
        plant: || {
            let port = free_port();
            Planted::with(identity().on_port(port), Squatter::on(port, |_| Ok(())))
        },
        check: "port", level: "problem", words: "is held by", mended: false,
    };
    fn a_worker_at_another_port = Fault {
        plant: || {
            let identity = identity().on_port(free_port());
            identity.ensure_on_port("auto").patiently().success();
            Planted::new(identity)
        },
        check: "record", level: "warning", words: "the worker in office serves at port", mended: false,
    };
    fn a_worker_of_another_version = Fault {
        plant: || {
            let identity = identity();
            identity.ensure_of(&identity.install("0.0.9")).success();
            Planted::new(identity)
        },
        check: "versions", level: "warning", words: "the worker in office is of version 0.0.9", mended: false,
    };
    fn a_worker_whose_program_is_gone = Fault {
        plant: || {
            let identity = identity();
            let install = identity.install(env!("CARGO_PKG_VERSION"));
            identity.ensure_of(&install).success();
            fs::remove_file(install).unwrap();
            Planted::new(identity)
        },
        check: "versions", level: "warning", words: "the program of the worker in office is gone", mended: false,
    };
    fn a_second_install_in_the_path = Fault {
        plant: || {
            let identity = identity();
            let path = format!("{}:/usr/bin:/bin", old_install(&identity).parent().unwrap().display());
            Planted::called(identity, move |run| run.env("PATH", &path))
        },
        check: "versions", level: "warning", words: "there are two installs", mended: false,
    };
    fn what_is_left_of_a_past_tenure = Fault {
        plant: || {
            let name = name();
            let identity = named(&name);
            let user = system::machine().processes.surroundings().user;
            let digest = identity_digest(&name.parse().unwrap(), &user, &identity.state_dir());
            let mut left = Command::new("sleep");
            let left = left.arg("600").env("ONEWORKER_TENURE", format!("{digest}.3.aa")).spawn().unwrap();
            Planted::with(identity, Process(left))
        },
        check: "orphans", level: "warning", words: "is left of a past tenure", mended: false,
    };
    fn a_worker_of_the_name_in_another_directory = Fault {
        plant: || {
            let name = name();
            let [other, identity] = [named(&name), named(&name)];
            other.patient();
            Planted::with(identity, other)
        },
        check: "namesakes", level: "warning", words: "there is another worker of", mended: false,
    };
    fn another_directory_of_the_name = Fault {
        plant: || {
            let name = name();
            let identity = named(&name);
            let other = home(&identity).join(".local/state/oneworker").join(name);
            fs::create_dir_all(&other).unwrap();
            fs::write(other.join("worker.lock"), "").unwrap();
            Planted::new(identity)
        },
        check: "namesakes", level: "warning", words: "there is another state directory of", mended: false,
    };
}

#[test]
fn systemd_at_the_port_is_a_stranger_unless_the_identitys_own_unit_has_it_there() {
    let (name, port) = (name(), free_port());
    let identity = named(&name).on_port(port);
    // A process is called by the name that it was executed under.
    let systemd = identity.scratch().join("systemd");
    symlink("/usr/bin/python3", &systemd).unwrap();
    let listen =
        format!("import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(600)");
    let _listener = Process(Command::new(systemd).args(["-c", &listen]).spawn().unwrap());
    let held = wait_for("the port to be taken", || {
        let found = findings(doctor(&identity));
        found.first().cloned()
    });
    let message = held["message"].as_str().unwrap();
    assert!(message.contains(&format!("port {port} is held by systemd")), "{message}");
    let units = home(&identity).join(".config/systemd/user");
    fs::create_dir_all(&units).unwrap();
    let unit = |port: u16| {
        let text = format!("[Socket]\nListenStream=127.0.0.1:{port}\n");
        fs::write(units.join(format!("oneworker-{name}.socket")), text).unwrap();
        findings(doctor(&identity)).len()
    };
    assert_eq!((unit(port - 1), unit(port)), (1, 0));
}

/// An install that says that it is of version 0.0.9.
pub(super) fn old_install(identity: &Identity) -> PathBuf {
    let program = identity.install("0.0.9");
    fs::remove_file(&program).unwrap();
    fs::write(&program, "#!/bin/sh\necho oneworker 0.0.9\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// A `PATH` that leads to an install of this version.
pub(super) fn in_path(identity: &Identity, version: &str) -> String {
    format!("{}:/usr/bin:/bin", identity.install(version).parent().unwrap().display())
}

#[test]
fn a_stray_is_found_and_what_only_looks_like_one_is_not() {
    let identity = identity();
    // Of a time that no other test sleeps for.
    let stray = Process(Command::new("sleep").arg("7654.25").spawn().unwrap());
    let program = fs::read_link(format!("/proc/{}/exe", stray.0.id())).unwrap();
    let patterns =
        serde_json::json!({ "worker": [[program.file_name().unwrap().to_str().unwrap(), "7654.25"]] })
            .to_string();
    let mut bystander = Bystander::named("sleep 7654.25");
    let strays = findings(doctor(&identity).args(["--strays", &patterns]));
    assert_eq!(strays.len(), 1, "{strays:#?}");
    assert!(strays[0]["message"].as_str().unwrap().starts_with("1 processes look like"), "{strays:#?}");
    bystander.assert_untouched();
}
