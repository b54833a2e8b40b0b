//! What the system allows, what is configured, and what is installed.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use oneworker_tests::{Forbidden, Identity, forbid, limit_open_files};
use serde_json::json;

use super::processes::{in_path, old_install};
use super::{Fault, Planted, found, home, identity, name, named, stopped};

each! { found:
    fn locks_that_can_not_be_tried = Fault {
        plant: || Planted::called(stopped(), |run| run.with(forbid(Forbidden::Processes))),
        check: "locks", level: "problem", words: "can't be tried", mended: false,
    };
    fn a_sandbox_without_sockets = Fault {
        plant: || Planted::called(identity(), |run| run.with(forbid(Forbidden::Sockets(libc_eperm())))),
        check: "sandbox", level: "problem", words: "may not open a socket", mended: false,
    };
    fn a_sandbox_without_addresses = Fault {
        plant: || Planted::called(identity(), |run| run.with(forbid(Forbidden::Binding))),
        check: "sandbox", level: "problem", words: "may not listen on an address", mended: false,
    };
    fn too_few_open_files = Fault {
        plant: || Planted::called(identity(), |run| run.with(limit_open_files(100))),
        check: "sandbox", level: "warning", words: "may have 100 files open", mended: false,
    };
    fn a_configuration_with_an_unknown_key = Fault {
        plant: || configured("prot = 5555\n", 0o644),
        check: "config", level: "problem", words: "unknown key \"prot\"", mended: false,
    };
    fn a_configuration_that_is_none = Fault {
        plant: || configured("[[[\n", 0o644),
        check: "config", level: "problem", words: "oneworker.toml:1:", mended: false,
    };
    fn a_configuration_that_everybody_may_write = Fault {
        plant: || configured("", 0o666),
        check: "config", level: "problem", words: "can be written to by every user (mode 666)", mended: true,
    };
    fn a_hook_of_a_program_that_is_gone = Fault {
        plant: || {
            let identity = identity();
            hook(&identity, "/gone/oneworker hook claude-code --quiet");
            let path = in_path(&identity, env!("CARGO_PKG_VERSION"));
            Planted::called(identity, move |run| run.env("PATH", &path))
        },
        check: "hooks", level: "problem", words: "runs /gone/oneworker, which is not there", mended: true,
    };
    fn a_hook_of_a_program_that_is_gone_where_nothing_is_in_the_path = Fault {
        plant: || {
            let identity = identity();
            hook(&identity, "'/gone/one more/oneworker' hook claude-code");
            Planted::new(identity)
        },
        check: "hooks", level: "problem", words: "runs /gone/one more/oneworker, which is not there", mended: false,
    };
    fn a_hook_whose_program_is_not_in_the_path = Fault {
        plant: || {
            let identity = identity();
            hook(&identity, "oneworker hook claude-code");
            Planted::new(identity)
        },
        check: "hooks", level: "problem", words: "runs oneworker, which is not in PATH", mended: false,
    };
    fn a_hook_of_a_program_of_another_version = Fault {
        plant: || {
            let identity = identity();
            let program = old_install(&identity);
            hook(&identity, &format!("'{}' hook claude-code", program.display()));
            Planted::new(identity)
        },
        check: "hooks", level: "warning", words: "which is of version 0.0.9", mended: false,
    };
    fn a_service_whose_program_is_gone = Fault {
        plant: || {
            let name = name();
            let identity = named(&name);
            let units = home(&identity).join(".config/systemd/user");
            fs::create_dir_all(&units).unwrap();
            let unit = "[Service]\nExecStart=\"/gone/oneworker\" \"serve\"\n";
            fs::write(units.join(format!("oneworker-{name}.service")), unit).unwrap();
            Planted::new(identity)
        },
        check: "service", level: "problem", words: "runs /gone/oneworker, which is not there", mended: false,
    };
}

fn libc_eperm() -> i32 {
    rustix::io::Errno::PERM.raw_os_error()
}

fn configured(text: &str, mode: u32) -> Option<Planted> {
    let identity = identity();
    let path = identity.scratch().join("oneworker.toml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    Planted::new(identity)
}

/// Settings of an agent, with this hook beside those of others.
fn hook(identity: &Identity, command: &str) -> std::path::PathBuf {
    let path = home(identity).join(".claude/settings.json");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let hooks = [json!({ "command": "/gone/linter hook" }), json!({ "command": command })];
    let settings = json!({ "model": "m", "hooks": { "SessionStart": [{ "hooks": hooks }] } });
    fs::write(&path, format!("{settings:#}\n")).unwrap();
    path
}

#[test]
fn of_an_agents_settings_nothing_but_the_program_of_our_hook_is_changed() {
    let identity = identity();
    let path = hook(&identity, "/gone/oneworker hook claude-code --quiet");
    let before = fs::read_to_string(&path).unwrap();
    let run = super::doctor(&identity).arg("--repair");
    let found = super::findings(run.env("PATH", in_path(&identity, env!("CARGO_PKG_VERSION"))));
    assert_eq!(found[0]["before"], "/gone/oneworker hook claude-code --quiet", "{found:#?}");
    assert_eq!(found[0]["after"], "oneworker hook claude-code --quiet", "{found:#?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), before.replace("/gone/oneworker", "oneworker"));
}
