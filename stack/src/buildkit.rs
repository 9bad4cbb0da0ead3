//! Starts BuildKit, which makes the images of commits in the stack's cluster.

use crate::error::StackError;
use crate::images::{BaseImage, Buildkit, ImageBuilder, Import};
use crate::options::ClusterChoice;
use crate::part::Part;
use crate::stack::{Platform, Stack};

impl Stack {
    /// Starts BuildKit; returns what builds images with it.
    ///
    /// # Errors
    /// When BuildKit does not start, or the base image cannot be made.
    pub async fn start_images(&self, platform: &Platform) -> Result<(Buildkit, ImageBuilder), StackError> {
        let base = BaseImage::ensure(self.toolbox.cache()).await?;
        let buildkit = self.buildkit(platform)?;
        let mut words = buildkit.prepare()?.into_iter();
        let program = words.next().unwrap_or_default();
        let part = words.fold(Part::new("buildkitd", program.as_ref()), Part::arg);
        self.parts.start(part, async || buildkit.ready().await).await?;
        Ok((buildkit.clone(), ImageBuilder::new(buildkit, base)))
    }

    fn buildkit(&self, platform: &Platform) -> Result<Buildkit, StackError> {
        let import = match (&self.options.cluster, &platform.cluster) {
            (ClusterChoice::Existing(cluster), _) => Import::Command(cluster.image_import.clone()),
            (ClusterChoice::Embedded, Some(cluster)) => Import::Containerd {
                ctr: self.toolbox.path("ctr")?.to_owned(),
                address: cluster.containerd().to_owned(),
            },
            (ClusterChoice::Embedded, None) => {
                unreachable!("the platform is started with the cluster that was chosen")
            }
        };
        Ok(Buildkit {
            buildkitd: self.toolbox.path("buildkitd")?.to_owned(),
            buildctl: self.toolbox.path("buildctl")?.to_owned(),
            runc: self.toolbox.path("runc-unfiltered")?.to_owned(),
            // Below the cluster's folder: what BuildKit remembers refers to
            // containerd's content, and both are wiped together.
            root: self.options.folder("cluster/buildkit"),
            socket: self.options.folder("cluster/buildkit.sock"),
            cgroup: self.cgroup.clone().unwrap_or_default(),
            import,
        })
    }
}
