//! Makes calls on a log store, and compares the store after each call with what it must hold.

use std::io;
use std::time::Duration;

use futures_util::FutureExt;
use openraft::RaftTypeConfig;
use openraft::alias::{LeaderIdOf, OneshotReceiverOf, VoteOf};
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use openraft::type_config::TypeConfigExt;
use openraft::vote::{RaftLeaderId, RaftVote};

use super::calls::Call;
use super::entries::{encoded, entry, indexes, log_id, shown, shown_log};
use super::expected::Expected;
use super::log_disk::LogDisk;
use super::report::LogStoreReport;
use super::violation::{Rule, Violation, call_failed};
use crate::support::span::Span;
use crate::test_fakes::log_image::{LogImage, LogWrite, StoredEntry};

/// A store under test, and what it must hold.
pub(super) struct History<C: RaftTypeConfig, D: LogDisk<C>> {
    disk: D,
    store: Option<D::LogStore>,
    /// How long a callback may take.
    deadline: Duration,
    expected: Expected<C>,
    /// The term of the next entry.
    term: u64,
    /// The callbacks that are not known to have run.
    pending: Vec<Pending<C>>,
    /// The calls so far, for the message of a violation.
    calls: Vec<String>,
}

/// A callback of an append that is not known to have run.
struct Pending<C: RaftTypeConfig> {
    /// The last index that the callback makes durable. `None` if a later vote or truncation has already made that entry
    /// durable, or has removed it.
    last: Option<u64>,
    outcome: OneshotReceiverOf<C, io::Result<()>>,
}

