//! Who is there: the processes of this user, which of them belong to an identity, and which only look as if they did.
//!
//! What a process is called by its arguments says little: an editor has the worker's name in them too. So whoever is in office is told by the
//! tenure lock, who belongs to it by descent, and who is a stray by the program that it really executes and whole arguments of it.

mod facts;
mod kin;
mod kind;
mod open;
mod pattern;
mod source;

pub(crate) use facts::{Census, Facts, working_dir};
pub(crate) use kin::{ancestors, descendants};
pub(crate) use kind::{Classified, ProcessKind, Tenant, classify, is_managed, strays};
pub(crate) use open::{connections, has_tenure, holds, tenures};
pub(crate) use pattern::Strays;
pub(crate) use source::{source, version};
