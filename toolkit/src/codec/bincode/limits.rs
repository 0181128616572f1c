//! The [limits](super::super#limits) of a body, and the boundaries at which counting starts afresh.
//!
//! A message must fit wherever it is put: what a frame of its own holds must also fit into an entry of a log, into a
//! request with many entries, and into a snapshot. One count for a whole body could not ensure that, because each
//! wrapper adds to the count. So a *boundary* starts counts of its own:
//!
//! - A message is a boundary, in a frame of its own and in its serde form.
//! - openraft's payload of an entry is a boundary, so that a command without a version fits into entries as well.
//!
//! A boundary inside a boundary of the same kind is part of a recursive type, and does not start anew: the counts go
//! on. The boundaries of different kinds that can be inside each other are as few as the types in the program, so the
//! depth of a body stays bounded. Types between a body and its first boundary have larger limits than messages, so that
//! they can hold what a message can hold.

use crate::codec::error::BodyError;

/// The first bytes of the name under which a message passes through serde as a newtype struct. The whole name is
/// unique to the type of the message. Other formats ignore the name of a newtype struct.
///
/// The derive generates the name. No type has a name with a hyphen, so only messages have names with this prefix.
const MESSAGE_PREFIX: &str = "wire-message:";

/// The name of the enum in which openraft wraps a command. A command is the field of a newtype variant.
pub(super) const PAYLOAD: &str = "EntryPayload";

/// How much may be open or empty at once.
struct Maximum {
    /// How deep containers may nest. A container is a sequence, a map, a `Some`, or an enum variant with fields.
    depth: u32,
    /// How many elements may take no bytes, such as those of a `Vec<()>`. The size of the body does not bound their
    /// number: without this limit, decoding a body of a few bytes could loop for hours.
    empty_elements: usize,
}

/// The limits of a message.
static MESSAGE: Maximum = Maximum {
    depth: 128,
    empty_elements: 4096,
};

/// The limits outside of messages.
static OUTSIDE: Maximum = Maximum {
    depth: 256,
    empty_elements: 16 * 4096,
};

/// How many structs and tuples may be open inside each other without a container between them. A value cannot nest
/// without end in this way, so a program's types bound this depth. The limit ends the decoding of a type that has no
/// value, such as `struct A(Box<A>)`.
const MAX_STRUCTS: u32 = 256;

/// The counts since the innermost boundary that started afresh.
pub(super) struct Counts {
    max: &'static Maximum,
    depth: u32,
    structs: u32,
    empty_elements: usize,
}

impl Counts {
    #[inline]
    fn new(max: &'static Maximum) -> Self {
        Self {
            max,
            depth: 0,
            structs: 0,
            empty_elements: 0,
        }
    }
}

/// Counts the nested containers and the empty elements of one body. Fails if a count exceeds its limit.
///
/// After an error, the counts are of no use: nothing more of the body may be written or read.
pub(super) struct Limits {
    counts: Counts,
    /// The name of the outermost boundary that is open.
    outermost: Option<&'static str>,
    /// The names of the other boundaries that are open. Most bodies have none, and so allocate nothing.
    inner: Vec<&'static str>,
}

impl Limits {
    /// The limits of a body that may hold messages, but is not one.
    #[inline]
    pub(super) fn outside() -> Self {
        Self {
            counts: Counts::new(&OUTSIDE),
            outermost: None,
            inner: Vec::new(),
        }
    }

    /// The limits of the body of the message with this name.
    #[inline]
    pub(super) fn of_message(name: &'static str) -> Self {
        Self {
            counts: Counts::new(&MESSAGE),
            outermost: Some(name),
            inner: Vec::new(),
        }
    }

    /// Starts afresh at a newtype struct that is a message. Returns the counts to go back to with
    /// [`leave_boundary`](Self::leave_boundary), or `None` if the newtype struct is no boundary or the counts go on.
    #[inline]
    pub(super) fn enter_message(&mut self, newtype: &'static str) -> Option<Counts> {
        if newtype.starts_with(MESSAGE_PREFIX) {
            self.enter_boundary(newtype, &MESSAGE)
        } else {
            None
        }
    }

    /// Starts afresh at the payload of an entry, as [`enter_message`](Self::enter_message) does at a message.
    #[inline]
    pub(super) fn enter_payload(&mut self) -> Option<Counts> {
        self.enter_boundary(PAYLOAD, &OUTSIDE)
    }

    fn enter_boundary(&mut self, name: &'static str, max: &'static Maximum) -> Option<Counts> {
        match self.outermost {
            None => self.outermost = Some(name),
            Some(open) if open == name || self.inner.contains(&name) => return None,
            Some(_) => self.inner.push(name),
        }
        Some(std::mem::replace(&mut self.counts, Counts::new(max)))
    }

    /// Goes back to the counts outside of the innermost boundary.
    pub(super) fn leave_boundary(&mut self, outer: Option<Counts>) {
        if let Some(outer) = outer {
            self.counts = outer;
            if self.inner.pop().is_none() {
                self.outermost = None;
            }
        }
    }

    /// Counts a container as open, until [`leave`](Self::leave). Returns what to pass to `leave`.
    #[inline]
    pub(super) fn enter(&mut self) -> Result<Entered, BodyError> {
        let max = self.counts.max.depth;
        if self.counts.depth == max {
            return Err(BodyError::message(format_args!("nested deeper than {max}")));
        }
        self.counts.depth += 1;
        Ok(Entered {
            structs: std::mem::take(&mut self.counts.structs),
        })
    }

    #[inline]
    pub(super) fn leave(&mut self, Entered { structs }: Entered) {
        self.counts.depth -= 1;
        self.counts.structs = structs;
    }

    /// Counts a struct or tuple as open, until [`leave_struct`](Self::leave_struct). Returns how many are open without
    /// a container between them.
    #[inline]
    pub(super) fn enter_struct(&mut self) -> Result<u32, BodyError> {
        if self.counts.structs == MAX_STRUCTS {
            return Err(BodyError::message(format_args!(
                "more than {MAX_STRUCTS} structs and tuples inside each other: does the type have a value?"
            )));
        }
        self.counts.structs += 1;
        Ok(self.counts.structs)
    }

    #[inline]
    pub(super) fn leave_struct(&mut self) {
        self.counts.structs -= 1;
    }

    /// Returns the depth of the containers that are open since the innermost boundary.
    #[inline]
    pub(super) fn depth(&self) -> u32 {
        self.counts.depth
    }

    /// Adds `count` elements that took no bytes.
    #[inline]
    pub(super) fn add_empty_elements(&mut self, count: usize) -> Result<(), BodyError> {
        let counts = &mut self.counts;
        counts.empty_elements = counts.empty_elements.saturating_add(count);
        let max = counts.max.empty_elements;
        if counts.empty_elements > max {
            return Err(BodyError::message(format_args!(
                "more than {max} elements that take no bytes"
            )));
        }
        Ok(())
    }
}

/// A container that is open.
pub(super) struct Entered {
    /// How many structs were open right outside of the container.
    structs: u32,
}
