//! By `SCM_RIGHTS` (unix(7)), over a Unix socket in the state directory.
//!
//! The successor listens, and the old worker connects. First it sends the listening socket, which
//! the successor acknowledges: from then on both processes have it, and no client is refused if one
//! of them ends. When the old worker has stopped serving, it sends its connections. The end of the
//! stream is the end of what is passed.

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

use super::passed::PassedSockets;
use crate::server::IdleConnection;

/// How long the other side may take for one step.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most that may have been read of a connection, in bytes.
const READ_LIMIT: usize = 1 << 20;
/// More connections than any server has.
const MOST: usize = 1 << 16;
/// The bytes before each descriptor: the format's version, and how many bytes were read of the
/// connection, little-endian.
const HEAD: usize = 5;
const VERSION: u8 = 1;
/// The acknowledgement of the listening socket.
const RECEIVED: u8 = 1;

/// Returns the path of the Unix socket. Its address has room for about a hundred bytes (unix(7)). A
/// longer path is made relative to the working directory, which is the state directory of a
/// launched worker.
fn path(state_dir: &Path) -> PathBuf {
    let whole = state_dir.join(layout::PASSING);
    if whole.as_os_str().len() < 100 { whole } else { layout::PASSING.into() }
}

/// The old worker's end of the channel.
#[derive(Debug)]
pub(crate) struct SocketSender(UnixStream);

impl SocketSender {
    /// Connects to the successor, and sends the listening socket.
    ///
    /// # Errors
    /// If the successor does not wait for it, is another process, or refuses it.
    pub(crate) async fn open(state_dir: &Path, successor: Pid, socket: BorrowedFd<'_>) -> io::Result<Self> {
        let opened = timeout(PATIENCE, async {
            let stream = UnixStream::connect(path(state_dir)).await?;
            if !is_of(&stream, successor) {
                return Err(io::Error::other("somebody else waits for the sockets"));
            }
            let mut sender = Self(stream);
            sender.send(socket, &[]).await?;
            match sender.0.read_u8().await? {
                RECEIVED => Ok(sender),
                _ => Err(io::ErrorKind::InvalidData.into()),
            }
        });
        opened.await?
    }

    /// Sends these connections.
    ///
    /// # Errors
    /// If the successor does not receive them. Those that are left are closed.
    pub(crate) async fn pass(mut self, connections: Vec<IdleConnection>) -> io::Result<()> {
        let passed = timeout(PATIENCE, async {
            for idle in connections {
                self.send(idle.stream.as_fd(), &idle.read).await?;
            }
            Ok(())
        });
        passed.await?
    }

    async fn send(&mut self, descriptor: BorrowedFd<'_>, read: &[u8]) -> io::Result<()> {
        let [a, b, c, d] = u32::try_from(read.len()).map_err(io::Error::other)?.to_le_bytes();
        let head = [VERSION, a, b, c, d];
        let descriptors = [descriptor];
        let send_head = || {
            let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
            Ok(sendmsg(&self.0, &[IoSlice::new(&head)], &mut ancillary, SendFlags::empty())?)
        };
        let sent = self.0.async_io(Interest::WRITABLE, send_head).await?;
        self.0.write_all(&head[sent..]).await?;
        self.0.write_all(read).await
    }
}

/// The successor's end of the channel.
#[derive(Debug)]
pub(crate) struct SocketReceiver {
    path: PathBuf,
    /// What has arrived so far.
    passed: Arc<Mutex<PassedSockets>>,
    receiving: JoinHandle<()>,
}

impl SocketReceiver {
    /// Begins to wait for the predecessor.
    ///
    /// # Errors
    /// If the Unix socket can't be bound.
    pub(crate) fn open(state_dir: &Path, predecessor: Pid) -> io::Result<Self> {
        let path = path(state_dir);
        // One of an earlier successor.
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path)?;
        let passed = Arc::new(Mutex::new(PassedSockets::default()));
        let receiving = tokio::spawn(receive(listener, predecessor, passed.clone()));
        Ok(Self { path, passed, receiving })
    }

    /// Returns what was passed. Call it once the old worker has ended its tenure. After a failure
    /// it is what had arrived before.
    pub(crate) async fn passed(mut self) -> PassedSockets {
        if lock(&self.passed).listener.is_some() {
            // If the predecessor does not end the stream, what has arrived counts.
            let _ = timeout(PATIENCE, &mut self.receiving).await;
        }
        std::mem::take(&mut *lock(&self.passed))
    }
}

fn lock(passed: &Mutex<PassedSockets>) -> MutexGuard<'_, PassedSockets> {
    passed.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for SocketReceiver {
    fn drop(&mut self) {
        self.receiving.abort();
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Receives what the predecessor sends, to the end or the first failure.
async fn receive(listener: UnixListener, predecessor: Pid, passed: Arc<Mutex<PassedSockets>>) {
    let mut stream = loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        if is_of(&stream, predecessor) {
            break stream;
        }
    };
    let Ok(Some((socket, _))) = next_descriptor(&mut stream).await else { return };
    let socket = TcpListener::from(socket);
    if !listens(&socket) {
        return;
    }
    lock(&passed).listener = Some(socket);
    if stream.write_u8(RECEIVED).await.is_err() {
        return;
    }
    while let Ok(Some((connection, read))) = next_descriptor(&mut stream).await {
        let stream = std::net::TcpStream::from(connection);
        if let Ok(stream) = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) {
            let connections = &mut lock(&passed).connections;
            connections.push(IdleConnection { stream, read });
            if connections.len() == MOST {
                return;
            }
        }
    }
}

/// Returns whether the other end belongs to this user, and, if the system tells, to this process.
fn is_of(stream: &UnixStream, process: Pid) -> bool {
    stream.peer_cred().is_ok_and(|peer| {
        peer.uid() == rustix::process::geteuid().as_raw()
            && peer.pid().is_none_or(|pid| u32::try_from(pid) == Ok(process.0))
    })
}

/// Receives the next descriptor, and what was read of it. Returns `None` at the end.
async fn next_descriptor(stream: &mut UnixStream) -> io::Result<Option<(OwnedFd, Bytes)>> {
    let (mut head, mut length, mut descriptor) = ([0; HEAD], 0, None);
    while length < HEAD {
        let receive_head = || {
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
        match stream.async_io(Interest::READABLE, receive_head).await? {
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

/// Set by the call itself on a system that supports it.
fn close_on_exec() -> RecvFlags {
    #[cfg(target_os = "linux")]
    return RecvFlags::CMSG_CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    RecvFlags::empty()
}

#[cfg(test)]
mod tests;
