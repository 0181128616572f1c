//! Calls the HTTP API of `kv node` as curl does.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(30);

/// A node process, always started with the same flags.
struct Node {
    id: u64,
    addr: String,
    dir: TempDir,
    flags: Vec<String>,
    process: Option<Child>,
    http: reqwest::Client,
}

struct Answer {
    status: StatusCode,
    location: Option<String>,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Node {
    async fn start(id: u64) -> Self {
        let mut node = Self::new(id);
        node.restart().await;
        node
    }

    fn new(id: u64) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let addr = format!("127.0.0.1:{port}");
        Self {
            id,
            addr,
            dir: tempfile::tempdir().unwrap(),
            flags: Vec::new(),
            process: None,
            http,
        }
    }

    fn spawn(&mut self) {
        let mut command = command(self.id, &self.addr, self.dir.path());
        command.args(&self.flags);
        self.process = Some(command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    }

    /// Sends SIGKILL, so that the node has no time to shut down.
    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    async fn restart(&mut self) {
        self.spawn();
        self.serves().await;
    }

    async fn serves(&self) {
        let url = format!("http://{}/cluster", self.addr);
        eventually("the node to serve", async || {
            self.http.get(&url).send().await.is_ok().then_some(())
        })
        .await;
    }

    /// Sends SIGTERM, as a service manager does, and waits until the node has ended.
    fn terminate(&mut self) -> ExitStatus {
        let mut process = self.process.take().unwrap();
        // Use the `kill` that is built into the shell: a minimal system has no other.
        let sent = Command::new("sh")
            .args(["-c", &format!("kill {}", process.id())])
            .status()
            .unwrap();
        assert!(sent.success());
        process.wait().unwrap()
    }

    async fn request(&self, method: Method, path: &str, body: &str) -> Answer {
        let url = format!("http://{}{path}", self.addr);
        let response = self
            .http
            .request(method, url)
            .body(body.to_owned())
            .timeout(DEADLINE)
            .send()
            .await
            .unwrap();
        let location = response
            .headers()
            .get("location")
            .map(|value| value.to_str().unwrap().to_owned());
        Answer {
            status: response.status(),
            location,
            body: response.text().await.unwrap(),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, "").await
    }

    async fn put(&self, path: &str, body: &str) -> Answer {
        self.request(Method::PUT, path, body).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.request(Method::DELETE, path, "").await
    }

    /// Forms a cluster of this node alone.
    async fn init(&self) -> Answer {
        let members = json!({ self.id.to_string(): self.addr }).to_string();
        self.request(Method::POST, "/cluster/init", &members).await
    }

    async fn leads(&self) {
        eventually("the node to lead", async || {
            (self.get("/cluster").await.json()["role"] == "leader").then_some(())
        })
        .await;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

fn command(id: u64, addr: &str, dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kv"));
    command
        .args(["node", "--id", &id.to_string(), "--listen", addr, "--dir"])
        .arg(dir)
        .args(["--snapshot-every", "50"]);
    command
}

async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = probe().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {DEADLINE:?} in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_node_alone_serves_curl_and_keeps_its_data_over_restarts() {
    let mut node = Node::start(1).await;

    // The node is not part of any cluster yet.
    let answer = node.put("/kv/a", "1").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.json()["error"].as_str().unwrap().contains("no leader"));

    let answer = node
        .request(Method::POST, "/cluster/init", r#"{"1": "127.0.0.1"}"#)
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.json()["error"].as_str().unwrap().contains("expected HOST:PORT"));

    assert_eq!(node.init().await.status, StatusCode::CREATED);
    assert_eq!(node.init().await.status, StatusCode::CONFLICT);
    node.leads().await;

    assert_eq!(node.put("/kv/a", "1").await.status, StatusCode::CREATED);
    assert_eq!(node.put("/kv/a", "2").await.status, StatusCode::NO_CONTENT);
    assert_eq!(node.put("/kv/a/b%20c", "").await.status, StatusCode::CREATED);
    assert_eq!(node.get("/kv/a").await.body, "2");
    assert_eq!(node.get("/kv/a?stale").await.body, "2");
    assert_eq!(node.get("/kv/a/b%20c").await.status, StatusCode::OK);
    assert_eq!(node.get("/kv/b").await.status, StatusCode::NOT_FOUND);
    // A put with `expected` replaces only the expected value.
    assert_eq!(node.put("/kv/a?expected=2", "3").await.status, StatusCode::NO_CONTENT);
    let answer = node.put("/kv/a?expected=2", "4").await;
    assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(answer.body, "3");
    assert_eq!(node.put("/kv/b?expected=", "1").await.status, StatusCode::NOT_FOUND);
    assert_eq!(node.get("/kv/a").await.body, "3");
    assert_eq!(node.get("/kv/b").await.status, StatusCode::NOT_FOUND);
    assert_eq!(node.delete("/kv/a").await.status, StatusCode::NO_CONTENT);
    assert_eq!(node.delete("/kv/a").await.status, StatusCode::NOT_FOUND);
    assert_eq!(node.get("/kv/a").await.status, StatusCode::NOT_FOUND);

    // Write enough for a snapshot, so that a restart reads a snapshot and the log after the snapshot.
    for number in 0..130 {
        node.put(&format!("/kv/{number}"), &format!("value {number}")).await;
    }
    let metrics = eventually("a purge", async || {
        let metrics = node.get("/metrics").await.body;
        metrics.contains("\nkv_raft_purged_index ").then_some(metrics)
    })
    .await;
    assert!(metrics.contains("\nkv_raft_is_leader 1\n"), "{metrics}");
    assert!(metrics.contains("\nkv_keys 131\n"), "{metrics}");

    // The node restarts once after SIGTERM, and once after SIGKILL.
    assert!(node.terminate().success());
    node.restart().await;
    node.leads().await;
    assert_eq!(node.put("/kv/last", "words").await.status, StatusCode::CREATED);
    node.kill();
    node.restart().await;
    node.leads().await;

    assert_eq!(node.get("/kv/last").await.body, "words");
    for number in 0..130 {
        assert_eq!(node.get(&format!("/kv/{number}")).await.body, format!("value {number}"));
    }
}

#[tokio::test]
async fn nodes_are_added_and_removed_and_followers_redirect() {
    let (leader, follower) = (Node::start(1).await, Node::start(2).await);
    leader.init().await;
    leader.leads().await;
    leader.put("/kv/a", "1").await;

    // A learner needs an address, and a voter has to be a learner first.
    assert_eq!(
        leader.put("/cluster/learners/2", "").await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(leader.put("/cluster/voters/2", "").await.status, StatusCode::CONFLICT);
    assert_eq!(
        leader.put("/cluster/learners/2", &follower.addr).await.status,
        StatusCode::NO_CONTENT
    );
    eventually("the learner to apply", async || {
        (follower.get("/kv/a?stale").await.body == "1").then_some(())
    })
    .await;
    assert_eq!(leader.put("/cluster/voters/2", "").await.status, StatusCode::NO_CONTENT);
    let view = leader.get("/cluster").await.json();
    assert_eq!(view["nodes"]["2"], json!({ "addr": follower.addr, "voter": true }));

    // A follower redirects what only the leader can do.
    eventually("the follower to know the leader", async || {
        (follower.get("/cluster").await.json()["leader"] == 1).then_some(())
    })
    .await;
    for answer in [
        follower.put("/kv/a", "2").await,
        follower.get("/kv/a").await,
        follower.delete("/kv/a").await,
    ] {
        assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(answer.location, Some(format!("http://{}/kv/a", leader.addr)));
    }
    assert_eq!(
        follower.delete("/cluster/nodes/2").await.status,
        StatusCode::TEMPORARY_REDIRECT
    );

    // A raft message names its receiver. Any other node refuses the message.
    let answer = follower.request(Method::POST, "/raft/kv/7/append", "").await;
    assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST);
    assert!(answer.json()["error"].as_str().unwrap().contains("this is node 2"));
    assert_eq!(
        follower.request(Method::POST, "/raft/kv/2/append", "?").await.status,
        StatusCode::BAD_REQUEST
    );

    assert_eq!(leader.delete("/cluster/nodes/2").await.status, StatusCode::NO_CONTENT);
    assert_eq!(
        leader.get("/cluster").await.json()["nodes"].as_object().unwrap().len(),
        1
    );
    assert_eq!(leader.put("/kv/a", "3").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_command_that_only_a_later_release_understands_is_refused() {
    let node = Node::start(1).await;
    node.init().await;
    node.leads().await;
    let view = node.get("/cluster").await.json();
    assert_eq!((&view["level"], &view["newest_level"]), (&json!(1), &json!(1)));

    let answer = node.put("/kv/a?lease=60", "1").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(
        answer.json()["error"].as_str().unwrap().contains("`lease`"),
        "{}",
        answer.body
    );
    assert_eq!(node.get("/kv/a").await.status, StatusCode::NOT_FOUND);

    assert_eq!(node.put("/cluster/level", "x").await.status, StatusCode::BAD_REQUEST);
    let answer = node.put("/cluster/level", "2").await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    let error = "node 1 reads up to level 1: start a newer release there first";
    assert_eq!(answer.json()["error"], error);
    // The cluster already has level 1.
    assert_eq!(node.put("/cluster/level", "1").await.status, StatusCode::NO_CONTENT);

    // Before a node becomes a member, it is asked for its release.
    let answer = node.put("/cluster/learners/2", "127.0.0.1:1").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let answer = node.put("/cluster/learners/2", &node.addr).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(node.get("/cluster").await.json()["nodes"].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn a_node_that_must_reopen_refuses_an_empty_disk() {
    let dir = tempfile::tempdir().unwrap();

    let output = command(1, "127.0.0.1:0", dir.path())
        .args(["--bootstrap", "reopen"])
        .output()
        .unwrap();

    assert!(!output.status.success());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("error: "), "{stderr}");
}

#[tokio::test]
async fn nodes_with_the_same_flags_form_a_cluster_and_a_leader_that_ends_has_handed_over() {
    let mut nodes = [1, 2, 3].map(Node::new);
    let members: Vec<_> = nodes.iter().map(|node| format!("{}={}", node.id, node.addr)).collect();
    for node in &mut nodes {
        node.flags = ["--bootstrap", "static", "--members", &members.join(",")]
            .map(String::from)
            .into();
        node.spawn();
    }
    for node in &nodes {
        node.serves().await;
    }
    let leader = async |nodes: &[Node]| {
        eventually("a leader", async || {
            let view = nodes[0].get("/cluster").await.json();
            view["leader"].as_u64()
        })
        .await as usize
    };
    let first = leader(&nodes).await;
    let written = eventually("a write", async || {
        let answer = nodes[first - 1].put("/kv/a", "1").await;
        (answer.status == StatusCode::CREATED).then_some(answer)
    });
    written.await;

    assert!(nodes[first - 1].terminate().success());

    let other = &nodes[if first == 1 { 1 } else { 0 }];
    let next = eventually("another leader", async || {
        let leader = other.get("/cluster").await.json()["leader"].as_u64();
        leader.map(|id| id as usize).filter(|id| *id != first)
    })
    .await;
    assert_eq!(nodes[next - 1].put("/kv/a", "2").await.status, StatusCode::NO_CONTENT);

    // The node starts again with the same flags. Without its disk, it is refused.
    nodes[first - 1].restart().await;
    nodes[0].terminate();
    let lost = Node::new(1);
    let output = command(1, &lost.addr, lost.dir.path())
        .args(&nodes[0].flags)
        .output()
        .unwrap();
    assert!(!output.status.success());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("already belongs to a cluster"), "{stderr}");
}
