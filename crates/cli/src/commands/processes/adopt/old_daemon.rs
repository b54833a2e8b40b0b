//! Which daemon: the one that has the identity's port. A bystander, another user's, and what belongs to a tenure are refused.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use coordinator::machine::{Machine, Pid, ProcessIdentity};
use coordinator::{EnsureError, PortChoice};
use serde_json::{Value, json};

use super::super::choice::health_status;
use super::super::ending::lives;
use super::super::rows::{Row, row_of};
use super::super::view::View;
use crate::census::{Classified, ProcessKind, ancestors, descendants, is_managed, working_dir};
use crate::explain::quoted;
use crate::failure::Failure;
use crate::request::Request;

/// How long a connection to the port may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// A daemon that can be replaced.
pub(super) struct OldDaemon {
    pub(super) identity: ProcessIdentity,
    pub(super) row: Row,
    pub(super) port: u16,
    pub(super) arguments: Vec<String>,
    pub(super) directory: Option<String>,
    /// What it answers to `GET /health` on the port, if that is HTTP.
    pub(super) status: Option<u16>,
    /// What came from it.
    below: HashSet<ProcessIdentity>,
}

impl OldDaemon {
    /// Finds it. `named` is the process that was asked for.
    pub(super) fn find(machine: &Machine, request: &Request, named: Option<u32>) -> Result<Self, Failure> {
        let PortChoice::Fixed(port) = request.settings.port.value else {
            let message = "with any free port there is none to take over".to_owned();
            return Err(usage(message, "Name the port that the daemon has with --port."));
        };
        let port = port.get();
        let view = View::take(machine, request)?;
        if let Some(holder) = view.identities.first().and_then(|identity| identity.tenant.holder) {
            return Err(in_office(request, Some(holder)));
        }
        let holders: Vec<Pid> = view
            .census
            .mine
            .iter()
            .filter(|(_, facts)| facts.ports.contains(&port))
            .map(|(pid, _)| *pid)
            .collect();
        let pid = match named.map(Pid) {
            Some(pid) => the_named(&view, request, pid, port, &holders)?,
            None => the_only_stray(machine, &view, request, port, &holders)?,
        };
        refuse_managed(machine, &view, request, pid)?;
        let named = Classified { kind: ProcessKind::Stray, why: None, daemon: true };
        let classified = view.strays.get(&pid).unwrap_or(&named);
        let (Some(facts), Some(row)) = (view.census.mine.get(&pid), row_of(&view, pid, classified)) else {
            return Err(usage(
                format!("there is no process {pid} of this user"),
                "`oneworker ps` shows who is there.",
            ));
        };
        let below = descendants(&view.census.parents, pid);
        let below =
            below.iter().filter_map(|pid| Some(view.census.mine.get(pid)?.identity.clone())).collect();
        Ok(Self {
            identity: facts.identity.clone(),
            row,
            port,
            arguments: facts.arguments.clone(),
            directory: working_dir(pid).map(|dir| dir.to_string_lossy().into_owned()),
            status: health_status(port),
            below,
        })
    }

    /// The line that starts it again.
    pub(super) fn by_hand(&self) -> String {
        let program = std::iter::once(self.row.program.clone());
        let line = shell_words(&program.chain(self.arguments.iter().cloned()).collect::<Vec<_>>());
        match &self.directory {
            Some(directory) => format!("cd {} && {line}", quoted(directory)),
            None => line,
        }
    }

    /// The failure, with what brings back what was there before.
    pub(super) fn can_be_started_again(&self, failure: Failure) -> Failure {
        let Failure { help, mut fields, .. } = failure;
        fields.insert("daemon_pid".to_owned(), json!(self.row.pid));
        fields.insert("daemon_command".to_owned(), self.command());
        fields.insert("daemon_directory".to_owned(), json!(self.directory));
        let help = format!(
            "{help} The daemon that had the port was ended; to have it back, with the variables that it needs: {}",
            self.by_hand()
        );
        Failure { help, fields, ..failure }
    }

    fn command(&self) -> Value {
        let words: Vec<&String> = std::iter::once(&self.row.program).chain(&self.arguments).collect();
        json!(words)
    }

    /// Why nothing was done after all.
    pub(super) fn is_another(&self, now: &Self) -> Failure {
        let message =
            format!("process {} has the port now, and no longer process {}", now.row.pid, self.row.pid);
        usage(message, "Nothing was done. Run the command again, to see what would be done now.")
    }

    /// How many of those that came from it live on.
    pub(super) fn left(&self, machine: &Machine, request: &Request) -> usize {
        let left = request.block_on(async {
            let mut left = 0;
            for process in &self.below {
                left += usize::from(lives(machine, process).await);
            }
            Ok::<_, EnsureError>(left)
        });
        // It is told for convenience only.
        left.unwrap_or_default()
    }
}

