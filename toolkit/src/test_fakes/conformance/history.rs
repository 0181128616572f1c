//! Sequences of calls on a log store, and what must be there after each.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use fastrand::Rng;
use futures_util::FutureExt;
use openraft::alias::{LeaderIdOf, LogIdOf, OneshotReceiverOf, VoteOf};
use openraft::entry::RaftEntry;
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use openraft::type_config::TypeConfigExt;
use openraft::vote::{RaftLeaderId, RaftLeaderIdExt, RaftVote};
use openraft::{LogId, Membership, RaftTypeConfig};

use super::{LogDisk, LogStoreReport, Rule, Violation};
use crate::support::span::Span;
use crate::test_fakes::log_image::{LogImage, LogWrite, StoredEntry};

/// A call, relative to the log that it meets, so that any sequence is one that openraft could make.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    /// Appends this many entries, and waits for the callback or not.
    Append { count: u64, wait: bool },
    /// Saves a vote of a new term.
    Vote { committed: bool },
    /// Removes this many entries from the end; those that follow are of a new term.
    Truncate { count: u64 },
    /// Purges up to this many entries past the first, maybe past the last.
    Purge { count: u64 },
    /// Saves the last log id as committed.
    Committed,
    /// Reads this many entries from this many past the first.
    Read { skip: u64, count: u64 },
    /// Waits for all callbacks, drops the store and opens it again.
    Restart,
    /// Drops the store, and opens the disk as a power cut leaves it, if that can be had.
    PowerCut,
}

impl Call {
    pub(super) fn random(rng: &mut Rng) -> Self {
        match rng.u64(..20) {
            0 | 1 => Self::Vote { committed: rng.bool() },
            2 | 3 => Self::Truncate { count: rng.u64(..6) },
            4 | 5 => Self::Purge { count: rng.u64(..12) },
            6 => Self::Committed,
            7..=9 => Self::Read {
                skip: rng.u64(..10),
                count: rng.u64(..10),
            },
            10 => Self::Restart,
            11 | 12 => Self::PowerCut,
            n => Self::Append {
                count: 1 + rng.u64(..5),
                wait: n % 2 == 0,
            },
        }
    }
}

/// The calls that show one rule each, before random ones show them all.
pub(super) fn fixed() -> Vec<Vec<Call>> {
    let append = |count, wait| Call::Append { count, wait };
    let vote = Call::Vote { committed: false };
    let truncate = |count| Call::Truncate { count };
    let purge = |count| Call::Purge { count };
    let mut sequences = Vec::new();
    for end in [Call::PowerCut, Call::Restart] {
        sequences.extend([
            vec![append(5, true), end, append(2, true), end],
            vec![append(5, false), append(1, true), end],
            vec![vote, end, vote, vote, end],
            vec![append(3, false), vote, end],
            vec![append(6, true), truncate(3), end, append(2, true), end],
            vec![append(6, true), truncate(3), append(2, true), end],
            vec![append(6, true), truncate(6), end],
            vec![append(6, true), purge(3), append(1, true), end, append(1, true)],
            vec![append(6, true), purge(9), end, append(1, true), end],
            vec![append(4, true), Call::Committed, vote, end],
            vec![append(9, true), purge(2), Call::Read { skip: 1, count: 4 }],
        ]);
    }
    sequences
}

/// A store under test, and what is known about it.
pub(super) struct History<C: RaftTypeConfig, D: LogDisk<C>> {
    disk: D,
    store: Option<D::LogStore>,
    deadline: Duration,
    /// What the calls made of the log.
    log: LogImage<C>,
    /// The term of the next entry.
    term: u64,
    /// Up to which index the entries are durable, and what makes them so.
    durable: Option<(u64, Rule)>,
    pending: Vec<Pending<C>>,
    undo: Undo<C>,
    calls: Vec<String>,
}

/// The callback of an append that nobody waited for.
struct Pending<C: RaftTypeConfig> {
    /// The index that it makes durable, as far as nothing else has.
    last: Option<u64>,
    outcome: OneshotReceiverOf<C, io::Result<()>>,
}

/// What nobody waits for, and a restart or a power cut may thus undo.
struct Undo<C: RaftTypeConfig> {
    /// Each log id that was the last purged one since the last power cut.
    purged: Vec<Option<LogIdOf<C>>>,
    /// What was purged since, and not truncated.
    entries: Vec<StoredEntry<C>>,
    /// Each log id that was the committed one since.
    committed: Vec<Option<LogIdOf<C>>>,
}

