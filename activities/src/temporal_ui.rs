//! Where Temporal's UI is.

use domain::PreviewId;
use url::Url;

/// Where comments link to.
#[derive(Clone, Debug)]
pub struct TemporalUi {
    /// Its address, if people can reach one.
    pub url: Option<Url>,
    /// The Temporal namespace that the workflows run in.
    pub namespace: String,
}

impl TemporalUi {
    /// The page of the very run; before there is one, of whatever run the ID will have. IDs hold slashes and
    /// hashes, which the address must not take for its own.
    pub(crate) fn workflow(&self, preview: &PreviewId, run_id: Option<&str>) -> Option<Url> {
        let mut url = self.url.clone()?;
        let workflow_id = preview.to_string();
        let mut segments = url.path_segments_mut().ok()?;
        segments
            .pop_if_empty()
            .extend(["namespaces", &self.namespace, "workflows", &workflow_id]);
        if let Some(run_id) = run_id {
            segments.push(run_id);
        }
        drop(segments);
        Some(url)
    }
}
