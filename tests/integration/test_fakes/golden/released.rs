//! Golden files of a message in its third release, as a user has them: they are in `tests/golden/command`.

use openraft_toolkit::test_fakes::golden::Frames;

/// A message whose second release replaced the type of the first.
mod command {
    use openraft_toolkit::WireMessage;

    /// The message in the first release.
    #[derive(Debug, PartialEq, WireMessage)]
    #[wire(version = 1, layout(1 = "9d85ceb0a8b2a3eb"))]
    pub(super) enum CommandOfOneKey {
        Set(String, u32),
        Unset(String),
    }

    #[derive(Debug, PartialEq, WireMessage)]
    #[wire(version = 3, min_version = 2, previous = CommandOfOneKey, layout(2 = "35ba73e36a8c9d33", 3 = "ffc6d1f797b4d974"))]
    pub(super) enum Command {
        Put {
            key: String,
            value: Vec<u8>,
            #[wire(since = 3)]
            lease: Option<u64>,
        },
        Delete {
            keys: Vec<String>,
        },
        #[wire(since = 3)]
        Touch {
            key: String,
        },
    }

    impl From<CommandOfOneKey> for Command {
        fn from(old: CommandOfOneKey) -> Self {
            match old {
                CommandOfOneKey::Set(key, value) => Self::Put {
                    key,
                    value: value.to_be_bytes().to_vec(),
                    lease: None,
                },
                CommandOfOneKey::Unset(key) => Self::Delete { keys: vec![key] },
            }
        }
    }
}

#[test]
fn commands_of_every_release_stay_as_they_were() {
    use command::Command;

    let put = |lease| Command::Put {
        key: "k".to_owned(),
        value: vec![0, 0, 1, 44],
        lease,
    };
    let delete = |keys: &[&str]| Command::Delete {
        keys: keys.iter().map(|key| key.to_string()).collect(),
    };
    Frames::in_dir("golden/command")
        .sample("put", put(None))
        .sample("put-leased", put(Some(300)))
        .sample("delete", delete(&["k"]))
        .sample("delete-many", delete(&["k", "l"]))
        .sample("touch", Command::Touch { key: "k".to_owned() })
        .check();
}
