//! Reads what a URL of a preview answers.

use anyhow::Result;
use stack::page::Page;
use url::Url;

use crate::shared_stack::SharedStack;

impl SharedStack {
    /// Opens a URL through the stack's ingress, as a browser would.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn open(&self, url: &Url) -> Result<Page> {
        let ingress = self.env.preview_ingress_address.parse()?;
        Ok(Page::open(url, ingress).await?)
    }
}
