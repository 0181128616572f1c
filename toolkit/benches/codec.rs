//! Compares frames with plain bincode 2, postcard and `revision`, on the same types.
//!
//! The baseline is bincode's own serde path. Encoding at an older version is compared with bincode on the type of the
//! first release. The benchmark asserts the sizes: a frame has one byte more than bincode's output for the type of the
//! same release, and one more for each message nested in the frame. `cargo bench --bench codec -- WORD` runs only the
//! tables with `WORD` in their names.
//!
//! Each cell is the time to encode / the time to decode, as multiples of bincode's times. The column `wire(serde)` is
//! the newest version in its serde form. The figures are medians on a noisy machine with two cores:
//!
//! | | newest version | version 1 | `wire(serde)` | postcard | `revision` |
//! |---|--:|--:|--:|--:|--:|
//! | a struct of 17 fields | 0.45 / 0.86 | 0.51 / 0.93 | 0.49 / 0.86 | 0.99 / 0.73 | 1.00 / 0.92 |
//! | a command with a value of 16 B | 0.42 / 0.82 | 0.53 / 0.88 | 0.51 / 0.78 | 1.14 / 0.86 | 0.93 / 0.70 |
//! | a command with a value of 128 B | 0.44 / 0.37 | 0.29 / 0.36 | 0.46 / 0.36 | 1.08 / 0.73 | 0.63 / 0.34 |
//! | a command with a value of 4 KiB | 0.05 / 0.03 | 0.04 / 0.03 | 0.05 / 0.03 | 1.08 / 0.75 | 0.08 / 0.03 |
//! | a command with a value of 64 KiB | 0.04 / 0.02 | 0.04 / 0.02 | 0.04 / 0.02 | 1.10 / 0.75 | 0.04 / 0.02 |
//! | 1,000 structs of 3 fields | 1.16 / 0.98 | 1.16 / 0.98 | 1.16 / 0.98 | 1.92 / 1.53 | 1.09 / 0.93 |
//! | 100 commands of 128 B, each with its version | 0.26 / 0.41 | 0.24 / 0.41 | 0.26 / 0.41 | 1.12 / 0.78 | 0.23 / 0.39 |
//!
//! - A message with a field of bytes is faster than bincode's serde path because the field is written and read as a
//!   whole. serde's derive writes and reads the bytes one by one.
//! - Small messages are encoded faster because the buffer of a frame starts with a capacity of 64 bytes. The `Vec` of
//!   bincode's `encode_to_vec` grows from empty.
//! - A message with many small structs takes a sixth longer to encode than with bincode's serde path.
//! - `revision` can write only its newest revision, so it has no column for version 1.

#![allow(clippy::unwrap_used)]

use std::fmt::Debug;
use std::hint::black_box;
use std::time::{Duration, Instant};

use openraft_toolkit::codec::WriteVersion;
use openraft_toolkit::{WireMessage, decode, encode};
use revision::{DeserializeRevisioned, SerializeRevisioned};
use serde::Serialize;
use serde::de::DeserializeOwned;

#[path = "harness/mod.rs"]
mod harness;

use self::harness::{Args, median, ratios, take_turns};

const ROUNDS: usize = 301;
const ROUND: Duration = Duration::from_micros(300);

/// The types of the second release, for `revision` and for the formats that encode any serde type.
mod plain {
    use revision::revisioned;
    use serde::{Deserialize, Serialize};

    #[revisioned(revision = 2)]
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub(crate) struct Status {
        pub(crate) id: u64,
        pub(crate) term: u64,
        pub(crate) leader: Option<u64>,
        pub(crate) voter: bool,
        pub(crate) last: u64,
        pub(crate) committed: u64,
        pub(crate) applied: u64,
        pub(crate) purged: Option<u64>,
        pub(crate) snapshot: Option<u64>,
        pub(crate) shard: u16,
        pub(crate) zone: u8,
        pub(crate) load: f32,
        pub(crate) delta: i32,
        pub(crate) weight: u32,
        pub(crate) lag: i64,
        pub(crate) address: String,
        #[revision(start = 2)]
        pub(crate) epoch: u64,
    }

    #[revisioned(revision = 2)]
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub(crate) enum Command {
        Nothing,
        Put {
            key: String,
            value: Vec<u8>,
            #[revision(start = 2)]
            lease: Option<u64>,
        },
    }

    #[revisioned(revision = 1)]
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub(crate) struct Point {
        pub(crate) at: u64,
        pub(crate) count: u32,
        pub(crate) ok: bool,
    }

