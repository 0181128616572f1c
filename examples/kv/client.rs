//! A client of the service, over the HTTP API that curl uses too.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use reqwest::{Method, RequestBuilder, Response, StatusCode};

use crate::types::NodeId;
use crate::view::ClusterView;

/// How long a new node may take to fetch what the others have.
const CATCH_UP: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
}

impl Client {
    /// A client that waits `timeout` for an answer. It follows redirects to the leader.
    pub fn new(timeout: Duration) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(timeout).build()?;
        Ok(Self { http })
    }

    /// Writes a value, and returns the address of the node that acknowledged it, the leader.
    /// After an error, nobody knows whether it was written.
    pub async fn put(&self, addr: &str, key: &str, value: String) -> anyhow::Result<String> {
        let response = send(self.request(Method::PUT, addr, &format!("/kv/{key}")).body(value)).await?;
        Ok(response.url().authority().to_owned())
    }

    /// What the node at `addr` has itself, however old; `None` where it has no value.
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

    /// Returns when the new node is not far behind.
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

/// Sends a request; an answer other than success is an error that holds its body.
pub async fn send(request: RequestBuilder) -> anyhow::Result<Response> {
    let response = request.send().await?;
    let (status, url) = (response.status(), response.url().clone());
    if !status.is_success() {
        bail!("{url} answered {status}: {}", response.text().await?);
    }
    Ok(response)
}
