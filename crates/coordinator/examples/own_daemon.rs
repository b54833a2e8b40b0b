//! A daemon of one's own that is the only one: no server library needed, one route suffices.
//!
//! Started by `linked_tool`, or by hand: `own_daemon STATE_DIR`.

use coordinator::proof::Challenge;
use coordinator::{Claim, Tenure, WorkerId, system};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let state_dir = std::env::args().nth(1).ok_or("usage: own_daemon STATE_DIR")?;
    let id = WorkerId::builder().name("own-daemon").port("auto").state_dir(&state_dir).build()?;
    let Claim::Won(tenure) = Tenure::claim(&system::machine(), &id, None, system::readiness()).await? else {
        return Ok(()); // another worker is running, and nothing was touched
    };
    let bound = match tenure.bind().await {
        Ok(bound) => bound,
        Err(error) => {
            tenure.fail(&error).await; // the process that launched this one learns why
            return Err(error.into());
        }
    };
    let listener = TcpListener::from_std(bound.listener.ok_or("a real machine has real sockets")?)?;
    tenure.ready(bound.address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        if let Err(superseded) = answer(&tenure, stream).await {
            tenure.end(&superseded.why).await;
            return Ok(());
        }
    }
}

/// Answers `GET /health?challenge=…`. A real daemon would do it beside its other routes, and bound what a client may send.
async fn answer(tenure: &Tenure, mut stream: TcpStream) -> Result<(), coordinator::Superseded> {
    let (mut request, Ok(dialled)) = ([0; 1024], stream.local_addr()) else { return Ok(()) };
    let n = stream.read(&mut request).await.unwrap_or(0);
    let line = String::from_utf8_lossy(&request[..n]).into_owned();
    let challenge =
        line.split_once("challenge=").map_or("", |(_, rest)| rest.split(' ').next().unwrap_or(""));
    let health = tenure.answer(Challenge::parse(challenge).as_ref(), dialled).await?;
    let body = serde_json::to_string(&health).unwrap_or_default();
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n", body.len());
    let _ = stream.write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes()).await;
    Ok(())
}
