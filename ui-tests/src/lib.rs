//! This library exists only for clippy. The UI cases are in `pass/` and `fail/`, and `ui.rs` runs them.

/// The cases of `pass/`, which deny clippy's lints. The cases are modules of this crate because trybuild does not run
/// clippy. `lints.rs` checks that no case is missing here.
#[cfg(clippy)]
#[path = "../pass"]
mod pass {
    #![allow(dead_code)]

    mod raft_types_anywhere;
    mod raft_types_attributes;
    mod raft_types_cfg_alternatives;
    mod raft_types_drive_a_raft;
    mod raft_types_every_lint;
    mod raft_types_every_slot;
    mod raft_types_every_visibility;
    mod raft_types_from_a_macro;
    mod raft_types_generic_types;
    mod raft_types_in_a_function;
    mod raft_types_minimal;
    mod raft_types_renamed_dependency;
    mod raft_types_shadowed_names;
    mod wire_message_borrowed;
    mod wire_message_every_shape;
    mod wire_message_evolved;
    mod wire_message_from_a_macro;
    mod wire_message_generic;
    mod wire_message_in_a_function;
    mod wire_message_layout;
    mod wire_message_previous;
    mod wire_message_renamed_dependency;
    mod wire_message_serde;
    mod wire_message_shadowed_names;
    mod wire_message_without_prelude;
}
