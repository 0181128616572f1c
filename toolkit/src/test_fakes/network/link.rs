//! The faults of a directed link, and the fate of one message.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;

/// The faults of a directed link, from one node to another.
///
/// The default is a perfect link: no message is late or lost. [`MemNetwork::set_faults`] and
/// [`MemNetwork::set_link_faults`] apply faults to the messages that are sent from then on.
///
/// An RPC is two messages: the request travels the link to the target, and the answer travels the link back. Each
/// message has its own delay, and is lost independently of the other. If an answer is lost, its request has taken
/// effect.
///
/// The sender is not told of a loss. Its RPC ends with a [`Timeout`](openraft::errors::Timeout) when the time-to-live
/// that openraft gave the RPC is over. A request that was only late may still arrive after that, unless it is a
/// snapshot.
///
/// The time-to-live of a heartbeat or a batch of entries is three quarters of
/// [`heartbeat_interval`](openraft::Config::heartbeat_interval). Keep round trips shorter than that. Otherwise these
/// RPCs time out, and a leader that gets no answers commits nothing. A snapshot has three quarters of
/// [`install_snapshot_timeout`](openraft::Config::install_snapshot_timeout), and every other RPC three quarters of
/// [`election_timeout_min`](openraft::Config::election_timeout_min).
///
/// # Which messages overtake each other
///
/// Each message has its own delay, like a datagram. So with [`jitter`](Self::jitter) or [`reorder`](Self::reorder), a
/// later message may arrive first. Batches of entries do not overtake each other, because openraft waits for the answer
/// to a batch before it sends the next batch. Heartbeats, votes, snapshots and batches that are repeated after a
/// timeout can be under way at the same time, and may arrive in any order.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use openraft_toolkit::test_fakes::LinkFaults;
///
/// let ms = Duration::from_millis;
/// let far_away = LinkFaults::new().latency(ms(40)).jitter(ms(10));
/// let lossy = LinkFaults::new().drop(0.1).duplicate(0.05).reorder(0.1, ms(300));
/// assert_eq!(far_away.to_string(), "latency 40ms, jitter 10ms");
/// # assert_eq!(lossy.to_string(), "drop 0.1, reorder 0.1 by up to 300ms, duplicate 0.05");
/// # assert_eq!(LinkFaults::new().to_string(), "none");
/// ```
///
/// [`MemNetwork::set_faults`]: super::MemNetwork::set_faults
/// [`MemNetwork::set_link_faults`]: super::MemNetwork::set_link_faults
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "faults do nothing before they are set on a network"]
pub struct LinkFaults {
    latency: Duration,
    jitter: Duration,
    drop_requests: f64,
    drop_answers: f64,
    reorder: f64,
    reorder_by: Duration,
    duplicate: f64,
    snapshot_transfer: Duration,
}

impl LinkFaults {
    /// Returns the faults of a perfect link: none.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the minimum time that every message takes.
    pub fn latency(self, latency: Duration) -> Self {
        Self { latency, ..self }
    }

    /// Adds a random time to every message, evenly distributed between zero and `jitter`.
    pub fn jitter(self, jitter: Duration) -> Self {
        Self { jitter, ..self }
    }

    /// Sets the probability with which a message is lost: both [`drop_requests`](Self::drop_requests) and
    /// [`drop_answers`](Self::drop_answers).
    ///
    /// # Panics
    ///
    /// If `probability` is not between 0 and 1.
    pub fn drop(self, probability: f64) -> Self {
        self.drop_requests(probability).drop_answers(probability)
    }

    /// Sets the probability with which a request is lost. A lost request takes no effect, unless
    /// [`duplicate`](Self::duplicate) sent a second copy of it.
    ///
    /// # Panics
    ///
    /// If `probability` is not between 0 and 1.
    pub fn drop_requests(self, probability: f64) -> Self {
        let drop_requests = checked(probability);
        Self { drop_requests, ..self }
    }

    /// Sets the probability with which an answer is lost. The request of a lost answer has taken effect.
    ///
    /// The answers of node 2 to node 1 travel the link from 2 to 1.
    ///
    /// # Panics
    ///
    /// If `probability` is not between 0 and 1.
    pub fn drop_answers(self, probability: f64) -> Self {
        let drop_answers = checked(probability);
        Self { drop_answers, ..self }
    }