    #[revisioned(revision = 2)]
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub(crate) struct Series {
        pub(crate) points: Vec<Point>,
        #[revision(start = 2)]
        pub(crate) next: Option<u64>,
    }

    #[revisioned(revision = 2)]
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub(crate) struct Batch {
        pub(crate) commands: Vec<Command>,
        #[revision(start = 2)]
        pub(crate) next: Option<u64>,
    }
}

/// The types of the first release. They are the baseline for version 1, and write the older data that `revision` reads.
mod first {
    use revision::revisioned;
    use serde::{Deserialize, Serialize};

    use super::plain::Point;

    #[revisioned(revision = 1)]
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub(crate) struct Status {
        pub(crate) id: u64,
        pub(crate) term: u64,
        pub(crate) leader: Option<u64>,
        pub(crate) voter: bool,
        pub(crate) last: u64,
        pub(crate) committed: u64,
        pub(crate) applied: u64,
        pub(crate) purged: Option<u64>,
        pub(crate) snapshot: Option<u64>,
        pub(crate) shard: u16,
        pub(crate) zone: u8,
        pub(crate) load: f32,
        pub(crate) delta: i32,
        pub(crate) weight: u32,
        pub(crate) lag: i64,
        pub(crate) address: String,
    }

    #[revisioned(revision = 1)]
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub(crate) enum Command {
        Nothing,
        Put { key: String, value: Vec<u8> },
    }

    #[revisioned(revision = 1)]
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub(crate) struct Series {
        pub(crate) points: Vec<Point>,
    }

    #[revisioned(revision = 1)]
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub(crate) struct Batch {
        pub(crate) commands: Vec<Command>,
    }
}

/// The types of the second release as messages. A message inside another message is written in its serde form.
mod message {
    use openraft_toolkit::WireMessage;

    use super::plain::Point;

    #[derive(Debug, Clone, PartialEq, WireMessage)]
    #[wire(version = 2, min_version = 1, serde)]
    pub(crate) struct Status {
        pub(crate) id: u64,
        pub(crate) term: u64,
        pub(crate) leader: Option<u64>,
        pub(crate) voter: bool,
        pub(crate) last: u64,
        pub(crate) committed: u64,
        pub(crate) applied: u64,
        pub(crate) purged: Option<u64>,
        pub(crate) snapshot: Option<u64>,
        pub(crate) shard: u16,
        pub(crate) zone: u8,
        pub(crate) load: f32,
        pub(crate) delta: i32,
        pub(crate) weight: u32,
        pub(crate) lag: i64,
        pub(crate) address: String,
        #[wire(since = 2)]
        pub(crate) epoch: u64,
    }

    #[derive(Debug, Clone, PartialEq, WireMessage)]
    #[wire(version = 2, min_version = 1, serde)]
    pub(crate) enum Command {
        Nothing,
        Put {
            key: String,
            value: Vec<u8>,
            #[wire(since = 2)]
            lease: Option<u64>,
        },
    }

    #[derive(Debug, Clone, PartialEq, WireMessage)]
    #[wire(version = 2, min_version = 1, serde)]
    pub(crate) struct Series {
        pub(crate) points: Vec<Point>,
        #[wire(since = 2)]
        pub(crate) next: Option<u64>,
    }

    #[derive(Debug, Clone, PartialEq, WireMessage)]
    #[wire(version = 2, min_version = 1, serde)]
    pub(crate) struct Batch {
        pub(crate) commands: Vec<Command>,
        #[wire(since = 2)]
        pub(crate) next: Option<u64>,
    }
}

/// Builds a `$module::Status`. All fields of the first release have the same values in every module. `$newer` lists the
/// fields that the second release added. The module `first` has no such fields, so leave `$newer` out for it.
macro_rules! status {
    ($module:ident $(, $($newer:tt)*)?) => {
        $module::Status {
            id: 7,
            term: 12,
            leader: Some(3),
            voter: true,
            last: 1_234_567,
            committed: 1_234_560,
            applied: 1_234_558,
            purged: Some(1_000_000),
            snapshot: None,
            shard: 300,
            zone: 2,
            load: 0.25,
            delta: -5,
            weight: 100,
            lag: -70_000,
            address: "10.0.0.7:5001".to_owned(),
            $($($newer)*)?
        }
    };
}