/// As a shell takes them.
pub(super) fn shell_words(command: &[String]) -> String {
    command.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A worker is there already.
pub(super) fn in_office(request: &Request, holder: Option<Pid>) -> Failure {
    let who = holder.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
    let help = format!(
        "Nothing was done. {} ends daemons beside the worker, and {} replaces the worker.",
        request.words.command("reap"),
        request.words.command("restart")
    );
    Failure::plain("already_running", format!("a worker of this identity is in office{who}"), help)
}

fn the_named(view: &View, request: &Request, pid: Pid, port: u16, holders: &[Pid]) -> Result<Pid, Failure> {
    if !view.census.mine.contains_key(&pid) {
        return Err(usage(
            format!("there is no process {pid} of this user"),
            "Another user's daemon is for that user to replace.",
        ));
    }
    if !holders.contains(&pid) {
        let who = match holders {
            [] => "nobody of this user has".to_owned(),
            holders => format!("process {} has", list(holders)),
        };
        let help = format!(
            "Nothing was done: who does not have the port would not make room for the worker. {} ends daemons that nobody needs.",
            request.words.command("reap")
        );
        return Err(usage(format!("process {pid} does not have port {port}; {who}"), &help));
    }
    Ok(pid)
}

fn the_only_stray(
    machine: &Machine,
    view: &View,
    request: &Request,
    port: u16,
    holders: &[Pid],
) -> Result<Pid, Failure> {
    let is_stray = |pid: &&Pid| view.strays.get(*pid).is_some_and(|told| told.daemon);
    let mut strays: Vec<Pid> = holders.iter().filter(is_stray).copied().collect();
    // Of those that share the socket, the one that the others come from.
    let all = strays.clone();
    strays.retain(|pid| !ancestors(&view.census.parents, *pid).iter().any(|above| all.contains(above)));
    match strays[..] {
        [pid] => Ok(pid),
        [] => Err(nobody(machine, view, request, port, holders)),
        _ => Err(usage(
            format!("several daemons have port {port}: {}", list(&strays)),
            "Nothing was done. Name the one that is to be replaced.",
        )),
    }
}

/// Why there is none: nobody has the port, or somebody who is no daemon of this kind.
fn nobody(machine: &Machine, view: &View, request: &Request, port: u16, holders: &[Pid]) -> Failure {
    if let Some(pid) = holders.first() {
        if let Err(refused) = refuse_managed(machine, view, request, *pid) {
            return refused;
        }
        let program = view.census.mine.get(pid).map(crate::census::Facts::name);
        let program = program.as_deref().unwrap_or("?");
        let message = format!(
            "port {port} is held by {program} (pid {pid}), which is nothing that [strays] in the configuration describes"
        );
        let help = format!(
            "Nothing was done. If this is the daemon, name it: {}; if not, stop it or use another port.",
            request.words.command(&format!("adopt {pid}"))
        );
        return port_taken(message, help, port, Some((*pid, program)));
    }
    let owner = request.block_on(async { Ok(machine.network.owner(port).await) });
    if let Ok(Some(owner)) = owner {
        let message = format!("port {port} is held by {} (pid {}) of another user", owner.program, owner.pid);
        let help =
            "Nothing was done. Another user's daemon is for that user to replace; or use another port.";
        return port_taken(message, help.to_owned(), port, Some((owner.pid, &owner.program)));
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let refused = TcpStream::connect_timeout(&address, PATIENCE)
        .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused);
    if !refused {
        let message = format!(
            "port {port} is held by somebody who can't be seen from here, as another user's processes can't"
        );
        let help =
            "Nothing was done. Another user's daemon is for that user to replace; or use another port.";
        return port_taken(message, help.to_owned(), port, None);
    }
    let help = format!("There is nothing to replace: {} starts the worker.", request.words.command("ensure"));
    Failure::plain("not_running", format!("nobody has port {port}"), help)
}

fn port_taken(message: String, help: String, port: u16, who: Option<(Pid, &str)>) -> Failure {
    let mut failure = Failure::plain("port_taken", message, help);
    failure.fields.insert("port".to_owned(), json!(port));
    failure.fields.insert("pid".to_owned(), json!(who.map(|(pid, _)| pid.0)));
    failure.fields.insert("program".to_owned(), json!(who.map(|(_, program)| program)));
    failure
}

/// A worker's, a debugger's, and whatever this command itself comes from are left alone.
fn refuse_managed(machine: &Machine, view: &View, request: &Request, pid: Pid) -> Result<(), Failure> {
    let of = view.identities.iter().find(|identity| identity.members.contains_key(&pid));
    if of.is_some() || is_managed(&view.census, pid) {
        let whose =
            of.map_or("another identity".to_owned(), |identity| format!("the identity {:?}", identity.name));
        let message = format!("process {pid} belongs to a worker of {whose}");
        let help = "Nothing was done. It is managed already: `oneworker stop` with its --name or --state-dir ends it.";
        return Err(usage(message, help));
    }
    let me = machine.processes.me().pid;
    if pid == me || ancestors(&view.census.parents, me).contains(&pid) {
        return Err(usage(
            format!("this command comes from process {pid}, and would end with it"),
            "Nothing was done. Run it from another terminal.",
        ));
    }
    let tracer = request.block_on(async { Ok(machine.processes.look(pid).await.ok().flatten()) })?;
    if let Some(tracer) = tracer.and_then(|info| info.traced_by) {
        let message = format!("a debugger (pid {tracer}) has process {pid}");
        let help = "Nothing was done. End the debugger, and run the command again.".to_owned();
        let mut failure = Failure::plain("under_debugger", message, help);
        failure.fields.insert("pid".to_owned(), json!(pid.0));
        failure.fields.insert("tracer".to_owned(), json!(tracer.0));
        return Err(failure);
    }
    Ok(())
}

fn usage(message: String, help: &str) -> Failure {
    Failure::plain("usage", message, help.to_owned())
}

fn list(pids: &[Pid]) -> String {
    let mut pids: Vec<u32> = pids.iter().map(|pid| pid.0).collect();
    pids.sort_unstable();
    pids.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}
