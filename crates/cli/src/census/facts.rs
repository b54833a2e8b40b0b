//! What can be seen of the processes of this user.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use coordinator::machine::{Activity, Pid, ProcessIdentity, Processes};
use sysinfo::{Process, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

/// A process.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// Which one.
    pub(crate) identity: ProcessIdentity,
    pub(crate) parent: Option<Pid>,
    pub(crate) activity: Activity,
    pub(crate) traced: bool,
    /// The program that it executes.
    pub(crate) program: PathBuf,
    /// Its arguments, without its own name.
    pub(crate) arguments: Vec<String>,
    /// Its environment, as it was started with: `NAME=VALUE`.
    pub(crate) environment: Vec<String>,
    /// What it has in memory, in bytes.
    pub(crate) memory: u64,
    pub(crate) cpu_time: Duration,
    pub(crate) age: Duration,
    /// The TCP ports that it listens on.
    pub(crate) ports: Vec<u16>,
}

impl Facts {
    /// How much of one CPU it has had in its life, in per cent, as ps(1) has it.
    pub(crate) fn cpu_percent(&self) -> f64 {
        let age = self.age.as_secs_f64();
        if age > 0.0 { 100.0 * self.cpu_time.as_secs_f64() / age } else { 0.0 }
    }

    /// The program's file name, for people.
    pub(crate) fn name(&self) -> String {
        self.program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// The value of a variable of its environment.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.iter().find_map(|variable| variable.strip_prefix(name)?.strip_prefix('='))
    }
}

/// The living processes of this user, and who is whose parent among all.
#[derive(Debug, Default)]
pub(crate) struct Census {
    /// By pid.
    pub(crate) mine: HashMap<Pid, Facts>,
    /// Of everybody, as far as it can be seen.
    pub(crate) parents: HashMap<Pid, Pid>,
    /// The names of everybody's programs.
    pub(crate) names: HashMap<Pid, String>,
}

impl Census {
    /// Looks around.
    ///
    /// # Errors
    /// If nothing can be seen of any process.
    pub(crate) async fn take(processes: &dyn Processes) -> io::Result<Self> {
        let mut system = System::new();
        let nothing = ProcessRefreshKind::nothing().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, nothing);
        let mut before = HashMap::new();
        for pid in system.processes().keys().map(|pid| Pid(pid.as_u32())) {
            if let Ok(Some(info)) = processes.look(pid).await {
                before.insert(pid, info.identity);
            }
        }
        let all = nothing
            .with_memory()
            .with_user(UpdateKind::Always)
            .with_exe(UpdateKind::Always)
            .with_cmd(UpdateKind::Always)
            .with_environ(UpdateKind::Always);
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, all);
        let me = processes.me().pid;
        let user = system.process(sysinfo::Pid::from_u32(me.0)).and_then(Process::user_id).cloned();
        if user.is_none() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the system shows no processes"));
        }
        let mut ports = ports();
        let mut census = Self::default();
        for (pid, process) in system.processes() {
            let pid = Pid(pid.as_u32());
            census.names.insert(pid, process.name().to_string_lossy().into_owned());
            let parent = process.parent().map(|parent| Pid(parent.as_u32()));
            census.parents.extend(parent.map(|parent| (pid, parent)));
            let effective = process.effective_user_id().or(process.user_id());
            if process.user_id() != user.as_ref() || effective != user.as_ref() {
                continue;
            }
            // A pid may have gone to another process in between: facts are of the one that it was before and after.
            let Ok(Some(info)) = processes.look(pid).await else { continue };
            if before.get(&pid) != Some(&info.identity) || info.activity == Activity::Zombie {
                continue;
            }
            let text = |text: &std::ffi::OsString| text.to_string_lossy().into_owned();
            let facts = Facts {
                identity: info.identity,
                parent,
                activity: info.activity,
                traced: info.traced_by.is_some(),
                program: program(process),
                arguments: process.cmd().iter().skip(1).map(text).collect(),
                environment: process.environ().iter().map(text).collect(),
                memory: process.memory(),
                cpu_time: info.cpu_time,
                age: age(process.start_time()),
                ports: ports.remove(&pid).unwrap_or_default(),
            };
            census.mine.insert(pid, facts);
        }
        Ok(census)
    }
}

/// Where a process works, if it can be seen.
pub(crate) fn working_dir(pid: Pid) -> Option<PathBuf> {
    let mut system = System::new();
    let wanted = ProcessRefreshKind::nothing().without_tasks().with_cwd(UpdateKind::Always);
    let pid = sysinfo::Pid::from_u32(pid.0);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, wanted);
    system.process(pid)?.cwd().map(PathBuf::from)
}

/// The program; Linux marks the path of one that has been replaced, as by an upgrade.
fn program(process: &Process) -> PathBuf {
    let path = process.exe().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    PathBuf::from(path.strip_suffix(" (deleted)").unwrap_or(&path))
}

fn age(started: u64) -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(Duration::from_secs(started))
}

/// Who listens where.
fn ports() -> HashMap<Pid, Vec<u16>> {
    let mut ports: HashMap<Pid, Vec<u16>> = HashMap::new();
    for listener in listeners::get_all().into_iter().flatten() {
        // It shows connections too.
        if listener.protocol == listeners::Protocol::TCP && listener.state == listeners::SocketState::Listen {
            ports.entry(Pid(listener.process.pid)).or_default().push(listener.socket.port());
        }
    }
    for ports in ports.values_mut() {
        ports.sort_unstable();
        ports.dedup();
    }
    ports
}
