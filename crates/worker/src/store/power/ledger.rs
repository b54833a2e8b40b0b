//! What the clients know: which observations and leases have to be there after a power failure,
//! which must not be, and which may.

use std::collections::BTreeMap;

use crate::api::{NewObservation, Receipt};

use super::found::Found;

/// What a client knows of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    There,
    Gone,
    /// The request with this number was not answered; before it, it was there, or was not.
    Unknown {
        request: usize,
        was_there: bool,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) fate: Fate,
    pub(super) id: Option<i64>,
    pub(super) at: i64,
    pub(super) session: String,
    text: String,
}

/// All that was ever asked for, by key, and how it was answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    pub(super) observations: BTreeMap<String, Known>,
    pub(super) leases: BTreeMap<String, Fate>,
    /// The highest epoch whose claim was reported as done, and the highest that was tried.
    pub(super) claimed: u64,
    pub(super) tried: u64,
    requests: usize,
}

fn doubt(fate: &mut Fate, request: usize, to_be: bool) {
    let was_there = *fate == Fate::There;
    if was_there != to_be && !matches!(fate, Fate::Unknown { .. }) {
        *fate = Fate::Unknown { request, was_there };
    }
}

impl Ledger {
    fn request(&mut self) -> usize {
        self.requests += 1;
        self.requests
    }

    /// A client hands these in.
    pub(super) fn adding(&mut self, batch: &[NewObservation], at: i64) {
        let request = self.request();
        for new in batch {
            let key = new.key.clone().unwrap_or_default();
            let (session, text) = (new.session.clone(), new.text.clone());
            let known = self.observations.entry(key).or_insert(Known {
                fate: Fate::Gone,
                id: None,
                at,
                session,
                text,
            });
            if known.fate == Fate::Gone {
                known.at = at;
            }
            doubt(&mut known.fate, request, true);
        }
    }

    /// They were taken.
    pub(super) fn added(&mut self, batch: &[NewObservation], receipts: &[Receipt]) -> Result<(), String> {
        for (new, receipt) in batch.iter().zip(receipts) {
            let key = new.key.clone().unwrap_or_default();
            let known = self.observations.get_mut(&key).ok_or("unknown")?;
            if known.fate == Fate::There && (receipt.new || known.id != Some(receipt.id)) {
                return Err(format!("doubled: {key} was there, and came again as {receipt:?}"));
            }
            (known.fate, known.id) = (Fate::There, Some(receipt.id));
        }
        Ok(())
    }

    /// Those that are to be removed; they may be gone from now on.
    pub(super) fn removing(&mut self, which: impl Fn(&Known) -> bool) -> Vec<String> {
        let request = self.request();
        let chosen =
            self.observations.iter_mut().filter(|(_, known)| known.fate == Fate::There && which(known));
        let doubted = chosen.map(|(key, known)| {
            doubt(&mut known.fate, request, false);
            key.clone()
        });
        doubted.collect()
    }

    pub(super) fn removed(&mut self, keys: &[String]) {
        for key in keys {
            self.observations.entry(key.clone()).and_modify(|known| known.fate = Fate::Gone);
        }
    }

    /// A lease is to be begun, or ended.
    pub(super) fn leasing(&mut self, id: &str, to_be: bool) {
        let request = self.request();
        doubt(self.leases.entry(id.to_owned()).or_insert(Fate::Gone), request, to_be);
    }

    pub(super) fn leased(&mut self, id: &str, there: bool) {
        self.leases.insert(id.to_owned(), if there { Fate::There } else { Fate::Gone });
    }

    /// What is not known of: it is to be handed in again.
    pub(super) fn unknown(&self) -> Vec<String> {
        let unknown =
            self.observations.iter().filter(|(_, known)| matches!(known.fate, Fate::Unknown { .. }));
        unknown.map(|(key, _)| key.clone()).collect()
    }

    /// Whether that is what may be there.
    pub(super) fn judge(&self, found: &Found) -> Result<(), String> {
        let mut requests = BTreeMap::new();
        for (key, known) in &self.observations {
            let there = found.observations.get(key);
            judge(&format!("observation {key}"), known.fate, there.is_some(), &mut requests)?;
            if let (Some(there), Fate::There) = (there, known.fate)
                && known.id != Some(there.id)
            {
                return Err(format!("observation {key} was {:?} and is {there:?}", known.id));
            }
            if there.is_some_and(|there| there.text != known.text) {
                return Err(format!("observation {key} has another text"));
            }
        }
        for (id, fate) in &self.leases {
            judge(&format!("lease {id}"), *fate, found.leases.contains(id), &mut requests)?;
        }
        let stranger = found.observations.keys().find(|key| !self.observations.contains_key(*key));
        stranger.map_or(Ok(()), |key| Err(format!("invented: observation {key}")))
    }

    /// From now on known is what was found.
    pub(super) fn settle(&mut self, found: &Found) {
        let fate = |there| if there { Fate::There } else { Fate::Gone };
        for (key, known) in &mut self.observations {
            let there = found.observations.get(key);
            known.fate = fate(there.is_some());
            if let Some(there) = there {
                (known.id, known.at) = (Some(there.id), there.at_ms);
            }
        }
        for (id, known) in &mut self.leases {
            *known = fate(found.leases.contains(id));
        }
    }
}

/// A request is done as a whole or not at all, so its things all changed or none.
fn judge(what: &str, fate: Fate, there: bool, requests: &mut BTreeMap<usize, bool>) -> Result<(), String> {
    match fate {
        Fate::There if !there => Err(format!("lost: {what}")),
        Fate::Gone if there => Err(format!("came back: {what}")),
        Fate::Unknown { request, was_there } => {
            let done = was_there != there;
            if *requests.entry(request).or_insert(done) == done {
                return Ok(());
            }
            Err(format!("half of request {request} was done: {what}"))
        }
        _ => Ok(()),
    }
}
