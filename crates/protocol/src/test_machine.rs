//! A machine for the unit tests of this crate: time, random bytes and files of the real one, this process, and nothing else. What needs locks,
//! processes or a network is tested on the simulated machine, and on the real one.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;

use crate::machine::{
    Activity, BootId, BoundPort, ClaimAttempt, Clock, ElectionGuard, FileStamp, Files, LaunchError, Launched,
    Launcher, Locks, Machine, Moment, Network, NoHistory, Pid, PortOwner, ProbeAnswer, ProcessIdentity,
    ProcessInfo, Processes, Random, Signal, SignalOutcome, StartTime, Surroundings, TenureLook,
};
use crate::machine::{HandOver, HandOverReply};
use crate::proof::Challenge;
use crate::request::EnsureRequest;

/// This machine.
pub(crate) fn machine() -> Machine {
    Machine {
        clock: Arc::new(TestClock(Instant::now())),
        files: Arc::new(TestFiles),
        locks: Arc::new(Nothing),
        processes: Arc::new(OnlyThisOne),
        launcher: Arc::new(Nothing),
        network: Arc::new(Nothing),
        random: Arc::new(TestRandom),
        history: Arc::new(NoHistory),
    }
}

struct TestClock(Instant);

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Moment {
        // Old enough for a moment to lie an hour before it.
        Moment { nanos: 0 } + self.0.elapsed() + Duration::from_secs(24 * 3600)
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn boot_id(&self) -> BootId {
        BootId("this boot".to_owned())
    }

    async fn sleep(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }

    fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        let _ = TestRandom.fill(&mut bytes);
        u64::from_ne_bytes(bytes)
    }
}

struct TestRandom;

impl Random for TestRandom {
    fn fill(&self, bytes: &mut [u8]) -> io::Result<()> {
        use std::hash::{BuildHasher, RandomState};
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&RandomState::new().hash_one(0).to_ne_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

struct TestFiles;

fn missing_is_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[async_trait]
impl Files for TestFiles {
    async fn prepare(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    async fn check(&self, dir: &Path) -> io::Result<()> {
        if fs::metadata(dir)?.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    async fn read(&self, dir: &Path, name: &str, limit: usize) -> io::Result<Option<Vec<u8>>> {
        Ok(missing_is_none(fs::read(dir.join(name)))?.filter(|bytes| bytes.len() <= limit))
    }

    async fn stat(&self, dir: &Path, name: &str) -> io::Result<Option<FileStamp>> {
        let found = missing_is_none(fs::metadata(dir.join(name)))?;
        Ok(found.map(|file| FileStamp { device: 0, inode: 0, size: file.len(), modified: 0 }))
    }

    async fn replace(&self, dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
        fs::write(dir.join(name), bytes)
    }

    async fn remove(&self, dir: &Path, name: &str) -> io::Result<()> {
        missing_is_none(fs::remove_file(dir.join(name))).map(drop)
    }

    async fn network_file_system(&self, _dir: &Path) -> Option<&'static str> {
        None
    }

    async fn tail(&self, path: &Path, from: u64, limit: usize) -> io::Result<Vec<u8>> {
        let bytes = fs::read(path)?;
        let from =
            usize::try_from(from).unwrap_or(usize::MAX).clamp(bytes.len().saturating_sub(limit), bytes.len());
        Ok(bytes[from..].to_vec())
    }
}

struct OnlyThisOne;

#[async_trait]
impl Processes for OnlyThisOne {
    fn me(&self) -> ProcessIdentity {
        ProcessIdentity {
            pid: Pid(std::process::id()),
            start_time: StartTime(1),
            boot_id: BootId("this boot".to_owned()),
        }
    }

    fn program(&self) -> std::path::PathBuf {
        "test".into()
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings::default()
    }

    async fn look(&self, pid: Pid) -> io::Result<Option<ProcessInfo>> {
        let identity = self.me();
        Ok((identity.pid == pid).then(|| ProcessInfo {
            identity,
            activity: Activity::Alive,
            traced_by: None,
            cpu_time: Duration::ZERO,
            starved: Duration::ZERO,
            program: "test".to_owned(),
        }))
    }

    async fn ended(&self, _process: &ProcessIdentity) {
        std::future::pending().await
    }

    async fn signal(&self, _target: &ProcessIdentity, _signal: Signal) -> io::Result<SignalOutcome> {
        Err(unsupported())
    }
}

/// Neither locks nor programs nor a network.
struct Nothing;

fn unsupported() -> io::Error {
    io::ErrorKind::Unsupported.into()
}

#[async_trait]
impl Locks for Nothing {
    async fn try_elect(&self, _dir: &Path, _rank: u8) -> io::Result<Option<Box<dyn ElectionGuard>>> {
        Err(unsupported())
    }

    async fn look(&self, _dir: &Path) -> io::Result<TenureLook> {
        Err(unsupported())
    }

    async fn try_claim(&self, _dir: &Path) -> io::Result<ClaimAttempt> {
        Err(unsupported())
    }
}

#[async_trait]
impl Launcher for Nothing {
    async fn launch(
        &self,
        _request: &EnsureRequest,
        _elected: &dyn ElectionGuard,
    ) -> Result<Box<dyn Launched>, LaunchError> {
        Err(LaunchError::NoProcess { source: unsupported() })
    }
}

#[async_trait]
impl Network for Nothing {
    async fn probe(&self, _address: SocketAddr, _challenge: &Challenge) -> ProbeAnswer {
        ProbeAnswer::Refused
    }

    async fn request_stop(&self, _address: SocketAddr, _token: &str, _why: &str) -> io::Result<()> {
        Err(unsupported())
    }

    async fn request_hand_over(
        &self,
        _address: SocketAddr,
        _token: &str,
        _request: &HandOver,
    ) -> io::Result<HandOverReply> {
        Err(unsupported())
    }

    async fn bind(&self, _address: SocketAddr) -> io::Result<BoundPort> {
        Err(unsupported())
    }

    async fn owner(&self, _port: u16) -> Option<PortOwner> {
        None
    }
}
