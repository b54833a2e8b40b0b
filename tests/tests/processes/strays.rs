//! `oneworker ps` and `oneworker reap`: daemons that nobody has elected are found and ended, and nobody else is.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use oneworker_tests::{
    Bystander, Debugger, agreed, free_port, install, is_alive, processes_of, wait_until_gone,
};
use serde_json::Value;

use crate::mess::{Mess, Unmanaged};
use crate::{BINARY, identity};

fn pids(rows: &Value) -> Vec<u32> {
    let mut pids: Vec<u32> =
        rows.as_array().unwrap().iter().map(|row| row["pid"].as_u64().unwrap() as u32).collect();
    pids.sort_unstable();
    pids
}

fn sorted(pids: impl IntoIterator<Item = u32>) -> Vec<u32> {
    let mut pids: Vec<u32> = pids.into_iter().collect();
    pids.sort_unstable();
    pids
}

/// Ten unmanaged daemons from two installs, four of which have a helper server each and three share one; seven servers of sessions that are the
/// same program, and bystanders whose command lines speak of it.
#[test]
fn the_incident_is_cleaned_up_and_nobody_else_is_hurt() {
    let mess = Mess::new();
    let helper = mess.helper();
    let ports: Vec<String> = (0..3).map(|_| free_port().to_string()).collect();
    let mut daemons = Vec::new();
    for at in 0..4 {
        let install = if at % 2 == 0 { &mess.marketplace } else { &mess.cache };
        daemons.push(mess.daemon(install, &["--port", &ports[0], "--helper", &helper]));
    }
    let sharing = mess.daemon(&mess.cache, &["--port", &ports[1], "--helper", &helper]);
    let (shared, shared_port) = (sharing.helper.unwrap(), sharing.helper_port.unwrap().to_string());
    daemons.push(sharing);
    daemons.push(mess.daemon(&mess.marketplace, &["--port", &ports[0], "--uses", &shared_port]));
    daemons.push(mess.daemon(&mess.cache, &["--port", &ports[0], "--uses", &shared_port]));
    let right = mess.daemon(&mess.cache, &["--port", &ports[2], "--uses", &shared_port, "--helper", &helper]);
    // The newest ones have no port: the first has it.
    daemons.push(mess.daemon(&mess.marketplace, &["--port", &ports[0]]));
    daemons.push(mess.daemon(&mess.cache, &["--port", &ports[0]]));
    let servers: Vec<_> = (0..7)
        .map(|_| Unmanaged::start(&mess.cache.join("mem-daemon"), &["mcp", "--start", "daemon --db", "--db"]))
        .collect();
    let named = mess.cache.join("mem-daemon").to_string_lossy().into_owned();
    let mut bystanders =
        [Bystander::named(&format!("{named} daemon --db")), Bystander::named(&named), Bystander::start()];

    let all = sorted(
        daemons.iter().chain([&right]).flat_map(|daemon| [Some(daemon.pid()), daemon.helper]).flatten(),
    );
    let seen = mess.ps();
    assert_eq!(pids(&seen["processes"]), all, "{seen:#}");
    let row = |pid: u32| {
        let rows = seen["processes"].as_array().unwrap();
        rows.iter().find(|row| row["pid"] == pid).unwrap_or_else(|| panic!("{pid}: {seen:#}")).clone()
    };
    assert_eq!(
        (&row(right.pid())["type"], &row(right.pid())["source"]),
        (&"stray".into(), &"cache/10.2.4".into())
    );
    assert_eq!(row(daemons[0].pid())["source"], "marketplace");
    assert_eq!(row(right.pid())["ports"], serde_json::json!([ports[2].parse::<u16>().unwrap()]));
    assert!(row(right.pid())["memory_bytes"].as_u64().unwrap() > 0);
    let table = mess.identity.command("ps").output();
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("cache/10.2.4") && table.contains(&format!("{} strays", all.len())), "{table}");

    let (status, asked) = mess.reap().json();
    assert_eq!((status, pids(&asked["ended"])), (5, vec![]), "{asked:#}");
    assert!(all.iter().all(|pid| is_alive(*pid)), "nobody was asked, and somebody was ended");

    let (status, reaped) = mess.reap().arg("--yes").json();
    assert_eq!(status, 0, "{reaped:#}");
    let stay = sorted([right.pid(), right.helper.unwrap(), shared]);
    let end: Vec<u32> = all.iter().copied().filter(|pid| !stay.contains(pid)).collect();
    assert_eq!((pids(&reaped["ended"]), pids(&reaped["to_keep"])), (end.clone(), stay.clone()), "{reaped:#}");
    end.into_iter().for_each(wait_until_gone);
    assert!(
        stay.iter().chain(&servers.iter().map(Unmanaged::pid).collect::<Vec<_>>()).all(|pid| is_alive(*pid))
    );
    bystanders.iter_mut().for_each(Bystander::assert_untouched);

    // With a worker in office there is none too few.
    let sessions = mess.identity.patient_crowd(10);
    let worker = agreed(&sessions);
    let (status, reaped) = mess.reap().arg("--yes").json();
    assert_eq!(status, 0, "{reaped:#}");
    wait_until_gone(right.pid());
    assert_eq!(mess.identity.only_worker(), worker.pid);
    assert_eq!(mess.identity.patient().pid, worker.pid);
    let seen = mess.ps();
    let workers: Vec<&Value> =
        seen["processes"].as_array().unwrap().iter().filter(|row| row["type"] == "worker").collect();
    assert_eq!(workers.len(), 1, "{seen:#}");
    assert_eq!((&workers[0]["pid"], &workers[0]["epoch"]), (&worker.pid.into(), &worker.epoch.into()));
    assert_eq!(workers[0]["ports"], serde_json::json!([worker.port]));
    assert!(workers[0]["started_by"].as_str().unwrap().starts_with("session "), "{seen:#}");
    assert!(servers.iter().all(|server| is_alive(server.pid())));
    bystanders.iter_mut().for_each(Bystander::assert_untouched);
}

