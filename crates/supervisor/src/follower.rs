//! What the states of a child mean for the tenure.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use coordinator::Tenure;
use coordinator::machine::Pid;
use coordinator::record::Service;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::lifecycle::{ChildState, FinalState};

/// The tasks that follow the children.
#[derive(Default)]
pub(crate) struct Followers(pub(crate) Vec<JoinHandle<()>>);

impl Drop for Followers {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// Applies the states of one child to the tenure.
pub(crate) struct Follower<F> {
    pub(crate) label: String,
    pub(crate) serves: bool,
    pub(crate) tenure: Arc<Tenure>,
    pub(crate) port: u16,
    /// Called with the reason when the child's end is the end of the tenure.
    pub(crate) ended: F,
}

impl<F: Fn(String)> Follower<F> {
    pub(crate) async fn run(self, mut state: watch::Receiver<ChildState>) {
        while state.changed().await.is_ok() {
            let now = state.borrow_and_update().clone();
            match now {
                ChildState::Ready(pid) if self.serves => {
                    self.tenure.set_service(Some(service(self.port, pid))).await;
                }
                ChildState::Starting if self.serves => self.tenure.set_service(None).await,
                ChildState::Final(FinalState::Failed(failure)) => {
                    tracing::error!(code = failure.code, "{}", failure.message);
                    (self.ended)(failure.message);
                }
                ChildState::Final(FinalState::Finished) if self.serves => {
                    (self.ended)("the command has ended, with status 0".to_owned());
                }
                ChildState::Final(FinalState::Finished) => {
                    tracing::info!("the helper {} has ended, with status 0", self.label);
                }
                ChildState::Ready(_) | ChildState::Starting | ChildState::Final(FinalState::Stopped) => {}
            }
        }
    }
}

pub(crate) fn on_loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

pub(crate) fn service(port: u16, pid: Pid) -> Service {
    Service { address: on_loopback(port), pid }
}