/// Builds a `$module::Command::Put` with a value of `$bytes` bytes. All fields of the first release have the same
/// values in every module. `$newer` lists the fields that the second release added. The module `first` has no such
/// fields, so leave `$newer` out for it.
macro_rules! put {
    ($module:ident, $bytes:expr $(, $($newer:tt)*)?) => {
        $module::Command::Put {
            key: "0123456789abcdef".to_owned(),
            value: (0..$bytes).map(|byte| byte as u8).collect(),
            $($($newer)*)?
        }
    };
}

fn points() -> Vec<plain::Point> {
    let point = |at: u64| plain::Point {
        at: at * 1000,
        count: at as u32 % 300,
        ok: at.is_multiple_of(3),
    };
    (0..1000).map(point).collect()
}

fn commands<T: Clone>(command: T) -> Vec<T> {
    vec![command; 100]
}

fn main() {
    let args = Args::new();
    let comparison = Comparison {
        rounds: if args.measure { ROUNDS } else { 1 },
        args,
    };

    comparison.table(
        "a struct of 17 fields",
        0,
        &status!(plain, epoch: 0),
        &status!(first),
        &status!(message, epoch: 0),
    );
    for bytes in [16, 128, 4096, 65536] {
        comparison.table(
            &format!("a command with a value of {bytes} B"),
            0,
            &put!(plain, bytes, lease: None),
            &put!(first, bytes),
            &put!(message, bytes, lease: None),
        );
    }
    comparison.table(
        "1,000 structs of 3 fields",
        0,
        &plain::Series {
            points: points(),
            next: None,
        },
        &first::Series { points: points() },
        &message::Series {
            points: points(),
            next: None,
        },
    );
    comparison.table(
        "100 commands of 128 B, each with its version",
        100,
        &plain::Batch {
            commands: commands(put!(plain, 128, lease: None)),
            next: None,
        },
        &first::Batch {
            commands: commands(put!(first, 128)),
        },
        &message::Batch {
            commands: commands(put!(message, 128, lease: None)),
            next: None,
        },
    );
}

/// One way to encode and decode a value.
struct Contestant<'a> {
    name: &'static str,
    /// The index of the contestant with which this contestant is compared.
    baseline: usize,
    /// The number of encoded bytes.
    size: usize,
    /// Encodes the value the given number of times. `None` if only decoding is measured.
    encode: Option<Box<dyn Fn(u32) + 'a>>,
    /// Decodes the bytes the given number of times.
    decode: Box<dyn Fn(u32) + 'a>,
}

impl<'a> Contestant<'a> {
    fn new<T: Debug + PartialEq>(
        name: &'static str,
        baseline: usize,
        value: &'a T,
        encode: impl Fn() -> Vec<u8> + 'a,
        decode: impl Fn(&[u8]) -> T + 'a,
    ) -> Self {
        let bytes = encode();
        assert_eq!(&decode(&bytes), value, "{name}");
        Self {
            name,
            baseline,
            size: bytes.len(),
            encode: Some(repeated(encode)),
            decode: repeated(move || decode(black_box(&bytes))),
        }
    }
}

fn repeated<'a, R>(run: impl Fn() -> R + 'a) -> Box<dyn Fn(u32) + 'a> {
    Box::new(move |times| {
        for _ in 0..times {
            black_box(run());
        }
    })
}

const BINCODE: usize = 0;
const BINCODE_FIRST: usize = 1;

struct Comparison {
    rounds: usize,
    args: Args,
}

