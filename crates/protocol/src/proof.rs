//! Proof of identity: the worker answers a fresh challenge with a MAC that only who can read the state directory can make.
//!
//! The MAC (HMAC-SHA-256, RFC 2104) covers every field of the answer and the challenge, each with its length in front, so that no
//! two answers have the same bytes. It covers the address that was dialled too: a squatter that relays to the real worker is
//! found out.

use std::fmt;
use std::net::SocketAddr;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::identity::{Epoch, Name, ProtocolRange};
use crate::machine::{Pid, Random};
use crate::record::{Service, WorkerState};

/// The most of a health answer that is read, in bytes.
pub const MAX_HEALTH_BYTES: usize = 16 * 1024;

/// A nonce: 16 random bytes in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    /// A fresh one.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub fn fresh(random: &dyn Random) -> std::io::Result<Self> {
        random_hex::<16>(random).map(Self)
    }

    /// One that came from a session: 16 to 128 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (16..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
        fits.then(|| Self(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `proof.key`: the secret of one tenure.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofKey {
    /// The tenure it belongs to.
    pub epoch: Epoch,
    /// The secret, in hexadecimal digits.
    key: String,
}

impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProofKey(epoch {}, …)", self.epoch)
    }
}

impl ProofKey {
    /// A fresh key of 32 random bytes.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub fn fresh(epoch: Epoch, random: &dyn Random) -> std::io::Result<Self> {
        Ok(Self { epoch, key: random_hex::<32>(random)? })
    }

    fn mac(&self, health: &Health, challenge: &Challenge) -> Hmac<Sha256> {
        // HMAC takes keys of every length, so this cannot fail.
        #[allow(clippy::expect_used)]
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_bytes()).expect("any length will do");
        let mut field = |bytes: &[u8]| {
            mac.update(&(bytes.len() as u64).to_be_bytes());
            mac.update(bytes);
        };
        field(b"oneworker health v1");
        field(challenge.as_str().as_bytes());
        field(health.name.as_str().as_bytes());
        field(health.identity.as_bytes());
        field(&health.epoch.0.to_be_bytes());
        field(&health.pid.0.to_be_bytes());
        field(health.address.to_string().as_bytes());
        field(health.version.to_string().as_bytes());
        field(&health.protocol.min.to_be_bytes());
        field(&health.protocol.max.to_be_bytes());
        field(&[health.state as u8]);
        if let Some(service) = &health.service {
            field(service.address.to_string().as_bytes());
            field(&service.pid.0.to_be_bytes());
        }
        mac
    }

    /// Puts the proof for this challenge into an answer.
    pub fn sign(&self, health: &mut Health, challenge: &Challenge) {
        health.proof = Some(hex(&self.mac(health, challenge).finalize().into_bytes()));
    }

    /// Whether the answer carries the right proof for this challenge. Takes the same time for every wrong one.
    pub fn verifies(&self, health: &Health, challenge: &Challenge) -> bool {
        health
            .proof
            .as_deref()
            .and_then(unhex)
            .is_some_and(|proof| self.mac(health, challenge).verify_slice(&proof).is_ok())
    }
}

/// The answer to `GET /health`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The format's version: 1.
    pub schema: u32,
    /// The identity's name.
    pub name: Name,
    /// A digest of name, user and state directory, for people and logs: the proof rests on the key.
    pub identity: String,
    /// The tenure's number.
    pub epoch: Epoch,
    /// The process in tenure.
    pub pid: Pid,
    /// The address that the connection came to.
    pub address: SocketAddr,
    /// The worker's version.
    pub version: semver::Version,
    /// The protocol versions that it speaks.
    pub protocol: ProtocolRange,
    /// How far it is.
    pub state: WorkerState,
    /// The command that serves in its place, if it supervises one and that is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// The MAC; absent where no challenge was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
}

/// The digest in [`Health::identity`].
pub fn identity_digest(name: &Name, user: &str, dir: &std::path::Path) -> String {
    use sha2::Digest;
    let mut digest = Sha256::new();
    for part in [name.as_str().as_bytes(), user.as_bytes(), dir.as_os_str().as_encoded_bytes()] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    hex(&digest.finalize()[..16])
}

