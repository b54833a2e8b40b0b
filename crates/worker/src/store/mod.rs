//! The worker's data, in one fenced SQLite database.
//!
//! ```text
//! routes ──▶ Store ──▶ writer: one thread, one fenced connection; waiting writes share a transaction
//!              └─────▶ readers: a few connections that can't write
//! ```
//!
//! The answer to a write comes after its commit. The bytes that wait for the writer have a bound
//! ([`Store::reserve`]). A client that would exceed it is told to try again.

mod copies;
mod database;
mod error;
mod leases;
mod observations;
mod readers;
mod schema;
mod writer;

#[cfg(test)]
mod power;

pub use copies::{backup, restore};
pub use error::StoreError;
pub use schema::schema_versions;

pub(crate) use database::{Store, StoreConfig};
pub(crate) use leases::{Lease, NewLease};
pub(crate) use observations::{Page, Retention};