#[test]
fn who_does_not_obey_is_killed_and_who_is_kept_or_debugged_is_left_alone() {
    let mess = Mess::new();
    let deaf = mess.daemon(&mess.cache, &["--deaf"]);
    let kept = mess.daemon(&mess.cache, &["--helper", &mess.helper()]);
    let debugged = mess.daemon(&mess.marketplace, &[]);
    let debugger = Debugger::halt(debugged.pid()).expect("ptrace");
    let keep = kept.pid().to_string();
    let (status, reaped) = mess.reap().args(["--yes", "--within", "300ms", "--keep", &keep]).json();
    assert_eq!(status, 0, "{reaped:#}");
    assert_eq!(
        reaped["ended"],
        serde_json::json!([{ "pid": deaf.pid(), "outcome": "killed" }]),
        "{reaped:#}"
    );
    wait_until_gone(deaf.pid());
    assert_eq!(pids(&reaped["to_keep"]), sorted([kept.pid(), kept.helper.unwrap(), debugged.pid()]));
    assert!([kept.pid(), kept.helper.unwrap(), debugged.pid()].into_iter().all(is_alive));
    drop(debugger);
}

#[test]
fn a_stray_that_runs_reap_does_not_end_itself() {
    let mess = Mess::new();
    let other = mess.daemon(&mess.cache, &[]);
    let database = mess.database();
    let run = mess.reap().arg("--yes").through("exec \"$0\" \"$@\"").with(|command| {
        let inner: Vec<_> = command.get_args().skip(3).map(std::ffi::OsStr::to_owned).collect();
        let environment: Vec<_> = command
            .get_envs()
            .map(|(name, value)| (name.to_owned(), value.map(std::ffi::OsStr::to_owned)))
            .collect();
        let mut outer = Command::new(mess.cache.join("mem-daemon"));
        outer.args(["daemon", "--db"]).arg(&database).arg("--run").args(inner);
        outer.envs(environment.into_iter().filter_map(|(name, value)| Some((name, value?))));
        outer.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        *command = outer;
    });
    let (status, reaped) = run.json();
    assert_eq!(status, 0, "{reaped:#}");
    assert_eq!(pids(&reaped["ended"]), [other.pid()], "{reaped:#}");
}

#[test]
fn a_worker_of_another_directory_is_no_stray_nor_is_its_guardian() {
    let mess = Mess::new();
    let own = mess.cache.join("mem-daemon");
    install(Path::new(BINARY), &own);
    let other = identity().on_port(free_port());
    let plan = "[[helper]]\nname = \"idle\"\ncommand = [\"sleep\", \"600\"]\n";
    fs::write(other.scratch().join("oneworker.toml"), plan).unwrap();
    let worker = other.command_of(&own, "ensure").arg("--json").patiently().success();
    let patterns = serde_json::json!({ "worker": [[own.to_str().unwrap(), "serve"]] }).to_string();
    let all = processes_of(&other.state_dir());
    assert!(all.iter().filter(|(_, args)| args.iter().any(|arg| arg == "serve")).count() == 2, "{all:?}");
    let (status, reaped) = mess.reap().args(["--yes", "--strays", &patterns]).json();
    assert_eq!((status, pids(&reaped["ended"])), (0, vec![]), "{reaped:#}");
    assert!(all.iter().all(|(pid, _)| is_alive(*pid)));
    assert_eq!(other.patient().pid, worker.pid);
}

#[test]
fn without_patterns_nobody_is_a_stray() {
    let identity = identity();
    let failure = identity.command("reap").args(["--json", "--yes"]).failure();
    assert_eq!((failure.code.as_str(), failure.status), ("usage", 2));
}