/// `N` random bytes, in hexadecimal digits.
///
/// # Errors
/// If the system gives no random bytes.
pub fn random_hex<const N: usize>(random: &dyn Random) -> std::io::Result<String> {
    let mut bytes = [0u8; N];
    random.fill(&mut bytes)?;
    Ok(hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health() -> Health {
        Health {
            schema: 1,
            name: Name::default(),
            identity: "0".repeat(32),
            epoch: Epoch(7),
            pid: Pid(42),
            address: SocketAddr::from(([127, 0, 0, 1], 37777)),
            version: semver::Version::new(1, 2, 3),
            protocol: ProtocolRange::default(),
            state: WorkerState::Ready,
            service: None,
            proof: None,
        }
    }

    #[test]
    fn a_proof_holds_for_its_challenge_its_key_and_every_field() {
        let random = crate::test_machine::machine().random;
        let key = ProofKey::fresh(Epoch(7), &*random).unwrap();
        let challenge = Challenge::fresh(&*random).unwrap();
        let mut good = health();
        key.sign(&mut good, &challenge);
        assert!(key.verifies(&good, &challenge));
        assert!(!key.verifies(&good, &Challenge::fresh(&*random).unwrap()), "a replayed proof");
        assert!(!ProofKey::fresh(Epoch(7), &*random).unwrap().verifies(&good, &challenge), "another key");
        let service = Service { address: good.address, pid: Pid(1) };
        let lies: [fn(&mut Health); 9] = [
            |h| h.name = "other".parse().unwrap(),
            |h| h.identity.push('1'),
            |h| h.epoch = Epoch(8),
            |h| h.pid = Pid(43),
            |h| h.address.set_port(37778),
            |h| h.version.patch = 4,
            |h| h.protocol.max = 2,
            |h| h.state = WorkerState::Leaving,
            |h| h.service = Some(Service { address: h.address, pid: h.pid }),
        ];
        for (i, lie) in lies.iter().enumerate() {
            let mut bad = good.clone();
            lie(&mut bad);
            assert!(!key.verifies(&bad, &challenge), "lie {i} passed");
        }
        let mut supervisor = Health { service: Some(service), ..good.clone() };
        key.sign(&mut supervisor, &challenge);
        assert!(key.verifies(&supervisor, &challenge));
        for lie in [None, Some(Service { pid: Pid(2), ..service })] {
            assert!(!key.verifies(&Health { service: lie, ..supervisor.clone() }, &challenge), "{lie:?}");
        }
        good.proof = None;
        assert!(!key.verifies(&good, &challenge), "no proof at all");
    }

    #[test]
    fn an_answer_is_far_shorter_than_what_is_read_of_it() {
        let mut signed = health();
        let random = crate::test_machine::machine().random;
        let key = ProofKey::fresh(Epoch(7), &*random).unwrap();
        key.sign(&mut signed, &Challenge::fresh(&*random).unwrap());
        assert!(serde_json::to_vec(&signed).unwrap().len() * 8 < MAX_HEALTH_BYTES);
    }

    #[test]
    fn a_challenge_from_outside_is_hexadecimal_and_bounded() {
        assert!(Challenge::parse(&"ab".repeat(8)).is_some());
        assert!(Challenge::parse("").is_none());
        assert!(Challenge::parse(&"a".repeat(129)).is_none());
        assert!(Challenge::parse("zzzzzzzzzzzzzzzz").is_none());
    }

    #[test]
    fn identities_of_other_names_users_and_directories_have_other_digests() {
        let digest = |name: &str, user, dir: &str| {
            identity_digest(&name.parse().unwrap(), user, std::path::Path::new(dir))
        };
        let mut digests = [
            digest("default", "1000", "/state"),
            digest("other", "1000", "/state"),
            digest("default", "1001", "/state"),
            digest("default", "1000", "/other"),
            // The same bytes in all.
            digest("default1", "000", "/state"),
        ];
        assert!(digests.iter().all(|digest| digest.len() == 32), "{digests:?}");
        digests.sort();
        assert!(digests.windows(2).all(|pair| pair[0] != pair[1]), "{digests:?}");
    }

    #[test]
    fn hexadecimal_digits_are_read_back_and_garbage_is_refused() {
        assert_eq!(unhex(&hex(&[0, 1, 254, 255])), Some(vec![0, 1, 254, 255]));
        for garbage in ["a", "zz", "é", "a\u{301}"] {
            assert_eq!(unhex(garbage), None, "{garbage:?}");
        }
    }
}
