//! Reads what a pod says of its containers.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};

/// How a container ended last.
pub(crate) struct LastEnd<'a> {
    pub(crate) ended: &'a ContainerStateTerminated,
    /// The container has been started again since.
    pub(crate) is_previous: bool,
}

/// Init containers first: while one of them fails, the others have not been started.
pub(crate) fn containers_of(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.as_ref();
    let init = status.and_then(|status| status.init_container_statuses.as_deref());
    let main = status.and_then(|status| status.container_statuses.as_deref());
    init.unwrap_or_default().iter().chain(main.unwrap_or_default())
}

/// `None` if it has never ended.
pub(crate) fn last_end(container: &ContainerStatus) -> Option<LastEnd<'_>> {
    let now = container.state.as_ref().and_then(|state| state.terminated.as_ref());
    let before = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    now.map(|ended| LastEnd { ended, is_previous: false })
        .or(before.map(|ended| LastEnd { ended, is_previous: true }))
}