impl<C: RaftTypeConfig> Undo<C> {
    fn since(log: &LogImage<C>) -> Self {
        Self {
            purged: vec![log.purged.clone()],
            entries: Vec::new(),
            committed: vec![None, log.committed.clone()],
        }
    }
}

impl<C, D> History<C, D>
where
    C: RaftTypeConfig<Term: From<u64>, NodeId: From<u64>, Node: Default>,
    D: LogDisk<C>,
{
    pub(super) async fn start(mut disk: D, deadline: Duration) -> Result<Self, Violation> {
        let store = disk.open().await.map_err(failed("opening a blank disk"))?;
        let log = LogImage::default();
        let mut this = Self {
            disk,
            store: Some(store),
            deadline,
            undo: Undo::since(&log),
            log,
            term: 1,
            durable: None,
            pending: Vec::new(),
            calls: Vec::new(),
        };
        this.compare(Rule::CallsTakeEffect).await?;
        Ok(this)
    }

    /// Makes the calls, and compares the store with what must be there after each.
    pub(super) async fn run(&mut self, calls: &[Call], report: &mut LogStoreReport) -> Result<(), Violation> {
        for call in calls {
            report.calls += 1;
            if let Err(violation) = self.call(*call, report).await {
                return Err(Violation {
                    calls: std::mem::take(&mut self.calls),
                    ..violation
                });
            }
        }
        Ok(())
    }

    async fn call(&mut self, call: Call, report: &mut LogStoreReport) -> Result<(), Violation> {
        match call {
            Call::Append { count, wait } => self.append(count, wait).await?,
            Call::Vote { committed } => self.vote(committed).await?,
            Call::Truncate { count } => self.truncate(count).await?,
            Call::Purge { count } => self.purge(count).await?,
            Call::Committed => self.committed().await?,
            Call::Read { skip, count } => return self.read(skip, count).await,
            Call::Restart => {
                self.calls.push("restart".to_string());
                report.restarts += 1;
                return self.restart().await;
            }
            Call::PowerCut => {
                self.calls.push("cut the power".to_string());
                return self.power_cut(report).await;
            }
        }
        self.compare(Rule::CallsTakeEffect).await
    }

    async fn append(&mut self, count: u64, wait: bool) -> Result<(), Violation> {
        let first = self.log.last().map_or(0, |last| last.index + 1);
        let last = first + count - 1;
        let term = self.term;
        let entries: Vec<C::Entry> = (first..=last).map(|index| entry::<C>(term, index)).collect();
        let stored = entries.iter().map(StoredEntry::encode).collect::<Result<Vec<_>, _>>();
        let stored = stored.map_err(failed("encoding an entry"))?;
        let waits = if wait { " and wait" } else { "" };
        self.calls
            .push(format!("append {first}..={last} in term {term}{waits}"));

        let (tx, outcome) = C::oneshot();
        let store = self.store()?;
        (store.append(entries, IOFlushed::signal(tx)).await).map_err(failed("an append"))?;
        let read = store.get_log_reader().await.try_get_log_entries(first..=last).await;
        let read = encoded::<C>(read.map_err(failed("a read"))?)?;
        if read != stored {
            let found = format!("a read of {first}..={last} returns {}", indexes(&read));
            return Err(Violation::new(Rule::AppendReadable, found));
        }
        self.log.apply(LogWrite::Append(stored));
        let last = Some(last);
        self.pending.push(Pending { last, outcome });
        if wait {
            self.wait_for_callbacks().await?;
        }
        Ok(())
    }

    async fn vote(&mut self, committed: bool) -> Result<(), Violation> {
        self.term += 1;
        let leader = LeaderIdOf::<C>::new(self.term.into(), 1.into());
        let vote = VoteOf::<C>::from_leader_id(leader, committed);
        self.calls.push(format!("save the vote {vote}"));
        (self.store()?.save_vote(&vote).await).map_err(failed("saving the vote"))?;
        self.log.apply(LogWrite::Vote(vote));
        self.all_durable();
        Ok(())
    }

    async fn truncate(&mut self, count: u64) -> Result<(), Violation> {
        let keep = self.log.entries.len().saturating_sub(count as usize);
        let last = match keep.checked_sub(1).and_then(|last| self.log.entries.get(last)) {
            Some(last) => Some(last.log_id.clone()),
            None => self.log.purged.clone(),
        };
        self.calls.push(format!("truncate after {}", shown(&last)));
        (self.store()?.truncate_after(last.clone()).await).map_err(failed("a truncation"))?;
        let kept = last.as_ref().map(|last| last.index);
        self.undo.entries.retain(|entry| Some(entry.index()) <= kept);
        self.log.apply(LogWrite::TruncateAfter(last));
        self.term += 1;
        self.all_durable();
        Ok(())
    }

    async fn purge(&mut self, count: u64) -> Result<(), Violation> {
        let index = self.log.purged.as_ref().map_or(0, |purged| purged.index + 1) + count;
        let upto = self.log.entries.iter().find(|entry| entry.index() == index);
        let upto = upto.map_or_else(|| log_id::<C>(self.term, index), |entry| entry.log_id.clone());
        self.calls.push(format!("purge up to {upto}"));
        (self.store()?.purge(upto.clone()).await).map_err(failed("a purge"))?;
        let purged = self.log.entries.iter().filter(|entry| entry.index() <= index);
        self.undo.entries.extend(purged.cloned());
        self.undo.purged.push(Some(upto.clone()));
        self.log.apply(LogWrite::Purge(upto));
        Ok(())
    }

    async fn committed(&mut self) -> Result<(), Violation> {
        let committed = self.log.last().cloned();
        self.calls.push(format!("save {} as committed", shown(&committed)));
        (self.store()?.save_committed(committed.clone()).await).map_err(failed("saving the committed log id"))?;
        self.undo.committed.push(committed.clone());
        self.log.apply(LogWrite::Committed(committed));
        Ok(())
    }

    async fn read(&mut self, skip: u64, count: u64) -> Result<(), Violation> {
        let first = self.log.purged.as_ref().map_or(0, |purged| purged.index + 1) + skip;
        let end = first + count;
        self.calls.push(format!("read {first}..{end}"));
        let expected: Vec<_> = match Span::of(&(first..end)) {
            Some(span) => self.log.range(span).cloned().collect(),
            None => Vec::new(),
        };
        let mut reader = self.store()?.get_log_reader().await;
        let all = encoded::<C>((reader.try_get_log_entries(first..end).await).map_err(failed("a read"))?)?;
        if all != expected {
            let found = format!("a read of {first}..{end} returns {}", indexes(&all));
            return Err(Violation::new(Rule::ReadsComplete, found));
        }
        if expected.is_empty() || expected.len() as u64 != count {
            return Ok(());
        }
        let some = (reader.limited_get_log_entries(first, end).await).map_err(failed("a limited read"))?;
        let some = encoded::<C>(some)?;
        if some.is_empty() || !expected.starts_with(&some) {
            let found = format!("a limited read of {first}..{end} returns {}", indexes(&some));
            return Err(Violation::new(Rule::ReadsComplete, found));
        }
        Ok(())
    }

    async fn restart(&mut self) -> Result<(), Violation> {
        self.wait_for_callbacks().await?;
        drop(self.store.take());
        self.reopen("a restart").await
    }

    async fn power_cut(&mut self, report: &mut LogStoreReport) -> Result<(), Violation> {
        // Those that ran already count, whatever their order.
        for mut callback in std::mem::take(&mut self.pending) {
            match (&mut callback.outcome).now_or_never() {
                Some(outcome) => self.called(callback.last, outcome.map_err(|_| dropped()))?,
                None => self.pending.push(callback),
            }
        }
        match self.disk.power_cut().await.map_err(failed("cutting the power"))? {
            None => return self.restart().await,
            Some(disk) => {
                drop(self.store.take());
                self.pending.clear();
                self.disk = disk;
            }
        }
        report.power_cuts += 1;
        self.reopen("a power cut").await?;
        // What was read from this disk is on it. After a mere restart it may be in the cache of a file system.
        self.undo = Undo::since(&self.log);
        Ok(())
    }

    /// Goes on with what is on the disk, if that is all that must be there.
    async fn reopen(&mut self, after: &'static str) -> Result<(), Violation> {
        let store = self.disk.open().await;
        self.store = Some(store.map_err(|e| failed("opening the store")(format!("after {after}: {e}")))?);
        let found = self.found().await?;
        self.check(&found, None)
            .map_err(|violation| Violation::new(violation.rule, format!("{} after {after}", violation.found)))?;
        self.durable = found.last().map(|last| (last.index, Rule::AppendDurable));
        self.log = found;
        // What was not durable and is gone may have had the term of what comes next.
        self.term += 1;
        Ok(())
    }

    async fn wait_for_callbacks(&mut self) -> Result<(), Violation> {
        for Pending { last, outcome } in std::mem::take(&mut self.pending) {
            let outcome = match C::timeout(self.deadline, outcome).await {
                Ok(outcome) => outcome.map_err(|_| dropped()),
                Err(_) => Err(Violation::new(
                    Rule::CallbackRuns,
                    format!("it did not within {:?}", self.deadline),
                )),
            };
            self.called(last, outcome)?;
        }
        Ok(())
    }

    /// Takes down that a callback ran, which makes the entries up to `last` durable.
    fn called(&mut self, last: Option<u64>, outcome: Result<io::Result<()>, Violation>) -> Result<(), Violation> {
        outcome?.map_err(failed("the sync of an append"))?;
        // Some of them may be truncated by now.
        let last = last.min(self.log.last().map(|last| last.index));
        if self.durable.as_ref().map(|(index, _)| *index) < last {
            self.durable = last.map(|last| (last, Rule::AppendDurable));
        }
        Ok(())
    }

    /// A vote or a truncation makes all durable that was written before it.
    fn all_durable(&mut self) {
        let last = self.log.last().map(|last| last.index);
        self.durable = last.map(|last| match self.durable {
            Some((index, rule)) if index >= last => (last, rule),
            _ => (last, Rule::WritesInOrder),
        });
        // The indexes of pending callbacks may be those of other entries from here on.
        self.pending.iter_mut().for_each(|callback| callback.last = None);
    }

    fn store(&mut self) -> Result<&mut D::LogStore, Violation> {
        let closed = || Violation::new(Rule::CallsSucceed, "the store did not open");
        self.store.as_mut().ok_or_else(closed)
    }

    /// All that the store says it holds.
    async fn found(&mut self) -> Result<LogImage<C>, Violation> {
        let store = self.store()?;
        let LogState {
            last_purged_log_id: purged,
            last_log_id: last,
        } = store.get_log_state().await.map_err(failed("reading the log state"))?;
        let committed = store
            .read_committed()
            .await
            .map_err(failed("reading the committed log id"))?;
        let mut reader = store.get_log_reader().await;
        let vote = reader.read_vote().await.map_err(failed("reading the vote"))?;
        let entries = reader
            .try_get_log_entries(..)
            .await
            .map_err(failed("reading all entries"))?;
        let found = LogImage {
            vote,
            committed,
            purged,
            entries: encoded::<C>(entries)?.into(),
        };
        if found.last() != last.as_ref() {
            let found = format!("the last log id is {}, and the log {}", shown(&last), log(&found));
            return Err(Violation::new(Rule::CallsTakeEffect, found));
        }
        Ok(found)
    }

    /// Compares the store with all that was called.
    async fn compare(&mut self, rule: Rule) -> Result<(), Violation> {
        let found = self.found().await?;
        self.check(&found, Some(rule))
    }

    /// Whether `found` is what must be there: all of it, which is what `rule` says, or with what a restart may
    /// undo and lose. In either case a purge may take its time.
    fn check(&self, found: &LogImage<C>, rule: Option<Rule>) -> Result<(), Violation> {
        let broken = |of, found: String| Err(Violation::new(rule.unwrap_or(of), found));
        if found.vote != self.log.vote {
            let (saved, found) = (shown(&self.log.vote), shown(&found.vote));
            return broken(Rule::VoteDurable, format!("the vote {saved} was saved, and is {found}"));
        }
        if !self.undo.committed.contains(&found.committed) {
            let found = format!(
                "the committed log id is {}, which was not saved",
                shown(&found.committed)
            );
            return Err(Violation::new(Rule::CommittedSaved, found));
        }
        if !self.undo.purged.contains(&found.purged) {
            let (asked, found) = (shown(&self.log.purged), shown(&found.purged));
            return broken(Rule::PurgeWhole, format!("purged up to {asked}, and is up to {found}"));
        }
        self.check_run(found)?;

        let durable = match rule {
            Some(rule) => self.log.last().map(|last| (last.index, rule)),
            None => self.durable,
        };
        // What a purge was to remove is there as long as the purge is not.
        let purged_index = found.purged.as_ref().map(|purged| purged.index);
        let undone = self
            .undo
            .entries
            .iter()
            .filter(|entry| Some(entry.index()) > purged_index);
        if let Some((last, rule)) = durable
            && let Some(lost) = undone
                .chain(&self.log.entries)
                .find(|entry| entry.index() <= last && !found.entries.contains(entry))
        {
            let purged = Some(lost.index()) <= self.log.purged.as_ref().map(|purged| purged.index);
            let rule = match purged && found.entries.is_empty() {
                true => Rule::PurgeWhole,
                false => rule,
            };
            let found = format!("entry {} is not there, and the log is {}", lost.log_id, log(found));
            return Err(Violation::new(rule, found));
        }
        let known = |entry: &&StoredEntry<C>| self.log.entries.contains(entry) || self.undo.entries.contains(entry);
        if let Some(unknown) = found.entries.iter().find(|entry| !known(entry)) {
            let found = format!("entry {} is there, and was truncated", unknown.log_id);
            return broken(Rule::TruncationDurable, found);
        }
        Ok(())
    }

    /// A log is one run of entries, right behind the last purged one.
    fn check_run(&self, found: &LogImage<C>) -> Result<(), Violation> {
        let mut next = found.purged.as_ref().map(|purged| purged.index + 1);
        for entry in &found.entries {
            if next.is_some_and(|next| next != entry.index()) {
                let rule = match found.entries.front() {
                    Some(first) if first == entry => Rule::PurgeWhole,
                    _ => Rule::NoHoles,
                };
                return Err(Violation::new(rule, format!("the log is {}", log(found))));
            }
            next = Some(entry.index() + 1);
        }
        // All logs of these tests begin at 0.
        match (&found.purged, found.entries.front()) {
            (None, Some(first)) if first.index() > 0 => {
                Err(Violation::new(Rule::PurgeWhole, format!("the log is {}", log(found))))
            }
            _ => Ok(()),
        }
    }
}

