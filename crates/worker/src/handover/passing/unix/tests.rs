use std::os::unix::net::UnixStream as Peer;

use super::*;

fn me() -> Pid {
    Pid(std::process::id())
}

/// A successor in a directory of its own that waits for this process.
struct Scene {
    dir: tempfile::TempDir,
    receiver: SocketReceiver,
    socket: TcpListener,
}

impl Scene {
    fn new(predecessor: Pid) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let receiver = SocketReceiver::open(dir.path(), predecessor).unwrap();
        Self { dir, receiver, socket: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    /// The old worker, by hand.
    fn peer(&self) -> Peer {
        Peer::connect(path(self.dir.path())).unwrap()
    }

    /// Has been given the listening socket by hand.
    async fn begun(&self) -> Peer {
        let mut peer = self.peer();
        send(&peer, &head(VERSION, 0), Some(self.socket.as_fd()));
        // It answers on this very thread.
        let answer = tokio::task::spawn_blocking(move || {
            let mut answer = [0];
            io::Read::read_exact(&mut peer, &mut answer).map(|()| (peer, answer))
        });
        let (peer, answer) = answer.await.unwrap().unwrap();
        assert_eq!(answer, [RECEIVED]);
        peer
    }
}

fn head(version: u8, length: u32) -> Vec<u8> {
    [&[version][..], &length.to_le_bytes()].concat()
}

fn send(peer: &Peer, bytes: &[u8], descriptor: Option<BorrowedFd<'_>>) {
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors = descriptor.map(|descriptor| [descriptor]);
    if let Some(descriptors) = &descriptors {
        ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    assert_eq!(
        sendmsg(peer, &[IoSlice::new(bytes)], &mut ancillary, SendFlags::empty()).unwrap(),
        bytes.len()
    );
}

/// A connection to a listening socket, and its other end.
async fn connection() -> (TcpStream, TcpStream) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap());
    let (client, accepted) = tokio::join!(client, listener.accept());
    (client.unwrap(), accepted.unwrap().0)
}

#[tokio::test]
async fn the_socket_and_more_connections_than_a_server_has_come_over_with_what_was_read() {
    let Scene { dir, receiver, socket } = Scene::new(me());
    let sender = SocketSender::open(dir.path(), me(), socket.as_fd()).await.unwrap();
    let (mut clients, mut idle) = (Vec::new(), Vec::new());
    for n in 0..300_usize {
        let (client, stream) = connection().await;
        clients.push(client);
        idle.push(IdleConnection { stream, read: vec![b'x'; n * 7].into() });
    }
    let address = socket.local_addr().unwrap();
    drop(socket);
    let (gave, passed) = tokio::join!(sender.pass(idle), receiver.passed());
    gave.unwrap();
    assert_eq!(passed.listener.unwrap().local_addr().unwrap(), address);
    assert_eq!(passed.connections.len(), 300);
    for (n, (mut idle, mut client)) in passed.connections.into_iter().zip(clients).enumerate() {
        assert_eq!(idle.read.len(), n * 7);
        client.write_u8(9).await.unwrap();
        assert_eq!(idle.stream.read_u8().await.unwrap(), 9, "it is another connection");
    }
}

#[tokio::test]
async fn who_is_not_the_predecessor_is_not_listened_to() {
    let scene = Scene::new(Pid(1));
    let refused = SocketSender::open(scene.dir.path(), me(), scene.socket.as_fd()).await;
    assert!(refused.is_err());
    assert!(scene.receiver.passed().await.listener.is_none());
}

#[tokio::test]
async fn a_stranger_who_waits_in_the_successor_s_place_is_given_nothing() {
    let scene = Scene::new(me());
    let refused = SocketSender::open(scene.dir.path(), Pid(1), scene.socket.as_fd()).await;
    assert_eq!(refused.unwrap_err().to_string(), "somebody else waits for the sockets");
    assert!(scene.receiver.passed().await.listener.is_none());
}

#[tokio::test]
async fn nobody_who_waits_is_an_error_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = SocketSender::open(dir.path(), me(), socket.as_fd()).await;
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[tokio::test]
async fn a_successor_that_does_not_answer_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let _deaf = std::os::unix::net::UnixListener::bind(path(dir.path())).unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = SocketSender::open(dir.path(), me(), socket.as_fd()).await;
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

/// What begins with something else than a listening socket brings nothing.
async fn a_bad_beginning(bytes: &[u8], descriptor: Option<BorrowedFd<'_>>) {
    let mut scene = Scene::new(me());
    let peer = scene.peer();
    send(&peer, bytes, descriptor);
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    (&mut scene.receiver.receiving).await.unwrap();
    let passed = scene.receiver.passed().await;
    assert!(passed.listener.is_none() && passed.connections.is_empty(), "{bytes:?}");
}

#[tokio::test]
async fn what_is_no_listening_socket_is_not_taken_for_one() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let (client, _accepted) = connection().await;
    let file = tempfile::tempfile().unwrap();
    a_bad_beginning(&head(VERSION, 0), None).await;
    a_bad_beginning(&head(VERSION, 0), Some(file.as_fd())).await;
    a_bad_beginning(&head(VERSION, 0), Some(client.as_fd())).await;
    a_bad_beginning(&head(VERSION + 1, 0), Some(socket.as_fd())).await;
    a_bad_beginning(&head(VERSION, u32::MAX), Some(socket.as_fd())).await;
    a_bad_beginning(&head(VERSION, 8), Some(socket.as_fd())).await;
    a_bad_beginning(&[VERSION], Some(socket.as_fd())).await;
}

/// One connection that is as it should be, then this: what was whole is kept.
async fn a_bad_end(bytes: &[u8], with_descriptor: bool) {
    let scene = Scene::new(me());
    let peer = scene.begun().await;
    let ((_client, whole), (_other, broken)) = (connection().await, connection().await);
    send(&peer, &[&head(VERSION, 3)[..], b"GET"].concat(), Some(whole.as_fd()));
    send(&peer, bytes, with_descriptor.then_some(broken.as_fd()));
    drop(peer);
    let passed = scene.receiver.passed().await;
    assert!(passed.listener.is_some());
    let read: Vec<_> = passed.connections.iter().map(|idle| idle.read.as_ref()).collect();
    assert_eq!(read, [b"GET"], "{bytes:?}");
}

#[tokio::test]
async fn a_predecessor_that_dies_or_errs_in_the_midst_has_passed_what_was_whole() {
    a_bad_end(&[VERSION, 0], true).await;
    a_bad_end(&head(VERSION, 10), true).await;
    a_bad_end(&head(VERSION, 0), false).await;
    a_bad_end(&head(9, 0), true).await;
    a_bad_end(&head(VERSION, u32::try_from(READ_LIMIT + 1).unwrap()), true).await;
}

#[tokio::test]
async fn a_predecessor_that_does_not_come_to_an_end_has_passed_what_is_here() {
    let scene = Scene::new(me());
    let peer = scene.begun().await;
    let (_client, whole) = connection().await;
    send(&peer, &head(VERSION, 0), Some(whole.as_fd()));
    send(&peer, &head(VERSION, 100), Some(whole.as_fd()));
    let passed = scene.receiver.passed().await;
    assert_eq!((passed.listener.is_some(), passed.connections.len()), (true, 1));
    drop(peer);
}
