//! What can be done to bytes.

use proptest::prelude::*;
use proptest::sample::Index;

/// What parsers trip over.
const MORSELS: [&[u8]; 22] = [
    b"18446744073709551615",
    b"18446744073709551616",
    b"-1",
    b"4294967296",
    b"1e999",
    b"0.5",
    b"null",
    b"{}",
    b"[[[[[[[[[[[[[[[[",
    b"{\"a\":{\"a\":{\"a\":",
    b"\"\\ud800\"",
    b"\\u0000",
    b"\0",
    b"\xFF\xFE",
    b"\xC3",
    b"\n",
    b"\r\n\r\n",
    b"\"",
    b"'''",
    b"\x1b[2J",
    b"transfer-encoding: chunked\r\n",
    b"FFFFFFFFFFFFFFFF\r\n",
];

#[derive(Clone, Debug)]
enum Edit {
    Set(Index, u8),
    Flip(Index, u8),
    Cut(Index),
    Remove(Index, usize),
    Insert(Index, Vec<u8>),
    Repeat(Index, usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let morsel = prop_oneof![
        prop::sample::select(&MORSELS[..]).prop_map(<[u8]>::to_vec),
        prop::collection::vec(any::<u8>(), 1..9),
    ];
    let at = any::<Index>;
    prop_oneof![
        3 => (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        3 => (at(), 0..8_u8).prop_map(|(at, bit)| Edit::Flip(at, 1 << bit)),
        1 => at().prop_map(Edit::Cut),
        2 => (at(), 1..32_usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        4 => (at(), morsel).prop_map(|(at, morsel)| Edit::Insert(at, morsel)),
        1 => (at(), 1..64_usize, 1..2000_usize).prop_map(|(at, length, times)| Edit::Repeat(at, length, times)),
    ]
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |at: &Index| at.index(bytes.len() + 1);
        match self {
            Self::Set(..) | Self::Flip(..) if bytes.is_empty() => {}
            Self::Set(at, byte) => *at.get_mut(bytes) = *byte,
            Self::Flip(at, mask) => *at.get_mut(bytes) ^= mask,
            Self::Cut(at) => bytes.truncate(place(at)),
            Self::Remove(at, length) => {
                let (from, end) = (place(at), bytes.len());
                bytes.drain(from..end.min(from + length));
            }
            Self::Insert(at, morsel) => {
                let at = place(at);
                bytes.splice(at..at, morsel.iter().copied());
            }
            Self::Repeat(at, length, times) => {
                let (from, end) = (place(at), bytes.len());
                let piece = bytes[from..end.min(from + length)].repeat(*times);
                bytes.splice(from..from, piece);
            }
        }
    }
}

/// One of `seeds`, with a few edits.
pub(crate) fn mutated(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    (prop::sample::select(seeds), prop::collection::vec(edit(), 0..6)).prop_map(|(mut bytes, edits)| {
        edits.iter().for_each(|edit| edit.apply(&mut bytes));
        bytes
    })
}

/// Anything at all, or one of `seeds` with a few edits.
pub(crate) fn hostile(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![1 => prop::collection::vec(any::<u8>(), 0..2000), 4 => mutated(seeds)]
}
