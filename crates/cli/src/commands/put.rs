//! `oneworker put`: hands observations to the worker, and returns once they are safe.

use std::io::Read as _;

use serde::Serialize;
use worker::api::NewObservation;
use worker::client::observation;

use crate::args::PutArgs;
use crate::exit;
use crate::failure::Failure;
use crate::output::{self, SCHEMA};
use crate::request::{Done, Request};

/// What comes on standard input is handed over in portions of so many, and of about so many bytes: the worker takes 1 MiB at once.
const PORTION: usize = 500;
const PORTION_BYTES: usize = 512 * 1024;
/// The most that is read of standard input, in bytes.
const LONGEST_INPUT: u64 = 256 * 1024 * 1024;

pub(super) fn run(args: &PutArgs) -> Done {
    let request = Request::new(&args.common.flags(), &args.common.file(), true)?;
    let observations = if args.stdin { read()? } else { vec![given(args)?] };
    let mut receipts = Vec::with_capacity(observations.len());
    let mut rest = observations.as_slice();
    while !rest.is_empty() {
        let (portion, others) = rest.split_at(portion(rest));
        receipts.extend(request.ask(async |client| client.put(portion.to_vec()).await)?);
        rest = others;
    }
    let new = receipts.iter().filter(|receipt| receipt.new).count();
    let words = format!("{new} new, {} known already", receipts.len() - new);
    output::result(args.output.mode(), &words, &PutOutput { schema: SCHEMA, new, observations: receipts })?;
    Ok(exit::OK)
}

#[derive(Serialize)]
struct PutOutput {
    schema: u32,
    new: usize,
    observations: Vec<worker::api::Receipt>,
}

/// How many of these go together.
fn portion(observations: &[NewObservation]) -> usize {
    let mut bytes = 0;
    let fits = |one: &&NewObservation| {
        // What JSON adds to it is little, or it is made of what has to be escaped, and then one alone may be too large.
        bytes += one.text.len() + one.metadata.as_ref().map_or(0, |metadata| metadata.get().len()) + 512;
        bytes <= PORTION_BYTES
    };
    observations.iter().take(PORTION).take_while(fits).count().max(1)
}

fn given(args: &PutArgs) -> Result<NewObservation, Failure> {
    let mut one = observation(&args.session, &args.kind, &args.text.join(" "));
    one.key.clone_from(&args.key);
    if let Some(metadata) = &args.metadata {
        let parsed = serde_json::from_str(metadata);
        one.metadata = parsed.map_err(|error| Failure::usage(format!("--metadata is no JSON: {error}")))?;
    }
    Ok(one)
}

/// JSON objects, one after the other.
fn read() -> Result<Vec<NewObservation>, Failure> {
    let mut text = Vec::new();
    let read = std::io::stdin().lock().take(LONGEST_INPUT).read_to_end(&mut text);
    read.map_err(|error| Failure::io("standard input can't be read", &error))?;
    let objects = serde_json::Deserializer::from_slice(&text).into_iter();
    let numbered = objects.enumerate().map(|(n, object)| {
        object.map_err(|error| Failure::usage(format!("observation {n} on standard input: {error}")))
    });
    numbered.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_are_small_enough_and_never_empty() {
        let of = |length: usize, count| portion(&vec![observation("s", "k", &"x".repeat(length)); count]);
        assert_eq!(of(10, 3), 3);
        assert_eq!(of(10, 10_000), PORTION);
        assert_eq!(of(100_000, 100), 5);
        assert_eq!(of(2_000_000, 2), 1);
    }
}
