//! The checker is fast enough for runs of thousands of operations.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use openraft_toolkit::test_fakes::linearizability::{Answer, History, Keys, Op, Stats};

const CLIENTS: u64 = 8;
const OPERATIONS: u64 = 1_000;

/// Records clients that share a map, each on its own thread, and that lose one answer in 20. The map is correct, except
/// that operation `wrong` of client 0, a get, returns a value that was never written.
fn run(wrong: Option<u64>) -> History {
    let history = History::new();
    let keys = Keys::new(4, 100);
    let map: Mutex<BTreeMap<String, String>> = Mutex::default();
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let client = history.client();
            let (keys, map) = (&keys, &map);
            scope.spawn(move || {
                for n in 0..OPERATIONS {
                    let key = keys.pick(n * 7 + number);
                    let new = format!("{number}.{n}");
                    let now = map.lock().unwrap().get(&key).cloned();
                    let op = match n % 3 {
                        0 => Op::Get,
                        1 => Op::Put(new),
                        _ => Op::CompareAndSet { expected: now, new },
                    };
                    let call = client.call(&key, op.clone());
                    thread::yield_now();
                    let answer = match op {
                        Op::Get if wrong == Some(n) && number == 0 => Answer::Value(Some("never".into())),
                        Op::Get => Answer::Value(map.lock().unwrap().get(&key).cloned()),
                        Op::Put(new) => {
                            map.lock().unwrap().insert(key, new);
                            Answer::Done
                        }
                        Op::CompareAndSet { expected, new } => {
                            let mut map = map.lock().unwrap();
                            if map.get(&key) == expected.as_ref() {
                                map.insert(key, new);
                                Answer::Swapped
                            } else {
                                Answer::Found(map.get(&key).cloned())
                            }
                        }
                        Op::Delete => unreachable!(),
                    };
                    thread::yield_now();
                    if (n * CLIENTS + number) % 20 == 13 {
                        drop(call);
                    } else {
                        call.returned(answer);
                    }
                }
            });
        }
    });
    history
}

#[test]
fn a_run_of_thousands_of_operations_is_checked_within_seconds() {
    let history = run(None);
    let started = Instant::now();
    let stats = history.check().unwrap_or_else(|violation| panic!("{violation}"));
    println!("{stats}, in {:?}", started.elapsed());
    let expected = Stats {
        returned: 7_600,
        failed: 0,
        unknown: 400,
        keys: 80,
    };
    assert_eq!(stats, expected);
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn one_wrong_answer_in_thousands_is_found() {
    let history = run(Some(900));
    let started = Instant::now();
    let violation = history.check().unwrap_err();
    println!("{:?}, {violation}", started.elapsed());
    let shown = violation.to_string();
    assert!(
        shown
            .lines()
            .any(|line| line.starts_with('>') && line.ends_with("get: never")),
        "{shown}"
    );
    assert!(started.elapsed() < Duration::from_secs(20));
}

/// During a partition, clients give up on one write after the other.
#[test]
fn many_writes_without_an_answer_on_one_key_are_checked_within_seconds() {
    let history = History::new();
    let (a, b) = (history.client(), history.client());
    let put = |n: u32| a.call("k", Op::Put(n.to_string()));
    let get = |value: Option<u32>| {
        b.call("k", Op::Get)
            .returned(Answer::Value(value.map(|value| value.to_string())));
    };
    for n in 0..40 {
        drop(put(n));
    }
    get(Some(7));
    get(Some(3));
    for n in 40..80 {
        drop(put(n));
    }
    put(80).returned(Answer::Done);
    get(Some(41));
    let started = Instant::now();
    history.check().unwrap_or_else(|violation| panic!("{violation}"));

    // A write takes effect at most once, and 41 has replaced 80.
    get(Some(80));
    let violation = history.check().unwrap_err();
    assert!(
        violation
            .to_string()
            .lines()
            .any(|line| line.starts_with('>') && line.ends_with("get: 80"))
    );
    assert!(started.elapsed() < Duration::from_secs(20));
}
