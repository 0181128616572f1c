//! Frames on a TCP stream, and the one writer that a connection has.

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Encoder, LengthDelimitedCodec};

use crate::stats::TRAFFIC;

/// Messages that wait for the writer of a connection; beyond that, whoever sends waits.
pub const QUEUE: usize = 1024;

/// Each frame has its length before it, in four bytes.
pub fn codec() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().max_frame_length(64 << 20).new_codec()
}

/// Sends what is queued, until the queue is closed. All that is there is one write: a thousand heartbeats of
/// a thousand groups are a few packets and system calls, not a thousand. What `frame` makes nothing of is left out.
pub async fn write_queued<T>(
    mut stream: impl AsyncWrite + Unpin,
    queue: &mut mpsc::Receiver<T>,
    mut frame: impl FnMut(T) -> anyhow::Result<Option<Vec<u8>>>,
) -> anyhow::Result<()> {
    let (mut messages, mut bytes, mut codec) = (Vec::new(), BytesMut::new(), codec());
    while queue.recv_many(&mut messages, QUEUE).await > 0 {
        TRAFFIC.count(messages.len());
        for message in messages.drain(..) {
            if let Some(frame) = frame(message)? {
                codec.encode(frame.as_slice(), &mut bytes)?;
            }
        }
        stream.write_all_buf(&mut bytes).await?;
    }
    Ok(())
}
