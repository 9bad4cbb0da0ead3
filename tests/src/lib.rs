//! Talks to the whole service as the people on a pull request do.
//!
//! Every conversation has its own GitHub stand-in, repository, task queue and service instance, and its
//! own webhook and worker as real processes, so that killing one is real. Temporal, Kubernetes and the
//! ingress belong to the stack that all conversations share; `cargo dev test` starts it. A conversation
//! ends with nothing left over, or the test fails.

mod bridge;
mod browser;
mod conversation;
mod evidence;
mod held_namespace;
mod helm;
mod name;
mod operator;
mod os_process;
mod page;
mod preview;
mod process;
mod prometheus;
mod pull_request;
mod script;
mod setting;
mod shared_stack;
mod temporal;
pub mod timeouts;

pub use bridge::Bridge;
pub use browser::Browser;
pub use conversation::{ANOTHER_OWNER, Conversation, converse};
pub use held_namespace::HeldNamespace;
pub use helm::{HeldHelm, HelmProcess};
pub use operator::{Operator, Printed};
pub use os_process::OsProcess;
pub use preview::Preview;
pub use process::{Service, programs};
pub use prometheus::{Prometheus, Series};
pub use pull_request::{PullRequest, plain};
pub use setting::Setting;
pub use shared_stack::{NAME_KEY, STACK_ENV, SharedStack};
pub use stack::page::Page;
pub use temporal::Workflows;
