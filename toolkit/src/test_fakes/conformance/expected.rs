//! What a log store must hold after each call, a restart or a power cut.

use openraft::RaftTypeConfig;
use openraft::alias::LogIdOf;

use super::entries::{shown, shown_log};
use super::violation::{Rule, Violation};
use crate::test_fakes::log_image::{LogImage, LogWrite, StoredEntry};

/// The log after all calls so far, which part of it is durable, and what a restart may undo.
pub(super) struct Expected<C: RaftTypeConfig> {
    /// The log after all calls so far.
    log: LogImage<C>,
    /// The index up to which entries are durable, and the rule that is broken if one of them is lost. `None` if no
    /// entry has to be durable.
    durable: Option<(u64, Rule)>,
    undo: Undo<C>,
}

/// The writes that a restart or a power cut may undo: `purge` and `save_committed` may return before their writes are
/// durable.
struct Undo<C: RaftTypeConfig> {
    /// Each value that the last purged log id has had since the last power cut.
    purged: Vec<Option<LogIdOf<C>>>,
    /// The entries that come back if a restart undoes a purge: all entries that were purged since the last power cut.
    /// An entry that came back and was then truncated is no longer in this list.
    entries: Vec<StoredEntry<C>>,
    /// `None`, and each value that the committed log id has had since the last power cut.
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

impl<C: RaftTypeConfig> Expected<C> {
    pub(super) fn blank() -> Self {
        let log = LogImage::default();
        Self {
            durable: None,
            undo: Undo::since(&log),
            log,
        }
    }

    /// Returns the log after all calls so far.
    pub(super) fn log(&self) -> &LogImage<C> {
        &self.log
    }

    /// Records a write whose call has returned.
    pub(super) fn apply(&mut self, write: LogWrite<C>) {
        match &write {
            LogWrite::Append(_) | LogWrite::Vote(_) => {}
            LogWrite::Committed(committed) => self.undo.committed.push(committed.clone()),
            LogWrite::TruncateAfter(last) => {
                let kept = last.as_ref().map(|last| last.index);
                self.undo.entries.retain(|entry| Some(entry.index()) <= kept);
            }
            LogWrite::Purge(upto) => {
                let purged = self.log.entries.iter().filter(|entry| entry.index() <= upto.index);
                self.undo.entries.extend(purged.cloned());
                self.undo.purged.push(Some(upto.clone()));
            }
        }
        let is_synced = matches!(write, LogWrite::Vote(_) | LogWrite::TruncateAfter(_));
        self.log.apply(write);
        if is_synced {
            self.all_durable();
        }
    }

    /// Records that the callback of an append ran, which makes the entries up to the index `last` durable. `last` is
    /// `None` if a later vote or truncation has already made these entries durable or removed them.
    pub(super) fn callback_ran(&mut self, last: Option<u64>) {
        let last = last.min(self.log.last().map(|last| last.index));
        if self.durable.as_ref().map(|(index, _)| *index) < last {
            self.durable = last.map(|last| (last, Rule::AppendDurable));
        }
    }

    /// Records that all entries are durable, because a later write is durable.
    fn all_durable(&mut self) {
        let last = self.log.last().map(|last| last.index);
        self.durable = last.map(|last| match self.durable {
            Some((index, rule)) if index >= last => (last, rule),
            _ => (last, Rule::WritesInOrder),
        });
    }

    /// Continues from the log that was found after a restart or a power cut. That log must have passed
    /// [`check`](Self::check).
    pub(super) fn reopened(&mut self, found: LogImage<C>) {
        self.durable = found.last().map(|last| (last.index, Rule::AppendDurable));
        self.log = found;
    }

    /// Records that the log that was found after a power cut is on the disk, so that no later restart may undo it.
    ///
    /// A restart without a power cut does not prove this: the store may have read from the cache of the file system.
    pub(super) fn on_disk(&mut self) {
        self.undo = Undo::since(&self.log);
    }

    /// Checks that what the store holds, which is `found`, is what the store must hold.
    ///
    /// With a `rule`, the store must show the effect of all calls, and a missing effect breaks `rule`. Without a
    /// `rule`, the store was opened again, and may lack whatever a restart may undo or lose. In both cases, the store
    /// may show an earlier purged or committed log id instead of the last one, if it had that log id since the last
    /// power cut. The committed log id may also be missing.
    pub(super) fn check(&self, found: &LogImage<C>, rule: Option<Rule>) -> Result<(), Violation> {
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
        // If a purge was undone, the entries that it removed must be there again.
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
            let found = format!(
                "entry {} is not there, and the log is {}",
                lost.log_id,
                shown_log(found)
            );
            return Err(Violation::new(rule, found));
        }
        let known = |entry: &&StoredEntry<C>| self.log.entries.contains(entry) || self.undo.entries.contains(entry);
        if let Some(unknown) = found.entries.iter().find(|entry| !known(entry)) {
            let found = format!("entry {} is there, and was truncated", unknown.log_id);
            return broken(Rule::TruncationDurable, found);
        }
        Ok(())
    }

    /// Checks that the entries are consecutive, and that the first one follows the last purged one.
    fn check_run(&self, found: &LogImage<C>) -> Result<(), Violation> {
        let mut next = found.purged.as_ref().map(|purged| purged.index + 1);
        for entry in &found.entries {
            if next.is_some_and(|next| next != entry.index()) {
                let rule = match found.entries.front() {
                    Some(first) if first == entry => Rule::PurgeWhole,
                    _ => Rule::NoHoles,
                };
                return Err(Violation::new(rule, format!("the log is {}", shown_log(found))));
            }
            next = Some(entry.index() + 1);
        }
        // Without a purge the first entry is at 0, because all logs of these checks begin there.
        match (&found.purged, found.entries.front()) {
            (None, Some(first)) if first.index() > 0 => Err(Violation::new(
                Rule::PurgeWhole,
                format!("the log is {}", shown_log(found)),
            )),
            _ => Ok(()),
        }
    }
}
