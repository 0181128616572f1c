//! The type config and its slots keep their attributes and documentation. A raw identifier can be the name.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]
#![allow(non_camel_case_types)]

use openraft_toolkit::declare_raft_types_ext;
use serde::{Deserialize, Serialize};

declare_raft_types_ext! {
    /** The types of the service. */
    #[derive(Hash, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[must_use]
    pub r#type:
        #[doc = "Where a node is."]
        #[allow(clippy::zero_sized_map_values)]
        Node = r#struct::r#enum,
        /** What is replicated. */
        AppData = String,
        AppDataResponse = std::collections::BTreeMap<String, ()>,
}

mod r#struct {
    pub(crate) type r#enum = openraft_toolkit::openraft::impls::BasicNode;
}

fn main() {
    let config: r#type = r#type::default();
    assert_eq!(format!("{config:?}"), "type");
}
