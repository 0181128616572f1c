use openraft_toolkit::WireMessage;
use serde::{Deserialize, Serialize};

#[derive(WireMessage, Serialize, Deserialize)]
#[wire(version = 1)]
#[serde(rename_all = "camelCase")]
struct Message {
    #[serde(skip)]
    cache: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lease: Option<u64>,
    #[serde(rename = "n")]
    name: String,
}

#[derive(WireMessage, Serialize, Deserialize)]
#[wire(version = 1)]
enum Command {
    Put {
        #[serde(with = "as_text")]
        value: u64,
    },
    #[serde(skip)]
    Debug,
}

mod as_text {
    pub fn serialize<S: serde::Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(_: D) -> Result<u64, D::Error> {
        Ok(0)
    }
}

fn main() {}
