//! A process's way to the kernel: every call is a point at which somebody else may go first.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::kernel::notice::Announced;
use crate::kernel::processes::Key;
use crate::kernel::{CallClass, Digest, Kernel, Show, mix};

/// A task that the scheduler is to take on.
pub(crate) struct Task {
    pub(crate) key: Key,
    /// What it knows from who started it.
    pub(crate) told: u64,
    pub(crate) future: Pin<Box<dyn Future<Output = ()> + Send>>,
}

pub(crate) struct Shared {
    kernel: Mutex<Kernel>,
    /// Tasks that processes have started, and that the scheduler has not seen yet.
    pub(crate) started: Mutex<Vec<Task>>,
}

impl Shared {
    pub(crate) fn new(kernel: Kernel) -> Arc<Self> {
        Arc::new(Self { kernel: Mutex::new(kernel), started: Mutex::default() })
    }

    pub(crate) fn kernel(&self) -> MutexGuard<'_, Kernel> {
        self.kernel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls after which a process keeps nothing in its memory that its tasks share: looks, answers, and taking a lock on a file that was opened
/// before, where it is the opening that it keeps. In which order its tasks make them makes no difference to it.
const KEPT_BY_NOBODY: [&str; 13] = [
    "F_SETLK",
    "asked",
    "reply",
    "now",
    "stat",
    "stat path",
    "read",
    "check directory",
    "F_GETLK",
    "holders",
    "look at process",
    "owner of port",
    "socket",
];

/// One process's handle.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) shared: Arc<Shared>,
    pub(crate) key: Key,
}

impl Host {
    pub(crate) fn kernel(&self) -> MutexGuard<'_, Kernel> {
        self.shared.kernel()
    }

    /// Makes a call once the scheduler lets this process go on.
    pub(crate) async fn call<R: Show>(
        &self,
        name: &'static str,
        object: &str,
        act: impl FnOnce(&mut Kernel, Key) -> R,
    ) -> R {
        self.announce(name, object);
        Turn(false).await;
        let mut kernel = self.kernel();
        if !kernel.ambushes.is_empty() {
            kernel.spring_ambushes(name, self.key);
        }
        let result = act(&mut kernel, self.key);
        self.note(&mut kernel, name, object, &result);
        result
    }

    /// The same, for a call that can fail in the ways of its class.
    pub(crate) async fn try_call<R: Show>(
        &self,
        class: CallClass,
        name: &'static str,
        object: &str,
        act: impl FnOnce(&mut Kernel, Key) -> io::Result<R>,
    ) -> io::Result<R> {
        self.call(name, object, |kernel, key| {
            kernel.weather.strike(kernel.process(key).role, class)?;
            act(kernel, key)
        })
        .await
    }

    /// A call that acts at once: what destructors do. A dead process makes none.
    pub(crate) fn at_once(&self, name: &'static str, object: &str, act: impl FnOnce(&mut Kernel, Key)) {
        let mut kernel = self.kernel();
        if kernel.process(self.key).alive() {
            act(&mut kernel, self.key);
            self.note(&mut kernel, name, object, &());
        }
    }

    /// Says what this task is about to do, for a search that tries every order of what can be noticed.
    fn announce(&self, name: &str, object: &str) {
        let mut kernel = self.kernel();
        if kernel.story.digests {
            let task = kernel.going_on;
            let announced = Announced {
                unnoticed: kernel.is_unnoticed(self.key, name, object),
                sees_no_death: kernel.sees_no_death(self.key, name),
            };
            kernel.announced.insert(task, announced);
        }
    }

    fn note(&self, kernel: &mut Kernel, name: &str, object: &str, result: &dyn Show) {
        let now = kernel.now;
        let (role, pid) = (kernel.process(self.key).role, kernel.process(self.key).pid);
        kernel.story.call(now, role, pid, name, object, result);
        self.tell(kernel, name, result);
    }

    /// Remembers that the task that goes on was told something: its state is a function of all that it was ever told, and of what its process
    /// keeps in memory; and that is one of what its process changed, in that order.
    pub(crate) fn tell(&self, kernel: &mut Kernel, what: &str, result: &dyn Show) {
        if kernel.story.digests {
            let mut digest = Digest(kernel.now.rotate_left(17));
            let _ = std::fmt::Write::write_str(&mut digest, what);
            let _ = result.show(&mut digest);
            kernel.tell(self.key, digest.0);
            if !KEPT_BY_NOBODY.contains(&what) {
                let task = kernel.roots.get(&kernel.going_on).copied().unwrap_or_default();
                let call = what.bytes().fold(task, |digest, byte| mix(digest ^ u64::from(byte)));
                let process = kernel.process_mut(self.key);
                process.changes = mix(process.changes ^ call);
            }
        }
    }

    /// Starts another task of this process.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let told = self.kernel().told_so_far(self.key);
        let task = Task { key: self.key, told, future: Box::pin(task) };
        self.shared.started.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }

    pub(crate) fn sleep(&self, pause: Duration) -> Sleep {
        Sleep { host: self.clone(), pause, timer: None }
    }

    /// Ends the process by itself.
    pub(crate) fn exit(&self, status: i32) {
        self.at_once("exit", "", |kernel, key| {
            let now = kernel.now;
            let role = kernel.process(key).role;
            kernel.story.tell(now, &role, &format_args!("exits with status {status}"));
            kernel.die(key, coordinator::machine::Ending::Exited(status));
        });
    }
}

/// Waits until the scheduler picks this task again.
struct Turn(bool);

impl Future for Turn {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Waits for a while of the machine's time.
pub(crate) struct Sleep {
    host: Host,
    pause: Duration,
    timer: Option<(u64, u64)>,
}

impl Future for Sleep {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let host = self.host.clone();
        let mut kernel = host.kernel();
        match self.timer {
            Some(timer) if timer.0 <= kernel.now => {
                self.timer = None;
                Poll::Ready(())
            }
            Some(timer) => {
                kernel.rearm_timer(timer, cx.waker());
                Poll::Pending
            }
            None if self.pause.is_zero() => Poll::Ready(()),
            None => {
                self.timer = Some(kernel.set_timer(self.pause, cx.waker().clone()));
                Poll::Pending
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            self.host.kernel().cancel_timer(timer);
        }
    }
}
