//! A client of the service, over the HTTP API that curl uses too.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use reqwest::{Method, RequestBuilder, Response, StatusCode};

use crate::types::NodeId;
use crate::view::ClusterView;

/// How long a new node may take to fetch the log or a snapshot from the others.
const CATCH_UP: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
}

impl Client {
    /// Creates a client that waits `timeout` for an answer and follows redirects to the leader.
    pub fn new(timeout: Duration) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(timeout).build()?;
        Ok(Self { http })
    }

    /// Writes a value, and returns the address of the leader that acknowledged it. After an error, the value may or may
    /// not have been written.
    pub async fn put(&self, addr: &str, key: &str, value: String) -> anyhow::Result<String> {
        let response = send(self.request(Method::PUT, addr, &format!("/kv/{key}")).body(value)).await?;
        Ok(response.url().authority().to_owned())
    }

    /// Reads a value from the state of the node at `addr`, which may be old. Returns `None` if the key has no value
    /// there.
    pub async fn get_stale(&self, addr: &str, key: &str) -> anyhow::Result<Option<String>> {
        let response = self
            .request(Method::GET, addr, &format!("/kv/{key}?stale"))
            .send()
            .await?;
        match response.status() {
            StatusCode::OK => Ok(Some(response.text().await?)),
            StatusCode::NOT_FOUND => Ok(None),
            status => bail!("{addr} answered {status} to a read"),
        }
    }

    pub async fn cluster(&self, addr: &str) -> anyhow::Result<ClusterView> {
        Ok(send(self.request(Method::GET, addr, "/cluster")).await?.json().await?)
    }

    pub async fn init(&self, addr: &str, members: &BTreeMap<NodeId, String>) -> anyhow::Result<()> {
        send(self.request(Method::POST, addr, "/cluster/init").json(members))
            .await
            .map(drop)
    }

    /// Adds a learner. Returns when the learner lacks only a few entries.
    pub async fn add_learner(&self, addr: &str, id: NodeId, learner: &str) -> anyhow::Result<()> {
        let request = self.request(Method::PUT, addr, &format!("/cluster/learners/{id}"));
        send(request.timeout(CATCH_UP).body(learner.to_owned())).await.map(drop)
    }

    pub async fn make_voter(&self, addr: &str, id: NodeId) -> anyhow::Result<()> {
        send(self.request(Method::PUT, addr, &format!("/cluster/voters/{id}")))
            .await
            .map(drop)
    }

    pub fn request(&self, method: Method, addr: &str, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{addr}{path}"))
    }
}

/// Sends a request. An answer without a success status becomes an error with the body of the answer.
pub async fn send(request: RequestBuilder) -> anyhow::Result<Response> {
    let response = request.send().await?;
    let (status, url) = (response.status(), response.url().clone());
    if !status.is_success() {
        bail!("{url} answered {status}: {}", response.text().await?);
    }
    Ok(response)
}
