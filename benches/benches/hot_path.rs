//! The hot path in process: `ensure_single_worker` while the worker runs, beside one bare HTTP round trip.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use coordinator::{EnsureRequest, LaunchCommand, WorkerId, ensure_single_worker};
use criterion::{Criterion, criterion_group, criterion_main};
use oneworker_benches::{Stage, bare_get};

fn hot_path(c: &mut Criterion) {
    let stage = Stage::new(env!("CARGO_BIN_EXE_oneworker-measured"));
    let address = stage.address();
    let command = LaunchCommand::new(env!("CARGO_BIN_EXE_oneworker-measured"), stage.args("serve"));
    let id = WorkerId::builder().port("auto").state_dir(stage.state_dir()).build().unwrap();
    let request = EnsureRequest::new(id, command);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();

    let mut group = c.benchmark_group("worker runs already");
    group.bench_function("bare HTTP round trip (std, new connection)", |b| {
        b.iter(|| bare_get(address).unwrap())
    });
    group.bench_function("ensure_single_worker", |b| {
        b.to_async(&runtime).iter(|| async { ensure_single_worker(&request).await.unwrap() });
    });
    group.finish();
}

criterion_group!(benches, hot_path);
criterion_main!(benches);
