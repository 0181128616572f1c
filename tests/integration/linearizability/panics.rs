//! Records where nodes panicked.

use std::panic;
use std::sync::{Mutex, Once};
use std::thread;

static PLACES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Records where threads of nodes panic from now on.
pub fn note() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if thread::current().name().is_some_and(|name| name.starts_with("node-"))
                && let Some(place) = panic.location()
            {
                PLACES.lock().unwrap().push(place.to_string());
            }
            others(panic);
        }));
    });
}

/// Asserts that all panics so far were assertions in a debug build of openraft. Such an assertion stops a node safely.
pub fn assert_all_are_openrafts() {
    let places = PLACES.lock().unwrap().clone();
    for place in places {
        assert!(place.contains("/openraft-0."), "a node panicked at {place}");
    }
}