impl Comparison {
    /// Prints the table of one value. `plain`, `first` and `message` each hold this value, in a type from the module of
    /// the same name. `nested` is the number of messages inside `message`.
    fn table<Plain, First, Message>(&self, what: &str, nested: usize, plain: &Plain, first: &First, message: &Message)
    where
        Plain: Serialize + DeserializeOwned + SerializeRevisioned + DeserializeRevisioned + PartialEq + Debug,
        First: Serialize + DeserializeOwned + SerializeRevisioned + PartialEq + Debug,
        Message: WireMessage + Serialize + DeserializeOwned + PartialEq + Debug,
    {
        if !self.args.picks(what) {
            return;
        }
        let standard = bincode::config::standard();
        let level = WriteVersion::new(1);
        let revision_first = revision::to_vec(first).unwrap();
        let mut contestants = vec![
            Contestant::new(
                "bincode 2, serde path",
                BINCODE,
                plain,
                || bincode::serde::encode_to_vec(black_box(plain), standard).unwrap(),
                |bytes| bincode::serde::decode_from_slice(bytes, standard).unwrap().0,
            ),
            Contestant::new(
                "bincode 2, first release's type",
                BINCODE_FIRST,
                first,
                || bincode::serde::encode_to_vec(black_box(first), standard).unwrap(),
                |bytes| bincode::serde::decode_from_slice(bytes, standard).unwrap().0,
            ),
            Contestant::new(
                "`WireMessage`, newest version",
                BINCODE,
                message,
                || black_box(message).encode().unwrap(),
                |bytes| Message::decode(bytes).unwrap(),
            ),
            Contestant::new(
                "`WireMessage`, version 1",
                BINCODE_FIRST,
                message,
                || level.encode(black_box(message)).unwrap(),
                |bytes| Message::decode(bytes).unwrap(),
            ),
            Contestant::new(
                "`encode`, `decode`",
                BINCODE,
                plain,
                || encode(1, black_box(plain)).unwrap(),
                |bytes| decode(1, bytes).unwrap(),
            ),
            Contestant::new(
                "`wire(serde)` in `encode`, newest version",
                BINCODE,
                message,
                || encode(1, black_box(message)).unwrap(),
                |bytes| decode(1, bytes).unwrap(),
            ),
            Contestant::new(
                "`wire(serde)` in `encode`, version 1",
                BINCODE_FIRST,
                message,
                || level.scope(|| encode(1, black_box(message)).unwrap()),
                |bytes| decode(1, bytes).unwrap(),
            ),
            Contestant::new(
                "postcard",
                BINCODE,
                plain,
                || postcard::to_allocvec(black_box(plain)).unwrap(),
                |bytes| postcard::from_bytes(bytes).unwrap(),
            ),
            Contestant::new(
                "`revision`, newest revision",
                BINCODE,
                plain,
                || revision::to_vec(black_box(plain)).unwrap(),
                |bytes| revision::from_slice(bytes).unwrap(),
            ),
            Contestant {
                encode: None, // `revision` writes only its newest revision
                ..Contestant::new(
                    "`revision`, revision 1",
                    BINCODE_FIRST,
                    plain,
                    || revision_first.clone(),
                    |bytes| revision::from_slice(bytes).unwrap(),
                )
            },
        ];
        // Expect one version byte for the frame, and one for each message inside it.
        for (frame, bytes) in [(2, 1 + nested), (3, 1 + nested), (4, 1)] {
            let Contestant {
                name, size, baseline, ..
            } = contestants[frame];
            assert_eq!(size, contestants[baseline].size + bytes, "{name}: {what}");
        }

        let encoded = times(self.rounds, contestants.iter().map(|c| c.encode.as_deref()));
        let decoded = times(self.rounds, contestants.iter().map(|c| Some(&*c.decode)));
        let mut table =
            format!("| {what} | size | encode | of bincode's | decode | of bincode's |\n|---|--:|--:|--:|--:|--:|\n");
        for (
            index,
            Contestant {
                name, baseline, size, ..
            },
        ) in contestants.drain(..).enumerate()
        {
            let [encode, decode] = [&encoded, &decoded].map(|times| columns(times, index, baseline));
            table += &format!("| {name} | {size} B | {encode} | {decode} |\n");
        }
        println!("{table}");
    }
}

/// Measures the runs in turns. Returns, for each run, the nanoseconds per call in each round, or an empty list for
/// `None`.
fn times<'r>(rounds: usize, run: impl Iterator<Item = Option<&'r (dyn Fn(u32) + 'r)>>) -> Vec<Vec<f64>> {
    let runs: Vec<_> = run.map(|run| run.map(|run| (run, iterations(run)))).collect();
    let times = take_turns(rounds, &runs, |run| {
        let (run, iterations) = run.as_ref()?;
        let start = Instant::now();
        run(*iterations);
        Some(start.elapsed().as_nanos() as f64 / f64::from(*iterations))
    });
    times
        .into_iter()
        .map(|own| own.into_iter().flatten().collect())
        .collect()
}

/// Returns how many times to call `run` in a round, so that the round takes at least [`ROUND`].
fn iterations(run: &dyn Fn(u32)) -> u32 {
    let mut iterations = 1;
    loop {
        let start = Instant::now();
        run(iterations);
        if start.elapsed() >= ROUND {
            return iterations;
        }
        iterations *= 2;
    }
}

/// Returns two columns of the table: the median time, and the median ratio of the time to the baseline's time in the
/// same round. Both columns are empty if the run was not measured.
fn columns(times: &[Vec<f64>], index: usize, baseline: usize) -> String {
    let own = &times[index];
    if own.is_empty() {
        return "| ".to_owned();
    }
    let ratio = median(&ratios(own, &times[baseline]));
    format!("{:.0} ns | {ratio:.2}", median(own))
}
