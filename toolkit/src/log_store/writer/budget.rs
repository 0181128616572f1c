//! How many bytes of appends the queue may hold, and the appends that wait for room.
//!
//! - An append reserves its bytes before it is pushed, and gives them back once it is written, or if it is dropped.
//! - The reserved bytes never exceed the limit, except for one append that is larger than the limit. Such an append is
//!   admitted once nothing else is reserved, so that it cannot wait forever.
//! - Appends that wait stand in a line. Only the first of them can be admitted, and no later append overtakes the line.
//! - The first in the line is woken each time that the room grows, and each time that the line moves. Whoever changes
//!   one of the two under the lock of the queue gets the waker, and calls it after the lock.

use std::collections::VecDeque;
use std::mem;
use std::task::Waker;

/// A place in the line. Tickets are numbered in the order in which the appends came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

struct Waiter {
    ticket: Ticket,
    /// `None` from the moment at which the waiter is woken until it is polled again.
    waker: Option<Waker>,
}

/// The bytes that appends have reserved, and the line of appends that wait.
pub(super) struct Budget {
    limit: usize,
    reserved: usize,
    line: VecDeque<Waiter>,
    next_ticket: u64,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            reserved: 0,
            line: VecDeque::new(),
            next_ticket: 0,
        }
    }

    /// Returns whether appends wait, so that a further append must join the line.
    pub(super) fn has_line(&self) -> bool {
        !self.line.is_empty()
    }

    /// Returns whether it is the turn of the append with `ticket`, or of an append without a ticket. If not, the append
    /// is in the line when this returns, and `waker` will be woken.
    pub(super) fn is_turn(&mut self, ticket: &mut Option<Ticket>, waker: &Waker) -> bool {
        let is_turn = self.is_first(*ticket);
        if !is_turn {
            self.wait(ticket, waker);
        }
        is_turn
    }

    /// Reserves `bytes` if it is the turn of the append and there is room. Then takes the append out of the line, and
    /// returns `true`: the caller must wake [`first_waker`](Self::first_waker). Otherwise the append is in the line
    /// when this returns, and `waker` will be woken.
    pub(super) fn reserve(&mut self, ticket: &mut Option<Ticket>, bytes: usize, waker: &Waker) -> bool {
        let fits = self.reserved == 0 || self.reserved.saturating_add(bytes) <= self.limit;
        if !fits || !self.is_first(*ticket) {
            self.wait(ticket, waker);
            return false;
        }
        self.reserved += bytes;
        if ticket.take().is_some() {
            self.line.pop_front();
        }
        true
    }

    /// Gives back reserved bytes. The caller must wake [`first_waker`](Self::first_waker).
    pub(super) fn give_back(&mut self, bytes: usize) {
        self.reserved -= bytes;
    }

    /// Takes an append out of the line that no longer waits. The caller must wake [`first_waker`](Self::first_waker).
    pub(super) fn leave(&mut self, ticket: Ticket) {
        if let Some(position) = self.position(ticket) {
            self.line.remove(position);
        }
    }

    /// Returns the waker of the first append in the line, or `None` if it was woken already.
    pub(super) fn first_waker(&mut self) -> Option<Waker> {
        self.line.front_mut()?.waker.take()
    }

    /// Returns the wakers of all appends in the line, which must then find out that the queue takes no more appends.
    pub(super) fn all_wakers(&mut self) -> Vec<Waker> {
        let wakers = self.line.iter_mut().map(|waiter| mem::take(&mut waiter.waker));
        wakers.flatten().collect()
    }

    /// An append without a ticket is first if nobody waits.
    fn is_first(&self, ticket: Option<Ticket>) -> bool {
        self.line.front().map(|first| first.ticket) == ticket
    }

    fn wait(&mut self, ticket: &mut Option<Ticket>, waker: &Waker) {
        match ticket.and_then(|ticket| self.position(ticket)) {
            // The position is in the line.
            Some(position) => match &mut self.line[position].waker {
                Some(known) => known.clone_from(waker),
                none => *none = Some(waker.clone()),
            },
            None => {
                let new = Ticket(self.next_ticket);
                self.next_ticket += 1;
                *ticket = Some(new);
                self.line.push_back(Waiter {
                    ticket: new,
                    waker: Some(waker.clone()),
                });
            }
        }
    }

    /// Tickets only grow along the line.
    fn position(&self, ticket: Ticket) -> Option<usize> {
        self.line.binary_search_by_key(&ticket, |waiter| waiter.ticket).ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use fastrand::Rng;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn wake_first(budget: &mut Budget) {
        budget.first_waker().into_iter().for_each(Waker::wake);
    }

    /// One append of a random schedule.
    struct Append {
        ticket: Option<Ticket>,
        bytes: usize,
        wakes: Arc<Wakes>,
        /// How often the append was woken when it was last polled. `None` if it was never polled.
        seen: Option<usize>,
    }

    impl Append {
        /// Whether a runtime would poll the append.
        fn is_due(&self) -> bool {
            self.seen != Some(self.wakes.0.load(Ordering::Relaxed))
        }
    }

    #[test]
    fn appends_are_admitted_in_order_within_the_limit_and_none_is_forgotten() {
        const LIMIT: usize = 100;
        for seed in 0..200 {
            let mut rng = Rng::with_seed(seed);
            let mut budget = Budget::new(LIMIT);
            let mut waiting: Vec<Append> = Vec::new();
            let mut admitted: Vec<usize> = Vec::new();
            for _ in 0..200 {
                match rng.u8(..8) {
                    0..=3 => waiting.push(Append {
                        ticket: None,
                        bytes: if rng.u8(..20) == 0 { 250 } else { rng.usize(..60) },
                        wakes: Arc::default(),
                        seen: None,
                    }),
                    4..=5 if !admitted.is_empty() => {
                        budget.give_back(admitted.swap_remove(rng.usize(..admitted.len())));
                        wake_first(&mut budget);
                    }
                    6 if !waiting.is_empty() => {
                        let dropped = waiting.remove(rng.usize(..waiting.len()));
                        if let Some(ticket) = dropped.ticket {
                            budget.leave(ticket);
                            wake_first(&mut budget);
                        }
                    }
                    _ => {}
                }
                // Poll one due append, as a runtime does.
                let due: Vec<_> = (0..waiting.len()).filter(|&n| waiting[n].is_due()).collect();
                if let Some(&n) = due.get(rng.usize(..due.len().max(1))) {
                    let append = &mut waiting[n];
                    append.seen = Some(append.wakes.0.load(Ordering::Relaxed));
                    let before = append.ticket;
                    let waker = append.wakes.clone().into();
                    if budget.reserve(&mut append.ticket, append.bytes, &waker) {
                        let overtakes = |other: &Append| match (other.ticket, before) {
                            (Some(other), Some(before)) => other < before,
                            (other, _) => other.is_some(),
                        };
                        let overtaken = waiting.iter().any(overtakes);
                        assert!(!overtaken, "seed {seed}");
                        admitted.push(waiting.remove(n).bytes);
                        wake_first(&mut budget);
                    }
                }
                let reserved: usize = admitted.iter().sum();
                assert_eq!(reserved, budget.reserved, "seed {seed}");
                let large: Vec<_> = admitted.iter().filter(|&&bytes| bytes > LIMIT).collect();
                assert!(
                    reserved <= LIMIT || (large.len() == 1 && reserved == *large[0]),
                    "seed {seed}"
                );
            }
            // As soon as all is written, every append is admitted, and only those that were woken are polled.
            while !waiting.is_empty() {
                for bytes in admitted.drain(..) {
                    budget.give_back(bytes);
                    wake_first(&mut budget);
                }
                let n = waiting.iter().position(Append::is_due);
                let append = &mut waiting[n.unwrap_or_else(|| panic!("nobody is woken: seed {seed}"))];
                append.seen = Some(append.wakes.0.load(Ordering::Relaxed));
                let waker = append.wakes.clone().into();
                if budget.reserve(&mut append.ticket, append.bytes, &waker) {
                    admitted.push(waiting.remove(n.unwrap()).bytes);
                    wake_first(&mut budget);
                }
            }
            assert!(!budget.has_line());
        }
    }
}
