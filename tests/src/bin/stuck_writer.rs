//! `stuck-writer DATABASE`: begins to write to a SQLite database, and stops itself (SIGSTOP) in the middle of the transaction.

// All of this package is test code.
#![allow(clippy::unwrap_used, clippy::expect_used)]

fn main() {
    let path = std::env::args_os().nth(1).expect("a database");
    let db = rusqlite::Connection::open(path).expect("a database");
    db.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE IF NOT EXISTS stuck (x); BEGIN EXCLUSIVE; INSERT INTO stuck VALUES (1)")
        .expect("the write lock");
    // SAFETY: a plain system call.
    unsafe { libc::raise(libc::SIGSTOP) };
}
