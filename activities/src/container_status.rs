//! Reads what a pod says of its containers.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};

/// The kubelet's reasons for having no image. It does not tell a missing one from a registry that
/// is out of order, so both are waited for.
const IMAGE_MISSING: [&str; 4] =
    ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable"];

/// Why a container has not been started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotStarted<'a> {
    /// Its image is not there.
    ImageMissing { image: &'a str, message: &'a str },
    /// Its image never can be there.
    NoImageName { image: &'a str },
    /// Something that it needs is not there, or is wrong.
    NotCreated { message: &'a str },
}

/// `None` if it has been started, or is being started.
pub(crate) fn not_started<'a>(pod: &'a Pod, container: &'a ContainerStatus) -> Option<NotStarted<'a>> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let message = waiting.message.as_deref().unwrap_or_default();
    let image = image_of(pod, container);
    match waiting.reason.as_deref()? {
        reason if IMAGE_MISSING.contains(&reason) => Some(NotStarted::ImageMissing { image, message }),
        "InvalidImageName" => Some(NotStarted::NoImageName { image }),
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            Some(NotStarted::NotCreated { message })
        }
        _ => None,
    }
}

/// As the pod's specification has it: runtimes report it in forms of their own.
pub(crate) fn image_of<'a>(pod: &'a Pod, container: &'a ContainerStatus) -> &'a str {
    let spec = pod.spec.as_ref();
    let init = spec.and_then(|spec| spec.init_containers.as_deref()).unwrap_or_default();
    let main = spec.map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let specified = init.iter().chain(main).find(|it| it.name == container.name);
    specified.and_then(|it| it.image.as_deref()).unwrap_or(&container.image)
}

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
