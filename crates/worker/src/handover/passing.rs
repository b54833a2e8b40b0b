//! What one worker passes to another: the listening socket and the open connections, by `SCM_RIGHTS` (unix(7)), over a socket in the state directory.
//!
//! The successor listens, the old worker connects. First comes the listening socket, which is answered: from then on two processes have it, and no
//! client is refused, whoever of them ends. Then, when the old worker has stopped serving, its connections. The end of the stream is the end of what is passed.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coordinator::layout;
use coordinator::machine::Pid;
use coordinator::system::listens;
use hyper::body::Bytes;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::server::Idle;

/// How long the other side may take for one step.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most that may have been read of a connection, in bytes.
const READ_LIMIT: usize = 1 << 20;
/// More connections than any server has.
const MOST: usize = 1 << 16;
/// Before each descriptor: the format's version, and how much was read of it, little-endian.
const HEAD: usize = 5;
const VERSION: u8 = 1;
/// What the successor answers to the listening socket.
const TAKEN: u8 = 1;

/// The path of the socket. The address of a Unix socket has room for about a hundred bytes (unix(7)); a longer path is written from the
/// working directory, which is the state directory of a launched worker.
fn path(state_dir: &Path) -> PathBuf {
    let whole = state_dir.join(layout::PASSING);
    if whole.as_os_str().len() < 100 { whole } else { layout::PASSING.into() }
}

/// The old worker's end.
#[derive(Debug)]
pub(crate) struct Outgoing(UnixStream);

impl Outgoing {
    /// Finds the successor, and gives it the listening socket.
    ///
    /// # Errors
    /// If it does not wait for it, is another process, or does not want it.
    pub(crate) async fn open(state_dir: &Path, successor: Pid, socket: BorrowedFd<'_>) -> io::Result<Self> {
        let opened = timeout(PATIENCE, async {
            let stream = UnixStream::connect(path(state_dir)).await?;
            if !is_of(&stream, successor) {
                return Err(io::Error::other("somebody else waits for the sockets"));
            }
            let mut outgoing = Self(stream);
            outgoing.give(socket, &[]).await?;
            match outgoing.0.read_u8().await? {
                TAKEN => Ok(outgoing),
                _ => Err(io::ErrorKind::InvalidData.into()),
            }
        });
        opened.await?
    }

    /// Gives these connections.
    ///
    /// # Errors
    /// If the successor does not take them; those that are left are closed.
    pub(crate) async fn pass(mut self, connections: Vec<Idle>) -> io::Result<()> {
        let passed = timeout(PATIENCE, async {
            for idle in connections {
                self.give(idle.stream.as_fd(), &idle.read).await?;
            }
            Ok(())
        });
        passed.await?
    }

    async fn give(&mut self, descriptor: BorrowedFd<'_>, read: &[u8]) -> io::Result<()> {
        let [a, b, c, d] = u32::try_from(read.len()).map_err(io::Error::other)?.to_le_bytes();
        let head = [VERSION, a, b, c, d];
        let descriptors = [descriptor];
        let send = || {
            let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
            Ok(sendmsg(&self.0, &[IoSlice::new(&head)], &mut ancillary, SendFlags::empty())?)
        };
        let sent = self.0.async_io(Interest::WRITABLE, send).await?;
        self.0.write_all(&head[sent..]).await?;
        self.0.write_all(read).await
    }
}

/// The successor's end: it waits for the old worker, and takes what that gives.
#[derive(Debug)]
pub(crate) struct Incoming {
    path: PathBuf,
    /// What has been taken so far.
    passed: Arc<Mutex<Passed>>,
    taking: JoinHandle<()>,
}

/// What was passed.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    pub(crate) listener: Option<TcpListener>,
    pub(crate) connections: Vec<Idle>,
}

impl Incoming {
    /// Begins to wait.
    ///
    /// # Errors
    /// If there is no such socket to be had.
    pub(crate) fn wait(state_dir: &Path, predecessor: Pid) -> io::Result<Self> {
        let path = path(state_dir);
        // Of an earlier successor.
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path)?;
        let passed = Arc::new(Mutex::new(Passed::default()));
        let taking = tokio::spawn(take(listener, predecessor, passed.clone()));
        Ok(Self { path, passed, taking })
    }

    /// What was passed, once the old worker has left office: whole, or as far as it came before something was wrong. Nothing if it never came.
    pub(crate) async fn passed(mut self) -> Passed {
        if now(&self.passed).listener.is_some() {
            // Whoever does not come to an end has passed what is here.
            let _ = timeout(PATIENCE, &mut self.taking).await;
        }
        std::mem::take(&mut *now(&self.passed))
    }
}

fn now(passed: &Mutex<Passed>) -> MutexGuard<'_, Passed> {
    passed.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.taking.abort();
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Takes what the predecessor gives, to the end or to the first thing that is wrong.
async fn take(listener: UnixListener, predecessor: Pid, passed: Arc<Mutex<Passed>>) {
    let mut stream = loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        if is_of(&stream, predecessor) {
            break stream;
        }
    };
    let Ok(Some((socket, _))) = taken(&mut stream).await else { return };
    let socket = TcpListener::from(socket);
    if !listens(&socket) {
        return;
    }
    now(&passed).listener = Some(socket);
    if stream.write_u8(TAKEN).await.is_err() {
        return;
    }
    while let Ok(Some((connection, read))) = taken(&mut stream).await {
        let stream = std::net::TcpStream::from(connection);
        if let Ok(stream) = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) {
            let connections = &mut now(&passed).connections;
            connections.push(Idle { stream, read });
            if connections.len() == MOST {
                return;
            }
        }
    }
}

/// Whether the other end is this user's, and this process's where the system tells.
fn is_of(stream: &UnixStream, process: Pid) -> bool {
    stream.peer_cred().is_ok_and(|peer| {
        peer.uid() == rustix::process::geteuid().as_raw()
            && peer.pid().is_none_or(|pid| u32::try_from(pid) == Ok(process.0))
    })
}

/// The next descriptor, and what was read of it; `None` at the end.
async fn taken(stream: &mut UnixStream) -> io::Result<Option<(OwnedFd, Bytes)>> {
    let (mut head, mut length, mut descriptor) = ([0; HEAD], 0, None);
    while length < HEAD {
        let receive = || {
            let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut ancillary = RecvAncillaryBuffer::new(&mut space);
            let mut into = [IoSliceMut::new(&mut head[length..])];
            let received = recvmsg(&*stream, &mut into, &mut ancillary, close_on_exec())?;
            for message in ancillary.drain() {
                if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                    descriptor = descriptors.last().or(descriptor.take());
                }
            }
            Ok(received.bytes)
        };
        match stream.async_io(Interest::READABLE, receive).await? {
            0 => return Ok(None),
            received => length += received,
        }
    }
    let descriptor = descriptor.ok_or(io::ErrorKind::InvalidData)?;
    #[cfg(not(target_os = "linux"))]
    rustix::io::fcntl_setfd(&descriptor, rustix::io::FdFlags::CLOEXEC)?;
    let [version, a, b, c, d] = head;
    let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).map_err(io::Error::other)?;
    if version != VERSION || length > READ_LIMIT {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut read = vec![0; length];
    stream.read_exact(&mut read).await?;
    Ok(Some((descriptor, read.into())))
}

/// Set with the call where the system can.
fn close_on_exec() -> RecvFlags {
    #[cfg(target_os = "linux")]
    return RecvFlags::CMSG_CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    RecvFlags::empty()
}

#[cfg(test)]
#[path = "passing_tests.rs"]
mod tests;
