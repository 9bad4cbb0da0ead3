//! Builds an image for every push to a pull request's branch, as it happens.

use std::sync::Arc;

use github_stand_in::Push;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    task::JoinSet,
};

use super::{builder::ImageBuilder, checkout::CommitSource};

/// Builds the commit of each push, side by side, until the sender is gone; then finishes what it began. A
/// failure is logged: it is about that commit alone. Dropping the future stops the builds.
pub async fn build_each_push(builder: Arc<ImageBuilder>, mut pushes: Receiver<Push>) {
    let mut builds = JoinSet::new();
    loop {
        match pushes.recv().await {
            Ok(push) => drop(builds.spawn(build(Arc::clone(&builder), push))),
            Err(RecvError::Lagged(missed)) => {
                tracing::error!(missed, "commits were pushed faster than they are noticed; push them again");
            }
            Err(RecvError::Closed) => break,
        }
        while builds.try_join_next().is_some() {}
    }
    builds.join_all().await;
}

async fn build(builder: Arc<ImageBuilder>, push: Push) {
    let Push { owner, repo, number, sha, git_dir } = push;
    let result = match CommitSource::new(git_dir, &owner, &repo, &sha) {
        Ok(source) => builder.build(&source).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(image) => tracing::info!(%image, pull_request = number, "the image is in the cluster"),
        Err(error) => tracing::error!(pull_request = number, commit = sha, "no image: {error}"),
    }
}
