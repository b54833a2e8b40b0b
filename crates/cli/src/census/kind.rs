//! What each process is to an identity.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use coordinator::machine::Pid;
use coordinator::tree::Marker;
use serde::Serialize;

use super::{Census, Facts, Strays, ancestors, descendants, has_tenure, holds};

/// What a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProcessKind {
    /// In office, and serves itself.
    Worker,
    /// In office, with a command that serves in its place.
    Supervisor,
    /// Above the one in office, to end what it leaves behind.
    Guardian,
    /// The command that serves.
    Command,
    /// Anything else of the tenure's tree.
    Helper,
    /// A session with a lease.
    Session,
    /// Looks like the worker's program, and belongs to no tenure.
    Stray,
}

impl ProcessKind {
    /// In a word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Supervisor => "supervisor",
            Self::Guardian => "guardian",
            Self::Command => "command",
            Self::Helper => "helper",
            Self::Session => "session",
            Self::Stray => "stray",
        }
    }
}

/// Who is in office of an identity, and what is the identity's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tenant {
    pub(crate) holder: Option<Pid>,
    pub(crate) guardian: Option<Pid>,
    pub(crate) service: Option<Pid>,
    /// The processes of sessions with a lease.
    pub(crate) sessions: HashSet<Pid>,
    /// Its database and log.
    pub(crate) files: Vec<PathBuf>,
    /// Its port, if that is no free one.
    pub(crate) port: Option<u16>,
}

/// What a process is, and for a stray the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Classified {
    pub(crate) kind: ProcessKind,
    pub(crate) why: Option<String>,
    /// Of a stray: whether it is one that does what the worker does, and no helper.
    pub(crate) daemon: bool,
}

impl Classified {
    fn plain(kind: ProcessKind) -> Self {
        Self { kind, why: None, daemon: false }
    }
}

/// Returns the processes that belong to the tenure.
pub(crate) fn classify(census: &Census, tenant: &Tenant) -> HashMap<Pid, Classified> {
    let mut classified = HashMap::new();
    classified.extend(tenant.sessions.iter().map(|pid| (*pid, Classified::plain(ProcessKind::Session))));
    for root in tenant.guardian.iter().chain(&tenant.holder) {
        classified.extend(
            descendants(&census.parents, *root)
                .into_iter()
                .map(|pid| (pid, Classified::plain(ProcessKind::Helper))),
        );
    }
    if let Some(service) = tenant.service {
        classified.insert(service, Classified::plain(ProcessKind::Command));
        let below = descendants(&census.parents, service);
        classified.extend(below.into_iter().map(|pid| (pid, Classified::plain(ProcessKind::Command))));
    }
    classified.extend(tenant.guardian.map(|pid| (pid, Classified::plain(ProcessKind::Guardian))));
    let in_office = if tenant.service.is_some() { ProcessKind::Supervisor } else { ProcessKind::Worker };
    classified.extend(tenant.holder.map(|pid| (pid, Classified::plain(in_office))));
    classified.retain(|pid, _| census.mine.contains_key(pid));
    classified
}

/// The strays: what looks like the worker's program, by the patterns, and is in nobody's tree. `known` are those that belong to a tenure.
pub(crate) fn strays(
    census: &Census,
    patterns: &Strays,
    tenants: &[Tenant],
    known: &HashSet<Pid>,
    me: Pid,
) -> HashMap<Pid, Classified> {
    if *patterns == Strays::default() {
        return HashMap::new();
    }
    let mut kin = ancestors(&census.parents, me);
    kin.insert(me);
    kin.extend(in_tenures(census));
    // Whoever has a tenure's mark is that tenure's, or its successor's to end.
    let unmanaged = |facts: &Facts| facts.variable(Marker::VARIABLE).is_none();
    let candidates = || {
        census
            .mine
            .iter()
            .filter(|(pid, facts)| !known.contains(pid) && !kin.contains(pid) && unmanaged(facts))
    };
    let mut found = HashMap::new();
    for (pid, facts) in candidates() {
        let pattern =
            patterns.worker.iter().find(|pattern| pattern.matches(&facts.program, &facts.arguments));
        if let Some(pattern) = pattern {
            let mut why = vec![format!("it is a {:?}", pattern.words())];
            why.extend(tenants.iter().flat_map(|tenant| evidence(*pid, facts, tenant)));
            found.insert(
                *pid,
                Classified { kind: ProcessKind::Stray, why: Some(why.join(", ")), daemon: true },
            );
        }
    }
    let daemons: HashSet<Pid> = found.keys().copied().collect();
    for (pid, facts) in candidates() {
        let pattern =
            patterns.helper.iter().find(|pattern| pattern.matches(&facts.program, &facts.arguments));
        let Some(pattern) = pattern.filter(|_| !daemons.contains(pid)) else { continue };
        let above = ancestors(&census.parents, *pid);
        let of = daemons.iter().copied().find(|daemon| above.contains(daemon));
        let origin = match of {
            Some(daemon) => format!("of the stray {daemon}"),
            None if is_orphan(census, facts) => "whose daemon is gone".to_owned(),
            None => continue,
        };
        let why = format!("it is a {:?} {origin}", pattern.words());
        found.insert(*pid, Classified { kind: ProcessKind::Stray, why: Some(why), daemon: false });
    }
    found
}

/// Whether it belongs to a tenure of any identity: by descent, or by the mark that all have that a tenure starts.
pub(crate) fn is_managed(census: &Census, pid: Pid) -> bool {
    let marked = census.mine.get(&pid).is_some_and(|facts| facts.variable(Marker::VARIABLE).is_some());
    marked || in_tenures(census).contains(&pid)
}

/// Who is in office of any identity, wherever its directory is, with the guardian above and all that comes from it.
fn in_tenures(census: &Census) -> HashSet<Pid> {
    let mut found = HashSet::new();
    for (pid, facts) in census.mine.iter().filter(|(pid, _)| has_tenure(**pid)) {
        let parent = facts.parent.and_then(|parent| census.mine.get(&parent));
        let guardian =
            parent.filter(|parent| parent.program == facts.program && parent.arguments == facts.arguments);
        found.insert(*pid);
        found.extend(descendants(&census.parents, *pid));
        found.extend(guardian.map(|guardian| guardian.identity.pid));
    }
    found
}

/// Whether it has lost its parent: to the first process, or to one that takes in orphans in a session or container.
fn is_orphan(census: &Census, facts: &Facts) -> bool {
    const TAKE_IN: [&str; 6] = ["systemd", "init", "launchd", "tini", "dumb-init", "docker-init"];
    facts.parent.is_none_or(|parent| {
        parent.0 <= 1 || census.names.get(&parent).is_some_and(|name| TAKE_IN.contains(&name.as_str()))
    })
}

/// What it has of the identity's.
fn evidence(pid: Pid, facts: &Facts, tenant: &Tenant) -> Vec<String> {
    let files: Vec<_> = tenant.files.iter().map(PathBuf::as_path).collect();
    let files = holds(pid, &files).into_iter().map(|file| format!("has {} open", file.display()));
    let port = tenant.port.filter(|port| facts.ports.contains(port)).map(|port| format!("has port {port}"));
    files.chain(port).collect()
}
