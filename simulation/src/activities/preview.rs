//! What makes, watches and removes a preview.

use std::time::Duration;

use domain::{
    NamespaceHandle, RunIdentity,
    preview::{MissingImage, PullProblem},
};
use jiff::Timestamp;
use workflows::contract::{
    AwaitReady, CreateNamespace, InstallRelease, Readiness, TearDown,
    timeouts::{NAMESPACE_GONE, TAKE_DOWN, WORKLOADS_UP},
};

use crate::{
    cluster::{Namespace, Refused, Release},
    executor::Moment,
    sim::Sim,
    temporal::{Attempt, NotDone},
};

/// How long a missing image is waited for.
const IMAGE_TIMEOUT: Duration = Duration::from_secs(600);
/// Between two looks whether something is gone, or answers.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

fn handle(namespace: &Namespace) -> NamespaceHandle {
    NamespaceHandle { name: namespace.name.clone(), uid: namespace.uid.clone() }
}

fn lost() -> NotDone {
    NotDone::for_good("NamespaceLost", "The preview's namespace was removed or taken over by something else.")
}

pub(super) async fn create_namespace(
    attempt: &Attempt,
    request: CreateNamespace,
) -> Result<NamespaceHandle, NotDone> {
    let owner = &request.owner;
    let name = attempt.sim.names().namespace(owner);
    let made = loop {
        attempt.unless_cancelled()?;
        let found = attempt
            .cluster(|cluster| {
                let made = cluster.made_for(&owner.preview);
                let held = made.iter().position(|namespace| namespace.owner == *owner).unwrap_or_default();
                made.into_iter().nth(held).or_else(|| cluster.get(&name).cloned())
            })
            .await?;
        let Some(found) = found else {
            match attempt.cluster(|cluster| cluster.create(&name, owner, request.comment)).await? {
                Ok(made) => break made,
                Err(_) => continue,
            }
        };
        if found.owner.preview != owner.preview {
            return Err(NotDone::for_good("NamespaceNotOurs", "The namespace is another's."));
        }
        if found.is_terminating {
            until_gone(attempt, &found).await?;
        } else if found.owner == *owner {
            break found;
        } else {
            let latest = attempt.latest_run(&owner.preview.to_string()).await?;
            if latest.is_some_and(|latest| latest.first_run_id != owner.run_id) {
                return Err(NotDone::for_good("Overtaken", "A newer preview has taken over."));
            }
            attempt.pause().await;
            attempt.cluster_answers()?;
            attempt.sim.delete_namespace(&found.name, &found.uid, Some(found.version));
        }
    };
    attempt.unless_cancelled()?;
    // The guards.
    attempt.cluster(|_| ()).await?;
    Ok(handle(&made))
}

/// Returns when this very namespace does not exist any more.
async fn until_gone(attempt: &Attempt, gone: &Namespace) -> Result<(), NotDone> {
    let until = attempt.sim.now() + NAMESPACE_GONE;
    while attempt.sim.now() < until {
        attempt.unless_cancelled()?;
        let is_there = attempt.sim.cluster().get(&gone.name).is_some_and(|found| found.uid == gone.uid);
        if !is_there {
            return Ok(());
        }
        attempt.sleep(LOOK_AGAIN).await;
    }
    Err(NotDone::for_now("NamespaceStuck"))
}

pub(super) async fn install_release(
    attempt: &Attempt,
    request: InstallRelease,
) -> Result<Option<MissingImage>, NotDone> {
    let (owner, namespace) = (&request.owner, &request.namespace);
    find_own(attempt, owner, namespace).await?;
    let release = attempt
        .cluster(|cluster| cluster.get(&namespace.name).and_then(|found| found.release.clone()))
        .await?;
    match release {
        Some(release) if release.is_complete && release.by == owner.run_id => {
            note_release(attempt, owner, namespace).await?;
            return Ok(None);
        }
        None => {}
        Some(begun) => {
            if attempt.is_cancelled() {
                return Err(NotDone::Cancelled);
            }
            take_down(attempt, &namespace.name, &begun).await?;
            find_own(attempt, owner, namespace).await?;
        }
    }
    let done = Helm::run(attempt, namespace.name.clone(), Helm::Install { by: owner.clone() }).await;
    if done {
        note_release(attempt, owner, namespace).await?;
        return Ok(None);
    }
    if attempt.is_cancelled() || !lacks_hooks_image(&attempt.sim, owner) {
        return Err(stopped_or("HelmFailed", attempt));
    }
    let missing = image_missing(attempt, request.image_missing_since)?;
    let begun = attempt
        .cluster(|cluster| {
            let found = cluster.get(&namespace.name).and_then(|found| found.release.clone());
            found.filter(|release| !release.is_complete)
        })
        .await?;
    if let Some(begun) = begun {
        take_down(attempt, &namespace.name, &begun).await?;
    }
    Ok(Some(missing))
}

