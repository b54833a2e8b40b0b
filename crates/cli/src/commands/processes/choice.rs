//! Which of the strays are to end, and which stay: never one that serves somebody, if that can be told.

use std::collections::{BTreeMap, HashSet};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use coordinator::machine::{Activity, Pid};

use super::view::View;
use crate::census::{Facts, connections, descendants};

/// How long one that is asked on its port may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// What becomes of the strays, by pid, with the reason.
#[derive(Debug, Default)]
pub(super) struct Choice {
    pub(super) end: BTreeMap<Pid, String>,
    pub(super) keep: BTreeMap<Pid, String>,
}

/// Chooses. `wanted` are those that are kept by wish.
pub(super) fn choose(view: &View, wanted: &[Pid]) -> Choice {
    let mut choice = Choice::default();
    for pid in wanted.iter().filter(|pid| view.strays.contains_key(pid)) {
        choice.keep.insert(*pid, "as --keep says".to_owned());
    }
    let in_office = view.identities.first().is_some_and(|identity| identity.tenant.holder.is_some());
    if wanted.is_empty()
        && !in_office
        && let Some((pid, port)) = newest_healthy(view)
    {
        choice
            .keep
            .insert(pid, format!("nobody is in office, and it is the newest that answers, on port {port}"));
    }
    let mut legitimate: HashSet<Pid> = wanted.iter().copied().collect();
    legitimate.extend(choice.keep.keys());
    let below: Vec<Pid> = legitimate.iter().flat_map(|pid| descendants(&view.census.parents, *pid)).collect();
    legitimate.extend(below);
    if let Some(identity) = view.identities.first() {
        legitimate.extend(identity.members.keys());
    }
    let served = connections(&legitimate);
    for (pid, told) in &view.strays {
        let Some(facts) = view.census.mine.get(pid).filter(|_| !choice.keep.contains_key(pid)) else {
            continue;
        };
        match reason_to_stay(*pid, facts, told.daemon, &legitimate, served.as_ref()) {
            Some(why) => choice.keep.insert(*pid, why),
            None => choice.end.insert(*pid, told.why.clone().unwrap_or_default()),
        };
    }
    choice
}

fn reason_to_stay(
    pid: Pid,
    facts: &Facts,
    daemon: bool,
    legitimate: &HashSet<Pid>,
    served: Option<&HashSet<u16>>,
) -> Option<String> {
    if legitimate.contains(&pid) {
        return Some("it comes from one that stays".to_owned());
    }
    if facts.traced {
        return Some("a debugger has it".to_owned());
    }
    // Two daemons are two too many, whoever talks to them; a helper that is shared is not.
    if daemon || facts.ports.is_empty() {
        return None;
    }
    match served {
        Some(served) => facts
            .ports
            .iter()
            .any(|port| served.contains(port))
            .then(|| "one that stays is connected to it".to_owned()),
        None => Some("it listens, and whether one that stays needs it can't be seen here".to_owned()),
    }
}

/// The daemon that started last of those that answer on a port of theirs.
fn newest_healthy(view: &View) -> Option<(Pid, u16)> {
    let daemons = view.strays.iter().filter(|(_, told)| told.daemon);
    let mut facts: Vec<&Facts> = daemons.filter_map(|(pid, _)| view.census.mine.get(pid)).collect();
    facts.retain(|facts| facts.activity == Activity::Alive);
    // A boot's start times grow.
    facts.sort_by_key(|facts| std::cmp::Reverse((facts.identity.start_time.0, facts.identity.pid)));
    facts.into_iter().find_map(|facts| {
        let port = facts.ports.iter().copied().find(|port| answers(*port))?;
        Some((facts.identity.pid, port))
    })
}

/// Whether who listens there answers HTTP, and not with a failure of its own.
fn answers(port: u16) -> bool {
    health_status(port).is_some_and(|status| status < 500)
}

/// The HTTP status with which who listens there answers a `GET` of `/health`.
pub(super) fn health_status(port: u16) -> Option<u16> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    let host = format!("GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(host.as_bytes()).ok()?;
    // `HTTP/1.1 200`
    let mut head = [0; 12];
    stream.read_exact(&mut head).ok()?;
    str::from_utf8(&head).ok()?.strip_prefix("HTTP/1.")?.get(2..)?.parse().ok()
}
