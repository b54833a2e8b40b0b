//! `oneworker ps --watch`: the table, live, with keys to look closer and to stop.
//!
//! The parts know little of each other. `model` is what is shown and what keys mean: a state, and what each event makes of it. `picture` makes
//! lines of a state and a size. Both are plain values and functions. `sampler` is a thread that inspects the processes again and again, and ends
//! one when it is told to: a worker that does not answer delays no key. `screen` is the terminal, and restores it on every way out.

mod command;
mod end_target;
mod event;
mod model;
mod pane;
mod picture;
mod sample;
mod sampler;
mod screen;
mod window;

pub(super) use command::run;
