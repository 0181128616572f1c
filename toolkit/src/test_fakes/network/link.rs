use std::fmt;
use std::time::Duration;

use fastrand::Rng;

/// What happens to the messages of a directed link, from one node to another.
///
/// The default is a perfect link: nothing is late and nothing is lost. [`MemNetwork::set_faults`] and
/// [`MemNetwork::set_link_faults`] put it into effect, for the messages that are sent from then on.
///
/// An RPC is two messages. Its request travels the link to the target, and its answer the link back, each
/// with its own delay and its own chance to get lost. So an answer that is lost belongs to a request that
/// has taken effect. A sender hears nothing of a loss: its RPC ends with a
/// [`Timeout`](openraft::errors::Timeout) at the time-to-live that openraft gave it, after which the request,
/// if it was only late, may still arrive and take effect.
///
/// openraft gives a heartbeat, and each batch of entries, three quarters of
/// [`heartbeat_interval`](openraft::Config::heartbeat_interval), so that a round trip has to be shorter for a
/// leader to keep its followers, and a snapshot three quarters of
/// [`install_snapshot_timeout`](openraft::Config::install_snapshot_timeout).
///
/// # Which messages overtake each other
///
/// Each message has a delay of its own, as with datagrams, so that with [`jitter`](Self::jitter) or
/// [`reorder`](Self::reorder) the later one may arrive first. openraft sends the entries for a target one
/// batch after another, waiting for each answer; heartbeats, votes, snapshots and batches that were sent again
/// after a timeout are what runs at the same time, and what meets in another order.
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
    /// A perfect link.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long every message takes, at least.
    pub fn latency(self, latency: Duration) -> Self {
        Self { latency, ..self }
    }

    /// A random time, evenly distributed between nothing and `jitter`, that each message takes on top.
    pub fn jitter(self, jitter: Duration) -> Self {
        Self { jitter, ..self }
    }

    /// The probability with which a message is lost: both of [`drop_requests`](Self::drop_requests) and
    /// [`drop_answers`](Self::drop_answers).
    ///
    /// # Panics
    ///
    /// Here and below, where a probability is not between 0 and 1.
    pub fn drop(self, probability: f64) -> Self {
        self.drop_requests(probability).drop_answers(probability)
    }

    /// The probability with which a request is lost, and never takes effect.
    pub fn drop_requests(self, probability: f64) -> Self {
        let drop_requests = checked(probability);
        Self { drop_requests, ..self }
    }

    /// The probability with which an answer is lost. Its request has taken effect.
    ///
    /// Answers of node 2 to node 1 travel the link from 2 to 1.
    pub fn drop_answers(self, probability: f64) -> Self {
        let drop_answers = checked(probability);
        Self { drop_answers, ..self }
    }

    /// The probability with which a message is held back by a random time of up to `by`, so that later ones
    /// overtake it. With a `by` beyond the time-to-live, it arrives after its sender gave up.
    pub fn reorder(self, probability: f64, by: Duration) -> Self {
        Self {
            reorder: checked(probability),
            reorder_by: by,
            ..self
        }
    }

    /// The probability with which a request arrives twice, as after a retry in the transport: each copy takes
    /// its own time, and the sender hears the answer to whichever is answered first.
    ///
    /// Snapshots are never duplicated, since their data cannot be copied.
    pub fn duplicate(self, probability: f64) -> Self {
        let duplicate = checked(probability);
        Self { duplicate, ..self }
    }

    /// How much longer a snapshot takes than another request, as it is so much larger.
    pub fn snapshot_transfer(self, time: Duration) -> Self {
        Self {
            snapshot_transfer: time,
            ..self
        }
    }

    /// How long the data of a snapshot is under way.
    pub(super) fn snapshot_time(&self) -> Duration {
        self.snapshot_transfer
    }

    /// What becomes of a message, by the random numbers that are its own.
    ///
    /// It draws the same numbers whatever the faults are, so that a change of one leaves the rest of a
    /// replay alone.
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

/// The faults that there are: `latency 40ms, drop 0.1`.
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

/// Which half of an RPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Request,
    Answer,
}

/// What becomes of one message.
#[derive(Debug, PartialEq)]
pub(super) struct Fate {
    pub(super) lost: bool,
    pub(super) delay: Duration,
    pub(super) duplicate: bool,
    pub(super) duplicate_delay: Duration,
}