    /// Sets the probability with which a message is held back for a random time of up to `by`, so that later messages
    /// may overtake it. If `by` is longer than the time-to-live, the message may arrive after its sender gave up.
    ///
    /// # Panics
    ///
    /// If `probability` is not between 0 and 1.
    pub fn reorder(self, probability: f64, by: Duration) -> Self {
        Self {
            reorder: checked(probability),
            reorder_by: by,
            ..self
        }
    }

    /// Sets the probability with which a second copy of a request is sent, as if the transport had repeated the
    /// request. Each copy has its own delay, and the sender gets the first answer.
    /// [`drop_requests`](Self::drop_requests) loses only the original, never the copy.
    ///
    /// The copy is made by encoding and decoding the request. A request that does not survive this fails, and is added
    /// to [`MemNetwork::codec_failures`](super::MemNetwork::codec_failures).
    ///
    /// Snapshots are never duplicated, because their data cannot be copied.
    ///
    /// # Panics
    ///
    /// If `probability` is not between 0 and 1.
    pub fn duplicate(self, probability: f64) -> Self {
        let duplicate = checked(probability);
        Self { duplicate, ..self }
    }

    /// Sets how much longer a snapshot takes than another request, because a snapshot is larger.
    pub fn snapshot_transfer(self, time: Duration) -> Self {
        Self {
            snapshot_transfer: time,
            ..self
        }
    }

    /// Returns how much longer a snapshot takes than another request.
    pub(super) fn snapshot_time(&self) -> Duration {
        self.snapshot_transfer
    }

    /// Decides what becomes of a message, by drawing from `rng`.
    ///
    /// The number and order of the draws do not depend on the faults. So a change of one fault does not change the
    /// effect of the others in a run with the same seed.
    pub(super) fn fate(&self, message: Message, mut rng: Rng) -> Fate {
        let drop = match message {
            Message::Request => self.drop_requests,
            Message::Answer => self.drop_answers,
        };
        Fate {
            lost: rng.f64() < drop,
            duplicate: rng.f64() < self.duplicate,
            delay: self.delay(&mut rng),
            duplicate_delay: self.delay(&mut rng),
        }
    }

    fn delay(&self, rng: &mut Rng) -> Duration {
        let jitter = self.jitter.mul_f64(rng.f64());
        let held_back = rng.f64() < self.reorder;
        let by = self.reorder_by.mul_f64(rng.f64());
        self.latency + jitter + if held_back { by } else { Duration::ZERO }
    }
}

fn checked(probability: f64) -> f64 {
    assert!(
        (0.0..=1.0).contains(&probability),
        "{probability} is not a probability; help: it is between 0, never, and 1, always"
    );
    probability
}

/// Shows the faults that are set, such as `latency 40ms, drop 0.1`, or `none`.
impl fmt::Display for LinkFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |name: &str, time: Duration| (!time.is_zero()).then(|| format!("{name} {time:?}"));
        let chance = |name: &str, chance: f64| (chance > 0.0).then(|| format!("{name} {chance}"));
        let drop = match self.drop_requests == self.drop_answers {
            true => [chance("drop", self.drop_requests), None],
            false => [
                chance("drop requests", self.drop_requests),
                chance("drop answers", self.drop_answers),
            ],
        };
        let reorder =
            chance("reorder", self.reorder).map(|reorder| format!("{reorder} by up to {:?}", self.reorder_by));
        let faults = [time("latency", self.latency), time("jitter", self.jitter)]
            .into_iter()
            .chain(drop)
            .chain([
                reorder,
                chance("duplicate", self.duplicate),
                time("snapshot transfer", self.snapshot_transfer),
            ]);
        let faults: Vec<String> = faults.flatten().collect();
        match faults.is_empty() {
            true => f.write_str("none"),
            false => f.write_str(&faults.join(", ")),
        }
    }
}

/// One of the two messages of an RPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Request,
    Answer,
}

/// What becomes of one message.
#[derive(Debug, PartialEq)]
pub(super) struct Fate {
    /// Whether the message is lost. A second copy of it is not lost.
    pub(super) lost: bool,
    pub(super) delay: Duration,
    /// Whether a second copy is sent. Only requests other than snapshots are copied.
    pub(super) duplicate: bool,
    pub(super) duplicate_delay: Duration,
}
