//! The calls below the lock scheme, and an eye on who is in office.

use std::io;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use coordinator::lock_scheme::{LockCalls, Opening, RecordHolder, Sharing};
use coordinator::machine::{
    ClaimAttempt, Directory, ElectionGuard, FileStamp, Locks, OfficeCheck, PendingTenure, Pid, TenureGuard,
    TenureLook,
};

use super::directory::HeldFolder;
use crate::host::Host;
use crate::kernel::CallClass;
use crate::kernel::files::missing;
use crate::kernel::locks::OpenFile;

pub(super) struct SimulatedCalls(pub(super) Host);

pub(super) struct HeldFile {
    host: Host,
    open: OpenFile,
}

impl Drop for HeldFile {
    fn drop(&mut self) {
        self.host.at_once("close", "lock file", |kernel, key| kernel.close(key, self.open));
    }
}

/// A held named lock: its `flock` is let go explicitly.
pub(super) struct Named(HeldFile);

impl Drop for Named {
    fn drop(&mut self) {
        self.0.host.at_once("unlock", "election", |kernel, _| kernel.locks.unlock_flock(self.0.open));
    }
}

#[async_trait]
impl LockCalls for SimulatedCalls {
    type Directory = HeldFolder;
    type File = HeldFile;
    type Named = Named;

    fn me(&self) -> Pid {
        self.0.kernel().process(self.0.key).pid
    }

    async fn open_directory(&self, path: &Path) -> io::Result<HeldFolder> {
        let opened = self
            .0
            .try_call(CallClass::Open, "open directory", "", |kernel, key| {
                let inode = kernel.files.folder_at(path)?;
                Ok((inode, kernel.open(key, inode)))
            })
            .await;
        opened.map(|(inode, open)| HeldFolder { host: self.0.clone(), open, inode })
    }

    async fn stat_path(&self, path: &Path) -> io::Result<Option<FileStamp>> {
        self.0
            .try_call(CallClass::Read, "stat path", "of the directory", |kernel, _| {
                Ok(kernel.files.folder_at(path).ok().map(|inode| kernel.files.stamp(inode)))
            })
            .await
    }

    async fn stat_directory(&self, dir: &HeldFolder) -> io::Result<FileStamp> {
        Ok(self.0.kernel().files.stamp(dir.inode))
    }

    async fn stat_in(&self, dir: &HeldFolder, name: &str) -> io::Result<Option<FileStamp>> {
        dir.stat(name).await
    }

    async fn open_in(&self, dir: &HeldFolder, name: &str, opening: Opening) -> io::Result<Option<HeldFile>> {
        let opened = self
            .0
            .try_call(CallClass::Open, "open", name, |kernel, key| {
                let there = kernel.files.entry(dir.inode, name);
                let inode = match (there, opening) {
                    (None, Opening::Existing) => return Ok(None),
                    (Some(inode), _) => inode,
                    (None, Opening::OrCreate) => {
                        kernel.weather.strike(kernel.process(key).role, CallClass::Write)?;
                        let (fresh, now) = (kernel.new_inode(key), kernel.now);
                        kernel.files.open_or_make(dir.inode, name, fresh, now).ok_or_else(missing)?
                    }
                };
                Ok(Some(kernel.open(key, inode)))
            })
            .await?;
        Ok(opened.map(|open| HeldFile { host: self.0.clone(), open }))
    }

    async fn stat_file(&self, file: &HeldFile) -> io::Result<FileStamp> {
        let mut kernel = self.0.kernel();
        let stamp = kernel.locks.inode(file.open).map(|inode| kernel.files.stamp(inode)).ok_or_else(missing);
        self.0.tell(&mut kernel, "stat", &stamp);
        stamp
    }

    async fn try_record_lock(&self, file: &HeldFile) -> io::Result<bool> {
        self.0
            .try_call(CallClass::Process, "F_SETLK", "worker.lock", |kernel, key| {
                let inode = kernel.locks.inode(file.open).ok_or_else(missing)?;
                Ok(kernel.locks.try_record(inode, key))
            })
            .await
    }

    async fn record_lock_holder(&self, file: &HeldFile) -> io::Result<Option<RecordHolder>> {
        self.0
            .call("F_GETLK", "worker.lock", |kernel, key| {
                let inode = kernel.locks.inode(file.open).ok_or_else(missing)?;
                let holder = kernel.locks.records.get(&inode).copied().filter(|holder| *holder != key);
                Ok(holder.map(|holder| RecordHolder { pid: Some(kernel.process(holder).pid) }))
            })
            .await
    }

    fn unlock_record(&self, file: &HeldFile) {
        self.0.at_once("F_UNLCK", "worker.lock", |kernel, key| {
            if let Some(inode) = kernel.locks.inode(file.open) {
                kernel.locks.unlock_record(inode, key);
            }
        });
    }

    async fn try_flock_directory(&self, dir: &HeldFolder, sharing: Sharing) -> io::Result<bool> {
        self.0.call("flock", "directory", |kernel, _| Ok(kernel.locks.try_flock(dir.open, sharing))).await
    }

    fn unlock_directory(&self, dir: &HeldFolder) {
        self.0.at_once("unlock", "directory", |kernel, _| kernel.locks.unlock_flock(dir.open));
    }