/// The sweep takes a ready preview's namespace for lost without it.
async fn note_release(
    attempt: &Attempt,
    owner: &RunIdentity,
    namespace: &NamespaceHandle,
) -> Result<(), NotDone> {
    let noted = attempt
        .cluster(|cluster| {
            let read = cluster.held(owner, namespace)?.clone();
            cluster.update(&read, |found| found.awaits_release = false).ok()
        })
        .await?;
    noted.map(drop).ok_or_else(lost)
}

/// An image is missing, since then or since now. When that is too long, it is a failure.
fn image_missing(attempt: &Attempt, since: Option<Timestamp>) -> Result<MissingImage, NotDone> {
    let now = attempt.sim.now().timestamp();
    if since.is_some_and(|since| since.duration_until(now).unsigned_abs() >= IMAGE_TIMEOUT) {
        return Err(NotDone::for_good("ImageNotPulled", "The image could not be pulled in time."));
    }
    Ok(MissingImage {
        image: "the commit's image".to_owned(),
        because: PullProblem::NotFound,
    })
}

/// The charts of some commits have a hook, which runs the commit's image.
fn lacks_hooks_image(sim: &Sim, owner: &RunIdentity) -> bool {
    let has_hook = owner.preview.commit.as_str().starts_with(['b', 'd']);
    has_hook && sim.cluster().no_images_until > sim.now()
}

fn stopped_or(kind: &'static str, attempt: &Attempt) -> NotDone {
    if attempt.is_cancelled() {
        NotDone::Cancelled
    } else {
        NotDone::for_now(kind)
    }
}

async fn find_own(
    attempt: &Attempt,
    owner: &RunIdentity,
    namespace: &NamespaceHandle,
) -> Result<(), NotDone> {
    let held = attempt.cluster(|cluster| cluster.held(owner, namespace).is_some()).await?;
    if held { Ok(()) } else { Err(lost()) }
}

/// Removes what an incomplete install has made: what was there at the beginning, by its UID.
async fn take_down(attempt: &Attempt, name: &str, begun: &Release) -> Result<(), NotDone> {
    let until = attempt.sim.now() + TAKE_DOWN;
    attempt.cluster(|_| ()).await?;
    let begun = begun.clone();
    attempt
        .cluster(|cluster| {
            if let Some(found) = cluster.get_mut(name)
                && found.release.as_ref() == Some(&begun)
            {
                found.release = None;
                found.ready_at = None;
            }
        })
        .await?;
    if attempt.sim.now() > until {
        Err(NotDone::for_now("LeftoverStuck"))
    } else {
        Ok(())
    }
}

/// Helm, a process of its own: it goes on while its worker is stopped, and dies with it. It acts by the
/// namespace's name.
enum Helm {
    Install { by: RunIdentity },
    Uninstall { by: RunIdentity },
}

