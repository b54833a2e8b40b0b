//! What there is to see: who is in office of which identity, and all processes of this user.

use std::collections::{HashMap, HashSet};

use coordinator::lifecycle::{EventKind, read_history};
use coordinator::machine::{Machine, Pid};
use coordinator::{
    EnsureError, EnsureRequest, Name, PortChoice, Sight, WorkerId, default_state_dir, inspect, layout,
};
use worker::client::Client;

use super::super::condition::{WorkerCondition, record_in_office};
use crate::census::{Census, Classified, Tenant, classify, strays};
use crate::config::{Setting, Settings, Source};
use crate::failure::Failure;
use crate::from_settings::ensure_request;
use crate::request::Request;

/// An identity, with who is in office.
pub(super) struct Identity {
    pub(super) name: String,
    pub(super) tenant: Tenant,
    pub(super) state: WorkerCondition,
    pub(super) epoch: Option<u64>,
    pub(super) version: Option<String>,
    /// The session that launched it, if the history knows.
    pub(super) launched_by: Option<Pid>,
    /// The processes that belong to it.
    pub(super) members: HashMap<Pid, Classified>,
}

/// All of it.
pub(super) struct View {
    pub(super) census: Census,
    /// The one that was asked for comes first.
    pub(super) identities: Vec<Identity>,
    pub(super) strays: HashMap<Pid, Classified>,
}

impl View {
    /// Looks around. Other identities are always looked at: what belongs to one of them is no stray.
    pub(super) fn take(machine: &Machine, request: &Request) -> Result<Self, Failure> {
        let others = others(&request.settings);
        request.block_on(async {
            let hidden = |source| EnsureError::NotPermitted { what: "look at the processes", source };
            let mut identities = vec![identity(machine, &request.ensure, &request.settings).await?];
            for settings in &others {
                let Ok(ensure) = ensure_request(settings, false) else { continue };
                // One that can't be looked at keeps nobody from looking at the rest.
                identities.extend(identity(machine, &ensure, settings).await);
            }
            let census = Census::take(&*machine.processes).await.map_err(hidden)?;
            for identity in &mut identities {
                identity.members = classify(&census, &identity.tenant);
            }
            let known: HashSet<Pid> =
                identities.iter().flat_map(|identity| identity.members.keys().copied()).collect();
            let tenants: Vec<Tenant> = identities.iter().map(|identity| identity.tenant.clone()).collect();
            let me = machine.processes.me().pid;
            let strays = strays(&census, &request.settings.strays.value, &tenants[..1], &known, me);
            Ok(Self { census, identities, strays })
        })
    }
}

/// The other identities below the usual directory.
fn others(settings: &Settings) -> Vec<Settings> {
    let Some(root) =
        default_state_dir(&settings.name.value).ok().and_then(|dir| Some(dir.parent()?.to_owned()))
    else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&root).into_iter().flatten().flatten() {
        let (dir, name) = (entry.path(), entry.file_name());
        let Some(name) = name.to_str().and_then(|name| name.parse::<Name>().ok()) else { continue };
        if dir == settings.state_dir.value || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let mut other = settings.clone();
        other.database = Setting { value: dir.join(layout::WORKER_DB), source: Source::Default };
        other.name = Setting { value: name, source: Source::Default };
        other.state_dir = Setting { value: dir, source: Source::Default };
        other.port = Setting { value: PortChoice::default(), source: Source::Default };
        found.push(other);
    }
    found.sort_by(|a, b| a.name.value.as_str().cmp(b.name.value.as_str()));
    found
}

async fn identity(
    machine: &Machine,
    ensure: &EnsureRequest,
    settings: &Settings,
) -> Result<Identity, EnsureError> {
    let limit = ensure.deadline();
    let sight = tokio::time::timeout(limit, inspect(machine, ensure.id(), limit))
        .await
        .map_err(|_| EnsureError::TimedOut { phase: "looking at the worker", waited: limit })??;
    let (state, record) = (WorkerCondition::of(&sight), record_in_office(&sight));
    let guardian = match record.and_then(|record| record.guardian.as_ref()) {
        // Its pid may be anybody's if it is gone.
        Some(guardian) => machine
            .processes
            .look(guardian.pid)
            .await
            .ok()
            .flatten()
            .filter(|info| info.identity == *guardian),
        None => None,
    };
    let guardian = guardian.map(|info| info.identity.pid);
    let holder = holder(&sight);
    let leases = if state == WorkerCondition::Ready {
        Client::new(ensure).sessions().await.unwrap_or_default()
    } else {
        Vec::new()
    };
    let service =
        sight.health.as_ref().map_or(record.and_then(|record| record.service), |health| health.service);
    let port = match settings.port.value {
        PortChoice::Fixed(port) => Some(port.get()),
        _ => None,
    };
    Ok(Identity {
        name: settings.name.value.to_string(),
        state,
        epoch: record.and_then(|record| record.epoch).map(|epoch| epoch.0),
        version: record.map(|record| record.version.to_string()),
        launched_by: holder.and_then(|holder| launched_by(ensure.id(), holder, guardian)),
        tenant: Tenant {
            holder,
            guardian,
            service: service.filter(|_| sight.in_office).map(|service| service.pid),
            sessions: leases.into_iter().filter_map(|lease| lease.pid).collect(),
            files: vec![settings.database.value.clone(), ensure.id().log_file()],
            port,
        },
        members: HashMap::new(),
    })
}

fn holder(sight: &Sight) -> Option<Pid> {
    sight.holder.or(record_in_office(sight).map(|record| record.process.pid)).filter(|_| sight.in_office)
}

/// By the history: what is launched is the guardian, where there is one.
fn launched_by(id: &WorkerId, holder: Pid, guardian: Option<Pid>) -> Option<Pid> {
    let is_its = |pid: Option<Pid>| pid.is_some() && (pid == Some(holder) || pid == guardian);
    let events = read_history(id.state_dir(), 100).ok()?;
    let launched =
        events.iter().rev().find(|event| event.kind == EventKind::Launched && is_its(event.worker))?;
    Some(launched.noted_by)
}
