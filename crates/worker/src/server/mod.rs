//! HTTP on loopback, with a bound on everything.
//!
//! Any program of the machine, and any web page in its browser, can talk to a loopback port. So
//! everything that a client can make the worker hold has a limit ([`crate::Limits`]): connections,
//! bytes of a head and of a body, and the time for each of them. The `gate` decides which requests
//! are allowed before a route sees them. Connections are cheap to open. If a limit on them were
//! hard, any client could make the worker look dead to its sessions. So the connection that was
//! quiet for longest makes room for a new one, see `connection_table`.
//!
//! ```text
//! http_server ──▶ accept ──▶ connection ──▶ handler: gate, time limit ──▶ control, data
//! ```

mod accept;
mod body;
mod closing;
mod connection;
mod connection_table;
mod control;
mod data;
mod dialled;
mod gate;
mod handler;
mod handover_signal;
mod http_server;
mod idle_connection;
mod observation_body;
mod request_error;
mod served_tenure;
mod write_timeout;

#[cfg(test)]
mod tests;

pub use observation_body::check_observations;

pub(crate) use control::ControlState;
pub(crate) use data::{DataState, routes as data_routes};
pub(crate) use handler::RequestHandler;
pub(crate) use handover_signal::HandoverSignal;
pub(crate) use http_server::{DrainReport, HttpServer};
pub(crate) use idle_connection::IdleConnection;
