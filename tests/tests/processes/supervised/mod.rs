//! Any program as the one worker: commands that are supervised, their helpers, and what is left of them.

mod any_program;
mod crashes;
mod documentation;
mod helpers;
mod refusals;
mod trees;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;

use oneworker_tests::{Identity, PATIENCE, Run, free_port};
use serde_json::Value;

use crate::identity;

/// An identity on a port of its own, as commands need one.
fn supervised() -> Identity {
    identity().on_port(free_port())
}

/// With this configuration.
fn configured(toml: &str) -> Identity {
    let identity = supervised();
    std::fs::write(identity.scratch().join("oneworker.toml"), toml).unwrap();
    identity
}

/// A script in the test's own directory: the directory is in the arguments of whatever runs it, so that it is ended with the test.
fn script(identity: &Identity, name: &str, text: &str) -> String {
    let path: PathBuf = identity.scratch().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_string_lossy().into_owned()
}

/// `ensure --json -- COMMAND`.
fn ensure(identity: &Identity, command: &[&str]) -> Run {
    identity.patient_ensure().arg("--").args(command)
}

/// What the server on this port answers to a `GET /`; nothing if it can't be asked.
fn get(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}

/// A Python server that answers its pid, the epoch, and what else is asked for.
const SERVER: &str = r#"
import http.server, os, socket
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(f"{os.getpid()} {os.environ['ONEWORKER_EPOCH']}".encode())
    def log_message(self, *args): pass
class Server(http.server.ThreadingHTTPServer):
    # The usual one asks for the name of its address, which may take long.
    def server_bind(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
Server(("127.0.0.1", int(os.environ["ONEWORKER_PORT"])), Answer).serve_forever()
"#;

/// The pid of the command that a session was given.
fn child_of(answer: &Value) -> u32 {
    u32::try_from(answer["child_pid"].as_u64().unwrap_or_else(|| panic!("no child: {answer}"))).unwrap()
}
