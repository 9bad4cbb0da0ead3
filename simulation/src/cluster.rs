//! A model of the cluster: namespaces with UIDs, resource versions and finalizers, and what Helm makes
//! in them.

use std::{collections::BTreeMap, time::Duration};

use domain::{CommentId, NamespaceHandle, PreviewId, RunIdentity};

use crate::{executor::Moment, sim::Sim};

/// All that the API server knows.
#[derive(Default)]
pub struct Cluster {
    namespaces: BTreeMap<String, Namespace>,
    made: u32,
    /// Until when the API server does not answer.
    pub down_until: Moment,
    /// Until when whatever is to be deleted is held by a finalizer.
    pub held_until: Moment,
    /// Until when no image can be pulled.
    pub no_images_until: Moment,
    /// Until when what is deployed crashes.
    pub crashes_until: Moment,
    /// Where each pull request's own address leads: the namespaces' names and UIDs.
    addresses: BTreeMap<String, Vec<Alias>>,
}

/// A namespace.
#[derive(Clone, Debug)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// Its UID: another namespace of the same name has another one.
    pub uid: String,
    /// Changes with every write.
    pub version: u32,
    /// The run that is named on it.
    pub owner: RunIdentity,
    /// The comment that asked.
    pub comment: CommentId,
    /// Since when the sweep has seen it without an open workflow.
    pub orphaned_since: Option<jiff::Timestamp>,
    /// Its deletion was requested.
    pub is_terminating: bool,
    /// Since when it is being removed, by what is noted on it or by its deletion.
    pub removed_since: Option<Moment>,
    /// The note that nothing is installed yet.
    pub awaits_release: bool,
    /// Helm's release in it.
    pub release: Option<Release>,
    /// When its pods answer.
    pub ready_at: Option<Moment>,
}

/// What leads the pull request's own address into a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The namespace's UID.
    pub uid: String,
    /// When it was decided to lead it there.
    pub decided_at: Option<jiff::Timestamp>,
}

/// What Helm has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The run in whose name.
    pub by: String,
    /// It was completed.
    pub is_complete: bool,
}

/// Why the API server did not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is there already.
    Exists,
    /// It has changed since it was read, or is not the one that is meant.
    Conflict,
    /// It is not there.
    NotFound,
}

impl Cluster {
    /// All namespaces.
    pub fn namespaces(&self) -> impl Iterator<Item = &Namespace> {
        self.namespaces.values()
    }

    /// By its name.
    pub fn get(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.get(name)
    }

    /// All that say they were made for this preview.
    pub fn made_for(&self, preview: &PreviewId) -> Vec<Namespace> {
        let made = self.namespaces.values().filter(|namespace| namespace.owner.preview == *preview);
        made.cloned().collect()
    }

    /// The one that is meant, if this run holds it and it is not on its way out.
    pub fn held(&self, owner: &RunIdentity, handle: &NamespaceHandle) -> Option<&Namespace> {
        self.get(&handle.name).filter(|namespace| {
            namespace.uid == handle.uid && namespace.owner == *owner && !namespace.is_terminating
        })
    }

    /// Makes a namespace.
    pub fn create(
        &mut self,
        name: &str,
        owner: &RunIdentity,
        comment: CommentId,
    ) -> Result<Namespace, Refused> {
        if self.namespaces.contains_key(name) {
            return Err(Refused::Exists);
        }
        self.made += 1;
        let namespace = Namespace {
            name: name.to_owned(),
            uid: format!("uid-{}", self.made),
            version: 1,
            owner: owner.clone(),
            comment,
            orphaned_since: None,
            is_terminating: false,
            removed_since: None,
            awaits_release: true,
            release: None,
            ready_at: None,
        };
        self.namespaces.insert(name.to_owned(), namespace.clone());
        Ok(namespace)
    }

    /// Changes a namespace, if it is still exactly as it was read.
    pub fn update(
        &mut self,
        read: &Namespace,
        change: impl FnOnce(&mut Namespace),
    ) -> Result<Namespace, Refused> {
        let found = self.namespaces.get_mut(&read.name).ok_or(Refused::NotFound)?;
        if found.uid != read.uid || found.version != read.version {
            return Err(Refused::Conflict);
        }
        change(found);
        found.version += 1;
        Ok(found.clone())
    }

    /// By name: whichever namespace has it now. Nothing can be made in one that is being deleted.
    pub fn in_namespace(&mut self, name: &str) -> Result<&mut Namespace, Refused> {
        let found = self.namespaces.get_mut(name);
        found.filter(|namespace| !namespace.is_terminating).ok_or(Refused::NotFound)
    }

    /// By name, whatever becomes of it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Namespace> {
        self.namespaces.get_mut(name)
    }

    /// The UIDs of the namespaces that the pull request's own address leads to.
    pub fn led_to(&self, pull_request: &str) -> Vec<&str> {
        let places = self.addresses.get(pull_request).into_iter().flatten();
        places.map(|alias| alias.uid.as_str()).collect()
    }

    /// Where the pull request's own address leads.
    pub fn addresses(&mut self, pull_request: String) -> &mut Vec<Alias> {
        self.addresses.entry(pull_request).or_default()
    }
}

impl Sim {
    /// Requests the deletion of a namespace with this UID, and with this version if one is given. False
    /// if there is no such one.
    pub fn delete_namespace(&self, name: &str, uid: &str, version: Option<u32>) -> bool {
        {
            let mut cluster = self.cluster_mut();
            let Some(found) = cluster
                .namespaces
                .get_mut(name)
                .filter(|found| found.uid == uid && version.is_none_or(|version| version == found.version))
            else {
                return false;
            };
            if std::mem::replace(&mut found.is_terminating, true) {
                return true;
            }
            found.version += 1;
            found.removed_since.get_or_insert(self.now());
        }
        self.tell(|| format!("namespace {name} ({uid}) is being deleted"));
        let (sim, name, uid) = (self.clone(), name.to_owned(), uid.to_owned());
        self.spawn(("namespace controller", uid.clone()), async move {
            sim.executor()
                .sleep(sim.random(|random| Duration::from_millis(random.u64(500..8_000))))
                .await;
            let held_until = sim.cluster().held_until;
            sim.executor().sleep_until(held_until).await;
            let mut cluster = sim.cluster_mut();
            cluster.namespaces.retain(|_, namespace| namespace.uid != uid);
            for places in cluster.addresses.values_mut() {
                places.retain(|alias| alias.uid != uid);
            }
            drop(cluster);
            sim.tell(|| format!("namespace {name} ({uid}) is gone"));
        });
        true
    }
}
