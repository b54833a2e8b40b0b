//! A daemon from before there was an election, in its parts: whoever starts one gets one. Copied to several install paths and under several
//! names, it is what `ps` and `reap` have to tell apart. It says `ready PORT` once it is (port 0: it has none), and runs until it is ended.
//!
//! `daemon --db FILE [--port N] [--helper PROGRAM] [--uses PORT] [--deaf | --lingers] [--run COMMAND…]`, `helper`, or anything else, which only waits.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program of the tests")]
#![allow(clippy::zombie_processes, reason = "what it starts goes on alone")]

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicI32, Ordering};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let value = |flag: &str| args.iter().position(|arg| arg == flag).and_then(|at| args.get(at + 1)).cloned();
    match args.first().map(String::as_str) {
        Some("daemon") => {
            let _database = File::options().append(true).create(true).open(value("--db").unwrap()).unwrap();
            if let Some(at) = args.iter().position(|arg| arg == "--run") {
                let status = Command::new(&args[at + 1]).args(&args[at + 2..]).status().unwrap();
                std::process::exit(status.code().unwrap_or(1));
            }
            if args.iter().any(|arg| arg == "--deaf") {
                // SAFETY: a plain system call, before there is a second thread.
                unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
            }
            let _used =
                value("--uses").map(|port| TcpStream::connect(("127.0.0.1", port.parse().unwrap())).unwrap());
            let _helper = value("--helper").map(helper);
            let listener =
                value("--port").and_then(|port| TcpListener::bind(("127.0.0.1", port.parse().unwrap())).ok());
            if let Some(listener) = listener.as_ref().filter(|_| args.iter().any(|arg| arg == "--lingers")) {
                LISTENER.store(listener.as_raw_fd(), Ordering::SeqCst);
                // SAFETY: the handler is a plain function that makes one system call.
                unsafe { libc::signal(libc::SIGTERM, close_listener as extern "C" fn(libc::c_int) as usize) };
            }
            serve(listener, |mut stream| {
                let _ = stream.read(&mut [0; 1024]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            });
        }
        Some("helper") => {
            let mut clients = Vec::new();
            serve(TcpListener::bind(("127.0.0.1", 0)).ok(), |stream| clients.push(stream));
        }
        _ => serve(None, drop),
    }
}

static LISTENER: AtomicI32 = AtomicI32::new(-1);

/// One that still has work to do lets nobody in any more, and lives on.
extern "C" fn close_listener(_: libc::c_int) {
    // SAFETY: close(2) is async-signal-safe, and the accept(2) that this interrupts is not begun again on a closed descriptor.
    unsafe { libc::close(LISTENER.load(Ordering::SeqCst)) };
}

/// Starts one, and waits until it is ready. It goes on alone when this process ends.
fn helper(program: String) {
    let mut child =
        Command::new(program).arg("helper").stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    println!("helper {} {}", child.id(), line.trim_start_matches("ready ").trim());
}

fn serve(listener: Option<TcpListener>, mut answer: impl FnMut(TcpStream)) {
    println!("ready {}", listener.as_ref().map_or(0, |listener| listener.local_addr().unwrap().port()));
    for stream in listener.iter().flat_map(TcpListener::incoming).map_while(Result::ok) {
        answer(stream);
    }
    loop {
        std::thread::park();
    }
}
