//! Child processes of the worker.

#![cfg_attr(not(test), expect(dead_code, reason = "nothing starts children yet"))]

mod output;
