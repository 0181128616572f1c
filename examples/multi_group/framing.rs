//! The format of the bytes on a TCP stream, and the function that writes to a connection.

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Encoder, LengthDelimitedCodec};

use crate::stats::TRAFFIC;

/// How many messages may wait for the writer of a connection. When the queue is full, senders wait.
pub const QUEUE: usize = 1024;

/// Returns the codec of the stream. Before each frame, the stream has the length of the frame in four bytes.
pub fn codec() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().max_frame_length(64 << 20).new_codec()
}

/// Sends queued messages until the queue is closed. Skips messages for which `frame` returns `None`.
///
/// Sends all messages that are queued at the same moment in one write. The heartbeats of a thousand groups thus take a
/// few packets and system calls instead of a thousand.
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
