//! `any-protocol serve STATE_DIR MIN MAX`: a worker that speaks these protocol versions.

// All of this package is test code.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use coordinator::{LaunchCommand, ProtocolRange, WorkerSpec};

fn main() {
    let [_, _, dir, min, max] =
        std::env::args().collect::<Vec<_>>().try_into().expect("serve STATE_DIR MIN MAX");
    let range =
        ProtocolRange::new(min.parse().expect("a number"), max.parse().expect("a number")).expect("a range");
    let spec = WorkerSpec::builder(LaunchCommand::new("true", [""; 0]))
        .port("auto")
        .state_dir(dir)
        .protocol(range)
        .build();
    worker::run(&spec.expect("a spec"), worker::ServeOptions::default()).expect("a tenure in good order");
}
