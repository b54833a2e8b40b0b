//! A real worker in office, in this very process and on this very thread.

use std::cell::RefCell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use coordinator::machine::{Machine, Random};
use coordinator::record::{self, Record};
use coordinator::{WorkerId, layout, system};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::timeout;
use worker::{ServeError, ServeOptions, Served};

use super::event_loop::wait;

/// The bearer of the worker, and the key of its proofs: its random bytes are all the same, so that a corpus can know them.
pub(super) const TOKEN: &str = "2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a";

/// The longest that anything here may take, however loaded the machine is. A fuzzer does not wait for so long.
pub(super) const PATIENCE: Duration = crate::PATIENCE;

struct AllTheSame;

impl Random for AllTheSame {
    fn fill(&self, bytes: &mut [u8]) -> io::Result<()> {
        bytes.fill(0x2a);
        Ok(())
    }
}

/// The worker of one thread.
pub(super) struct Office {
    worker: JoinHandle<Result<Served, ServeError>>,
    port: u16,
    machine: Machine,
    id: WorkerId,
    dir: TempDir,
}

impl Office {
    async fn open() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let machine = Machine { random: Arc::new(AllTheSame), ..system::machine() };
        let id = WorkerId::builder().state_dir(dir.path()).port("auto").build().expect("an identity");
        let mut options = ServeOptions::default();
        // Standard error is not its log.
        options.foreground = true;
        options.stand_by = false;
        // The loop stands still from one feed to the next.
        options.watchdog = Some(Duration::from_secs(24 * 3600));
        let before = signals::actions();
        let worker = tokio::spawn({
            let (machine, id) = (machine.clone(), id.clone());
            async move { worker::serve(&machine, &id, options).await }
        });
        let mut office = Self { worker, port: 0, machine, id, dir };
        let begin = async {
            while !office.serves().await {
                assert!(!office.worker.is_finished(), "the worker ended before it was ready");
                let record = std::fs::read(office.file(layout::RECORD)).unwrap_or_default();
                let address = record::parse::<Record>(&record).and_then(|record| record.address);
                office.port = address.map_or(0, |address| address.port());
                yield_now().await;
            }
        };
        timeout(PATIENCE, begin).await.expect("a worker that serves");
        // It listens to signals as if this were its own process, which has a test harness's or a fuzzer's way to end.
        signals::restore(before);
        let token = std::fs::read_to_string(office.file(layout::TOKEN)).expect("a token");
        assert_eq!(token, TOKEN);
        office
    }

    /// The machine that it runs on.
    pub(super) fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Its identity.
    pub(super) fn id(&self) -> &WorkerId {
        &self.id
    }

    /// A file of its state directory.
    pub(super) fn file(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    /// Says it all on one connection, and listens until the worker has closed. The beginning of what it said.
    pub(super) async fn ask(&self, bytes: &[u8]) -> Vec<u8> {
        let conversation = async {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
            let mut stream = TcpStream::connect(address).await?;
            let (mut from, mut to) = stream.split();
            // Side by side: a worker that is not listened to does not go on listening.
            let say = async {
                // A worker that has heard enough closes, and the rest can't be said.
                let _ = to.write_all(bytes).await;
                let _ = to.shutdown().await;
            };
            let listen = async {
                let (mut beginning, mut piece) = (Vec::new(), [0; 1024]);
                while let Ok(length @ 1..) = from.read(&mut piece).await {
                    let room = 1024_usize.saturating_sub(beginning.len());
                    beginning.extend_from_slice(&piece[..length.min(room)]);
                }
                beginning
            };
            io::Result::Ok(tokio::join!(say, listen).1)
        };
        // No listener any more: no answer.
        timeout(PATIENCE, conversation).await.expect("an end of the connection").unwrap_or_default()
    }

    /// Whether it serves, and will go on.
    async fn serves(&self) -> bool {
        self.ask(b"GET /ready HTTP/1.0\r\nhost: localhost\r\n\r\n").await.starts_with(b"HTTP/1.0 200 ")
    }
}

/// Gives this thread's worker something to do. Afterwards it must serve as before; `may_stop` says whether what came of it was leave
/// to stop, which must then have been taken in good order.
pub(super) fn in_office<T>(work: impl AsyncFnOnce(&Office) -> T, may_stop: impl FnOnce(&T) -> bool) -> T {
    thread_local! {
        static OFFICE: RefCell<Option<Office>> = const { RefCell::new(None) };
    }
    let kept = OFFICE.take();
    let (done, office) = wait(async {
        let office = match kept {
            Some(office) => office,
            None => Office::open().await,
        };
        let done = work(&office).await;
        if office.serves().await {
            return (done, Some(office));
        }
        assert!(may_stop(&done), "the worker no longer serves, and nobody who may told it to stop");
        let end = timeout(PATIENCE, office.worker).await.expect("an end of its stop").expect("no panic");
        assert!(matches!(end, Ok(Served::Ended { .. })), "{end:?}");
        (done, None)
    });
    OFFICE.set(office);
    done
}

/// What this process does when it is told to end.
mod signals {
    use std::mem::MaybeUninit;

    const SIGNALS: [libc::c_int; 3] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP];

    pub(super) fn actions() -> [libc::sigaction; 3] {
        SIGNALS.map(|signal| {
            let mut action = MaybeUninit::uninit();
            // SAFETY: asks only, and fills `action` if it succeeds.
            unsafe {
                assert_eq!(libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()), 0);
                action.assume_init()
            }
        })
    }

    pub(super) fn restore(actions: [libc::sigaction; 3]) {
        for (signal, action) in SIGNALS.into_iter().zip(actions) {
            // SAFETY: an action that was in force before.
            unsafe { assert_eq!(libc::sigaction(signal, &raw const action, std::ptr::null_mut()), 0) };
        }
    }
}