impl<C, D> History<C, D>
where
    C: RaftTypeConfig<Term: From<u64>, NodeId: From<u64>, Node: Default>,
    D: LogDisk<C>,
{
    /// Opens the store on a blank disk, and checks that the store is blank.
    pub(super) async fn start(mut disk: D, deadline: Duration) -> Result<Self, Violation> {
        let store = disk.open().await.map_err(call_failed("opening a blank disk"))?;
        let mut this = Self {
            disk,
            store: Some(store),
            deadline,
            expected: Expected::blank(),
            term: 1,
            pending: Vec::new(),
            calls: Vec::new(),
        };
        this.compare(Rule::CallsTakeEffect).await?;
        Ok(this)
    }

    /// Makes the calls, and compares the store after each call with what it must hold.
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
        let first = self.expected.log().last().map_or(0, |last| last.index + 1);
        let last = first + count - 1;
        let term = self.term;
        let entries: Vec<C::Entry> = (first..=last).map(|index| entry::<C>(term, index)).collect();
        let stored = entries.iter().map(StoredEntry::encode).collect::<Result<Vec<_>, _>>();
        let stored = stored.map_err(call_failed("encoding an entry"))?;
        let waits = if wait { " and wait" } else { "" };
        self.calls
            .push(format!("append {first}..={last} in term {term}{waits}"));

        let (tx, outcome) = C::oneshot();
        let store = self.store()?;
        (store.append(entries, IOFlushed::signal(tx)).await).map_err(call_failed("an append"))?;
        let read = store.get_log_reader().await.try_get_log_entries(first..=last).await;
        let read = encoded::<C>(read.map_err(call_failed("a read"))?)?;
        if read != stored {
            let found = format!("a read of {first}..={last} returns {}", indexes(&read));
            return Err(Violation::new(Rule::AppendReadable, found));
        }
        self.expected.apply(LogWrite::Append(stored));
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
        (self.store()?.save_vote(&vote).await).map_err(call_failed("saving the vote"))?;
        self.expected.apply(LogWrite::Vote(vote));
        self.forget_pending_indexes();
        Ok(())
    }

    async fn truncate(&mut self, count: u64) -> Result<(), Violation> {
        let log = self.expected.log();
        let keep = log.entries.len().saturating_sub(count as usize);
        let last = match keep.checked_sub(1).and_then(|last| log.entries.get(last)) {
            Some(last) => Some(last.log_id.clone()),
            None => log.purged.clone(),
        };
        self.calls.push(format!("truncate after {}", shown(&last)));
        (self.store()?.truncate_after(last.clone()).await).map_err(call_failed("a truncation"))?;
        self.expected.apply(LogWrite::TruncateAfter(last));
        self.term += 1;
        self.forget_pending_indexes();
        Ok(())
    }

    async fn purge(&mut self, count: u64) -> Result<(), Violation> {
        let log = self.expected.log();
        let index = log.purged.as_ref().map_or(0, |purged| purged.index + 1) + count;
        let upto = log.entries.iter().find(|entry| entry.index() == index);
        let upto = upto.map_or_else(|| log_id::<C>(self.term, index), |entry| entry.log_id.clone());
        self.calls.push(format!("purge up to {upto}"));
        (self.store()?.purge(upto.clone()).await).map_err(call_failed("a purge"))?;
        self.expected.apply(LogWrite::Purge(upto));
        Ok(())
    }

    async fn committed(&mut self) -> Result<(), Violation> {
        let committed = self.expected.log().last().cloned();
        self.calls.push(format!("save {} as committed", shown(&committed)));
        (self.store()?.save_committed(committed.clone()).await).map_err(call_failed("saving the committed log id"))?;
        self.expected.apply(LogWrite::Committed(committed));
        Ok(())
    }

    async fn read(&mut self, skip: u64, count: u64) -> Result<(), Violation> {
        let log = self.expected.log();
        let first = log.purged.as_ref().map_or(0, |purged| purged.index + 1) + skip;
        let end = first + count;
        self.calls.push(format!("read {first}..{end}"));
        let expected: Vec<_> = match Span::of(&(first..end)) {
            Some(span) => log.range(span).cloned().collect(),
            None => Vec::new(),
        };
        let mut reader = self.store()?.get_log_reader().await;
        let all = encoded::<C>((reader.try_get_log_entries(first..end).await).map_err(call_failed("a read"))?)?;
        if all != expected {
            let found = format!("a read of {first}..{end} returns {}", indexes(&all));
            return Err(Violation::new(Rule::ReadsComplete, found));
        }
        if expected.is_empty() || expected.len() as u64 != count {
            return Ok(());
        }
        let some = (reader.limited_get_log_entries(first, end).await).map_err(call_failed("a limited read"))?;
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
        // Take the callbacks that have already run, whatever their order: their entries must survive the power cut.
        for mut callback in std::mem::take(&mut self.pending) {
            match (&mut callback.outcome).now_or_never() {
                Some(outcome) => self.callback_ran(callback.last, outcome.map_err(|_| dropped()))?,
                None => self.pending.push(callback),
            }
        }
        match self.disk.power_cut().await.map_err(call_failed("cutting the power"))? {
            None => return self.restart().await,
            Some(disk) => {
                drop(self.store.take());
                self.pending.clear();
                self.disk = disk;
            }
        }
        report.power_cuts += 1;
        self.reopen("a power cut").await?;
        self.expected.on_disk();
        Ok(())
    }

    /// Opens the store again, and checks what it holds.
    async fn reopen(&mut self, after: &'static str) -> Result<(), Violation> {
        let store = self.disk.open().await;
        self.store = Some(store.map_err(|e| call_failed("opening the store")(format!("after {after}: {e}")))?);
        let found = self.found().await?;
        self.expected
            .check(&found, None)
            .map_err(|violation| Violation::new(violation.rule, format!("{} after {after}", violation.found)))?;
        self.expected.reopened(found);
        // Start a new term: the store may have lost entries of the current term, and a new entry must not reuse the log
        // id of a lost one.
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
            self.callback_ran(last, outcome)?;
        }
        Ok(())
    }

    /// Records that a callback ran. If it reports success, the entries up to `last` are durable. If it reports an error
    /// or was dropped, returns a violation.
    fn callback_ran(&mut self, last: Option<u64>, outcome: Result<io::Result<()>, Violation>) -> Result<(), Violation> {
        outcome?.map_err(call_failed("the sync of an append"))?;
        self.expected.callback_ran(last);
        Ok(())
    }

    /// Forgets which entries the pending callbacks make durable. The write that was just synced has made these entries
    /// durable already. Besides, after a truncation, later entries may get the same indexes.
    fn forget_pending_indexes(&mut self) {
        self.pending.iter_mut().for_each(|callback| callback.last = None);
    }

    fn store(&mut self) -> Result<&mut D::LogStore, Violation> {
        let closed = || Violation::new(Rule::CallsSucceed, "the store did not open");
        self.store.as_mut().ok_or_else(closed)
    }

    /// Reads everything that the store holds, and checks that the last log id that the store reports is right.
    async fn found(&mut self) -> Result<LogImage<C>, Violation> {
        let store = self.store()?;
        let LogState {
            last_purged_log_id: purged,
            last_log_id: last,
        } = store
            .get_log_state()
            .await
            .map_err(call_failed("reading the log state"))?;
        let committed = store
            .read_committed()
            .await
            .map_err(call_failed("reading the committed log id"))?;
        let mut reader = store.get_log_reader().await;
        let vote = reader.read_vote().await.map_err(call_failed("reading the vote"))?;
        let entries = reader
            .try_get_log_entries(..)
            .await
            .map_err(call_failed("reading all entries"))?;
        let found = LogImage {
            vote,
            committed,
            purged,
            entries: encoded::<C>(entries)?.into(),
        };
        if found.last() != last.as_ref() {
            let found = format!("the last log id is {}, and the log {}", shown(&last), shown_log(&found));
            return Err(Violation::new(Rule::CallsTakeEffect, found));
        }
        Ok(found)
    }

    /// Checks that the store shows the effect of all calls so far. A missing effect breaks `rule`.
    async fn compare(&mut self, rule: Rule) -> Result<(), Violation> {
        let found = self.found().await?;
        self.expected.check(&found, Some(rule))
    }
}

/// Checks that a store refuses to append an entry after a hole, or returns an error when the hole is read. A store
/// refuses an append if `append` returns an error, or if the callback does not report success before the deadline.
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

fn dropped() -> Violation {
    Violation::new(Rule::CallbackRuns, "it was dropped")
}
