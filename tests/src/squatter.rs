use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Something in this process that listens on a port that it should not have. Leaves it when dropped.
pub struct Squatter {
    port: u16,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Squatter {
    /// Listens on this port, and hands each connection to `serve`.
    pub fn on(port: u16, serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Self {
        // Whoever had it may have just been killed: the last of its threads closes it.
        let listener =
            crate::wait_for("a port to be free", || TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
        let ended = Arc::new(AtomicBool::new(false));
        let (stop, serve) = (ended.clone(), Arc::new(serve));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let serve = serve.clone();
                // A client that hangs up is no concern of a squatter's.
                std::thread::spawn(move || drop(serve(stream)));
            }
        });
        Self { port, ended, thread: Some(thread) }
    }

    /// One that answers every request with status 200 and what `body` makes of the request's first line.
    pub fn answering(port: u16, body: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self::on(port, move |mut stream| {
            let body = body(&read_head(&mut stream)?);
            write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
        })
    }

    /// One that accepts and says nothing, until the client goes.
    pub fn silent(port: u16) -> Self {
        Self::on(port, |mut stream| io::copy(&mut stream, &mut io::sink()).map(drop))
    }

    /// One that begins to answer and never ends.
    pub fn endless(port: u16) -> Self {
        Self::on(port, |mut stream| {
            read_head(&mut stream)?;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            loop {
                stream.write_all(&[b'{'; 4096])?;
            }
        })
    }

    /// One that passes every question on to `to`, with the `Host` that is expected there, and the answer back. `meanwhile` is called
    /// between the two.
    pub fn relay(port: u16, to: u16, meanwhile: impl Fn() + Send + Sync + 'static) -> Self {
        Self::on(port, move |mut stream| {
            let head = read_head(&mut stream)?;
            let mut real = TcpStream::connect((Ipv4Addr::LOCALHOST, to))?;
            real.set_read_timeout(Some(crate::PATIENCE))?;
            let question = head.lines().next().unwrap_or_default();
            write!(real, "{question}\r\nhost: 127.0.0.1:{to}\r\nconnection: close\r\n\r\n")?;
            let mut answer = Vec::new();
            real.read_to_end(&mut answer)?;
            meanwhile();
            stream.write_all(&answer)
        })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Squatter {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Wakes it from its accept.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        // A process that another test forked just now has a copy of the listener until it executes something.
        let end = Instant::now() + crate::PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() && Instant::now() < end {
            std::thread::yield_now();
        }
    }
}

/// A health answer in the right form, for the name that these tests use, without a proof that is one.
pub fn unproven_health(port: u16, request: &str) -> String {
    // It even knows its lines: the challenge comes back where the proof should be.
    let challenge = request.split(['=', ' ']).find(|part| part.len() == 32).unwrap_or("00");
    format!(
        r#"{{"schema":1,"name":"default","identity":"0","epoch":1,"pid":1,"address":"127.0.0.1:{port}","version":"0.1.0",
            "protocol":{{"min":1,"max":1}},"state":"ready","proof":"{challenge}{challenge}"}}"#
    )
}

/// The request up to its empty line.
fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Takes `port` as a client does that was given it for its own end of a connection. The connection ends when both are dropped, without
/// lingering.
pub fn occupy_as_client(port: u16) -> (OwnedFd, TcpListener) {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with, sockopt};
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let SocketAddr::V4(there) = listener.local_addr().expect("its address") else {
        unreachable!("an IPv4 address")
    };
    let client =
        socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).expect("a socket");
    sockopt::set_socket_linger(&client, Some(Duration::ZERO)).expect("an option");
    bind(&client, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).expect("a free port");
    connect(&client, &there).expect("a connection");
    (client, listener)
}
