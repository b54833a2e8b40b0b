//! The running worker, as far as a loser can tell.

use crate::machine::Pid;
use crate::record::Record;

/// Who is in office, as far as a loser can tell.
#[derive(Clone, Debug)]
pub struct Holder {
    /// The process.
    pub pid: Option<Pid>,
    /// What it says of itself.
    pub record: Option<Record>,
}
