use std::ffi::OsString;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::*;
use oneworker_protocol::machine::Activity;

/// The variable that makes [`role`] play a part in a process of its own.
const ROLE: &str = "ONEWORKER_TREE_ROLE";
/// What Wine does not do is not asked of it; see docs/platforms.md.
const WINE: &str = "ONEWORKER_WINE";

/// This program, in a role.
fn role_args() -> Vec<OsString> {
    ["--exact", "windows::tests::role", "--nocapture"].map(Into::into).into()
}

fn command(role: &str) -> ChildCommand {
    // Without these a process finds neither libraries nor a random generator.
    let kept = ["SystemRoot", "PATH", "TEMP"]
        .into_iter()
        .filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
    ChildCommand {
        program: std::env::current_exe().unwrap(),
        args: role_args(),
        env: kept.chain([(ROLE.into(), role.into())]).collect(),
        directory: std::env::temp_dir(),
        umask: 0,
        nice: None,
        limits: ChildLimits::default(),
    }
}

#[test]
fn role() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let say = |what: &str| {
        let mut out = std::io::stdout();
        writeln!(out, "<{what}>").and_then(|()| out.flush()).unwrap();
    };
    let sleeper = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(role_args()).env(ROLE, "sleep").stdin(Stdio::null()).stdout(Stdio::null());
        command.spawn().unwrap()
    };
    match role.as_str() {
        "say" => {
            say("out");
            eprintln!("<err>");
            std::process::exit(7);
        }
        "sleep" => std::thread::sleep(Duration::from_secs(120)),
        "leave" => say(&sleeper().id().to_string()),
        "hold" => {
            let mut child = sleeper();
            say(&child.id().to_string());
            child.wait().unwrap();
        }
        "worker" => {
            guard().unwrap();
            say(&sleeper().id().to_string());
            std::process::abort();
        }
        "eat" => {
            let mut eaten: Vec<u8> = Vec::new();
            say(if eaten.try_reserve_exact(512 << 20).is_ok() { "granted" } else { "refused" });
        }
        other => panic!("no role {other:?}"),
    }
    std::process::exit(0);
}

/// What is said in angle brackets first.
fn word(output: &mut impl Read) -> String {
    let mut heard = Vec::new();
    let mut byte = [0];
    while heard.last() != Some(&b'>') {
        assert_eq!(output.read(&mut byte).unwrap(), 1, "it said only {:?}", String::from_utf8_lossy(&heard));
        heard.extend_from_slice(&byte);
    }
    let heard = String::from_utf8(heard).unwrap();
    heard[heard.rfind('<').unwrap() + 1..].trim_end_matches('>').to_owned()
}

fn ended(child: &mut Child) -> Ending {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), child.ended()).await.unwrap() })
}

fn is_alive(pid: u32) -> bool {
    processes::look(Pid(pid)).unwrap().is_some_and(|info| info.activity == Activity::Alive)
}

fn await_end(pid: u32) {
    let begun = Instant::now();
    while is_alive(pid) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{pid} lives on");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_child_says_what_it_says_and_how_it_ends() {
    let mut child = spawn(&command("say")).unwrap();
    let mut said = String::new();
    child.take_output().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("<out>") && said.contains("<err>"), "{said:?}");
    assert_eq!(ended(&mut child), Ending::Exited(7));
    assert_eq!(ended(&mut child), Ending::Exited(7));
    child.signal_group(Signal::Kill).expect("nothing to do");
    assert!(child.take_output().is_none());
}

#[test]
fn what_a_child_leaves_ends_with_it() {
    let mut child = spawn(&command("leave")).unwrap();
    let left: u32 = word(&mut child.take_output().unwrap()).parse().unwrap();
    assert_eq!(ended(&mut child), Ending::Exited(0));
    await_end(left);
}

#[test]
fn a_child_is_killed_with_all_that_it_has_started() {
    let mut child = spawn(&command("hold")).unwrap();
    let started: u32 = word(&mut child.take_output().unwrap()).parse().unwrap();
    assert!(child.has(Pid(started)) && child.has(child.process().pid) && !child.has(Pid(std::process::id())));
    assert_eq!(processes::look(child.process().pid).unwrap().unwrap().identity, *child.process());
    child.signal_group(Signal::Kill).unwrap();
    ended(&mut child);
    await_end(started);
}

#[test]
fn nothing_outlives_a_worker_that_is_gone() {
    let mut worker = Command::new(std::env::current_exe().unwrap())
        .args(role_args())
        .env(ROLE, "worker")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started: u32 = word(worker.stdout.as_mut().unwrap()).parse().unwrap();
    worker.wait().unwrap();
    await_end(started);
}

#[test]
fn a_child_can_be_told_to_end_where_there_is_a_console() {
    let mut child = spawn(&command("hold")).unwrap();
    word(&mut child.take_output().unwrap());
    // SAFETY: a plain call.
    let console = unsafe { windows_sys::Win32::System::Console::GetConsoleCP() } != 0;
    let told = child.signal_group(Signal::Terminate);
    if std::env::var_os(WINE).is_none() {
        assert_eq!(told.is_ok(), console);
    }
    if told.is_err() || std::env::var_os(WINE).is_some() {
        child.signal_group(Signal::Kill).unwrap();
    }
    ended(&mut child);
    assert!(child.signal_group(Signal::User1).is_ok(), "it has ended");
}

#[test]
fn memory_is_limited() {
    let said = |limit| {
        let mut command = command("eat");
        command.limits.memory = limit;
        word(&mut spawn(&command).unwrap().take_output().unwrap())
    };
    assert_eq!(said(None), "granted");
    if std::env::var_os(WINE).is_none() {
        assert_eq!(said(Some(256 << 20)), "refused");
    }
}

#[test]
fn what_can_not_be_started_says_why() {
    let no_program = ChildCommand { program: "no-such-program".into(), ..command("say") };
    assert!(matches!(spawn(&no_program), Err(SpawnError::NoSuchProgram { .. })));
    let no_directory = ChildCommand { directory: r"C:\no\such\directory".into(), ..command("say") };
    assert!(matches!(spawn(&no_directory), Err(SpawnError::Directory { .. })));
    let text = std::env::temp_dir().join(format!("oneworker-{}.exe", std::process::id()));
    std::fs::write(&text, "no program").unwrap();
    let no_executable = spawn(&ChildCommand { program: text.clone(), ..command("say") });
    std::fs::remove_file(&text).unwrap();
    assert!(matches!(no_executable, Err(SpawnError::NotExecutable { .. })), "{no_executable:?}");
    let limits = ChildLimits { open_files: Some(10), ..ChildLimits::default() };
    let unlimited = spawn(&ChildCommand { limits, ..command("say") });
    assert!(matches!(unlimited, Err(SpawnError::NotPermitted { .. })));
}
