//! `oneworker ps`.

use coordinator::machine::Machine;
use coordinator::system;
use serde::Serialize;
use serde_json::Value;

use super::rows::{Row, rows};
use super::table::{coloured, table};
use super::view::View;
use super::watch;
use crate::args::PsArgs;
use crate::census::ProcessKind;
use crate::exit;
use crate::failure::Failure;
use crate::output::{self, SCHEMA};
use crate::request::{Done, Request};

pub(in super::super) fn run(args: &PsArgs) -> Done {
    let mut flags = args.common.flags();
    args.patterns.add_to(&mut flags);
    let request = Request::new(&flags, &args.common.file(), false)?;
    if args.watch {
        return watch::run(args, request);
    }
    let view = View::take(&system::machine(), &request)?;
    let rows = rows(&view, args.all);
    output::result(args.output.mode(), &table(&rows, coloured()), &PsOutput::new(&rows))?;
    Ok(exit::OK)
}

/// What `--json` prints.
pub(in super::super) fn report(machine: &Machine, request: &Request) -> Result<Value, Failure> {
    Ok(output::value(&PsOutput::new(&rows(&View::take(machine, request)?, false))))
}

/// The shape of the answer.
#[derive(Serialize)]
struct PsOutput<'a> {
    schema: u32,
    strays: usize,
    memory_bytes: u64,
    cpu_ms: u64,
    processes: &'a [Row],
}

impl<'a> PsOutput<'a> {
    fn new(rows: &'a [Row]) -> Self {
        Self {
            schema: SCHEMA,
            strays: rows.iter().filter(|row| row.kind == ProcessKind::Stray).count(),
            memory_bytes: rows.iter().map(|row| row.memory_bytes).sum(),
            cpu_ms: rows.iter().map(|row| row.cpu_ms).sum(),
            processes: rows,
        }
    }
}
