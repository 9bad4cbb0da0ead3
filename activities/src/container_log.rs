//! Reads the last lines that a container printed.

use futures::AsyncReadExt;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, api::LogParams};

use crate::redact::{Redacted, end_of};

/// Last lines of a log that are shown.
const LINES: usize = 50;
/// And at most this much of them, in bytes from the end.
const BYTES: usize = 8 * 1024;
/// Last lines that are read: what is shown is cut after it was redacted, and a
/// private key has more lines than are shown.
const LINES_READ: i64 = 1000;
/// The most that is read, in bytes. The API server counts from the first of these lines, so
/// only lines of 16 KiB each lose their end.
const BYTES_READ: i64 = 16 * 1024 * 1024;
/// What is kept while reading, in bytes from the end.
const BYTES_KEPT: usize = 128 * 1024;

/// Where the last words are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ContainerLog {
    pub(crate) pod: String,
    pub(crate) container: String,
    /// The container has been restarted since, and its predecessor's log is meant.
    pub(crate) previous: bool,
}

/// What a container printed last. Nothing if it cannot be had: the reason is worth telling without it.
pub(crate) async fn last_log_lines(client: &Client, namespace: &str, log: &ContainerLog) -> Option<Redacted> {
    match read(client, namespace, log).await {
        Ok(text) => Redacted::of(&text).tail(LINES, BYTES),
        Err(error) => {
            let error = Redacted::of(&error.to_string());
            tracing::warn!(namespace, pod = log.pod, %error, "no log to show");
            None
        }
    }
}

async fn read(client: &Client, namespace: &str, log: &ContainerLog) -> Result<String, kube::Error> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let params = LogParams {
        container: Some(log.container.clone()),
        previous: log.previous,
        tail_lines: Some(LINES_READ),
        limit_bytes: Some(BYTES_READ),
        ..LogParams::default()
    };
    let mut stream = Box::pin(pods.log_stream(&log.pod, &params).await?);
    let mut window = Window::new(BYTES_KEPT);
    let mut chunk = vec![0; 16 * 1024];
    loop {
        // What was read before a connection broke is worth showing.
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return Ok(window.into_text()),
            Ok(length) => window.push(&chunk[..length]),
        }
    }
}

/// The end of a stream, in bounded memory.
pub(crate) struct Window {
    max: usize,
    bytes: Vec<u8>,
}

impl Window {
    /// Keeps the last `max` bytes of whole lines.
    pub(crate) fn new(max: usize) -> Self {
        Self { max, bytes: Vec::new() }
    }

    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.bytes.extend_from_slice(chunk);
        // One byte more than is kept shows that there was more. Moved seldom,
        // so that each byte is moved once.
        if self.bytes.len() > 2 * self.max + 1 {
            self.bytes.drain(..self.bytes.len() - self.max - 1);
        }
    }

    /// Was there more than is kept?
    pub(crate) fn is_cut(&self) -> bool {
        self.bytes.len() > self.max
    }

    pub(crate) fn into_text(self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        end_of(&text, self.max).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn window(text: &str, max: usize, chunk: usize) -> String {
        let mut window = Window::new(max);
        text.as_bytes().chunks(chunk).for_each(|chunk| window.push(chunk));
        window.into_text()
    }

    proptest! {
        #[test]
        fn the_end_of_a_stream_is_whole_lines(lines in prop::collection::vec("[a-z]{0,30}", 0..60), max in 1usize..200, chunk in 1usize..300) {
            let text = lines.join("\n");
            let kept = window(&text, max, chunk);
            prop_assert!(kept.len() <= max && text.ends_with(&kept));
            if text.len() <= max {
                prop_assert_eq!(&kept, &text);
            } else if !kept.is_empty() {
                prop_assert!(text[..text.len() - kept.len()].ends_with('\n'));
            }
        }
    }
}
