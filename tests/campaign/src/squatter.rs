//! Somebody else on the port: waits until it is free, takes it, and answers there as the worker did.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use rustix::process::Signal;

use crate::bystander::Bystander;
use crate::plan::Squat;
use crate::round::Stage;

/// How long the worker may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much earlier a squatter waits for the port than the worker is killed.
const HEAD_START: Duration = Duration::from_millis(50);

/// Whether it got the port.
pub(crate) fn squat(stage: &Stage<'_>, squat: Squat) -> bool {
    let Some(port) = stage.site.port() else { return false };
    let answer = if squat.answers { ask(port).ok() } else { None };
    let squatter = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(HEAD_START);
            for worker in stage.site.workers().into_iter().filter(|_| squat.kills) {
                stage.site.signal(worker, Signal::KILL);
            }
        });
        Bystander::on_port(&stage.site.history, port, squat.ms, answer.as_deref())
    });
    let Some(mut squatter) = squatter else { return false };
    std::thread::sleep(Duration::from_millis(squat.ms));
    stage.expect_there("squatter", &mut squatter);
    true
}

/// The worker's answer to a challenge that no session draws.
fn ask(port: u16) -> io::Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut worker = TcpStream::connect_timeout(&address, PATIENCE)?;
    worker.set_read_timeout(Some(PATIENCE))?;
    let challenge = "0".repeat(32);
    write!(
        worker,
        "GET /health?challenge={challenge} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    worker.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::InvalidData)?;
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(body.to_owned())
}
