//! A port for a round. The worker binds it seconds after it was chosen, so it must be nobody else's meanwhile: neither another campaign's on
//! this machine, nor a test's, nor an end of some connection.

use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::rng::Rng;

/// Above the tests' own (`oneworker_tests::free_port`), and below those that the kernel gives to connections.
const PORTS: std::ops::Range<u64> = 30_000..32_700;

/// A port that no other campaign takes while this lives.
pub struct ReservedPort {
    port: u16,
    // A name in the network namespace that the port is in, gone with this process however it ends.
    _claim: UnixDatagram,
}

impl ReservedPort {
    /// One that is free now.
    pub fn reserve() -> Self {
        let mut rng = Rng::new(crate::history::now() ^ u64::from(std::process::id()) << 32);
        std::iter::repeat_with(|| rng.within(PORTS) as u16)
            .take(10_000)
            .find_map(Self::claim)
            .expect("a free port between 30000 and 32700")
    }

    fn claim(port: u16) -> Option<Self> {
        let name = SocketAddr::from_abstract_name(format!("oneworker-campaign-port-{port}")).ok()?;
        let claim = UnixDatagram::bind_addr(&name).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
        Some(Self { port, _claim: claim })
    }

    /// The number.
    pub fn get(&self) -> u16 {
        self.port
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_reserved_until_it_is_dropped_and_never_one_that_is_in_use() {
        let reserved = ReservedPort::reserve();
        assert!(ReservedPort::claim(reserved.get()).is_none());
        let port = reserved.get();
        drop(reserved);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(ReservedPort::claim(port).is_none());
        drop(listener);
        assert!(ReservedPort::claim(port).is_some());
    }
}
