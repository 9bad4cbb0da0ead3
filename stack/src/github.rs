//! Starts the GitHub stand-in, and connects it with the service and the image builder.

use std::sync::Arc;

use github_stand_in::{Options, SAMPLE_REPOSITORY, StandIn};
use secrecy::ExposeSecret;
use tokio_util::task::AbortOnDropHandle;
use url::Url;
use uuid::Uuid;

use crate::env::ServiceEnv;
use crate::error::StackError;
use crate::images::{ImageBuilder, build_each_push};
use crate::private_file;
use crate::stack::Stack;

/// The running stand-in, and the building of what is pushed to it; both end when this is dropped.
pub struct GitHub {
    /// The stand-in.
    pub stand_in: StandIn,
    _builds: AbortOnDropHandle<()>,
}

impl Stack {
    /// Starts the GitHub stand-in with its sample pull requests, whose images are built from now on.
    ///
    /// # Errors
    /// When it cannot listen, or its repositories cannot be made.
    pub async fn start_github(&self, images: Arc<ImageBuilder>) -> Result<(GitHub, ServiceEnv), StackError> {
        let ports = &self.options.ports;
        let webhook_url = format!("http://127.0.0.1:{}/api/github/webhooks", ports.webhook);
        let stand_in = StandIn::start(Options {
            listen: ([127, 0, 0, 1], ports.github).into(),
            webhook_url: Some(Url::parse(&webhook_url).expect("an address and a port make a URL")),
            data: Some(self.options.folder("github")),
            ..Options::default()
        })
        .await?;
        let pushes = stand_in.subscribe_pushes();
        let builds = AbortOnDropHandle::new(tokio::spawn(build_each_push(images, pushes)));
        stand_in
            .add_samples()
            .await
            .map_err(|error| StackError::Samples(error.to_string()))?;

        let key = self.options.folder("github-app.pem");
        private_file::write(&key, stand_in.private_key_pem())?;
        let name_key = self.options.folder("name-key");
        // Kept, so that addresses are the same after a restart.
        if !name_key.exists() {
            let random = [Uuid::new_v4(), Uuid::new_v4()].map(|part| part.simple().to_string());
            private_file::write(&name_key, &random.concat())?;
        }
        let env = ServiceEnv {
            github_api_url: stand_in.api_url().into(),
            github_page_url: stand_in.page_url().into(),
            github_app_id: stand_in.app_id().to_string(),
            github_private_key_file: key,
            webhook_url,
            webhook_secret: stand_in.webhook_secret().expose_secret().to_owned(),
            preview_allowed_owners: SAMPLE_REPOSITORY.0.to_owned(),
            preview_name_key_file: name_key,
            preview_ttl: self.options.ttl.clone(),
        };
        Ok((GitHub { stand_in, _builds: builds }, env))
    }
}
