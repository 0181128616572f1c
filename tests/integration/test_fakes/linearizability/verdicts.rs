//! Which histories the checker accepts, and which violations it reports.

use openraft_toolkit::test_fakes::linearizability::Answer::{self, Done, Found, Swapped, Value};
use openraft_toolkit::test_fakes::linearizability::{Call, Client, History, Op, Stats, Violation};

fn put(client: &Client, value: &str) -> Call {
    client.call("k", Op::Put(value.into()))
}

fn get(client: &Client) -> Call {
    client.call("k", Op::Get)
}

fn compare_and_set(client: &Client, expected: &str, new: &str) -> Call {
    let op = Op::CompareAndSet {
        expected: Some(expected.into()),
        new: new.into(),
    };
    client.call("k", op)
}

fn value(value: &str) -> Answer {
    Value(Some(value.into()))
}

fn two_clients() -> (History, Client, Client) {
    let history = History::new();
    let (a, b) = (history.client(), history.client());
    (history, a, b)
}

/// Returns the marked line of the timeline, without the mark and the times.
fn unexplained(violation: &Violation) -> String {
    let shown = violation.to_string();
    let line = shown.lines().find(|line| line.starts_with('>')).unwrap();
    line.split_whitespace().skip(3).collect::<Vec<_>>().join(" ")
}

#[test]
fn operations_one_after_the_other_are_linearizable() {
    let (history, a, b) = two_clients();
    get(&a).returned(Value(None));
    put(&a, "1").returned(Done);
    get(&b).returned(value("1"));
    compare_and_set(&b, "1", "2").returned(Swapped);
    compare_and_set(&a, "1", "3").returned(Found(Some("2".into())));
    get(&a).returned(value("2"));
    a.call("k", Op::Delete).returned(Done);
    get(&b).returned(Value(None));

    let stats = history.check().unwrap();
    assert_eq!((stats.returned, stats.keys), (8, 1));
}

#[test]
fn overlapping_operations_take_effect_in_any_order() {
    let (history, a, b) = two_clients();
    let (first, second) = (put(&a, "1"), put(&b, "2"));
    let c = history.client();
    get(&c).returned(value("2"));
    get(&c).returned(value("1"));
    first.returned(Done);
    second.returned(Done);
    history.check().unwrap();
}

#[test]
fn an_operation_of_unknown_outcome_may_take_effect_at_any_time_or_never() {
    let (history, a, b) = two_clients();
    put(&a, "1").returned(Done);
    drop(put(&a, "lost"));
    drop(put(&a, "late"));
    drop(compare_and_set(&a, "late", "later"));
    drop(get(&a));
    for expected in ["1", "1", "late", "later", "later"] {
        get(&b).returned(value(expected));
    }
    let stats = history.check().unwrap();
    let expected = Stats {
        returned: 6,
        failed: 0,
        unknown: 4,
        keys: 1,
    };
    assert_eq!(stats, expected);

    // An operation takes effect once: "late" cannot come back after "2".
    put(&b, "2").returned(Done);
    get(&b).returned(value("late"));
    assert_eq!(unexplained(&history.check().unwrap_err()), "2 get: late");
}

#[test]
fn an_empty_history_and_a_history_of_refusals_are_linearizable() {
    let (history, a, b) = two_clients();
    assert_eq!(history.check().unwrap(), Stats::default());
    put(&a, "1").failed();
    drop(get(&b));
    let stats = history.check().unwrap();
    assert_eq!((stats.failed, stats.unknown, stats.operations()), (1, 1, 2));
}

#[test]
fn a_refused_write_that_is_read_is_a_violation() {
    let (history, a, b) = two_clients();
    put(&a, "1").failed();
    get(&b).returned(value("1"));
    assert_eq!(unexplained(&history.check().unwrap_err()), "2 get: 1");
}

#[test]
fn a_stale_read_is_a_violation() {
    let (history, a, b) = two_clients();
    put(&a, "1").returned(Done);
    put(&a, "2").returned(Done);
    get(&b).returned(value("1"));
    put(&a, "3").returned(Done);

    let violation = history.check().unwrap_err();
    assert_eq!(unexplained(&violation), "2 get: 1");
    assert_eq!((violation.key(), violation.operations()), ("k", 3));
}

#[test]
fn a_lost_update_is_a_violation() {
    let (history, a, b) = two_clients();
    put(&a, "1").returned(Done);
    compare_and_set(&a, "1", "2").returned(Swapped);
    get(&b).returned(value("1"));
    assert_eq!(unexplained(&history.check().unwrap_err()), "2 get: 1");
}

#[test]
fn a_compare_and_set_that_succeeds_twice_is_a_violation() {
    let (history, a, b) = two_clients();
    put(&a, "1").returned(Done);
    let (first, second) = (compare_and_set(&a, "1", "2"), compare_and_set(&b, "1", "3"));
    first.returned(Swapped);
    history.check().unwrap();
    second.returned(Swapped);
    assert_eq!(unexplained(&history.check().unwrap_err()), "2 set 1 to 3: swapped");
}

#[test]
fn a_value_that_was_never_written_is_a_violation() {
    let (history, a, b) = two_clients();
    put(&a, "1").returned(Done);
    get(&b).returned(value("0"));
    assert_eq!(unexplained(&history.check().unwrap_err()), "2 get: 0");
}

#[test]
fn reads_that_go_back_in_time_are_violations() {
    let (history, a, b) = two_clients();
    put(&a, "1").returned(Done);
    let second = put(&a, "2");
    get(&b).returned(value("2"));
    get(&b).returned(value("1"));
    second.returned(Done);
    assert_eq!(unexplained(&history.check().unwrap_err()), "2 get: 1");
}

#[test]
fn each_key_is_checked_by_itself() {
    let (history, a, b) = two_clients();
    a.call("one", Op::Put("1".into())).returned(Done);
    b.call("other", Op::Get).returned(Value(None));
    assert_eq!(history.check().unwrap().keys, 2);

    b.call("one", Op::Get).returned(Value(None));
    assert_eq!(history.check().unwrap_err().key(), "one");
}

#[test]
fn a_violation_is_shown_as_a_timeline() {
    let (history, a, b) = two_clients();
    put(&a, "1").returned(Done);
    let open = put(&a, "2");
    get(&b).returned(value("1"));
    drop(compare_and_set(&b, "2", "1"));
    let lost = get(&b);
    lost.note("node 3");
    lost.returned(Value(None));
    open.returned(Done);

    let shown = history.check().unwrap_err().to_string();
    let columns = |line: &str| {
        line.split_whitespace()
            .filter(|word| !word.contains('.'))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let lines: Vec<String> = shown.lines().skip(2).map(columns).collect();
    assert_eq!(
        lines,
        [
            "1 put 1: done",
            "later 1 put 2",
            "2 get: 1",
            "unknown 2 set 2 to 1",
            "> 2 get: nothing node 3"
        ]
    );
}