/// Checks that a hole is refused, or noticed when it is read.
pub(super) async fn holes<C, D>(disk: D, deadline: Duration) -> Result<(), Violation>
where
    C: RaftTypeConfig<Term: From<u64>, NodeId: From<u64>, Node: Default>,
    D: LogDisk<C>,
{
    let mut history = History::<C, D>::start(disk, deadline).await?;
    history.append(3, true).await?;
    let (tx, rx) = C::oneshot();
    let store = history.store()?;
    let taken = store.append([entry::<C>(1, 4)], IOFlushed::signal(tx)).await;
    if taken.is_err() || !matches!(C::timeout(deadline, rx).await, Ok(Ok(Ok(())))) {
        return Ok(());
    }
    match store.get_log_reader().await.try_get_log_entries(0..=4).await {
        Err(_) => Ok(()),
        Ok(read) => Err(Violation {
            calls: vec![
                "append 0..=2 in term 1 and wait".to_string(),
                "append 4 in term 1".to_string(),
            ],
            ..Violation::new(
                Rule::HolesRefused,
                format!("a read of 0..=4 returns {}", indexes(&encoded::<C>(read)?)),
            )
        }),
    }
}

fn log_id<C>(term: u64, index: u64) -> LogIdOf<C>
where
    C: RaftTypeConfig<Term: From<u64>, NodeId: From<u64>>,
{
    LogId::new(LeaderIdOf::<C>::new_committed(term.into(), 1.into()), index)
}

