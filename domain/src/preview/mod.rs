//! One preview: the request for it, how it is installed, its lifecycle, and what it reports.

mod capacity;
mod ending;
mod expose;
mod lines;
mod missing_image;
mod phase;
mod quota;
mod readiness;
mod report;
mod request;
mod run_state;
mod settings;
mod state;

pub use capacity::{Capacity, Full, Occupant, RepositoryLimits};
pub use ending::Ending;
pub use expose::{Expose, InvalidPort, InvalidService, PortName, ServicePort, ServiceTemplate};
pub use lines::Lines;
pub use missing_image::{MissingImage, PullProblem};
pub use phase::Phase;
pub use quota::{Cpu, InvalidAmount, Quota, RepositoryQuota, Size};
pub use readiness::{
    AnswerNote, Answering, ExpectedStatus, InvalidProbePath, InvalidStatus, Probe, ProbePath,
    ReadinessSettings,
};
pub use report::PreviewReport;
pub use request::{InvalidRequest, PreviewRequest};
pub use run_state::RunState;
pub use settings::{ChartSource, PreviewSettings};
pub use state::{DeploymentState, PreviewState, StopReason, WaitingFor};