impl Helm {
    /// True if it did what it should. A cancelled activity stops it.
    async fn run(attempt: &Attempt, namespace: String, what: Self) -> bool {
        let result = std::rc::Rc::new(std::cell::Cell::new(None));
        let (sim, seen) = (attempt.sim.clone(), std::rc::Rc::clone(&result));
        let name = ("helm", namespace.clone(), attempt.run_id.clone(), attempt.number, attempt.sim.now());
        let stop = attempt.clone();
        attempt.sim.spawn_on(attempt.worker, name, async move {
            let done = match &what {
                Self::Install { by } => install(&sim, &namespace, by, &stop).await,
                Self::Uninstall { by } => uninstall(&sim, &namespace, by).await,
            };
            seen.set(Some(done));
        });
        loop {
            if let Some(done) = result.get() {
                return done;
            }
            attempt.sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn install(sim: &Sim, name: &str, by: &RunIdentity, stop: &Attempt) -> bool {
    sim.pause().await;
    // Its record first, which no other install may have.
    let began = match sim.cluster_mut().in_namespace(name) {
        Ok(found) if found.release.is_none() => {
            sim.checks().written_to(sim, found, by, "Helm's record");
            found.release = Some(Release { by: by.run_id.clone(), is_complete: false });
            true
        }
        _ => false,
    };
    if !began || helm_fails(sim) {
        return false;
    }
    if lacks_hooks_image(sim, by) {
        sim.pause().await;
        return false;
    }
    for _ in 0..2 {
        sim.pause().await;
        // SIGTERM: it stops, and what it has made stays.
        if stop.is_cancelled() {
            return false;
        }
        match sim.cluster_mut().in_namespace(name) {
            Ok(found) => sim.checks().written_to(sim, found, by, "Helm's objects"),
            Err(Refused::NotFound | Refused::Exists | Refused::Conflict) => return false,
        }
    }
    sim.pause().await;
    let starts_in = sim.random(|random| Duration::from_millis(random.u64(200..6_000)));
    let ready_at = sim.now() + starts_in;
    match sim.cluster_mut().in_namespace(name) {
        Ok(found) => {
            sim.checks().written_to(sim, found, by, "Helm's record");
            found.release = Some(Release { by: by.run_id.clone(), is_complete: true });
            found.ready_at = Some(ready_at);
        }
        Err(_) => return false,
    }
    sim.tell(|| format!("Helm has installed {} into {name}", by.run_id));
    true
}

fn helm_fails(sim: &Sim) -> bool {
    sim.cluster().down_until > sim.now() || sim.random(fastrand::Rng::f64) < sim.weights().cluster_error
}

async fn uninstall(sim: &Sim, name: &str, by: &RunIdentity) -> bool {
    sim.pause().await;
    if helm_fails(sim) {
        return false;
    }
    for step in 0..2 {
        sim.pause().await;
        let mut cluster = sim.cluster_mut();
        let Some(found) = cluster.get_mut(name) else {
            return true;
        };
        if let Some(release) = &found.release {
            sim.checks().uninstalled(sim, found, release, by);
        }
        found.ready_at = None;
        if step == 1 {
            found.release = None;
        }
    }
    true
}

pub(super) async fn await_ready(attempt: &Attempt, request: AwaitReady) -> Result<Readiness, NotDone> {
    let until = attempt.scheduled_at + WORKLOADS_UP;
    loop {
        attempt.unless_cancelled()?;
        let now = attempt.sim.now();
        let (ready_at, has_image, crashes) = attempt
            .cluster(|cluster| {
                let found = cluster
                    .get(&request.namespace.name)
                    .filter(|found| found.uid == request.namespace.uid);
                let ready_at = found.map(|found| found.ready_at);
                (ready_at, cluster.no_images_until <= now, cluster.crashes_until > now)
            })
            .await?;
        let Some(ready_at) = ready_at else {
            return Err(lost());
        };
        if !has_image {
            return image_missing(attempt, request.image_missing_since).map(Readiness::ImageMissing);
        }
        let is_up = ready_at.is_some_and(|ready_at: Moment| ready_at <= attempt.sim.now());
        if has_image && is_up && crashes {
            return Err(NotDone::for_good("ContainerFailed", "The container crashes."));
        }
        if has_image && is_up {
            let url = attempt.sim.names().url(&request.preview);
            return Ok(Readiness::Ready { url, note: None });
        }
        if attempt.sim.now() > until {
            return Err(NotDone::for_good("NotReady", "The preview did not answer in time."));
        }
        attempt.sleep(LOOK_AGAIN).await;
    }
}

pub(super) async fn tear_down(attempt: &Attempt, request: TearDown) -> Result<(), NotDone> {
    let owner = &request.owner;
    let made = attempt.cluster(|cluster| cluster.made_for(&owner.preview)).await?;
    for namespace in made.iter().filter(|namespace| namespace.owner == *owner) {
        if !namespace.is_terminating {
            note_removal(attempt, namespace, owner).await?;
            // What Helm could not do, the deletion of the namespace does.
            Helm::run(attempt, namespace.name.clone(), Helm::Uninstall { by: owner.clone() }).await;
            attempt.unless_cancelled()?;
            stop_pods(attempt, namespace, owner).await;
            attempt.pause().await;
            attempt.cluster_answers()?;
            attempt
                .sim
                .checks()
                .deletes(&attempt.sim, &namespace.name, &namespace.uid, None, owner);
            attempt.sim.delete_namespace(&namespace.name, &namespace.uid, None);
        }
        until_gone(attempt, namespace).await?;
    }
    Ok(())
}

async fn note_removal(attempt: &Attempt, namespace: &Namespace, by: &RunIdentity) -> Result<(), NotDone> {
    let (sim, now) = (attempt.sim.clone(), attempt.sim.now());
    attempt
        .cluster(|cluster| {
            let found = cluster.get_mut(&namespace.name).filter(|found| found.uid == namespace.uid)?;
            sim.checks().written_to(&sim, found, by, "the note of its removal");
            found.version += 1;
            found.removed_since.get_or_insert(now);
            Some(())
        })
        .await
        .map(drop)
}

/// By the namespace's name.
async fn stop_pods(attempt: &Attempt, namespace: &Namespace, by: &RunIdentity) {
    attempt.pause().await;
    let sim = &attempt.sim;
    if let Some(found) = sim.cluster_mut().get_mut(&namespace.name) {
        sim.checks().written_to(sim, found, by, "the end of its pods");
        found.ready_at = None;
    }
}