/// Entries of several sizes, of the kinds that every type config has.
fn entry<C>(term: u64, index: u64) -> C::Entry
where
    C: RaftTypeConfig<Term: From<u64>, NodeId: From<u64>, Node: Default>,
{
    let log_id = log_id::<C>(term, index);
    match index % 3 {
        0 => C::Entry::new_blank(log_id),
        _ => {
            let voters: BTreeSet<C::NodeId> = (1..=index % 50).map(C::NodeId::from).collect();
            C::Entry::new_membership(log_id, Membership::new_with_defaults(vec![voters], []))
        }
    }
}

fn encoded<C: RaftTypeConfig>(entries: Vec<C::Entry>) -> Result<Vec<StoredEntry<C>>, Violation> {
    let encoded = entries.iter().map(StoredEntry::encode).collect::<Result<_, _>>();
    encoded.map_err(failed("encoding an entry"))
}

fn failed<E: std::fmt::Display>(call: &'static str) -> impl Fn(E) -> Violation {
    move |error| Violation::new(Rule::CallsSucceed, format!("{call} failed: {error}"))
}

fn dropped() -> Violation {
    Violation::new(Rule::CallbackRuns, "it was dropped")
}

fn shown(value: &Option<impl std::fmt::Display>) -> String {
    value.as_ref().map_or_else(|| "none".to_string(), ToString::to_string)
}

fn log<C: RaftTypeConfig>(log: &LogImage<C>) -> String {
    let entries: Vec<_> = log.entries.iter().cloned().collect();
    format!("{} behind the purged {}", indexes(&entries), shown(&log.purged))
}

fn indexes<C: RaftTypeConfig>(entries: &[StoredEntry<C>]) -> String {
    let indexes: Vec<_> = entries.iter().map(StoredEntry::index).collect();
    format!("{indexes:?}")
}