    fn directory_holders(&self, dir: &HeldFolder) -> Vec<Pid> {
        let mut kernel = self.0.kernel();
        let held: Vec<OpenFile> =
            kernel.locks.flocks.get(&dir.inode).into_iter().flatten().map(|(open, _)| *open).collect();
        let holds = |process: &&crate::kernel::processes::Process| {
            process.alive() && process.descriptors.iter().any(|open| held.contains(open))
        };
        let holders: Vec<Pid> = kernel.processes.iter().filter(holds).map(|process| process.pid).collect();
        self.0.tell(&mut kernel, "holders", &format!("{holders:?}"));
        holders
    }

    async fn try_named_lock(&self, path: &Path) -> io::Result<Option<Named>> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let folder = path.parent().unwrap_or(path).to_owned();
        let open = self
            .0
            .try_call(CallClass::Open, "open", &name, |kernel, key| {
                let folder = kernel.files.folder_at(&folder)?;
                let (fresh, now) = (kernel.new_inode(key), kernel.now);
                let inode = kernel.files.open_or_make(folder, &name, fresh, now).ok_or_else(missing)?;
                Ok(kernel.open(key, inode))
            })
            .await?;
        let file = HeldFile { host: self.0.clone(), open };
        let locked = self
            .0
            .call("flock", &name, |kernel, key| {
                let locked = kernel.locks.try_flock(open, Sharing::Exclusive);
                let inode = kernel.locks.inode(open);
                let at_path =
                    kernel.files.folder_at(&folder).ok().and_then(|dir| kernel.files.entry(dir, &name));
                if let Some(inode) = inode.filter(|_| locked) {
                    kernel.guarantees.took_candidate(key, inode, at_path == Some(inode));
                }
                locked
            })
            .await;
        Ok(locked.then_some(Named(file)))
    }

    async fn try_flock_file(&self, file: &HeldFile) -> io::Result<bool> {
        self.0
            .call("flock", "own handle", |kernel, _| {
                Ok(kernel.locks.try_flock(file.open, Sharing::Exclusive))
            })
            .await
    }

    fn unlock_file(&self, file: &HeldFile) {
        self.0.at_once("unlock", "own handle", |kernel, _| kernel.locks.unlock_flock(file.open));
    }
}

/// The shipped scheme, with an eye on who is elected and who is in office.
pub(super) struct WatchedLocks {
    pub(super) host: Host,
    pub(super) scheme: Arc<dyn Locks>,
}

#[async_trait]
impl Locks for WatchedLocks {
    async fn try_elect(&self, dir: &Path, rank: u8) -> io::Result<Option<Box<dyn ElectionGuard>>> {
        let Some(guard) = self.scheme.try_elect(dir, rank).await? else { return Ok(None) };
        let mut kernel = self.host.kernel();
        let now = kernel.now;
        kernel.guarantees.elected(self.host.key, now);
        // Nothing is kept of what was seen up to here, and the first thing that the elected does is to look.
        kernel.may_forget(self.host.key, &format!("elected at {rank}"));
        Ok(Some(Box::new(WatchedElection { watch: ElectionWatch(self.host.clone()), guard })))
    }

    async fn look(&self, dir: &Path) -> io::Result<TenureLook> {
        self.scheme.look(dir).await
    }

    async fn try_claim(&self, dir: &Path) -> io::Result<ClaimAttempt> {
        Ok(watched(&self.host, self.scheme.try_claim(dir).await?))
    }
}

fn watched(host: &Host, attempt: ClaimAttempt) -> ClaimAttempt {
    match attempt {
        ClaimAttempt::Won(office) => {
            host.kernel().took_office(host.key);
            ClaimAttempt::Won(Box::new(WatchedOffice { watch: Arc::new(Watch(host.clone())), office }))
        }
        ClaimAttempt::DirectoryBusy(pending) => {
            ClaimAttempt::DirectoryBusy(Box::new(WatchedPending { host: host.clone(), pending }))
        }
        held @ ClaimAttempt::Held { .. } => held,
    }
}

struct WatchedElection {
    // The order matters: fields are dropped from the first to the last.
    watch: ElectionWatch,
    guard: Box<dyn ElectionGuard>,
}

struct ElectionWatch(Host);

impl Drop for ElectionWatch {
    fn drop(&mut self) {
        self.0.kernel().guarantees.election_over(self.0.key);
    }
}

impl ElectionGuard for WatchedElection {
    fn rank(&self) -> u8 {
        let _elected = &self.watch;
        self.guard.rank()
    }
}

struct WatchedPending {
    host: Host,
    pending: Box<dyn PendingTenure>,
}

#[async_trait]
impl PendingTenure for WatchedPending {
    async fn retry(self: Box<Self>) -> io::Result<ClaimAttempt> {
        let Self { host, pending } = *self;
        Ok(watched(&host, pending.retry().await?))
    }

    fn holders(&self) -> Vec<Pid> {
        self.pending.holders()
    }
}

/// Dropped before the office itself: from then on this process claims nothing.
struct Watch(Host);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.at_once("leave office", "", |kernel, key| {
            let now = kernel.now;
            kernel.guarantees.left_office(key, now);
        });
    }
}

struct WatchedOffice {
    // The order matters: fields are dropped from the first to the last.
    watch: Arc<Watch>,
    office: Box<dyn TenureGuard>,
}

#[async_trait]
impl TenureGuard for WatchedOffice {
    async fn check(&self) -> io::Result<OfficeCheck> {
        let _in_office = &self.watch;
        self.office.check().await
    }

    fn directory(&self) -> &dyn Directory {
        self.office.directory()
    }
}
